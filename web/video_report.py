"""What the device check found, as the browser tells it (R-175, manual 3.1): a failure blocks the way.

The browser is believed: whoever cheats here sits in a call without picture or sound, and the agent sees it.
"""

from collections.abc import Mapping
from typing import Any

#: Most findings that are kept, the longest of them, in characters, and no figure is larger.
MOST, LONGEST, MOST_EVER = 40, 200, 10**9
#: What must work before somebody may queue, and what to say when it does not.
NEEDED = {
    "camera": "请先完成摄像头检测",
    "microphone": "请先完成麦克风检测",
    "speaker": "请先完成扬声器检测",
    "network": "请先完成网络检测",
}


class Unfinished(Exception):
    """Something was not checked, or does not work; ``message`` is for the customer."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def report(sent: Any) -> Mapping[str, Any]:
    """Return the findings worth keeping.

    :raises Unfinished: something that is needed does not work.
    """
    given = sent if isinstance(sent, dict) else {}
    for name, message in NEEDED.items():
        if given.get(name) is not True:
            raise Unfinished(message)
    kept = {str(name)[:40]: _tidy(value) for name, value in list(given.items())[:MOST]}
    return {_tidy(name): value for name, value in kept.items()}


def _tidy(value: Any) -> Any:
    """Return a finding as something that can be kept: a word, a figure, yes or no."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if abs(value) < MOST_EVER else None
    return value[:LONGEST].encode("utf-8", "replace").decode() if isinstance(value, str) else None
