"""Agents who witness without a camera: the queue, the ticks and the decision are the product's own; what a
media node would have recorded and the customer's camera would have sent is laid there by the test.
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

from PIL import Image
from sqlalchemy import insert, select

from engine import Actor
from engine.store.tables import CaseRow, WorkItemRow
from handlers.staff import StaffRow
from handlers.video.agents import lines, reaching
from handlers.video.tables import ROLES, CallRow, NodeRow, SegmentRow
from handlers.video.tickets import Call, Ticket

#: Milliseconds recorded of each side, unless a test says otherwise.
RECORDED_MS = 20_000


@dataclass
class Agent:
    """One agent of a product; ``web`` is the product's ``Web``."""

    web: Any
    login: str = "agent1"

    @property
    def actor(self) -> Actor:
        """Who this is to the engine."""
        with self.web.engine.database.reading() as session:
            staff_id = session.scalar(select(StaffRow.id).where(StaffRow.login == self.login))
        found = self.web.staff.actor(str(staff_id), "test")
        assert found
        return reaching(self.web.engine.parameters(), found)

    @property
    def id(self) -> UUID:
        """This agent's account."""
        return UUID(self.actor.id)

    def is_ready(self) -> "Agent":
        """Be ready for the next customer."""
        self.web.agents.set(self.id, "ready")
        return self

    def is_offered(self) -> Ticket:
        """Be given the next customer."""
        found = self.asks()
        assert found is not None, "nobody waits"
        return found

    def asks(self) -> Ticket | None:
        """Ask for the next customer."""
        actor = self.actor
        serves = lines(self.web.engine.parameters(), actor.branches)
        return self.is_ready().web.queue.claim(self.id, serves, actor.company)

    def accepts(self, ticket: Ticket) -> Call:
        """Begin the call."""
        return self.web.queue.accept(ticket.id, ticket.epoch, self.id)

    def ticks_everything(self, ticket: Ticket) -> dict[str, list[str]]:
        """Return an answer to every mandatory list of the page."""
        view = self.web.witnessing.view(ticket.id, self.actor)
        return {
            one.key: [value.value for value in one.values]
            for one in view.page.form.walk()
            if one.type == "checklist" and not (one.hide and one.hide.evaluate(view.page.context.variables()))
        }

    def photographs(self, ticket: Ticket) -> None:
        """Take both pictures; the customer's camera sends them."""
        for kind in ("face", "card"):
            taken = self.web.witnessing.snapshot(ticket.id, ticket.epoch, self.actor, kind)
            self.web.witnessing.still(taken.id, ticket.owner, camera_picture())

    def decides(self, ticket: Ticket, decision: str = "approve", **more: Any) -> Any:
        """Give a result, with every tick."""
        posted = {**self.ticks_everything(ticket), "decision": {"decision": decision, **more}}
        return self.web.witnessing.decide(ticket.id, ticket.epoch, self.actor, posted)


def camera_picture(size: tuple[int, int] = (1280, 720)) -> bytes:
    """Return what a camera sends."""
    out = BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def recorded(web: Any, call: Call, ms: Mapping[str, int] | None = None) -> None:
    """Lay there what a media node has written of a call after some seconds."""
    now = datetime.now(UTC)
    with web.engine.database.transaction() as session:
        node = session.get_one(CallRow, call.id).node_id
        if node is None:
            node = uuid4()
            row = {"id": node, "adapter": "embedded", "url": "http://127.0.0.1:9", "capacity": 1, "calls": 0}
            times = {"heartbeat_at": datetime(2020, 1, 1, tzinfo=UTC), "started_at": now}
            session.execute(insert(NodeRow).values(**row, **times, load=0, draining=True))
        for role in ROLES:
            written = {"head": secrets.token_bytes(32), "records": 600, "size": 90_000, "recovered": False}
            session.execute(
                insert(SegmentRow).values(
                    id=uuid4(),
                    call_id=call.id,
                    role=role,
                    number=0,
                    node_id=node,
                    path=f"{call.id}/{role}.0",
                    opened_at=now,
                    media_ms=(ms or {}).get(role, RECORDED_MS),
                    **written,
                )
            )


def waits(web: Any, case_id: UUID) -> Ticket:
    """Let the customer of a case, who is on the page 视频见证, begin to wait."""
    with web.engine.database.reading() as session:
        case = session.get_one(CaseRow, case_id)
        page = select(WorkItemRow.id).where(WorkItemRow.case_id == case_id, WorkItemRow.closed_at.is_(None))
        task_id = session.scalars(page).one()
        owner, company = case.owner, case.company
    actor = Actor("customer", owner, frozenset({"customer"}), company=company)
    facts = web.engine.cases.task(task_id, actor).case
    return web.queue.enter(facts, task_id, report={"camera": "ok", "microphone": "ok"})


def witness(web: Any, case_id: UUID, decision: str = "approve", *, login: str = "agent2", **more: Any) -> Any:
    """Let an agent witness the customer of a case, from waiting to the result."""
    agent, ticket = Agent(web, login), waits(web, case_id)
    offered = next(one for one in _offers(agent) if one.id == ticket.id)
    call = agent.accepts(offered)
    recorded(web, call)
    agent.photographs(offered)
    return agent.decides(offered, decision, **more)


def _offers(agent: Agent) -> Iterator[Ticket]:
    """Yield what is offered until nobody waits; whoever else waits is let wait on."""
    while (offered := agent.asks()) is not None:
        yield offered
        agent.web.queue.decline(offered.id, offered.epoch, agent.id)
