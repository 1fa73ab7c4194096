"""Conditions for the browser: a form's ``hide`` expressions as nested lists that a script can follow.

The server decides what is asked; the script only saves the reader a round trip. So a condition that
cannot be carried over is simply left out, and whatever an expression reads beside the page's own
questions (case data, settings) is put in as the value it has now.

``tax_type in ["B", "C"]`` becomes ``["in", ["of", "tax_type"], ["list", ["is", "B"], ["is", "C"]]]``.
"""

import ast
import re
from collections.abc import Collection, Mapping
from typing import Any

from forms.expressions import Expression, evaluate

#: Strings are kept as they are; a single ``=`` and the constants are written Python's way.
_REWRITTEN = re.compile(r"""("[^"]*"|'[^']*')|(?<![=!<>])=(?!=)|\b(true|false|null)\b""")
_CONSTANTS = {"true": "True", "false": "False", "null": "None"}

_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}

Tree = list[Any]


class _NotForTheBrowser(Exception):
    """This part of an expression is left to the server."""


def tree(condition: Expression, asked: Collection[str], known: Mapping[str, Any]) -> Tree | None:
    """Return ``condition`` for the browser, or None when only the server can tell.

    :param asked: keys of the questions on the page; only these are read from it.
    :param known: what the other names stand for now.
    """
    text = condition.text.strip()
    text = text[1:] if text.startswith("=") and not text.startswith("==") else text
    try:
        parsed = ast.parse(_REWRITTEN.sub(_rewritten, text), mode="eval")
        return _part(parsed.body, asked, known)
    except (SyntaxError, _NotForTheBrowser):
        return None


def _rewritten(found: re.Match[str]) -> str:
    if found[1]:
        return found[1]
    return _CONSTANTS[found[2]] if found[2] else "=="


def _part(node: ast.expr, asked: Collection[str], known: Mapping[str, Any]) -> Tree:
    match node:
        case ast.Constant(value=value):
            return ["is", value]
        case ast.List(elts=parts):
            return ["list", *(_part(one, asked, known) for one in parts)]
        case ast.BoolOp(op=sign, values=parts):
            word = "and" if isinstance(sign, ast.And) else "or"
            return [word, *(_part(one, asked, known) for one in parts)]
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return ["not", _part(inner, asked, known)]
        case ast.Compare(left=left, ops=[sign], comparators=[right]):
            return [_SIGNS[type(sign)], _part(left, asked, known), _part(right, asked, known)]
        case ast.Call(func=ast.Name(id="len"), args=[inner]):
            return ["len", _part(inner, asked, known)]
        case ast.Name() | ast.Attribute() | ast.Subscript():
            path = _path(node)
            if path[0] in asked:
                return ["of", ".".join(path)]
            return ["is", _plain(evaluate(ast.unparse(node), known))]
    raise _NotForTheBrowser


def _path(node: ast.expr) -> list[str]:
    match node:
        case ast.Name(id=name):
            return [name]
        case ast.Attribute(value=owner, attr=key):
            return [*_path(owner), key]
        case ast.Subscript(value=owner, slice=ast.Constant(value=key)):
            return [*_path(owner), str(key)]
    raise _NotForTheBrowser


def _plain(value: Any) -> Any:
    """Return ``value`` when it is harmless to send: a word, a number, yes or no, or a list of those."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list):
        return [_plain(one) for one in value]
    raise _NotForTheBrowser
