"""Whether what a browser sent is a signature over a paper by the certificate's key."""

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from handlers.certificates import der
from handlers.certificates.der import DerRefused, Reader
from handlers.signing import cms
from handlers.signing.protocol import Paper, SignatureWrong

#: Most bytes of an ECDSA signature with P-256 as DER.
MOST_BYTES = 72


def check(paper: Paper, certificate: bytes, value: bytes) -> bytes:
    """Return the attributes that a signature is over, or raise SignatureWrong."""
    look(value)
    signed = cms.attributes(paper.digest, certificate)
    key = x509.load_der_x509_certificate(certificate).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise SignatureWrong("key")
    try:
        key.verify(value, signed, ec.ECDSA(SHA256()))
    except InvalidSignature as wrong:
        raise SignatureWrong("signature_wrong") from wrong
    return signed


def look(value: bytes) -> None:
    """Return only for what can be an ECDSA signature: two positive numbers in DER, and nothing more."""
    try:
        whole = Reader(value)
        pair = whole.inside(der.SEQUENCE)
        whole.end()
        numbers = (pair.integer(), pair.integer())
        pair.end()
    except DerRefused as malformed:
        raise SignatureWrong("signature_malformed") from malformed
    if len(value) > MOST_BYTES or min(numbers) < 1:
        raise SignatureWrong("signature_malformed")
