"""Papers: each agreement of a case as PDF, written by a job before the customer comes to sign it.

The step that lists the agreements defers the job; the page follows. A paper belongs to what was agreed to
(``content``): when answers or versions change, new ones are written and the old ones stay as they were.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine import SYSTEM, CaseFacts, Engine, UnknownCase, UnknownProcess, clock
from engine.store import CaseKey, StoredFile
from engine.store.tables import CaseRow, WorkItemRow
from handlers.agreements import glyphs, sheet, templates, variables, writing
from handlers.agreements.documents import Document, UnknownDocument
from handlers.agreements.paper import Known, Paper, listed_in, paper_of
from handlers.agreements.tables import PaperRow, VersionRow
from handlers.agreements.versions import Agreements
from handlers.certificates import RealTime
from handlers.counter.protocol import Counter

log = structlog.get_logger("agreements")

#: The job that writes the papers of one case, and the one that writes a proposal with sample data.
JOB = "agreements.write"
PREVIEW = "agreements.preview"
ROLE = "agreement.paper"
PDF = "application/pdf"
#: Minutes after which a case whose papers are not there is put into the queue again.
LOST_MINUTES = 2
#: Most cases one sweep looks into.
_MOST = 100
#: States in which a case may wait for papers: from the list of agreements to the signature.
_WAITING = frozenset(
    {
        "await_video",
        "queued",
        "in_call",
        "returned_video",
        "await_cert",
        "await_sign",
        "returned_review",
    }
)


class _OthersWereFirst(Exception):
    """Another worker has written the same paper."""


class Papers:
    """Writes papers and gives them out."""

    JOB = JOB
    PREVIEW = PREVIEW

    def __init__(
        self,
        engine: Engine,
        agreements: Agreements,
        counter: Counter,
        real_time: Callable[[], datetime] | None = None,
    ) -> None:
        self._engine = engine
        self._agreements = agreements
        self._counter = counter
        self._real_time = real_time or RealTime()

    # -- for pages and for signing ------------------------------------------------------------------

    def of(self, session: Session, case_id: UUID, content: str) -> dict[str, Paper]:
        """Return the papers of a case that are written, by code.

        :param content: hash of what is agreed to, as the case's ``agreements`` tell it.
        """
        rows = session.scalars(
            select(PaperRow).where(PaperRow.case_id == case_id, PaperRow.content == content)
        )
        return {row.code: paper_of(row) for row in rows}

    def pdf(self, session: Session, case_key: CaseKey, paper: Known) -> bytes:
        """Return a paper with its hole empty.

        :raises SealBroken: the file is not what was stored.
        """
        file_id = session.scalar(select(PaperRow.file_id).where(PaperRow.id == paper.id))
        found = None if file_id is None else self._engine.files.get(session, case_key, file_id)
        if found is None:
            raise UnknownDocument(paper.code)
        return found[1]

    def values(
        self, code: str, facts: CaseFacts, data: Mapping[str, Any], at: datetime | None = None
    ) -> variables.Values:
        """Return what a document says about a case.

        :param at: when its paper was written; without one, now.
        """
        return variables.of_case(
            code,
            data,
            number=facts.number,
            business=self._business(facts),
            company=self._engine.parameters().company,
            on=clock.shanghai(at or clock.now()).date(),
        )

    def lacking(self, facts: CaseFacts, data: Mapping[str, Any], document: Document) -> str | None:
        """Return a character for which a paper cannot be written, or None."""
        filled = templates.render(document, self.values(document.code, facts, data))
        profile = data.get("profile") or {}
        return glyphs.missing(templates.words(filled) + document.title + str(profile.get("name") or ""))

    # -- the worker's side --------------------------------------------------------------------------

    def warm(self) -> None:
        """Load fonts and libraries before a customer waits for them; log where they are missing."""
        try:
            writing.warm()
        except writing.PangoMissing as missing:
            log.error("agreements cannot be written", why=str(missing))

    def write(self, case_id: str) -> str:
        """Write the papers a case waits for; return what became of it, for the log.

        Safe to run twice, also at once: of two papers for the same content the first one stays.
        """
        try:
            facts, key, data = self._engine.cases.data(UUID(case_id), SYSTEM)
        except UnknownCase:
            return "gone"
        content, listed = listed_in(data)
        with self._engine.database.reading() as session:
            there = self.of(session, facts.id, content)
            due = [one for one in listed if one["code"] not in there]
            try:
                documents = [
                    self._agreements.exact(session, one["code"], one["version"], one["sha256"]) for one in due
                ]
            except UnknownDocument as unknown:
                # A release with other texts has come since; the next list names its own.
                log.error("a listed agreement is not kept", case=case_id, code=str(unknown))
                return "unknown"
            signature = self._signature(session, key, data) if due else None
        if not due:
            return "there"
        now = clock.now()
        try:
            written = [(one, self._write(one, facts, data, content, signature, now)) for one in documents]
            outcome = self._keep(facts, key, content, written, now)
        except glyphs.MissingGlyph:
            log.error("a paper cannot be written: the font lacks a character", case=case_id)
            outcome = "unwritable"
        log.info("papers", case=case_id, outcome=outcome, papers=len(documents))
        return outcome

    def preview(self, version_id: str) -> str:
        """Write a version with sample data, for whoever looks it over; safe to run twice."""
        with self._engine.database.reading() as session:
            row = session.get(VersionRow, UUID(version_id))
            if row is None or row.preview is not None:
                return "gone"
            document = Document(row.code, row.title, row.version, row.sha256, row.html)
        sample = variables.sample(document.code)
        of = sheet.Particulars(
            company=self._engine.parameters().company.name,
            number="（样例）",
            business="（样例）",
            name="张三丰",
            id_number="330106********0101",
            content="0" * 64,
            made_at=clock.now(),
        )
        written = writing.write(document, templates.render(document, sample), of, self._real_time())
        with self._engine.database.transaction() as session:
            row = session.get(VersionRow, UUID(version_id), with_for_update=True)
            if row is not None:
                row.preview = written.pdf
        return "written"

    def sweep(self) -> int:
        """Put cases that wait for papers and have lost their job back into the queue; return how many."""
        before = clock.now() - timedelta(minutes=LOST_MINUTES)
        # Whoever signs looks at the newest papers; where these are newer than the last step, all is well.
        newest = select(func.max(PaperRow.made_at)).where(PaperRow.case_id == CaseRow.id).scalar_subquery()
        waiting = (
            select(CaseRow.id)
            .where(
                CaseRow.closed_at.is_(None),
                CaseRow.state.in_(_WAITING),
                CaseRow.changed_at < before,
                func.coalesce(newest < CaseRow.changed_at, True),
            )
            .order_by(func.random())
            .limit(_MOST)
        )
        with self._engine.database.reading() as session:
            known = self._engine.queue.queued(session, JOB)
            candidates = [one for one in session.scalars(waiting) if str(one) not in known]
        lost = [one for one in candidates if self._waits(one)]
        with self._engine.database.transaction() as session:
            for case_id in lost:
                self._engine.queue.defer(session, JOB, case_id=str(case_id))
        return len(lost)

    def _waits(self, case_id: UUID) -> bool:
        _, _, data = self._engine.cases.data(case_id, SYSTEM)
        content, listed = listed_in(data)
        with self._engine.database.reading() as session:
            there = self.of(session, case_id, content)
        return any(one["code"] not in there for one in listed)

    def _write(
        self,
        document: Document,
        facts: CaseFacts,
        data: Mapping[str, Any],
        content: str,
        signature: bytes | None,
        now: datetime,
    ) -> writing.Written:
        values = self.values(document.code, facts, data, now)
        of = sheet.Particulars(
            company=values["company"]["name"],
            number=facts.number or "",
            business=values["business"],
            name=values["customer"]["name"],
            id_number=values["customer"]["id_number"],
            content=content,
            made_at=now,
            signature=signature,
        )
        return writing.write(document, templates.render(document, values), of, self._real_time())

    def _keep(
        self,
        facts: CaseFacts,
        key: CaseKey,
        content: str,
        written: list[tuple[Document, writing.Written]],
        now: datetime,
    ) -> str:
        """Keep all papers or none; files are on the disk before the rows that name them."""
        try:
            with self._engine.database.transaction() as session:
                for document, made in written:
                    put = self._engine.files.put
                    stored = put(session, key, made.pdf, role=ROLE, media_type=PDF, at=now)
                    self._keep_one(session, facts.id, content, document, made, stored, now)
                for task in self._pages(session, facts.id):
                    self._engine.stepper.tell_page(session, facts, task)
        except _OthersWereFirst:
            return "late"
        return "written"

    @staticmethod
    def _keep_one(
        session: Session,
        case_id: UUID,
        content: str,
        document: Document,
        made: writing.Written,
        stored: StoredFile,
        now: datetime,
    ) -> None:
        mine = session.scalar(
            insert(PaperRow)
            .values(
                id=uuid4(),
                case_id=case_id,
                code=document.code,
                title=document.title,
                version=document.version,
                document_sha256=document.sha256,
                content=content,
                file_id=stored.id,
                size=len(made.pdf),
                hole_start=made.start,
                hole_end=made.end,
                digest=made.digest,
                made_at=now,
            )
            .on_conflict_do_nothing()
            .returning(PaperRow.id)
        )
        if mine is None:
            raise _OthersWereFirst

    @staticmethod
    def _pages(session: Session, case_id: UUID) -> list[UUID]:
        """Return the customer's open tasks of a case."""
        waiting = select(WorkItemRow.id).where(
            WorkItemRow.case_id == case_id, WorkItemRow.closed_at.is_(None), WorkItemRow.lane == "customer"
        )
        return list(session.scalars(waiting))

    def _signature(self, session: Session, key: CaseKey, data: Mapping[str, Any]) -> bytes | None:
        """Return the customer's signature: of this application, or the one the counter has."""
        given = (data.get("photos") or {}).get("signature") or {}
        if given.get("on_file"):
            customer_no = str((data.get("profile") or {}).get("customer_no") or "")
            return self._counter.photo(customer_no, "signature")
        if not given.get("file"):
            return None
        found = self._engine.files.get(session, key, UUID(given["file"]))
        return None if found is None else found[1]

    def _business(self, facts: CaseFacts) -> str:
        try:
            process = self._engine.cases.release_of(facts.id).processes.get(facts.type)
        except (UnknownCase, UnknownProcess):
            return facts.type
        return process.name if process is not None else facts.type
