"""Phone numbers (domain.md 3.5): mainland mobile numbers and landlines with their area code."""

import re
from collections.abc import Iterable
from typing import Literal

from forms import text
from forms.context import Asked
from forms.rules.registry import Found, rule

Kind = Literal["mobile", "landline"]

#: Prefixes of phonenumbers 9.0.43 for CN, without the satellite ranges 1610 and 1740.
MOBILE = r"^1(3\d|4[57]|5[0-35-9]|6[25-7]|7[0-35-8]|8\d|9[0-35-9])\d{8}$"
LANDLINE = r"^0((10|2[0-57-9])-?[1-9]\d{7}|[3-9]\d{2}-?[1-9]\d{6,7})(-\d{1,6})?$"
#: Virtual operators: allowed, and the reviewer is told.
VIRTUAL = ("162", "165", "167", "170", "171")

WRONG_MOBILE = "请输入正确格式的联系手机！"
WRONG_PHONE = "请输入正确格式的联系电话！"
UNCHANGED = "新联系电话与原联系电话一致，无需修改"

_COUNTRY = re.compile(r"^(?:\+86|0086|86(?=1\d{10}$))")
_AREA = re.compile(r"^(0(?:10|2\d|[3-9]\d{2}))-?(\d{7,8})(?:-(\d{1,6}))?$", re.ASCII)


def normalise(typed: str) -> str:
    """Return a number as it is stored: 11 digits, or ``区号-号码[-分机]``; nonsense comes back as typed."""
    number = text.number(typed)
    bare = _COUNTRY.sub("", number.replace("-", ""))
    if bare.startswith("1") or not number.startswith("0"):
        return bare
    parts = _AREA.match(number)
    return "-".join(part for part in parts.groups() if part) if parts else number


def kind(number: str) -> Kind:
    """Tell what a normalised number is treated as: one that starts with 0 is a landline."""
    return "landline" if number.startswith("0") else "mobile"


def complaint(number: str, mobile: str = MOBILE) -> str | None:
    """Return what to say about a normalised number, or None when it is right.

    :param mobile: the company's pattern of mobile numbers.
    """
    if number.startswith("1"):
        return None if re.fullmatch(mobile, number, re.ASCII) else WRONG_MOBILE
    return None if re.fullmatch(LANDLINE, number, re.ASCII) else WRONG_PHONE


def virtual(number: str, prefixes: Iterable[str] = VIRTUAL) -> bool:
    """Tell whether a mobile number belongs to a virtual operator."""
    return number.startswith(tuple(prefixes))


@rule("phone", tidy=normalise)
def judge_phone(asked: Asked) -> Iterable[Found]:
    """Accept a mobile number or a landline, as a contact of somebody else."""
    if said := complaint(str(asked.value), str(asked.context.setting("mobile_pattern") or MOBILE)):
        yield asked.error(said, "phone")


@rule("phone_changed")
def judge_phone_changed(asked: Asked) -> Iterable[Found]:
    """Refuse the number that is stored already (R-123)."""
    number = asked.value["number"] if isinstance(asked.value, dict) else str(asked.value)
    stored = asked.old
    if isinstance(stored, str) and stored and normalise(stored) == number:
        yield asked.error(UNCHANGED, "unchanged", "number" if isinstance(asked.value, dict) else "")
