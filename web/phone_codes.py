"""The SMS code for a new phone number: asked for from the task's page (R-121 to R-125)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import request

import forms
from engine import CheckQuery, TaskView, clock
from handlers.codes import Ask, NotYet
from handlers.limits import TooOften
from handlers.sms import SmsFault
from web import current

KIND = "phone-with-code"
#: Checks that need the code itself; the others are run before one is sent (G-33).
CODE_CHECKS = frozenset({"phone.code"})
LANDLINE = "联系电话是座机时，不输入短信验证码"


@dataclass(frozen=True)
class Sent:
    """A code is on its way.

    :param masked: the number as the page may show it.
    :param resend_in: until another may be asked for, in seconds.
    """

    masked: str
    resend_in: int


class NotSent(Exception):
    """No code was sent; ``problem`` says why, at the field it belongs to.

    :param resend_in: until another may be asked for, in seconds; 0: nothing is waited for.
    """

    def __init__(self, problem: forms.Problem, resend_in: int = 0, status: int = 422) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.resend_in = resend_in
        self.status = status


def send(view: TaskView, posted: Mapping[str, Any]) -> Sent:
    """Send a code to the number that was typed, if the page would take that number.

    :raises NotSent: with the same words the page itself would use.
    """
    component = next((one for one in view.form.walk() if one.type == KIND), None)
    if component is None:
        raise NotSent(forms.Problem("", "当前页面不需要短信验证码", code="no_phone"))
    number = _number(view, component, posted)
    actor = current.person()
    ask = Ask(
        "phone_change", actor.id, number, actor.session, request.remote_addr or "", case_id=view.case.id
    )
    at = f"{component.key}.code"
    try:
        issued = current.web().codes.issue(ask, current.parameters(), clock.now())
    except NotYet as wait:
        raise NotSent(forms.Problem(at, wait.message, code="not_yet"), wait.seconds) from None
    except TooOften as often:
        raise NotSent(forms.Problem(at, often.message, code="too_often"), status=429) from None
    except SmsFault as fault:
        raise NotSent(forms.Problem(at, str(fault), code="sms"), status=503) from None
    return Sent(issued.masked, issued.resend_seconds)


def _number(view: TaskView, component: forms.Component, posted: Mapping[str, Any]) -> str:
    """Judge the number alone, as the page would: form, rules and the checks that need no code."""
    only = replace(view.form, components=(component,), rules=(), checks=())
    typed = posted.get(component.key)
    typed = {**typed, "code": "000000"} if isinstance(typed, Mapping) else typed
    try:
        judged = forms.judge(only, {component.key: typed}, replace(view.context, mode="local"))
    except forms.AnswersRejected as rejected:
        first = next((one for one in rejected.problems if one.level == "error"), None)
        if first is not None:
            raise NotSent(first) from None
        judged = forms.Accepted(dict(rejected.answers))
    answer = judged.answers.get(component.key)
    answer = answer if isinstance(answer, Mapping) else judged.answers
    if answer.get("kind") != "mobile":
        raise NotSent(forms.Problem(f"{component.key}.number", LANDLINE, code="landline"))
    engine = current.engine()
    query = CheckQuery(
        judged.answers, view.held, view.context.previous, view.data, view.case, view.case_key, view.task_id,
        current.person(), clock.now(), engine.around(),
    )  # fmt: skip
    for name in judged.checks:
        if name not in CODE_CHECKS and not (verdict := engine.catalogue.checks[name](query)).ok:
            key = verdict.key or f"{component.key}.number"
            raise NotSent(forms.Problem(key, verdict.message, code=verdict.code))
    return str(answer["number"])
