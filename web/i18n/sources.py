"""Where sentences are found that no template holds: the words of a form."""

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
