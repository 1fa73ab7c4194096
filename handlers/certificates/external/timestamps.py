"""Dates from services elsewhere (RFC 3161 over HTTP): asked in order, the first right answer counts.

An answer is believed when it is for this digest and nonce, under the policy that was agreed, signed by a
certificate for timestamps that leads up to a root that was agreed, and within a minute of our own clock. A
service that fails in any of this is passed over and named in the log; when all fail, nothing is dated, and
what waits for a date goes on waiting. Whether a service's certificate was revoked is not asked here: that
is judged when the signature is archived and whenever it is verified.

Services are spoken to without TLS, too, as is usual: only a digest goes out, and the answer is signed.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256, sha384, sha512
from typing import Any, ClassVar

import structlog
from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from handlers.certificates import timestamps
from handlers.certificates.external.answers import check_signature
from handlers.certificates.external.chain import MALFORMED, Untrusted, path_of
from handlers.certificates.protocol import ClockDoubted
from handlers.certificates.realtime import RealTime
from handlers.outward import Exchange, Unreachable

log = structlog.get_logger("certificates")

#: How far a date may be from our own clock; two services can then differ by no more than twice this.
SKEW = timedelta(seconds=60)
#: Longest answer, in bytes.
LIMIT = 64 * 1024

_DIGESTS: dict[str, tuple[HashAlgorithm, Callable[[bytes], Any]]] = {
    "sha256": (SHA256(), sha256),
    "sha384": (SHA384(), sha384),
    "sha512": (SHA512(), sha512),
}
#: What is raised for bytes that are something else.
_MALFORMED = (*MALFORMED, KeyError, IndexError, AttributeError, OverflowError)


class Response(tsp.TimeStampResp):  # type: ignore[misc]  # it has no types
    """TimeStampResp; a refusal has no token, which asn1crypto 1.5.1 forgets."""

    _fields: ClassVar = [
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


class HttpTimestamps:
    """Services that date; see ``protocol.Timestamps``.

    :param urls: tried in this order.
    :param roots: trusted certificates; whatever stands between comes with the answers or is among these.
    :param policy: that dates must be given under; empty: any.
    :param seconds: longest wait for one service.
    """

    def __init__(
        self,
        urls: Sequence[str],
        roots: Sequence[x509.Certificate],
        policy: str = "",
        seconds: float = 5.0,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._urls = tuple(urls)
        self._roots = tuple(roots)
        self._policy = policy
        self._line = Exchange(seconds, LIMIT)
        self._now = now or RealTime()

    def answer(self, request: bytes) -> bytes:
        """Answer a TimeStampReq with a TimeStampResp that was checked, or refuse it."""
        for url in self._urls:
            try:
                answer = self._line.post(
                    url, request, "application/timestamp-query", "application/timestamp-reply"
                )
                check(request, answer, self._roots, self._now(), self._policy)
            except ClockDoubted:
                return timestamps.no_time()
            except (Unreachable, Untrusted) as failed:
                log.error("a timestamp service is passed over", url=url, why=str(failed))
            else:
                return answer
        return timestamps.unable()


def check(
    request: bytes, answer: bytes, roots: Sequence[x509.Certificate], now: datetime, policy: str = ""
) -> datetime:
    """Return the date in an answer, or raise Untrusted.

    :param now: our own time, which the date must be near.
    """
    try:
        return _check(tsp.TimeStampReq.load(request), answer, roots, now, policy)
    except _MALFORMED as malformed:
        raise Untrusted(f"the answer cannot be read: {type(malformed).__name__}") from malformed


def _check(
    asked: Any, answer: bytes, roots: Sequence[x509.Certificate], now: datetime, policy: str
) -> datetime:
    read = Response.load(answer, strict=True)
    status = read["status"]["status"].native
    if status not in ("granted", "granted_with_mods"):
        raise Untrusted(f"the service answers {status}")
    token = read["time_stamp_token"]
    if token["content_type"].native != "signed_data":
        raise Untrusted("the answer holds no token")
    data = token["content"]
    content = data["encap_content_info"]
    if content["content_type"].native != "tst_info":
        raise Untrusted("the token holds something else than a date")
    encoded = bytes(content["content"])
    info = tsp.TSTInfo.load(encoded, strict=True)
    _check_info(asked, info, policy)
    date: datetime = info["gen_time"].native
    if abs(date - now) > SKEW:
        raise Untrusted("its time is more than a minute from ours")
    _check_signer(data, encoded, roots, date)
    return date


def _check_info(asked: Any, info: Any, policy: str) -> None:
    if info["message_imprint"].native != asked["message_imprint"].native:
        # Some services leave the algorithm's NULL out or write it; what counts is digest and algorithm.
        theirs, ours = info["message_imprint"], asked["message_imprint"]
        same = (
            theirs["hash_algorithm"]["algorithm"].native == ours["hash_algorithm"]["algorithm"].native
            and theirs["hashed_message"].native == ours["hashed_message"].native
        )
        if not same:
            raise Untrusted("it is for another digest")
    if info["nonce"].native != asked["nonce"].native:
        raise Untrusted("its nonce is another one")
    wanted = policy or asked["req_policy"].native
    if wanted and info["policy"].dotted != wanted:
        raise Untrusted("it is under another policy")


def _check_signer(data: Any, encoded: bytes, roots: Sequence[x509.Certificate], date: datetime) -> None:
    signers = data["signer_infos"]
    if len(signers) != 1:
        raise Untrusted("it has not exactly one signer")
    signer = signers[0]
    sent = [x509.load_der_x509_certificate(one.chosen.dump()) for one in data["certificates"] or ()]
    certificate = _signing_certificate(signer, sent)
    digest, hashed = _DIGESTS.get(signer["digest_algorithm"]["algorithm"].native, (None, None))
    if digest is None or hashed is None:
        raise Untrusted("it is signed with a digest that is too weak")
    attributes = {one["type"].native: one["values"] for one in signer["signed_attrs"]}
    if len(attributes) != len(signer["signed_attrs"]) or attributes["content_type"].native != ["tst_info"]:
        raise Untrusted("its signed attributes are not those of a token")
    if attributes["message_digest"].native != [hashed(encoded).digest()]:
        raise Untrusted("the signature is over something else")
    _check_bound(attributes, certificate)
    # Signed is the SET OF attributes; sent, the same under the tag [0].
    signed = signer["signed_attrs"].untag().dump(force=True)
    check_signature(certificate, signer["signature"].native, signed, _signed_with(signer, digest))
    _check_purpose(certificate)
    path_of(certificate, roots, sent, date)


def _signed_with(signer: Any, digest: HashAlgorithm) -> HashAlgorithm:
    """Return the digest of the signature, which may name its own."""
    algorithm = signer["signature_algorithm"]
    try:
        named = algorithm.hash_algo
    except ValueError:  # plain rsaEncryption says none: the digest of the attributes counts
        return digest
    if named not in _DIGESTS or algorithm.signature_algo not in ("rsassa_pkcs1v15", "ecdsa"):
        raise Untrusted("it is signed in a way that is not known, or too weak")
    return _DIGESTS[named][0]


def _signing_certificate(signer: Any, sent: Sequence[x509.Certificate]) -> x509.Certificate:
    sid = signer["sid"]
    if sid.name != "issuer_and_serial_number":
        raise Untrusted("it does not name its signer by issuer and serial number")
    issuer, serial = sid.chosen["issuer"].dump(), sid.chosen["serial_number"].native
    for one in sent:
        if one.serial_number == serial and one.issuer.public_bytes() == issuer:
            return one
    raise Untrusted("its signer's certificate did not come with it")


def _check_bound(attributes: dict[str, Any], certificate: x509.Certificate) -> None:
    """Check that the token is bound to its signer's certificate (RFC 3161 §2.4.1, RFC 5816)."""
    encoded = certificate.public_bytes(Encoding.DER)
    if "signing_certificate_v2" not in attributes:
        raise Untrusted("it is not bound to its signer's certificate with SHA-256 or better")
    bound = attributes["signing_certificate_v2"][0]["certs"][0]
    _, hashed = _DIGESTS.get(bound["hash_algorithm"]["algorithm"].native, (None, None))
    if hashed is None or bound["cert_hash"].native != hashed(encoded).digest():
        raise Untrusted("it is bound to another certificate")


def _check_purpose(certificate: x509.Certificate) -> None:
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        raise Untrusted("its signer is not for timestamps") from None
    if not purposes.critical or list(purposes.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise Untrusted("its signer is not for timestamps, or not for them alone")
