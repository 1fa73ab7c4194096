"""A licensed authority at the other end of a real line: an HTTP server with a root of its own.

It follows the published contract, answers for its certificates, and can be told to forge (``forge``) or to
misbehave as a ``Line`` can.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from handlers.certificates import Company, Subject, lists, profiles
from handlers.certificates.external import wire
from handlers.certificates.external.http import PATHS
from handlers.certificates.profiles import Issuer
from tests.http_counter import Line, Start

Forge = Callable[[x509.Certificate, "LicensedAuthority"], bytes]


class LicensedAuthority(Line):
    """Its registration desk, its responder and its lists."""

    def __init__(self, name: str = "示例数字认证中心") -> None:
        super().__init__(self._exchange_json, {path: operation for operation, path in PATHS.items()})
        self.company = Company(name, "http://127.0.0.1:1")
        now = datetime.now(UTC)
        self.root_key = ec.generate_private_key(ec.SECP384R1())
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.root = profiles.root(self.company, self.root_key, 1, now)
        self.responder_key = ec.generate_private_key(ec.SECP256R1())
        self._certify_units()
        self.made: dict[str, bytes] = {}
        self.revoked: dict[int, tuple[datetime, Any]] = {}
        #: Revocations as they were told, also those that were told twice.
        self.told: list[tuple[str, str]] = []
        self.forge: Forge = lambda made, _: made.public_bytes(Encoding.DER)
        self.says_no = ""
        self.revokes = True
        #: How a status answer is made wrong.
        self.status_age = timedelta(0)
        self.status_of_other = False

    @property
    def issuer(self) -> Issuer:
        """Who signs."""
        return Issuer(self.issuing, self.key, "issuing-1")

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """What is agreed on: what certifies, and the root."""
        return (self.issuing, self.root)

    def at(self, address: str) -> None:
        """Stand at an address, which its certificates name."""
        self.company = Company(self.company.name, address)
        self._certify_units()

    def _certify_units(self) -> None:
        now, top = datetime.now(UTC), Issuer(self.root, self.root_key, "root-1")
        self.issuing = profiles.issuing(self.company, top, self.key.public_key(), 1, now)
        self.responder = profiles.ocsp(self.company, self.issuer, self.responder_key.public_key(), 1, now)

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if not path.startswith("/pki/") or self.misbehave:
            return super().__call__(environ, start)
        if path == "/pki/ocsp":
            asked = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            start("200 OK", [("Content-Type", "application/ocsp-response")])
            return [self._status(asked)]
        start("200 OK", [("Content-Type", "application/pkix-crl")])
        now = datetime.now(UTC)
        if path == "/pki/root-1.crl":
            return [lists.sign(self.root, self.root_key, [], 1, now, now + timedelta(days=1))]
        return [self.list_of(now)]

    def list_of(self, now: datetime) -> bytes:
        """Return its revocation list."""
        ended = [lists.Ended(serial, at, reason) for serial, (at, reason) in self.revoked.items()]
        return lists.sign(self.issuing, self.key, ended, 1, now, now + timedelta(days=1))

    def _exchange_json(self, operation: Any, message: bytes, key: str | None) -> bytes:
        if operation == "certify":
            return self._certify(wire.CertifyRequest.model_validate_json(message), key or "")
        asked = wire.RevokeRequest.model_validate_json(message)
        self.told.append((asked.serial, asked.reason))
        if self.revokes:
            at = datetime.fromisoformat(asked.ended_at)
            self.revoked[int(asked.serial, 16)] = (at, asked.reason)
        return wire.RevokeAnswer(revoked=self.revokes).model_dump_json().encode()

    def _certify(self, asked: wire.CertifyRequest, key: str) -> bytes:
        if self.says_no:
            return json.dumps({"certificate": None, "reason": self.says_no}).encode()
        request = x509.load_der_x509_csr(b64decode(asked.csr))
        assert request.is_signature_valid
        public = request.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        if key not in self.made:
            made = profiles.customer(
                self.company, self.issuer, public, Subject(asked.name, asked.pseudonym), datetime.now(UTC)
            )
            self.made[key] = self.forge(made, self)
        return wire.CertifyAnswer(certificate=b64encode(self.made[key]).decode()).model_dump_json().encode()

    def _status(self, request: bytes) -> bytes:
        asked = ocsp.load_der_ocsp_request(request)
        ended = self.revoked.get(asked.serial_number)
        now = datetime.now(UTC).replace(microsecond=0, tzinfo=None) - self.status_age
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            issuer_name_hash=asked.issuer_name_hash,
            issuer_key_hash=asked.issuer_key_hash,
            serial_number=asked.serial_number + self.status_of_other,
            algorithm=asked.hash_algorithm,
            cert_status=ocsp.OCSPCertStatus.REVOKED if ended else ocsp.OCSPCertStatus.GOOD,
            this_update=now,
            next_update=now + timedelta(hours=1),
            revocation_time=ended[0].replace(microsecond=0, tzinfo=None) if ended else None,
            revocation_reason=None,
        )
        signed = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.responder).certificates(
            [self.responder]
        )
        return signed.sign(self.responder_key, SHA256()).public_bytes(Encoding.DER)


def rebuilt(
    made: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    *,
    without: tuple[type[x509.ExtensionType], ...] = (),
    more: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    **changed: Any,
) -> bytes:
    """Return the same certificate with something changed, signed with ``key``."""
    told: dict[str, Any] = {
        "issuer_name": made.issuer,
        "subject_name": made.subject,
        "public_key": made.public_key(),
        "serial_number": made.serial_number,
        "not_valid_before": made.not_valid_before_utc.replace(tzinfo=None),
        "not_valid_after": made.not_valid_after_utc.replace(tzinfo=None),
        **changed,
    }
    builder = x509.CertificateBuilder(**told)
    for extension in made.extensions:
        if not isinstance(extension.value, without):
            builder = builder.add_extension(extension.value, extension.critical)
    for value, critical in more:
        builder = builder.add_extension(value, critical)
    signed = builder.sign(key, SHA256())
    return signed.public_bytes(Encoding.DER)
