"""What carries a call: one Protocol, an embedded node and a scale-out engine behind it.

An Sfu is one media node as the web process talks to it. Which node carries which call is decided by
``handlers.video.nodes``; who may say what is decided by the pages. All methods block, for at most
``SECONDS``, and are called from Flask's threads.

SfuRefused
├── SfuDown       the node does not answer; another one may
├── NoSuchCall    it carries no such call: it was restarted, or the call is over
├── BadOffer      the description is none it can answer
└── NotYet        there is no picture of this side yet
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from handlers.video.tables import Role

#: Longest wait for a node, in seconds.
SECONDS = 5.0
#: Longest description of a session that is read, in bytes.
LONGEST_SDP = 64 * 1024


class SfuRefused(Exception):
    """A media node cannot do what was asked."""


class SfuDown(SfuRefused):
    """The media node does not answer."""


class NoSuchCall(SfuRefused):
    """The media node carries no such call."""


class BadOffer(SfuRefused):
    """The description of the session cannot be answered."""


class NotYet(SfuRefused):
    """No picture has arrived from this side yet."""


@dataclass(frozen=True)
class CallPlan:
    """What a node must know to carry a call."""

    call_id: UUID
    #: Grows when the call moves between nodes; a node refuses what comes with a lower one.
    node_epoch: int
    #: 32 bytes from which the keys of its segments are derived.
    key: bytes
    #: False: nothing is recorded, and what a side sends comes back to it (device check).
    recorded: bool = True
    #: Servers for relaying, as browsers take them: ``{"urls": …, "username": …, "credential": …}``.
    ice_servers: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Still:
    """One picture of a side, decoded from a key frame that was asked for."""

    jpeg: bytes
    width: int
    height: int
    #: Real time at which the key frame had arrived.
    taken_at: datetime


@dataclass(frozen=True)
class Leg:
    """How one side of a call is doing."""

    #: new, connecting, connected, gone
    state: str
    #: Seconds since the last media arrived; None before the first.
    idle: float | None
    #: Of the pictures that arrive: pixels, pictures a second, kilobits a second.
    width: int
    height: int
    fps: float
    kbps: float
    #: Share of packets lost on the way here in the last seconds, 0 to 1.
    loss: float
    #: Milliseconds recorded of this side, all segments of this node together.
    recorded_ms: int


class Sfu(Protocol):
    """One media node."""

    def open(self, plan: CallPlan) -> None:
        """Make ready for a call; doing it twice changes nothing."""
        ...

    def answer(self, call_id: UUID, role: Role, offer: str) -> str:
        """Answer a browser's SDP offer; an earlier connection of the same side ends.

        :raises BadOffer: with nothing changed.
        """
        ...

    def hang_up(self, call_id: UUID, role: Role) -> None:
        """End one side's connection."""
        ...

    def still(self, call_id: UUID, role: Role) -> Still:
        """Return a picture of a side, not older than the question.

        :raises NotYet: none came within the time.
        """
        ...

    def mark(self, call_id: UUID, event: Mapping[str, Any]) -> None:
        """Write plain JSON into the call's log of events, with the node's time."""
        ...

    def legs(self, call_id: UUID) -> Mapping[Role, Leg]:
        """Tell how both sides are doing; a side that never came is not there."""
        ...

    def close(self, call_id: UUID) -> None:
        """End a call and seal its segments; doing it twice changes nothing."""
        ...
