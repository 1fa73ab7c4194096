"""Looking at finished recordings: what pages and evidence ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import Engine, clock
from engine.store import SealBroken
from handlers.media.segments import Sealer
from handlers.recordings import kept, sealed
from handlers.recordings.kept import NotFinished
from handlers.recordings.then import data_then
from handlers.recordings.verify import Verdict, verify
from handlers.video.tables import CallRow, SegmentRow, SnapshotRow

#: For so long evidence waits for a seal; then it says what there is.
PATIENCE = timedelta(hours=1)


@dataclass(frozen=True)
class Recorded:
    """One call of a case as the reviewer sees it.

    :param outcome: passed, sent_back, refused, no_show, customer_left, agent_left; None while it goes on.
    :param report: what the finalizer found; None before it is done.
    :param damaged: there is a report, and it does not open.
    :param snapshots: the pictures that count, face first.
    """

    id: UUID
    agent: UUID
    opened_at: datetime
    closed_at: datetime | None
    outcome: str | None
    report: Mapping[str, Any] | None = field(repr=False)
    damaged: bool = False
    snapshots: Sequence[SnapshotRow] = ()


@dataclass(frozen=True)
class Evidence:
    """What proves a recording to somebody who has neither it nor our programs.

    :param at: business time of the result.
    :param hash: of the whole recording, hex; see ``kept.total``.
    :param statements: what was sealed and its Ed25519 signature, by name in their order.
    :param public_key: PEM.
    """

    call_id: UUID
    at: datetime
    hash: str
    statements: Mapping[str, tuple[bytes, bytes]]
    public_key: bytes


class Recordings:
    """The recordings of one product.

    :param folder: where the media nodes write.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder

    def of_case(self, case_id: UUID) -> Sequence[Recorded]:
        """Return the calls of a case, newest first."""
        with self._engine.database.reading() as session:
            ids = select(CallRow.id).where(CallRow.case_id == case_id).order_by(CallRow.opened_at.desc())
            return [self._recorded(session, call_id) for call_id in session.scalars(ids).all()]

    def _recorded(self, session: Session, call_id: UUID) -> Recorded:
        found = kept.load(session, self._engine, call_id)
        report, damaged = None, False
        try:
            report = found.report()
        except (SealBroken, ValueError):
            damaged = True
        call = found.call
        pictures = session.scalars(
            select(SnapshotRow)
            .where(SnapshotRow.call_id == call.id, SnapshotRow.discarded.is_(False))
            .order_by(SnapshotRow.kind.desc())
        ).all()
        return Recorded(
            call.id, call.agent, call.opened_at, call.closed_at, call.outcome, report, damaged, pictures
        )

    def open(self, call_id: UUID, role: str) -> sealed.Reader:
        """Open the playback file of a side.

        :raises NoRecording: this side has none, or not yet.
        :raises engine.store.SealBroken: it was changed.
        """
        with self._engine.database.reading() as session:
            found = kept.load(session, self._engine, call_id)
        return kept.opened(self._folder, found, role)

    def data_then(self, call_id: UUID) -> dict[str, Any]:
        """Return the case's data as they stood when the call ended."""
        with self._engine.database.reading() as session:
            return data_then(session, self._engine, kept.load(session, self._engine, call_id))

    def verify(self, call_id: UUID) -> Verdict:
        """Look whether everything of a call is as it was when it was written, sealed and decided."""
        return verify(self._engine, self._folder, call_id)

    def hash(self, call_id: UUID) -> str:
        """Return one hash for a whole call, hex: over the final heads of both sides and of the events."""
        with self._engine.database.reading() as session:
            return kept.total(kept.load(session, self._engine, call_id).segments)

    def evidence(self, session: Session, case_id: UUID) -> Evidence | None:
        """Return what proves the call in which a case's customer was witnessed; None when nothing does.

        :raises NotFinished: something of it waits for its seal.
        """
        call = session.scalar(
            select(CallRow)
            .where(CallRow.case_id == case_id, CallRow.outcome == "passed")
            .order_by(CallRow.opened_at.desc())
            .limit(1)
        )
        if call is None or call.closed_at is None:
            return None
        rows = session.scalars(select(SegmentRow).where(SegmentRow.call_id == call.id)).all()
        waits = call.finished_at is None and any(row.sealed_at is None for row in rows)
        if waits and clock.now() - call.closed_at < PATIENCE:
            raise NotFinished
        said = kept.statements(rows)
        if not said:
            return None
        public = Sealer(self._engine.keyring.derive(kept.SEAL)).public
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return Evidence(call.id, call.closed_at, kept.total(rows), said, pem)
