"""The declarations and what follows from them (domain.md 3.10, A-25)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from forms import divisions, text
from forms.context import Asked, Context
from forms.dictionaries import RISKY
from forms.errors import Flag, Problem
from forms.fields import is_empty
from forms.rules.registry import Found, page_rule, rule
from forms.schema import Component, Form

REFER = "请您联系我公司客服人员临柜办理，联系电话{hotline}。"
NOT_CHANGED = "您未修改任何信息"
ONE_ABROAD = "请至少填写一个中国以外的税收居民国(地区)"
NOT_CHINA = "仅为非居民时，税收居民国(地区)不能选择中国"
TWICE = "税收居民国(地区)不能重复，请删除重复的一项"
NUMBER_OR_REASON = "请填写纳税人识别号，或选择没有识别号的原因"
FUTURE_MONTH = "日期不能晚于本月"
FUTURE_DAY = "日期不能晚于今天"

#: Flag that a risky answer leaves on the case.
FLAGS: Mapping[str, str] = {
    "tax_type": "TAX_NONRES",
    "platform_type": "PEP",
    "con_relation": "CONTROL",
    "beneficiary": "BENEF",
    "bad_record": "CREDIT",
}


def risky(name: str, answer: Any) -> bool:
    """Tell whether an answer to declaration ``name`` needs follow-up questions or a referral."""
    given = answer if isinstance(answer, list) else [answer]
    return any(one in RISKY.get(name, ()) for one in given)


def refers(name: str, context: Context) -> bool:
    """Tell whether the company sends people with a risky answer to ``name`` to the counter."""
    modes = context.setting("declaration_modes") or {}
    return modes.get(name) == "refer"


@rule("declaration")
def judge_declaration(asked: Asked) -> Iterable[Found]:
    """Mark a risky answer; or, in mode ``refer``, clear it and say whom to call."""
    name = asked.component.key
    if not risky(name, asked.value):
        return
    if refers(name, asked.context):
        message = REFER.format(hotline=asked.context.setting("hotline"))
        yield asked.error(message, "REFER", clears=True)
    else:
        yield Flag(FLAGS[name])


@rule("downgrade")
def judge_downgrade(asked: Asked) -> Iterable[Found]:
    """Mark a declaration that went from risk to no risk; the form asks for the reason only then."""
    yield Flag("DECL_DOWNGRADE")


@rule("tax_residences")
def judge_tax_residences(asked: Asked) -> Iterable[Found]:
    """Judge the countries of tax residence: each once, and abroad as the declaration says."""
    countries = [row.get("country") for row in asked.value if isinstance(row, Mapping) and row.get("country")]
    declared = asked.scope.get("tax_type")
    if len(set(countries)) < len(countries):
        yield asked.error(TWICE, "tax_twice")
    elif declared == "B" and "CN" in countries:
        yield asked.error(NOT_CHINA, "tax_china")
    elif declared == "C" and countries and set(countries) == {"CN"}:
        yield asked.error(ONE_ABROAD, "tax_abroad")


@rule("tin_or_reason", empty=True)
def judge_tin_or_reason(asked: Asked) -> Iterable[Found]:
    """Ask for the reason where a taxpayer number is missing."""
    if is_empty(asked.value) and is_empty(asked.scope.get("tin")):
        yield asked.error(NUMBER_OR_REASON, "tin")


@rule("not_future")
def judge_not_future(asked: Asked) -> Iterable[Found]:
    """Refuse a day or a month that is still to come."""
    day = asked.context.today.isoformat()
    if str(asked.value) > day[: len(str(asked.value))]:
        yield asked.error(FUTURE_MONTH if len(str(asked.value)) == 7 else FUTURE_DAY, "future")


@rule("latin_text")
def judge_latin_text(asked: Asked) -> Iterable[Found]:
    """Accept what can be written in English or Pinyin (tax self-certification)."""
    if re.search(f"[{text.CJK}]", str(asked.value)):
        yield asked.error(f"{asked.component.label}请用英文或拼音填写", "latin_text")


@page_rule("something_changed")
def judge_something_changed(form: Form, answers: Mapping[str, Any], context: Context) -> Iterable[Found]:
    """Refuse a page on which every answer is what the counter has already (R-140)."""
    scope = context.variables()
    if not any(_changed(one, answers, scope) for one in form.components):
        yield Problem("", NOT_CHANGED, code="unchanged")


def _changed(component: Component, answers: Mapping[str, Any], scope: Mapping[str, Any]) -> bool:
    answer = answers.get(component.key) if component.key else answers
    if component.type == "group" and component.old is None:
        inner = answer if isinstance(answer, Mapping) else {}
        return any(_changed(one, inner, scope) for one in component.components)
    if not component.key or component.readonly:
        return False
    if component.old is None:
        # A follow-up question: whatever it says is not in the counter's record.
        return not is_empty(answer)
    old = component.old.evaluate(scope)
    if is_empty(answer) or is_empty(old):
        return is_empty(answer) is not is_empty(old)
    if isinstance(answer, list) and isinstance(old, list):
        return set(map(str, answer)) != set(map(str, old))
    return bool(divisions.plain(answer) != divisions.plain(old))
