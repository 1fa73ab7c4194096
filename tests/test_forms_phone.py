"""The phone page: domain.md 1.8 and 3.5, scenarios G-30 to G-35."""

import pytest

import forms
from tests.answering import C09, accepted, context, said

GOOD = {"phone.free": {"ok": True}, "phone.code": {"ok": True}}


def answer(number, code=None):
    return {"phone": {"number": number, "code": code}}


def test_g30_a_number_with_its_code_is_accepted_and_verified():
    found = accepted("phone", answer("13912345678", "123456"), context(verdicts=GOOD))
    assert found.answers == {"number": "13912345678", "kind": "mobile", "verified": True}


def test_g30_a_virtual_operator_is_accepted_with_a_flag():
    found = accepted("phone", answer("162 1234 5678", "123456"), context(verdicts=GOOD))
    assert found.answers["number"] == "16212345678"
    assert found.flags == ("PHONE_VNO",)


def test_g31_a_number_that_is_none_is_refused():
    assert said("phone", answer("12012345678", "123456"), context(verdicts=GOOD)) == [
        "请输入正确格式的联系手机！"
    ]


def test_g32_a_landline_needs_no_code_and_one_that_was_sent_is_ignored():
    for code in (None, "000000"):
        found = accepted(
            "phone", answer("0571-87654321", code), context(verdicts={"phone.free": {"ok": True}})
        )
        assert found.answers == {
            "number": "0571-87654321", "kind": "landline", "verified": False, "flags": ["PHONE_LANDLINE"],
        }  # fmt: skip


def test_g33_a_number_of_somebody_else_is_refused_in_the_words_of_the_check():
    taken = "该手机号已被其他客户使用，请更换手机号或联系期货公司"
    verdicts = {"phone.code": {"ok": True}, "phone.free": {"ok": False, "message": taken}}
    assert said("phone", answer("16612345602", "123456"), context(verdicts=verdicts)) == [taken]


@pytest.mark.parametrize("typed", ["13800138001", "+86 138 0013 8001"])
def test_g34_the_own_number_needs_no_change(typed):
    assert said("phone", answer(typed, "123456"), context(verdicts=GOOD)) == [
        "新联系电话与原联系电话一致，无需修改"
    ]


def test_g34_an_own_landline_is_the_same_however_it_is_written():
    assert said("phone", answer("051086512345"), context(C09, verdicts=GOOD)) == [
        "新联系电话与原联系电话一致，无需修改"
    ]


@pytest.mark.parametrize("key", ["code", "phone.code"])
def test_g35_a_code_for_another_number_is_refused_by_the_check(key):
    verdicts = GOOD | {"phone.code": {"ok": False, "key": key, "message": "验证码错误，请重新输入"}}
    with pytest.raises(forms.AnswersRejected) as refused:
        accepted("phone", answer("13912345678", "654321"), context(verdicts=verdicts))
    [problem] = refused.value.problems
    assert (problem.key, problem.message) == ("phone.code", "验证码错误，请重新输入")


@pytest.mark.parametrize(
    ("posted", "message"),
    [
        ({}, "请输入联系电话！"),
        (answer(""), "请输入联系电话！"),
        (answer("13912345678"), "请输入验证码！"),
        (answer("400-818-6666"), "请输入正确格式的联系电话！"),
    ],
)
def test_what_is_missing_is_asked_for(posted, message):
    assert said("phone", posted, context(verdicts=GOOD)) == [message]


def test_a_number_verified_in_this_case_needs_no_second_code():
    before = {"number": "13912345678", "kind": "mobile", "verified": True}
    verdicts = {"phone.free": {"ok": True}}
    found = accepted("phone", answer("13912345678"), context(previous=before, verdicts=verdicts))
    assert found.answers["verified"] is True
    assert said("phone", answer("13912345679"), context(previous=before, verdicts=verdicts)) == [
        "请输入验证码！"
    ]


def test_verified_is_never_taken_from_the_client():
    posted = {"phone": {"number": "13912345678", "verified": True}}
    assert said("phone", posted, context(verdicts=GOOD)) == ["请输入验证码！"]


def test_a_check_that_was_not_run_is_not_taken_for_granted():
    with pytest.raises(forms.CheckNotRun):
        accepted("phone", answer("13912345678", "123456"), context())


def test_before_the_checks_run_the_page_says_which_ones_it_needs():
    found = accepted("phone", answer("13912345678", "123 456"), context(mode="local"))
    assert found.checks == ("phone.free", "phone.code")
    assert found.answers["code"] == "123456"
    assert accepted("phone", answer("0571-87654321"), context(mode="local")).checks == ("phone.free",)


def test_a_draft_keeps_the_number_and_never_the_code():
    draft = accepted("phone", answer("139 1234 5678", "123456"), context(mode="typed")).answers
    assert draft == {"phone": {"number": "13912345678", "kind": "mobile", "verified": False}}


def test_earlier_answers_are_shown_again():
    before = {"number": "13912345678", "kind": "mobile", "verified": True, "flags": []}
    assert forms.prefill(forms.load("phone"), context(previous=before))["phone"]["number"] == "13912345678"


def test_a_company_may_close_prefixes():
    known = context(verdicts=GOOD, settings={"mobile_pattern": r"^13\d{9}$"})
    assert said("phone", answer("18912345678", "123456"), known) == ["请输入正确格式的联系手机！"]
