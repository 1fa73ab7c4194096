"""What the worker does with signed papers: dates them late, has them sealed, and archives them (B-LTA).

Everything is made outside a transaction and laid down in one that looks again, so a worker that dies at any
point loses nothing, and two at once lay down one result.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from engine import clock
from engine.store import CaseKey, JournalEntry
from engine.store.tables import CaseRow
from handlers import verifier
from handlers.certificates.units import Unit
from handlers.signing import cms, lasting, proofs, reading, stamps
from handlers.signing.chains import is_root
from handlers.signing.dossier import Dossier, lacking
from handlers.signing.lasting import Proofs
from handlers.signing.protocol import NotArchived, StampRefused, StampsDown
from handlers.signing.signing import JOB, Signing
from handlers.signing.stamps import Rules
from handlers.signing.tables import SignatureRow

log = structlog.get_logger("signing")

WORKER = "system:worker"
#: Minutes after which a case that waits is put into the queue again.
LOST_MINUTES = 2
#: Most cases that one sweep puts into the queue.
MOST = 100


class Archive:
    """The worker's half of signing.

    :param signing: its other half.
    """

    def __init__(self, signing: Signing) -> None:
        self._signing = signing
        self._engine = signing.engine
        self._authority = signing.authority

    def run(self, case_id: UUID) -> str:
        """Bring a case's papers as far as they may go now; return what became of it, for the log.

        Safe to run twice, also at once.

        :raises StampsDown: the timestamp source gives nothing: to be tried again.
        """
        with self._engine.database.reading() as session:
            case = session.get(CaseRow, case_id)
            if case is None:
                return "gone"
            key = self._engine.keyring.case_key(str(case_id), case.key)
            rules = self._signing.rules(session)
        dated = self._date(case_id, key, rules)
        self._ask(case_id)
        archived = self._archive(case_id, key, rules)
        told = Dossier(self._signing).make(case_id, key, rules)
        outcome = "archived" if archived else "dated" if dated else "told" if told else "there"
        log.info("archive", case=str(case_id), outcome=outcome, dated=dated, archived=archived)
        return outcome

    def sweep(self) -> int:
        """Put cases into the queue that wait for a date or for the archive and have lost their job."""
        since = clock.now() - timedelta(minutes=LOST_MINUTES)
        waiting = (
            select(SignatureRow.case_id)
            .where(
                or_(
                    and_(SignatureRow.status.is_(None), SignatureRow.signed_at < since),
                    and_(SignatureRow.seal_wanted_at < since, lacking(SignatureRow.case_id)),
                    and_(SignatureRow.seal_wanted_at < since, SignatureRow.archived_at.is_(None)),
                )
            )
            .group_by(SignatureRow.case_id)
            .order_by(func.min(SignatureRow.signed_at))
            .limit(MOST)
        )
        with self._engine.database.transaction() as session:
            known = self._engine.queue.queued(session, JOB)
            lost = [one for one in map(str, session.scalars(waiting)) if one not in known]
            for case_id in lost:
                self._engine.queue.defer(session, JOB, case_id=case_id)
        return len(lost)

    # -- from B to T --------------------------------------------------------------------------------

    def _date(self, case_id: UUID, key: CaseKey, rules: Rules) -> int:
        """Date what could not be dated when it was signed; return how many papers that were."""
        dated = 0
        for row in self._rows(case_id, SignatureRow.level == "B"):
            stamp = stamps.fetch(self._signing.timestamps, stamps.imprint(row.value))
            try:
                at = stamps.check(stamp, stamps.imprint(row.value), rules, self._signing.now())
            except StampRefused as refused:
                raise StampsDown(f"a token is not to be trusted: {refused.code}") from refused
            with self._engine.database.reading() as session:
                certificate = self._signing.certificates.get(session, row.serial).der
                above = self._signing.chains.above(session, certificate)
                pdf = self._file(session, key, row)
            signed = cms.attributes(row.digest, certificate)
            made = cms.container(certificate, above, signed, row.value, stamp.token)
            filled = cms.fill(pdf, row.start, row.end, made)
            dated += self._lay([(row, filled)], key, "T", at)
        return dated

    def _ask(self, case_id: UUID) -> None:
        """Keep word of the certificate's state at the time of signing: it may end before the review does."""
        rows = self._rows(case_id, SignatureRow.level == "T", SignatureRow.status.is_(None))
        for serial in {row.serial for row in rows}:
            with self._engine.database.reading() as session:
                certificate = self._signing.certificates.get(session, serial).der
                issuer = self._signing.chains.whole(session, certificate)[0]
                answer = proofs.status(session, self._authority, certificate, issuer)
            if answer is None:
                continue
            ids = [row.id for row in rows if row.serial == serial]
            with self._engine.database.transaction() as session:
                session.execute(
                    update(SignatureRow)
                    .where(SignatureRow.id.in_(ids), SignatureRow.status.is_(None))
                    .values(status=answer)
                    .execution_options(synchronize_session=False)
                )

    # -- from T to LTA ------------------------------------------------------------------------------

    def _archive(self, case_id: UUID, key: CaseKey, rules: Rules) -> int:
        """Seal and archive what was accepted; return how many papers that were."""
        rows = self._rows(
            case_id,
            SignatureRow.level == "T",
            SignatureRow.seal_wanted_at.is_not(None),
            SignatureRow.archived_at.is_(None),
        )
        if not rows:
            return 0
        with self._engine.database.reading() as session:
            files = [self._file(session, key, row) for row in rows]
            unit = self._authority.units.active(session, "seal")
            above = self._signing.chains.above(session, unit.der)
            customers = {s: self._signing.certificates.get(session, s) for s in {row.serial for row in rows}}
        leaves = [one.der for one in customers.values()]
        ended = [one.der for one in customers.values() if one.state != "active"]
        # What was asked for at the time is needed where the certificate has ended since.
        known = {
            customers[row.serial].der: row.status
            for row in rows
            if row.status is not None and customers[row.serial].der in ended
        }
        sealed, sources = [], set[bytes]()
        for row, pdf in zip(rows, files, strict=True):
            sources.add(stamps.source_of(reading.token(reading.contents(pdf, row.start, row.end))))
            sealed.append(self._seal(pdf, unit, above, rules, sources))
        # Asked for after the last signature, because an answer from before it would prove nothing of it.
        with self._engine.database.reading() as session:
            found = proofs.collected(session, self._authority, [*leaves, unit.der, *sorted(sources)], known)
            today = self._today(session, ended)
        done = []
        for row, pdf in zip(rows, sealed, strict=True):
            made = lasting.archive(pdf, found, lambda digest: self._token(digest, rules))
            self._must_last(made, found, today)
            done.append((row, made))
        return self._lay(done, key, "LTA", self._signing.now())

    def _seal(
        self, pdf: bytes, unit: Unit, above: Sequence[bytes], rules: Rules, sources: set[bytes]
    ) -> bytes:
        now = self._signing.now()

        def fill(digest: bytes) -> bytes:
            signed = cms.attributes(digest, unit.der)
            value = unit.signing_key().sign(signed, ec.ECDSA(SHA256()))
            token = self._token(stamps.imprint(value), rules)
            sources.add(stamps.source_of(token))
            return cms.container(unit.der, above, signed, value, token)

        return lasting.seal(pdf, now, fill)

    def _today(self, session: Session, ended: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return what is said today of certificates that have ended."""
        above = self._signing.chains.whole
        told = (proofs.status(session, self._authority, one, above(session, one)[0]) for one in ended)
        return tuple(answer for answer in told if answer is not None)

    def _must_last(self, pdf: bytes, found: Proofs, today: tuple[bytes, ...]) -> None:
        """Return only for a file that anybody with the root alone will find in order.

        :param today: answers that prove nothing, and may speak against it: a certificate that ended before it
            signed, as became known only later.
        """
        roots = tuple(one for one in found.certificates if is_root(one))
        verdict = verifier.verify(pdf, verifier.Trust(roots, ocsps=today), self._signing.now())
        if not verdict.intact or verdict.level != "B-LTA":
            raise NotArchived(f"the archived file is refused: {[one.code for one in verdict.findings]}")

    def _token(self, digest: bytes, rules: Rules) -> bytes:
        stamp = stamps.fetch(self._signing.timestamps, digest)
        try:
            stamps.check(stamp, digest, rules, self._signing.now())
        except StampRefused as refused:
            raise StampsDown(f"a token is not to be trusted: {refused.code}") from refused
        return stamp.token

    # -- the rows -----------------------------------------------------------------------------------

    def _rows(self, case_id: UUID, *where: object) -> list[SignatureRow]:
        query = select(SignatureRow).where(SignatureRow.case_id == case_id, *where)  # type: ignore[arg-type]
        with self._engine.database.reading() as session:
            return list(session.scalars(query.order_by(SignatureRow.signed_at, SignatureRow.code)))

    def _file(self, session: Session, key: CaseKey, row: SignatureRow) -> bytes:
        found = self._engine.files.get(session, key, row.file_id)
        if found is None:
            raise NotArchived("the file of a signature is not there")
        return found[1]

    def _lay(self, made: Sequence[tuple[SignatureRow, bytes]], key: CaseKey, level: str, at: datetime) -> int:
        """Lay new files down where the old ones still count; return how many that were."""
        now = clock.now()
        with self._engine.database.transaction() as session:
            # The case first, as every step does; its journal gets a link.
            case = session.get_one(CaseRow, made[0][0].case_id, with_for_update=True)
            laid = []
            for before, pdf in made:
                row = session.get_one(SignatureRow, before.id, with_for_update=True)
                if row.file_id != before.file_id:
                    continue  # another worker was first
                row.level = level
                if level == "T":
                    row.stamped_at = at
                else:
                    row.archived_at = at
                self._signing.put(session, key, row, pdf, now)
                laid.append(row)
            if laid:
                facts = {"papers": [row.code for row in laid], "level": level}
                sealed = {row.code: {"file": row.sha256} for row in laid}
                kind = "signing.dated" if level == "T" else "signing.archived"
                entry = JournalEntry(kind, WORKER, facts, sealed)
                self._engine.journal.write(session, case, key, [entry], now)
        return len(laid)
