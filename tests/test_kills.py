"""Kill -9 of web, worker and PostgreSQL while people work: no accepted step is lost, nothing is done twice.

Real processes under the real supervisor, on a PostgreSQL of the test's own. Customers and a reviewer go on as
people do: what failed is looked at again and done again.
"""

import os
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound, SQLAlchemyError

from engine.store.tables import CaseRow, JournalRow, WorkItemRow
from handlers.counter.tables import CounterUpdateRow
from ops.launch import answers, command, environment, free_port
from ops.migrate import upgrade
from ops.postgres import Cluster
from ops.supervisor import Part, Supervisor
from ops.wiring import wire
from tests.browser.kaihu import Kaihu, start
from tests.diagram_writer import Drawing
from tests.product import SCENARIO_DAY, settings_for

TYPE = "killed_postcode"
CUSTOMERS = 4
#: Seconds within which everything must be finished after the last kill: a dead worker's job is given to
#: another after 30.
FINISH = 150.0
_TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


def release() -> dict[str, bytes]:
    """Return a diagram with a page, a review and two effects outside: the counter and an SMS."""
    drawing = Drawing(TYPE, "邮政编码", {"businessType": "18", "category": "postcode"})
    drawing.start()
    drawing.user("fill_in", form="killed_page", variable="postcode", state="'draft'")
    drawing.service("tell", "notice.send", result="notice", parameters={"template": "'submitted'"})
    drawing.user("judge", form="killed_judge", variable="review", lane="reviewer", state="'submitted'")
    drawing.service("update", "counter.update", result="receipt", parameters={"kind": "category"})
    drawing.end(state="in_effect")
    drawing.chain("begin", "fill_in", "tell", "judge", "update", "finish")
    page = (
        b'{"id":"killed_page","title":"P","components":[{"key":"postcode","type":"textfield","label":"P"}]}'
    )
    judge = b'{"id":"killed_judge","title":"J","components":[{"key":"right","type":"checkbox","label":"J"}]}'
    return {f"{TYPE}.bpmn": drawing.xml(), "killed_page.form": page, "killed_judge.form": judge}


@dataclass
class Shop:
    """A running product that is being killed."""

    kaihu: Kaihu
    cluster: Cluster
    supervisor: Supervisor
    stop: threading.Event = field(default_factory=threading.Event)
    #: Tasks whose submit was answered with "accepted".
    accepted: set[UUID] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def kills(self, name: str) -> None:
        """Kill -9 one part."""
        if name == "postgres":
            self.cluster.kill9()
            return
        part = next(p for p in self.supervisor.parts if p.name == name)
        if part.process is not None:
            os.kill(part.process.pid, signal.SIGKILL)
        part.wait = 0.1  # the test does not wait as long as the night shift does

    def looks_for(self, seconds: float) -> None:
        """Let the supervisor do its work for a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.supervisor.look()

    def is_well(self) -> bool:
        """Whether pages are answered."""
        return answers(int(self.kaihu.address.rpartition(":")[2]))

    def finishes(self) -> None:
        """Wait until every case is in effect."""
        deadline = time.monotonic() + FINISH
        while True:
            self.supervisor.look()
            try:
                with self.kaihu.product.engine.database.reading() as session:
                    states = Counter(session.scalars(select(CaseRow.state)))
                if set(states) <= {"in_effect"}:
                    return
            except SQLAlchemyError as down:  # the database may be on its way back
                states = Counter([type(down).__name__])
            assert time.monotonic() < deadline, f"not finished: {states}"


class Person(threading.Thread):
    """Somebody with a browser who does not give up."""

    def __init__(self, shop: Shop, cookies: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.shop = shop
        #: Starts nothing new.
        self.rests = False
        self.client = httpx.Client(base_url=shop.kaihu.address, cookies=cookies, timeout=20)
        self.text = ""

    def run(self) -> None:
        while not self.shop.stop.is_set():
            try:
                self.acts()
            except httpx.HTTPError:
                self.shop.stop.wait(0.1)
            except AssertionError as wrong:
                self.shop.wrong.append(str(wrong)[:300])
                return

    def acts(self) -> None:
        """Do the next thing."""
        raise NotImplementedError

    def opens(self, path: str) -> bool:
        """Open a page; False when it cannot be shown now."""
        answer = self.client.get(path)
        assert answer.status_code < 500 or answer.status_code in (500, 502, 503), answer.status_code
        assert "Traceback" not in answer.text
        self.text = answer.text
        return answer.status_code == 200

    def posts(self, path: str, data: dict[str, str]) -> str:
        """Send a form; return where it leads when it was accepted, else nothing."""
        found = _TOKEN.search(self.text)
        if not found:
            return ""
        answer = self.client.post(path, data={**data, "csrf_token": found[1]})
        assert "Traceback" not in answer.text
        return answer.headers["location"] if answer.status_code == 303 else ""

    def submits(self, page: str, data: dict[str, str]) -> str:
        """Submit a task's page, and remember that it was accepted."""
        onward = self.posts(page, data)
        task = page.rpartition("/")[2]
        # Led back to the same page: another of our own tries was first, or it was not accepted.
        if onward and not onward.endswith(task):
            self.shop.accepted.add(UUID(task))
        return onward


class Customer(Person):
    """Starts one change after another."""

    def __init__(self, shop: Shop, number: int) -> None:
        self.who = shop.kaihu.somebody_like("C01")
        super().__init__(shop, {"kaihu": shop.kaihu.session_of(self.who)})
        self.number = number
        self.sent = ""

    def waits_for_one(self) -> bool:
        """Whether the change before is on its way: one begun in that moment rightly is a conflict (R-208)."""
        try:
            self.shop.kaihu.open_case(self.who)
        except NoResultFound:
            return False
        except SQLAlchemyError:  # the database may be on its way back
            return True
        return bool(self.sent)

    def acts(self) -> None:
        if self.rests or self.waits_for_one() or not self.opens("/me"):
            self.shop.stop.wait(0.05)
            return
        page = self.posts(f"/me/start/{TYPE}", {})
        self.sent = ""
        if "/me/tasks/" not in page or not self.opens(page):
            self.shop.stop.wait(0.05)
            return
        self.number = (self.number + CUSTOMERS) % 90_000
        self.sent = self.submits(page, {"postcode": f"{310000 + self.number}"})


class Reviewer(Person):
    """Takes and approves whatever waits."""

    def acts(self) -> None:
        if not self.opens("/desk"):
            return
        waiting = re.findall(r"/desk/tasks/([0-9a-f-]{36})", self.text)
        for task in dict.fromkeys(waiting):
            page = f"/desk/tasks/{task}"
            self.posts(f"{page}/claim", {})
            if self.opens(page) and 'name="right"' in self.text:
                self.submits(page, {"right": "true"})
        if not waiting:
            self.shop.stop.wait(0.1)


@pytest.fixture
def shop(cluster: Cluster, tmp_path: Path) -> Iterator[Shop]:
    """Lend a running product with customers and a reviewer at work."""
    url = cluster.dsn()
    upgrade(url)
    port = free_port(0)
    told = {**os.environ, "KAIHU_DEMO_NOW": SCENARIO_DAY.isoformat(), "KAIHU_MODE": "demo"}
    environ = environment(tmp_path, url, port, told)
    assert start("seed", tmp_path, environ).wait(60) == 0, (tmp_path / "seed.log").read_text()
    offset = float(environ["KAIHU_CLOCK_OFFSET"])
    product = wire(settings_for(url, tmp_path, clock_offset=offset))
    product.engine.releases._check = lambda files: None  # the linter has tests of its own
    product.engine.releases.publish({**product.engine.releases.current().files, **release()}, "tests")
    kaihu = Kaihu(f"http://localhost:{port}", tmp_path, product, timedelta(seconds=offset))
    parts = [Part("web", command("web", "--port", str(port))), Part("worker", command("worker"))]
    with Supervisor(parts, environ=environ, database=cluster, say=lambda line: None) as supervisor:
        made = Shop(kaihu, cluster, supervisor)
        while not made.is_well():
            supervisor.look()
        people: list[Person] = [Customer(made, n) for n in range(CUSTOMERS)]
        people.append(Reviewer(made, {"kaihu-desk": kaihu.session_of_staff("reviewer1")}))
        for person in people:
            person.start()
        try:
            yield made
        finally:
            made.stop.set()
            product.engine.database.dispose()


@pytest.mark.timeout(1500)  # a hundred kills with --long
def test_whoever_is_killed_no_accepted_step_is_lost_and_nothing_is_done_twice(shop: Shop, long: bool):
    seed = int(os.environ.get("KAIHU_SEED") or random.SystemRandom().randrange(10**6))
    print(f"KAIHU_SEED={seed}")
    chance = random.Random(seed)  # noqa: S311  which part is killed is no secret
    for _ in range(100 if long else 20):
        shop.looks_for(chance.uniform(0.1, 1.0))
        shop.kills(chance.choice(["web", "worker", "worker", "postgres"]))
        while not shop.is_well():
            shop.supervisor.look()
    customers = [p for p in threading.enumerate() if isinstance(p, Customer)]
    shop.looks_for(2.0)
    for person in customers:
        person.rests = True
    _finish_what_is_open(shop)
    assert shop.wrong == []
    _nothing_lost_nothing_twice(shop)


def _finish_what_is_open(shop: Shop) -> None:
    """Submit the pages that customers left, so that every case can end."""
    database = shop.kaihu.product.engine.database
    deadline = time.monotonic() + FINISH
    while time.monotonic() < deadline:
        shop.supervisor.look()
        try:
            with database.reading() as session:
                open_cases = set(
                    session.scalars(
                        select(WorkItemRow.owner).where(
                            WorkItemRow.closed_at.is_(None), WorkItemRow.lane == "customer"
                        )
                    )
                )
        except SQLAlchemyError:
            continue  # the database is on its way back
        if not open_cases:
            break
        for owner in open_cases:
            token = shop.kaihu.product.web.sessions.begin("customer", owner, {"csrf_token": "x" * 40})[0]
            hand = Person(shop, {"kaihu": token})
            try:
                if hand.opens("/me"):
                    page = hand.posts(f"/me/start/{TYPE}", {})
                    if "/me/tasks/" in page and hand.opens(page):
                        hand.submits(page, {"postcode": "320001"})
            except httpx.HTTPError:
                continue
    shop.finishes()


def _nothing_lost_nothing_twice(shop: Shop) -> None:
    engine = shop.kaihu.product.engine
    with engine.database.reading() as session:
        done = set(session.scalars(select(WorkItemRow.id).where(WorkItemRow.outcome == "done")))
        assert shop.accepted, "nothing was accepted at all"
        assert shop.accepted <= done
        completed = Counter(
            session.scalars(select(JournalRow.task_id).where(JournalRow.kind == "task.completed"))
        )
        assert {task for task, times in completed.items() if times != 1} == set()
        jobs = Counter(session.scalars(select(JournalRow.task_id).where(JournalRow.kind == "job.done")))
        assert {task for task, times in jobs.items() if times != 1} == set()
        cases = session.scalars(select(CaseRow)).all()
        updates = list(session.scalars(select(CounterUpdateRow.key)))
        assert len(updates) == len(set(updates)) == len(cases)
        for case in cases:
            subject = f"case:{case.id}"
            assert engine.journal.verify(session, subject, case.journal_seq, case.journal_head) is None
    with psycopg.connect(engine.database.url) as connection:
        found = connection.execute("select count(*), count(distinct case_id) from notice").fetchone()
    assert found == (len(cases), len(cases))
    print(f"{len(cases)} cases, {len(shop.accepted)} accepted steps")
