"""After a send-back the page that was wrong is answered anew, or said to be right (R-204, R-205)."""

from collections.abc import Iterable, Mapping
from typing import Any

from forms.context import Context
from forms.errors import Problem
from forms.returns import last_return
from forms.rules.registry import Found, page_rule
from forms.schema import Form

SAME = "内容与上次提交的相同，请确认已按打回原因修改"
#: What a judgement adds to the answers by itself.
_ADDED = frozenset({"flags", "verified", "confirm"})


@page_rule("answered_return")
def judge_answered_return(form: Form, answers: Mapping[str, Any], context: Context) -> Iterable[Found]:
    """Let a customer whose data were sent back confirm that they are right as they were."""
    returned = last_return(context.data)
    if returned is None or returned.get("step") != form.step or not context.previous:
        return
    if _plain(answers) == _plain(context.previous):
        yield Problem("", SAME, "warning", "SAME_AFTER_RETURN")


def _plain(answers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answers.items() if name not in _ADDED and value is not None}
