"""The inbox: what waits for staff, in the branches and roles of whoever looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, and_, func, literal, or_, select, tuple_

from engine import clock
from engine.access import STAFF_LANES
from engine.cases import SUMMARY
from engine.operators import Actor
from engine.store.database import Database
from engine.store.sealing import Keyring
from engine.store.tables import CaseRow, WorkItemRow


@dataclass(frozen=True)
class Filters:
    """What to look for; empty means everything.

    :param older_than: waiting longer than this.
    :param whose: ``mine``, ``free`` or ``all``.
    """

    types: frozenset[str] = frozenset()
    branches: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    older_than: timedelta | None = None
    whose: str = "all"


EVERYTHING = Filters()


@dataclass(frozen=True)
class InboxRow:
    """One line of the inbox."""

    task_id: UUID
    case_id: UUID
    type: str
    number: str | None
    name: str
    branch: str
    lane: str
    element: str
    form: str
    state: str
    flags: Sequence[str]
    opened_at: datetime
    due_at: datetime | None
    claimed_by: str | None
    claimed_at: datetime | None


@dataclass(frozen=True)
class Place:
    """Where a line stands in the order of the inbox; the next page begins after it."""

    due_at: datetime | None
    opened_at: datetime
    task_id: UUID


class Inbox:
    """Lists open tasks."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    def list(
        self, actor: Actor, filters: Filters = EVERYTHING, limit: int = 200, after: Place | None = None
    ) -> list[InboxRow]:
        """Return what ``actor`` may work on, most urgent first; only what comes ``after`` a place."""
        query = (
            select(WorkItemRow, CaseRow)
            .join(CaseRow, CaseRow.id == WorkItemRow.case_id)
            .where(
                WorkItemRow.closed_at.is_(None),
                WorkItemRow.lane.in_(actor.roles & STAFF_LANES),
                CaseRow.company == actor.company,
            )
            .order_by(WorkItemRow.due_at.asc().nulls_last(), WorkItemRow.opened_at, WorkItemRow.id)
            .limit(limit)
        )
        if actor.branches:
            query = query.where(WorkItemRow.branch.in_(actor.branches))
        if filters.branches:
            query = query.where(WorkItemRow.branch.in_(filters.branches))
        if filters.types:
            query = query.where(CaseRow.type.in_(filters.types))
        if filters.flags:
            query = query.where(CaseRow.flags.overlap(list(filters.flags)))
        if filters.older_than is not None:
            query = query.where(WorkItemRow.opened_at <= clock.now() - filters.older_than)
        if filters.whose == "mine":
            query = query.where(WorkItemRow.claimed_by == actor.label)
        elif filters.whose == "free":
            query = query.where(WorkItemRow.claimed_by.is_(None))
        if after is not None:
            query = query.where(_after(after))
        with self._database.reading() as session:
            return [self._row(item, case) for item, case in session.execute(query)]

    def count(self, actor: Actor) -> int:
        """Return how many tasks wait for ``actor``'s roles and branches."""
        query = (
            select(func.count())
            .select_from(WorkItemRow)
            .join(CaseRow, CaseRow.id == WorkItemRow.case_id)
            .where(
                WorkItemRow.closed_at.is_(None),
                WorkItemRow.lane.in_(actor.roles & STAFF_LANES),
                CaseRow.company == actor.company,
            )
        )
        if actor.branches:
            query = query.where(WorkItemRow.branch.in_(actor.branches))
        with self._database.reading() as session:
            return int(session.scalar(query) or 0)

    def _row(self, item: WorkItemRow, case: CaseRow) -> InboxRow:
        key = self._keyring.case_key(str(case.id), case.key)
        summary = orjson.loads(key.open(case.summary, SUMMARY))
        return InboxRow(
            task_id=item.id,
            case_id=case.id,
            type=case.type,
            number=case.number,
            name=summary.get("name", ""),
            branch=case.branch,
            lane=item.lane,
            element=item.element,
            form=item.form,
            state=case.state,
            flags=list(case.flags),
            opened_at=item.opened_at,
            due_at=item.due_at,
            claimed_by=item.claimed_by,
            claimed_at=item.claimed_at,
        )


def _after(place: Place) -> ColumnElement[bool]:
    """Return the condition of what comes after a place; tasks without a due time come last."""
    order = tuple_(WorkItemRow.opened_at, WorkItemRow.id)
    later = order > tuple_(literal(place.opened_at), literal(place.task_id))
    if place.due_at is None:
        return and_(WorkItemRow.due_at.is_(None), later)
    return or_(
        WorkItemRow.due_at > place.due_at,
        and_(WorkItemRow.due_at == place.due_at, later),
        WorkItemRow.due_at.is_(None),
    )
