"""Verification: is everything of a call still as it was when it was written, sealed and decided?

Every byte is looked at: of the segments, along their chains and into each record; of seals, snapshots,
pictures and playback files; and of the case's journal, which has the decision and the recording's hash.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import Engine
from engine.store import JournalEntry, SealBroken
from engine.store.tables import CaseRow
from handlers.media import segments
from handlers.media.segments import Sealer, SegmentBroken
from handlers.recordings import checking, kept, sealed
from handlers.recordings.kept import Kept
from handlers.video.tables import SegmentRow, SnapshotRow

#: How a call ends that an agent decided, and what the journal calls that.
DECIDED: Mapping[str, str] = {"passed": "approve", "sent_back": "return", "refused": "reject"}


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was; pages have the sentences.

    :param role: whose, or empty.
    :param number: which segment, from 0.
    """

    code: str
    role: str = ""
    number: int = 0


@dataclass(frozen=True)
class Verdict:
    """What is to be thought of a call's recording.

    :param hash: of the whole recording as it stands now, hex.
    :param segments: how many were looked at, and their bytes.
    """

    findings: tuple[Finding, ...]
    hash: str
    segments: int
    size: int

    @property
    def intact(self) -> bool:
        """Whether everything is as it was."""
        return not self.findings


def verify(engine: Engine, folder: Path, call_id: UUID) -> Verdict:
    """Look at everything that is kept of a call.

    :raises handlers.recordings.kept.NoRecording: there is no such call.
    """
    with engine.database.reading() as session:
        found = kept.load(session, engine, call_id)
        look = _Look(engine, folder, session, found)
        findings = tuple(dict.fromkeys(look.findings()))
    rows = found.segments
    return Verdict(findings, kept.total(rows), len(rows), sum(row.size for row in rows))


class _Look:
    """One look at one call."""

    def __init__(self, engine: Engine, folder: Path, session: Session, found: Kept) -> None:
        self._engine, self._folder, self._session, self._found = engine, folder, session, found
        self._sealer = Sealer(engine.keyring.derive(kept.SEAL))

    def findings(self) -> Iterator[Finding]:
        report: Mapping[str, Any] | None = None
        try:
            report = self._found.report()
            if report is None:
                yield Finding("not_finished")
        except (SealBroken, ValueError):
            yield Finding("report_changed")
        yield from self._segments(report)
        yield from self._journal(report)
        if report is not None:
            if not report["playback"]:
                yield Finding("no_media")
            yield from self._playback(report)
            yield from self._pictures(report)

    # -- segments -----------------------------------------------------------------------------------

    def _segments(self, report: Mapping[str, Any] | None) -> Iterator[Finding]:
        told = {one["id"]: one for one in report["segments"]} if report is not None else {}
        for row in self._found.segments:
            known = told.pop(str(row.id), None)
            if report is not None and known is None:
                yield Finding("segment_unknown", row.role, row.number)
            code = self._segment(row, known)
            if code:
                yield Finding(code, row.role, row.number)
        for gone in told.values():
            yield Finding("segment_missing", gone["role"], gone["number"])

    def _segment(self, row: SegmentRow, known: Mapping[str, Any] | None) -> str:
        path = self._folder / row.path
        changed = "events_changed" if row.role == "events" else "segment_changed"
        if not path.is_file():
            return "segment_missing"
        if row.sealed_at is None or row.signature is None:
            return "segment_unsealed"
        try:
            self._sealer.check(kept.statement(row), row.signature)
        except SegmentBroken:
            return "seal_wrong"
        if known is not None and (known["head"], known["size"]) != (row.head.hex(), row.size):
            return changed
        if not _as_sealed(path, row, self._found.key):
            return changed
        # Only what a dead writer left may have something behind its seal, and only what the report tells of.
        told = known["behind"] if known is not None and row.recovered else checking.NOTHING
        return "" if checking.behind(path, row.size) == told else changed

    # -- the journal --------------------------------------------------------------------------------

    def _journal(self, report: Mapping[str, Any] | None) -> Iterator[Finding]:
        call = self._found.call
        case = self._session.get_one(CaseRow, call.case_id)
        journal = self._engine.journal
        if journal.verify(self._session, f"case:{case.id}", case.journal_seq, case.journal_head):
            yield Finding("journal_changed")
            return
        entries = journal.of_case(self._session, case.id, self._found.case_key)
        if call.finished_at is not None:
            said = [
                one for one in entries
                if one.kind == checking.RECORDED and one.facts.get("call") == str(call.id)
            ]  # fmt: skip
            if not said or said[-1].facts.get("recording") != kept.total(self._found.segments):
                yield Finding("hash_changed")
            if not said or not self._is_told(said[-1]):
                yield Finding("report_changed")
        wanted = DECIDED.get(call.outcome or "")
        if wanted is not None and not any(_decided(one, call.id, wanted) for one in entries):
            yield Finding("decision_missing")

    def _is_told(self, entry: JournalEntry) -> bool:
        """Tell whether the journal knows the report as it is."""
        call = self._found.call
        try:
            plain = self._found.case_key.open(call.report or b"", kept.report_place(call.id))
        except (SealBroken, ValueError):
            return False
        return sha256(plain).hexdigest() == (entry.sealed or {}).get("report")

    # -- what was made of it ------------------------------------------------------------------------

    def _playback(self, report: Mapping[str, Any]) -> Iterator[Finding]:
        for role, one in report["playback"].items():
            path = self._folder / one["path"]
            if sealed.digest(path) != one["sha256"]:
                yield Finding("playback_changed", role)
                continue
            try:
                whole = sealed.Reader(path, self._found.key, UUID(one["id"]))
                for _ in whole.pieces(0, whole.size):
                    pass
            except SealBroken:
                yield Finding("playback_changed", role)

    def _pictures(self, report: Mapping[str, Any]) -> Iterator[Finding]:
        for one in report["stills"]:
            if self._picture(one["file"]) != one["sha256"]:
                yield Finding("still_changed")
        rows = self._session.scalars(
            select(SnapshotRow).where(SnapshotRow.call_id == self._found.call.id)
        ).all()
        there = {str(row.id): row for row in rows}
        for one in report["snapshots"]:
            row = there.pop(one["id"], None)
            for which in ("still", "frame"):
                noted = one[which]
                file = None if row is None else getattr(row, which)
                if (noted["file"] if noted else None) != (str(file) if file else None):
                    yield Finding("snapshot_missing")
                elif noted and (not noted["sha256"] or self._picture(noted["file"]) != noted["sha256"]):
                    yield Finding("snapshot_changed")
        if there:
            yield Finding("snapshot_missing")

    def _picture(self, file_id: str) -> str:
        now = checking.picture(self._session, self._engine, self._found, UUID(file_id))
        return now["sha256"] if now else ""


def _as_sealed(path: Path, row: SegmentRow, key: bytes) -> bool:
    """Follow the chain into each record, as far as the seal goes."""
    reader = segments.Reader(path, key, row.id)
    passed = reader.mark == kept.mark(row)
    try:
        for _ in reader:
            passed = passed or reader.mark == kept.mark(row)
            if passed:
                break
    except (SegmentBroken, OSError):
        return False
    return passed


def _decided(entry: JournalEntry, call_id: UUID, decision: str) -> bool:
    """Tell whether an entry of the journal is the decision of a call."""
    answers = (entry.sealed or {}).get("answers")
    if not isinstance(answers, dict):
        return False
    return answers.get("call") == str(call_id) and answers.get("decision") == decision
