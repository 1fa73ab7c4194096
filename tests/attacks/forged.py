"""Forgeries that need keys: those of another authority, of a customer, or of a careless authority."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import new as new_digest
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from handlers.certificates import EmbeddedTimestamps, der, profiles, timestamp_request
from handlers.certificates.der import Reader
from handlers.signing import cms
from handlers.verifier import Trust
from handlers.verifier.opinion import to_its_end
from tests.attacks import revisions
from tests.attacks.evidence import Witness
from tests.attacks.papers import Paper, paper
from tests.attacks.signed import Stamper, simple
from tests.attacks.wrong_certificates import NAME, edited, encoded, self_issued
from tests.ca_people import COMPANY


class Forger(Witness):
    """Somebody who wants a file accepted, with whatever keys a test gives."""

    def of(self) -> Iterator[tuple[str, bytes, Trust]]:
        """Return every forgery: name, file, and what its verifier trusts."""
        trust = self.bureau.trust(fresh=self.bureau.status(self.certificate))
        for part in (self.prepared, self.containers, self.certificates, self.units, self.timestamps):
            for name, pdf in part():
                yield name, pdf, trust
        yield from self.answers()
        for name, pdf in self.archives():
            yield name, pdf, trust

    # -- documents made to be two things at once ----------------------------------------------------

    def prepared(self) -> Iterator[tuple[str, bytes]]:
        """Sign documents that hold more than they show."""
        for name, extra in {
            "shadow layers": "/OCProperties<</OCGs[]/D<<>>>>",
            "shadow script": "/OpenAction<</S/JavaScript/JS(x)>>",
            "shadow attachment": "/Names<</EmbeddedFiles<<>>>>",
            "shadow xfa": "/X<</XFA 4 0 R>>",
        }.items():
            yield name, self._signs(paper(extra=extra))
        hidden = paper()
        at = hidden.pdf.index(b"4 0 obj")
        # A second content of the page waits in an object that nothing refers to, listed or not.
        guest = b"20 0 obj\n" + revisions.LIE + b"\nendobj\n"
        moved = len(guest)
        pdf = hidden.pdf[:at] + guest + hidden.pdf[at:]
        pdf = re.sub(rb"startxref\n(\d+)", lambda m: b"startxref\n%d" % (int(m[1]) + moved), pdf)
        table = pdf.rindex(b"xref\n0 ")
        pdf = pdf[:table] + re.sub(
            rb"(\d{10}) 00000 n",
            lambda m: b"%010d 00000 n" % (int(m[1]) + (moved if int(m[1]) >= at else 0)),
            pdf[table:],
        )
        start, end = hidden.start + moved, hidden.end + moved
        told = b"[0 %010d %010d %010d]" % (start, end, len(pdf) - end)
        pdf = re.sub(rb"\[0 \d{10} \d{10} \d{10}\]", told, pdf, count=1)
        yield "shadow hide: unlisted object", self._signs(Paper(pdf, start, end))
        replaced = revisions.Update({revisions.TEXT: revisions.LIE})(self._signs(paper(streams=False)))
        yield "shadow replace, then sealed and archived", self.bureau.archives(replaced, self.certificate)

    # -- the signature's container ------------------------------------------------------------------

    def containers(self) -> Iterator[tuple[str, bytes]]:
        """Build signatures that lack something or have too much."""
        one = paper()
        digest = _digest(one)
        attributes = cms.attributes(digest, self.certificate)
        mine = self._sign(attributes)
        above = [self.bureau.issuing.der]
        good = cms.container(self.certificate, above, attributes, mine)
        yield "digest of another document", one.filled(self._container(sha256(b"other").digest()))
        body = der.tlv(der.SET, b"".join(sorted(_parts(attributes), key=len)[:2]))
        yield "no signingCertificateV2", one.filled(self._wrapped(body))
        double = self._issue(self.person.key.public_key())
        for name, bound, carried in (
            ("certificate of the same key, bound to the other", self.certificate, double),
            ("certificate of the same key, carried beside", double, self.certificate),
        ):
            signed = cms.attributes(digest, bound)
            made = cms.container(carried, [bound, *above], signed, self._sign(signed))
            yield name, one.filled(made)
        yield (
            "signed by another key",
            one.filled(
                cms.container(
                    self.certificate,
                    above,
                    attributes,
                    _ecdsa(_new_key(), attributes),
                )
            ),
        )
        yield (
            "signature of nought",
            one.filled(cms.container(self.certificate, above, attributes, bytes.fromhex("3006020100020100"))),
        )
        yield "no certificate of the signer", one.filled(_without(good, self.certificate))
        yield (
            "a certificate of a stranger beside",
            one.filled(cms.container(self.certificate, [*above, self.other.issuing.der], attributes, mine)),
        )
        other_version = good.replace(b"\x02\x01\x01\x31", b"\x02\x01\x03\x31", 1)
        yield "version changed", one.filled(other_version)
        yield (
            "sha-512 told",
            one.filled(good.replace(der.oid("2.16.840.1.101.3.4.2.1"), der.oid("2.16.840.1.101.3.4.2.3"))),
        )
        for digest_name in ("sha1", "sha512", "sha3_256"):
            yield f"downgrade to {digest_name}", one.filled(self._pyhanko(one, digest_name))
        token = self._token(mine)
        yield (
            "timestamp of another signature",
            one.filled(cms.container(self.certificate, above, attributes, mine, self._token(b"other"))),
        )
        yield (
            "two timestamps",
            one.filled(
                cms.container(self.certificate, above, attributes, mine, token).replace(
                    token, token + token, 1
                )
            ),
        )
        yield "bytes after the signature", one.filled(good + b"\x05\x00")

    # -- certificates -------------------------------------------------------------------------------

    def certificates(self) -> Iterator[tuple[str, bytes]]:
        """Sign with certificates that should not be believed."""
        key = self.person.key
        issuer = self.bureau.issuing.issuer()
        company = self.bureau.room.authority.company
        long_ago, some_day = self.now - timedelta(days=900), self.now + timedelta(days=30)
        yield "certificate expired", self._with(self._issue(key.public_key(), long_ago))
        yield "certificate not yet valid", self._with(self._issue(key.public_key(), some_day))
        mine = profiles.Issuer(x509.load_der_x509_certificate(self.certificate), key, "customer")
        below = profiles.customer(company, mine, key.public_key(), NAME, self.now)
        yield "certificate issued by a customer", self._with(encoded(below), [self.certificate])
        yield "self-issued certificate", self._with(self_issued(key))
        lookalike = profiles.root(company, key, 1, self.now)
        fake = profiles.Issuer(lookalike, key, "root-1")
        his = encoded(profiles.customer(company, fake, key.public_key(), NAME, self.now))
        yield "root of the same name", self._with(his, [encoded(lookalike)])
        for name, made in {
            "certificate without documentSigning": edited(
                key, issuer, purposes=[ExtendedKeyUsageOID.EMAIL_PROTECTION]
            ),
            "certificate for servers": edited(key, issuer, purposes=[ExtendedKeyUsageOID.SERVER_AUTH]),
            "certificate that may not sign": edited(key, issuer, commitment=False),
            "certificate of another policy": edited(key, issuer, policy="1.3.6.1.4.1.32473.9.9"),
            "certificate with an unknown critical extension": edited(key, issuer, critical=True),
            "certificate that is an authority": edited(key, issuer, authority=True),
            "certificate of an organisation": edited(key, issuer, organisation=True),
        }.items():
            yield name, self._with(made)
        for name, other in {
            "p-521": ec.generate_private_key(ec.SECP521R1()),
            "secp256k1": ec.generate_private_key(ec.SECP256K1()),
            "rsa-2048": rsa.generate_private_key(65537, 2048),
        }.items():
            yield f"downgrade to {name}", self._pyhanko_with(edited(other, issuer), other)

    # -- units of the authority in another's place --------------------------------------------------

    def units(self) -> Iterator[tuple[str, bytes]]:
        """Sign with a unit's key what a person should."""
        for unit in (self.bureau.seal, self.bureau.tsa, self.bureau.ocsp, self.bureau.issuing):
            one = paper()
            made = self.bureau.cms(_digest(one), unit.der, unit.signing_key())
            yield f"signed by the {unit.role} unit", one.filled(made)
        good = self.bureau.signs(paper(), self.person, self.certificate)
        stranger = replace(self.bureau.seal, certificate=x509.load_der_x509_certificate(self.certificate),
                           key=self.person.key)  # fmt: skip
        sealed = self.bureau.seals(good, stranger)
        known = self.bureau.known(self.certificate, self.bureau.seal.der)
        yield "sealed by a customer", self.bureau.dates(self.bureau.keeps(sealed, known))
        yield "sealed elsewhere", self.bureau.dates(self.bureau.keeps(self.other.seals(good), known))
        whole = self.other.signs(paper(), self.person, self.certificate)
        yield "everything elsewhere", self.other.archives(whole, self.other_certificate())

    def other_certificate(self) -> bytes:
        """Return a customer's certificate of the other authority."""
        return self.other.room.person().has_certificate().der

    # -- timestamps ---------------------------------------------------------------------------------

    def timestamps(self) -> Iterator[tuple[str, bytes]]:
        """Date with other clocks, units and policies."""
        room = self.bureau.room

        def unit(company: Any = COMPANY, **shift: float) -> Stamper:
            def now() -> datetime:
                return datetime.now(UTC) + timedelta(**shift)

            return Stamper(EmbeddedTimestamps(room.database, room.keyring, company, now).answer)  # type: ignore[arg-type]

        elsewhere = replace(COMPANY, arc="1.3.6.1.4.1.32473.7")
        for name, stamper in {
            "by a foreign unit": self.other.stamper,
            "of tomorrow": unit(days=1),
            "of another policy": unit(elsewhere),
        }.items():
            yield f"signature timestamp {name}", self._stamped(stamper)
            sealed = self.bureau.seals(self.bureau.signs(paper(), self.person, self.certificate))
            kept = self.bureau.keeps(sealed, self.bureau.known(self.certificate, self.bureau.seal.der))
            yield f"document timestamp {name}", self.bureau.dates(kept, stamper)
        kept_later = self.bureau.keeps(
            self.bureau.seals(self._stamped(unit(minutes=4))),
            self.bureau.known(self.certificate, self.bureau.seal.der),
        )
        yield "signed after it was sealed", self.bureau.dates(kept_later)

    # -- tools --------------------------------------------------------------------------------------

    def _signs(self, one: Paper) -> bytes:
        return self.bureau.signs(one, self.person, self.certificate)

    def _sign(self, attributes: bytes) -> bytes:
        return _ecdsa(self.person.key, attributes)

    def _container(self, digest: bytes) -> bytes:
        attributes = cms.attributes(digest, self.certificate)
        return cms.container(self.certificate, [self.bureau.issuing.der], attributes, self._sign(attributes))

    def _wrapped(self, attributes: bytes) -> bytes:
        return cms.container(self.certificate, [self.bureau.issuing.der], attributes, self._sign(attributes))

    def _with(self, certificate: bytes, above: Sequence[bytes] = ()) -> bytes:
        one = paper()
        attributes = cms.attributes(_digest(one), certificate)
        chain = [*above, self.bureau.issuing.der]
        return one.filled(cms.container(certificate, chain, attributes, self._sign(attributes)))

    def _issue(self, key: ec.EllipticCurvePublicKey, at: datetime | None = None) -> bytes:
        issuer, company = self.bureau.issuing.issuer(), self.bureau.room.authority.company
        return encoded(profiles.customer(company, issuer, key, NAME, at or self.now))

    def _token(self, content: bytes) -> bytes:
        request = timestamp_request(sha256(content).digest(), 7)
        answer = Reader(self.bureau.room.timestamps.answer(request)).inside()
        answer.whole(der.SEQUENCE)
        return answer.whole(der.SEQUENCE)

    def _pyhanko(self, one: Paper, digest: str) -> bytes:
        covered = one.pdf[: one.start] + one.pdf[one.end :]
        signer = simple(self.certificate, self.person.key, [self.bureau.issuing.der])
        made = signer.async_sign(new_digest(digest, covered).digest(), digest, use_pades=True)
        return bytes(to_its_end(made).dump())

    def _pyhanko_with(self, certificate: bytes, key: Any) -> bytes:
        one = paper()
        signer = simple(certificate, key, [self.bureau.issuing.der])
        made = signer.async_sign(_digest(one), "sha256", use_pades=True, timestamper=self.bureau.stamper)
        return one.filled(bytes(to_its_end(made).dump()))

    def _stamped(self, stamper: Stamper) -> bytes:
        one = paper()
        signer = simple(self.certificate, self.person.key, [self.bureau.issuing.der])
        made = signer.async_sign(_digest(one), "sha256", use_pades=True, timestamper=stamper)
        return one.filled(bytes(to_its_end(made).dump()))


def _digest(one: Paper) -> bytes:
    return sha256(one.pdf[: one.start] + one.pdf[one.end :]).digest()


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _ecdsa(key: ec.EllipticCurvePrivateKey, content: bytes) -> bytes:
    return key.sign(content, ec.ECDSA(SHA256()))


def _parts(attributes: bytes) -> list[bytes]:
    reader, found = Reader(attributes).inside(der.SET), []
    while reader.peek() is not None:
        found.append(reader.whole(der.SEQUENCE))
    return found


def _without(container: bytes, certificate: bytes) -> bytes:
    """Return a container without one certificate, its lengths mended."""

    def mend(value: bytes) -> bytes:
        reader, out = Reader(value), b""
        while (tag := reader.peek()) is not None:
            whole = reader.whole(tag)
            if whole == certificate:
                continue
            if tag in (der.SEQUENCE, 0xA0) and certificate in whole:
                whole = der.tlv(tag, mend(Reader(whole).take(tag)))
            out += whole
        return out

    return mend(container)
