"""The ID validity page: domain.md 1.8, scenarios G-24 to G-29."""

import forms
from tests.answering import C01, C02, accepted, context, said


def answer(start, end=None, *, long_term=False):
    return {"validity": {"from": start, "until": end, "long_term": long_term}}


def test_g24_a_new_card_is_accepted():
    answers = accepted("id_validity", answer("2025-03-11", "2045-03-11"), context(C02)).answers
    assert answers == {"from": "2025-03-11", "until": "2045-03-11", "long_term": False}


def test_g24_name_and_number_cannot_be_changed_even_by_a_forged_request():
    forged = answer("2025-03-11", "2045-03-11") | {"name": "某某", "id_number": "11010519491231002X"}
    assert not {"name", "id_number"} & set(accepted("id_validity", forged, context(C02)).answers)


def test_g25_long_term_clears_the_end():
    old = C01 | {"id_number": "330106196811030156"}
    answers = accepted(
        "id_validity", answer("2015-05-06", "2035-05-06", long_term=True), context(old)
    ).answers
    assert answers == {"from": "2015-05-06", "until": None, "long_term": True}


def test_g26_an_expired_card_is_refused():
    young = C02 | {"id_number": "110101199906010018", "valid_from": "2011-03-18", "valid_until": "2016-03-18"}
    assert said("id_validity", answer("2016-03-17", "2026-03-17"), context(young)) == ["身份证已过期！"]


def test_g26_the_last_day_is_accepted_with_the_notice():
    young = C02 | {"id_number": "110101199906010018", "valid_from": "2011-03-18", "valid_until": "2016-03-18"}
    found = accepted("id_validity", answer("2016-03-18", "2026-03-18"), context(young))
    assert [one.message for one in found.notices] == ["证件将于2026-03-18到期，建议换领新证后再办理"]


def test_g27_a_term_of_no_card_is_refused():
    expected = ["有效期限应为5年、10年、20年或长期，请核对"]
    assert said("id_validity", answer("2012-03-05", "2032-03-06"), context()) == expected


def test_g28_a_confirmed_doubt_becomes_a_flag():
    posted = answer("2019-01-20", "2029-01-20")
    profile = C01 | {
        "id_number": "510104199207150463",
        "valid_from": "2018-07-20",
        "valid_until": "2028-07-20",
    }
    assert said("id_validity", posted, context(profile)) == [
        "按签发时年龄（26周岁），有效期一般为20年，请再次核对"
    ]
    found = accepted("id_validity", posted | {"confirm": ["ID_TERM_AGE"]}, context(profile))
    assert found.flags == ("ID_TERM_AGE",)
    assert found.answers["flags"] == ["ID_TERM_AGE"]


def test_g29_nothing_changed_is_nothing_to_do():
    expected = ["有效期与原记录一致，无需修改"]
    assert said("id_validity", answer("2012-03-05", "2032-03-05"), context()) == expected


def test_an_older_card_is_to_be_confirmed():
    expected = ["新有效期早于原记录，请确认上传的是最新证件"]
    assert said("id_validity", answer("2011-08-01", "2031-08-01"), context()) == expected


def test_a_difference_from_what_was_read_is_marked():
    read = {"photos": {"back": {"ocr": {"valid_from": "2025-03-10", "valid_until": "2045-03-10"}}}}
    known = context(C02, data=read)
    assert accepted("id_validity", answer("2025-03-11", "2045-03-11"), known).flags == ("ID_OCR_DIFF",)


def test_dates_are_prefilled_from_the_card_or_from_the_counter():
    read = {"photos": {"back": {"ocr": {"valid_from": "2025-03-11", "valid_until": "2045-03-11"}}}}
    form = forms.load("id_validity")
    assert forms.prefill(form, context(C02, data=read))["validity"]["until"] == "2045-03-11"
    assert forms.prefill(form, context())["validity"] == {
        "from": "2012-03-05",
        "until": "2032-03-05",
        "long_term": False,
    }
    assert forms.prefill(form, context())["name"] == "张伟"


def test_dates_are_read_however_they_are_written():
    for written in ("2025/3/11", "20250311", "2025年3月11日", "２０２５-03-11"):
        assert (
            accepted("id_validity", answer(written, "2045-03-11"), context(C02)).answers["from"]
            == "2025-03-11"
        )


def test_an_impossible_date_is_explained():
    expected = ["请按 2026-03-18 的格式填写身份证结束日期"]
    assert said("id_validity", answer("2025-03-11", "2045-02-30"), context(C02)) == expected


def test_r117_the_address_on_the_card_is_asked_only_where_the_company_wants_it():
    posted = answer("2025-03-11", "2045-03-11") | {"id_address": "北京市朝阳区建国路88号"}
    assert "id_address" not in accepted("id_validity", posted, context(C02)).answers
    known = context(C02, settings={"id_address": True})
    assert accepted("id_validity", posted, known).answers["id_address"] == "北京市朝阳区建国路88号"
