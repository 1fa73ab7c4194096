"""Input cells of decision tables: DMN's unary tests around the closed language.

::

    -                 any            "text"  5  true       equal
    >= 5   != "x"     compare        [1..60]  (0..1]       an interval; "(" and ")" leave the end out
    "a","b"           one of         not("a","b")          none of
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from forms import values
from forms.expressions import Expression, ExpressionRefused, compile_expression

#: Longest cell, in characters.
LONGEST = 1000

_INTERVAL = re.compile(r"([\[(])(.+)\.\.(.+)([\])])", re.DOTALL)
_COMPARISON = re.compile(r"(<=|>=|!=|<|>|=)(.+)", re.DOTALL)
_NOT = re.compile(r"not\s*\((.+)\)", re.DOTALL)

#: Tells whether an input value passes a cell; the mapping is the case's data.
Test = Callable[[Any, Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Cell:
    """One input cell: alternatives of which one must hold."""

    element: str
    test: Test = field(repr=False, compare=False)
    expressions: tuple[Expression, ...] = ()


def read_cell(element: str, text: str) -> Cell:
    """Read the unary tests of one input cell.

    :raises ExpressionRefused: with what to change.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise ExpressionRefused(
            text, f"is longer than {LONGEST} characters", f"超过 {LONGEST} 个字符，请拆成几条规则"
        )
    if text in ("", "-"):
        return Cell(element, lambda value, data: True)
    inverted = _NOT.fullmatch(text)
    # not("a") or b is an expression of its own, not a negated list.
    negated = inverted is not None and _balanced(inverted.group(1))
    found: list[Expression] = []
    tests = [_alternative(part, found) for part in split(inverted.group(1) if inverted and negated else text)]

    def passes(value: Any, data: Mapping[str, Any]) -> bool:
        return any(test(value, data) for test in tests) is not negated

    return Cell(element, passes, tuple(found))


def _alternative(text: str, found: list[Expression]) -> Test:
    def expression(part: str) -> Expression:
        made = compile_expression(part)
        found.append(made)
        return made

    text = text.strip()
    if interval := _INTERVAL.fullmatch(text):
        opening, low, high, closing = interval.groups()
        least, most = expression(low), expression(high)
        above = _ORDER[">=" if opening == "[" else ">"]
        below = _ORDER["<=" if closing == "]" else "<"]
        return lambda value, data: above(value, least.evaluate(data)) and below(value, most.evaluate(data))
    if comparison := _COMPARISON.fullmatch(text):
        order, other = _ORDER[comparison.group(1)], expression(comparison.group(2))
        return lambda value, data: order(value, other.evaluate(data))
    same = expression(text)

    def equals(value: Any, data: Mapping[str, Any]) -> bool:
        expected = same.evaluate(data)
        return values.same(value, expected) or (isinstance(expected, list) and values.among(value, expected))

    return equals


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": values.same,
    "!=": lambda one, other: not values.same(one, other),
    "<": lambda one, other: values.comparable(one, other) and one < other,
    "<=": lambda one, other: values.comparable(one, other) and one <= other,
    ">": lambda one, other: values.comparable(one, other) and one > other,
    ">=": lambda one, other: values.comparable(one, other) and one >= other,
}


def split(text: str) -> Iterator[str]:
    """Split at the commas that stand outside of strings and brackets."""
    start = depth = 0
    quote = ""
    for at, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign in "[]()":
            depth += 1 if sign in "[(" else -1
        elif sign == "," and depth == 0:
            yield text[start:at]
            start = at + 1
    yield text[start:]


def _balanced(text: str) -> bool:
    """Tell whether every bracket of ``text`` closes one that it opened."""
    depth = 0
    for sign in re.sub(r"\"[^\"]*\"|'[^']*'", "", text):
        depth += (sign in "([") - (sign in ")]")
        if depth < 0:
            return False
    return depth == 0
