"""The verifier's own judgement of structure, content, signatures, certificates and times."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from itertools import pairwise

from cryptography.x509 import Name, ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from handlers.verifier import content, revocation, signed, store
from handlers.verifier.chains import DOCUMENT_SIGNING, Certified, Chains
from handlers.verifier.content import Content
from handlers.verifier.holes import Hole, Kind
from handlers.verifier.revocation import SKEW, Evidence
from handlers.verifier.signed import Signed, Token
from handlers.verifier.structure import File
from handlers.verifier.verdict import Level, Revocation, Signature, Trust
from handlers.verifier.words import Refused

_ESCAPE = re.compile(r"\\([0-7]{3})")
_CLAIMED = re.compile(r"D:(\d{14})(?:Z|([+-])(\d{2})'(\d{2})'?)?")
_POLICY: dict[Kind, int] = {"customer": 0, "company": 1, "timestamp": 2}


@dataclass
class Examined:
    """What was found out so far; a refusal leaves it as far as it came."""

    level: Level = ""
    signatures: list[Signature] = field(default_factory=list)
    #: Fingerprints of an archive's signers who were good when they signed, and of whom it says no more later.
    ended: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Read:
    """One signature of the file, whose digest and signature are right."""

    hole: Hole
    signed: Signed
    #: The signature's timestamp, or the document timestamp itself.
    token: Token | None


def examine(pdf: bytes, trust: Trust, now: datetime, examined: Examined) -> None:
    """Judge a file; return only if it is intact.

    :raises Refused: it is not.
    """
    held = content.read(File(pdf))
    read = [_read(pdf, hole) for hole in held.holes]
    judge = _Judge(trust, now, held, read)
    judge.check_order()
    for one in read:
        examined.signatures.append(judge.signature(one))
    judge.check_evidence()
    examined.ended |= judge.ended
    if len(read) > 1:
        examined.level = "B-LTA"
    else:
        examined.level = "B-T" if read[0].token else "B-B"


def _read(pdf: bytes, hole: Hole) -> _Read:
    covered = pdf[: hole.start] + pdf[hole.end : hole.stop]
    if hole.kind == "timestamp":
        token = signed.read_token(hole.contents)
        if not token.covers(covered):
            raise Refused("changed", hole.field)
        token.signed.check(token.signed.digest)
        return _Read(hole, token.signed, token)
    one = signed.read(hole.contents)
    one.check(one.hashed(covered))
    if one.timestamp is None:
        return _Read(hole, one, None)
    token = signed.read_token(one.timestamp)
    if not token.covers(one.signature):
        raise Refused("timestamp_wrong", "it dates something else")
    token.signed.check(token.signed.digest)
    return _Read(hole, one, token)


class _Judge:
    """Judges the signatures of one file."""

    def __init__(self, trust: Trust, now: datetime, held: Content, read: list[_Read]) -> None:
        self._trust, self._now, self._read = trust, now, read
        kept = held.evidence or store.Evidence()
        self._archived = held.evidence is not None
        brought = [der for one in read for der in one.signed.certificates]
        brought += [der for one in read if one.token for der in one.token.signed.certificates]
        self._brought = [*brought, *kept.certificates]
        self._chains = Chains(trust.roots, [*trust.certificates, *self._brought])
        self._kept = Evidence(self._chains, kept.ocsps, kept.crls, now)
        self._fresh = Evidence(self._chains, trust.ocsps, trust.crls, now)
        self.ended: set[str] = set()

    def check_order(self) -> None:
        """See that times follow each other: signed, sealed, archived, now."""
        if self._archived and self._read[0].token is None:
            raise Refused("timestamp_missing")
        times = [one.token.time for one in self._read if one.token]
        if times != sorted(times) or any(time > self._now + SKEW for time in times):
            raise Refused("timestamp_order")

    def check_evidence(self) -> None:
        """See that each piece of the file's evidence comes from the authority that the signatures name."""
        issuers: list[Certified] = []
        for der in self._brought:
            for one in self._chains.chain(der):
                if one.is_authority and one not in issuers:
                    issuers.append(one)
        if self._kept.broken or self._kept.stranger(issuers):
            raise Refused("evidence")

    def signature(self, one: _Read) -> Signature:
        """Judge one signature with its timestamp."""
        leaf = self._chains.certified(one.signed.certificate)
        if one.token is not None:
            self._check_token(one)
        proven = one.token.time if one.token else self._archived_at()
        state: Revocation = "good"
        if one.hole.kind != "timestamp":
            self._check_signer(leaf, one.hole.kind)
            state = self._check_chain(one.signed.certificate, proven or self._now, strict=proven is None)
            self._look_later(one.signed.certificate)
        names = leaf.x509.subject
        return Signature(
            one.hole.field,
            one.hole.kind,
            _told(names, NameOID.COMMON_NAME),
            _told(names, NameOID.PSEUDONYM) or _told(names, NameOID.SERIAL_NUMBER),
            _claimed(one.hole.claimed),
            proven,
            f"{leaf.x509.serial_number:040x}",
            sha256(leaf.der).hexdigest(),
            state,
        )

    def _look_later(self, encoded: bytes) -> None:
        """Note a signer, good when it signed, of whom nothing in the archive says so when it was made."""
        archived_at = self._archived_at()
        if archived_at is None:
            return
        for one, issuer in pairwise(self._chains.chain(encoded)[:2]):
            if not revocation.lasted(self._kept.about(one, issuer), archived_at):
                self.ended.add(sha256(encoded).hexdigest())

    def _archived_at(self) -> datetime | None:
        last = self._read[-1]
        return last.token.time if last.token and last.hole.kind == "timestamp" else None

    def _check_signer(self, leaf: Certified, kind: Kind) -> None:
        if leaf.is_authority or not leaf.usage.content_commitment or DOCUMENT_SIGNING not in leaf.purposes:
            raise Refused("certificate_purpose", kind)
        self._check_policy(leaf, kind)
        # Where no policies are given, this alone keeps a customer from sealing and the seal from signing.
        if _names_a_person(leaf.x509.subject) == (kind == "company"):
            raise Refused("certificate_purpose", f"{kind} by another role's certificate")

    def _check_policy(self, leaf: Certified, kind: Kind) -> None:
        wanted = self._trust.policies
        if wanted is not None and wanted[_POLICY[kind]] not in leaf.policies:
            raise Refused("certificate_purpose", f"policy of {kind}")

    def _check_token(self, one: _Read) -> None:
        """Judge who dated: a timestamp unit and nothing else (RFC 3161 §2.3)."""
        token = one.token
        assert token is not None  # noqa: S101 - the caller has seen it
        leaf = self._chains.certified(token.signed.certificate)
        purposes = leaf.extensions.get(ExtensionOID.EXTENDED_KEY_USAGE)
        if leaf.is_authority or leaf.purposes != {ExtendedKeyUsageOID.TIME_STAMPING}:
            raise Refused("certificate_purpose", "timestamp")
        if purposes is None or not purposes.critical or not leaf.usage.digital_signature:
            raise Refused("certificate_purpose", "timestamp")
        self._check_policy(leaf, "timestamp")
        if self._trust.policies is not None and token.policy != self._trust.policies[2]:
            raise Refused("timestamp_wrong", "another policy")
        self._check_chain(token.signed.certificate, token.time, strict=True)
        last = one.hole.kind == "timestamp" or not self._archived
        if last and not all(above.valid_at(self._now) for above in self._chains.chain(leaf.der)):
            # Nothing after it says that it stood before the unit's certificate ended.
            raise Refused("timestamp_expired")

    def _check_chain(self, encoded: bytes, moment: datetime, *, strict: bool) -> Revocation:
        """See that every certificate up to the root was valid and not revoked."""
        chain = self._chains.chain(encoded)
        if not all(one.valid_at(moment) for one in chain):
            raise Refused("certificate_expired")
        for one, issuer in pairwise(chain):
            kept, fresh = self._kept.about(one, issuer), self._fresh.about(one, issuer)
            # An archive proves itself; what became known later can only speak against it.
            state = revocation.state(
                kept if self._archived else fresh,
                [*kept, *fresh],
                moment,
                None if self._archived else self._now,
                strict=strict or one.is_authority,
            )
            if state != "good":
                raise Refused("revoked" if state == "revoked" else "revocation_unknown")
        return "good"


def _told(names: Name, oid: ObjectIdentifier) -> str:
    found = names.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


def _names_a_person(names: Name) -> bool:
    """Tell a customer's certificate, which has a pseudonym, from the seal's, which names an organisation.

    A licensed authority may write its pseudonym as serialNumber, and an organisation of its own beside it.
    """
    own = _told(names, NameOID.PSEUDONYM) or _told(names, NameOID.SERIAL_NUMBER)
    return bool(own) or not _told(names, NameOID.ORGANIZATION_NAME)


def _claimed(told: str) -> datetime | None:
    """Read /M; None when it is not written as PDF wants: nobody relies on it."""
    plain = _ESCAPE.sub(lambda octal: chr(int(octal[1], 8)), told)
    found = _CLAIMED.fullmatch(plain)
    if found is None:
        return None
    away = timedelta(hours=int(found[3] or 0), minutes=int(found[4] or 0))
    try:
        zone = timezone(-away if found[2] == "-" else away)
        return datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=zone)
    except ValueError:
        return None
