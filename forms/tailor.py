"""A form as one company shows it: its code lists, its own questions, what it hides or demands (R-141)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from forms import dictionaries, divisions
from forms.context import Context
from forms.expressions import compile_expression
from forms.schema import Choice, Component, Form, Validate

#: Longest answer to a company's own question in text, in characters.
LONGEST_EXTENSION = 100


def for_company(form: Form, context: Context, answers: Mapping[str, Any] | None = None) -> Form:
    """Return ``form`` with options, hidden and mandatory questions as the company set them.

    :param answers: what was typed or is prefilled; the lists of cities and districts follow from it.
    """
    return replace(form, components=_Tailor(context).every(form.components, answers or {}))


class _Tailor:
    def __init__(self, context: Context) -> None:
        self.context = context
        self.modes: Mapping[str, str] = {
            **{name: "optional" for name in ("id_address", "deal_type") if context.setting(name)},
            **({"bad_record": "required"} if context.setting("bad_record_required") else {}),
            **(context.setting("field_modes") or {}),
        }
        self.lists: Mapping[str, Any] = context.setting("dictionaries") or {}

    def every(
        self, components: tuple[Component, ...], answers: Mapping[str, Any], prefix: str = ""
    ) -> tuple[Component, ...]:
        made = []
        for one in components:
            mode = self.modes.get(prefix + one.key) if one.key else None
            if (mode or one.properties.get("mode")) == "hidden":
                continue
            if one.type == "group" or one.components:
                one = self.container(one, answers, prefix)
                if not one.components:
                    continue
            elif values := self.values(one, answers):
                one = replace(one, values=values)
            if mode in ("required", "optional") and not one.components:
                one = replace(one, validate=replace(one.validate, required=mode == "required"))
            made.append(one)
        return tuple(made)

    def container(self, group: Component, answers: Mapping[str, Any], prefix: str) -> Component:
        if group.flag("extensions"):
            return replace(group, components=self.extensions())
        inner = answers.get(group.key) if group.key else answers
        below = inner if isinstance(inner, Mapping) else {}
        prefix = f"{prefix}{group.key}." if group.key else prefix
        return replace(group, components=self.every(group.components, below, prefix))

    def values(self, component: Component, answers: Mapping[str, Any]) -> tuple[Choice, ...]:
        if level := component.properties.get("division"):
            known = divisions.load()
            province, city = str(answers.get("province") or ""), str(answers.get("city") or "")
            if level == "province":
                there = known.provinces()
            else:
                there = known.cities(province) if level == "city" else known.districts(province, city)
            return tuple(Choice(one.name, one.name) for one in there)
        name = str(component.properties.get("dictionary") or "")
        if not name:
            return ()
        offered = dictionaries.entries(name, self.lists, self.context.today)
        if name == "platform_type" and self.context.setting("pep_international"):
            international = next(one for one in dictionaries.DECLARATIONS[name] if one.code == "E")
            offered = (*(one for one in offered if one.code != "E"), international)
        return tuple(Choice(one.code, one.label, one.selectable, one.label_en) for one in offered)

    def extensions(self) -> tuple[Component, ...]:
        """Return the company's own questions."""
        made = []
        for given in self.context.setting("extension_fields") or ():
            key = str(given["key"])
            values = tuple(Choice(str(one["value"]), str(one["label"])) for one in given.get("values") or ())
            longest = None if values else LONGEST_EXTENSION
            made.append(
                Component(
                    type="select" if values else "textfield",
                    key=key,
                    label=str(given["label"]),
                    values=values,
                    validate=Validate(required=bool(given.get("required")), max_length=longest),
                    old=compile_expression(f"profile.extras.{key}"),
                    prefill=compile_expression(f"profile.extras.{key}"),
                )
            )
        return tuple(made)
