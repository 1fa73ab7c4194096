"""What happened in a call and when, as the reviewer sees it: markers on the clock of the recording."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from handlers.recordings import sync
from handlers.recordings.measuring import Measured
from handlers.recordings.sync import Clock, Origin, Report, Shift
from handlers.video.tables import SegmentRow

#: Kinds of events that are measurements, not moments somebody would jump to.
_MEASURES = frozenset({"sr", "origin", "size", "quality", "idle", "back", "gap", "opened", "closed", "still"})
#: Most values of the network's quality that a report keeps; more are thinned out.
_MOST_QUALITY = 600


@dataclass(frozen=True)
class Event:
    """One line of the log of events."""

    at: datetime
    kind: str
    said: Mapping[str, Any]

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Event | None":
        """Return an event from its line; None for a line that is none."""
        try:
            at = datetime.fromisoformat(str(plain["at"]))
        except (KeyError, ValueError):
            return None
        if at.tzinfo is None:
            return None
        return cls(at, str(plain.get("kind") or ""), plain)


@dataclass(frozen=True)
class Placed:
    """A media segment on the clock of the call.

    :param began: real time of its millisecond 0.
    """

    row: SegmentRow
    found: Measured
    began: datetime
    shift: Shift

    @property
    def first_at(self) -> datetime:
        """Real time of its first frame, the sound where that belongs."""
        first = float(self.found.first or 0)
        if self.found.first_sound is not None:
            first = min(first, self.found.first_sound + self.shift.at(self.found.first_sound))
        return self.began + timedelta(milliseconds=first)


def place(rows: Sequence[tuple[SegmentRow, Measured]], events: Sequence[Event]) -> dict[str, list[Placed]]:
    """Return the segments with media in them, by side and in order, with their time and their shift."""
    placed: dict[str, list[Placed]] = {}
    for role in ("customer", "agent"):
        own = sorted((one for one in rows if one[0].role == role), key=lambda one: one[0].number)
        for row, found in own:
            if found.first is not None:
                of = {"role": role, "number": row.number}
                mine = [one for one in events if of.items() <= one.said.items()]
                placed.setdefault(role, []).append(Placed(row, found, _began(row, mine), _shift(mine)))
    return placed


def _measures(kind: str, events: Iterable[Event]) -> Iterator[Event]:
    for one in events:
        if one.kind == kind and one.said.get("track") in sync.RATES and isinstance(one.said.get("rtp"), int):
            yield one


def _origins(events: Sequence[Event]) -> dict[str, list[tuple[datetime, Origin]]]:
    found: dict[str, list[tuple[datetime, Origin]]] = {}
    for one in _measures("origin", events):
        if isinstance(one.said.get("ms"), int | float):
            origin = Origin(one.said["rtp"], float(one.said["ms"]))
            found.setdefault(one.said["track"], []).append((one.at, origin))
    return found


def _began(row: SegmentRow, events: Sequence[Event]) -> datetime:
    """Return the real time of a segment's millisecond 0: its first frames were told with theirs."""
    first = [begun[0] for begun in _origins(events).values()]
    return min((at - timedelta(milliseconds=origin.ms) for at, origin in first), default=row.opened_at)


def _shift(events: Sequence[Event]) -> Shift:
    clocks: dict[str, Clock | None] = {}
    for track, begun in _origins(events).items():
        # Another stream on the same connection counts from elsewhere: its reports say nothing of this one.
        until = begun[1][0] if len(begun) > 1 else None
        reports = [
            Report(one.said["ntp"] / (1 << 32), one.said["rtp"])
            for one in _measures("sr", events)
            if one.said["track"] == track
            and isinstance(one.said.get("ntp"), int)
            and (until is None or one.at < until)
        ]
        clocks[track] = sync.clock(track, begun[0][1], reports)
    return sync.shift(clocks.get("video"), clocks.get("audio"))


def markers(events: Sequence[Event], begin: datetime, duration: int) -> list[dict[str, Any]]:
    """Return what happened, on the clock of the call: milliseconds, kind, and what was said of it."""
    made = []
    for one in events:
        if one.kind and one.kind not in _MEASURES:
            more = {name: value for name, value in one.said.items() if name not in ("at", "kind")}
            ms = round((one.at - begin) / timedelta(milliseconds=1))
            made.append({"ms": min(max(ms, 0), duration), "kind": one.kind, **more})
    return made


def gaps(placed: Mapping[str, Sequence[Placed]], begin: datetime) -> list[dict[str, Any]]:
    """Return when nothing came from a side: within its segments, and between them."""
    made = []
    for role, segments in placed.items():
        before: int | None = None
        for one in segments:
            zero = (one.began - begin) / timedelta(milliseconds=1)
            first = round(zero + (one.found.first or 0))
            if before is not None and first > before:
                made.append(_gap(role, before, first))
            made += [_gap(role, round(zero + since), round(zero + until)) for since, until in one.found.gaps]
            before = round(zero + one.found.end)
    return made


def _gap(role: str, since: int, until: int) -> dict[str, Any]:
    return {"ms": max(since, 0), "kind": "gap", "role": role, "until": until}


def quality(events: Sequence[Event], begin: datetime) -> list[dict[str, Any]]:
    """Return how the network did over time."""
    said = [one for one in events if one.kind == "quality"]
    every = max(1, -(-len(said) // _MOST_QUALITY))
    return [
        {
            "ms": round((one.at - begin) / timedelta(milliseconds=1)),
            **{name: value for name, value in one.said.items() if name not in ("at", "kind")},
        }
        for one in said[::every]
    ]
