"""One signature in a file: its field, its byte range, and the DER in its hole."""

from dataclasses import dataclass
from typing import Literal

from handlers.verifier.objects import Hex, Ref
from handlers.verifier.state import State
from handlers.verifier.structure import File, Revision
from handlers.verifier.words import Refused

Kind = Literal["customer", "company", "timestamp"]

FIELDS: dict[str, Kind] = {"Customer": "customer", "Company": "company"}
_SUBFILTERS = {
    "customer": "ETSI.CAdES.detached",
    "company": "ETSI.CAdES.detached",
    "timestamp": "ETSI.RFC3161",
}
_SIGNATURE_KEYS = frozenset(
    {"Type", "Filter", "SubFilter", "ByteRange", "Contents", "M", "Reason", "Location", "Name"}
)


@dataclass(frozen=True)
class Hole:
    """One signature as the file holds it."""

    field: str
    kind: Kind
    #: DER, without the padding.
    contents: bytes
    #: ``data[:start] + data[end:stop]`` is what was signed.
    start: int
    end: int
    stop: int
    #: /M, as written.
    claimed: str


def read(file: File, state: State, ref: Ref, revision: Revision) -> Hole:
    """Read one signature; its range must be all of the file up to the end of its revision."""
    field = state.dictionary(ref)
    name, value = field.get("T"), field.get("V")
    if field.get("FT") != "Sig" or not isinstance(name, bytes) or len(name) > 64:
        raise Refused("fields", "not a signature field")
    if not isinstance(value, Ref):
        raise Refused("no_signature", "an empty field")
    if value.number not in revision.objects:
        raise Refused("fields", "a signature from elsewhere")
    signature = state.dictionary(value)
    told = name.decode("latin-1")
    kind: Kind = FIELDS.get(told, "timestamp")
    wanted = "DocTimeStamp" if kind == "timestamp" else "Sig"
    if signature.get("Type") != wanted or signature.get("SubFilter") != _SUBFILTERS[kind]:
        raise Refused("fields", f"{told} is of another kind")
    if signature.keys() - _SIGNATURE_KEYS or signature.get("Filter") != "Adobe.PPKLite":
        raise Refused("signature_form", "a signature with more, or less")
    contents = signature.get("Contents")
    if not isinstance(contents, Hex):
        raise Refused("range", "no hole")
    hole = file.data[contents.start : contents.end]
    if not revision.start < contents.start < contents.end < revision.end:
        raise Refused("range", "the hole is elsewhere")
    if hole[:1] != b"<" or hole[-1:] != b">" or not hole[1:-1].isalnum():
        # A signature inside an object stream has a place there, not here.
        raise Refused("range", "the hole is elsewhere")
    # A byte range is right when it is the only right one; what is odd, negative, huge or overlaps is not it.
    stops = [
        stop
        for stop in (revision.end, revision.line_end)
        if signature.get("ByteRange") == [0, contents.start, contents.end, stop - contents.end]
    ]
    if not stops or any(type(one) is not int for one in signature["ByteRange"]):
        raise Refused("range", "not all but the hole")
    claimed = signature.get("M", b"")
    return Hole(
        told,
        kind,
        _unpadded(hole[1:-1], contents),
        contents.start,
        contents.end,
        stops[0],
        claimed.decode("latin-1") if isinstance(claimed, bytes) else "",
    )


def _unpadded(digits: bytes, raw: bytes) -> bytes:
    """Return the DER in a hole: digits of one case, then nothing but zeros."""
    if digits not in (digits.lower(), digits.upper()) or bytes.fromhex(digits.decode()) != raw:
        raise Refused("signature_form", "digits of a hole")
    if not any(raw):
        raise Refused("no_signature", "an empty hole")
    if raw[0] != 0x30 or len(raw) < 8 or raw[1] != 0x82:
        raise Refused("signature_form", "no DER in a hole")
    length = 4 + int.from_bytes(raw[2:4], "big")
    if length > len(raw) or any(raw[length:]):
        raise Refused("signature_form", "something after the signature")
    return raw[:length]
