"""The engine on a database of the test's own, with the errand published and people who do it.

``room`` lends everything; ``the_clock`` stops business time for the thread of the test.
"""

import copy
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from engine import Actor, Case, Catalogue, Engine, InboxRow, clock
from engine.store import Database, JournalEntry, Keyring
from engine.store.tables import CaseRow, JobRow, WorkItemRow
from tests import errand
from tests.databases import Server

#: A Wednesday, 10:00 in Shanghai.
MORNING = datetime(2026, 3, 18, 2, 0, tzinfo=UTC)
PROFILE = {"name": "张小伟", "id_number": "110105198506123737", "mobile": "13800138001"}


class StoppedClock:
    """Business time of a test, which moves only when told to."""

    def __init__(self) -> None:
        self.moment = MORNING
        self._held = ExitStack()
        self.set(MORNING)

    def set(self, moment: datetime) -> None:
        """Move business time of this thread to ``moment``."""
        self.moment = moment
        self._held.close()
        self._held.enter_context(clock.frozen(moment))

    def advance(self, **time: float) -> None:
        """Move on by ``days``, ``hours``, ``minutes`` …"""
        self.set(self.moment + timedelta(**time))

    def go_on(self) -> None:
        """Let time run again."""
        self._held.close()


@dataclass
class Customer:
    """A customer with one case at a time."""

    engine: Engine
    actor: Actor
    case: Case = field(init=False)

    def starts(self, type: str = "errand", key: str | None = "one", **data: Any) -> Case:
        """Start a case, or come back to the open one."""
        open_key = None if key is None else f"{self.actor.id}:{key}"
        self.case = self.engine.cases.start(
            type, owner=self.actor.id, branch="杭州营业部", actor=self.actor,
            data={"profile": PROFILE, **data}, open_key=open_key,
        )  # fmt: skip
        return self.case

    @property
    def task(self) -> UUID:
        """The task waiting for this customer."""
        found = self.engine.cases.of(self.case.id, self.actor).next_task
        assert found is not None
        return found

    @property
    def page(self) -> Any:
        """The page this customer sees."""
        return self.engine.cases.task(self.task, self.actor)

    def answers(self, **posted: Any) -> Case:
        """Complete the page."""
        self.case = self.engine.cases.complete(self.task, self.actor, posted)
        return self.case

    def goes_back(self, **typed: Any) -> Case:
        """Press 上一步."""
        self.case = self.engine.cases.back(self.task, self.actor, typed)
        return self.case

    def submits(self) -> Case:
        """Start, and fill in both pages."""
        self.starts()
        self.answers(paper="passport")
        return self.answers(wish="a book")

    @property
    def state(self) -> str:
        """The state of the case."""
        return self.engine.cases.of(self.case.id, self.actor).facts.state

    def elsewhere(self) -> "Customer":
        """The same customer on another device."""
        other = Customer(self.engine, replace(self.actor, session="another device"))
        other.case = self.case
        return other


@dataclass
class Staff:
    """A member of staff."""

    engine: Engine
    actor: Actor

    def sees(self) -> list[InboxRow]:
        """What lies in the inbox."""
        return self.engine.inbox.list(self.actor)

    def takes(self) -> UUID:
        """Claim the first open task; return it."""
        task: UUID = self.sees()[0].task_id
        self.engine.cases.claim(task, self.actor)
        return task

    def decides(self, decision: str, **more: Any) -> Case:
        """Claim the first open task and decide it."""
        return self.engine.cases.complete(self.takes(), self.actor, {"decision": decision, **more})


class Room:
    """The engine, the world outside, and the people."""

    def __init__(
        self,
        url: str,
        files: Path,
        keyring: Keyring | None = None,
        delivery: errand.Delivery | None = None,
    ) -> None:
        self.company, self.prefix = "0002", ""
        self.delivery = delivery or errand.Delivery()
        self.engine = Engine(
            Database(url),
            keyring or Keyring.generate(),
            Catalogue.of(self.delivery),
            files,
            check=lambda contents: None,
            due=lambda parameters, moment, duration: moment + duration,
        )

    def guests(self) -> "Room":
        """Return the same room with people of another company in it."""
        other = copy.copy(self)
        other.prefix = secrets.token_hex(4)
        other.company = other.prefix[:4]
        return other

    def publishes(self, files: Mapping[str, bytes]) -> None:
        """Publish a release."""
        self.engine.releases.publish(files, "staff:analyst")

    def customer(self, name: str = "c1") -> Customer:
        """Let a customer in."""
        known = frozenset({"customer"})
        actor = Actor("customer", self.prefix + name, known, company=self.company, session="phone")
        return Customer(self.engine, actor)

    def staff(self, name: str, *roles: str, branches: tuple[str, ...] = (), company: str = "") -> Staff:
        """Let a member of staff in."""
        company = company or self.company
        actor = Actor("staff", name, frozenset(roles), frozenset(branches), company=company, session=name)
        return Staff(self.engine, actor)

    def reviewer(self, name: str = "liufang") -> Staff:
        """Let a reviewer in."""
        return self.staff(name, "reviewer")

    def jobs(self) -> list[JobRow]:
        """Return the jobs under way."""
        with self.engine.database.reading() as session:
            return list(session.scalars(select(JobRow).order_by(JobRow.opened_at)))

    def works(self) -> list[str]:
        """Run every waiting job once; return what became of each."""
        return [self.engine.jobs.run(j.case_id, j.task_id) for j in self.jobs() if j.state == "waiting"]

    def row(self, case: Case) -> CaseRow:
        """Return the row of a case."""
        with self.engine.database.reading() as session:
            return session.get_one(CaseRow, case.id)

    def items(self, case: Case) -> list[WorkItemRow]:
        """Return all tasks a case ever had."""
        with self.engine.database.reading() as session:
            query = select(WorkItemRow).where(WorkItemRow.case_id == case.id).order_by(WorkItemRow.opened_at)
            return list(session.scalars(query))

    def journal(self, case: Case) -> list[JournalEntry]:
        """Return everything that happened to a case."""
        row = self.row(case)
        key = self.engine.keyring.case_key(str(row.id), row.key)
        with self.engine.database.reading() as session:
            return self.engine.journal.of_case(session, row.id, key)

    def kinds(self, case: Case) -> list[str]:
        """Return the words of a case's journal."""
        return [entry.kind for entry in self.journal(case)]

    def breaks_chain(self, case: Case) -> str | None:
        """Return what is wrong with a case's journal."""
        row = self.row(case)
        with self.engine.database.reading() as session:
            return self.engine.journal.verify(session, f"case:{row.id}", row.journal_seq, row.journal_head)

    def data(self, case: Case) -> dict[str, Any]:
        """Return a case's data."""
        return self.engine.cases.data(case.id, Actor("system", "test"))[2]


@pytest.fixture
def the_clock() -> Iterator[StoppedClock]:
    """Stop business time at 10:00 of a Wednesday, for this thread."""
    stopped = StoppedClock()
    yield stopped
    stopped.go_on()


@pytest.fixture
def room(database_url: str, tmp_path: Path) -> Iterator[Room]:
    """Lend the engine with the errand published."""
    made = Room(database_url, tmp_path / "files")
    made.publishes(errand.release())
    yield made
    made.engine.database.dispose()


@pytest.fixture(scope="module")
def house(migrated_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Lend one database to all tests of a module; see ``shared``."""
    with migrated_server.database() as url:
        made = Room(url, tmp_path_factory.mktemp("files"))
        made.publishes(errand.release())
        yield made
        made.engine.database.dispose()


@pytest.fixture
def shared(house: Room) -> Room:
    """Lend a company of the test's own in a shared database: quicker, but sweeps and jobs are everybody's."""
    return house.guests()
