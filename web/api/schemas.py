"""Forms as JSON Schema, closed: what a form does not ask for, or asks for otherwise, is refused and named."""

from collections.abc import Iterator, Mapping
from typing import Any

import forms
from engine import TaskView
from web.api.models import ErrorAt

#: Unknown keys named in one answer; a body of nothing but nonsense is not read aloud.
MOST_NAMED = 20
_MESSAGES = {
    "unknown_key": "表单没有这一项，请删除 (the form does not ask for this)",
    "wrong_type": "请按 form_schema 的类型填写 (not of the type that form_schema says)",
}
_KINDS: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
}


def schema_of(view: TaskView) -> dict[str, Any]:
    """Return the JSON Schema of a task's form as the company shows it."""
    tailored = forms.for_company(view.form, view.context, view.answers)
    found: dict[str, Any] = _closed(forms.json_schema(tailored))
    return found


def misfits(schema: Mapping[str, Any], body: Mapping[str, Any]) -> list[ErrorAt]:
    """Return what in ``body`` the schema does not ask for, or asks for in another shape.

    What is well-formed is judged by the form itself; null stands for a question left out.
    """
    found = []
    for pointer, code in _misfits(schema, body, ""):
        named = pointer[:200]
        field = named.rpartition("/")[2]
        found.append(ErrorAt(pointer=named, field=field, message=_MESSAGES[code], code=code, level="error"))
        if len(found) == MOST_NAMED:
            break
    return found


def _closed(schema: Any) -> Any:
    """Close every object of a schema that says what is in it."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _closed(value) for key, value in schema.items()}
    if isinstance(inner.get("properties"), dict) and inner.get("type") == "object":
        inner.setdefault("additionalProperties", False)
    return inner


def _misfits(schema: Mapping[str, Any], value: Any, at: str) -> Iterator[tuple[str, str]]:
    kinds = _KINDS.get(str(schema.get("type")))
    if value is None:
        return
    if kinds is not None and (
        not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)
    ):
        yield at, "wrong_type"
    elif isinstance(value, Mapping) and "properties" in schema:
        for key, inner in value.items():
            place = f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}"
            asked = schema["properties"].get(key)
            if asked is None:
                yield place, "unknown_key"
            else:
                yield from _misfits(asked, inner, place)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for number, inner in enumerate(value):
            yield from _misfits(schema["items"], inner, f"{at}/{number}")
