"""Customers' certificates: from the passed video's nonce to revocation.

Whatever writes takes the caller's session, so that it commits with the step it belongs to or not at all.
"""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import cast
from uuid import UUID

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine.store import Database, Keyring
from handlers.certificates import requests
from handlers.certificates.protocol import (
    Authority,
    Certificate,
    KeyKnown,
    NonceRefused,
    Reason,
    State,
    Subject,
    UnknownCertificate,
)
from handlers.certificates.realtime import RealTime
from handlers.certificates.tables import CertificateRow, EnrolmentRow

#: Longest device name that is kept, in characters.
LONGEST_DEVICE = 80
_USABLE = ("active", "locked")


class Certificates:
    """Issues customers' certificates and says where they stand.

    :param now: real time, by which certificates begin and end; nonces go by business time, which the
        caller gives.
    """

    def __init__(
        self, keyring: Keyring, authority: Authority, now: Callable[[], datetime] | None = None
    ) -> None:
        self._keyring = keyring
        self._authority = authority
        self._now = now or RealTime()

    def enrol(
        self, session: Session, *, case_id: UUID, owner: str, now: datetime, expires_at: datetime
    ) -> str:
        """Give the right to one certificate; return its nonce, for the request's challengePassword.

        May be asked again for the same video (重新安装): each nonce is good once, until ``expires_at``.

        :param now: business time.
        :param expires_at: when the passed video grows too old, in business time (R-190).
        """
        nonce = secrets.token_hex(32)
        session.add(
            EnrolmentRow(id=_hash(nonce), case_id=case_id, owner=owner, asked_at=now, expires_at=expires_at)
        )
        session.flush()
        return nonce

    def issue(
        self,
        session: Session,
        csr: bytes,
        *,
        case_id: UUID,
        owner: str,
        name: str,
        id_number: str,
        device: str,
        now: datetime,
    ) -> Certificate:
        """Certify the key of a request that proves a passed video of this case and customer.

        The customer's certificate before it, on whatever device, is revoked (R-189). When anything is
        refused, nothing is changed and the nonce is not used up.

        :param csr: PKCS#10 as DER; see ``requests``.
        :param now: business time, for the nonce.
        :raises Refused: RequestRefused, NonceRefused or KeyKnown.
        :raises NoAuthority: no authority was set up.
        :raises AuthorityDown: the authority elsewhere does not answer; send the same request again.
        """
        request = requests.read(csr)
        with session.begin_nested():
            self._use(session, _hash(request.nonce), case_id, owner, now)
            # Two nonces of one customer at once: the later one must see the earlier certificate.
            session.execute(select(func.pg_advisory_xact_lock(_lock_of(owner))))
            self._supersede(session, owner)
            made = self._authority.certify(session, request, self.subject(name, id_number))
            values = {
                "serial": made.serial,
                "issuer_id": made.issuer_id,
                "enrolment_id": _hash(request.nonce),
                "spki": request.spki,
                "owner": owner,
                "case_id": case_id,
                "device": self._keyring.seal_text(
                    device[:LONGEST_DEVICE], f"certificate.device:{made.serial}"
                ),
                "der": self._keyring.seal(made.der, f"certificate.der:{made.serial}"),
                "state": "active",
                "not_before": made.not_before,
                "not_after": made.not_after,
            }
            written = session.execute(
                insert(CertificateRow)
                .values(values)
                .on_conflict_do_nothing(index_elements=["spki"])
                .returning(CertificateRow.serial)
            ).first()
            if written is None:
                raise KeyKnown
        return Certificate(
            made.serial,
            owner,
            case_id,
            device[:LONGEST_DEVICE],
            "active",
            made.not_before,
            made.not_after,
            None,
            None,
            made.der,
            request.spki,
        )

    def subject(self, name: str, id_number: str) -> Subject:
        """Return how a person stands in a certificate: by name, and by a keyed hash of the ID number."""
        pseudonym = self._keyring.blind(id_number, "certificate.subject").hex()[:32]
        return Subject(name, pseudonym, id_number)

    def of_owner(self, session: Session, owner: str) -> Sequence[Certificate]:
        """Return every certificate of a customer, the newest first."""
        rows = session.scalars(
            select(CertificateRow)
            .where(CertificateRow.owner == owner)
            .order_by(CertificateRow.not_before.desc(), CertificateRow.serial)
            .execution_options(populate_existing=True)
        )
        return [self._told(row) for row in rows]

    def usable(self, session: Session, owner: str) -> Certificate | None:
        """Return the certificate a customer can sign with now, or None."""
        row = session.scalar(
            select(CertificateRow)
            .where(CertificateRow.owner == owner, CertificateRow.state == "active")
            .execution_options(populate_existing=True)
        )
        found = self._told(row) if row is not None else None
        return found if found is not None and found.state == "active" else None

    def get(self, session: Session, serial: str, *, owner: str | None = None) -> Certificate:
        """Return one certificate, or raise UnknownCertificate; also when it is not this owner's."""
        row = session.get(CertificateRow, serial, populate_existing=True)
        if row is None or (owner is not None and row.owner != owner):
            raise UnknownCertificate
        return self._told(row)

    def lock(self, session: Session, serial: str, *, owner: str | None = None) -> Certificate:
        """Lock a certificate after too many wrong passwords (R-188); for good, and safe to ask twice."""
        return self._end(session, serial, owner, "locked", "certificate_hold", ("active",))

    def revoke(
        self, session: Session, serial: str, reason: Reason, *, owner: str | None = None
    ) -> Certificate:
        """Revoke a certificate at once; safe to ask twice, the first date and reason stay."""
        return self._end(session, serial, owner, "revoked", reason, _USABLE)

    def _end(
        self,
        session: Session,
        serial: str,
        owner: str | None,
        state: State,
        reason: Reason,
        before: tuple[str, ...],
    ) -> Certificate:
        theirs = () if owner is None else (CertificateRow.owner == owner,)
        session.execute(
            update(CertificateRow)
            .where(CertificateRow.serial == serial, CertificateRow.state.in_(before), *theirs)
            .values(
                state=state,
                reason=reason,
                ended_at=func.coalesce(CertificateRow.ended_at, self._now()),
                reported_at=None,
            )
            .execution_options(synchronize_session=False)
        )
        return self.get(session, serial, owner=owner)

    def _use(self, session: Session, enrolment_id: bytes, case_id: UUID, owner: str, now: datetime) -> None:
        """Use a nonce up, or raise NonceRefused; of two at once the second waits and is refused."""
        theirs = (
            EnrolmentRow.id == enrolment_id,
            EnrolmentRow.case_id == case_id,
            EnrolmentRow.owner == owner,
        )
        used = session.execute(
            update(EnrolmentRow)
            .where(*theirs, EnrolmentRow.used_at.is_(None), EnrolmentRow.expires_at > now)
            .values(used_at=now)
            .returning(EnrolmentRow.id)
        ).first()
        if used is not None:
            return
        row = session.execute(select(EnrolmentRow.used_at).where(*theirs)).first()
        if row is None:
            raise NonceRefused("nonce_unknown")
        raise NonceRefused("nonce_used" if row.used_at is not None else "nonce_expired")

    def _supersede(self, session: Session, owner: str) -> None:
        now = self._now()
        over = CertificateRow.not_after <= now
        session.execute(
            update(CertificateRow)
            .where(CertificateRow.owner == owner, CertificateRow.state.in_(_USABLE))
            .values(
                state=case((over, "expired"), else_="revoked"),
                reason=case((over, CertificateRow.reason), else_="superseded"),
                ended_at=case(
                    (over, CertificateRow.ended_at), else_=func.coalesce(CertificateRow.ended_at, now)
                ),
                reported_at=None,
            )
            .execution_options(synchronize_session=False)
        )

    def _told(self, row: CertificateRow) -> Certificate:
        over = row.state in _USABLE and row.not_after <= self._now()
        return Certificate(
            row.serial,
            row.owner,
            row.case_id,
            self._keyring.open_text(row.device, f"certificate.device:{row.serial}"),
            "expired" if over else cast(State, row.state),
            row.not_before,
            row.not_after,
            row.ended_at,
            cast(Reason | None, row.reason),
            self._keyring.open(row.der, f"certificate.der:{row.serial}"),
            row.spki,
        )


def forget_enrolments(database: Database, now: datetime) -> None:
    """Delete nonces that were never used and are over since a day."""
    with database.transaction() as session:
        session.execute(
            delete(EnrolmentRow).where(
                EnrolmentRow.used_at.is_(None), EnrolmentRow.expires_at < now - timedelta(days=1)
            )
        )


def _hash(nonce: str) -> bytes:
    # A plain hash will do: nobody guesses 256 random bits.
    return sha256(nonce.encode()).digest()


def _lock_of(owner: str) -> int:
    return int.from_bytes(sha256(b"certificate.owner:" + owner.encode()).digest()[:8], "big", signed=True)
