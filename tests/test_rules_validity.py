"""The validity of the ID card: domain.md 3.4, all steps and all vectors (today 2026-03-18)."""

from datetime import date

import pytest

from forms.rules import validity
from forms.rules.validity import Validity

TODAY = date(2026, 3, 18)


def given(start, end):
    """A validity from written days; ``长期`` for no end."""
    ends = None if end in (None, "长期") else date.fromisoformat(end)
    return Validity(date.fromisoformat(start) if start else None, ends, end == "长期")


def said(start, end, born=None, **more):
    born = date.fromisoformat(born) if born else None
    return validity.judge(given(start, end), TODAY, born=born, **more)


@pytest.mark.parametrize(
    ("born", "start", "end"),
    [
        ("1985-06-12", "2012-03-05", "2032-03-05"),
        ("1968-11-03", "2015-05-06", "长期"),
        ("2007-12-01", "2022-08-15", "2027-08-15"),
        ("1992-07-15", "2018-07-14", "2028-07-14"),
        ("1992-07-15", "2018-07-20", "2028-07-20"),
        ("1968-11-03", "2014-12-01", "2034-12-01"),
        ("2000-02-29", "2020-02-29", "2030-02-28"),
        ("2000-02-29", "2020-02-29", "2030-03-01"),
    ],
)
def test_a_right_validity_is_accepted_in_silence(born, start, end):
    assert said(start, end, born) == []


@pytest.mark.parametrize(
    ("born", "start", "end", "message"),
    [
        (None, None, "2032-03-05", "请选择身份证开始日期！"),
        (None, "2012-03-05", None, "请选择身份证结束日期！"),
        (None, "2026-03-19", "2046-03-19", "开始日期不能大于今天！"),
        (None, "2003-12-31", "长期", "二代身份证自2004年起签发，请核对开始日期"),
        (None, "2012-03-05", "2012-03-05", "开始日期不能大于结束日期！"),
        (None, "2012-03-05", "2011-03-05", "开始日期不能大于结束日期！"),
        ("1999-02-28", "2015-03-10", "2025-03-10", "身份证已过期！"),
        ("1999-06-01", "2016-03-17", "2026-03-17", "身份证已过期！"),
        ("1985-06-12", "2012-03-05", "2032-03-06", "有效期限应为5年、10年、20年或长期，请核对"),
        (None, "2016-01-10", "2026-12-31", "有效期限应为5年、10年、20年或长期，请核对"),
        ("2007-12-01", "2006-01-01", "长期", "开始日期不能早于出生日期，请核对"),
    ],
)
def test_the_first_wrong_step_is_the_one_message(born, start, end, message):
    assert [(one.level, one.message) for one in said(start, end, born)] == [("error", message)]


def test_the_last_day_is_still_valid_with_a_notice():
    [one] = said("2016-03-18", "2026-03-18", "1999-06-01")
    assert (one.level, one.message) == ("notice", "证件将于2026-03-18到期，建议换领新证后再办理")


@pytest.mark.parametrize(
    ("end", "start", "noticed"), [("2026-04-17", "2006-04-17", True), ("2026-04-18", "2006-04-18", False)]
)
def test_the_notice_begins_30_days_before_the_end(start, end, noticed):
    assert [one.code for one in said(start, end)] == (["ID_ENDS_SOON"] if noticed else [])


@pytest.mark.parametrize(
    ("born", "start", "end", "message"),
    [
        ("1992-07-15", "2019-01-20", "2029-01-20", "按签发时年龄（26周岁），有效期一般为20年，请再次核对"),
        ("1980-05-01", "2010-01-10", "长期", "按签发时年龄（29周岁），有效期一般为20年，请再次核对"),
        ("1960-05-01", "2010-01-10", "2030-01-10", "按签发时年龄（49周岁），有效期一般为长期，请再次核对"),
    ],
)
def test_an_unusual_term_is_to_be_confirmed(born, start, end, message):
    assert [(one.level, one.code, one.message) for one in said(start, end, born)] == [
        ("warning", "ID_TERM_AGE", message)
    ]


def test_the_stored_validity_needs_no_change():
    [one] = said("2012-03-05", "2032-03-05", stored=given("2012-03-05", "2032-03-05"))
    assert one.message == "有效期与原记录一致，无需修改"
    [one] = said("2015-05-06", "长期", stored=given("2015-05-06", "长期"))
    assert one.code == "unchanged"


@pytest.mark.parametrize(
    ("new", "stored", "older"),
    [
        (("2012-03-05", "2032-03-05"), ("2013-03-05", "2033-03-05"), True),
        (("2020-03-05", "2030-03-05"), ("2012-03-05", "2032-03-05"), True),
        (("2020-03-05", "2040-03-05"), ("2015-05-06", "长期"), True),
        (("2020-03-05", "长期"), ("2012-03-05", "2032-03-05"), False),
        (("2020-03-05", "2040-03-05"), ("2012-03-05", "2032-03-05"), False),
    ],
)
def test_a_card_older_than_the_stored_one_is_to_be_confirmed(new, stored, older):
    codes = [one.code for one in said(*new, stored=given(*stored))]
    assert codes == (["ID_OLDER_CARD"] if older else [])


def test_a_difference_from_ocr_is_marked_for_the_reviewer():
    [one] = said("2012-03-05", "2032-03-05", read=given("2012-03-06", "2032-03-06"))
    assert (one.level, one.code) == ("flag", "ID_OCR_DIFF")
    assert said("2012-03-05", "2032-03-05", read=given("2012-03-05", "2032-03-05")) == []


@pytest.mark.parametrize(
    ("end", "days", "message"),
    [
        (date(2026, 4, 1), 14, "证件将于2026-04-01到期，还有14天，请尽快换领新证并更新"),
        (date(2026, 3, 18), 0, "证件今天到期，请尽快换领新证并更新"),
        (date(2026, 3, 17), -1, "证件已过期1天，逾期90天未更新可能被限制业务，请尽快办理"),
        (
            date(2025, 3, 10),
            -373,
            "证件已过期373天，逾期90天未更新可能被限制业务，请尽快办理（90天期限已过）",
        ),
    ],
)
def test_g12_g13_the_profile_says_how_the_card_stands(end, days, message):
    assert validity.expiry(end, TODAY) == validity.Expiry(days, message)


def test_a_card_far_from_its_end_is_not_spoken_of():
    assert validity.expiry(date(2032, 3, 5), TODAY) is None
    assert validity.expiry(None, TODAY) is None
