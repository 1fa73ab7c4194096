"""The contact address and the e-mail address (domain.md 3.7)."""

import re
from collections.abc import Iterable

import idna

from forms import divisions, text
from forms.context import Asked
from forms.rules.registry import Found, rule

EMPTY_PROVINCE = "联系地址省份不能为空！"
EMPTY_CITY = "联系地址城市不能为空！"
UNSUPPORTED = "详细地址含有不支持的字符"
VAGUE = "请填写到门牌号（如××路××号×室）"
UNREAL = "请填写真实的联系地址"
LENGTH = "详细地址请填写3至50个字"
WRONG_EMAIL = "请输入正确的电子邮箱！"

SHORTEST, LONGEST = 3, 50
LONGEST_EMAIL = 64

_ALLOWED = re.compile(f"[{text.CJK}A-Za-z0-9 #()（）、，·./-]*")
_NUMERALS = "0-9〇零一二两三四五六七八九十百千"
_TO_THE_DOOR = re.compile(f"[{_NUMERALS}](?:号|弄|栋|幢|座|楼|室|村|组|队)|[0-9]")
_LOCAL = re.compile(r"[A-Za-z0-9_%+-]+(?:\.[A-Za-z0-9_%+-]+)*")
_DOMAIN = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+([a-z]{2,63}|xn--[a-z0-9-]{1,59})", re.IGNORECASE
)


def complaint(detail: str) -> str | None:
    """Return what has to be corrected in the part of an address below the city, or None."""
    if not _ALLOWED.fullmatch(detail):
        return UNSUPPORTED
    if not SHORTEST <= len(detail) <= LONGEST:
        return LENGTH
    if re.fullmatch(r"[A-Za-z0-9 ]+", detail) or len(set(detail)) == 1:
        return UNREAL
    return None


def vague(detail: str) -> bool:
    """Tell whether an address does not reach the house number."""
    return _TO_THE_DOOR.search(detail) is None


def email_ascii(address: str) -> str | None:
    """Return an e-mail address with its domain in ASCII, or None when it is none.

    An international domain becomes its A-label (IDNA 2008); what stands before the @ keeps its case.
    """
    if len(address) > LONGEST_EMAIL or address.count("@") != 1:
        return None
    local, domain = address.split("@")
    if not _LOCAL.fullmatch(local):
        return None
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError:
            return None
    return f"{local}@{domain.lower()}" if len(domain) <= 253 and _DOMAIN.fullmatch(domain) else None


def tidy_email(typed: str) -> str:
    """Return an e-mail address as it is stored; what is none comes back as typed."""
    address = text.email(typed)
    return email_ascii(address) or address


@rule("address_detail")
def judge_address_detail(asked: Asked) -> Iterable[Found]:
    """Accept an address that a letter can reach."""
    detail = str(asked.value)
    if said := complaint(detail):
        yield asked.error(said, "address")
    elif vague(detail):
        yield asked.warning(VAGUE, "ADDR_VAGUE")


@rule("division")
def judge_division(asked: Asked) -> Iterable[Found]:
    """Accept a province, a city in it, or a district in both."""
    known = divisions.load()
    level = str(asked.component.properties.get("division") or asked.component.key)
    province, city = str(asked.scope.get("province") or ""), str(asked.scope.get("city") or "")
    if level == "province":
        there = known.provinces()
    else:
        there = known.cities(province) if level == "city" else known.districts(province, city)
    if asked.value not in {one.name for one in there}:
        yield asked.error(f"请从列表中选择{asked.component.label}", "not_a_choice")


@rule("email", tidy=tidy_email)
def judge_email(asked: Asked) -> Iterable[Found]:
    """Accept an e-mail address."""
    if email_ascii(str(asked.value)) is None:
        yield asked.error(WRONG_EMAIL, "email")
