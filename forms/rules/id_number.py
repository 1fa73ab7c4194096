"""The resident ID number (domain.md 3.2, GB 11643-1999).

Six digits of region, eight of birth date, three of sequence and one check character. The county part is
never a hard rule: counties get new codes after people were born, and the number stays.
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Literal

from forms import dictionaries, text
from forms.context import Asked
from forms.rules.registry import Found, rule

EMPTY = "请先输入身份证号！"
WRONG = "身份证号输入错误"
FIFTEEN = "请输入18位身份证号"
MINOR = "您未满18周岁，暂不能办理网上业务"
OTHER_TYPE = "本业务仅支持中华人民共和国第二代居民身份证，请联系期货公司临柜办理"

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
#: Years of age from which one may do business here.
ADULT = 18

_FORM = re.compile(r"[1-9]\d{5}(18|19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dX]", re.ASCII)
#: 港澳台居民居住证 and 外国人永久居留身份证, numbers of the same look; and passports, letters first.
_OTHER_TYPE = re.compile(r"(71|81|82|83|9\d)\d{15}[\dX]|[A-Z]{1,3}\d{6,14}", re.ASCII)


def normalise(typed: str) -> str:
    """Return the number in half-width characters, without spaces, with a capital X."""
    return text.number(typed).upper()


def complaint(number: str, today: date) -> str | None:
    """Return what to say about a normalised number, or None when it is right and its holder grown up."""
    if not number:
        return EMPTY
    if re.fullmatch(r"\d{15}", number, re.ASCII):
        return FIFTEEN
    if _OTHER_TYPE.fullmatch(number):
        return OTHER_TYPE
    if not _FORM.fullmatch(number) or number[:2] not in dictionaries.ID_PROVINCES:
        return WRONG
    born = birth_date(number)
    if born is None or born > today or check_character(number) != number[17]:
        return WRONG
    return MINOR if age(born, today) < ADULT else None


def check_character(number: str) -> str:
    """Return the check character that belongs to the first 17 digits."""
    return CHECKS[sum(int(digit) * weight for digit, weight in zip(number, WEIGHTS, strict=False)) % 11]


def check_character_holds(number: str) -> bool:
    """Tell whether ``number`` has 18 characters of which the last fits the others."""
    return bool(re.fullmatch(r"\d{17}[\dX]", number, re.ASCII)) and check_character(number) == number[17]


def birth_date(number: str) -> date | None:
    """Return the birth date in a number, or None when there is no such day."""
    digits = number[6:14]
    if not re.fullmatch(r"\d{8}", digits, re.ASCII):
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def age(born: date, day: date) -> int:
    """Return the age in full years; born on 29 February counts from 1 March in common years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def sex(number: str) -> Literal["男", "女"] | None:
    """Return the sex that the 17th digit tells, or None when the number is too short."""
    if not re.fullmatch(r"\d", number[16:17], re.ASCII):
        return None
    return "男" if int(number[16]) % 2 else "女"


def title(number: str) -> str:
    """Return how to address the holder: 先生, 女士, or both when the number does not tell."""
    return {"男": "先生", "女": "女士"}.get(sex(number) or "", "先生/女士")


def province(number: str) -> str | None:
    """Return the province, in short, where the number was given."""
    return dictionaries.ID_PROVINCES.get(number[:2])


@rule("id_number", tidy=normalise)
def judge_id_number(asked: Asked) -> Iterable[Found]:
    """Accept a valid number of a grown-up."""
    if said := complaint(str(asked.value), asked.context.today):
        yield asked.error(said, "id_number")


@rule("id_number_of_type")
def judge_id_number_of_type(asked: Asked) -> Iterable[Found]:
    """Judge another person's number by the type chosen beside it; only ours have a rule, at any age."""
    number = str(asked.value)
    if asked.scope.get("id_type") == "1":
        said = complaint(normalise(number), asked.context.today)
        if said and said != MINOR:
            yield asked.error(said, "id_number")
    elif not re.fullmatch(r"[0-9A-Za-z()（）/-]{3,30}", number):
        yield asked.error("请输入正确的证件号码", "id_number")
