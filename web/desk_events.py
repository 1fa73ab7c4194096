"""What live events tell staff of the video queue: that a queue moved, and that a ticket of one's own did."""

from collections.abc import Mapping
from typing import Any

from engine import Actor
from handlers import roles


def of_queue(actor: Actor, told: Mapping[str, Any]) -> tuple[str, dict[str, str]] | None:
    """Return the event for a member of staff, or None; it names a queue or a ticket and nothing else."""
    if told.get("agent") is not None:
        mine = str(told["agent"]) == actor.id
        return ("agent", {"ticket": str(told.get("ticket", ""))}) if mine else None
    line = str(told.get("queue") or "")
    if not line or not roles.may(actor, "queue.watch"):
        return None
    # A pool of branches is a queue of its own, named after all of them.
    mine = not actor.branches or bool(actor.branches & set(line.split("+")))
    return ("queue", {"line": line}) if mine else None
