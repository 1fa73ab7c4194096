"""A queue of the video witness on a database of the test's own, and the people on both of its sides.

``queue_room`` lends it; cases are real ones of a diagram with one page, which is witnessed.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select

from engine import Actor, Case, clock, parameters
from engine.store import Keyring
from engine.store.tables import CaseRow
from handlers.staff import StaffRow
from handlers.video.agents import Agent, Agents, Wish, lines
from handlers.video.queue import Queue
from handlers.video.tables import CallRow, TicketRow
from handlers.video.tickets import Call, Place, Result, Ticket
from tests.diagram_writer import Drawing
from tests.engine_room import Room, StoppedClock

HANGZHOU, SHANGHAI, BEIJING = "杭州营业部", "上海营业部", "北京营业部"


def release() -> dict[str, bytes]:
    """Draw the application whose only page is the video witness."""
    drawing = Drawing("witnessed", "见证", {"businessType": "16", "category": "change_phone"})
    drawing.start()
    drawing.user("video", form="video_page", lane="customer", state="'await_video'")
    drawing.end("done", state="submitted")
    drawing.chain("begin", "video", "done")
    page = {"id": "video_page", "title": "视频见证", "components": [], "properties": {}}
    return {"witnessed.bpmn": drawing.xml(), "video_page.form": json.dumps(page).encode()}


@dataclass
class Customer:
    """A customer with one case, at the page of the witness."""

    house: "QueueRoom"
    case: Case

    @property
    def owner(self) -> str:
        return self.case.facts.owner

    @property
    def task(self) -> UUID:
        assert self.case.next_task is not None
        return self.case.next_task

    def queues(self) -> Ticket:
        """Press 开始视频通话."""
        return self.house.queue.enter(self.case.facts, self.task, report={"camera": "ok"})

    def beats(self) -> Ticket | None:
        """Let the page say that it lives."""
        return self.house.queue.beat(self.case.id, self.owner)

    def leaves(self) -> None:
        """Press 取消排队."""
        self.house.queue.leave(self.case.id, self.owner)

    @property
    def ticket(self) -> Ticket:
        """The newest ticket, open or over."""
        with self.house.engine.database.reading() as session:
            found = self.house.queue.of_case(session, self.case.id)
        assert found is not None
        return found

    @property
    def place(self) -> Place:
        return self.house.queue.place(self.ticket)

    @property
    def state(self) -> str:
        """What the list of applications says."""
        return self.house.row(self.case).state


@dataclass
class AgentPerson:
    """An agent at a desk."""

    house: "QueueRoom"
    id: UUID
    branches: frozenset[str] = frozenset()
    #: Whom they have, as their page knows it.
    has: Ticket | None = field(default=None)

    def is_(self, state: Wish) -> Agent:
        """Press 就绪, 暂停 or 离线."""
        return self.house.agents.set(self.id, state)

    def beats(self) -> Agent:
        return self.house.agents.beat(self.id)

    @property
    def seen(self) -> Agent:
        return self.house.agents.get(self.id)

    def takes(self) -> Ticket | None:
        """Ask for the next customer."""
        served = lines(self.house.engine.parameters(), self.branches)
        self.has = self.house.queue.claim(self.id, served, self.house.company)
        return self.has

    @property
    def _held(self) -> Ticket:
        assert self.has is not None
        return self.has

    def accepts(self) -> Call:
        return self.house.queue.accept(self._held.id, self._held.epoch, self.id)

    def declines(self) -> None:
        self.house.queue.decline(self._held.id, self._held.epoch, self.id)

    def renews(self) -> Ticket:
        return self.house.queue.renew(self._held.id, self._held.epoch, self.id)

    def reports_nobody(self) -> Ticket:
        """Press 未接通."""
        return self.house.queue.no_show(self._held.id, self._held.epoch, self.id)

    def loses(self, who: Any) -> Ticket:
        """Lose a call by somebody's doing."""
        return self.house.queue.interrupt(self._held.id, self._held.epoch, who, self.id)

    def ends(self, state: Result) -> Ticket:
        """Give a result, as the witnessing does: in a transaction that has locked the case."""
        with self.house.engine.database.transaction() as session:
            session.scalar(select(CaseRow).where(CaseRow.id == self._held.case_id).with_for_update())
            return self.house.queue.finish(session, self._held.id, self._held.epoch, self.id, state)


class QueueRoom(Room):
    """The queue, and everybody around it."""

    def __init__(self, url: str, files: Path, keyring: Keyring | None = None) -> None:
        super().__init__(url, files, keyring)
        self.queue = Queue(self.engine)
        self.agents = Agents(self.engine)
        #: Where time stands still, customers enter a second apart.
        self.the_clock: StoppedClock | None = None
        self._number = 0

    def person(self, name: str = "", branch: str = HANGZHOU) -> Customer:
        """Let a customer in who has come to the page of the witness."""
        self._number += 1
        name = name or f"c{self._number}"
        actor = Actor("customer", name, frozenset({"customer"}), company=self.company)
        case = self.engine.cases.start(
            "witnessed", owner=name, branch=branch, actor=actor, data={"profile": {"name": "张小伟"}}
        )
        return Customer(self, case)

    def people(self, number: int, branch: str = HANGZHOU) -> list[Customer]:
        """Let several customers in, who queue one after another."""
        found = [self.person(branch=branch) for _ in range(number)]
        for one in found:
            if self.the_clock is not None and one is not found[0]:
                self.the_clock.advance(seconds=1)
            one.queues()
        return found

    def agent(self, *branches: str, ready: bool = True) -> AgentPerson:
        """Employ an agent of some branches, or of all."""
        person = AgentPerson(self, uuid4(), frozenset(branches))
        with self.engine.database.transaction() as session:
            session.execute(
                insert(StaffRow).values(
                    id=person.id, login=person.id.hex, name=b"", password="", totp=b"",
                    roles=["agent"], branches=sorted(branches), company=self.company,
                    licence="F0000001", created_at=clock.now(),
                )
            )  # fmt: skip
        if ready:
            person.is_("ready")
        return person

    def sets(self, **values: Any) -> None:
        """Change the company's parameters."""
        parameters.change(self.engine.database, values, "tests", "another", clock.now())

    def tickets(self) -> list[TicketRow]:
        with self.engine.database.reading() as session:
            return list(session.scalars(select(TicketRow).order_by(TicketRow.seq)))

    def calls(self) -> list[CallRow]:
        with self.engine.database.reading() as session:
            return list(session.scalars(select(CallRow).order_by(CallRow.opened_at)))


@pytest.fixture
def queue_room(database_url: str, tmp_path: Path, the_clock: StoppedClock) -> Iterator[QueueRoom]:
    """Lend a queue at 10:00 of a Wednesday; time moves only when told to."""
    made = QueueRoom(database_url, tmp_path / "files")
    made.publishes(release())
    made.the_clock = the_clock
    yield made
    made.engine.database.dispose()


@pytest.fixture
def passes(queue_room: QueueRoom, the_clock: StoppedClock) -> Callable[..., None]:
    """Let time pass, second by second as pages and the sweep live it.

    ``passes(12, customer, agent)``: those named say every five seconds that they live; others do not.
    """

    def wait(seconds: int, *alive: Any) -> None:
        for second in range(1, seconds + 1):
            the_clock.advance(seconds=1)
            if second % 5 == 0 or second == seconds:
                for one in alive:
                    one.beats()
            queue_room.queue.sweep()

    return wait
