"""The journal: what happened, in order, so that nobody can change it unseen.

One hash chain a subject (a case, or what a member of staff did outside any case). The hash covers the
sealed bytes, so that a case whose key was destroyed still verifies. Heads of cases lie on the case's
own row, which a step has locked anyway; heads of staff lie in ``journal_head``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from engine.store.sealing import CaseKey, Keyring
from engine.store.tables import CaseRow, JournalRow, StaffChainRow

START = bytes(32)
PLACE = "journal.sealed_part"


@dataclass(frozen=True)
class JournalEntry:
    """One thing that happened.

    :param facts: nothing personal; readable without the case's key.
    :param sealed: answers and results.
    """

    kind: str
    actor: str
    facts: Mapping[str, Any]
    sealed: Mapping[str, Any] | None = None
    task_id: UUID | None = None
    at: datetime | None = None
    seq: int = 0


def link(previous: bytes, row: Mapping[str, Any]) -> bytes:
    """Return the hash of ``row`` after ``previous``: SHA-256 over that and the row's fields in order."""
    body = orjson.dumps(
        [
            row["subject"],
            row["seq"],
            row["at"].isoformat(),
            row["kind"],
            row["actor"],
            str(row["task_id"] or ""),
        ]
    )
    digest = sha256(previous)
    for part in (body, row["open_part"], row["sealed_part"] or b""):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


class Journal:
    """Writes and reads chains."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def write(
        self, session: Session, case: CaseRow, key: CaseKey, entries: Iterable[JournalEntry], at: datetime
    ) -> None:
        """Append to a case's chain; the caller holds the case's lock and saves its row."""
        rows = []
        for entry in entries:
            case.journal_seq += 1
            sealed = None if entry.sealed is None else key.seal(orjson.dumps(entry.sealed), PLACE)
            row = self._row(f"case:{case.id}", case.journal_seq, at, entry, sealed)
            case.journal_head = row["hash"] = link(case.journal_head, row)
            rows.append(row)
        if rows:
            session.execute(insert(JournalRow), rows)

    def write_staff(self, session: Session, staff: str, entry: JournalEntry, at: datetime) -> None:
        """Append to the chain of what a member of staff did outside any case."""
        self.write_outside(session, f"staff:{staff}", entry, at)

    def write_outside(self, session: Session, subject: str, entry: JournalEntry, at: datetime) -> None:
        """Append to the chain of what a person did outside any case; ``subject`` is the actor's label."""
        head = session.execute(
            select(StaffChainRow).where(StaffChainRow.subject == subject).with_for_update()
        ).scalar_one_or_none()
        if head is None:
            head = StaffChainRow(subject=subject, seq=0, head=START)
            session.add(head)
        head.seq += 1
        sealed = None
        if entry.sealed is not None:
            sealed = self._keyring.seal(orjson.dumps(entry.sealed), f"{PLACE}:{subject}:{head.seq}")
        row = self._row(subject, head.seq, at, entry, sealed)
        head.head = row["hash"] = link(head.head, row)
        session.execute(insert(JournalRow), [row])

    def of_case(self, session: Session, case_id: UUID, key: CaseKey) -> list[JournalEntry]:
        """Return everything that happened to a case, oldest first."""
        rows = session.scalars(
            select(JournalRow).where(JournalRow.subject == f"case:{case_id}").order_by(JournalRow.seq)
        )
        return [
            JournalEntry(
                row.kind,
                row.actor,
                orjson.loads(row.open_part),
                None if row.sealed_part is None else orjson.loads(key.open(row.sealed_part, PLACE)),
                row.task_id,
                row.at,
                row.seq,
            )
            for row in rows
        ]

    def verify(self, session: Session, subject: str, seq: int, head: bytes) -> str | None:
        """Return what is wrong with a chain that should end at ``seq`` with ``head``, or None."""
        previous = START
        expected = 0
        for row in session.scalars(
            select(JournalRow).where(JournalRow.subject == subject).order_by(JournalRow.seq)
        ):
            expected += 1
            if row.seq != expected:
                return f"entry {expected} is missing"
            fields = {c: getattr(row, c) for c in ("subject", "seq", "at", "kind", "actor", "task_id")}
            previous = link(previous, {**fields, "open_part": row.open_part, "sealed_part": row.sealed_part})
            if previous != row.hash:
                return f"entry {expected} was changed"
        if expected != seq:
            return f"the chain ends at {expected}, not at {seq}"
        return None if previous == head else "the head does not match"

    @staticmethod
    def _row(
        subject: str, seq: int, at: datetime, entry: JournalEntry, sealed: bytes | None
    ) -> dict[str, Any]:
        return {
            "subject": subject,
            "seq": seq,
            "at": at,
            "kind": entry.kind,
            "actor": entry.actor,
            "task_id": entry.task_id,
            "open_part": orjson.dumps(entry.facts),
            "sealed_part": sealed,
        }
