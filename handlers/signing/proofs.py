"""What proves a signature for years, collected when it is archived: chains, status answers, lists.

Every certificate but the root needs word that it was not revoked: by a status answer where somebody answers
for it, else by the list of whoever issued it.
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID
from sqlalchemy.orm import Session

from handlers.certificates import AuthorityDown, CertificateFault, EmbeddedAuthority
from handlers.signing.chains import Chains
from handlers.signing.lasting import Proofs
from handlers.signing.protocol import NotArchived


class Collected:
    """Collects proofs for one case; what several papers need is asked for once.

    :param known: answers that are there already, by certificate.
    """

    def __init__(
        self, session: Session, authority: EmbeddedAuthority, known: Mapping[bytes, bytes] | None = None
    ) -> None:
        self._session = session
        self._known = known or {}
        self._authority = authority
        self._chains = Chains(authority)
        #: Certificates, answers and lists by what they are about.
        self._certificates: dict[bytes, None] = {}
        self._ocsps: dict[bytes, bytes] = {}
        self._crls: dict[bytes, bytes] = {}

    def add(self, leaf: bytes) -> None:
        """Collect what proves one certificate, or raise NotArchived.

        Answers of the case's first papers serve its others, because they were asked for after all signatures.
        """
        if leaf in self._certificates:
            return
        chain = (leaf, *self._chains.whole(self._session, leaf))
        for one, issuer in pairwise(chain):
            if one in self._certificates:
                continue
            self._certificates[one] = None
            if not self._answered(one, issuer):
                self._listed(one, issuer)
        self._certificates[chain[-1]] = None

    def proofs(self) -> Proofs:
        """Return all that was collected."""
        return Proofs(
            tuple(self._certificates), tuple(self._ocsps.values()), tuple(dict.fromkeys(self._crls.values()))
        )

    def _answered(self, one: bytes, issuer: bytes) -> bool:
        """Ask for a status; where nobody answers, a list has to do."""
        answer = self._known.get(one) or status(self._session, self._authority, one, issuer)
        if answer is None:
            return False
        self._ocsps[one] = answer
        for responder in ocsp.load_der_ocsp_response(answer).certificates:
            self._certificates[responder.public_bytes(Encoding.DER)] = None
        return True

    def _listed(self, one: bytes, issuer: bytes) -> None:
        try:
            for unit, _ in self._authority.units.all(self._session):
                if unit.der == issuer:
                    self._crls[issuer] = self._authority.crl(self._session, unit.name)
                    return
            self._crls[issuer] = self._authority.list_elsewhere(one)
        except AuthorityDown:
            raise  # it is asked again
        except CertificateFault as lacking:
            raise NotArchived(f"no list: {lacking}") from lacking


def status(session: Session, authority: EmbeddedAuthority, one: bytes, issuer: bytes) -> bytes | None:
    """Return an answer about a certificate, good or revoked; None where nobody answers for it.

    :raises AuthorityDown: somebody should, and does not now.
    """
    loaded, above = x509.load_der_x509_certificate(one), x509.load_der_x509_certificate(issuer)
    if not _has_responder(loaded):
        return None
    # SHA-1 names the issuer, as in most requests, and protects nothing.
    builder = ocsp.OCSPRequestBuilder().add_certificate(loaded, above, SHA1())  # noqa: S303  # nosec B303
    answer = authority.status_of(session, one, issuer, builder.build().public_bytes(Encoding.DER))
    read = ocsp.load_der_ocsp_response(answer)
    if read.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise AuthorityDown(f"a status request gets {read.response_status.name}")
    if read.certificate_status == ocsp.OCSPCertStatus.UNKNOWN:
        raise NotArchived("the responder does not know a certificate")
    return answer


def is_good(answer: bytes) -> bool:
    """Tell whether an answer says that a certificate is good."""
    return ocsp.load_der_ocsp_response(answer).certificate_status == ocsp.OCSPCertStatus.GOOD


def _has_responder(certificate: x509.Certificate) -> bool:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return False
    return any(way.access_method == AuthorityInformationAccessOID.OCSP for way in access)


def collected(
    session: Session, authority: EmbeddedAuthority, leaves: Iterable[bytes], known: Mapping[bytes, bytes]
) -> Proofs:
    """Return what proves these certificates; ``known`` are answers that are there already."""
    found = Collected(session, authority, known)
    for leaf in leaves:
        found.add(leaf)
    return found.proofs()
