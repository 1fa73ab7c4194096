"""Tickets: the right to sign the papers of one case once, in one browser session, with one certificate."""

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from handlers.certificates import Certificate
from handlers.signing.protocol import (
    Paper,
    PapersMissing,
    Ticket,
    TicketEnded,
    TicketExpired,
    TicketUnknown,
    TicketUsed,
)
from handlers.signing.tables import TicketRow

#: How long a ticket lasts, in business time: the password is typed and the browser signs.
LASTS = timedelta(minutes=10)
#: Two processes' clocks may differ by so much.
SKEW = timedelta(minutes=1)


def give(
    session: Session,
    *,
    case_id: UUID,
    owner: str,
    browser_session: str,
    certificate: Certificate,
    papers: Collection[Paper],
    now: datetime,
) -> Ticket:
    """Give the right to sign ``papers``, and end an earlier one of the same case."""
    contents = {paper.content for paper in papers}
    codes = [paper.code for paper in papers]
    if len(contents) != 1 or len(set(codes)) != len(codes) or any(p.case_id != case_id for p in papers):
        raise PapersMissing("papers_mixed")
    # Of two pages that ask at once, the later one's ticket must stand.
    session.execute(select(func.pg_advisory_xact_lock(_lock_of(case_id))))
    session.execute(
        update(TicketRow)
        .where(TicketRow.case_id == case_id, TicketRow.ended_at.is_(None), TicketRow.used_at.is_(None))
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )
    token = secrets.token_urlsafe(32)
    session.add(
        TicketRow(
            id=_hash(token),
            case_id=case_id,
            owner=owner,
            session=_hash(browser_session),
            serial=certificate.serial,
            content=contents.pop(),
            papers=[_told(paper) for paper in papers],
            asked_at=now,
            expires_at=now + LASTS,
        )
    )
    session.flush()
    return Ticket(token, case_id, certificate.serial, tuple(codes), now + LASTS)


def open_(
    session: Session,
    token: str,
    signatures: Mapping[str, bytes],
    *,
    case_id: UUID,
    owner: str,
    browser_session: str,
    now: datetime,
) -> tuple[TicketRow, bool]:
    """Return a ticket, locked, and whether it was used already for these very signatures.

    :raises Refused: it cannot be used, or no longer.
    """
    row = session.scalar(
        select(TicketRow)
        .where(TicketRow.id == _hash(token))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    theirs = (case_id, owner, _hash(browser_session))
    if row is None or (row.case_id, row.owner, row.session) != theirs:
        raise TicketUnknown("ticket_unknown")
    if row.used_at is not None:
        if row.signatures != summed(signatures):
            raise TicketUsed("ticket_used")
        return row, True
    if row.ended_at is not None:
        raise TicketEnded("ticket_ended")
    if not row.asked_at - SKEW <= now < row.expires_at:
        raise TicketExpired("ticket_expired")
    return row, False


def use(row: TicketRow, signatures: Mapping[str, bytes], now: datetime) -> None:
    """Use a ticket up."""
    row.used_at, row.signatures = now, summed(signatures)


def still(row: TicketRow, papers: Mapping[str, Paper]) -> bool:
    """Tell whether the papers of a ticket are these, every one of them unchanged."""
    now = {code: _told(papers[code]) for code in papers}
    return all(now.get(told["code"]) == told for told in row.papers)


def summed(signatures: Mapping[str, bytes]) -> bytes:
    """Return the SHA-256 of signatures, whatever their order."""
    parts = (b"%d:%b%d:%b" % (len(c), c, len(s), s) for c, s in sorted(_coded(signatures)))
    return sha256(b"".join(parts)).digest()


def _coded(signatures: Mapping[str, bytes]) -> list[tuple[bytes, bytes]]:
    return [(code.encode(), value) for code, value in signatures.items()]


def _told(paper: Paper) -> dict[str, str]:
    return {
        "code": paper.code,
        "id": str(paper.id),
        "document": paper.document_sha256,
        "digest": paper.digest.hex(),
    }


def _hash(secret: str) -> bytes:
    # A plain hash will do: nobody guesses 256 random bits, and a session's name is no secret beside them.
    return sha256(secret.encode()).digest()


def _lock_of(case_id: UUID) -> int:
    return int.from_bytes(sha256(b"signing.case:" + case_id.bytes).digest()[:8], "big", signed=True)
