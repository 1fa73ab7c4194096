"""Decisions of reviewers and operators: domain.md 1.12, 3.9, A-20, A-21, scenario G-50."""

import pytest

import forms
from forms import reasons
from tests.answering import accepted, context, said


def decide(decision, *codes, form="review", **more):
    return accepted(
        form, {"decision": {"decision": decision, "reasons": list(codes), **more}}, context()
    ).answers


def refused(decision, *codes, form="review", **more):
    [message] = said(form, {"decision": {"decision": decision, "reasons": list(codes), **more}}, context())
    return message


def test_an_approval_is_the_page_s_whole_answer():
    assert decide("approve", internal_note="已核对") == {
        "decision": "approve", "reasons": [], "step": None, "opens": [], "note": "",
        "internal_note": "已核对", "decided_at": "2026-03-18T02:00:00+00:00",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("codes", "step", "opens"),
    [
        (["P02"], "upload", ["signature"]),
        (["P01"], "upload", ["front", "back"]),
        (["P08"], "upload", ["front", "back", "validity"]),
        (["D01"], "data", ["validity"]),
        (["D06"], "data", ["education", "occupation"]),
        (["S01"], "sign", []),
        (["V04"], "video", []),
        (["V04", "S01", "D04"], "data", ["address"]),
        (["D01", "P06"], "upload", ["signature", "validity"]),
    ],
)
def test_g50_a_send_back_goes_to_the_earliest_step_and_opens_what_is_named(codes, step, opens):
    answer = decide("return", *codes)
    assert (answer["step"], answer["opens"]) == (step, opens)


def test_a_reason_that_names_a_side_opens_that_side():
    assert decide("return", "P03", opens=["back"])["opens"] == ["back"]
    assert decide("return", "P04")["opens"] == ["front", "back"]
    assert decide("return", "P03", opens=["signature"])["opens"] == ["front", "back"]


@pytest.mark.parametrize(
    ("decision", "codes", "message"),
    [
        ("return", [], "请至少选择一个打回原因"),
        ("reject", [], "请至少选择一个不通过原因"),
        ("return", ["X01"], "“X01 人证不一致”只能用于不通过，请改选原因或改为不通过"),
        ("reject", ["P01"], "“P01 证件照不清晰”只能用于打回，请改选原因或改为打回"),
        ("approve", ["P01"], "选择“通过”时请不要勾选原因"),
        ("return", ["Z99"], "原因Z99不能在这里使用，请重新选择"),
        ("return", ["V01"], "原因V01不能在这里使用，请重新选择"),
        ("retry", [], "请选择处理结果"),
        ("", [], "请选择处理结果"),
    ],
)
def test_a_decision_without_a_fitting_reason_is_refused(decision, codes, message):
    assert refused(decision, *codes) == message


def test_another_reason_is_explained_and_says_where_to_go_on():
    assert refused("return", "D99", step="data") == "请填写说明"
    assert refused("return", "D99", note="请补充") == "请选择打回到哪一步"
    answer = decide("return", "D99", note="请补充", step="upload", opens=["back"])
    assert (answer["step"], answer["opens"]) == ("upload", ["back"])
    assert decide("reject", "X99", note="条件不符")["step"] is None


@pytest.mark.parametrize("code", ["X01", "X02"])
def test_some_refusals_are_told_to_compliance(code):
    assert decide("reject", code)["flags"] == ["COMPLIANCE_ALERT"]


def test_a_company_s_own_reasons_replace_ours():
    own = [{"code": "C01", "text": "照片太暗", "step": "upload", "opens": ["front"]}]
    known = context(settings={"send_back_reasons": own})
    found = accepted("review", {"decision": {"decision": "return", "reasons": ["C01"]}}, known)
    assert found.answers["opens"] == ["front"]


def test_a_failed_update_is_retried_or_returned_with_a_reason():
    assert decide("retry", form="counter_failed")["decision"] == "retry"
    assert decide("overwrite", form="counter_failed")["decision"] == "overwrite"
    assert refused("return", form="counter_failed") == "请填写打回原因"
    answer = decide("return", form="counter_failed", note="柜台不接受该地址")
    assert (answer["step"], answer["note"]) == ("data", "柜台不接受该地址")


def test_the_second_review_decides_like_the_first():
    assert decide("approve", form="review_second")["decision"] == "approve"


def test_a_decision_may_be_posted_flat():
    assert accepted("review", {"decision": "approve"}, context()).answers["decision"] == "approve"


def test_an_earlier_decision_is_not_shown_again():
    before = {"decision": "return", "reasons": ["P01"]}
    assert forms.prefill(forms.load("review"), context(previous=before)) == {"decision": None}


def test_the_newest_word_decides_whether_a_case_is_sent_back():
    old = {"decision": "return", "decided_at": "2026-03-10"}
    new = {"decision": "approve", "decided_at": "2026-03-17"}
    assert forms.last_return({"review": old, "review2": new}) is None
    assert forms.last_return({"review": new | {"decided_at": "2026-03-01"}, "video": old}) == old


def test_every_reason_is_as_domain_md_lists_it():
    assert len(reasons.REASONS) == 28
    assert {one.code for one in reasons.reasons(used_by="video")} >= {"V01", "X03"}
    assert not {"P09", "D05", "D08", "V04", "S01"} & {one.code for one in reasons.reasons(used_by="video")}
    assert all(set(one.opens) <= set(reasons.OPENS) for one in reasons.REASONS)
