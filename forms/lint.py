"""What a form file may hold: the closed subset, checked before anything else reads the file.

Every finding names the element and says in Chinese and in English what to change, for the analyst.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from forms import dictionaries
from forms.errors import Finding
from forms.expressions import ExpressionRefused, compile_expression
from forms.field_decision import WORDS
from forms.guard import refused_key
from forms.kinds import KINDS
from forms.rules import PAGE_RULES, RULES
from forms.schema import CONTAINERS, DISPLAY, Form, words

TYPES = frozenset(KINDS) | CONTAINERS | DISPLAY
#: Types of form-js that open a way for scripts or for requests of the server.
DANGEROUS = frozenset({"html", "iframe", "expression", "script", "image", "documentPreview", "table"})
CHOICES = frozenset({"select", "radio", "checklist"})

FORM_KEYS = frozenset(
    words(
        "id title type components properties schemaVersion exporter versionTag "
        "executionPlatform executionPlatformVersion"
    )
)
COMPONENT_KEYS = frozenset(
    words(
        "type key path id label description text defaultValue readonly disabled values validate conditional "
        "layout properties components subtype dateLabel showOutline allowAddRemove isRepeating "
        "defaultRepetitions nonCollapsedItems disableCollapse searchable appearance verticalAlignment"
    )
)
VALIDATE_KEYS = frozenset(words("required minLength maxLength min max pattern patternErrorMessage"))
#: Properties whose value is an expression.
EXPRESSIONS = ("prefill", "old", "keep")
#: Keys that the judge itself puts among the answers, or reads from what is posted.
TAKEN = frozenset({"flags", "confirm"})
LONGEST_FILE = 512 * 1024
MOST_COMPONENTS = 400
DEEPEST = 5

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
_MARKUP = re.compile(r"<\s*[A-Za-z/!?]|javascript\s*:", re.IGNORECASE)
#: A repeated group that holds a repetition: such a pattern can take for ever.
_SLOW = re.compile(r"\([^()]*[*+}][^()]*\)\s*[*+{]|\\[1-9]|\(\?P=")


class _Said(NamedTuple):
    zh: str
    en: str


def lint(source: Form | bytes | str | Mapping[str, Any]) -> list[Finding]:
    """Return what is wrong with a form; a form that was read already has been through here."""
    if isinstance(source, Form):
        return []
    if isinstance(source, bytes | str):
        if len(source) > LONGEST_FILE:
            return [Finding("form", "表单文件超过512KB，请拆分", "the file is larger than 512 kB; split it")]
        try:
            source = orjson.loads(source)
        except orjson.JSONDecodeError:
            return [Finding("form", "文件不是有效的JSON", "the file is not JSON")]
    if not isinstance(source, Mapping):
        return [Finding("form", "表单应是一个JSON对象", "a form is a JSON object")]
    return list(_form(source))


def _form(source: Mapping[str, Any]) -> Iterator[Finding]:
    for key in sorted(set(source) - FORM_KEYS):
        yield Finding("form", f"表单不支持“{key}”，请删除", f"a form has no {key!r}; remove it")
    if not isinstance(source.get("id"), str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", source["id"]):
        yield Finding("form", "请给表单一个id（字母开头）", "the form needs an id that begins with a letter")
    components = source.get("components")
    if not isinstance(components, list):
        yield Finding("form", "表单缺少components列表", "the form needs a list of components")
        return
    properties = source.get("properties") or {}
    if not isinstance(properties, Mapping):
        yield Finding("form", "properties应是对象", "properties is an object")
        properties = {}
    for name in words(properties.get("rules")):
        if name not in PAGE_RULES:
            yield Finding("form", f"没有页面规则“{name}”", f"there is no page rule {name!r}")
    if _count(components) > MOST_COMPONENTS:
        most = MOST_COMPONENTS
        yield Finding("form", f"组件超过{most}个，请拆分表单", f"more than {most} components; split the form")
        return
    yield from _components(components, "", 0)


def _count(components: Any, depth: int = 0) -> int:
    if not isinstance(components, list) or depth > DEEPEST + 1:
        return 0
    below = (one.get("components") for one in components if isinstance(one, Mapping))
    return len(components) + sum(_count(inner, depth + 1) for inner in below)


def _components(
    components: list[Any], within: str, depth: int, seen: set[str] | None = None
) -> Iterator[Finding]:
    """Go through components that share one object; a group without a path shares its parent's."""
    keys = set() if seen is None else seen
    for place, one in enumerate(components):
        if not isinstance(one, Mapping):
            yield Finding(f"{within}[{place}]", "组件应是对象", "a component is an object")
            continue
        name = str(one.get("key") or one.get("path") or one.get("id") or f"[{place}]")
        element = f"{within}.{name}".lstrip(".")
        key = one.get("key") or one.get("path")
        if isinstance(key, str) and key:
            if key in keys:
                yield Finding(element, f"“{key}”重复，请改名", f"{key!r} is used twice; rename one")
            keys.add(key)
        for said in _component(one):
            yield Finding(element, said.zh, said.en)
        below = one.get("components")
        if one.get("type") in CONTAINERS and isinstance(below, list):
            if depth >= DEEPEST:
                yield Finding(element, f"嵌套超过{DEEPEST}层", f"nested more than {DEEPEST} deep")
            else:
                yield from _components(below, element if key else within, depth + 1, None if key else keys)


def _component(one: Mapping[str, Any]) -> Iterator[_Said]:
    type_ = one.get("type")
    if type_ in DANGEROUS:
        yield _Said(
            f"不允许使用“{type_}”组件：它能带入脚本或外部内容",
            f"{type_!r} is refused: it can bring in scripts or outside content",
        )
        return
    if not isinstance(type_, str) or type_ not in TYPES:
        yield _Said(
            f"没有“{type_}”这种组件，请从面板中选择",
            f"there is no component {type_!r}; choose one of the palette",
        )
        return
    for key in sorted(set(one) - COMPONENT_KEYS):
        yield _Said(f"组件不支持“{key}”，请删除", f"a component has no {key!r}; remove it")
    yield from _names(one, type_)
    for key in ("label", "description", "text"):
        value = one.get(key)
        if value is not None and not isinstance(value, str):
            yield _Said(f"“{key}”应是文字", f"{key!r} is text")
        elif isinstance(value, str) and _MARKUP.search(value):
            yield _Said(f"“{key}”中不能有HTML标签", f"{key!r} must not hold HTML")
    yield from _validate(one.get("validate"))
    yield from _condition(one.get("conditional"))
    yield from _properties(one, type_)
    yield from _values(one, type_)


def _names(one: Mapping[str, Any], type_: str) -> Iterator[_Said]:
    key = one.get("key") or one.get("path")
    if one.get("key") and one.get("path"):
        yield _Said("“key”与“path”只能有一个", "use either key or path, not both")
    if not key:
        if type_ not in DISPLAY and type_ != "group":
            yield _Said("请填写key：答案以它保存", "give it a key: the answer is stored under it")
    elif not isinstance(key, str) or not _KEY.fullmatch(key):
        yield _Said(
            "key只能用字母、数字和下划线，并以字母开头",
            "a key has letters, digits and underscores, a letter first",
        )
    elif refused_key(key) or key in TAKEN:
        yield _Said(f"“{key}”是保留名称，请改名", f"{key!r} is a reserved name; rename it")


def _validate(found: Any) -> Iterator[_Said]:
    if found is None:
        return
    if not isinstance(found, Mapping):
        yield _Said("validate应是对象", "validate is an object")
        return
    for key in sorted(set(found) - VALIDATE_KEYS):
        yield _Said(f"校验不支持“{key}”，请删除", f"validate has no {key!r}; remove it")
    for key in ("minLength", "maxLength"):
        if key in found and (type(found[key]) is not int or found[key] < 0):
            yield _Said(f"“{key}”应是不小于0的整数", f"{key!r} is a whole number, not below 0")
    for key in ("min", "max"):
        if key in found and (isinstance(found[key], bool) or not isinstance(found[key], int | float)):
            yield _Said(f"“{key}”应是数字", f"{key!r} is a number")
    if (pattern := found.get("pattern")) is not None:
        try:
            re.compile(pattern)
        except (re.error, TypeError, RecursionError):
            yield _Said("pattern不是有效的正则表达式", "the pattern is not a regular expression")
        else:
            if len(pattern) > 200 or _SLOW.search(pattern):
                yield _Said(
                    "pattern过长或可能极慢（嵌套重复），请改写", "the pattern is too long or may be very slow"
                )


def _condition(found: Any) -> Iterator[_Said]:
    if found is None:
        return
    if not isinstance(found, Mapping) or set(found) - {"hide"}:
        yield _Said("conditional只能有hide", "conditional has hide and nothing else")
    elif found.get("hide") not in (None, ""):
        yield from _expression("hide", found["hide"])


def _expression(name: str, text: Any) -> Iterator[_Said]:
    if not isinstance(text, str):
        yield _Said(f"“{name}”应是表达式文字", f"{name!r} is the text of an expression")
        return
    try:
        compile_expression(text)
    except ExpressionRefused as refused:
        yield _Said(f"“{name}”：{refused.why_zh}", f"{name!r} {refused.why}")


def _properties(one: Mapping[str, Any], type_: str) -> Iterator[_Said]:
    found = one.get("properties")
    if found is None:
        return
    if not isinstance(found, Mapping):
        yield _Said("properties应是对象", "properties is an object")
        return
    for key, value in found.items():
        if not isinstance(value, str | int | float | bool) or refused_key(str(key)):
            yield _Said(
                f"属性“{key}”应是文字、数字或真假", f"property {key!r} is text, a number, or true or false"
            )
    for name in words(found.get("rule")):
        if name not in RULES:
            yield _Said(f"没有规则“{name}”", f"there is no rule {name!r}")
    for name in EXPRESSIONS:
        if found.get(name):
            yield from _expression(name, found[name])
    if (slot := found.get("slot")) and slot not in ("front", "back", "signature"):
        yield _Said("slot只能是front、back或signature", "slot is front, back or signature")
    if (level := found.get("division")) and level not in ("province", "city", "district"):
        yield _Said("division只能是province、city或district", "division is province, city or district")
    for name in ("least", "most"):
        if name in found and not re.fullmatch(r"\d{1,2}", str(found[name]), re.ASCII):
            yield _Said(f"“{name}”应是0到99的整数", f"{name!r} is a whole number from 0 to 99")
    if type_ == "decision" and set(words(found.get("decisions"))) - set(WORDS):
        known = "、".join(WORDS)
        yield _Said(f"decisions只能是{known}", f"decisions are among {known}")


def _values(one: Mapping[str, Any], type_: str) -> Iterator[_Said]:
    values = one.get("values")
    properties = one.get("properties") if isinstance(one.get("properties"), Mapping) else {}
    name = (properties or {}).get("dictionary")
    if name and name not in dictionaries.LISTS:
        yield _Said(f"没有字典“{name}”", f"there is no dictionary {name!r}")
    if values is None:
        if type_ in CHOICES and not name and not (properties or {}).get("division"):
            yield _Said("请添加选项（values）或选择字典", "add options (values) or name a dictionary")
        return
    if type_ not in CHOICES:
        yield _Said("只有选择类组件才有选项", "only choices have options")
    elif not isinstance(values, list) or not values:
        yield _Said("请添加选项（values）", "add options (values)")
    elif not all(
        isinstance(v, Mapping)
        and set(v) <= {"label", "label_en", "value"}
        and isinstance(v.get("label"), str)
        and isinstance(v.get("label_en", ""), str)
        and isinstance(v.get("value"), str)
        and v["value"]
        for v in values
    ):
        yield _Said("每个选项都要有label和value", "every option has a label and a value")
    elif len({v["value"] for v in values}) < len(values):
        yield _Said("选项的value重复", "two options have the same value")
