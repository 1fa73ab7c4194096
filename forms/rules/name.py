"""Names of people (domain.md 3.1): Chinese characters of every block, and the middle dot."""

import re
from collections.abc import Iterable

from forms import text
from forms.context import Asked
from forms.rules.registry import Found, rule

DOT = "\u00b7"
#: Middle dots that people and systems write: U+00B7, U+2022, U+2027, U+30FB, U+FF0E.
_DOTS = re.compile("[\u00b7\u2022\u2027\u30fb\uff0e]")
_NAME = re.compile(f"[{text.CJK}]+(?:{DOT}[{text.CJK}]+)*")

WRONG = "请输入2至20个汉字的姓名"
WRONG_LATIN = "请用英文或拼音填写"


def normalise(typed: str) -> str:
    """Return a name as it is stored: no spaces, and U+00B7 for every middle dot."""
    return _DOTS.sub(DOT, re.sub(r"\s+", "", typed))


def valid(name: str) -> bool:
    """Tell whether a normalised name has 2 to 20 Chinese characters, dots counted and in between."""
    return 2 <= len(name) <= 20 and _NAME.fullmatch(name) is not None


def same(one: str, other: str) -> bool:
    """Tell whether two names are the same person's name, however the dot is written."""
    return normalise(one) == normalise(other)


@rule("name", tidy=normalise)
def judge_name(asked: Asked) -> Iterable[Found]:
    """Accept a Chinese name."""
    if not valid(str(asked.value)):
        yield asked.error(WRONG, "name")


@rule("latin_name")
def judge_latin_name(asked: Asked) -> Iterable[Found]:
    """Accept a name in English or Pinyin (tax self-certification)."""
    if not re.fullmatch(r"[A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f .,'’-]{0,79}", str(asked.value)):
        yield asked.error(WRONG_LATIN, "latin_name")
