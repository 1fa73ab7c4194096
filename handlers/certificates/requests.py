"""Certificate requests (PKCS#10), as they come from a customer's browser: who sent it can do no harm.

A request proves possession of its key by its signature and the right to a certificate by the one-time
nonce in its challengePassword. Nothing else of it is believed: subject and extensions are not even read.
"""

import re
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AttributeOID, SignatureAlgorithmOID

from handlers.certificates.protocol import Request, RequestRefused

#: Largest request that is looked at, in bytes; ours has about 350.
MOST_BYTES = 4096

#: What ``cryptography`` raises for bytes that are no request, or no sensible one.
_MALFORMED = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)

_NONCE = re.compile("[0-9a-f]{64}")


def read(csr: bytes) -> Request:
    """Return what a request says and proves, or raise RequestRefused.

    :param csr: DER; anything, since anybody may send it.
    """
    if len(csr) > MOST_BYTES:
        raise RequestRefused("csr_too_long")
    try:
        request = x509.load_der_x509_csr(csr)
        algorithm = request.signature_algorithm_oid
        key = request.public_key()
    except _MALFORMED as malformed:
        raise RequestRefused("csr_malformed") from malformed
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RequestRefused("csr_key")
    if algorithm != SignatureAlgorithmOID.ECDSA_WITH_SHA256:
        raise RequestRefused("csr_algorithm")
    try:
        proved = request.is_signature_valid
    except _MALFORMED as malformed:
        raise RequestRefused("csr_malformed") from malformed
    if not proved:
        raise RequestRefused("csr_signature")
    return Request(key, spki_of(key), _nonce(request), csr)


def spki_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return the SHA-256 of a public key's SubjectPublicKeyInfo with the point uncompressed."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return sha256(key.public_bytes(serialization.Encoding.DER, form)).digest()


def _nonce(request: x509.CertificateSigningRequest) -> str:
    try:
        found = [a for a in request.attributes if a.oid == AttributeOID.CHALLENGE_PASSWORD]
        text = found[0].value.decode("ascii") if len(found) == 1 else ""
    except _MALFORMED as malformed:
        raise RequestRefused("csr_malformed") from malformed
    if not _NONCE.fullmatch(text):
        raise RequestRefused("nonce_missing")
    return text
