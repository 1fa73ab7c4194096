"""The agent's form of a witness: what must be ticked before a customer is passed (R-169, G-48)."""

from datetime import UTC, date, datetime

import pytest

import forms

NOW = datetime(2026, 3, 18, 2, 0, tzinfo=UTC)
SCRIPT = ("identity", "purpose", "card_in_hand", "certificate")
CHECKS = ("pictures_clear", "same_person", "card_valid", "name_number", "willing", "data_confirmed")
OF_PHONE = ("number", "own_number")


def decided(business="17", **answers):
    context = forms.Context(today=date(2026, 3, 18), now=NOW, business=business)
    return forms.judge(forms.load("witness"), answers, context).answers


def ticked(**more):
    return {"asked": list(SCRIPT), "checks": list(CHECKS), "asked_phone": list(OF_PHONE), **more}


def test_g48_a_customer_is_passed_when_everything_was_asked_and_checked():
    answers = decided(**ticked(decision={"decision": "approve"}))
    assert (answers["decision"], answers["checks"]) == ("approve", list(CHECKS))
    assert "asked_other" not in answers, "questions about another change were not asked"


@pytest.mark.parametrize("left", ["asked", "checks", "asked_phone"])
def test_g48_a_customer_is_not_passed_while_one_thing_is_left(left):
    given = ticked(decision={"decision": "approve"})
    given[left] = given[left][:-1]
    with pytest.raises(forms.AnswersRejected) as rejected:
        decided(**given)
    assert [(p.key, p.code) for p in rejected.value.problems] == [(left, "unticked")]


def test_the_questions_are_those_of_the_change():
    with pytest.raises(forms.AnswersRejected) as rejected:
        decided("16", **ticked(decision={"decision": "approve"}))
    assert [p.key for p in rejected.value.problems] == ["asked_identity"]


def test_a_customer_is_sent_back_without_going_through_the_rest():
    answers = decided(decision={"decision": "return", "reasons": ["D01"]})
    assert (answers["step"], answers["opens"]) == ("data", ["validity"])


@pytest.mark.parametrize(
    ("decision", "reasons"), [("return", ["P09"]), ("return", ["X01"]), ("reject", ["V01"]), ("reject", [])]
)
def test_reasons_of_reviewers_or_of_the_other_decision_are_refused(decision, reasons):
    with pytest.raises(forms.AnswersRejected):
        decided(decision={"decision": decision, "reasons": reasons})


def test_an_impostor_alerts_compliance():
    assert decided(decision={"decision": "reject", "reasons": ["X01"]})["flags"] == ["COMPLIANCE_ALERT"]
