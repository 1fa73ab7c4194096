"""The text of an agreement as a template: what it may hold, and how it is filled in.

A company writes it, so it is trusted with words alone: variables of a known list, conditions, loops over
known lists, and plain HTML. ``check`` says what is wrong before anybody can approve it; ``render`` fills it
in inside Jinja's sandbox and lets only the same few elements through, whatever the text says.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any

import nh3
from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from handlers.agreements.documents import Document
from handlers.agreements.variables import known, sample

#: Longest text, in characters: ten times a brokerage contract.
LONGEST = 200_000
#: How deep blocks may lie in one another, and how many of these may be loops.
DEEPEST, MOST_LOOPS = 8, 2
#: Elements a text may hold, and their attributes.
TAGS = frozenset(
    "h2 h3 h4 p ul ol li table thead tbody tr th td strong em br hr".split()  # noqa: SIM905
)
ATTRIBUTES: Mapping[str, set[str]] = {
    "th": {"colspan", "rowspan"},
    "td": {"colspan", "rowspan"},
    "ol": {"start"},
}
#: Largest number such an attribute may have.
MOST_SPAN = 99

_ENVIRONMENT = ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined, cache_size=0)
_ENVIRONMENT.globals.clear()
_ENVIRONMENT.filters.clear()
_ENVIRONMENT.tests.clear()

_BOOLEAN = bool
_LOOP: Mapping[str, Any] = {"index": str, "first": _BOOLEAN, "last": _BOOLEAN}


class TemplateRefused(Exception):
    """A text cannot be an agreement as it is: what is wrong, in words for the person who wrote it."""

    def __init__(self, sentence_zh: str, sentence_en: str) -> None:
        super().__init__(sentence_en)
        self.sentence_zh = sentence_zh
        self.sentence_en = sentence_en


def check(code: str, html: str) -> None:
    """Raise TemplateRefused unless a text is a harmless template of known variables that can be filled in."""
    if not html.strip():
        raise TemplateRefused("请填写协议正文", "Please write the text of the agreement")
    if len(html) > LONGEST:
        raise TemplateRefused(
            f"正文过长，最多{LONGEST}个字符", f"The text is longer than {LONGEST} characters"
        )
    try:
        tree = _ENVIRONMENT.parse(html)
        literal = "".join(value for _, kind, value in _ENVIRONMENT.lex(html) if kind == "data")
    except TemplateSyntaxError as wrong:
        raise TemplateRefused(
            f"第{wrong.lineno}行的变量或条件写法有误：{wrong.message}",
            f"Line {wrong.lineno}: a variable or condition is written wrongly: {wrong.message}",
        ) from None
    except RecursionError:
        raise _too_deep(1) from None
    _Checker(known(code)).block(tree.body, known(code), 0, 0)
    _Harmless().look_through(literal)
    try:
        filled = _compiled(html).render(sample(code))
    except (TemplateError, RecursionError, SyntaxError, MemoryError) as wrong:
        raise TemplateRefused(
            f"正文无法生成：{wrong}", f"The text cannot be filled in: {type(wrong).__name__}: {wrong}"
        ) from None
    _Harmless().look_through(filled)


def render(document: Document, values: Mapping[str, Any]) -> str:
    """Return a document filled in: HTML of a few known elements, safe to put into a page.

    :raises jinja2.UndefinedError: ``values`` lack something the text names.
    """
    return clean(_compiled(document.html).render(values))


def clean(html: str) -> str:
    """Return HTML without anything but the few elements and attributes a text may hold."""
    return nh3.clean(
        html,
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        attribute_filter=_number_only,
        clean_content_tags={"script", "style"},
        url_schemes=set(),
        link_rel=None,
        strip_comments=True,
    )


def words(html: str) -> str:
    """Return the words that a reader sees of some HTML."""
    reader = _Words()
    reader.feed(html)
    reader.close()
    return "".join(reader.found)


@lru_cache(maxsize=128)
def _compiled(html: str) -> Template:
    return _ENVIRONMENT.from_string(html)


def _number_only(tag: str, name: str, value: str) -> str | None:
    return value if value.isascii() and value.isdigit() and 0 < int(value[:4]) <= MOST_SPAN else None


class _Checker:
    """Goes through a template's tree: nothing but the few nodes it knows, no variable but the known ones."""

    def __init__(self, offered: Mapping[str, Any]) -> None:
        self._offered = offered

    def block(self, body: list[nodes.Node], scope: Mapping[str, Any], deep: int, loops: int) -> None:
        """Check statements one after another."""
        for node in body:
            if deep > DEEPEST or loops > MOST_LOOPS:
                raise _too_deep(node.lineno)
            if isinstance(node, nodes.Output):
                for part in node.nodes:
                    self._output(part, scope)
            elif isinstance(node, nodes.If):
                self.kind(node.test, scope)
                for inside in (*node.body, *node.elif_, *node.else_):
                    self.block([inside], scope, deep + 1, loops)
            elif isinstance(node, nodes.For) and isinstance(node.target, nodes.Name):
                self._loop(node, scope, deep, loops)
            else:
                raise _not_offered(node)

    def _loop(self, node: nodes.For, scope: Mapping[str, Any], deep: int, loops: int) -> None:
        kind = self.kind(node.iter, scope)
        if not isinstance(kind, list) or node.recursive:
            raise TemplateRefused(
                f"第{node.lineno}行：只能对列表变量循环",
                f"Line {node.lineno}: only lists can be looped over",
            )
        inner = {**scope, "loop": _LOOP, _path(node.target): kind[0]}
        if node.test is not None:
            self.kind(node.test, inner)
        self.block(node.body, inner, deep + 1, loops + 1)
        self.block(node.else_, scope, deep + 1, loops)

    def _output(self, node: nodes.Expr, scope: Mapping[str, Any]) -> None:
        if isinstance(node, nodes.TemplateData):
            return
        if self.kind(node, scope) is not str:
            shown = _path(node) or "…"
            raise TemplateRefused(
                f"第{node.lineno}行：变量“{shown}”不是文字，不能直接显示",
                f"Line {node.lineno}: {shown} is not a text that can be shown",
            )

    def kind(self, node: nodes.Node, scope: Mapping[str, Any]) -> Any:
        """Return what an expression is: ``str``, ``bool``, a mapping, or a list."""
        if isinstance(node, nodes.Const) and isinstance(node.value, str | int | bool):
            return _BOOLEAN if isinstance(node.value, bool) else str
        if isinstance(node, nodes.Name | nodes.Getattr):
            return self._variable(node, scope)
        if isinstance(node, nodes.Compare):
            for one in (node.expr, *(operand.expr for operand in node.ops)):
                self.kind(one, scope)
            if all(operand.op in ("eq", "ne") for operand in node.ops):
                return _BOOLEAN
        elif isinstance(node, nodes.And | nodes.Or):
            self.kind(node.left, scope)
            self.kind(node.right, scope)
            return _BOOLEAN
        elif isinstance(node, nodes.Not):
            self.kind(node.node, scope)
            return _BOOLEAN
        elif isinstance(node, nodes.CondExpr) and node.expr2 is not None:
            self.kind(node.test, scope)
            if self.kind(node.expr1, scope) is str and self.kind(node.expr2, scope) is str:
                return str
        raise _not_offered(node)

    def _variable(self, node: nodes.Node, scope: Mapping[str, Any]) -> Any:
        path = _path(node)
        at: Any = scope
        for step in path.split(".") if path else ():
            at = at.get(step) if isinstance(at, Mapping) else None
            if at is None:
                break
        else:
            if path:
                return at
        if not path:
            raise _not_offered(node)
        raise TemplateRefused(
            f"第{node.lineno}行：没有名为“{path}”的变量", f"Line {node.lineno}: there is no variable {path}"
        )


def _path(node: nodes.Node) -> str:
    """Return a variable's name with dots; nothing for any other expression."""
    if isinstance(node, nodes.Name):
        return str(node.name)
    if isinstance(node, nodes.Getattr):
        above = _path(node.node)
        return f"{above}.{node.attr}" if above else ""
    return ""


#: How people call what a template may not do, by node.
_CALLED: Mapping[type[nodes.Node], tuple[str, str]] = {
    nodes.Call: ("调用函数", "a call"),
    nodes.Filter: ("过滤器（|）", "a filter (|)"),
    nodes.Test: ("is 判断", "an `is` test"),
    nodes.Getitem: ("方括号", "square brackets"),
    nodes.Include: ("引入其他文件", "an include"),
    nodes.Import: ("引入其他文件", "an import"),
    nodes.FromImport: ("引入其他文件", "an import"),
    nodes.Extends: ("引入其他文件", "an extends"),
    nodes.Macro: ("宏", "a macro"),
    nodes.Assign: ("赋值", "an assignment"),
}


def _not_offered(node: nodes.Node) -> TemplateRefused:
    zh, en = _CALLED.get(type(node), ("此写法", type(node).__name__))
    return TemplateRefused(
        f"第{node.lineno}行：不能使用{zh}，只能使用变量、条件和循环",
        f"Line {node.lineno}: {en} is not allowed; only variables, conditions and loops are",
    )


def _too_deep(line: int) -> TemplateRefused:
    return TemplateRefused(
        f"第{line}行：条件或循环嵌套过深", f"Line {line}: blocks lie too deep in one another"
    )


_ALLOWED_ZH = "只能使用标题（h2 至 h4）、段落、列表、表格、strong、em、br 和 hr"
_ALLOWED_EN = "headings (h2 to h4), p, lists, tables, strong, em, br and hr are"


class _Harmless(HTMLParser):
    """Reads HTML and raises at the first thing a text may not hold."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def look_through(self, html: str) -> None:
        """Raise TemplateRefused unless everything in ``html`` may be there."""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line = self.getpos()[0]
        if tag not in TAGS:
            raise TemplateRefused(
                f"第{line}行：不能使用 <{tag}>，{_ALLOWED_ZH}",
                f"Line {line}: <{tag}> is not allowed; {_ALLOWED_EN}",
            )
        for name, value in attrs:
            if name not in ATTRIBUTES.get(tag, ()) or _number_only(tag, name, value or "") is None:
                raise TemplateRefused(
                    f"第{line}行：<{tag}> 不能带有 {name} 属性",
                    f"Line {line}: <{tag}> may not have {name} as it is here",
                )

    handle_startendtag = handle_starttag

    def handle_comment(self, data: str) -> None:
        self._odd()

    def handle_decl(self, decl: str) -> None:
        self._odd()

    def handle_pi(self, data: str) -> None:
        self._odd()

    def unknown_decl(self, data: str) -> None:
        self._odd()

    def _odd(self) -> None:
        line = self.getpos()[0]
        raise TemplateRefused(
            f"第{line}行：不能使用注释或声明", f"Line {line}: comments and declarations are not allowed"
        )


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def lines(html: str) -> Iterator[str]:
    """Yield the lines of a text as two versions are compared by."""
    yield from html.strip().splitlines()
