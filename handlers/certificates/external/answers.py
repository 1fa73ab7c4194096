"""What an authority elsewhere says about its certificates, checked: status answers and revocation lists."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from handlers.certificates.external.chain import DIGESTS, Untrusted, is_strong

#: How far the clock of the other side may be from ours.
SKEW = timedelta(minutes=5)


def check_status(answer: bytes, asked: ocsp.OCSPRequest, issuer: x509.Certificate, now: datetime) -> None:
    """Check that an answer is to this question, signed by whom ``issuer`` lets answer, and of now.

    :raises Untrusted: and so do ValueError and TypeError of bytes that are no answer.
    """
    read = ocsp.load_der_ocsp_response(answer)
    if read.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise Untrusted(f"the responder answers {read.response_status.name}")
    about = (read.serial_number, read.issuer_key_hash, read.issuer_name_hash, read.hash_algorithm.name)
    if about != (
        asked.serial_number,
        asked.issuer_key_hash,
        asked.issuer_name_hash,
        asked.hash_algorithm.name,
    ):
        raise Untrusted("the answer is about another certificate")
    if _nonce(asked.extensions) is not None and _nonce(read.extensions) not in (
        None,
        _nonce(asked.extensions),
    ):
        raise Untrusted("the answer is to another question")
    until = read.next_update_utc
    if read.this_update_utc > now + SKEW or until is None or until < now - SKEW:
        raise Untrusted("the answer is not of now")
    responder = _responder(read, issuer, now)
    check_signature(responder, read.signature, read.tbs_response_bytes, read.signature_hash_algorithm)


def check_list(der: bytes, issuer: x509.Certificate, now: datetime) -> None:
    """Check that a list is the issuer's and of now, or raise Untrusted; ValueError when it is none."""
    read = x509.load_der_x509_crl(der)
    if read.issuer != issuer.subject:
        raise Untrusted("the list is another authority's")
    until = read.next_update_utc
    if read.last_update_utc > now + SKEW or until is None or until < now:
        raise Untrusted("the list is not of now")
    check_signature(issuer, read.signature, read.tbs_certlist_bytes, read.signature_hash_algorithm)


def check_signature(
    signer: x509.Certificate, signature: bytes, signed: bytes, digest: HashAlgorithm | None
) -> None:
    """Check a signature with a certificate's key, or raise Untrusted."""
    key = signer.public_key()
    if not isinstance(digest, DIGESTS) or not is_strong(key):
        raise Untrusted("it is signed with a digest or key that is too weak")
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(digest))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), digest)
    except InvalidSignature:
        raise Untrusted("its signature is not good") from None


def _responder(read: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> x509.Certificate:
    """Return who signed: the issuer, or somebody it says may answer for it (RFC 6960 §4.2.2.2)."""
    for one in (issuer, *read.certificates):
        named = read.responder_name == one.subject or read.responder_key_hash == _key_hash(one)
        if named and (one == issuer or _may_answer(one, issuer, now)):
            return one
    raise Untrusted("who answers may not answer")


def _may_answer(responder: x509.Certificate, issuer: x509.Certificate, now: datetime) -> bool:
    try:
        responder.verify_directly_issued_by(issuer)
        purposes = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    good = responder.not_valid_before_utc <= now <= responder.not_valid_after_utc
    return good and ExtendedKeyUsageOID.OCSP_SIGNING in purposes


def _key_hash(certificate: x509.Certificate) -> bytes:
    # The name of a key in RFC 6960 is its SHA-1, as in this identifier; nothing rests on it.
    return x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest


def _nonce(extensions: x509.Extensions) -> bytes | None:
    found = [e.value.nonce for e in extensions if isinstance(e.value, x509.OCSPNonce)]
    return found[0] if found else None
