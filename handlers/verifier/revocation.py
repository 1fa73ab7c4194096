"""Whether a certificate was revoked at a moment: status answers and revocation lists.

Fail-closed: a list that is over, or an answer by anybody but the issuer's own responder, counts as nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha1

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, Hash
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from handlers.verifier.chains import Certified, Chains
from handlers.verifier.signed import check_signature
from handlers.verifier.verdict import Revocation
from handlers.verifier.words import Refused

#: By how much clocks may differ.
SKEW = timedelta(minutes=5)
#: After these a key may have been in strangers' hands before the date that is told.
_STOLEN = frozenset({x509.ReasonFlags.key_compromise, x509.ReasonFlags.ca_compromise})


@dataclass(frozen=True)
class Status:
    """What one answer or list says about one certificate."""

    this_update: datetime
    next_update: datetime
    revoked_at: datetime | None
    reason: x509.ReasonFlags | None


class Evidence:
    """Status answers and lists, each verified once."""

    def __init__(self, chains: Chains, ocsps: Sequence[bytes], crls: Sequence[bytes], now: datetime) -> None:
        self._chains = chains
        self._now = now
        self._answers = [answer for raw in ocsps if (answer := _answer(raw)) is not None]
        self._lists = [told for raw in crls if (told := _list(raw)) is not None]
        #: Whether there is a piece that cannot be read.
        self.broken = len(self._answers) + len(self._lists) < len(ocsps) + len(crls)
        self._good: dict[tuple[int, Certified], bool] = {}

    def about(self, certificate: Certified, issuer: Certified) -> list[Status]:
        """Return what valid evidence says about a certificate."""
        found = [
            _told(one)
            for one in self._answers
            if _is_about(one, certificate, issuer) and self._answered_by(one, issuer)
        ]
        for one in self._lists:
            if one.issuer.public_bytes() == issuer.subject and self._listed_by(one, issuer):
                found.append(_listed(one, certificate))
        return [one for one in found if one.this_update <= self._now + SKEW]

    def stranger(self, issuers: Iterable[Certified]) -> bool:
        """Tell whether a piece of evidence comes from none of these issuers."""
        known = list(issuers)
        return not (
            all(any(self._answered_by(one, issuer) for issuer in known) for one in self._answers)
            and all(any(self._listed_by(one, issuer) for issuer in known) for one in self._lists)
        )

    def _answered_by(self, answer: ocsp.OCSPResponse, issuer: Certified) -> bool:
        key = (id(answer), issuer)
        if key not in self._good:
            self._good[key] = self._responder_is_right(answer, issuer)
        return self._good[key]

    def _responder_is_right(self, answer: ocsp.OCSPResponse, issuer: Certified) -> bool:
        if len(answer.certificates) != 1:
            return False
        try:
            responder = self._chains.certified(answer.certificates[0].public_bytes(Encoding.DER))
            named = answer.responder_name
            # SHA-1 names the responder here (RFC 6960) and protects nothing.
            mine = (
                named.public_bytes() == responder.subject
                if named is not None
                else answer.responder_key_hash == sha1(responder.key, usedforsecurity=False).digest()
            )
            if not (
                mine
                and issuer.issued(responder)
                and ExtendedKeyUsageOID.OCSP_SIGNING in responder.purposes
                and responder.unchecked
                and not responder.is_authority
                and responder.valid_at(answer.produced_at_utc)
                and all(not one.critical for one in answer.extensions)
                and all(not one.critical for one in answer.single_extensions)
                and _is_of(answer, issuer)
            ):
                return False
            how = answer.signature_hash_algorithm
            if not isinstance(how, (SHA256, SHA384)):
                return False
            long = isinstance(how, SHA384)
            check_signature(responder.x509, answer.signature, answer.tbs_response_bytes, long)
        except (Refused, ValueError, UnsupportedAlgorithm):
            return False
        return True

    def _listed_by(self, one: x509.CertificateRevocationList, issuer: Certified) -> bool:
        key = (id(one), issuer)
        if key not in self._good:
            public = issuer.x509.public_key()
            usage = issuer.value(x509.KeyUsage)
            self._good[key] = (
                isinstance(public, ec.EllipticCurvePublicKey)
                and one.issuer.public_bytes() == issuer.subject
                and usage is not None
                and usage.crl_sign
                and isinstance(one.signature_hash_algorithm, (SHA256, SHA384))
                and all(not extension.critical for extension in one.extensions)
                and one.is_signature_valid(public)
            )
        return self._good[key]


def _answer(raw: bytes) -> ocsp.OCSPResponse | None:
    try:
        answer = ocsp.load_der_ocsp_response(raw)
        # One answer about one certificate; both are read here, so that whatever is broken breaks now.
        if answer.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL or answer.next_update_utc is None:
            return None
        assert answer.this_update_utc  # noqa: S101
        _ = (answer.certificate_status, answer.produced_at_utc, answer.certificates, answer.serial_number)
        _ = (answer.extensions, answer.single_extensions, answer.signature_hash_algorithm)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return None
    return answer


def _list(raw: bytes) -> x509.CertificateRevocationList | None:
    try:
        one = x509.load_der_x509_crl(raw)
        _ = (one.extensions, one.signature_hash_algorithm, one.issuer)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return None
    return one if one.next_update_utc is not None else None


def _is_of(answer: ocsp.OCSPResponse, issuer: Certified) -> bool:
    """Tell whether an answer is about a certificate of this issuer."""
    name, key = Hash(answer.hash_algorithm), Hash(answer.hash_algorithm)
    name.update(issuer.subject)
    key.update(issuer.key)
    return name.finalize() == answer.issuer_name_hash and key.finalize() == answer.issuer_key_hash


def _is_about(answer: ocsp.OCSPResponse, certificate: Certified, issuer: Certified) -> bool:
    return (
        answer.serial_number == certificate.x509.serial_number
        and answer.certificate_status != ocsp.OCSPCertStatus.UNKNOWN
        and _is_of(answer, issuer)
    )


def _told(answer: ocsp.OCSPResponse) -> Status:
    assert answer.this_update_utc and answer.next_update_utc  # noqa: S101, PT018 - _answer demands both
    return Status(
        answer.this_update_utc, answer.next_update_utc, answer.revocation_time_utc, answer.revocation_reason
    )


def _listed(one: x509.CertificateRevocationList, certificate: Certified) -> Status:
    assert one.next_update_utc  # noqa: S101 - _list demands it
    line = one.get_revoked_certificate_by_serial_number(certificate.x509.serial_number)
    if line is None:
        return Status(one.last_update_utc, one.next_update_utc, None, None)
    reason = None
    for extension in line.extensions:
        if isinstance(extension.value, x509.CRLReason):
            reason = extension.value.reason
    return Status(one.last_update_utc, one.next_update_utc, line.revocation_date_utc, reason)


def state(
    proving: Iterable[Status],
    known: Iterable[Status],
    moment: datetime,
    now: datetime | None,
    *,
    strict: bool,
) -> Revocation:
    """Tell whether a certificate was good at a moment.

    :param proving: evidence that may say good.
    :param known: all evidence, which may say revoked.
    :param now: when ``proving`` must still be fresh; None for evidence kept in an archive.
    :param strict: a stolen key spoils what was signed before, too, as with units of the authority.
    """
    for one in known:
        if one.revoked_at is not None and (one.revoked_at <= moment or (strict and one.reason in _STOLEN)):
            return "revoked"
    for one in proving:
        fresh = now is None or one.next_update >= now
        if fresh and (one.this_update >= moment - SKEW or one.this_update <= moment <= one.next_update):
            return "good"
    return "unknown"


def lasted(kept: Sequence[Status], moment: datetime) -> bool:
    """Tell whether a certificate was still good at a moment, by evidence that was in force just then."""
    return all(one.revoked_at is None for one in kept) and any(
        one.this_update <= moment <= one.next_update for one in kept
    )
