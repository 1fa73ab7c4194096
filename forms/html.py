"""HTML forms to nested answers: ``mobile``, ``address.city``, ``tax.residences.0.tin``.

What comes out is what the REST API takes as JSON; it is judged like that, and only the names that the
form asks for are read.
"""

import re
from typing import Any

from forms.fields import Typed
from forms.kinds import KINDS
from forms.schema import DISPLAY, Component, Form

#: Most rows that are read of one list.
MOST_ROWS = 50


def from_html(form: Form, typed: Typed) -> dict[str, Any]:
    """Return what an HTML page posted, nested as the form is; with ``confirm``, the ticked warnings."""
    names = frozenset(typed.keys())
    answers = _read(form.components, "", typed, names)
    if confirmed := list(typed.getlist("confirm")):
        answers["confirm"] = confirmed
    return answers


def _read(
    components: tuple[Component, ...], prefix: str, typed: Typed, names: frozenset[str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in components:
        name = prefix + one.key
        if one.type in DISPLAY or one.readonly:
            continue
        if one.type == "group":
            inner = _read(one.components, f"{name}." if one.key else prefix, typed, names)
            if one.key:
                found[one.key] = inner
            else:
                found |= inner
        elif one.type == "dynamiclist":
            rows = _rows(name, names)
            found[one.key] = [_read(one.components, f"{name}.{row}.", typed, names) for row in rows]
        else:
            value = KINDS[one.type].html(one, name, typed)
            if value is not None:
                found[one.key] = value
    return found


def _rows(name: str, names: frozenset[str]) -> list[int]:
    """Return the numbers of the rows that were sent, in order; gaps are closed."""
    pattern = re.compile(re.escape(name) + r"\.(\d{1,4})\.", re.ASCII)
    return sorted({int(found[1]) for one in names if (found := pattern.match(one))})[:MOST_ROWS]
