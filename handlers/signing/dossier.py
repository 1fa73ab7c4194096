"""Making a case's evidence and kit, once its papers are archived; the worker's last step."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from engine import SYSTEM, clock
from engine.store import CaseKey, JournalEntry
from engine.store.tables import CaseRow, FileRow, JournalRow
from handlers.certificates.units import Unit
from handlers.recordings import NotFinished
from handlers.signing import cms, evidence, kit, lasting, proofs, stamps, written
from handlers.signing.kit import Chained
from handlers.signing.protocol import StampRefused, StampsDown
from handlers.signing.signing import KIT, PAGE, PDF, Signing
from handlers.signing.stamps import Rules
from handlers.signing.tables import SignatureRow

log = structlog.get_logger("signing")


class Dossier:
    """Makes evidence and kits."""

    def __init__(self, signing: Signing) -> None:
        self._signing = signing
        self._engine = signing.engine
        self._authority = signing.authority

    def make(self, case_id: UUID, key: CaseKey, rules: Rules) -> bool:
        """Make evidence and kit of a case whose papers are archived; tell whether they were made now.

        Safe to run twice: the newest counts, and one that is there is not made again. While a recording
        waits for its seal nothing is made; the sweep asks again.
        """
        case, _, data = self._engine.cases.data(case_id, SYSTEM)
        with self._engine.database.reading() as session:
            rows = self._rows(session, case_id)
            if not rows or not session.scalar(select(lacking(rows[0].case_id))):
                return False
            row = session.get_one(CaseRow, case_id)
            entries = list(
                session.scalars(
                    select(JournalRow).where(JournalRow.subject == f"case:{case_id}").order_by(JournalRow.seq)
                )
            )
            entries = [one for one in entries if one.seq <= row.journal_seq]
            head = (row.journal_seq, row.journal_head)
            papers = {one.code: self._signing.file(session, key, written.told(one)) for one in rows}
            customer = self._signing.certificates.get(session, rows[0].serial)
            try:
                recordings = self._signing.recordings
                video = None if recordings is None else recordings.evidence(session, case_id)
            except NotFinished:
                log.info("evidence waits for the recording's seal", case=str(case_id))
                return False
            unit = self._authority.units.active(session, "seal")
            above = self._signing.chains.whole(session, unit.der)
        told = evidence.facts(
            case, data, self._engine.parameters().company.name, [written.told(one) for one in rows],
            {customer.serial: customer}, head, self._signing.now(), video,
        )  # fmt: skip
        plain = evidence.plain(told)
        signed_page = evidence.page(
            told, lambda digest: self._signed(digest, unit, above, rules), self._signing.now()
        )
        source = stamps.source_of(self._token(sha256(signed_page).digest(), rules))
        with self._engine.database.reading() as session:
            found = proofs.collected(session, self._authority, [unit.der, source], {})
            known = {customer.der: rows[0].status} if customer.state != "active" and rows[0].status else {}
            people = {
                "customer": self._chained(session, customer.der, known.get(customer.der)),
                "seal": self._chained(session, unit.der, None),
                "tsa": Chained(source, self._signing.chains.whole(session, source)),
            }
            lists = self._lists(session, people.values())
        page = lasting.archive(signed_page, found, lambda digest: self._token(digest, rules))
        made = kit.files(papers, (page, plain), people, lists, entries, video)
        made["manifest.txt"] = kit.manifest(made)
        made["manifest.p7s"] = self._signed(sha256(made["manifest.txt"]).digest(), unit, above)
        made["timestamps/manifest.tst"] = self._token(sha256(made["manifest.p7s"]).digest(), rules)
        self._lay(case_id, key, page, kit.packed(made), clock.now())
        return True

    def _rows(self, session: Session, case_id: UUID) -> Sequence[SignatureRow]:
        """Return what was archived last, one row a paper."""
        last = (
            select(SignatureRow.ticket)
            .where(SignatureRow.case_id == case_id, SignatureRow.archived_at.is_not(None))
            .order_by(SignatureRow.signed_at.desc())
            .limit(1)
            .scalar_subquery()
        )
        where = (SignatureRow.case_id == case_id, SignatureRow.ticket == last)
        return list(session.scalars(select(SignatureRow).where(*where).order_by(SignatureRow.code)))

    def _chained(self, session: Session, certificate: bytes, known: bytes | None) -> Chained:
        above = self._signing.chains.whole(session, certificate)
        status = known or proofs.status(session, self._authority, certificate, above[0])
        return Chained(certificate, above, status)

    def _lists(self, session: Session, people: Iterable[Chained]) -> list[bytes]:
        issuers = {one for person in people for one in person.above}
        units = [unit for unit, _ in self._authority.units.all(session) if unit.der in issuers]
        return [self._authority.crl(session, unit.name) for unit in units]

    def _signed(self, digest: bytes, unit: Unit, above: Sequence[bytes], rules: Rules | None = None) -> bytes:
        """Return the company's signature over a digest; with ``rules``, dated."""
        signed = cms.attributes(digest, unit.der)
        value = unit.signing_key().sign(signed, ec.ECDSA(SHA256()))
        token = None if rules is None else self._token(stamps.imprint(value), rules)
        return cms.container(unit.der, above[:-1], signed, value, token)

    def _token(self, digest: bytes, rules: Rules) -> bytes:
        stamp = stamps.fetch(self._signing.timestamps, digest)
        try:
            stamps.check(stamp, digest, rules, self._signing.now())
        except StampRefused as refused:
            raise StampsDown(f"a token is not to be trusted: {refused.code}") from refused
        return stamp.token

    def _lay(self, case_id: UUID, key: CaseKey, page: bytes, zipped: bytes, now: datetime) -> None:
        put = self._engine.files.put
        with self._engine.database.transaction() as session:
            case = session.get_one(CaseRow, case_id, with_for_update=True)
            if not session.scalar(select(lacking(case_id))):
                return  # another worker was first
            shown = put(session, key, page, role=PAGE, media_type=PDF, at=now)
            whole = put(session, key, zipped, role=KIT, media_type="application/zip", at=now)
            sealed = {"page": shown.sha256, "kit": whole.sha256}
            entry = JournalEntry("signing.evidence", "system:worker", {"kit": str(whole.id)}, sealed)
            self._engine.journal.write(session, case, key, [entry], now)


def lacking(case_id: object) -> ColumnElement[bool]:
    """Return the condition that a case has archived papers which its newest kit does not tell of.

    :param case_id: one case, or a column.
    """
    newest = select(func.max(FileRow.stored_at)).where(FileRow.case_id == case_id, FileRow.role == KIT)
    wanted = select(func.max(SignatureRow.seal_wanted_at)).where(
        SignatureRow.case_id == case_id, SignatureRow.archived_at.is_not(None)
    )
    waits = exists().where(
        SignatureRow.case_id == case_id,
        SignatureRow.seal_wanted_at.is_not(None),
        SignatureRow.archived_at.is_(None),
    )
    return func.coalesce(newest.scalar_subquery() < wanted.scalar_subquery(), True) & ~waits
