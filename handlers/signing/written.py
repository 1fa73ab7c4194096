"""How a signed paper is written down, and told."""

from datetime import datetime
from typing import cast
from uuid import uuid4

from handlers.signing.protocol import Level, Paper, Signature
from handlers.signing.tables import SignatureRow, TicketRow


def row(ticket: TicketRow, paper: Paper, value: bytes, now: datetime) -> SignatureRow:
    """Return the row of a paper that was signed, but for its level and its file."""
    return SignatureRow(
        id=uuid4(),
        case_id=ticket.case_id,
        ticket=ticket.id,
        code=paper.code,
        title=paper.title,
        version=paper.version,
        document_sha256=paper.document_sha256,
        paper_id=paper.id,
        content=paper.content,
        serial=ticket.serial,
        value=value,
        digest=paper.digest,
        start=paper.start,
        end=paper.end,
        signed_at=now,
    )


def told(row: SignatureRow) -> Signature:
    """Return a row as others may see it."""
    return Signature(
        row.id,
        row.case_id,
        row.code,
        row.title,
        row.version,
        row.document_sha256,
        row.paper_id,
        row.content,
        row.serial,
        cast(Level, row.level),
        row.signed_at,
        row.stamped_at,
        row.archived_at,
        row.file_id,
        row.sha256,
        row.size,
    )
