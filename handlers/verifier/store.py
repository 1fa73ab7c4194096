"""The document security store: evidence that was added for the archive, and nothing else beside it."""

from dataclasses import dataclass, field
from typing import Any

from handlers.verifier.objects import Ref, Stream
from handlers.verifier.state import State
from handlers.verifier.structure import File
from handlers.verifier.words import Refused

_VRI_KEYS = frozenset({"Type", "Cert", "OCSP", "CRL", "TU"})
#: Pieces of evidence, and bytes of one: a list may name many certificates.
MOST_EVIDENCE, LARGEST_EVIDENCE = 64, 4 * 1024 * 1024


@dataclass
class Evidence:
    """What the document security store holds, as DER."""

    certificates: list[bytes] = field(default_factory=list)
    ocsps: list[bytes] = field(default_factory=list)
    crls: list[bytes] = field(default_factory=list)


def read(file: File, before: State, after: State) -> tuple[Evidence, set[int]]:
    """Read the evidence that a revision adds; return it and the objects that hold it."""
    used: set[int] = set()
    evidence = Evidence()

    def take(value: Any) -> Any:
        if isinstance(value, Ref):
            if value.number in before.objects:
                raise Refused("added", "evidence from before")
            used.add(value.number)
        return after.get(value)

    store = take(after.catalog["DSS"])
    if not isinstance(store, dict) or store.keys() - {"Type", "Certs", "OCSPs", "CRLs", "VRI"}:
        raise Refused("added", "evidence with more than evidence")
    for key, kept in (("Certs", evidence.certificates), ("OCSPs", evidence.ocsps), ("CRLs", evidence.crls)):
        for one in take(store.get(key)) or []:
            kept.append(_piece(file, take(one)))
            if len(used) > MOST_EVIDENCE:
                raise Refused("too_much", "evidence")
    every = set(used)
    for vri in (take(store.get("VRI")) or {}).values():
        entry = take(vri)
        if not isinstance(entry, dict) or entry.keys() - _VRI_KEYS:
            raise Refused("added", "evidence with more than evidence")
        for key in ("Cert", "OCSP", "CRL"):
            for one in take(entry.get(key)) or []:
                if not isinstance(one, Ref) or one.number not in every:
                    raise Refused("added", "evidence that is not in the store")
    return evidence, used


def _piece(file: File, stream: Any) -> bytes:
    if not isinstance(stream, Stream) or stream.entries.keys() - {"Length", "Filter", "Type"}:
        raise Refused("added", "evidence that is no stream")
    der = file.unfold(stream)
    if len(der) > LARGEST_EVIDENCE:
        raise Refused("too_much", "evidence")
    return der
