"""The claim: which customer an agent is given, decided by the database in one statement (R-173).

Claims of a company take turns, and a claim waits for whoever is just writing the next customer's row (a
sign of life takes a millisecond). To pass over every locked row would let others overtake a customer at
the very moment in which the page said that it lives. Should somebody hang with a lock in hand, claims
stop waiting for it and do pass over what is locked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.errors import LockNotAvailable
from sqlalchemy import TextClause, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from handlers.video.tables import TicketRow
from handlers.video.tickets import AWAY_SECONDS

#: Milliseconds a claim waits for its turn, and then for the customer's row, before it passes over what is
#: locked.
TURN_MS, ROW_MS = 5000, 500
_TURN = text(
    "select set_config('lock_timeout', :turn, true),"
    " pg_advisory_xact_lock(hashtext('video:' || :company)),"
    " set_config('lock_timeout', :row, true)"
)
# What is asked of the agent stands inside as well, so that an agent with two pages has one customer; when
# both ask in the same moment, the unique index uq_video_ticket_agent refuses one of them. A customer who
# knows an agent waits for that agent only while the agent is free to come.
_NEXT = """
update video_ticket
   set state = 'offered', agent = :agent, epoch = epoch + 1, offered_at = :now, until = :until
 where state = 'waiting' and id = (
    select t.id from video_ticket t
     where t.state = 'waiting' and t.company = :company and t.beat_at >= :alive {lines}
       and exists (select from video_agent a where a.staff_id = :agent and a.state = 'ready')
       and not exists (select from video_ticket o where o.agent = :agent)
       and exists (select from work_item w where w.id = t.task_id and w.closed_at is null)
       and (t.preferred is null or t.preferred = :agent or t.preferred_until <= :now
            or not exists (select from video_agent a
                            where a.staff_id = t.preferred and a.state = 'ready' and a.beat_at >= :alive
                              and not exists (select from video_ticket o where o.agent = a.staff_id)))
     order by t.priority, (t.preferred = :agent and t.preferred_until > :now) is true desc,
              t.ranked_at, t.seq
     limit 1
       for update of t {locked})
returning *
"""


@dataclass(frozen=True)
class Wanted:
    """Who claims, and what.

    :param lines: None: every line of the company.
    """

    agent: UUID
    lines: Sequence[str] | None
    company: str
    now: datetime
    until: datetime


def take_turn(session: Session, company: str) -> None:
    """Wait until no other claim of the company is under way; see ``is_impatience``."""
    session.execute(_TURN, {"turn": f"{TURN_MS}ms", "row": f"{ROW_MS}ms", "company": company})


def next_for(session: Session, wanted: Wanted, *, skip_locked: bool) -> TicketRow | None:
    """Offer the next customer to who asks; None when nobody waits, or the agent may have nobody.

    :raises sqlalchemy.exc.IntegrityError: the agent got a customer in this very moment.
    """
    values = {
        "agent": wanted.agent,
        "company": wanted.company,
        "now": wanted.now,
        "until": wanted.until,
        "alive": wanted.now - timedelta(seconds=AWAY_SECONDS),
    }
    if wanted.lines is not None:
        values["lines"] = list(wanted.lines)
    statement = _statement(every_line=wanted.lines is None, skip_locked=skip_locked)
    found = select(TicketRow).from_statement(statement).execution_options(populate_existing=True)
    return session.execute(found, values).scalar_one_or_none()


def is_impatience(error: OperationalError) -> bool:
    """Tell whether a claim waited long enough for others."""
    return isinstance(error.orig, LockNotAvailable)


def _statement(*, every_line: bool, skip_locked: bool) -> TextClause:
    # Only these fixed words are filled in.
    lines = "" if every_line else "and t.line = any(:lines)"
    return text(_NEXT.format(lines=lines, locked="skip locked" if skip_locked else ""))
