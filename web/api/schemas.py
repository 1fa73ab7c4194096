"""Forms as JSON Schema, closed: a key that a form does not ask for is refused, and named."""

from collections.abc import Iterator, Mapping
from typing import Any

import forms
from engine import TaskView
from web.api.models import ErrorAt

#: Unknown keys named in one answer; a body of nothing but nonsense is not read aloud.
MOST_NAMED = 20


def schema_of(view: TaskView) -> dict[str, Any]:
    """Return the JSON Schema of a task's form as the company shows it."""
    tailored = forms.for_company(view.form, view.context, view.answers)
    found: dict[str, Any] = _closed(forms.json_schema(tailored))
    return found


def unknown_keys(schema: Mapping[str, Any], body: Mapping[str, Any]) -> list[ErrorAt]:
    """Return what ``body`` holds that ``schema`` does not ask for."""
    found = []
    for pointer in _unknown(schema, body, ""):
        named = pointer[:200]
        found.append(
            ErrorAt(
                pointer=named,
                field=named.rpartition("/")[2],
                message="表单没有这一项，请删除 (the form does not ask for this)",
                code="unknown_key",
                level="error",
            )
        )
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


def _unknown(schema: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
    if isinstance(value, Mapping) and "properties" in schema:
        for key, inner in value.items():
            place = f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}"
            asked = schema["properties"].get(key)
            if asked is None:
                yield place
            else:
                yield from _unknown(asked, inner, place)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for number, inner in enumerate(value):
            yield from _unknown(schema["items"], inner, f"{at}/{number}")
