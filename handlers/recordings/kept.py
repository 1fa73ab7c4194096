"""What is kept of a call: its rows, its keys, and the finalizer's report once there is one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import Engine
from engine.store import CaseKey
from engine.store.tables import CaseRow
from handlers.media import segments
from handlers.media.segments import Mark
from handlers.recordings import sealed
from handlers.video.calls import place
from handlers.video.tables import CallRow, SegmentRow

#: Purpose of the key that seals, as the key ring derives it.
SEAL = "video.seal"


class NoRecording(Exception):
    """There is no such call, or nothing of it that could be shown."""


class NotFinished(Exception):
    """A call is over, and what was recorded of it is not sealed yet: ask again later."""


def report_place(call_id: UUID) -> str:
    """Return the place for which a report is sealed under its case's key."""
    return f"video.report:{call_id}"


@dataclass(frozen=True)
class Kept:
    """One call as it is kept."""

    call: CallRow
    segments: Sequence[SegmentRow]
    case_key: CaseKey = field(repr=False)
    #: 32 bytes from which the keys of all its files come.
    key: bytes = field(repr=False)

    def report(self) -> dict[str, Any] | None:
        """Return what the finalizer found; None before it is done.

        :raises engine.store.SealBroken: it was changed.
        """
        if self.call.report is None:
            return None
        return dict(orjson.loads(self.case_key.open(self.call.report, report_place(self.call.id))))


def load(session: Session, engine: Engine, call_id: UUID, *, lock: bool = False) -> Kept:
    """Return what is kept of a call.

    :raises NoRecording: there is no such call.
    """
    call = session.get(CallRow, call_id, with_for_update=lock)
    if call is None:
        raise NoRecording
    case = session.get_one(CaseRow, call.case_id)
    case_key = engine.keyring.case_key(str(case.id), case.key)
    rows = session.scalars(
        select(SegmentRow).where(SegmentRow.call_id == call_id).order_by(SegmentRow.role, SegmentRow.number)
    )
    return Kept(call, list(rows), case_key, case_key.open(call.key, place(call_id)))


def mark(row: SegmentRow) -> Mark:
    """Return how far a segment goes, as its row says."""
    return Mark(row.records, row.size, row.head)


def statement(row: SegmentRow) -> bytes:
    """Return what the seal of a segment says."""
    assert row.sealed_at is not None  # noqa: S101 - only sealed ones have a statement
    return segments.statement(
        row.id,
        row.call_id,
        row.role,
        row.number,
        row.records,
        row.size,
        row.media_ms,
        row.head,
        row.sealed_at,
    )


def statements(rows: Sequence[SegmentRow]) -> Mapping[str, tuple[bytes, bytes]]:
    """Return the statements of what is sealed, and their signatures, by names in their order."""
    return {
        f"{row.role}.{row.number:04d}": (statement(row), row.signature)
        for row in sorted(rows, key=lambda row: (row.role, row.number))
        if row.sealed_at is not None and row.signature is not None
    }


def total(rows: Sequence[SegmentRow]) -> str:
    """Return one hash for a whole call, hex: SHA-256 over the statements of both sides and of the events.

    Each statement is followed by a line feed, so that a shell can do the same.
    """
    digest = sha256()
    for said, _ in statements(rows).values():
        digest.update(said + b"\n")
    return digest.hexdigest()


def opened(folder: Path, kept: Kept, role: str) -> sealed.Reader:
    """Open the playback file of a side.

    :raises NoRecording: this side has none, or not yet.
    :raises engine.store.SealBroken: it was changed.
    """
    report = kept.report()
    told = report and report["playback"].get(role)
    if not told:
        raise NoRecording
    return sealed.Reader(folder / told["path"], kept.key, UUID(told["id"]))
