"""Where everybody stands in a line, and how long it may take (R-162, R-163)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from engine import clock
from handlers.video import estimate
from handlers.video.agents import line_of
from handlers.video.errors import NoTicket
from handlers.video.tickets import AWAY_SECONDS, RESULTS, Place, Ticket, Tickets
from handlers.video.workplace import WRAP_UP_SECONDS

#: Tickets from which the pace of a line is told, and for how many hours.
_LAST, _HOURS = 40, 2
# An agent who serves several lines counts in each by the share of their customers who wait there: they are
# taken by their time of entering, whatever the line.
_LINE = text("""
with home as (select * from unnest(cast(:branches as text[]), cast(:lines as text[])) as h(branch, line)),
crowd as (select line, count(*) as people from video_ticket where state = 'waiting' group by line),
serving as (
  select a.staff_id, o.id is null as free, h.line
    from video_agent a
    join staff s on s.id = a.staff_id and s.disabled_at is null
    left join video_ticket o on o.agent = a.staff_id
    join home h on s.branches = '{}' or h.branch = any(s.branches)
   where a.beat_at >= :alive and (a.state = 'ready' or o.state = 'in_call')
   group by a.staff_id, o.id, h.line
),
duty as (
  select staff_id, free,
         coalesce(sum(people) filter (where line = :line), 1)::float / coalesce(sum(people), 1) as share
    from serving left join crowd using (line)
   group by staff_id, free having bool_or(line = :line)
),
pace as (
  select (select coalesce(sum(share), 0) from duty) as agents,
         (select coalesce(sum(share), 0) from duty where free) as free,
         array(select extract(epoch from e.ended_at - e.offered_at)::float from video_ticket e
                where e.line = :line and e.ended_at > e.offered_at and e.state = any(:results)
                order by e.ended_at desc limit :last) as calls,
         (select avg((g.state in ('left', 'abandoned'))::int)::float from (
            select e.state from video_ticket e
             where e.line = :line and e.ended_at > :lately order by e.ended_at desc limit :last) g) as leaving
)
select t.id, t.owner, t.state = 'waiting' and t.beat_at >= :alive as ahead, p.*
  from video_ticket t cross join pace p
 where t.ended_at is null and t.line = :line and t.state in ('waiting', 'offered')
 order by t.state = 'waiting', t.priority, t.ranked_at, t.seq
""")


class Places(Tickets):
    """Looks along a line."""

    def place(self, ticket: Ticket) -> Place:
        """Return where a customer stands.

        :raises NoTicket: the ticket waits no more.
        """
        for ticket_id, _, place in self._along(ticket.line):
            if ticket_id == ticket.id:
                return place
        raise NoTicket()

    def places(self, line: str) -> Mapping[str, Place]:
        """Return where everybody of a line stands, by owner, in one query: made to be asked every second.

        Of somebody who queues for two cases it is the better place.
        """
        found: dict[str, Place] = {}
        for _, owner, place in self._along(line):
            found.setdefault(owner, place)
        return found

    def _along(self, line: str) -> list[tuple[UUID, str, Place]]:
        now, parameters = clock.now(), self._engine.parameters()
        branches = [branch.name for branch in parameters.company.branches]
        values: dict[str, Any] = {
            "line": line,
            "branches": branches,
            "lines": [line_of(parameters, branch) for branch in branches],
            "alive": now - timedelta(seconds=AWAY_SECONDS),
            "lately": now - timedelta(hours=_HOURS),
            "results": list(RESULTS),
            "last": _LAST,
        }
        with self._engine.database.reading() as session:
            rows = session.execute(_LINE, values).all()
        if not rows:
            return []
        pace = rows[0]
        handle = estimate.handle_seconds(pace.calls[::-1]) + WRAP_UP_SECONDS
        along, ahead = [], 0
        for position, row in enumerate(rows, 1):
            seconds = estimate.wait(ahead, pace.agents, pace.free, handle, pace.leaving or 0.0)
            low, high = seconds or (None, None)
            along.append((row.id, row.owner, Place(len(rows), position, low, high)))
            # Who is away is passed over; who was offered has an agent already.
            ahead += row.ahead
        return along
