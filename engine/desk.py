"""The desk: what lies unfinished on an open page.

``typed`` is what the customer wrote and has not sent; it is saved by itself. ``held`` is what the server
holds for the page and the client is never asked for: uploaded pictures, how far an agreement was read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

import forms
from engine import clock
from engine.access import must_act
from engine.errors import ElsewhereChanged, TaskGone
from engine.operators import Actor, CaseFacts
from engine.store.database import Database
from engine.store.sealing import CaseKey, Keyring
from engine.store.tables import CaseRow, DeskRow, WorkItemRow

PLACE = "desk.contents"


@dataclass(frozen=True)
class Laid:
    """What lies on the desk of one task; revision 0 is an empty desk."""

    typed: dict[str, Any] = field(default_factory=dict)
    held: dict[str, Any] = field(default_factory=dict)
    revision: int = 0
    session: str = ""
    changed_at: datetime | None = None

    def elsewhere(self, actor: Actor, revision: int) -> bool:
        """Whether another device wrote after ``revision``."""
        return self.revision != revision and self.session != actor.session


@dataclass
class Held:
    """A desk opened for writing: lay something down, and it is saved with the transaction."""

    session: Session
    case: CaseFacts
    key: CaseKey
    held: dict[str, Any]


class Desk:
    """Reads and writes desks."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    @staticmethod
    def read(key: CaseKey, row: DeskRow | None) -> Laid:
        """Open a desk."""
        if row is None:
            return Laid()
        contents = orjson.loads(key.open(row.contents, PLACE))
        return Laid(contents["typed"], contents["held"], row.revision, row.session, row.changed_at)

    def save(
        self, task_id: UUID, actor: Actor, typed: Mapping[str, Any], revision: int
    ) -> tuple[int, datetime]:
        """Save what was typed; return the new revision and when.

        :raises ElsewhereChanged: another device wrote since ``revision`` (A-37).
        :raises forms.AnswersRejected: what was typed holds something no browser sends.
        """
        forms.look_through(typed)
        with self._database.transaction() as session:
            _, key, laid, item = self._open(session, task_id, actor)
            if laid.elsewhere(actor, revision):
                raise ElsewhereChanged()
            return self._write(session, key, item, actor, laid, dict(typed), laid.held)

    def hold(self, task_id: UUID, actor: Actor, change: Callable[[Held], None]) -> Laid:
        """Change what the server holds for a page; ``change`` gets the desk opened, in one transaction."""
        with self._database.transaction() as session:
            facts, key, laid, item = self._open(session, task_id, actor)
            opened = Held(session, facts, key, dict(laid.held))
            change(opened)
            revision, at = self._write(session, key, item, actor, laid, laid.typed, opened.held)
            return Laid(laid.typed, opened.held, revision, actor.session, at)

    def look(self, task_id: UUID) -> tuple[CaseFacts, CaseKey, Laid]:
        """Return what lies on the desk of an open task, for a job that works on it.

        :raises TaskGone: the task is done, or never was.
        """
        with self._database.reading() as session:
            return self._open(session, task_id, None, lock=False)[:3]

    def work(self, task_id: UUID, change: Callable[[Held], None]) -> Laid:
        """Change what the server holds, as a job does: nobody's page becomes stale by it.

        :raises TaskGone: the task was done in the meantime.
        """
        with self._database.transaction() as session:
            facts, key, laid, item = self._open(session, task_id, None)
            opened = Held(session, facts, key, dict(laid.held))
            change(opened)
            contents = key.seal(orjson.dumps({"typed": laid.typed, "held": opened.held}), PLACE)
            session.execute(update(DeskRow).where(DeskRow.task_id == item.id).values(contents=contents))
            return replace(laid, held=opened.held)

    def _open(
        self, session: Session, task_id: UUID, actor: Actor | None, *, lock: bool = True
    ) -> tuple[CaseFacts, CaseKey, Laid, WorkItemRow]:
        """Open the desk of an open task, for a person who may act on it or (None) for a job."""
        from engine.steps import facts_of

        wanted = (
            select(WorkItemRow, CaseRow)
            .join(CaseRow, CaseRow.id == WorkItemRow.case_id)
            .where(WorkItemRow.id == task_id)
        )
        found = session.execute(wanted.with_for_update(of=CaseRow) if lock else wanted).one_or_none()
        if found is None:
            raise TaskGone()
        item, row = found
        session.refresh(item)
        if item.closed_at is not None:
            raise TaskGone()
        if actor is not None:
            must_act(item, row, actor)
        key = self._keyring.case_key(str(row.id), row.key)
        desk = session.scalar(select(DeskRow).where(DeskRow.task_id == task_id))
        return facts_of(row), key, self.read(key, desk), item

    def _write(
        self,
        session: Session,
        key: CaseKey,
        item: WorkItemRow,
        actor: Actor,
        laid: Laid,
        typed: dict[str, Any],
        held: dict[str, Any],
    ) -> tuple[int, datetime]:
        now = clock.now()
        values = {
            "task_id": item.id,
            "case_id": item.case_id,
            "contents": key.seal(orjson.dumps({"typed": typed, "held": held}), PLACE),
            "revision": laid.revision + 1,
            "session": actor.session,
            "changed_at": now,
        }
        session.execute(
            insert(DeskRow)
            .values(values)
            .on_conflict_do_update(
                index_elements=["task_id"], set_={k: v for k, v in values.items() if k != "task_id"}
            )
        )
        if item.idle_at is not None:
            # Writing is touching: the time until an untouched draft expires begins anew.
            touched = max(item.idle_at, item.idle_at + (now - (laid.changed_at or item.opened_at)))
            session.execute(update(WorkItemRow).where(WorkItemRow.id == item.id).values(idle_at=touched))
        return laid.revision + 1, now
