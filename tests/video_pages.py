"""视频见证 on the customer's page, in every state, as tests of the look draw it (P12 to P14)."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from forms import load
from tests import pages
from web import video_shown
from web.video_shown import Shown, State


def ticket(state: str, why: str = "first", no_shows: int = 0) -> SimpleNamespace:
    """Return what the templates read of a ticket."""
    return SimpleNamespace(state=state, why=why, no_shows=no_shows, epoch=3)


def shown(panel: Any, of: Any = None, *, open: bool = True, ended: str = "", low: int | None = 2) -> Shown:
    """Return one state of the page."""
    component = next(one for one in load("video").walk() if one.type == "video")
    return Shown(
        state=State(panel, f"{panel}.1", None, of, "seat-1", "/me/tasks/8a1b"),  # type: ignore[arg-type]
        url="/me/tasks/7f0c/video", task_url="/me/tasks/7f0c", handover_url="/me/tasks/7f0c/handover",
        words=video_shown.words(component), version=video_shown.version(component),
        open=open, opens_at=None if open else pages.NOW,
        place={"total": 12, "position": 3, "low": low, "high": low and low + 3},
        agent="周毅", licence="F0301234", ended=ended, branch="杭州营业部", number="1700020000000042",
    )  # fmt: skip


def every() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the name of a page, its template and its context."""
    states: dict[str, tuple[str, Any, dict[str, Any]]] = {
        "consent": ("consent", None, {}),
        "consent_closed": ("consent", None, {"open": False}),
        "check": ("check", None, {}),
        "check_again": ("check", ticket("abandoned"), {"ended": "abandoned", "open": False}),
        "check_no_show": ("check", ticket("no_show"), {"ended": "no_show"}),
        "check_left": ("check", ticket("left"), {"ended": "left"}),
        "queue": ("queue", ticket("waiting"), {}),
        "queue_nobody": ("queue", ticket("waiting", "interrupted"), {"low": None}),
        "queue_sent_back": ("queue", ticket("waiting", "sent_back"), {}),
        "queue_resumed": ("queue", ticket("waiting", "resumed", 1), {}),
        "queue_offered": ("queue", ticket("offered"), {}),
        "call": ("call", ticket("in_call"), {}),
        "passed": ("passed", ticket("passed"), {}),
        "moved": ("moved", ticket("sent_back"), {}),
    }
    for name, (panel, of, more) in states.items():
        witness = shown(panel, of, **more)
        yield f"video_{name}", "task.html", pages.task(load("video"), video=witness)
        if name in {"consent", "queue", "call"}:
            yield f"video_panel_{name}", "video_panel.html", {"witness": witness}
