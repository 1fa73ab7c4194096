"""A page that was sent back is answered anew, or said to be right as it was (R-204, R-205)."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

import forms

WAS = {"number": "13612345678", "kind": "mobile", "verified": True}
SAME = "内容与上次提交的相同，请确认已按打回原因修改"


def sent_back(step: str = "data") -> forms.Context:
    """Return what is known on the phone page after a reviewer sent the case back."""
    review = {"decision": "return", "step": step, "decided_at": "2026-03-18T02:00:00+00:00"}
    profile = {"mobile": "13800138001", "contact_phone": "13800138001"}
    good = {"ok": True}
    return forms.Context(
        today=date(2026, 3, 18),
        now=datetime(2026, 3, 18, 3, 0, tzinfo=UTC),
        data={"review": review, "profile": profile},
        previous=dict(WAS),
        verdicts=dict.fromkeys(("phone.code", "phone.free"), good),
    )


def answer(number: str, *confirmed: str) -> dict[str, Any]:
    return {"phone": {"number": number, "code": "123456"}, "confirm": list(confirmed)}


def test_the_same_answer_again_is_asked_about():
    with pytest.raises(forms.AnswersRejected) as refused:
        forms.judge(forms.load("phone"), answer("13612345678"), sent_back())
    assert [(one.message, one.level) for one in refused.value.problems] == [(SAME, "warning")]


def test_confirmed_it_goes_on_and_the_reviewer_is_told():
    accepted = forms.judge(forms.load("phone"), answer("13612345678", "SAME_AFTER_RETURN"), sent_back())
    assert accepted.flags == ("SAME_AFTER_RETURN",)


def test_another_answer_goes_on_without_a_question():
    assert forms.judge(forms.load("phone"), answer("13612345679"), sent_back()).flags == ()


def test_a_case_sent_back_for_its_pictures_is_not_asked_about_its_data():
    assert forms.judge(forms.load("phone"), answer("13612345678"), sent_back("upload")).flags == ()
