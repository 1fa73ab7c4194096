"""Answers as a person reads them: what a stored value of each kind of question looks like in words."""

from collections.abc import Mapping
from typing import Any

from forms import Choice, Component, Form
from web.i18n import gettext, language


def label_of(component: Component) -> str:
    """Return the question's label in the reader's language; a form may bring its own English."""
    if language() == "en" and component.label_en != component.label:
        return component.label_en
    return gettext(component.label) if component.label else ""


def choice_of(choice: Choice) -> str:
    """Return a choice's words in the reader's language; a code list may bring its own English."""
    if language() == "en" and choice.label_en:
        return choice.label_en
    return gettext(choice.label) if choice.label else ""


def title_of(form: Form) -> str:
    """Return the page's title in the reader's language; a form may bring its own English."""
    if language() == "en" and form.title_en != form.title:
        return form.title_en
    return gettext(form.title) if form.title else ""


def shown(component: Component, value: Any) -> str:
    """Return ``value``, an answer to ``component``, in words."""
    if value is None or value == "":
        return ""
    if isinstance(value, Mapping):
        return _parts(value)
    labels = {one.value: choice_of(one) for one in component.values}
    if isinstance(value, list | tuple):
        return "、".join(labels.get(str(one), str(one)) for one in value)
    if isinstance(value, bool):
        return gettext("是") if value else gettext("否")
    return labels.get(str(value), str(value))


def _parts(value: Mapping[str, Any]) -> str:
    if "from" in value:
        until = gettext("长期") if value.get("long_term") else value.get("until")
        return f"{value.get('from') or '—'} {gettext('至')} {until or '—'}"
    if "number" in value:
        return str(value["number"] or "")
    return " ".join(str(one) for one in value.values() if isinstance(one, str | int) and one != "")
