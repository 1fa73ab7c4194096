"""Taking a customer's signatures in: from the ticket to signed files; see the package for the whole way."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import Engine
from engine.store import CaseKey, JournalEntry
from engine.store.tables import CaseRow, FileRow
from handlers.certificates import (
    Certificate,
    Certificates,
    ClockDoubted,
    EmbeddedAuthority,
    RealTime,
    Timestamps,
    UnknownCertificate,
)
from handlers.recordings import Recordings
from handlers.signing import cms, judging, stamps, tickets, written
from handlers.signing.chains import Chains
from handlers.signing.protocol import (
    CertificateEnded,
    NotSigned,
    Paper,
    Papers,
    PapersChanged,
    PapersMissing,
    Refused,
    Signature,
    Stamp,
    StampsDown,
    Ticket,
    TimeDoubted,
)
from handlers.signing.stamps import Rules
from handlers.signing.tables import SignatureRow, TicketRow

log = structlog.get_logger("signing")

#: The worker's job: dates what could not be dated at once, seals and archives what was accepted.
JOB = "signing.archive"
PDF = "application/pdf"
#: Roles of the evidence among a case's files.
PAGE, KIT = "evidence.page", "evidence.kit"
#: Most papers that one case has.
MOST_PAPERS = 20


class Signing:
    """Gives tickets and takes signatures in.

    :param authority: has the company's seal, also where another one certifies customers.
    :param papers: where the papers come from.
    :param now: real time, which certificates and timestamps are compared with.
    :param rules: whose timestamps count; our own unit's by default.
    :param recordings: what was recorded of video witnesses, for the evidence.
    """

    def __init__(
        self,
        engine: Engine,
        certificates: Certificates,
        authority: EmbeddedAuthority,
        timestamps: Timestamps,
        papers: Papers,
        *,
        now: Callable[[], datetime] | None = None,
        rules: Rules | None = None,
        recordings: Recordings | None = None,
    ) -> None:
        self.engine = engine
        self.certificates = certificates
        self.authority = authority
        self.timestamps = timestamps
        self.papers = papers
        self.recordings = recordings
        self.now = now or RealTime()
        self.chains = Chains(authority)
        self._rules = rules

    # -- the page's side ----------------------------------------------------------------------------

    def ticket(
        self,
        session: Session,
        *,
        case_id: UUID,
        owner: str,
        browser_session: str,
        certificate: Certificate,
        papers: Collection[Paper],
        now: datetime,
    ) -> Ticket:
        """Give the right to sign ``papers`` once within ten minutes; an earlier one of the case ends.

        :param now: business time.
        :raises CertificateEnded: the certificate is not this customer's, or not usable now.
        :raises PapersMissing: the papers are not of one case and one content.
        """
        self._usable(session, certificate.serial, owner)
        return tickets.give(
            session,
            case_id=case_id,
            owner=owner,
            browser_session=browser_session,
            certificate=certificate,
            papers=papers,
            now=now,
        )

    def tokens(self, signatures: Mapping[str, bytes]) -> dict[str, Stamp]:
        """Have signatures dated; to be called before the transaction, since a source elsewhere is slow.

        A signature for which there is no token now is left out: it will be dated by the worker.

        :raises Refused: these cannot be signatures at all.
        """
        if len(signatures) > MOST_PAPERS:
            raise PapersMissing("too_many")
        for value in signatures.values():
            judging.look(value)
        found: dict[str, Stamp] = {}
        for code, value in signatures.items():
            try:
                found[code] = stamps.fetch(self.timestamps, stamps.imprint(value))
            except StampsDown as down:
                log.warning("no timestamp now", code=code, why=str(down))
                break  # the others would wait for the same source
        return found

    def accept(
        self,
        session: Session,
        case_key: CaseKey,
        *,
        token: str,
        case_id: UUID,
        owner: str,
        browser_session: str,
        signatures: Mapping[str, bytes],
        dated: Mapping[str, Stamp],
        content: str,
        needed: Mapping[str, str],
        now: datetime,
    ) -> list[Signature]:
        """Take in one signature for each paper of a ticket: all of them or none.

        Asked again with the very same signatures, as after a lost answer, it returns what it returned.

        :param signatures: ECDSA over the attributes of each paper, as DER, by the paper's code.
        :param dated: what :meth:`tokens` returned for them.
        :param content: what the case agrees to now, hex.
        :param needed: SHA-256 (hex) of the document in force now, by code, of all that must be signed.
        :param now: business time.
        :raises Refused: with the customer's words; nothing was changed.
        """
        with _told_of(case_id):
            ticket, again = tickets.open_(
                session, token, signatures,
                case_id=case_id, owner=owner, browser_session=browser_session, now=now,
            )  # fmt: skip
            if again:
                return self._of_ticket(session, ticket)
            certificate = self._usable(session, ticket.serial, owner)
            papers = self._needed(session, ticket, content, needed)
            if set(signatures) != set(papers):
                raise PapersMissing("incomplete")
            signed = {
                code: judging.check(paper, certificate.der, signatures[code])
                for code, paper in papers.items()
            }
            above = self.chains.above(session, certificate.der)
            moments = self._moments(session, signatures, dated)
            rows = []
            for code, paper in papers.items():
                value, at = signatures[code], moments.get(code)
                stamp = dated[code].token if at is not None else None
                made = cms.container(certificate.der, above, signed[code], value, stamp)
                pdf = cms.fill(self._pdf(session, case_key, paper), paper.start, paper.end, made)
                row = written.row(ticket, paper, value, now)
                row.level, row.stamped_at = ("T" if at is not None else "B"), at
                self.put(session, case_key, row, pdf, now)
                session.add(row)
                rows.append(row)
            tickets.use(ticket, signatures, now)
            session.flush()
            self._write_down(session, case_key, rows, now)
            # Word that the certificate was good, soon: it may be superseded before the review is done.
            self.engine.queue.defer(session, JOB, case_id=str(case_id))
            log.info("signed", case=str(case_id), papers=len(rows), dated=len(moments))
            return [written.told(row) for row in rows]

    def of(self, session: Session, case_id: UUID) -> list[Signature]:
        """Return what was signed for a case, the newest first."""
        rows = session.scalars(
            select(SignatureRow)
            .where(SignatureRow.case_id == case_id)
            .order_by(SignatureRow.signed_at.desc(), SignatureRow.code)
            .execution_options(populate_existing=True)
        )
        return [written.told(row) for row in rows]

    def file(self, session: Session, key: CaseKey, signature: Signature) -> bytes:
        """Return the signed PDF as it stands now."""
        found = self.engine.files.get(session, key, signature.file_id)
        if found is None:
            raise NotSigned
        return found[1]

    def kit(self, session: Session, key: CaseKey, case_id: UUID) -> bytes:
        """Return the newest kit of a case, a zip, or raise NotSigned while there is none."""
        return self._newest(session, key, case_id, KIT)

    def evidence(self, session: Session, key: CaseKey, case_id: UUID) -> bytes:
        """Return the newest evidence page of a case, a PDF, or raise NotSigned while there is none."""
        return self._newest(session, key, case_id, PAGE)

    def _newest(self, session: Session, key: CaseKey, case_id: UUID, role: str) -> bytes:
        newest = (
            select(FileRow.id)
            .where(FileRow.case_id == case_id, FileRow.role == role)
            .order_by(FileRow.stored_at.desc())
            .limit(1)
        )
        file_id = session.scalar(newest)
        found = None if file_id is None else self.engine.files.get(session, key, file_id)
        if found is None:
            raise NotSigned
        return found[1]

    # -- the worker's side --------------------------------------------------------------------------

    def archive(self, case_id: str) -> str:
        """Date, seal and archive what waits for it in a case; return what became of it, for the log.

        Safe to run twice, also at once; see ``archive``.
        """
        # pyHanko is for workers only; pages do without it.
        from handlers.signing.archive import Archive

        return Archive(self).run(UUID(case_id))

    def sweep(self) -> int:
        """Put cases that wait and have lost their job back into the queue; return how many."""
        from handlers.signing.archive import Archive

        return Archive(self).sweep()

    # -- inside -------------------------------------------------------------------------------------

    def _of_ticket(self, session: Session, ticket: TicketRow) -> list[Signature]:
        rows = {
            row.code: row
            for row in session.scalars(select(SignatureRow).where(SignatureRow.ticket == ticket.id))
        }
        return [written.told(rows[told["code"]]) for told in ticket.papers]

    def _usable(self, session: Session, serial: str, owner: str) -> Certificate:
        try:
            found = self.certificates.get(session, serial, owner=owner)
            if found.state != "active":
                raise CertificateEnded(f"certificate_{found.state}")
            if not found.not_before <= self.now() < found.not_after:
                raise CertificateEnded("certificate_not_yet")
        except UnknownCertificate as unknown:
            raise CertificateEnded("certificate_unknown") from unknown
        except ClockDoubted as doubted:
            raise TimeDoubted("clock") from doubted
        return found

    def _needed(
        self, session: Session, ticket: TicketRow, content: str, needed: Mapping[str, str]
    ) -> dict[str, Paper]:
        """Return a ticket's papers in its order: still the case's, of the versions in force."""
        if ticket.content != content:
            raise PapersChanged("content_changed")
        if {told["code"]: told["document"] for told in ticket.papers} != dict(needed):
            raise PapersChanged("version_superseded")
        papers = self.papers.of(session, ticket.case_id, content)
        if not tickets.still(ticket, papers):
            raise PapersChanged("papers_rewritten")
        return {told["code"]: papers[told["code"]] for told in ticket.papers}

    def _moments(
        self, session: Session, signatures: Mapping[str, bytes], dated: Mapping[str, Stamp]
    ) -> dict[str, datetime]:
        """Return when each signature was dated, where it was."""
        try:
            now = self.now()
        except ClockDoubted as doubted:
            raise TimeDoubted("clock") from doubted
        rules = self.rules(session)
        return {
            code: stamps.check(stamp, stamps.imprint(signatures[code]), rules, now)
            for code, stamp in dated.items()
            if code in signatures
        }

    def rules(self, session: Session) -> Rules:
        """Return whose timestamps count."""
        if self._rules is None:
            unit = self.authority.units.active(session, "tsa")
            # Kept for good: units are rotated, the root above them never is.
            anchor = self.authority.above(session, unit)[-1]
            policy = self.authority.company.timestamp_policy
            self._rules = Rules(frozenset({anchor}), frozenset({policy}))
        return self._rules

    def _pdf(self, session: Session, case_key: CaseKey, paper: Paper) -> bytes:
        """Return a paper as it was shown: it must be what the ticket says, with nothing in its hole."""
        pdf = self.papers.pdf(session, case_key, paper)
        start, end = paper.start, paper.end
        empty = b"<" + b"0" * (end - start - 2) + b">"
        if sha256(pdf[:start] + pdf[end:]).digest() != paper.digest or pdf[start:end] != empty:
            raise PapersChanged("paper_damaged")
        return pdf

    def put(self, session: Session, case_key: CaseKey, row: SignatureRow, pdf: bytes, now: datetime) -> None:
        """Keep a signed PDF as the one that counts."""
        role = f"signed.{row.level.lower()}.{row.code}"[:40]
        stored = self.engine.files.put(session, case_key, pdf, role=role, media_type=PDF, at=now)
        row.file_id, row.sha256, row.size = stored.id, stored.sha256, stored.size

    def _write_down(
        self, session: Session, case_key: CaseKey, rows: Sequence[SignatureRow], now: datetime
    ) -> None:
        """Chain what was signed into the case's journal, in the same transaction."""
        case = session.get_one(CaseRow, rows[0].case_id, with_for_update=True)
        facts = {"papers": [row.code for row in rows], "levels": [row.level for row in rows]}
        sealed = {
            row.code: {"paper": str(row.paper_id), "document": row.document_sha256, "file": row.sha256}
            for row in rows
        }
        entry = JournalEntry(
            "signing.signed", f"customer:{case.owner}", facts, {**sealed, "certificate": rows[0].serial}
        )
        self.engine.journal.write(session, case, case_key, [entry], now)


@contextmanager
def _told_of(case_id: UUID) -> Iterator[None]:
    """Tell the log, by case and code alone, when signatures are refused."""
    try:
        yield
    except Refused as refused:
        log.info("signatures refused", case=str(case_id), code=refused.code)
        raise
