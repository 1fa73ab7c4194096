"""Inspection: what the strict verifier says of each signed paper, kept for the reviewer's page (R-203).

Inspection(engine, signing, authority)
  .inspect    the worker's job: verifies what stands otherwise than when it was last looked at
  .of         the verdicts on a case's papers
  .sweep      puts cases into the queue whose papers were changed since, by date, seal or archive

A verdict is of one file: it names the file's hash, and says nothing of another.

Tables owned here: signature_check.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import Boolean, ForeignKey, String, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from engine import Engine, clock
from engine.store import Base, SealBroken
from engine.store.tables import CaseRow, Moment
from handlers import verifier
from handlers.certificates import EmbeddedAuthority
from handlers.signing import NotSigned, Signature, Signing
from handlers.signing.tables import SignatureRow
from handlers.verifier import house

log = structlog.get_logger("inspection")

#: The worker's job.
JOB = "signatures.inspect"
#: Said of a file that is not what was stored, which no verifier could read.
DAMAGED = "damaged"
#: Seconds after which a paper nobody has looked at is put into the queue again.
LOST_SECONDS = 60
MOST = 100


class CheckRow(Base):
    """The verdict on one signed paper as its file stood."""

    __tablename__ = "signature_check"

    signature_id: Mapped[UUID] = mapped_column(ForeignKey("signature.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), doc="of the file, hex")
    checked_at: Mapped[datetime] = mapped_column(Moment, doc="real time")
    intact: Mapped[bool] = mapped_column(Boolean)
    level: Mapped[str] = mapped_column(String(8), doc="B-B, B-T, B-LTA; empty: none")
    findings: Mapped[list[str]] = mapped_column(ARRAY(String(40)), doc="codes of the verifier")


@dataclass(frozen=True)
class Inspected:
    """What the verifier said of a paper as it stands now."""

    intact: bool
    level: str
    #: Sentences for people, in Chinese; empty for a file that is untouched.
    findings: tuple[str, ...]
    checked_at: datetime


class Inspection:
    """Verifies a case's signed papers and remembers what came of it."""

    def __init__(self, engine: Engine, signing: Signing, authority: EmbeddedAuthority) -> None:
        self._engine = engine
        self._signing = signing
        self._authority = authority

    def inspect(self, case_id: str) -> str:
        """Verify the papers of a case that nobody has looked at as they stand; safe to run twice."""
        with self._engine.database.reading() as session:
            case = session.get(CaseRow, UUID(case_id))
            if case is None:
                return "gone"
            key = self._engine.keyring.case_key(case_id, case.key)
            known = self.of(session, case.id)
            waiting = [one for one in self._signing.of(session, case.id) if one.id not in known]
        bad = 0
        for one in waiting:
            with self._engine.database.reading() as session:
                try:
                    pdf = self._signing.file(session, key, one)
                except (SealBroken, NotSigned):
                    pdf = b""
                trusted = house.trust(session, self._authority)
                certificate = self._signing.certificates.get(session, one.serial).der
                trusted = house.asked(session, self._authority, trusted, [certificate])
            verdict = verifier.verify(pdf, trusted)
            codes = [finding.code for finding in verdict.findings] if pdf else [DAMAGED]
            self._keep(one, verdict, codes)
            bad += not verdict.intact
        log.info("papers inspected", case=case_id, papers=len(waiting), refused=bad)
        return "inspected" if waiting else "known"

    def of(self, session: Session, case_id: UUID) -> Mapping[UUID, Inspected]:
        """Return the verdicts on the papers of a case as they stand now, by signature."""
        rows = session.execute(
            select(CheckRow)
            .join(SignatureRow, SignatureRow.id == CheckRow.signature_id)
            .where(SignatureRow.case_id == case_id, SignatureRow.sha256 == CheckRow.sha256)
        ).scalars()
        return {
            row.signature_id: Inspected(
                row.intact, row.level, tuple(_sentence(code) for code in row.findings), row.checked_at
            )
            for row in rows
        }

    def sweep(self) -> int:
        """Put cases into the queue whose papers nobody has looked at as they stand."""
        since = clock.now() - timedelta(seconds=LOST_SECONDS)
        waiting = (
            select(SignatureRow.case_id)
            .outerjoin(CheckRow, CheckRow.signature_id == SignatureRow.id)
            .where(
                SignatureRow.signed_at < since,
                or_(CheckRow.sha256.is_(None), CheckRow.sha256 != SignatureRow.sha256),
            )
            .distinct()
            .limit(MOST)
        )
        with self._engine.database.transaction() as session:
            known = self._engine.queue.queued(session, JOB)
            lost = [one for one in map(str, session.scalars(waiting)) if one not in known]
            for case_id in lost:
                self._engine.queue.defer(session, JOB, case_id=case_id)
        return len(lost)

    def _keep(self, signature: Signature, verdict: verifier.Verdict, codes: list[str]) -> None:
        found = {
            "sha256": signature.sha256,
            "checked_at": datetime.now(UTC),
            "intact": verdict.intact,
            "level": verdict.level,
            "findings": codes,
        }
        with self._engine.database.transaction() as session:
            session.execute(
                insert(CheckRow)
                .values(signature_id=signature.id, **found)
                .on_conflict_do_update(index_elements=["signature_id"], set_=found)
            )


def _sentence(code: str) -> str:
    return "文件与存档时不一致" if code == DAMAGED else verifier.Finding(code).sentence_zh
