"""What this product asks of a certification authority and of a timestamp unit, in its own words.

Records show nothing personal when they are printed, so that a log may hold them.

CertificateFault
├── NoAuthority           no authority was set up here, or not the unit that is needed
├── UnknownCertificate    no certificate has this serial number
├── AuthorityDown         no answer from an authority elsewhere, or none that is right: ask again
├── ClockDoubted          the machine's clock jumped: nothing is dated by it
├── CeremonyRefused       the root does not open, or an authority stands here already
└── Refused               a request is not answered with a certificate; has words and a code
    ├── RequestRefused    the certificate request is malformed, forged, or asks with a wrong kind of key
    ├── NonceRefused      it does not come from a passed video, comes too late, or for a second time
    ├── KeyKnown          its key was certified before
    └── UnlockRefused     we do not help to unlock this key, or believe that it was unlocked
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.orm import Session

State = Literal["active", "locked", "revoked", "expired"]
#: Why a certificate ended: names of RFC 5280 §5.3.1 with their numbers.
Reason = Literal[
    "unspecified",
    "key_compromise",
    "ca_compromise",
    "affiliation_changed",
    "superseded",
    "cessation_of_operation",
    "certificate_hold",
    "privilege_withdrawn",
]
REASONS: dict[Reason, int] = {
    "unspecified": 0,
    "key_compromise": 1,
    "ca_compromise": 2,
    "affiliation_changed": 3,
    "superseded": 4,
    "cessation_of_operation": 5,
    "certificate_hold": 6,
    "privilege_withdrawn": 9,
}


class CertificateFault(Exception):
    """What was asked was not done."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text or (self.__doc__ or "").strip())


class NoAuthority(CertificateFault):
    """No certification authority was set up here: kaihu ca init."""


class UnknownCertificate(CertificateFault):
    """No certificate has this serial number."""


class ClockDoubted(CertificateFault):
    """The machine's clock jumped while this process ran; set it right and start the process anew."""


class AuthorityDown(CertificateFault):
    """数字证书服务暂时无法连接，请稍后再试"""


class CeremonyRefused(CertificateFault):
    """A ceremony cannot be held as asked."""


class Refused(CertificateFault):
    """A request that gets no certificate.

    :param message: what the customer reads.
    :param code: which rule it was, for logs and tests.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class RequestRefused(Refused):
    """The certificate request is not one that our page makes."""

    def __init__(self, code: str) -> None:
        super().__init__("数字证书申请无法识别，请重新安装", code)


class NonceRefused(Refused):
    """The request does not prove a passed video that is still valid (R-190)."""

    def __init__(self, code: str) -> None:
        super().__init__("视频见证已超过有效时间或已使用，请重新进行视频见证", code)


class KeyKnown(Refused):
    """The key was certified before, for this or another customer."""

    def __init__(self) -> None:
        super().__init__("数字证书申请重复，请重新安装", "key_known")


class UnlockRefused(Refused):
    """We do not help to unlock this key, or believe that it was unlocked."""


@dataclass(frozen=True)
class Subject:
    """Whom a certificate names."""

    #: As on the ID card, at most 64 characters.
    name: str = field(repr=False)
    #: Stands for the ID number, which is never in a certificate: a keyed hash in hexadecimal digits.
    pseudonym: str
    #: For an authority elsewhere, which must know whom it certifies; it stands in no certificate.
    id_number: str = field(repr=False, default="")


@dataclass(frozen=True)
class Request:
    """A request whose signature was checked."""

    key: ec.EllipticCurvePublicKey
    #: SHA-256 of the key, encoded always the same way, so that no key passes for another.
    spki: bytes
    #: 64 hexadecimal digits.
    nonce: str
    #: The request itself, for an authority elsewhere that wants the proof of possession.
    der: bytes = field(repr=False)


@dataclass(frozen=True)
class Made:
    """A certificate as an authority made it."""

    der: bytes = field(repr=False)
    #: 40 hexadecimal digits.
    serial: str
    not_before: datetime
    not_after: datetime
    #: Our own unit that signed it; None when an authority elsewhere did.
    issuer_id: UUID | None


@dataclass(frozen=True)
class Certificate:
    """A customer's certificate and where it stands."""

    serial: str
    owner: str
    #: The case whose video it was issued upon.
    case_id: UUID
    #: What the customer's browser called itself.
    device: str = field(repr=False)
    state: State
    not_before: datetime
    not_after: datetime
    #: When it was locked or revoked, in real time.
    ended_at: datetime | None
    reason: Reason | None
    der: bytes = field(repr=False)
    #: SHA-256 of the subject's public key, by which a browser finds the certificate of its key.
    spki: bytes


@dataclass(frozen=True)
class RevocationList:
    """A revocation list as it was published."""

    der: bytes = field(repr=False)
    number: int
    this_update: datetime
    #: When it is over: verifiers then want the next one.
    next_update: datetime


class Publisher(Protocol):
    """Answers for what our own units certified, at the addresses that stand in those certificates."""

    def ocsp(self, session: Session, request: bytes) -> bytes:
        """Answer a status request of RFC 6960, whatever it is; never raises for what it says."""

    def newest_list(self, session: Session, name: str) -> RevocationList:
        """Return the newest list of a unit such as ``issuing-1``, or raise NoAuthority."""

    def certificate(self, session: Session, name: str) -> bytes:
        """Return the certificate of a unit, or raise NoAuthority."""


class Authority(Protocol):
    """Makes certificates and answers for them: the embedded one, or a licensed one elsewhere."""

    def certify(self, session: Session, request: Request, subject: Subject) -> Made:
        """Return a certificate for a key whose possession was proved; the same one for the same request.

        :raises NoAuthority: none was set up.
        :raises AuthorityDown: nothing is known; ask again with the same request.
        :raises Refused: it will not certify this person.
        """

    def chain(self, session: Session) -> tuple[bytes, ...]:
        """Return the certificates above what ``certify`` makes now, as DER, the root last."""

    def ocsp(self, session: Session, request: bytes) -> bytes:
        """Answer a status request of RFC 6960, whatever it is; never raises for what it says."""


class Timestamps(Protocol):
    """Dates what it is shown by RFC 3161: our own unit, or one elsewhere over HTTP."""

    def answer(self, request: bytes) -> bytes:
        """Answer a TimeStampReq with a TimeStampResp, granted or refused."""
