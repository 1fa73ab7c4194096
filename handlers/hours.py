"""Service hours: when staffed steps are served, and how service time is counted (domain 3.11, A-05).

Monday to Friday, 09:00:00 up to but not including 23:00:00, except statutory holidays; a make-up working
Saturday or Sunday stays closed, because the markets are. A company may set other hours and days.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import chinese_calendar

from engine import clock
from engine.company import Span
from engine.parameters import Parameters

#: Weekdays of 2026 on which nothing is served (domain 3.11).
HOLIDAYS_2026 = frozenset(
    date(2026, month, day)
    for month, days in {
        1: (1, 2),
        2: (16, 17, 18, 19, 20, 23),
        4: (6,),
        5: (1, 4, 5),
        6: (19,),
        9: (25,),
        10: (1, 2, 5, 6, 7),
    }.items()
    for day in days
)
_SHIPPED = {2026: HOLIDAYS_2026}

BANNER = "当前为非服务时间（周一至周五 09:00-23:00），您可先填写资料，视频见证和复核将在服务时间内办理"
#: The company's administrators are warned from this day on that next year's holidays are missing.
WARN_FROM = (12, 1)
#: No opening within so many days is a mistake in the settings, not a long holiday.
_LOOK_AHEAD = 400


class NeverOpen(Exception):
    """The settings leave no hour in which anything is served."""


def is_open(
    parameters: Parameters, moment: datetime, *, business: str = "*", branch: str = "*", step: str = "*"
) -> bool:
    """Tell whether a business is served at a branch and step at ``moment``."""
    local = clock.shanghai(moment)
    hours = _hours(parameters, local.date(), span(parameters, business, branch, step))
    return hours is not None and hours[0] <= local < hours[1]


def next_opening(
    parameters: Parameters, moment: datetime, *, business: str = "*", branch: str = "*", step: str = "*"
) -> datetime:
    """Return when it is served next; ``moment`` itself while it is open."""
    local = clock.shanghai(moment)
    for opens, closes in _openings(parameters, local, span(parameters, business, branch, step)):
        if local < closes:
            return max(opens, local).astimezone(moment.tzinfo)
    raise NeverOpen


def add_service_time(
    parameters: Parameters,
    moment: datetime,
    duration: timedelta,
    *,
    business: str = "*",
    branch: str = "*",
    step: str = "*",
) -> datetime:
    """Return when ``duration`` of service hours has passed since ``moment``: due times count nothing else."""
    local = clock.shanghai(moment)
    left = duration
    for opens, closes in _openings(parameters, local, span(parameters, business, branch, step)):
        begins = max(opens, local)
        if begins >= closes:
            continue
        if left <= closes - begins:
            return (begins + left).astimezone(moment.tzinfo)
        left -= closes - begins
    raise NeverOpen


def service_time_between(parameters: Parameters, start: datetime, end: datetime) -> timedelta:
    """Return how much service time lies between two moments."""
    begin, finish = clock.shanghai(start), clock.shanghai(end)
    total, day, usual = timedelta(0), begin.date(), parameters.hours.usual
    while day <= finish.date():
        if hours := _hours(parameters, day, usual):
            total += max(timedelta(0), min(hours[1], finish) - max(hours[0], begin))
        day += timedelta(days=1)
    return total


def span(parameters: Parameters, business: str = "*", branch: str = "*", step: str = "*") -> Span:
    """Return the hours of a business, branch and step: the entry that names most of them."""
    asked = (business, branch, step)
    best, named = parameters.hours.usual, 0
    for key, hours in parameters.hours.special.items():
        parts = (*key.split("/"), "*", "*", "*")[:3]
        if all(part in ("*", wanted) for part, wanted in zip(parts, asked, strict=True)):
            count = sum(part != "*" for part in parts)
            if count > named:
                best, named = hours, count
    return best


def closed_day(parameters: Parameters, day: date, hours: Span) -> bool:
    """Tell whether nothing is served on ``day``."""
    for own in parameters.hours.holidays:
        if own.day == day:
            return own.kind == "holiday"
    return day.isoweekday() not in hours.days or (day.isoweekday() <= 5 and statutory_holiday(day))


def statutory_holiday(day: date) -> bool:
    """Tell whether a weekday is a statutory holiday; in a year nobody knows yet none is."""
    shipped = _SHIPPED.get(day.year)
    if shipped is not None:
        return day in shipped
    try:
        return bool(chinese_calendar.is_holiday(day))
    except NotImplementedError:
        return False


def known_year(parameters: Parameters, year: int) -> bool:
    """Tell whether the holidays of ``year`` are known, from the shipped table or the company's own."""
    if year in _SHIPPED or any(h.day.year == year and h.kind == "holiday" for h in parameters.hours.holidays):
        return True
    try:
        chinese_calendar.is_holiday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


def warning(parameters: Parameters, today: date) -> str | None:
    """Return what the administrator is told while holidays are missing, or None."""
    if not known_year(parameters, today.year):
        return f"{today.year}年节假日数据缺失，目前按周一至周五全部开放处理，请在参数中补充节假日表"
    if (today.month, today.day) >= WARN_FROM and not known_year(parameters, today.year + 1):
        return f"{today.year + 1}年节假日数据尚未录入，届时将按周一至周五全部开放处理，请在参数中补充节假日表"
    return None


def _openings(parameters: Parameters, start: datetime, hours: Span) -> Iterator[tuple[datetime, datetime]]:
    """Yield the openings from the day of ``start`` on."""
    idle = 0
    day = start.date()
    while idle < _LOOK_AHEAD:
        found = _hours(parameters, day, hours)
        idle = 0 if found else idle + 1
        if found:
            yield found
        day += timedelta(days=1)


def _hours(parameters: Parameters, day: date, hours: Span) -> tuple[datetime, datetime] | None:
    if closed_day(parameters, day, hours):
        return None
    return (
        datetime.combine(day, hours.opens, clock.SHANGHAI),
        datetime.combine(day, hours.closes, clock.SHANGHAI),
    )
