"""From a form the JSON Schema (2020-12) of what the REST API takes.

It says what a well-formed request looks like; ``judge`` says whether the answers are right. So it never
refuses what a page could send, and never allows a key that the form does not ask for.
"""

from typing import Any

from forms.kinds import KINDS
from forms.schema import DISPLAY, Component, Form


def json_schema(form: Form) -> dict[str, Any]:
    """Return the schema of the answers to ``form``, with ``confirm`` for warnings."""
    found = _object(form.components)
    found["properties"]["confirm"] = {
        "type": "array",
        "items": {"type": "string", "maxLength": 40},
        "description": "codes of the warnings that the person has read and confirms",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:kaihu:form:{form.id}",
        "title": form.title,
        **found,
    }


def _object(components: tuple[Component, ...]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required: list[str] = []
    _collect(components, properties, required, hidden=False)
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        found["required"] = required
    return found


def _collect(
    components: tuple[Component, ...], properties: dict[str, Any], required: list[str], *, hidden: bool
) -> None:
    for one in components:
        may_hide = hidden or one.hide is not None
        if one.type in DISPLAY or one.readonly:
            continue
        if one.type == "group" and not one.key:
            _collect(one.components, properties, required, hidden=may_hide)
            continue
        if one.type == "group":
            schema = _object(one.components)
        elif one.type == "dynamiclist":
            schema = {"type": "array", "items": _object(one.components)}
            schema["maxItems"] = int(one.properties.get("most") or 20)
        else:
            schema = KINDS[one.type].schema(one)
            if schema.get("readOnly"):
                continue
        properties[one.key] = {"title": one.label, **schema} if one.label else schema
        if one.validate.required and not may_hide and one.type != "group":
            required.append(one.key)
