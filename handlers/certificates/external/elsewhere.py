"""What became of certificates that others issued: asked where each says, believed when it is signed right.

Their chains lead to certificates that were agreed on (settings), whoever issued them: a licensed authority,
or a timestamp service.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import load_der_ocsp_request
from cryptography.x509.oid import AuthorityInformationAccessOID

from handlers.certificates import status
from handlers.certificates.external import answers
from handlers.certificates.external.chain import MALFORMED, Untrusted, path_of
from handlers.certificates.protocol import AuthorityDown, NoAuthority
from handlers.outward import Exchange, Unreachable

log = structlog.get_logger("certificates")

#: Longest revocation list that is fetched, in bytes.
LONGEST_LIST = 4 * 1024 * 1024
#: Longest wait for a status answer or a list, in seconds.
PATIENCE = 8.0


class Elsewhere:
    """Certificates of others.

    :param trusted: roots, and what stands between them and the certificates below.
    """

    def __init__(
        self, trusted: Sequence[x509.Certificate], now: Callable[[], datetime], seconds: float = PATIENCE
    ) -> None:
        self.trusted = tuple(trusted)
        self._now = now
        self._line = Exchange(seconds, LONGEST_LIST)

    def path(self, certificate: bytes) -> tuple[bytes, ...]:
        """Return the certificates above one, as DER, the root last, or raise NoAuthority."""
        try:
            above = path_of(x509.load_der_x509_certificate(certificate), self.trusted, (), self._now())
        except (Untrusted, *MALFORMED) as wrong:
            raise NoAuthority(f"a certificate of nobody who is known: {wrong}") from None
        return tuple(one.public_bytes(Encoding.DER) for one in above)

    def status(self, certificate: bytes, request: bytes) -> bytes:
        """Return the answer of whom the certificate names, to a request; "try later" where none is right."""
        try:
            leaf, asked = x509.load_der_x509_certificate(certificate), load_der_ocsp_request(request)
            above = path_of(leaf, self.trusted, (), self._now())
            access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
            kind = AuthorityInformationAccessOID.OCSP
            way = next(one.access_location.value for one in access if one.access_method == kind)
            found = self._line.post(way, request, "application/ocsp-request", "application/ocsp-response")
            answers.check_status(found, asked, above[0], self._now())
        except (Unreachable, Untrusted, StopIteration, *MALFORMED) as wrong:
            log.error("a status answer from elsewhere is not to be had", why=str(wrong))
            return status.try_later()
        return found

    def list_for(self, certificate: bytes) -> bytes:
        """Return the newest list that would name a certificate, or raise AuthorityDown."""
        try:
            leaf = x509.load_der_x509_certificate(certificate)
            above = path_of(leaf, self.trusted, (), self._now())
            points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
            names = [name.value for point in points for name in point.full_name or ()]
            way = next(name for name in names if name.startswith("http"))
            found = self._line.get(way, "application/pkix-crl")
            answers.check_list(found, above[0], self._now())
        except (Unreachable, Untrusted, StopIteration, *MALFORMED) as wrong:
            raise AuthorityDown(f"a list from elsewhere is not to be had: {wrong}") from None
        return found
