"""A licensed authority over HTTP; the contract is ``openapi.json`` beside this file.

It certifies customers and answers for them; our own units go on beside it: the company's seal, the
timestamp unit, and the lists and status answers of what they certified before.

Nothing it says is believed unseen: a certificate must be for the key and the person that were sent, be good
now, lead up to a root that was agreed, and be signed with nothing weaker than SHA-256.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Literal, TypeVar

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import load_der_ocsp_request
from cryptography.x509.oid import NameOID
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from engine.store import Keyring
from handlers.certificates.authority import EmbeddedAuthority
from handlers.certificates.external import wire
from handlers.certificates.external.chain import MALFORMED, Untrusted, path_of
from handlers.certificates.external.elsewhere import Elsewhere
from handlers.certificates.pkcs11 import Module
from handlers.certificates.profiles import Company
from handlers.certificates.protocol import AuthorityDown, Made, Reason, Refused, Request, Subject
from handlers.certificates.requests import spki_of
from handlers.certificates.tables import CertificateRow
from handlers.certificates.units import serial_text
from handlers.outward import JsonPost, Unreachable

log = structlog.get_logger("certificates")

Operation = Literal["certify", "revoke"]
#: Where each message is posted. Nothing personal stands in an address.
PATHS: Mapping[Operation, str] = {"certify": "/v1/certificates/issue", "revoke": "/v1/certificates/revoke"}
#: Longest answer, in bytes.
LIMIT = 64 * 1024
#: A clock elsewhere may be a little ahead of ours.
AHEAD = timedelta(minutes=5)
#: No certificate of a person is good for longer; one that is was made for something else.
LONGEST = timedelta(days=5 * 366)

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True)
class Line:
    """How an authority is reached.

    :param url: base address, https; http only to this machine.
    :param token: secret that is shown to it.
    :param seconds: longest wait for an answer.
    :param chain: its certificates, the root last.
    """

    url: str
    token: str
    seconds: float
    chain: Sequence[x509.Certificate]


class HttpAuthority(EmbeddedAuthority):
    """An authority elsewhere that certifies customers, and our own units; see ``protocol.Authority``.

    :param dated_by: certificates of timestamp services elsewhere.
    """

    elsewhere: Elsewhere

    def __init__(
        self,
        keyring: Keyring,
        company: Company,
        line: Line,
        now: Callable[[], datetime] | None = None,
        module: Module | None = None,
        dated_by: Sequence[x509.Certificate] = (),
    ) -> None:
        super().__init__(keyring, company, now, module)
        self._keyring = keyring
        self._trusted = tuple(line.chain)
        self._post = JsonPost(line.url, line.token, line.seconds, LIMIT)
        self.elsewhere = Elsewhere([*line.chain, *dated_by], self.now, line.seconds)

    def certify(self, session: Session, request: Request, subject: Subject) -> Made:
        """Return the certificate that the authority makes; the same request gets the same one."""
        message = wire.CertifyRequest(
            csr=b64encode(request.der).decode(),
            name=subject.name,
            id_number=subject.id_number,
            pseudonym=subject.pseudonym,
        )
        answer = self._exchange("certify", message, sha256(request.der).hexdigest(), wire.CertifyAnswer)
        if answer.certificate is None:
            log.warning("the authority certifies nobody here", code="authority_refused")
            raise Refused(answer.reason or "数字证书机构未通过本次申请，请联系期货公司", "authority_refused")
        try:
            return self._believed(b64decode(answer.certificate), request, subject)
        except (Untrusted, *MALFORMED) as wrong:
            # The same key is asked again with the same message: either it is mended there, or nobody signs.
            log.error("the authority's certificate is not believed", why=str(wrong))
            raise AuthorityDown from None

    def chain(self, session: Session) -> tuple[bytes, ...]:
        """Return the authority's certificates, the root last."""
        return tuple(one.public_bytes(Encoding.DER) for one in self._trusted)

    def end(self, serial: str, reason: Reason, at: datetime) -> None:
        """Tell the authority that a certificate ended; or raise AuthorityDown: tell it again."""
        told = wire.RevokeRequest(serial=serial, reason=reason, ended_at=at.astimezone(UTC).isoformat())
        answer = self._exchange("revoke", told, f"{serial}:{reason}", wire.RevokeAnswer)
        if not answer.revoked:
            raise AuthorityDown("the authority did not revoke a certificate")

    def ocsp(self, session: Session, request: bytes) -> bytes:
        """Answer a status request: for its certificates with the authority's own answer, fetched now."""
        try:
            asked = load_der_ocsp_request(request)
            row = session.get(CertificateRow, serial_text(asked.serial_number))
        except (ValueError, TypeError, OverflowError):
            return super().ocsp(session, request)
        if row is None or row.issuer_id is not None:
            return super().ocsp(session, request)
        return self.elsewhere.status(self._keyring.open(row.der, f"certificate.der:{row.serial}"), request)

    def _exchange(self, operation: Operation, message: BaseModel, key: str, kind: type[Answer]) -> Answer:
        try:
            answered = self._post.post(
                PATHS[operation], message.model_dump_json().encode(), {"Idempotency-Key": key}
            )
            return kind.model_validate_json(answered)
        except Unreachable as down:
            log.error("the authority is not reached", why=str(down))
        except ValidationError as broken:
            # What was wrong, and not what was said: an answer may hold anything.
            log.error("the authority's answer cannot be read", why=[e["type"] for e in broken.errors()])
        raise AuthorityDown

    def _believed(self, der: bytes, request: Request, subject: Subject) -> Made:
        """Return a certificate as it was made, or raise Untrusted."""
        made, now = x509.load_der_x509_certificate(der), self.now()
        key = made.public_key()
        if made.public_bytes(Encoding.DER) != der:
            raise Untrusted("something stands behind it")
        if not hasattr(key, "curve") or spki_of(key) != request.spki:  # type: ignore[arg-type]
            raise Untrusted("it is for another key")
        names = {name.oid: name.value for name in made.subject}
        if names.get(NameOID.COMMON_NAME) != subject.name:
            raise Untrusted("it names another person")
        if names.get(NameOID.SERIAL_NUMBER) != subject.pseudonym:
            raise Untrusted("it has another pseudonym")
        if subject.id_number and subject.id_number.encode() in der:
            raise Untrusted("the ID number stands in it")
        if made.not_valid_before_utc > now + AHEAD:
            raise Untrusted("it is not good yet")
        if made.not_valid_after_utc - made.not_valid_before_utc > LONGEST:
            raise Untrusted("it is good for too long")
        _check_purpose(made)
        path_of(made, self._trusted, (), max(now, made.not_valid_before_utc))
        serial = made.serial_number
        if not 0 < serial < 2**160:
            raise Untrusted("its serial number is out of range")
        return Made(der, serial_text(serial), made.not_valid_before_utc, made.not_valid_after_utc, None)


def _check_purpose(made: x509.Certificate) -> None:
    usage = made.extensions.get_extension_for_class(x509.KeyUsage).value
    if not (usage.content_commitment or usage.digital_signature) or usage.key_cert_sign:
        raise Untrusted("it is not for signing documents")
    try:
        if made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            raise Untrusted("it is an authority's")
    except x509.ExtensionNotFound:
        return
