"""Form files: a closed subset of the form-js schema, read into plain records.

A form file is data that an analyst draws; nothing in it runs. ``parse`` refuses whatever is not on the
lists of ``forms.lint``, so everyone behind it meets known types, known keys and compiled conditions.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import orjson

from forms import dictionaries
from forms.errors import FormRefused, UnknownForm
from forms.expressions import Expression, compile_expression

FOLDER = Path(__file__).parent

#: Types that hold other components.
CONTAINERS = frozenset({"group", "dynamiclist"})
#: Types that show something and ask nothing.
DISPLAY = frozenset({"text", "separator"})


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a choice."""

    value: str
    label: str
    selectable: bool = True
    """False: shown where it is the stored value, but may not be chosen (R-142)."""
    label_en: str = ""


@dataclass(frozen=True, slots=True)
class Validate:
    """What form-js checks of a single answer; lengths are counted after trimming."""

    required: bool = False
    min_length: int | None = None
    max_length: int | None = None
    min: float | None = None
    max: float | None = None
    pattern: str | None = None
    pattern_message: str | None = None


@dataclass(frozen=True)
class Component:
    """One question, one piece of text, or one group of them."""

    type: str
    key: str = ""
    """Name of the answer; for groups and lists the name of the object they make, or empty."""
    id: str = ""
    label: str = ""
    description: str = ""
    text: str = ""
    """Markdown of a ``text`` component, or the words consented to."""
    default: Any = None
    readonly: bool = False
    values: tuple[Choice, ...] = ()
    validate: Validate = Validate()
    hide: Expression | None = None
    layout: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    components: tuple["Component", ...] = ()
    rules: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    prefill: Expression | None = None
    old: Expression | None = None
    subtype: str = ""

    @property
    def message(self) -> str:
        """What to say when nothing was answered."""
        return str(self.properties.get("message") or f"{self.label or self.key}不能为空！")

    @property
    def label_en(self) -> str:
        """The label in English, or the Chinese one."""
        return str(self.properties.get("label_en") or self.label)

    def expression(self, name: str) -> Expression | None:
        """Compile property ``name``, if it is there."""
        text = self.properties.get(name)
        return compile_expression(str(text)) if text else None

    def flag(self, name: str) -> bool:
        """Tell whether property ``name`` is switched on."""
        return self.properties.get(name) in (True, "true")

    def walk(self) -> Iterator["Component"]:
        """Yield this component and every one inside it."""
        yield self
        for child in self.components:
            yield from child.walk()


@dataclass(frozen=True)
class Form:
    """One page."""

    id: str
    title: str
    components: tuple[Component, ...]
    properties: Mapping[str, Any] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    """Form-wide rules."""
    checks: tuple[str, ...] = ()
    """Form-wide checks."""

    @property
    def step(self) -> str:
        """The step of the step bar that this page belongs to."""
        return str(self.properties.get("step") or "")

    @property
    def title_en(self) -> str:
        """The title in English, or the Chinese one."""
        return str(self.properties.get("title_en") or self.title)

    def walk(self) -> Iterator[Component]:
        """Yield every component, at any depth, in reading order."""
        for component in self.components:
            yield from component.walk()

    def find(self, key: str) -> Component | None:
        """Return the first component called ``key``."""
        return next((one for one in self.walk() if one.key == key), None)


def words(value: Any) -> tuple[str, ...]:
    """Split a comma list as properties write it."""
    return tuple(part for part in re.split(r"[,\s]+", str(value or "")) if part)


def names() -> tuple[str, ...]:
    """Return the names of the forms that ship with the product."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.form")))


@lru_cache(128)
def load(name: str) -> Form:
    """Return the form that ships as ``<name>.form``.

    :raises UnknownForm: there is none.
    """
    path = FOLDER / f"{name}.form"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not path.is_file():
        raise UnknownForm(name)
    return parse(path.read_bytes())


def parse(data: bytes | str) -> Form:
    """Read a form file.

    :raises FormRefused: with a finding for each thing that is not in the closed subset.
    """
    from forms.lint import lint  # lint needs the kinds, and the kinds need the records above

    if findings := lint(data):
        raise FormRefused(findings)
    source = cast(dict[str, Any], orjson.loads(data))
    properties = source.get("properties") or {}
    return Form(
        id=source["id"],
        title=source.get("title") or "",
        components=tuple(_component(one) for one in source["components"]),
        properties=properties,
        rules=words(properties.get("rules")),
        checks=words(properties.get("checks")),
    )


def _choice(source: Mapping[str, Any]) -> Choice:
    return Choice(str(source["value"]), str(source["label"]), label_en=str(source.get("label_en") or ""))


def _component(source: Mapping[str, Any]) -> Component:
    properties = source.get("properties") or {}
    validate = source.get("validate") or {}
    hide = (source.get("conditional") or {}).get("hide")
    values = tuple(_choice(one) for one in source.get("values") or ())
    if not values and (name := str(properties.get("dictionary"))) in dictionaries.LISTS:
        listed = (one for one in dictionaries.LISTS[name] if one.active)
        values = tuple(Choice(one.code, one.label, one.selectable, one.label_en) for one in listed)
    return Component(
        type=source["type"],
        key=source.get("key") or source.get("path") or "",
        id=source.get("id") or "",
        label=source.get("label") or "",
        description=source.get("description") or "",
        text=source.get("text") or "",
        default=source.get("defaultValue"),
        readonly=bool(source.get("readonly") or source.get("disabled")),
        values=values,
        validate=Validate(
            required=bool(validate.get("required")),
            min_length=validate.get("minLength"),
            max_length=validate.get("maxLength"),
            min=validate.get("min"),
            max=validate.get("max"),
            pattern=validate.get("pattern"),
            pattern_message=validate.get("patternErrorMessage"),
        ),
        hide=compile_expression(hide) if isinstance(hide, str) else None,
        layout=source.get("layout") or {},
        properties=properties,
        components=tuple(_component(one) for one in source.get("components") or ()),
        rules=words(properties.get("rule")),
        checks=words(properties.get("check")),
        prefill=compile_expression(properties["prefill"]) if properties.get("prefill") else None,
        old=compile_expression(properties["old"]) if properties.get("old") else None,
        subtype=source.get("subtype") or "",
    )
