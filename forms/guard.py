"""What nobody may post to any form, looked for before anything of it is read.

A browser never sends these, so the whole page is refused. Keys that a form simply does not ask for are
not refused: they are never read.
"""

import re
from collections.abc import Mapping
from typing import Any

from forms.errors import AnswersRejected, Problem
from forms.fields import LONGEST_POSTED

#: Names that mean something to the engine, to Python or to JavaScript.
REFUSED = frozenset({"typename", "__proto__", "prototype", "constructor"})
#: Most objects and lists inside each other.
DEEPEST = 8
#: Most values of one page.
MOST_VALUES = 2000
LONGEST_KEY = 100

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def refused_key(key: str) -> bool:
    """Tell whether no answer and no question may have this name."""
    return key in REFUSED or key.startswith("_")


def guard(posted: Mapping[str, Any]) -> None:
    """Look through everything that was posted.

    :raises AnswersRejected: a refused key, a text over 10 000 characters, too deep, or too much.
    """
    if not isinstance(posted, Mapping):
        raise _rejected("", "提交的内容格式不正确，请刷新页面后重试", "shape")
    waiting: list[tuple[str, Any, int]] = [("", posted, 0)]
    seen = 0
    while waiting:
        path, value, depth = waiting.pop()
        seen += 1
        if depth > DEEPEST or seen > MOST_VALUES:
            raise _rejected("", "提交的内容过多，请删减后重试", "too_much")
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if not isinstance(key, str) or len(key) > LONGEST_KEY or refused_key(key):
                    shown = str(key)[:40]
                    raise _rejected(
                        "", f"提交的内容中含有不允许的名称“{shown}”，请刷新页面后重试", "refused_key"
                    )
                waiting.append((f"{path}.{key}".lstrip("."), inner, depth + 1))
        elif isinstance(value, list | tuple):
            waiting.extend((f"{path}.{place}", inner, depth + 1) for place, inner in enumerate(value))
        elif isinstance(value, str):
            if len(value) > LONGEST_POSTED:
                raise _rejected(path, f"内容过长，最多{LONGEST_POSTED}个字，请删减后重试", "too_long")
            if "\0" in value or _LONE_SURROGATE.search(value):
                raise _rejected(path, "内容含有不支持的字符，请删除后重试", "characters")
        elif value is not None and not isinstance(value, bool | int | float):
            raise _rejected(path, "提交的内容格式不正确，请刷新页面后重试", "shape")


def _rejected(key: str, message: str, code: str) -> AnswersRejected:
    return AnswersRejected([Problem(key, message, code=code)])
