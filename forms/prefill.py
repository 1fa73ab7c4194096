"""What a page shows before anything is typed: earlier answers, else the case's data, else the default."""

from collections.abc import Mapping
from typing import Any

from forms.context import Context
from forms.kinds import KINDS
from forms.schema import CONTAINERS, DISPLAY, Component, Form


def prefill(form: Form, context: Context) -> dict[str, Any]:
    """Return the answers to show, nested as the form is.

    Answers given before in this case win, then each question's ``prefill`` expression, then its default.
    """
    scope = context.variables()
    return _every(form.components, context.previous, context, scope)


def _every(
    components: tuple[Component, ...], previous: Mapping[str, Any], context: Context, scope: dict[str, Any]
) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for one in components:
        if one.type in DISPLAY:
            continue
        before = previous.get(one.key) if one.key else None
        if before is None and one.type in CONTAINERS and one.prefill:
            before = _without_fresh(one, one.prefill.evaluate(scope))
        if one.type == "group":
            inner = before if isinstance(before, Mapping) else {}
            below = _every(one.components, inner if one.key else previous, context, scope)
            if one.key:
                shown[one.key] = below
            else:
                shown |= below
        elif one.type == "dynamiclist":
            shown[one.key] = before if isinstance(before, list) else []
        else:
            shown[one.key] = _one(one, before, previous, context, scope)
    return shown


def _without_fresh(container: Component, stored: Any) -> Any:
    """Leave out what has to be answered every time anew, such as a statement to be ticked."""
    if not isinstance(stored, Mapping):
        return stored
    fresh = {one.key for one in container.components if one.flag("fresh")}
    return {name: value for name, value in stored.items() if name not in fresh}


def _one(
    component: Component, before: Any, previous: Mapping[str, Any], context: Context, scope: dict[str, Any]
) -> Any:
    kind = KINDS[component.type]
    if kind.fresh:
        return None
    # What the server holds may be newer than the answer; a read-only value is the case's, always.
    if kind.held or component.readonly:
        value = kind.prefill(component, context, scope)
        return before if value is None and not component.readonly else value
    spread = kind.spread or component.flag("spread")
    if spread and not isinstance(before, Mapping):
        before = {name: part for name, part in previous.items() if name != "flags"} or None
    return before if before is not None else kind.prefill(component, context, scope)
