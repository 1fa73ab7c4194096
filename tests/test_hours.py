"""When staffed steps are served, as customers and reviewers live it (domain 3.11, A-05)."""

from datetime import date, datetime, time, timedelta

import pytest

from engine.clock import SHANGHAI
from engine.company import Holiday, Hours, Span
from engine.parameters import Parameters
from handlers import hours

USUAL = Parameters()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def span(opens: str, closes: str) -> Span:
    return Span(opens=time.fromisoformat(opens), closes=time.fromisoformat(closes))


def settings(**values) -> Parameters:
    return Parameters(hours=Hours(**values))


@pytest.mark.parametrize(
    ("moment", "served"),
    [
        ("2026-03-18 10:00:00", True),
        ("2026-03-18 08:59:59", False),
        ("2026-03-18 09:00:00", True),
        ("2026-03-18 22:59:59", True),
        ("2026-03-18 23:00:00", False),
        ("2026-03-21 10:00:00", False),  # Saturday
        ("2026-03-22 10:00:00", False),  # Sunday
    ],
)
def test_a_customer_is_served_on_weekdays_from_nine_to_just_before_eleven_at_night(moment, served):
    assert hours.is_open(USUAL, at(moment)) is served


HOLIDAYS = [
    "01-01",
    "01-02",
    "02-16",
    "02-17",
    "02-18",
    "02-19",
    "02-20",
    "02-23",
    "04-06",
    "05-01",
    "05-04",
    "05-05",
    "06-19",
    "09-25",
    "10-01",
    "10-02",
    "10-05",
    "10-06",
    "10-07",
]
MAKE_UP_DAYS = ("01-04", "02-14", "02-28", "05-09", "09-20", "10-10")


@pytest.mark.parametrize("day", HOLIDAYS)
def test_nobody_is_served_on_a_statutory_holiday(day):
    assert not hours.is_open(USUAL, at(f"2026-{day} 10:00"))


@pytest.mark.parametrize("day", MAKE_UP_DAYS)
def test_a_make_up_working_weekend_stays_closed_as_the_markets_do(day):
    assert not hours.is_open(USUAL, at(f"2026-{day} 10:00"))


def test_all_other_weekdays_of_2026_are_served():
    days = [date(2026, 1, 1) + timedelta(n) for n in range(365)]
    closed = {f"{d:%m-%d}" for d in days if d.weekday() < 5 and hours.closed_day(USUAL, d, Span())}
    assert closed == set(HOLIDAYS)


def test_hours_are_shanghais_whatever_the_zone_of_the_moment():
    assert hours.is_open(USUAL, datetime.fromisoformat("2026-03-18T01:00:00+00:00"))
    assert not hours.is_open(USUAL, datetime.fromisoformat("2026-03-18T15:00:00+00:00"))


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("2026-03-18 10:00", "2026-03-18 10:00"),
        ("2026-03-18 07:00", "2026-03-18 09:00"),
        ("2026-03-18 23:00", "2026-03-19 09:00"),
        ("2026-03-20 23:30", "2026-03-23 09:00"),  # over a weekend
        ("2026-02-13 23:00", "2026-02-24 09:00"),  # over the Spring Festival and its make-up Saturday
        ("2026-09-30 23:00", "2026-10-08 09:00"),  # over the National Day week
    ],
)
def test_a_customer_outside_the_hours_is_told_the_next_opening(moment, opening):
    assert hours.next_opening(USUAL, at(moment)) == at(opening)


@pytest.mark.parametrize(
    ("moment", "duration", "due"),
    [
        ("2026-03-18 10:00", "8", "2026-03-18 18:00"),
        ("2026-03-18 20:00", "8", "2026-03-19 14:00"),
        ("2026-03-18 22:00", "1", "2026-03-18 23:00"),
        ("2026-03-20 22:00", "2", "2026-03-23 10:00"),
        ("2026-03-21 12:00", "1", "2026-03-23 10:00"),
        ("2026-09-30 22:00", "15", "2026-10-08 23:00"),
        ("2026-03-18 10:00", "0", "2026-03-18 10:00"),
    ],
)
def test_a_review_is_due_after_service_hours_only(moment, duration, due):
    assert hours.add_service_time(USUAL, at(moment), timedelta(hours=float(duration))) == at(due)


def test_service_time_between_two_moments_leaves_nights_and_weekends_out():
    spent = hours.service_time_between(USUAL, at("2026-03-20 22:00"), at("2026-03-23 10:30"))
    assert spent == timedelta(hours=2.5)


def test_a_year_nobody_knows_counts_weekdays_as_open_and_raises_nothing():
    assert hours.is_open(USUAL, at("2027-10-01 10:00"))
    assert not hours.is_open(USUAL, at("2027-10-02 10:00"))


def test_an_earlier_year_is_known_from_the_library():
    assert not hours.is_open(USUAL, at("2025-10-01 10:00"))


def test_the_administrator_is_warned_from_december_that_next_year_is_missing():
    assert hours.warning(USUAL, date(2026, 11, 30)) is None
    assert "2027" in (hours.warning(USUAL, date(2026, 12, 1)) or "")


def test_the_warning_ends_once_the_company_has_put_the_days_in():
    own = settings(holidays=[Holiday(day=date(2027, 1, 1), kind="holiday", source="国务院办公厅通知")])
    assert hours.warning(own, date(2026, 12, 1)) is None
    assert not hours.is_open(own, at("2027-01-01 10:00"))


def test_the_company_may_open_on_a_make_up_saturday():
    own = settings(holidays=[Holiday(day=date(2026, 10, 10), kind="open")])
    assert hours.is_open(own, at("2026-10-10 10:00"))


def test_the_company_may_close_on_a_weekday():
    own = settings(holidays=[Holiday(day=date(2026, 3, 18), kind="holiday")])
    assert not hours.is_open(own, at("2026-03-18 10:00"))


def test_a_branch_may_serve_video_at_its_own_hours():
    own = settings(special={"*/杭州营业部/video": span("09:00", "16:30")})
    late = at("2026-03-18 17:00")
    assert not hours.is_open(own, late, branch="杭州营业部", step="video")
    assert hours.is_open(own, late, branch="上海营业部", step="video")
    assert hours.is_open(own, late, branch="杭州营业部", step="review")


def test_the_more_exact_entry_goes_before():
    own = settings(
        special={
            "*/*/video": span("08:30", "17:00"),
            "17/*/video": span("09:00", "12:00"),
        }
    )
    assert hours.span(own, "17", "杭州营业部", "video").closes.hour == 12
    assert hours.span(own, "16", "杭州营业部", "video").closes.hour == 17


def test_settings_that_never_open_are_told_and_not_searched_for_ever():
    everyday = [Holiday(day=date(2026, 1, 1) + timedelta(n), kind="holiday") for n in range(900)]
    with pytest.raises(hours.NeverOpen):
        hours.next_opening(settings(holidays=everyday), at("2026-03-18 10:00"))
