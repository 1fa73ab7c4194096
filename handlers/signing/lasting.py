"""A signed PDF's lasting form: the company's seal, all that proves it, and a timestamp over the whole.

Each is an incremental update, so that what the customer signed stays as it was, byte for byte. Bytes in,
bytes out: no database, no key.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from handlers.signing.updating import Fill, Hole, Original, Update, first_in, reference_in, stream

#: Names of the fields: the company's seal, and the timestamp over the whole.
COMPANY, ARCHIVE = "Company", "Archive"
REASON = "期货公司复核通过"
#: Room for the seal and for a timestamp, in hexadecimal digits.
DIGITS = 16384
#: Print, and may not be moved: as the customer's field.
_FLAGS = 132


@dataclass(frozen=True)
class Proofs:
    """What proves signatures for years: certificates, status answers and revocation lists, as DER."""

    certificates: Sequence[bytes] = field(repr=False)
    ocsps: Sequence[bytes] = field(repr=False)
    crls: Sequence[bytes] = field(repr=False)


def seal(pdf: bytes, at: datetime, fill: Fill, reason: str = REASON) -> bytes:
    """Return ``pdf`` with the company's seal, a signature that shows nothing.

    :param at: when the company says it seals, in real time.
    """
    told = ("\ufeff" + reason).encode("utf-16-be").hex().upper().encode()
    moment = f"(D:{at.astimezone(UTC):%Y%m%d%H%M%S}Z)".encode()
    entries = b"/Type /Sig/Filter /Adobe.PPKLite/SubFilter /ETSI.CAdES.detached/M %b/Reason <%b>"
    update = Update(Original(pdf))
    return _filled(update, COMPANY, Hole(entries % (moment, told), DIGITS), fill)


def archive(pdf: bytes, proofs: Proofs, fill: Fill) -> bytes:
    """Return ``pdf`` with its proofs and, over all of it, a document timestamp (PAdES B-LTA)."""
    update = Update(Original(pdf))
    store = b"<</Type /DSS"
    for key, parts in ((b"Certs", proofs.certificates), (b"OCSPs", proofs.ocsps), (b"CRLs", proofs.crls)):
        numbers = [update.add(stream(one)) for one in parts]
        if numbers:
            store += b"/%b [%b]" % (key, b" ".join(b"%d 0 R" % number for number in numbers))
    update.enter(update.original.root, b"/DSS %d 0 R" % update.add(store + b">>"))
    entries = b"/Type /DocTimeStamp/Filter /Adobe.PPKLite/SubFilter /ETSI.RFC3161"
    return _filled(update, ARCHIVE, Hole(entries, DIGITS), fill)


def _filled(update: Update, name: str, hole: Hole, fill: Fill) -> bytes:
    """Add a field with a signature to the form and to the page that has the first one's."""
    form = reference_in(update.raw(update.original.root), b"AcroForm")
    page = reference_in(update.raw(first_in(update.raw(form), b"Fields")), b"P")
    value = update.add(hole.content)
    widget = b"<</Type /Annot/Subtype /Widget/FT /Sig/T (%b)/V %d 0 R/F %d/Rect [0 0 0 0]/P %d 0 R>>"
    added = update.add(widget % (name.encode(), value, _FLAGS, page))
    update.extend(form, b"Fields", added)
    update.extend(page, b"Annots", added)
    return hole.filled(update.written(), fill)
