"""A decision on a case: approve it, return it with reasons, or reject it (R-204, R-205, A-20, A-21).

The answer *is* the page's answer: ``{"decision", "reasons", "step", "opens", "note", "internal_note",
"decided_at"}``. Step and openings follow from the reasons; a reason that leaves the step open (X99, D99)
takes it from what the person chose.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from forms import reasons as lists
from forms import text
from forms.context import Asked
from forms.errors import Flag
from forms.fields import Found, Kind, NotAnAnswer, Typed
from forms.reasons import STEPS, Reason
from forms.schema import Component, words

WORDS = {
    "approve": "通过",
    "return": "打回",
    "reject": "不通过",
    "retry": "重试",
    "overwrite": "以本次填写为准",
}
LONGEST_NOTE = 500
LONGEST_INTERNAL = 2000
_LISTS = ("reasons", "opens")
_TEXTS = ("decision", "step", "note", "internal_note")


def decisions(component: Component) -> tuple[str, ...]:
    """Return the decisions on offer: property ``decisions``, or all three of a review."""
    return words(component.properties.get("decisions")) or ("approve", "return", "reject")


def asks_reasons(component: Component) -> bool:
    """Tell whether reasons come from the list of 3.9; without it a note stands for them."""
    return component.properties.get("reasons") != "note"


def known_reasons(component: Component, given: Iterable[Any] = ()) -> dict[str, Reason]:
    """Return the reasons on offer, by code; ``given`` is the company's own list."""
    used_by = str(component.properties.get("used_by") or "review")
    return {one.code: one for one in lists.reasons(tuple(given), used_by)}


class Decision(Kind):
    """A decision on a case."""

    name = "decision"
    spread = True
    parts = frozenset({"decision", "step", "opens", "decided_at", *_TEXTS, *_LISTS})
    fresh = True

    def read(self, asked: Asked) -> Any:
        posted = asked.value
        if not isinstance(posted, Mapping):
            raise NotAnAnswer("请选择处理结果")
        answer: dict[str, Any] = {}
        for name in _TEXTS:
            value = posted.get(name)
            if not isinstance(value, str | None):
                raise NotAnAnswer("请选择处理结果")
            answer[name] = text.tidy(value or "")
        for name in _LISTS:
            value = posted.get(name) or []
            items = [value] if isinstance(value, str) else value
            if not isinstance(items, list | tuple) or not all(isinstance(one, str) for one in items):
                raise NotAnAnswer("请从列表中选择原因")
            answer[name] = [one for one in dict.fromkeys(item.strip() for item in items) if one]
        return answer if answer["decision"] else None

    def missing(self, asked: Asked) -> Iterable[Found]:
        yield asked.error("请选择处理结果", "required", "decision")

    def judge(self, asked: Asked) -> Iterable[Found]:
        answer = asked.value
        for name, limit in (("note", LONGEST_NOTE), ("internal_note", LONGEST_INTERNAL)):
            if len(answer[name]) > limit:
                yield asked.error(f"说明最多填写{limit}个字", "too_long", name)
            elif text.unprintable(answer[name], lines=True):
                yield asked.error("说明含有不支持的字符", "characters", name)
        decision = answer["decision"]
        if decision not in decisions(asked.component):
            yield asked.error("请选择处理结果", "not_a_choice", "decision")
        elif decision in ("return", "reject"):
            yield from self._reasons(asked)
        elif answer["reasons"]:
            yield asked.error(f"选择“{WORDS[decision]}”时请不要勾选原因", "reasons", "reasons")

    def _reasons(self, asked: Asked) -> Iterable[Found]:
        answer, decision = asked.value, asked.value["decision"]
        if not asks_reasons(asked.component):
            if not answer["note"]:
                yield asked.error(f"请填写{WORDS[decision]}原因", "required", "note")
            return
        known = known_reasons(asked.component, asked.context.setting("send_back_reasons"))
        if not answer["reasons"]:
            yield asked.error(f"请至少选择一个{WORDS[decision]}原因", "required", "reasons")
            return
        if unknown := [code for code in answer["reasons"] if code not in known]:
            yield asked.error(
                f"原因{'、'.join(unknown)}不能在这里使用，请重新选择", "not_a_choice", "reasons"
            )
            return
        given = [known[code] for code in answer["reasons"]]
        wrong = "final" if decision == "return" else "retry"
        other = WORDS["reject" if decision == "return" else "return"]
        if unfit := [one for one in given if one.kind == wrong]:
            listed = "、".join(f"{one.code} {one.text}" for one in unfit)
            yield asked.error(f"“{listed}”只能用于{other}，请改选原因或改为{other}", "reason_kind", "reasons")
            return
        if any(one.step is None and one.kind == "either" for one in given):
            if not answer["note"]:
                yield asked.error("请填写说明", "required", "note")
            if decision == "return" and answer["step"] not in STEPS:
                yield asked.error("请选择打回到哪一步", "required", "step")
        yield from (Flag("COMPLIANCE_ALERT") for one in given if one.alert)

    def finish(self, asked: Asked) -> Any:
        answer = dict(asked.value)
        if asked.context.mode == "typed":
            return answer
        answer["step"], answer["opens"] = (
            self._goes_to(asked) if answer["decision"] == "return" else (None, [])
        )
        answer["decided_at"] = asked.context.now.isoformat()
        return answer

    @staticmethod
    def _goes_to(asked: Asked) -> tuple[str, list[str]]:
        answer = asked.value
        if not asks_reasons(asked.component):
            return answer["step"] if answer["step"] in STEPS else "data", []
        known = known_reasons(asked.component, asked.context.setting("send_back_reasons"))
        given = [known[code] for code in answer["reasons"] if code in known]
        steps = {one.step for one in given if one.step}
        chooses = any(one.step is None for one in given)
        if chooses and answer["step"] in STEPS:
            steps.add(answer["step"])
        chosen = set(answer["opens"])
        opens: set[str] = chosen if chooses else set()
        for one in given:
            # With no side named, both are asked for again: nothing that is wrong may stay closed.
            opens |= (chosen & set(one.opens) or set(one.opens)) if one.names_side else set(one.opens)
        earliest = next((step for step in STEPS if step in steps), "data")
        return earliest, [one for one in lists.OPENS if one in opens]

    def html(self, component: Component, name: str, typed: Typed) -> Any:
        names = tuple(typed.keys())
        prefix = f"{name}." if any(key.startswith(f"{name}.") for key in names) else ""
        texts = {one: typed.get(prefix + one) for one in _TEXTS}
        return texts | {one: list(typed.getlist(prefix + one)) for one in _LISTS}

    def schema(self, component: Component) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {
                "decision": {"enum": list(decisions(component))},
                "reasons": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
                "step": {"enum": [*STEPS, "", None]},
                "opens": {"type": "array", "items": {"enum": list(lists.OPENS)}},
                "note": {"type": "string", "maxLength": LONGEST_NOTE},
                "internal_note": {"type": "string", "maxLength": LONGEST_INTERNAL},
            },
            "required": ["decision"],
        }
