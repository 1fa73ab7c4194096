"""An agent at a desk of witnesses, acting through the pages; and a media node that carries calls on paper.

What a node does to sound and picture is tested with real ones (``tests/test_media_*``). Here it is the pages
that matter: who may say what to a node, and what they do with its answers.
"""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from engine import clock
from engine.store.tables import WorkItemRow
from handlers import fixtures
from handlers.video.sfu import BadOffer, CallPlan, Leg, NotYet, SfuDown, Still
from handlers.video.tables import ROLES, AgentRow, CallRow, NodeRow, Role, TicketRow
from handlers.video.tickets import call_of
from tests import agents_at_work
from tests.databases import Server
from tests.product import Customer, Furnished, Reviewer, Running, running

OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n"
GOOD = Leg("connected", 0.1, 640, 480, 25.0, 900.0, 0.0, 20_000)
DESK = "/desk/video"


class PaperNode:
    """An Sfu that keeps what it is told and carries nothing."""

    def __init__(self) -> None:
        self.down = False
        self.blind = False
        self.sides: dict[Role, Leg] = {"customer": GOOD, "agent": GOOD}
        self.marks: list[Mapping[str, Any]] = []
        self.offers: list[tuple[UUID, Role]] = []
        self.hung_up: list[Role] = []
        self.closed: list[UUID] = []

    def open(self, plan: CallPlan) -> None:
        """Be ready."""
        self._lives()

    def answer(self, call_id: UUID, role: Role, offer: str) -> str:
        """Answer what begins like a description."""
        self._lives()
        if not offer.startswith("v=0"):
            raise BadOffer
        self.offers.append((call_id, role))
        return offer

    def hang_up(self, call_id: UUID, role: Role) -> None:
        """Note who went."""
        self._lives()
        self.hung_up.append(role)

    def still(self, call_id: UUID, role: Role) -> Still:
        """Give a grey picture."""
        self._lives()
        if self.blind:
            raise NotYet
        out = BytesIO()
        Image.new("RGB", (64, 48), "grey").save(out, "JPEG")
        return Still(out.getvalue(), 64, 48, datetime.now(UTC))

    def mark(self, call_id: UUID, event: Mapping[str, Any]) -> None:
        """Note an event."""
        self._lives()
        self.marks.append(event)

    def legs(self, call_id: UUID) -> Mapping[Role, Leg]:
        """Tell how both sides do."""
        self._lives()
        return self.sides

    def close(self, call_id: UUID) -> None:
        """Note that a call is over."""
        self.closed.append(call_id)

    def _lives(self) -> None:
        if self.down:
            raise SfuDown


@contextmanager
def carried_on_paper(product: Running) -> Iterator[PaperNode]:
    """Let a product's calls be carried by a paper node that always lives."""
    node, calls = PaperNode(), product.product.web.calls
    before, calls._sfu_of = calls._sfu_of, lambda _: node
    announced = calls._nodes.register("http://127.0.0.1:9", 100)
    with product.engine.database.transaction() as session:
        ahead = func.clock_timestamp() + timedelta(hours=1)
        session.execute(update(NodeRow).where(NodeRow.id == announced).values(heartbeat_at=ahead))
    try:
        yield node
    finally:
        calls._sfu_of = before


@dataclass(frozen=True)
class WaitingRoom:
    """A database in which two customers stand at the page 视频见证; each test has a copy."""

    name: str
    data: Path
    #: Of each customer: the cookie of the browser, and the page.
    people: Mapping[str, tuple[str, str]]


#: Both want another phone; C01 came first.
WANTED = {"C01": "13612345678", "C09": "13612345679"}


@pytest.fixture(scope="session")
def waiting_room(
    migrated_server: Server, furnished: Furnished, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WaitingRoom]:
    """Bring two customers to the page 视频见证, once for all tests of this process."""
    data, people = tmp_path_factory.mktemp("waiting"), {}
    shutil.copy(furnished.keyring, data / "keyring.json")
    with migrated_server.copy_of(furnished.name) as url:
        with running(url, data, furnished.secrets) as product:
            product.later(minutes=-30)
            for key, number in WANTED.items():
                customer = Customer(product).signs_in(key)
                customer.starts("change_phone").gives_pictures().types_phone(number).reads_agreements()
                customer.answers(agreements__agreed="true", agreements__way="apply", agreements__device="")
                version = re.search(r'name="version" value="([^"]+)"', customer.text)
                assert version, customer.text
                task = customer.task
                customer.posts(f"/me/tasks/{task}/video/consent", {"agreed": "true", "version": version[1]})
                cookie = customer.browser.get_cookie("kaihu")
                assert cookie
                people[key] = (cookie.value, task)
        yield WaitingRoom(url.rpartition("/")[2].partition("?")[0], data, people)


@contextmanager
def room_of(server: Server, room: WaitingRoom, secrets: Mapping[str, Any], data: Path) -> Iterator[Running]:
    """Lend a product on a copy of the waiting room."""
    shutil.copytree(room.data, data, dirs_exist_ok=True)
    with server.copy_of(room.name) as url, running(url, data, secrets) as product:
        yield product


def stands_there(product: Running, room: WaitingRoom, key: str) -> Customer:
    """Return a customer of the waiting room, with the page open."""
    customer = Customer(product)
    customer.who = fixtures.CUSTOMERS[key]
    cookie, task = room.people[key]
    customer.browser.set_cookie("kaihu", cookie)
    customer.opens(f"/me/tasks/{task}")
    return customer


def queues(customer: Customer) -> UUID:
    """Let a customer press 开始视频通话; return the ticket."""
    web = customer.product.product.web
    with web.engine.database.reading() as session:
        case_id = session.scalars(
            select(WorkItemRow.case_id).where(WorkItemRow.id == UUID(customer.task))
        ).one()
    return agents_at_work.waits(web, case_id).id


def pages_live(product: Running) -> None:
    """Let the page of everybody who waits have said just now that it lives."""
    with product.engine.database.transaction() as session:
        alive = update(TicketRow).where(TicketRow.ended_at.is_(None)).values(beat_at=clock.now())
        session.execute(alive)


class Agent(Reviewer):
    """An agent, at K01 and K02."""

    told: dict[str, Any]

    def sends(self, path: str, **body: Any) -> TestResponse:
        """Send what a script of the page sends; remember what the desk told."""
        answer = self.browser.post(path, json=body, headers={"X-CSRFToken": self.token})
        if answer.status_code == 200 and answer.json and "ticket" in answer.json:
            self.told = answer.json
        return answer

    def signs_in(self) -> "Agent":
        """Sign in with password and one-time number."""
        super().signs_in()
        return self

    def sits_down(self) -> "Agent":
        """Open the desk and press 就绪."""
        self.opens(DESK)
        assert self.sends(f"{DESK}/state", state="ready").status_code == 200
        return self

    def looks_for_next(self, **body: Any) -> dict[str, Any] | None:
        """Do what the page does by itself every few seconds; return whom it offers."""
        pages_live(self.product)
        answer = self.sends(f"{DESK}/next", **body)
        assert answer.status_code == 200, answer.text
        return self.told["ticket"]

    def answers(self) -> "Agent":
        """Press 接听 and come to the call."""
        offer = self.told["ticket"]
        answer = self.sends(offer["accept_url"], epoch=offer["epoch"])
        assert answer.status_code == 200, answer.text
        self.opens((answer.json or {})["url"])
        return self

    def takes_next(self) -> "Agent":
        """Sit down, take who waits longest, and come to the call."""
        self.sits_down()
        assert self.looks_for_next(now=True), "nobody waits"
        return self.answers()

    # In a call

    def join(self, sdp: str = OFFER, mimetype: str = "application/sdp", **more: Any) -> TestResponse:
        """Send an SDP offer as the page's session does."""
        told = {"epoch": self.epoch, "seat": self.seat, **more}
        accept = "application/sdp, application/json"
        headers = {"X-CSRFToken": self.token, "Content-Type": mimetype, "Accept": accept}
        return self.browser.post(f"{self.call_url}/call", query_string=told, data=sdp, headers=headers)

    @property
    def call_url(self) -> str:
        """Where the call is whose page was opened last."""
        return f"{DESK}/tickets/{self.told['ticket']['id']}"

    @property
    def epoch(self) -> int:
        """What fences the commands of the open page."""
        found = re.search(r'data-epoch="(\d+)"', self.text)
        assert found, f"no call is open but {self.address}: {self.text[:2000]}"
        return int(found[1])

    @property
    def seat(self) -> str:
        """How the open page calls itself."""
        found = re.search(r'data-seat="([^"]+)"', self.text)
        assert found
        return found[1]

    def commands(self, name: str, **body: Any) -> TestResponse:
        """Send a command of the open call."""
        return self.sends(f"{self.call_url}/{name}", **{"epoch": self.epoch, "seat": self.seat, **body})

    def lists(self) -> dict[str, list[str]]:
        """Return everything that the open page lets tick."""
        found: dict[str, list[str]] = {}
        script = self.text[self.text.index("data-script") : self.text.index("call__bar")]
        shown = re.sub(r"<div[^>]*\shidden[^>]*>.*?</div>\s*</div>", "", script, flags=re.DOTALL)
        for name, value in re.findall(r'type="checkbox" name="(\w+)" value="(\w+)"', shown):
            found.setdefault(name, []).append(value)
        return found

    def ticks_everything(self) -> dict[str, list[str]]:
        """Ask and check everything."""
        ticked = self.lists()
        answer = self.commands("ticks", answers=ticked)
        assert answer.status_code == 200, answer.text
        return ticked

    def photographs(self, *kinds: str) -> None:
        """Press 正脸 and 手持身份证."""
        for kind in kinds or ("face", "card"):
            answer = self.commands("snapshot", kind=kind)
            assert answer.status_code == 200, answer.text

    def still_missing(self) -> list[str]:
        """Return what 通过 still waits for."""
        return list((self.commands("alive").json or {})["missing"])

    def gives(self, decision: str, **fields: Any) -> TestResponse:
        """Give a result as the page's script does: all fields of the form, and an answer in JSON."""
        body = {"epoch": self.epoch, "csrf_token": self.token, "decision": decision, **self.lists(), **fields}
        url = f"{self.call_url}/decide"
        return self.browser.post(url, data=body, headers={"Accept": "application/json"})

    def passes(self) -> TestResponse:
        """Do all that 通过 needs, and give it."""
        self.ticks_everything()
        self.photographs()
        recorded(self.product)
        return self.gives("approve")


def ticket_row(product: Running, ticket: str | UUID) -> TicketRow:
    """Return a ticket as it is."""
    with product.engine.database.reading() as session:
        return session.get_one(TicketRow, UUID(str(ticket)))


def newest_ticket(product: Running) -> TicketRow:
    """Return the ticket that was opened last."""
    with product.engine.database.reading() as session:
        return session.scalars(select(TicketRow).order_by(TicketRow.seq.desc()).limit(1)).one()


def calls_of(product: Running) -> list[CallRow]:
    """Return every call, oldest first."""
    with product.engine.database.reading() as session:
        return list(session.scalars(select(CallRow).order_by(CallRow.opened_at, CallRow.epoch)))


def recorded(product: Running, seconds: int = 20) -> None:
    """Let both sides of the newest call have been recorded for a while."""
    agents_at_work.recorded(
        product.product.web, call_of(calls_of(product)[-1]), dict.fromkeys(ROLES, seconds * 1000)
    )


def silent_for(product: Running, agent: Agent, seconds: float) -> None:
    """Let an agent's page have been silent for a while."""
    with product.engine.database.transaction() as session:
        session.execute(
            update(AgentRow)
            .where(AgentRow.staff_id == UUID(agent.actor.id))
            .values(beat_at=AgentRow.beat_at - timedelta(seconds=seconds))
        )
