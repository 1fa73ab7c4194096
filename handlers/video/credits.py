"""Credits: which place somebody gets who queues again (video witness without waiting twice).

sent back            the time of entering before, at most 10 minutes; the same agent for 120 s
lost the connection  half of the time waited, for 30 minutes
the day closed       the whole place, on the day that opens next
left, did not answer nothing
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import clock
from engine.parameters import Parameters
from handlers import hours
from handlers.video.tables import CallRow, Why
from handlers.video.tickets import Ticket, served

#: Most time of waiting that a customer who was sent back brings along.
MOST_CREDIT = timedelta(minutes=10)
#: How long the agent who knows the case goes before others.
PREFERRED = timedelta(seconds=120)
#: How long a lost place is remembered.
REMEMBERED = timedelta(minutes=30)


@dataclass(frozen=True)
class Credit:
    """What somebody starts to wait with."""

    ranked_at: datetime
    why: Why
    preferred: UUID | None = None
    preferred_until: datetime | None = None


def credited(session: Session, parameters: Parameters, last: Ticket | None, now: datetime) -> Credit:
    """Return what is due to a customer who queues at ``now``.

    :param last: the case's newest ticket, which is over.
    """
    if last is None or last.ended_at is None:
        return Credit(now, "first")
    if last.state == "sent_back":
        agent = session.scalar(
            select(CallRow.agent)
            .where(CallRow.ticket_id == last.id)
            .order_by(CallRow.opened_at.desc())
            .limit(1)
        )
        return Credit(max(last.entered_at, now - MOST_CREDIT), "sent_back", agent, now + PREFERRED)
    if last.state == "abandoned" and now - last.ended_at < REMEMBERED:
        return Credit(now - (last.ended_at - last.ranked_at) / 2, "resumed")
    if _closed_on(parameters, last, last.ended_at, now):
        return Credit(last.ranked_at, "resumed")
    return Credit(now, "first")


def _closed_on(parameters: Parameters, last: Ticket, ended: datetime, now: datetime) -> bool:
    """Tell whether the day closed before somebody's turn came, and ``now`` is the day that opened next."""
    if last.state != "left" or served(parameters, ended, last.business, last.branch):
        return False
    opened = hours.next_opening(parameters, ended, business=last.business, branch=last.branch, step="video")
    return clock.shanghai(opened).date() == clock.shanghai(now).date()
