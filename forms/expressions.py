"""Expressions: the small closed language of diagrams, decision tables and forms.

An analyst writes ``review.decision == "return" and len(photos) > 0``. It looks like Python and is
read by Python's own parser, but nothing of Python is run: the text is turned once into closures
that know plain JSON values and nothing else. There are

* names, ``a.b`` and ``a["b"]`` on objects, ``a[0]`` on lists; **whatever is missing is null**, at every step;
* ``true false null``, whole and decimal numbers, strings in either quote, ``[lists]``;
* ``== != < <= > >=``, ``in``, ``not in``, ``and``, ``or``, ``not``, ``+``, ``-``, ``x if c else y``;
* ``len int str min max bool``.

A single ``=`` is equality, and a leading ``=`` as FEEL writes it is dropped. An ordering comparison
with null, or between different kinds, is false; a sum of what cannot be added is null. Evaluation
never raises and takes time linear in the data: there is no multiplication, no loop and no recursion.
"""

import ast
import keyword
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

from forms import values

#: Longest expression accepted, in characters.
LONGEST = 500
#: Most names, literals and operations in one expression.
MOST_NODES = 60
#: Deepest nesting of brackets.
DEEPEST = 20
FUNCTIONS = frozenset({"len", "int", "str", "min", "max", "bool"})

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>"[^"\\\n\r]*"|'[^'\\\n\r]*')
      | (?P<number>\d+(?:\.\d+)?(?![\w.]))
      | (?P<name>[^\W\d]\w*)
      | (?P<sign>==|!=|<=|>=|[<>=+\-()\[\],.])""",
    re.VERBOSE,
)
_CONSTANTS = {"true": "True", "false": "False", "null": "None"}
_WORDS = frozenset({"and", "or", "not", "in", "if", "else", "True", "False", "None"})

Read = Callable[[Mapping[str, Any]], Any]

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: values.same,
    ast.NotEq: lambda one, other: not values.same(one, other),
    ast.Lt: lambda one, other: values.comparable(one, other) and one < other,
    ast.LtE: lambda one, other: values.comparable(one, other) and one <= other,
    ast.Gt: lambda one, other: values.comparable(one, other) and one > other,
    ast.GtE: lambda one, other: values.comparable(one, other) and one >= other,
    ast.In: values.among,
    ast.NotIn: lambda one, other: not values.among(one, other),
}

_CALLS: dict[str, Callable[[Any], Any]] = {
    "len": values.length,
    "int": values.whole,
    "str": values.text,
    "bool": bool,
}


class ExpressionRefused(ValueError):
    """This text is not an expression of the closed language."""

    def __init__(self, text: str, why: str, why_zh: str) -> None:
        super().__init__(f"{why}: {text[:80]!r}")
        self.text = text
        #: What to change, in English.
        self.why = why
        #: What to change, in Chinese.
        self.why_zh = why_zh


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read and found harmless."""

    text: str
    #: The top-level variables it reads.
    names: frozenset[str]
    #: The paths it reads, as far as they are written out: ``("review", "decision")``.
    paths: frozenset[tuple[str, ...]]
    #: Paths with a literal they are compared with; a dry run answers with these.
    hints: tuple[tuple[tuple[str, ...], Any], ...]
    _read: Read = field(repr=False, compare=False)

    def evaluate(self, data: Mapping[str, Any]) -> Any:
        """Return the JSON value over ``data``; what is missing there is None."""
        return self._read(data)


def compile_expression(text: str) -> Expression:
    """Read ``text`` once; the result is cached.

    :raises ExpressionRefused: with what to change, in English and Chinese.
    """
    if len(text) > LONGEST:
        raise ExpressionRefused(
            text, f"is longer than {LONGEST} characters", f"表达式超过 {LONGEST} 个字符，请拆成几个条件"
        )
    return _compile(text)


def evaluate(text: str, data: Mapping[str, Any]) -> Any:
    """Compile ``text`` and evaluate it over ``data``."""
    return compile_expression(text).evaluate(data)


@lru_cache(4096)
def _compile(text: str) -> Expression:
    try:
        tree = ast.parse(_rewrite(text), mode="eval").body
    except ExpressionRefused:
        raise
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionRefused(
            text, "is not an expression", "表达式写法有误，请检查括号、引号和运算符"
        ) from None
    if sum(isinstance(node, ast.expr) for node in ast.walk(tree)) > MOST_NODES:
        raise ExpressionRefused(
            text, f"has more than {MOST_NODES} parts", f"表达式超过 {MOST_NODES} 个部分，请拆成几个条件"
        )
    reader = _Reader(text)
    read = reader.read(tree)
    hints = tuple(_hints(tree))
    return Expression(text, frozenset(reader.names), frozenset(_paths(tree)), hints, read)


def _rewrite(text: str) -> str:
    """Return ``text`` as Python, having let only the language's own tokens through."""
    words: list[str] = []
    at = depth = 0
    before = ""
    text_read = text.strip()
    if text_read.startswith("=") and not text_read.startswith("=="):
        text_read = text_read[1:]
    while at < len(text_read):
        found = _TOKEN.match(text_read, at)
        if found is None:
            sign = text_read[at] if text_read[at].isprintable() else ascii(text_read[at])
            raise ExpressionRefused(
                text, f"has {sign!r}, which the language does not know", f"表达式中不能使用“{sign}”"
            )
        at = found.end()
        kind, word = found.lastgroup, found.group()
        if kind == "space":
            continue
        if kind == "name" and before != ".":
            word = _CONSTANTS.get(word, word)
        if kind == "name" and keyword.iskeyword(word) and (word not in _WORDS or before == "."):
            raise ExpressionRefused(
                text, f"uses the reserved word {word!r}", f"“{word}”是保留字，不能在表达式中使用"
            )
        if kind == "number" and len(word) > values.MOST_DIGITS:
            raise ExpressionRefused(
                text,
                f"has a number of more than {values.MOST_DIGITS} digits",
                f"数字超过 {values.MOST_DIGITS} 位",
            )
        if kind == "string" and before == "string":
            raise ExpressionRefused(text, "has two strings side by side", "两个文字之间缺少运算符")
        depth += (word in ("(", "[")) - (word in (")", "]"))
        if depth > DEEPEST:
            raise ExpressionRefused(
                text, f"nests brackets more than {DEEPEST} deep", f"括号嵌套超过 {DEEPEST} 层"
            )
        before = kind if kind == "string" else word
        words.append("==" if word == "=" else word)
    if not words:
        raise ExpressionRefused(text, "is empty", "表达式为空")
    return " ".join(words)


class _Reader:
    """Turns a parsed expression into closures, and remembers which variables it reads."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()

    def refuse(self, why: str, why_zh: str) -> ExpressionRefused:
        return ExpressionRefused(self.text, why, why_zh)

    def read(self, node: ast.expr) -> Read:
        match node:
            case ast.Constant(value=None | bool() | int() | float() | str() as value):
                return lambda data: value
            case ast.Name(id=name):
                return self.variable(name)
            case ast.Attribute(value=owner, attr=key):
                self.check(key)
                whole = self.read(owner)
                return lambda data: values.member(whole(data), key)
            case ast.Subscript(value=owner, slice=index) if not isinstance(index, ast.Tuple):
                whole, place = self.read(owner), self.read(index)
                return lambda data: values.member(whole(data), place(data))
            case ast.List(elts=items):
                parts = [self.read(item) for item in items]
                return lambda data: [part(data) for part in parts]
            case ast.BoolOp(op=ast.And(), values=items):
                return _every([self.read(item) for item in items])
            case ast.BoolOp(values=items):
                return _some([self.read(item) for item in items])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.read(operand)
                return lambda data: not inner(data)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.read(operand)
                return lambda data: values.subtract(0, inner(data))
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as sign, right=right):
                work = values.add if isinstance(sign, ast.Add) else values.subtract
                first, second = self.read(left), self.read(right)
                return lambda data: work(first(data), second(data))
            case ast.Compare(left=left, ops=signs, comparators=rights):
                return self.comparison(left, signs, rights)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                condition, yes, no = self.read(test), self.read(body), self.read(orelse)
                return lambda data: yes(data) if condition(data) else no(data)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
                return self.call(name, args)
            case ast.Call(func=ast.Name(id=name)):
                known = ", ".join(sorted(FUNCTIONS))
                raise self.refuse(
                    f"calls {name!r}; known functions are {known}", f"没有函数“{name}”，可用的函数：{known}"
                )
            case ast.Call():
                raise self.refuse("calls a method", "不能调用对象的方法")
        raise self.refuse("uses something the language does not know", "含有不支持的写法")

    def check(self, name: str) -> None:
        """Refuse a name that begins with an underscore."""
        if name.startswith("_"):
            raise self.refuse(f"{name!r} begins with an underscore", f"名称“{name}”不能以下划线开头")

    def variable(self, name: str) -> Read:
        self.check(name)
        if name in FUNCTIONS:
            raise self.refuse(f"{name!r} is a function; write {name}(…)", f"“{name}”是函数，请写成 {name}(…)")
        self.names.add(name)
        return lambda data: data.get(name)

    def comparison(self, left: ast.expr, signs: list[ast.cmpop], rights: list[ast.expr]) -> Read:
        first = self.read(left)
        tests = [(_COMPARE[type(sign)], self.read(right)) for sign, right in zip(signs, rights, strict=True)]

        def compare(data: Mapping[str, Any]) -> bool:
            one = first(data)
            for test, right in tests:
                other = right(data)
                if not test(one, other):
                    return False
                one = other
            return True

        return compare

    def call(self, name: str, args: list[ast.expr]) -> Read:
        parts = [self.read(arg) for arg in args]
        if name in ("min", "max"):
            if not parts:
                raise self.refuse(f"{name} needs something to compare", f"函数“{name}”缺少参数")
            return lambda data: values.extreme(name, [part(data) for part in parts])
        if len(parts) != 1:
            raise self.refuse(f"{name} takes one argument", f"函数“{name}”只接受一个参数")
        work, part = _CALLS[name], parts[0]
        return lambda data: work(part(data))


def _every(parts: list[Read]) -> Read:
    def every(data: Mapping[str, Any]) -> Any:
        value: Any = True
        for part in parts:
            value = part(data)
            if not value:
                return value
        return value

    return every


def _some(parts: list[Read]) -> Read:
    def some(data: Mapping[str, Any]) -> Any:
        value: Any = False
        for part in parts:
            value = part(data)
            if value:
                return value
        return value

    return some


def _path(node: ast.expr) -> tuple[str, ...] | None:
    """Return the written-out path of ``a.b["c"]``, or None when part of it is computed."""
    match node:
        case ast.Name(id=name):
            return (name,)
        case (
            ast.Attribute(value=owner, attr=key)
            | ast.Subscript(value=owner, slice=ast.Constant(value=str() as key))
        ):
            before = _path(owner)
            return None if before is None else (*before, key)
    return None


def _paths(tree: ast.expr) -> Iterator[tuple[str, ...]]:
    """Yield the longest written-out paths of ``tree``."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.expr) and (path := _path(node)) is not None:
            yield path
        elif isinstance(node, ast.Call):
            waiting.extend(node.args)
        else:
            waiting.extend(ast.iter_child_nodes(node))


def _hints(tree: ast.expr) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each path with each literal that it is compared with."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        for left, right in pairwise(sides):
            for place, value in ((left, right), (right, left)):
                path = _path(place)
                if path is None:
                    continue
                literals = value.elts if isinstance(value, ast.List) else [value]
                yield from ((path, item.value) for item in literals if isinstance(item, ast.Constant))
