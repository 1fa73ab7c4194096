"""The queue as a supervisor sees it (R-221): who waits and how long, who is on duty, today's calls.

Only reads. Nothing personal is shown but the masked name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import orjson
from sqlalchemy import Interval, func, select, type_coerce
from sqlalchemy.orm import Session

from engine import Engine, clock
from engine.cases import SUMMARY
from engine.store.tables import CaseRow
from handlers.video import estimate
from handlers.video.agents import Agent, Agents, branches_of, line_of
from handlers.video.tables import CallRow, State, TicketRow, Why
from handlers.video.tickets import AWAY_SECONDS, OUTCOMES, RESULTS, Outcome


@dataclass(frozen=True)
class InLine:
    """One customer of a line."""

    ticket: UUID
    #: Masked.
    name: str
    business: str
    branch: str
    state: State
    why: Why
    entered_at: datetime
    #: Seconds since then.
    waited: int
    #: The page has been silent: passed over, with the place kept.
    away: bool
    agent: UUID | None


@dataclass(frozen=True)
class LineReport:
    """One line at this moment."""

    line: str
    branches: frozenset[str]
    #: In the order in which they are called; then those in a call.
    customers: tuple[InLine, ...]
    agents: tuple[Agent, ...]
    #: Calls that ended today, by outcome; every outcome is there.
    today: Mapping[Outcome, int]
    #: Mean seconds of today's calls that came to a result; None before the first.
    mean_handle: float | None
    #: Customers who queued today, and within the last hour.
    entered_today: int
    entered_hour: int
    #: Mean seconds from entering to the call, of those called within the last hour; None: nobody was.
    mean_wait: float | None

    @property
    def queued(self) -> int:
        """How many wait (R-162)."""
        return sum(one.state != "in_call" for one in self.customers)

    @property
    def longest(self) -> int:
        """Seconds that somebody has waited longest; 0 when nobody waits."""
        return max((one.waited for one in self.customers if one.state != "in_call"), default=0)

    @property
    def handle(self) -> float:
        """Seconds to reckon with for a call."""
        return self.mean_handle or estimate.DEFAULT_HANDLE


_TAKEN = type_coerce(func.sum(CallRow.closed_at - CallRow.opened_at), Interval)


class Monitor:
    """Looks at the lines of a company."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._agents = Agents(engine)

    def lines(self, branches: frozenset[str] = frozenset()) -> tuple[LineReport, ...]:
        """Return the lines of some branches, or all, those first in which somebody waits longest."""
        parameters = self._engine.parameters()
        names = branches or {branch.name for branch in parameters.company.branches}
        found = [self.line(line) for line in {line_of(parameters, name) for name in names}]
        return tuple(sorted(found, key=lambda one: (-one.longest, one.line)))

    def line(self, line: str) -> LineReport:
        """Return one line."""
        now = clock.now()
        midnight = clock.shanghai(now).replace(hour=0, minute=0, second=0, microsecond=0)
        hour = now - timedelta(hours=1)
        with self._engine.database.reading() as session:
            entered = select(func.count()).where(TicketRow.line == line)
            called = select(func.avg(CallRow.opened_at - TicketRow.entered_at)).join(
                TicketRow, TicketRow.id == CallRow.ticket_id
            )
            mean_wait = session.scalar(called.where(TicketRow.line == line, CallRow.opened_at >= hour))
            today, handle = self._today(session, line, midnight)
            return LineReport(
                line=line,
                branches=branches_of(self._engine.parameters(), line),
                customers=tuple(self._customers(session, line, now)),
                agents=self._agents.of_line(line),
                today=today,
                mean_handle=handle,
                entered_today=session.scalar(entered.where(TicketRow.entered_at >= midnight)) or 0,
                entered_hour=session.scalar(entered.where(TicketRow.entered_at >= hour)) or 0,
                mean_wait=None if mean_wait is None else mean_wait.total_seconds(),
            )

    def _customers(self, session: Session, line: str, now: datetime) -> list[InLine]:
        query = (
            select(TicketRow, CaseRow)
            .join(CaseRow, CaseRow.id == TicketRow.case_id)
            .where(TicketRow.line == line, TicketRow.ended_at.is_(None))
            .order_by(
                TicketRow.state == "in_call", TicketRow.state == "waiting",
                TicketRow.priority, TicketRow.ranked_at, TicketRow.seq,
            )
        )  # fmt: skip
        silent = now - timedelta(seconds=AWAY_SECONDS)
        return [
            InLine(
                row.id,
                self._name(case),
                row.business,
                row.branch,
                cast(State, row.state),
                cast(Why, row.why),
                row.entered_at,
                round(((row.accepted_at or now) - row.entered_at).total_seconds()),
                row.state != "in_call" and row.beat_at < silent,
                row.agent,
            )
            for row, case in session.execute(query)
        ]

    @staticmethod
    def _today(session: Session, line: str, midnight: datetime) -> tuple[Mapping[Outcome, int], float | None]:
        query = (
            select(CallRow.outcome, func.count(), _TAKEN)
            .join(TicketRow, TicketRow.id == CallRow.ticket_id)
            .where(TicketRow.line == line, CallRow.closed_at >= midnight)
            .group_by(CallRow.outcome)
        )
        rows = {outcome: (count, taken) for outcome, count, taken in session.execute(query)}
        results = [rows[one] for one in RESULTS if one in rows]
        calls = sum(count for count, _ in results)
        handle = sum(taken.total_seconds() for _, taken in results) / calls if calls else None
        return {one: rows[one][0] if one in rows else 0 for one in OUTCOMES}, handle

    def _name(self, case: CaseRow) -> str:
        key = self._engine.keyring.case_key(str(case.id), case.key)
        return str(orjson.loads(key.open(case.summary, SUMMARY)).get("name", ""))
