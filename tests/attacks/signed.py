"""Genuine files: agreements signed by customers, sealed and archived, through pyHanko's own writers."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import Any

from asn1crypto import cms, keys, ocsp, tsp
from asn1crypto import crl as lists
from asn1crypto import x509 as certificates
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp as asking
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.signers.pdf_cms import SimpleSigner
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko_certvalidator.registry import SimpleCertificateStore

from handlers.certificates.units import Unit
from handlers.verifier import Trust
from handlers.verifier.opinion import to_its_end
from tests.attacks.papers import Paper
from tests.ca_people import Person, Room


class Stamper(TimeStamper):  # type: ignore[misc,unused-ignore]
    """The authority's timestamp unit, as pyHanko asks for it."""

    def __init__(self, answers: Any) -> None:
        super().__init__(include_nonce=True)
        self._answers = answers

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Ask the unit."""
        return tsp.TimeStampResp.load(self._answers(req.dump()))


class Writer(IncrementalPdfFileWriter):  # type: ignore[misc,unused-ignore]
    """Adds a revision and leaves title and dates of the document alone."""

    def _update_meta(self) -> None:
        pass


@dataclass(frozen=True)
class Known:
    """What an authority says for the archive: certificates, status answers, lists."""

    certificates: Sequence[bytes]
    ocsps: Sequence[bytes]
    crls: Sequence[bytes]


class Bureau:
    """Signs, seals and archives."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.stamper = Stamper(room.timestamps.answer)
        with room.database.reading() as session:
            units = room.authority.units
            self.issuing = units.active(session, "issuing")
            self.seal = units.active(session, "seal")
            self.tsa = units.active(session, "tsa")
            self.ocsp = units.active(session, "ocsp", self.issuing)
            self.root = units.of(session, self.issuing.issuer_id)

    def trust(self, *, fresh: Sequence[bytes] = ()) -> Trust:
        """Return what a verifier in this house knows: root, issuing unit, lists and fresh answers."""
        return Trust(
            roots=(self.root.der,),
            certificates=(self.issuing.der,),
            ocsps=tuple(fresh),
            crls=tuple(self.room.published("root-1", "issuing-1")),
            policies=policies(self.room),
        )

    def status(self, *ders: bytes) -> list[bytes]:
        """Ask for the status of certificates of the issuing unit."""
        out = []
        for der in ders:
            builder = asking.OCSPRequestBuilder().add_certificate(
                x509.load_der_x509_certificate(der),
                self.issuing.certificate,
                SHA1(),  # noqa: S303 - names the issuer as most clients do
            )
            answer = self.room.answers(builder.build().public_bytes(Encoding.DER))
            out.append(answer)
        return out

    def known(self, *ders: bytes) -> Known:
        """Return the evidence for certificates of the issuing unit and for the timestamp unit."""
        return Known(
            (*ders, self.issuing.der, self.root.der, self.tsa.der, self.ocsp.der),
            self.status(*ders),
            self.room.published("root-1"),
        )

    def cms(
        self, digest: bytes, certificate: bytes, key: ec.EllipticCurvePrivateKey, **options: Any
    ) -> bytes:
        """Return a CAdES signature over a document's digest."""
        stamped = options.pop("stamped", True)
        signer = simple(certificate, key, [self.issuing.der])
        made = to_its_end(
            signer.async_sign(
                digest,
                "sha256",
                use_pades=True,
                timestamper=self.stamper if stamped else None,
            )
        )
        return bytes(made.dump())

    def signs(self, paper: Paper, person: Person, certificate: bytes, *, stamped: bool = True) -> bytes:
        """Let a customer sign: B-T, or B-B without a timestamp."""
        digest = sha256(paper.pdf[: paper.start] + paper.pdf[paper.end :]).digest()
        return paper.filled(self.cms(digest, certificate, person.key, stamped=stamped))

    def seals(self, pdf: bytes, unit: Unit | None = None) -> bytes:
        """Add the company's seal."""
        unit = unit or self.seal
        writer = Writer(BytesIO(pdf))
        meta = signers.PdfSignatureMetadata(
            field_name="Company", md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES
        )
        signer = signers.PdfSigner(
            meta,
            signer=simple(unit.der, unit.signing_key(), [self.issuing.der]),
            timestamper=self.stamper,
            new_field_spec=fields.SigFieldSpec("Company"),
        )
        out = to_its_end(signer.async_sign_pdf(writer, bytes_reserved=16384))
        return bytes(out.getvalue())

    def keeps(self, pdf: bytes, known: Known) -> bytes:
        """Add the evidence."""
        out = BytesIO(pdf)
        writer = Writer(out)
        DocumentSecurityStore.supply_dss_in_writer(
            writer,
            None,
            certs=[certificates.Certificate.load(der) for der in known.certificates],
            ocsps=[ocsp.OCSPResponse.load(der) for der in known.ocsps],
            crls=[lists.CertificateList.load(der) for der in known.crls],
        )
        writer.write_in_place()
        return out.getvalue()

    def dates(self, pdf: bytes, stamper: TimeStamper | None = None) -> bytes:
        """Add the document timestamp."""
        writer = Writer(BytesIO(pdf))
        stamps = signers.PdfTimeStamper(stamper or self.stamper, field_name="Archive")
        out = to_its_end(stamps.async_timestamp_pdf(writer, "sha256", bytes_reserved=16384))
        return bytes(out.getvalue())

    def archives(self, pdf: bytes, certificate: bytes) -> bytes:
        """Seal a signed file and make it B-LTA."""
        sealed = self.seals(pdf)
        return self.dates(self.keeps(sealed, self.known(certificate, self.seal.der)))


def policies(room: Room) -> tuple[str, str, str]:
    """Return the policies of customers, seal and timestamps."""
    company = room.authority.company
    return company.customer_policy, company.seal_policy, company.timestamp_policy


def simple(certificate: bytes, key: ec.EllipticCurvePrivateKey, above: Sequence[bytes]) -> SimpleSigner:
    """Return a signer for pyHanko."""
    store = SimpleCertificateStore()
    store.register_multiple([certificates.Certificate.load(der) for der in above])
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return SimpleSigner(
        signing_cert=certificates.Certificate.load(certificate),
        signing_key=keys.PrivateKeyInfo.load(plain),
        cert_registry=store,
    )


def contents(pdf: bytes, at: int) -> cms.ContentInfo:
    """Return the signature in the hole that begins at ``at``."""
    end = pdf.index(b">", at)
    return cms.ContentInfo.load(bytes.fromhex(pdf[at + 1 : end].decode()))
