"""The little Markdown that a form's text may use: paragraphs, lists, one heading size, bold.

Everything is escaped first, so whatever else an analyst types is shown as typed.
"""

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

_BULLET = re.compile(r"^\s*[-*]\s+")
_NUMBER = re.compile(r"^\s*\d+\.\s+")
_HEADING = re.compile(r"^#{1,4}\s+")
_BOLD = re.compile(r"\*\*(.+?)\*\*")


def prose(text: str) -> Markup:
    """Return ``text`` as HTML."""
    blocks = (block.strip("\n") for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")))
    return Markup("\n").join(_block(block) for block in blocks if block.strip())


def _block(block: str) -> Markup:
    lines = block.split("\n")
    for mark, frame in ((_BULLET, Markup("<ul>{}</ul>")), (_NUMBER, Markup("<ol>{}</ol>"))):
        if all(mark.match(line) for line in lines):
            items = Markup("").join(Markup("<li>{}</li>").format(_line(mark.sub("", one))) for one in lines)
            return frame.format(items)
    if len(lines) == 1 and _HEADING.match(block):
        return Markup("<h2>{}</h2>").format(_line(_HEADING.sub("", block)))
    return Markup("<p>{}</p>").format(Markup("<br>").join(_line(line) for line in lines))


def _line(line: str) -> Markup:
    pieces: Iterator[Markup] = (
        Markup("<strong>{}</strong>").format(part) if odd else escape(part)
        for odd, part in ((index % 2, part) for index, part in enumerate(_BOLD.split(line)))
    )
    return Markup("").join(pieces)
