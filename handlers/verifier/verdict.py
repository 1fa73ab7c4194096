"""What a verifier is given and what it says, as plain data that can come through a pipe."""

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, cast

from handlers.verifier.words import WORDS

Level = Literal["", "B-B", "B-T", "B-LTA"]
Role = Literal["customer", "company", "timestamp"]
Revocation = Literal["good", "revoked", "unknown"]


@dataclass(frozen=True)
class Trust:
    """What a verifier believes.

    What a file of level B-LTA needs besides the root, it holds; the others need fresh evidence.
    """

    #: DER certificates in which every chain must end.
    roots: tuple[bytes, ...]
    #: Certificates that may be needed between a signer and the root, as DER.
    certificates: tuple[bytes, ...] = ()
    #: Fresh status answers, as DER.
    ocsps: tuple[bytes, ...] = ()
    #: Revocation lists, as DER.
    crls: tuple[bytes, ...] = ()
    #: Policies of customers, seal and timestamps that certificates must name; none: not asked.
    policies: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Finding:
    """Why a file is refused."""

    #: Stable, for tests and for grouping.
    code: str

    @property
    def sentence_zh(self) -> str:
        """What a person reads."""
        return WORDS[self.code][0]

    @property
    def sentence_en(self) -> str:
        """The same in English."""
        return WORDS[self.code][1]


@dataclass(frozen=True)
class Signature:
    """One signature that is valid in itself; ``Verdict.intact`` says whether the file is."""

    field: str
    role: Role
    #: As in the certificate.
    name: str = dataclasses.field(repr=False)
    #: Stands for the ID number in the certificate; empty for company and timestamp.
    pseudonym: str = dataclasses.field(repr=False)
    #: When the signer's side says it signed.
    claimed: datetime | None
    #: When it provably existed, by a timestamp.
    proven: datetime | None
    #: The certificate's number: 40 hexadecimal digits.
    serial: str
    #: SHA-256 of the certificate, in hexadecimal digits.
    fingerprint: str
    #: Of the certificate, at the proven time (or now, when nothing proves a time).
    revocation: Revocation


@dataclass(frozen=True)
class Verdict:
    """What is to be thought of a file."""

    #: True only when nothing at all is wrong.
    intact: bool
    level: Level
    signatures: tuple[Signature, ...]
    findings: tuple[Finding, ...]

    def plain(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        told = asdict(self)
        for one in told["signatures"]:
            for key in ("claimed", "proven"):
                one[key] = one[key].isoformat() if one[key] else None
        return told

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Verdict":
        """Return the verdict that ``plain`` told."""
        signatures = tuple(
            Signature(
                **{
                    **one,
                    **{
                        key: datetime.fromisoformat(one[key]) if one[key] else None
                        for key in ("claimed", "proven")
                    },
                }
            )
            for one in plain["signatures"]
        )
        findings = tuple(Finding(**one) for one in plain["findings"])
        return cls(bool(plain["intact"]), cast(Level, plain["level"]), signatures, findings)


def refused(code: str, signatures: tuple[Signature, ...] = ()) -> Verdict:
    """Return the verdict of a file with one thing wrong."""
    return Verdict(False, "", signatures, (Finding(code),))
