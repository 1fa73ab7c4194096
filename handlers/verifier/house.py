"""What a verifier in this house believes: our own authority's roots, units and newest lists."""

from collections.abc import Iterable
from dataclasses import replace

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from sqlalchemy.orm import Session

from engine.store import Database
from handlers.certificates import EmbeddedAuthority, NoAuthority
from handlers.verifier.children import Verifier
from handlers.verifier.verdict import Trust, Verdict


class House:
    """Verifies strangers' files by what this house believes at the moment."""

    def __init__(self, database: Database, authority: EmbeddedAuthority, verifier: Verifier) -> None:
        self._database = database
        self._authority = authority
        self._verifier = verifier

    def verify(self, pdf: bytes) -> Verdict:
        """Return the verdict on a file, or raise Busy."""
        with self._database.reading() as session:
            known = trust(session, self._authority)
        return self._verifier.verify(pdf, known)


def trust(session: Session, authority: EmbeddedAuthority) -> Trust:
    """Return what is known about customers, seal and timestamps; without an authority, nothing is trusted.

    Policies are not asked for: an installation may have changed its arc since it issued.

    :param authority: who certifies customers: our own, or one elsewhere beside our own units.
    """
    every = authority.units.all(session)
    roots = {unit.der for unit, _ in every if unit.role == "root"}
    between = {unit.der for unit, _ in every if unit.role == "issuing"}
    crls = []
    try:
        *above, top = authority.chain(session)
        roots.add(top)
        between.update(above)
    except NoAuthority:
        pass  # nothing was set up, or the units that were no longer certify
    for other in map(x509.load_der_x509_certificate, authority.believed()):
        (roots if other.issuer == other.subject else between).add(other.public_bytes(Encoding.DER))
    for unit, _ in every:
        if unit.role in ("root", "issuing"):
            try:
                crls.append(authority.crl(session, unit.name))
            except NoAuthority:
                continue  # it publishes no longer: its certificates are over
    return Trust(tuple(sorted(roots)), tuple(sorted(between)), (), tuple(crls))


def asked(
    session: Session, authority: EmbeddedAuthority, known: Trust, certificates: Iterable[bytes]
) -> Trust:
    """Return ``known`` with fresh status answers about certificates of our issuing units."""
    answers = []
    for der in certificates:
        certificate = x509.load_der_x509_certificate(der)
        for above in map(x509.load_der_x509_certificate, known.certificates):
            if above.subject == certificate.issuer:
                builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, above, SHA256())
                answers.append(authority.ocsp(session, builder.build().public_bytes(Encoding.DER)))
    return replace(known, ocsps=(*known.ocsps, *answers))
