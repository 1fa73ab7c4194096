"""Evidence that proves nothing: answers and lists by strangers, of other times, about others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from pyhanko.sign import signers

from handlers.certificates import lists, root
from handlers.verifier import Trust
from handlers.verifier.opinion import to_its_end
from tests.attacks.papers import paper
from tests.attacks.signed import Bureau, Writer
from tests.ca_people import PASSPHRASES, Person


@dataclass
class Witness:
    """Somebody who shows evidence, true or false.

    :param other: an authority of the same name somewhere else.
    """

    bureau: Bureau
    other: Bureau
    person: Person
    certificate: bytes

    @property
    def now(self) -> datetime:
        """The present."""
        return datetime.now(UTC)

    def answers(self) -> Iterator[tuple[str, bytes, Trust]]:
        """Show a file just signed with evidence that proves nothing."""
        good = self.bureau.signs(paper(), self.person, self.certificate)
        trust = self.bureau.trust(fresh=self.bureau.status(self.certificate))
        crls = self.bureau.room.published("root-1")
        ours = replace(trust, crls=tuple(crls))
        yield "no answer", good, replace(ours, ocsps=())
        yield "no list of the root", good, replace(trust, crls=tuple(self.bureau.room.published("issuing-1")))
        for name, answer in self._false_answers().items():
            yield f"answer {name}", good, replace(ours, ocsps=(answer,))
        for name, made in self._false_lists().items():
            yield f"list of the root {name}", good, replace(ours, crls=(made,))
        yield "another root", good, replace(trust, roots=(self.other.root.der,))
        yield "no root", good, replace(trust, roots=())
        plain = self.bureau.signs(paper(), self.person, self.certificate, stamped=False)
        yield "answer revoked, no timestamp", plain, replace(ours, ocsps=(self._answer(revoked=self.now),))

    def archives(self) -> Iterator[tuple[str, bytes]]:
        """Archive with evidence that proves nothing, or in another order."""
        good = self.bureau.signs(paper(), self.person, self.certificate)
        sealed = self.bureau.seals(good)
        known = self.bureau.known(self.certificate, self.bureau.seal.der)
        seal_answer = self.bureau.status(self.bureau.seal.der)[0]

        def kept(**other: Sequence[bytes]) -> bytes:
            return self.bureau.dates(self.bureau.keeps(sealed, replace(known, **other)))

        for name, answer in self._false_answers().items():
            yield f"archived answer {name}", kept(ocsps=[answer, seal_answer])
        for name, made in self._false_lists().items():
            yield f"archived list {name}", kept(crls=[made])
        yield "archived without answers", kept(ocsps=[])
        yield "archived without a list", kept(crls=[])
        yield (
            "archived with a stranger's list",
            kept(crls=[*known.crls, *self.other.room.published("root-1")]),
        )
        yield (
            "archived with a stranger's certificate",
            kept(certificates=[*known.certificates, self.other.root.der]),
        )
        yield "archived with noise", kept(ocsps=[*known.ocsps, b"0\x03\n\x01\x06"])
        yield (
            "archived elsewhere",
            self.other.dates(self.other.keeps(self.other.seals(good), self.other.known(self.other.seal.der))),
        )
        yield "sealed, not archived", sealed
        yield "dated without seal", self.bureau.dates(self.bureau.keeps(good, known))
        yield "dated without evidence", self.bureau.dates(sealed)
        yield "sealed twice", self.bureau.dates(self.bureau.keeps(_renamed(self.bureau.seals(good)), known))
        whole = self.bureau.dates(self.bureau.keeps(sealed, known))
        yield "dated twice", _second(self.bureau, whole)
        plain = self.bureau.signs(paper(), self.person, self.certificate, stamped=False)
        yield "archived without the customer's timestamp", self.bureau.archives(plain, self.certificate)

    def _false_answers(self) -> dict[str, bytes]:
        mine = x509.load_der_x509_certificate(self.certificate)
        ago = self.now - timedelta(days=400)
        return {
            "says revoked": self._answer(revoked=self.now - timedelta(hours=1)),
            "self-issued": self._answer(responder=mine, key=self.person.key),
            "by another authority": self._answer(
                responder=self.other.ocsp.certificate, key=self.other.ocsp.signing_key()
            ),
            "by the timestamp unit": self._answer(
                responder=self.bureau.tsa.certificate, key=self.bureau.tsa.signing_key()
            ),
            "with a false signature": _flipped(self._answer()),
            "about another": self._answer(serial=mine.serial_number + 1),
            "of another issuer": self._answer(issuer=self.other.issuing.certificate),
            "long over": self._answer(at=ago),
            "of the future": self._answer(at=self.now + timedelta(days=2)),
            "unknown": self._answer(status=ocsp.OCSPCertStatus.UNKNOWN),
            "with a longer digest than we allow": self._answer(digest=SHA512()),
        }

    def _answer(
        self,
        *,
        responder: x509.Certificate | None = None,
        key: ec.EllipticCurvePrivateKey | None = None,
        serial: int | None = None,
        issuer: x509.Certificate | None = None,
        at: datetime | None = None,
        revoked: datetime | None = None,
        status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
        digest: Any = None,
    ) -> bytes:
        unit = self.bureau.ocsp
        responder, key = responder or unit.certificate, key or unit.signing_key()
        moment = (at or self.now).replace(microsecond=0, tzinfo=None)
        about = ocsp.OCSPRequestBuilder().add_certificate(
            x509.load_der_x509_certificate(self.certificate),
            issuer or self.bureau.issuing.certificate,
            SHA256(),
        )
        asked = about.build()
        ended = revoked.replace(microsecond=0, tzinfo=None) if revoked else None
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                issuer_name_hash=asked.issuer_name_hash,
                issuer_key_hash=asked.issuer_key_hash,
                serial_number=serial or asked.serial_number,
                algorithm=SHA256(),
                cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else status,
                this_update=moment,
                next_update=moment + timedelta(hours=1),
                revocation_time=ended,
                revocation_reason=None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, responder)
            .certificates([responder])
        )
        return builder.sign(key, digest or SHA256()).public_bytes(Encoding.DER)

    def _false_lists(self) -> dict[str, bytes]:
        room = self.bureau.room
        top = self.bureau.root.certificate
        _, key = root.read(root.file_of(room.root.folder, top), PASSPHRASES)
        day = timedelta(days=1)

        def made(*ended: lists.Ended, at: datetime = self.now, signer: Any = key) -> bytes:
            at = at.replace(microsecond=0)
            return lists.sign(top, signer, ended, 9, at, at + 30 * day)

        def end(serial: int, reason: Any) -> lists.Ended:
            return lists.Ended(serial, self.now - timedelta(hours=1), reason)

        issuing, tsa = (unit.certificate.serial_number for unit in (self.bureau.issuing, self.bureau.tsa))
        return {
            "long over": made(at=self.now - 400 * day),
            "of the future": made(at=self.now + 2 * day),
            "by a false key": made(signer=ec.generate_private_key(ec.SECP384R1())),
            "that ends the issuing unit": made(end(issuing, "cessation_of_operation")),
            "that ends the timestamp unit": made(end(tsa, "superseded")),
            "that tells of a stolen key": made(
                lists.Ended(tsa, self.now + timedelta(hours=1), "key_compromise")
            ),
        }


def _flipped(answer: bytes) -> bytes:
    signature = ocsp.load_der_ocsp_response(answer).signature
    return answer.replace(signature, signature[:-1] + bytes([signature[-1] ^ 1]))


def _renamed(pdf: bytes) -> bytes:
    """Return a file whose second field is called otherwise: its revision is changed in place."""
    return pdf.replace(b"/T (Company)", b"/T (Kompany)", 1)


def _second(bureau: Bureau, pdf: bytes) -> bytes:
    stamps = signers.PdfTimeStamper(bureau.stamper, field_name="Archive2")
    out = to_its_end(stamps.async_timestamp_pdf(Writer(BytesIO(pdf)), "sha256", bytes_reserved=16384))
    return bytes(out.getvalue())
