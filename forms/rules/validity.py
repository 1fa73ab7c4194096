"""The validity of the ID card (domain.md 3.4; 居民身份证法 Art. 5, 12, 23)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from forms.rules.id_number import age

#: Second-generation cards are issued from this day.
FIRST_ISSUED = date(2004, 1, 1)
#: Terms of a card, in years.
TERMS = (5, 10, 20)
#: Longest time from application to handing out, in days (remote areas).
HANDED_OUT_WITHIN = 90
#: Days after the end from which companies usually restrict an account.
RESTRICTED_AFTER = 90
#: Days before the end from which a renewal is advised.
NOTICE_DAYS = 30

NO_START = "请选择身份证开始日期！"
NO_END = "请选择身份证结束日期！"
FUTURE = "开始日期不能大于今天！"
BEFORE_FIRST = "二代身份证自2004年起签发，请核对开始日期"
BEFORE_BIRTH = "开始日期不能早于出生日期，请核对"
ORDER = "开始日期不能大于结束日期！"
EXPIRED = "身份证已过期！"
TERM = "有效期限应为5年、10年、20年或长期，请核对"
UNCHANGED = "有效期与原记录一致，无需修改"
OLDER_CARD = "新有效期早于原记录，请确认上传的是最新证件"

Level = Literal["error", "warning", "notice", "flag"]


@dataclass(frozen=True, slots=True)
class Said:
    """One thing to say about a validity."""

    level: Level
    message: str
    code: str
    at: Literal["from", "until"]


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when a card is valid; both days count."""

    start: date | None
    end: date | None
    """None with ``long_term``: no end."""
    long_term: bool = False


def judge(
    given: Validity,
    today: date,
    *,
    born: date | None = None,
    stored: Validity | None = None,
    read: Validity | None = None,
    notice_days: int = NOTICE_DAYS,
) -> list[Said]:
    """Return what to say about ``given``, in the order of the steps; the first error is the only one.

    :param born: birth date of the holder; without it step 8 is left out.
    :param stored: what the counter has; without it steps 9 and 10 are left out.
    :param read: what OCR read from the picture; without it step 12 is left out.
    """
    if wrong := _error(given, today, born, stored):
        return [wrong]
    said = []
    if born and (unusual := unusual_term(born, given)):
        message = f"按签发时年龄（{unusual[0]}周岁），有效期一般为{unusual[1]}，请再次核对"
        said.append(Said("warning", message, "ID_TERM_AGE", "until"))
    if stored and _older(given, stored):
        said.append(Said("warning", OLDER_CARD, "ID_OLDER_CARD", "from"))
    if given.end and given.end <= today + timedelta(days=notice_days):
        message = f"证件将于{given.end.isoformat()}到期，建议换领新证后再办理"
        said.append(Said("notice", message, "ID_ENDS_SOON", "until"))
    if read and _differs(given, read):
        said.append(Said("flag", "", "ID_OCR_DIFF", "from"))
    return said


def _error(given: Validity, today: date, born: date | None, stored: Validity | None) -> Said | None:
    """Return the first of steps 1–7 and 9 that is not kept."""
    if given.start is None:
        return Said("error", NO_START, "no_start", "from")
    if given.end is None and not given.long_term:
        return Said("error", NO_END, "no_end", "until")
    if given.start > today:
        return Said("error", FUTURE, "future", "from")
    if given.start < FIRST_ISSUED:
        return Said("error", BEFORE_FIRST, "before_first", "from")
    if born and given.start < born:
        return Said("error", BEFORE_BIRTH, "before_birth", "from")
    if given.end:
        if given.end <= given.start:
            return Said("error", ORDER, "order", "until")
        if given.end < today:
            return Said("error", EXPIRED, "expired", "until")
        if term(given) is None:
            return Said("error", TERM, "term", "until")
    if stored and (stored.start, stored.end, stored.long_term) == (given.start, given.end, given.long_term):
        return Said("error", UNCHANGED, "unchanged", "from")
    return None


def term(given: Validity) -> int | None:
    """Return the term in years, or None when it is none of 5, 10 and 20 to the day."""
    return next((years for years in TERMS if given.end in _ends(given.start, years)), None)


def _ends(start: date | None, years: int) -> tuple[date, ...]:
    """Return the last days of a card from ``start``; 29 February may end on 28 February or 1 March."""
    if start is None:
        return ()
    if (start.month, start.day) != (2, 29):
        return (start.replace(year=start.year + years),)
    year = start.year + years
    last = date(year, 3, 1) - timedelta(days=1)
    return tuple({last, date(year, 2, 28), date(year, 3, 1)})


def usual_term(years_old: int) -> int | None:
    """Return the term in years of a card issued at that age; None for 长期."""
    if years_old < 16:
        return 5
    if years_old < 26:
        return 10
    return 20 if years_old < 46 else None


def unusual_term(born: date, given: Validity) -> tuple[int, str] | None:
    """Return the age at the start and the term usual then, when ``given`` has another one.

    None as well when the term fits the age 90 days before: a card is handed out later than asked for.
    """
    if given.start is None:
        return None
    has = None if given.long_term else term(given)
    days = (given.start, given.start - timedelta(days=HANDED_OUT_WITHIN))
    if has in [usual_term(age(born, day)) for day in days]:
        return None
    years_old = age(born, given.start)
    usual = usual_term(years_old)
    return years_old, f"{usual}年" if usual else "长期"


def _older(given: Validity, stored: Validity) -> bool:
    """Tell whether ``given`` starts or ends before what is stored; no end is after every end."""
    starts = given.start and stored.start and given.start < stored.start
    end, known = given.end or date.max, stored.end or (date.max if stored.long_term else None)
    return bool(starts or (known and end < known))


def _differs(given: Validity, read: Validity) -> bool:
    """Tell whether OCR read something else; what it could not read does not count."""
    start = read.start is not None and read.start != given.start
    end = (read.end is not None or read.long_term) and (read.end, read.long_term) != (
        given.end,
        given.long_term,
    )
    return start or end


def of(source: Mapping[str, Any], start: str = "valid_from", end: str = "valid_until") -> Validity | None:
    """Return the validity in plain values, where no end means 长期; None when there is no start."""
    begins = source.get(start)
    if not begins:
        return None
    ends = source.get(end)
    return Validity(date.fromisoformat(begins), date.fromisoformat(ends) if ends else None, not ends)


@dataclass(frozen=True, slots=True)
class Expiry:
    """How a stored card stands, for the profile page (R-080)."""

    days: int
    """Days left; negative: days since the last day."""
    message: str


def expiry(
    end: date | None, today: date, *, from_days: int = 90, restricted_after: int = RESTRICTED_AFTER
) -> Expiry | None:
    """Return what to tell the holder of a card, or None while its end is far."""
    if end is None or (end - today).days > from_days:
        return None
    days = (end - today).days
    if days > 0:
        return Expiry(days, f"证件将于{end.isoformat()}到期，还有{days}天，请尽快换领新证并更新")
    if days == 0:
        return Expiry(0, "证件今天到期，请尽快换领新证并更新")
    late = f"（{restricted_after}天期限已过）" if -days > restricted_after else ""
    message = f"证件已过期{-days}天，逾期{restricted_after}天未更新可能被限制业务，请尽快办理{late}"
    return Expiry(days, message)
