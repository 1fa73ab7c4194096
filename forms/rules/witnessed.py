"""A witness passes nobody before everything was looked at and asked (R-169, R-170)."""

from collections.abc import Iterable, Mapping
from typing import Any

from forms.context import Context
from forms.errors import Problem
from forms.rules.registry import Found, page_rule
from forms.schema import Component, Form

#: Property of a list: each of its items must be ticked before the customer is passed.
WHOLE = "whole"


def unticked(form: Form, answers: Mapping[str, Any], variables: Mapping[str, Any]) -> list[Component]:
    """Return the lists of this page, as it is shown, of which something is still to be ticked."""
    found = []
    for one in form.walk():
        shown = one.hide is None or not one.hide.evaluate({**variables, **answers})
        if one.type == "checklist" and one.flag(WHOLE) and shown:
            ticked = set(answers.get(one.key) or ())
            if {value.value for value in one.values} - ticked:
                found.append(one)
    return found


@page_rule("witnessed_whole")
def judge_witnessed_whole(form: Form, answers: Mapping[str, Any], context: Context) -> Iterable[Found]:
    """Refuse 通过 while a mandatory list has something unticked."""
    if answers.get("decision") != "approve":
        return
    for one in unticked(form, answers, context.variables()):
        yield Problem(one.key, f"“{one.label}”还有未完成的项目，全部完成后才能通过", code="unticked")
