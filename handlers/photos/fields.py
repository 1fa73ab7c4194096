"""What the fields of a card may say: from a line of print to a value, or to nothing.

Nothing is invented. A value is handed on as it is printed when it has the form of its field, and is marked
as in doubt when anything about it does not fit; a number whose check character does not hold, or a date
that does not exist, is not handed on at all. Whether a value is right for the account is asked elsewhere.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from itertools import pairwise

from forms import text
from forms.rules import id_number as number_rule
from forms.rules import name as name_rule
from forms.rules import validity as validity_rule
from handlers.photos.reading.models import Line
from handlers.photos.seen import Field

LONG_TERM = "长期"
#: The 56 peoples as cards print them, and the three other entries there are (GB/T 3304-1991).
PEOPLES = (
    *(
        "汉",
        "蒙古",
        "回",
        "藏",
        "维吾尔",
        "苗",
        "彝",
        "壮",
        "布依",
        "朝鲜",
        "满",
        "侗",
        "瑶",
        "白",
        "土家",
        "哈尼",
    ),
    *(
        "哈萨克",
        "傣",
        "黎",
        "傈僳",
        "佤",
        "畲",
        "高山",
        "拉祜",
        "水",
        "东乡",
        "纳西",
        "景颇",
        "柯尔克孜",
        "土",
    ),
    *(
        "达斡尔",
        "仫佬",
        "羌",
        "布朗",
        "撒拉",
        "毛南",
        "仡佬",
        "锡伯",
        "阿昌",
        "普米",
        "塔吉克",
        "怒",
        "乌孜别克",
    ),
    *(
        "俄罗斯",
        "鄂温克",
        "德昂",
        "保安",
        "裕固",
        "京",
        "塔塔尔",
        "独龙",
        "鄂伦春",
        "赫哲",
        "门巴",
        "珞巴",
        "基诺",
    ),
    *("穿青人", "革家人", "其他"),
)

#: What the strips of these fields may consist of; the recogniser chooses among these.
ALPHABETS: Mapping[str, str] = {
    "id_number": "0123456789X",
    "birth": "0123456789年月日",
    "sex": "男女",
    "ethnic": "".join(sorted(set("".join(PEOPLES)))),
    "validity": "0123456789.-—–~至长長期",
}

#: Letters that stand for digits when a line is read without an alphabet: only O and I in their forms.
_REPAIRS = str.maketrans("OoIl", "0011")
#: What may stand between the parts of dates.
SEPARATORS = " .。·-—–−~～至一/_、,，:：年月日"
_TERM = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(\d{4})(\d{2})(\d{2})|[长長]期)", re.ASCII)
_BIRTH = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日", re.ASCII)
_NOT_CJK = re.compile(f"[^{text.CJK}]")
_NOT_NAME = re.compile(f"[^{text.CJK}{name_rule.DOT}]")
_NOT_ADDRESS = re.compile(f"[^{text.CJK}0-9A-Za-z#()（）\\-—·、]")


def plain(line: Line) -> Line:
    """Return a line in half-width signs and without spaces, character by character."""
    line = line.without(" \u3000")
    signs = [unicodedata.normalize("NFKC", one) if ord(one) >= 0xFF00 else one for one in line.text]
    return replace(
        line, text="".join(one if len(one) == 1 else old for one, old in zip(signs, line.text, strict=True))
    )


def id_number(line: Line) -> Field | None:
    """Return the ID number in a line, when 18 characters stand together and the check character holds.

    O for 0 and I for 1 are put right, but only where the check character then holds.
    """
    line = plain(line)
    for letters in (line.text.upper(), line.text.translate(_REPAIRS).upper()):
        found = [
            (match.group(1), line.part(match.start(1), match.end(1)).least)
            for match in re.finditer(r"(?<![0-9X])(?=(\d{17}[\dX])(?![0-9X]))", letters, re.ASCII)
            if number_rule.check_character(match.group(1)) == match.group(1)[17]
            and re.match(r"18|19|20", match.group(1)[6:])
            and number_rule.birth_date(match.group(1))
        ]
        if len(found) == 1:
            return Field(*found[0])
    return None


def validity(line: Line) -> tuple[Field, Field] | None:
    """Return both dates in a line, whatever separates them; doubted when they make no term of a card."""
    line = plain(line).without(SEPARATORS)
    match = _TERM.fullmatch(line.text)
    start = match and _day(*match.groups()[:3])
    if match is None or start is None:
        return None
    confidence = line.part(0, 8).least, line.part(8, len(line.text)).least
    if match.group(4) is None:
        known = validity_rule.Validity(start, None, long_term=True)
        end_value = LONG_TERM
    else:
        end = _day(*match.groups()[3:])
        if end is None:
            return None
        known = validity_rule.Validity(start, end)
        end_value = end.isoformat()
    usual = known.long_term or validity_rule.term(known) is not None
    doubt = not usual or start < validity_rule.FIRST_ISSUED
    return Field(start.isoformat(), confidence[0], doubt), Field(end_value, confidence[1], doubt)


def birth(line: Line) -> Field | None:
    """Return the birth date in a line such as 1985年6月12日."""
    line = plain(line)
    match = _BIRTH.fullmatch(line.text)
    born = match and _day(*match.groups())
    return Field(born.isoformat(), line.least) if born else None


def sex(line: Line) -> Field | None:
    """Return 男 or 女."""
    line = plain(line)
    return Field(line.text, line.least) if line.text in ("男", "女") else None


def ethnic(line: Line) -> Field | None:
    """Return one of the peoples."""
    line = plain(line)
    return Field(line.text, line.least) if line.text in PEOPLES else None


def name(line: Line) -> Field | None:
    """Return a name: Chinese characters of every block, and middle dots between them."""
    line = plain(line)
    printed = name_rule.normalise(line.text)
    value = _NOT_NAME.sub("", printed)
    return Field(value, line.least, value != printed) if name_rule.valid(value) else None


def authority(line: Line) -> Field | None:
    """Return who issued the card; in doubt unless it is a public security organ."""
    line = plain(line)
    value = _NOT_CJK.sub("", line.text)
    if len(value) < 4:
        return None
    return Field(value, line.least, value != line.text or "公安" not in value or not value.endswith("局"))


def address(lines: list[Line]) -> Field | None:
    """Return the address, its lines joined."""
    lines = [plain(line) for line in lines]
    printed = "".join(line.text for line in lines)
    value = _NOT_ADDRESS.sub("", printed)
    if len(value) < 4:
        return None
    gap = any(not line.text and after.text for line, after in pairwise(lines))
    return Field(value, min(line.least for line in lines if line.text), gap or value != printed)


def agreeing(fields: Mapping[str, Field]) -> dict[str, Field]:
    """Return the fields of a front; birth and sex in doubt where the number says otherwise.

    The number is in doubt as well when both disagree: a wrong number in eleven passes its check character.
    """
    known = dict(fields)
    number = known.get("id_number")
    if number is None:
        return known
    born = number_rule.birth_date(number.value)
    implied = {"birth": born.isoformat() if born else "", "sex": number_rule.sex(number.value)}
    wrong = [name for name in implied if name in known and known[name].value != implied[name]]
    for name in wrong:
        known[name] = replace(known[name], doubt=True)
    if len(wrong) == 2:
        known["id_number"] = replace(number, doubt=True)
    return known


def _day(year: str, month: str, day: str) -> date | None:
    """Return a day that exists between 1900 and 2199, or None."""
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if 1900 <= found.year < 2200 else None
