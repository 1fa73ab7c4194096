"""Kinds of question: what an answer of each kind looks like, how it is tidied, and what it must be.

A kind knows three forms of an answer: the fields of an HTML page, what was posted (the same as the REST
API's JSON), and the answer that is stored. The kinds that only this business has are in modules of
their own, ``field_….py``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Protocol

from forms import text
from forms.context import Asked, Context
from forms.errors import Flag, Problem
from forms.schema import Component

Found = Problem | Flag

#: Longest answer to a question that sets no ``maxLength`` of its own, in characters.
LONGEST = 1000
#: Longest answer to a choice whose options only a rule knows, in characters.
LONGEST_CHOICE = 60
#: Longest text anywhere in what is posted, in characters.
LONGEST_POSTED = 10_000


class Typed(Protocol):
    """A posted HTML form: werkzeug's MultiDict, or anything that reads like one."""

    def get(self, key: str, /) -> str | None: ...
    def getlist(self, key: str, /) -> Sequence[str]: ...
    def keys(self) -> Iterable[str]: ...


class NotAnAnswer(ValueError):
    """What was posted is not of this kind; the message tells the customer what to do."""


class Kind:
    """One kind of question."""

    name: ClassVar[str]
    #: The server holds the answer, or part of it; ``context.held`` has it by the question's key.
    held: ClassVar[bool] = False
    #: The answer is an object whose parts join the page's answers, instead of standing under the key.
    spread: ClassVar[bool] = False
    #: Names of those parts.
    parts: ClassVar[frozenset[str] | None] = None
    #: An earlier answer is not shown again: every time is a new one.
    fresh: ClassVar[bool] = False

    def read(self, asked: Asked) -> Any:
        """Return the normalised answer to what was posted; None or empty when nothing was.

        :raises NotAnAnswer: it is not of this kind.
        """
        raise NotImplementedError

    def judge(self, asked: Asked) -> Iterable[Found]:
        """Yield what is wrong with a normalised answer that is not empty."""
        return ()

    def missing(self, asked: Asked) -> Iterable[Found]:
        """Yield what to say about an empty answer."""
        if asked.component.validate.required:
            yield asked.error(asked.component.message, "required")

    def finish(self, asked: Asked) -> Any:
        """Return the answer as it is stored."""
        return asked.value

    def checks(self, asked: Asked) -> tuple[str, ...]:
        """Return the names of the checks that this answer has to pass."""
        return asked.component.checks

    def prefill(self, component: Component, context: Context, scope: Mapping[str, Any]) -> Any:
        """Return what the page shows before anything was typed; the same shape as posted."""
        if component.prefill:
            found = component.prefill.evaluate(scope)
            if found is not None:
                return found
        return component.default

    def html(self, component: Component, name: str, typed: Typed) -> Any:
        """Return what an HTML page posted for the question called ``name``; None when it was not on it."""
        return typed.get(name)

    def schema(self, component: Component) -> dict[str, Any]:
        """Return the JSON Schema of what may be posted."""
        raise NotImplementedError


def is_empty(value: Any) -> bool:
    """Tell whether nothing was answered; an unticked box is nothing, zero is something."""
    return value is None or value is False or value == "" or value == [] or value == {}


class TextField(Kind):
    """One line of text."""

    name = "textfield"
    lines = False

    def read(self, asked: Asked) -> Any:
        value = asked.value
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise NotAnAnswer(f"请填写{asked.component.label}")
        return text.tidy(str(value).replace("\r\n", "\n"))

    def judge(self, asked: Asked) -> Iterable[Found]:
        limits, label, value = asked.component.validate, asked.component.label, str(asked.value)
        if text.unprintable(value, lines=self.lines):
            yield asked.error(f"{label}含有不支持的字符", "characters")
        elif limits.min_length is not None and len(value) < limits.min_length:
            yield asked.error(self._range(asked), "too_short")
        elif len(value) > (limits.max_length if limits.max_length is not None else LONGEST):
            yield asked.error(self._range(asked), "too_long")
        elif limits.pattern and not re.fullmatch(limits.pattern, value[:LONGEST]):
            yield asked.error(limits.pattern_message or f"请输入正确的{label}！", "pattern")

    @staticmethod
    def _range(asked: Asked) -> str:
        limits, label = asked.component.validate, asked.component.label
        longest = limits.max_length if limits.max_length is not None else LONGEST
        if limits.min_length:
            return f"{label}请填写{limits.min_length}至{longest}个字"
        return f"{label}最多填写{longest}个字"

    def schema(self, component: Component) -> dict[str, Any]:
        limits = component.validate
        found: dict[str, Any] = {"type": "string", "maxLength": LONGEST_POSTED}
        if limits.max_length is not None:
            found["description"] = f"at most {limits.max_length} characters after trimming"
        if limits.required:
            found["minLength"] = max(1, limits.min_length or 0)
        return found


class TextArea(TextField):
    """Several lines of text."""

    name = "textarea"
    lines = True


class Number(Kind):
    """A number; whole numbers stay whole."""

    name = "number"

    def read(self, asked: Asked) -> Any:
        value = asked.value
        if isinstance(value, bool):
            raise NotAnAnswer(f"请在{asked.component.label}中填写数字")
        if isinstance(value, str):
            value = text.number(value)
            if not value:
                return None
            if not re.fullmatch(r"[+-]?\d{1,15}(\.\d{1,10})?", value):
                raise NotAnAnswer(f"请在{asked.component.label}中填写数字")
            value = float(value) if "." in value else int(value)
        if value is None:
            return None
        if not isinstance(value, int | float) or not abs(value) < 10**15:
            raise NotAnAnswer(f"请在{asked.component.label}中填写数字")
        return value

    def judge(self, asked: Asked) -> Iterable[Found]:
        limits, label = asked.component.validate, asked.component.label
        if limits.min is not None and asked.value < limits.min:
            yield asked.error(f"{label}不能小于{limits.min:g}", "min")
        elif limits.max is not None and asked.value > limits.max:
            yield asked.error(f"{label}不能大于{limits.max:g}", "max")

    def schema(self, component: Component) -> dict[str, Any]:
        limits = {"minimum": component.validate.min, "maximum": component.validate.max}
        return {"type": "number", **{name: limit for name, limit in limits.items() if limit is not None}}


class Day(Kind):
    """A date, ``YYYY-MM-DD``; with subtype ``month`` a month, ``YYYY-MM``."""

    name = "datetime"

    def read(self, asked: Asked) -> Any:
        return read_day(asked.value, asked.component.label, month=_by_month(asked.component))

    def schema(self, component: Component) -> dict[str, Any]:
        if _by_month(component):
            return {"type": "string", "pattern": r"^\d{4}-\d{2}$|^$"}
        return {"type": "string", "anyOf": [{"format": "date"}, {"maxLength": 0}]}


def _by_month(component: Component) -> bool:
    return component.subtype == "month"


def read_day(value: Any, label: str, *, month: bool = False) -> str | None:
    """Return a date or a month in its one written form; also 2026/3/8, 2026.3.8 and 20260308 are read.

    :raises NotAnAnswer: there is no such day.
    """
    if value is None or value == "":
        return None
    example = "2026-03" if month else "2026-03-18"
    ask = f"请按 {example} 的格式填写{label}"
    if not isinstance(value, str):
        raise NotAnAnswer(ask)
    written = text.number(value)
    if not written:
        return None
    parts = re.fullmatch(r"(\d{4})([-/.年]?)(\d{1,2})(?:([-/.月]?)(\d{1,2})日?)?月?", written, re.ASCII)
    if not parts or bool(parts[5]) == month or (not parts[2] and len(written) not in (6, 8)):
        raise NotAnAnswer(ask)
    try:
        found = date(int(parts[1]), int(parts[3]), int(parts[5] or 1))
    except ValueError:
        raise NotAnAnswer(ask) from None
    return found.isoformat()[:7] if month else found.isoformat()


class Checkbox(Kind):
    """A box to tick."""

    name = "checkbox"

    def read(self, asked: Asked) -> Any:
        return ticked(asked.value)

    def html(self, component: Component, name: str, typed: Typed) -> Any:
        return ticked(typed.get(name))

    def schema(self, component: Component) -> dict[str, Any]:
        return {"type": "boolean", **({"const": True} if component.validate.required else {})}


def ticked(value: Any) -> bool:
    """Tell whether a posted box is ticked."""
    if isinstance(value, str):
        return value.strip().lower() in ("on", "true", "1", "yes")
    return value is True


class OneChoice(Kind):
    """One of several options."""

    name = "select"

    def read(self, asked: Asked) -> Any:
        value = asked.value
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise NotAnAnswer(f"请选择{asked.component.label}")
        return str(value).strip() or None

    def judge(self, asked: Asked) -> Iterable[Found]:
        offered = {one.value for one in asked.component.values}
        if asked.value not in offered if offered else len(asked.value) > LONGEST_CHOICE:
            yield asked.error(f"请从列表中选择{asked.component.label}", "not_a_choice")

    def schema(self, component: Component) -> dict[str, Any]:
        values = [one.value for one in component.values if one.selectable]
        return (
            {"enum": values if component.validate.required else [*values, "", None]}
            if values
            else {
                "type": "string",
                "maxLength": LONGEST,
            }
        )


class Radio(OneChoice):
    """One of several options, all in sight."""

    name = "radio"


class Checklist(Kind):
    """Any number of options; kept in the order of the list, each once."""

    name = "checklist"

    def read(self, asked: Asked) -> Any:
        value = asked.value
        if value is None or value == "":
            return []
        posted = [value] if isinstance(value, str) else value
        if not isinstance(posted, list | tuple) or not all(isinstance(one, str) for one in posted):
            raise NotAnAnswer(f"请选择{asked.component.label}")
        order = [one.value for one in asked.component.values]
        wanted = {one.strip() for one in posted} - {""}
        return [one for one in order if one in wanted] + sorted(wanted - set(order))

    def judge(self, asked: Asked) -> Iterable[Found]:
        if set(asked.value) - {one.value for one in asked.component.values}:
            yield asked.error(f"请从列表中选择{asked.component.label}", "not_a_choice")

    def html(self, component: Component, name: str, typed: Typed) -> Any:
        return list(typed.getlist(name))

    def schema(self, component: Component) -> dict[str, Any]:
        return {
            "type": "array",
            "items": {"enum": [one.value for one in component.values if one.selectable]},
            "uniqueItems": True,
            "minItems": 1 if component.validate.required else 0,
        }
