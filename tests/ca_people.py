"""Customers with browsers in front of an authority, and a clock that can be moved; ``ca_room`` lends them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AttributeOID, NameOID

from engine.store import Database, Keyring
from handlers.certificates import (
    Certificate,
    Certificates,
    Company,
    EmbeddedAuthority,
    EmbeddedTimestamps,
    RealTime,
    Root,
    Timestamps,
)
from tests.openssl import openssl, pem, pem_lists, written

COMPANY = Company("示例期货有限公司", "http://kaihu.example.com", registration="91000000EXAMPLE001")
PASSPHRASES = ("first custodian's words", "second custodian's words")
ID_NUMBER = "110105198506123737"


@dataclass
class Clock:
    """Real time of a test, which can be moved."""

    shift: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def advance(self, **time: float) -> None:
        """Move on by ``days``, ``hours``, ``minutes`` …"""
        self.shift += timedelta(**time)


@dataclass
class Person:
    """A customer in front of a browser, whose key never leaves it."""

    room: "Room"
    name: str = "张小伟"
    id_number: str = ID_NUMBER
    device: str = "Chrome on Windows"
    owner: str = field(default_factory=lambda: str(uuid4()))
    case_id: UUID = field(default_factory=uuid4)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def passes_the_video(self, hours: float = 24) -> str:
        """Return the nonce that a passed video gives."""
        now = self.room.business
        with self.room.database.transaction() as session:
            return self.room.certificates.enrol(
                session,
                case_id=self.case_id,
                owner=self.owner,
                now=now,
                expires_at=now + timedelta(hours=hours),
            )

    def asks(self, nonce: str | None) -> bytes:
        """Return the certificate request that the browser makes."""
        return request(self.key, nonce)

    def installs(self, csr: bytes) -> Certificate:
        """Send a request, in a step's transaction."""
        with self.room.database.transaction() as session:
            return self.room.certificates.issue(
                session,
                csr,
                case_id=self.case_id,
                owner=self.owner,
                name=self.name,
                id_number=self.id_number,
                device=self.device,
                now=self.room.business,
            )

    def has_certificate(self) -> Certificate:
        """Go the whole way with a fresh key."""
        self.key = ec.generate_private_key(ec.SECP256R1())
        return self.installs(self.asks(self.passes_the_video()))


@dataclass
class Room:
    """Everything a test of certificates needs."""

    database: Database
    keyring: Keyring
    root: Root
    clock: Clock
    #: Business time, far from real time as in a demonstration.
    business: datetime = datetime(2026, 3, 18, 2, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.authority = EmbeddedAuthority(self.keyring, COMPANY, self.clock)
        self.certificates = Certificates(self.keyring, self.authority, self.clock)
        self.timestamps: Timestamps = EmbeddedTimestamps(self.database, self.keyring, COMPANY, RealTime())

    def person(self, **about: Any) -> Person:
        """Let a customer come in."""
        return Person(self, **about)

    def chain(self) -> tuple[bytes, ...]:
        """Return the issuing unit's certificate and the root's."""
        with self.database.reading() as session:
            return self.authority.chain(session)

    def published(self, *names: str) -> list[bytes]:
        """Return the newest lists of these units."""
        with self.database.reading() as session:
            return [self.authority.crl(session, name) for name in names]

    def publishes(self) -> None:
        """Make new lists."""
        with self.database.transaction() as session:
            self.authority.publish_crls(session)

    def answers(self, request: bytes) -> bytes:
        """Answer a status request."""
        with self.database.reading() as session:
            return self.authority.ocsp(session, request)


def request(
    key: ec.EllipticCurvePrivateKey,
    nonce: str | None,
    more: Callable[
        [x509.CertificateSigningRequestBuilder], x509.CertificateSigningRequestBuilder
    ] = lambda builder: builder,
) -> bytes:
    """Return a certificate request as DER."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "customer")])
    )
    if nonce is not None:
        builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, nonce.encode())
    return more(builder).sign(key, SHA256()).public_bytes(Encoding.DER)


class HasDer(Protocol):
    """A certificate of a customer or of a unit."""

    @property
    def der(self) -> bytes:
        """Return the certificate as DER."""


class Auditor:
    """Somebody with the openssl program, the root, and what the authority publishes."""

    def __init__(self, room: Room, folder: Path) -> None:
        self.room, self.folder = room, folder
        issuing, root = room.chain()
        self.root = pem(folder / "root.pem", [root])
        self.issuing = pem(folder / "issuing.pem", [issuing])

    def asks(self, certificate: HasDer, *options: str) -> bytes:
        """Return the request that the program makes."""
        path = pem(self.folder / "asked.pem", [certificate.der])
        out = self.folder / "request.der"
        openssl("ocsp", *options, "-issuer", self.issuing, "-cert", path, "-reqout", out)
        return out.read_bytes()

    def is_told(self, certificate: HasDer, *options: str) -> str:
        """Ask for the status and return what the program makes of the answer."""
        request = self.asks(certificate, *options)
        answer = written(self.folder / "answer.der", self.room.answers(request))
        told = ("-respin", answer, "-CAfile", self.root, "-verify_other", self.issuing)
        named = ("-issuer", self.issuing, "-cert", self.folder / "asked.pem")
        # One run compares the nonce, the other names the certificate: the program cannot do both at once.
        compared = openssl("ocsp", "-reqin", written(self.folder / "request.der", request), *told)
        return compared + openssl("ocsp", *options, "-no_nonce", *named, *told)

    def verifies(self, certificate: HasDer) -> str:
        """Verify a certificate against the lists published now."""
        return openssl(
            "verify", "-x509_strict", "-crl_check_all", "-CAfile", self.root, "-untrusted", self.issuing,
            "-CRLfile", pem_lists(self.folder / "lists.pem", self.room.published("root-1", "issuing-1")),
            pem(self.folder / "verified.pem", [certificate.der]),
        )  # fmt: skip
