"""Customers who sign papers as a browser does, and where they sign; ``signing_room`` lends them."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pydyf
from asn1crypto import algos, cms, tsp, x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from pyhanko.pdf_utils.reader import PdfFileReader
from sqlalchemy import text
from sqlalchemy.orm import Session
from weasyprint import HTML

from engine import Actor, Catalogue, Engine
from engine.store import CaseKey
from engine.store.tables import CaseRow
from handlers import signing
from handlers.certificates import Certificate
from handlers.signing import Signature, Signing, Stamp, Ticket
from tests import errand
from tests.ca_people import Person, Room

CODES = ("customer_notice", "brokerage_contract", "certificate_responsibility", "risk_statement")
#: Digits in the hole of a paper.
HOLE = 16384


def browser_attributes(digest: bytes, certificate: bytes) -> bytes:
    """Return what the browser signs, built here without a line of ours."""
    known = x509.Certificate.load(certificate)
    bound = tsp.SigningCertificateV2(
        {
            "certs": [
                {
                    "hash_algorithm": {"algorithm": "sha256"},
                    "cert_hash": hashlib.sha256(certificate).digest(),
                    "issuer_serial": {
                        "issuer": [x509.GeneralName("directory_name", known.issuer)],
                        "serial_number": known.serial_number,
                    },
                }
            ]
        }
    )
    one = cms.CMSAttribute
    return cms.CMSAttributes(
        [
            one({"type": "content_type", "values": ["data"]}),
            one({"type": "message_digest", "values": [digest]}),
            one({"type": "signing_certificate_v2", "values": [bound]}),
        ]
    ).dump()


def sign(key: ec.EllipticCurvePrivateKey, digest: bytes, certificate: bytes) -> bytes:
    """Sign one paper as the browser does: ECDSA over the attributes, as DER."""
    return key.sign(browser_attributes(digest, certificate), ec.ECDSA(SHA256()))


def sign_all(
    key: ec.EllipticCurvePrivateKey, certificate: bytes, papers: Mapping[str, Any]
) -> dict[str, bytes]:
    """Sign papers by code; each has its ``digest``."""
    return {code: sign(key, paper.digest, certificate) for code, paper in papers.items()}


@dataclass(frozen=True)
class WrittenPaper:
    """A paper as room and tests need it."""

    id: UUID
    case_id: UUID
    code: str
    title: str
    version: str
    document_sha256: str
    content: str
    start: int
    end: int
    digest: bytes
    pdf: bytes = field(repr=False)


@lru_cache(maxsize=16)
def written(code: str, version: str = "1") -> tuple[bytes, int, int]:
    """Return a PDF with an empty hole, and where the hole is."""

    class Hole(pydyf.Object):  # type: ignore[misc]
        compressible = False

        @property
        def data(self) -> bytes:
            return (
                b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached"
                b"/ByteRange[0 ********** ********** **********]/Contents<" + b"0" * HOLE + b">>>"
            )

    def finish(document: Any, pdf: Any) -> None:
        page = [o for o in pdf.objects if isinstance(o, pydyf.Dictionary) and o.get("Type") == "/Page"][-1]
        hole = Hole()
        pdf.add_object(hole)
        widget = pydyf.Dictionary(
            {
                "Type": "/Annot",
                "Subtype": "/Widget",
                "FT": "/Sig",
                "T": pydyf.String("Customer"),
                "V": hole.reference,
                "F": 132,
                "Rect": pydyf.Array([0, 0, 0, 0]),
                "P": page.reference,
            }
        )
        pdf.add_object(widget)
        page["Annots"] = pydyf.Array([widget.reference])
        fields = pydyf.Dictionary({"Fields": pydyf.Array([widget.reference]), "SigFlags": 3})
        pdf.add_object(fields)
        pdf.catalog["AcroForm"] = fields.reference

    page = f"<html lang=zh><title>{code}</title><h1>{code} {version}</h1><p>本人已阅读并同意。</p>"
    raw = HTML(string=page).write_pdf(pdf_variant="pdf/a-3u", finisher=finish)
    begin = raw.index(b"/ByteRange[0 ****")
    start = raw.index(b"/Contents<" + b"0" * 64, begin) + len("/Contents")
    end = start + HOLE + 2
    told = b"/ByteRange[0 %010d %010d %010d]" % (start, end, len(raw) - end)
    return raw[:begin] + told + raw[begin + len(told) :], start, end


class WrittenPapers:
    """Papers that a test has written."""

    def __init__(self) -> None:
        self.known: dict[tuple[UUID, str], dict[str, WrittenPaper]] = {}

    def write(
        self, case_id: UUID, content: str, version: str = "1", codes: tuple[str, ...] = CODES
    ) -> dict[str, WrittenPaper]:
        """Write the papers of a case."""
        made = {}
        for code in codes:
            pdf, start, end = written(code, version)
            digest = hashlib.sha256(pdf[:start] + pdf[end:]).digest()
            document = hashlib.sha256(f"{code} {version}".encode()).hexdigest()
            made[code] = WrittenPaper(
                uuid4(), case_id, code, f"《{code}》", version, document, content, start, end, digest, pdf
            )
        self.known[case_id, content] = made
        return made

    def of(self, session: Session, case_id: UUID, content: str) -> dict[str, WrittenPaper]:
        """Return the papers of a case."""
        return self.known.get((case_id, content), {})

    def pdf(self, session: Session, case_key: CaseKey, paper: Any) -> bytes:
        """Return one with its hole empty."""
        return next(p.pdf for p in self.known[paper.case_id, paper.content].values() if p.id == paper.id)


@dataclass
class Office:
    """Where customers sign: the engine, the authority and the papers."""

    room: Room
    folder: Path
    papers: WrittenPapers = field(default_factory=WrittenPapers)

    def __post_init__(self) -> None:
        self.engine = Engine(
            self.room.database, self.room.keyring, Catalogue.of(errand.Delivery(), signing), self.folder,
            check=lambda contents: None, due=lambda parameters, moment, duration: moment + duration,
        )  # fmt: skip
        self.engine.releases.publish(errand.release(), "tests")
        self.signing = self.opens()

    def opens(self, **more: Any) -> Signing:
        """Return the signing of another process."""
        room = self.room
        more = {"timestamps": room.timestamps, "now": room.clock, **more}
        return Signing(self.engine, room.certificates, room.authority, papers=self.papers, **more)

    def signer(self, **about: Any) -> "Signer":
        """Let a customer with a certificate and a case come in, whose papers are written."""
        person = self.room.person(**about)
        actor = Actor("customer", person.owner, frozenset({"customer"}), company="0002", session="phone")
        case = self.engine.cases.start(
            "errand", owner=person.owner, branch="杭州营业部", actor=actor,
            data={"profile": {"name": person.name}}, open_key=None,
        )  # fmt: skip
        person.case_id = case.id
        return Signer(self, person, person.has_certificate())

    def case_key(self, case_id: UUID) -> CaseKey:
        """Return the key of a case."""
        with self.engine.database.reading() as session:
            return self.engine.keyring.case_key(str(case_id), session.get_one(CaseRow, case_id).key)

    def queued(self) -> list[str]:
        """Return the cases whose job waits in the queue."""
        waiting = text("select args->>'case_id' from procrastinate_jobs where task_name = :job")
        with self.engine.database.reading() as session:
            return list(session.scalars(waiting, {"job": signing.JOB}))

    def files(self, case_id: UUID) -> dict[str, bytes]:
        """Return the signed PDFs of a case as they stand now, by code; the newest of each."""
        key = self.case_key(case_id)
        with self.engine.database.reading() as session:
            newest = {one.code: one for one in reversed(self.signing.of(session, case_id))}
            return {code: self.signing.file(session, key, one) for code, one in newest.items()}


@dataclass
class Signer:
    """A customer in front of the page where papers are signed."""

    office: Office
    person: Person
    certificate: Certificate
    content: str = "c" * 64
    browser: str = "phone"

    def __post_init__(self) -> None:
        self.papers = self.office.papers.write(self.person.case_id, self.content)
        self.business = self.office.room.business

    @property
    def case_id(self) -> UUID:
        """The case."""
        return self.person.case_id

    def asks(self, **more: Any) -> Ticket:
        """Press 签署协议."""
        asked = {
            "case_id": self.case_id,
            "owner": self.person.owner,
            "browser_session": self.browser,
            "certificate": self.certificate,
            "papers": list(self.papers.values()),
            "now": self.business,
        }
        with self.office.engine.database.transaction() as session:
            return self.office.signing.ticket(session, **{**asked, **more})

    def signatures(self) -> dict[str, bytes]:
        """Type the password: the browser signs every paper."""
        return sign_all(self.person.key, self.certificate.der, self.papers)

    def sends(
        self,
        ticket: Ticket,
        signatures: Mapping[str, bytes],
        through: Signing | None = None,
        dated: Mapping[str, Stamp] | None = None,
        **more: Any,
    ) -> list[Signature]:
        """Send signatures as the page does: dated first, then taken in, in one transaction."""
        through = through or self.office.signing
        asked = {
            "token": ticket.token,
            "case_id": self.case_id,
            "owner": self.person.owner,
            "browser_session": self.browser,
            "content": self.content,
            "needed": {code: paper.document_sha256 for code, paper in self.papers.items()},
            "now": self.business,
        }
        dated = through.tokens(signatures) if dated is None else dated
        key = self.office.case_key(self.case_id)
        with self.office.engine.database.transaction() as session:
            return through.accept(session, key, signatures=signatures, dated=dated, **{**asked, **more})

    def signs(self, **more: Any) -> list[Signature]:
        """Go the whole way."""
        return self.sends(self.asks(), self.signatures(), **more)

    def elsewhere(self, **more: Any) -> "Signer":
        """The same customer, something about them being otherwise; the papers stay."""
        papers = dict(self.papers)
        other = replace(self, **more)
        other.papers = self.office.papers.known[self.case_id, self.content] = papers
        return other

    def has(self) -> list[Signature]:
        """Return what is signed."""
        with self.office.engine.database.reading() as session:
            return self.office.signing.of(session, self.case_id)


def container_of(pdf: bytes) -> cms.ContentInfo:
    """Return the customer's CMS signature in a PDF."""
    first = PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures[0]
    return cms.ContentInfo.load(bytes(first.pkcs7_content), strict=False)


def unsigned_of(pdf: bytes) -> Any:
    """Return the signer of the customer's signature: its signed and unsigned attributes."""
    return container_of(pdf)["content"]["signer_infos"][0]


def ecdsa_algorithm() -> algos.SignedDigestAlgorithm:
    """Return how signatures are made."""
    return algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"})
