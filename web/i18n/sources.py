"""Where sentences are found that no template holds: the words of a form, and of Python."""

import ast
import json
from collections.abc import Collection, Iterator
from typing import IO, Any

#: The parts of a component, of one of its choices, or of its properties that a person reads.
READ = ("title", "label", "description", "text", "message", "note", "placeholder", "hint")

Found = tuple[int, str, str, list[str]]


def form(
    fileobj: IO[bytes], keywords: Collection[str], comment_tags: Collection[str], options: dict[str, Any]
) -> Iterator[Found]:
    """Yield every sentence of a ``.form`` file that brings no English of its own, as Babel asks for them."""
    del keywords, comment_tags, options
    yield from _sentences(json.load(fileobj))


def _sentences(part: Any) -> Iterator[Found]:
    match part:
        case dict():
            own = part.get("properties") or {}
            english = {key for key in READ if isinstance(own, dict) and f"{key}_en" in own}
            for key, value in part.items():
                if key in english:
                    continue
                if key in READ and isinstance(value, str) and any(ord(letter) > 0x2E80 for letter in value):
                    yield 1, "gettext", value, []
                else:
                    yield from _sentences(value)
        case list():
            for each in part:
                yield from _sentences(each)


def spoken(
    fileobj: IO[bytes], keywords: Collection[str], comment_tags: Collection[str], options: dict[str, Any]
) -> Iterator[Found]:
    """Yield every Chinese sentence of a Python file: what is not a docstring or part of a longer one.

    Pages hand such sentences to templates, which translate them where they are shown.
    """
    del keywords, comment_tags, options
    tree = ast.parse(fileobj.read())
    parts = {
        id(piece) for whole in ast.walk(tree) if isinstance(whole, ast.JoinedStr) for piece in ast.walk(whole)
    }
    notes = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in parts or id(node) in notes or not isinstance(node, ast.Constant):
            continue
        if isinstance(node.value, str) and any("\u3400" <= letter <= "\u9fff" for letter in node.value):
            yield node.lineno, "gettext", node.value, []
