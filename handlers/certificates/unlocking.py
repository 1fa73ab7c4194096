"""Unlocking a customer's key: our half of the password check, and how often it may be tried (R-188).

The browser keeps the key wrapped under the password *and* a value that only we can help to compute
(``oprf``). We see neither. Who steals the device cannot try a single password without asking here, and here
five tries without success lock the certificate for good. We cannot tell a right password from a wrong one:
what counts as success is a signature by the key.

A number belongs to each certificate. Its first evaluation, by which the browser wraps the fresh key, is of
one point only and ends for good when the browser proves that it holds the key (``confirm``); from then on
each further point is a try. The same point asked for again costs nothing and tells nothing, so that a lost
answer may be fetched again.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from engine.store import Keyring
from handlers.certificates import oprf
from handlers.certificates.customers import Certificates
from handlers.certificates.protocol import Certificate, UnknownCertificate, UnlockRefused
from handlers.certificates.tables import CertificateRow, OprfKeyRow

#: Evaluations without a success in between that lock a certificate (R-188).
MOST_TRIES = 5
#: Before what a browser signs to prove its key: nothing else that the key ever signs begins like this, for
#: signed attributes are a DER set.
PROOF = b"kaihu certificate proof v1\0"
GONE = "您的数字证书不存在，请申请安装数字证书"
INSTALL_AGAIN = "数字证书安装失败，请重新安装"


@dataclass(frozen=True)
class Evaluated:
    """Our half of one try."""

    #: The product; None: the certificate is locked now.
    point: bytes | None
    #: Further tries before the lock.
    left: int
    #: What the browser signs with the unlocked key to prove the success; 32 bytes, good once.
    challenge: bytes = field(default=b"", repr=False)


class Unlocking:
    """Evaluates, counts and locks. Whatever it does belongs to the caller's transaction.

    Rows are locked in one order everywhere, the certificate before its number, so that no two wait for
    each other.
    """

    def __init__(self, keyring: Keyring, certificates: Certificates) -> None:
        self._keyring = keyring
        self._certificates = certificates

    def prepare(self, session: Session, serial: str) -> None:
        """Make the number of a certificate that was just issued."""
        sealed = self._keyring.seal(oprf.new_scalar(), f"oprf_key.scalar:{serial}")
        session.add(OprfKeyRow(serial=serial, scalar=sealed, tries=0))
        session.flush()

    def wrap(self, session: Session, serial: str, *, owner: str, blinded: bytes) -> Evaluated:
        """Evaluate for wrapping the fresh key: one point, and not a try.

        :raises UnlockRefused: no such fresh certificate of this owner, or another point was evaluated.
        """
        row = self._row(session, serial, owner)
        if row.confirmed_at is not None or row.asked not in (None, _hash(blinded)):
            raise UnlockRefused(INSTALL_AGAIN, "wrapped_already")
        return self._evaluated(row, blinded)

    def confirm(
        self, session: Session, serial: str, *, owner: str, signature: bytes, now: datetime
    ) -> Certificate:
        """Note that the browser holds the wrapped key; from now on evaluations count. Safe to repeat.

        :raises UnlockRefused: the proof is not one.
        """
        row = self._row(session, serial, owner)
        certificate = self._certificates.get(session, serial, owner=owner)
        if row.confirmed_at is None:
            _verify(certificate, row, signature)
            row.confirmed_at, row.asked, row.challenge = now, None, None
            session.flush()
        return certificate

    def confirmed(self, session: Session, serial: str) -> bool:
        """Tell whether the browser once proved that it holds the key of this certificate."""
        at = select(OprfKeyRow.confirmed_at).where(OprfKeyRow.serial == serial)
        return session.scalar(at) is not None

    def evaluate(self, session: Session, serial: str, *, owner: str, blinded: bytes) -> Evaluated:
        """Help with one try of the password, and count it; one too many locks the certificate.

        The lock must be kept, so it is told, not raised: commit in any case.

        :raises UnlockRefused: there is no such usable certificate of this owner, or no such point.
        """
        row = self._row(session, serial, owner, locked=True)
        if row.confirmed_at is None:
            raise UnlockRefused(INSTALL_AGAIN, "not_confirmed")
        again = row.asked == _hash(blinded)
        if row.scalar is None or (row.tries >= MOST_TRIES and not again):
            self._lock(session, row, owner)
            return Evaluated(None, 0)
        evaluated = self._evaluated(row, blinded)
        if not again:
            row.tries += 1
        session.flush()
        return Evaluated(evaluated.point, MOST_TRIES - row.tries, evaluated.challenge)

    def wrong(self, session: Session, serial: str, *, owner: str) -> int:
        """The browser says that a password was wrong; return how many tries are left, 0: locked now.

        Counts nothing, because the evaluation has counted already; but after the last one it locks at once.
        """
        row = self._row(session, serial, owner, locked=True)
        if row.scalar is None or row.tries >= MOST_TRIES:
            self._lock(session, row, owner)
            return 0
        return MOST_TRIES - row.tries

    def prove(self, session: Session, serial: str, *, owner: str, signature: bytes) -> None:
        """Take a signature over the newest challenge as a success; each challenge is good once.

        :raises UnlockRefused: the proof is not one.
        """
        row = self._row(session, serial, owner)
        _verify(self._certificates.get(session, serial, owner=owner), row, signature)
        self.succeeded(session, serial)

    def succeeded(self, session: Session, serial: str) -> None:
        """Begin to count anew: a valid signature by the key was seen just now.

        Only for whoever has verified a signature that nobody could have kept from an earlier time.
        """
        session.execute(
            update(OprfKeyRow)
            .where(OprfKeyRow.serial == serial, OprfKeyRow.scalar.is_not(None))
            .values(tries=0, challenge=None)
            .execution_options(synchronize_session="fetch")
        )

    def _row(self, session: Session, serial: str, owner: str, *, locked: bool = False) -> OprfKeyRow:
        """Return the number of a usable certificate of this owner, both rows locked until the commit.

        :param locked: also of a locked one.
        """
        mine = (CertificateRow.serial == serial, CertificateRow.owner == owner)
        session.execute(select(CertificateRow.serial).where(*mine).with_for_update())
        try:
            state = self._certificates.get(session, serial, owner=owner).state
        except UnknownCertificate:
            raise UnlockRefused(GONE, "unknown") from None
        row = session.get(OprfKeyRow, serial, with_for_update=True, populate_existing=True)
        if row is None or not (state == "active" or (locked and state == "locked")):
            raise UnlockRefused(GONE, "not_usable")
        return row

    def _evaluated(self, row: OprfKeyRow, blinded: bytes) -> Evaluated:
        if row.scalar is None:
            raise UnlockRefused(GONE, "not_usable")
        scalar = self._keyring.open(row.scalar, f"oprf_key.scalar:{row.serial}")
        try:
            point = oprf.evaluate(scalar, blinded)
        except oprf.PointRefused as refused:
            raise UnlockRefused("请求有误", "point") from refused
        row.asked = _hash(blinded)
        row.challenge = secrets.token_bytes(32)
        return Evaluated(point, MOST_TRIES, row.challenge)

    def _lock(self, session: Session, row: OprfKeyRow, owner: str) -> None:
        self._certificates.lock(session, row.serial, owner=owner)
        # What nobody may use again is not kept: not even a stolen key ring opens the device then.
        row.scalar, row.challenge = None, None
        session.flush()


def proof(serial: str, challenge: bytes) -> bytes:
    """Return the bytes that a browser signs to prove its key."""
    return PROOF + serial.encode() + b"\0" + challenge


def _verify(certificate: Certificate, row: OprfKeyRow, signature: bytes) -> None:
    key = x509.load_der_x509_certificate(certificate.der).public_key()
    if row.challenge is None or not isinstance(key, ec.EllipticCurvePublicKey):
        raise UnlockRefused(INSTALL_AGAIN, "no_challenge")
    try:
        key.verify(signature, proof(row.serial, row.challenge), ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise UnlockRefused(INSTALL_AGAIN, "proof") from None


def _hash(blinded: bytes) -> bytes:
    return sha256(blinded).digest()
