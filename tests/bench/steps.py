"""Steps: what one submit costs the whole server, over a diagram of three human tasks.

The fixed work: a customer starts, fills in six fields, agrees; a reviewer takes the case and approves. It
goes over HTTP to a real server on a PostgreSQL of its own, session and CSRF included. Statements are
counted by ``pg_stat_statements`` with nothing else running; CPU is that of web, worker and PostgreSQL.
"""

import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import httpx
import orjson
import psycopg

from engine import parameters
from ops.launch import answers, environment, free_port
from ops.migrate import upgrade
from ops.postgres import Cluster
from ops.wiring import shipped, wire
from tests.bench.processes import cpu_seconds
from tests.browser.kaihu import Kaihu, start, stop
from tests.databases import throw_away_cluster
from tests.diagram_writer import Drawing
from tests.product import SCENARIO_DAY, settings_for
from tests.waiting import wait_until

BUDGET = {
    "sql_per_submit": ("<=", 12),
    "commits_per_submit": ("=", 1),
    "sql_per_case": ("<=", 60),
    "bytes_per_case": ("<=", 10_000),
}
TYPE = "three_tasks"
#: Cases for warming up, for times, and for counting.
WARM, TIMED, COUNTED = 3, 40, 5

_FIELDS = [
    {"key": f"field_{n}", "type": "textfield", "label": f"第{n}项", "validate": {"required": True}}
    for n in range(1, 7)
]
_TICK = {"key": "agree", "type": "checkbox", "label": "同意", "validate": {"required": True}}


def three_tasks() -> dict[str, bytes]:
    """Return the fixed diagram with its forms."""
    drawing = Drawing(TYPE, "三个任务", {"businessType": "18", "category": "bench"})
    drawing.start()
    drawing.user("fill_in", form="bench_fill", variable="filled", state="'draft'", back="true")
    drawing.user("agree", form="bench_agree", variable="agreed", state="'await_sign'")
    drawing.user("judge", form="bench_judge", variable="judged", lane="reviewer", state="'submitted'")
    drawing.end(state="in_effect")
    drawing.chain("begin", "fill_in", "agree", "judge", "finish")
    pages = {
        "bench_fill": _FIELDS,
        "bench_agree": [_TICK],
        "bench_judge": [{**_TICK, "key": "right", "label": "无误"}],
    }
    forms = {
        f"{name}.form": orjson.dumps({"id": name, "title": name, "components": parts})
        for name, parts in pages.items()
    }
    return {f"{TYPE}.bpmn": drawing.xml(), **forms}


@contextmanager
def serving(say: Callable[[str], None], *, worker: bool) -> Iterator[tuple[Kaihu, Cluster]]:
    """Start a product whose PostgreSQL counts statements."""
    with ExitStack() as started:
        cluster = started.enter_context(throw_away_cluster())
        cluster.settings["shared_preload_libraries"] = "pg_stat_statements"
        url = cluster.start()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create extension if not exists pg_stat_statements")
        upgrade(url)
        data = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="kaihu-bench-")))
        port = free_port(0)
        told = {**os.environ, "KAIHU_DEMO_NOW": SCENARIO_DAY.isoformat(), "KAIHU_MODE": "demo"}
        environ = environment(data, url, port, told)
        say("starting a product of its own")
        assert start("seed", data, environ).wait(60) == 0, (data / "seed.log").read_text()
        offset = float(environ["KAIHU_CLOCK_OFFSET"])
        product = wire(settings_for(url, data, clock_offset=offset))
        started.callback(product.engine.database.dispose)
        product.engine.releases.publish({**shipped(), **three_tasks()}, "bench")
        parameters.change(
            product.engine.database, {"limits": {"address_per_hour": 1000}}, "a", "b", datetime.now(UTC)
        )
        for name, more in (("web", ("--port", str(port))), *((("worker", ()),) if worker else ())):
            started.callback(stop, start(name, data, environ, *more))
        wait_until(lambda: answers(port), 60)
        yield Kaihu(f"http://localhost:{port}", data, product, timedelta(seconds=offset)), cluster


_TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


@dataclass
class Browser:
    """Somebody with a session, as quick as a program."""

    client: httpx.Client
    text: str = ""
    path: str = ""

    def opens(self, path: str) -> None:
        self._keep(self.client.get(path))

    def posts(self, path: str, data: dict[str, str]) -> float:
        """Send a form; return the seconds until its answer, without following where it leads."""
        found = _TOKEN.search(self.text)
        assert found, "the page has no token"
        began = time.perf_counter()
        answer = self.client.post(path, data={**data, "csrf_token": found[1]})
        took = time.perf_counter() - began
        assert answer.status_code == 303, f"{answer.status_code} {path} {unescape(answer.text)[:2000]}"
        self.path = answer.headers["location"]
        return took

    def _keep(self, answer: httpx.Response) -> None:
        assert answer.status_code == 200, answer.text[:1000]
        self.text, self.path = answer.text, answer.url.path


def _just_do(_: str, action: Callable[[], float]) -> None:
    action()


class Counted:
    """Statements since the last look, without those of transactions."""

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg.connect(dsn, autocommit=True)

    def begin(self) -> None:
        self._connection.execute("select pg_stat_statements_reset()")

    def end(self) -> tuple[int, int]:
        """Return statements and commits."""
        row = self._connection.execute(
            "select coalesce(sum(calls) filter (where query !~* '^(begin|commit|rollback)'), 0)::int, "
            "coalesce(sum(calls) filter (where query ~* '^commit'), 0)::int from pg_stat_statements "
            "where dbid = (select oid from pg_database where datname = current_database()) "
            "and query not like '%pg_stat_statements%' and toplevel"
        ).fetchone()
        assert row is not None
        return row[0], row[1]

    def bytes(self) -> int:
        """Return the size of every table with its indexes, without the room of rows that are gone."""
        self._connection.execute("vacuum full")
        row = self._connection.execute(
            "select sum(pg_total_relation_size(oid))::bigint from pg_class "
            "where relkind = 'r' and relnamespace = 'public'::regnamespace"
        ).fetchone()
        assert row is not None
        return int(row[0])


class Work:
    """The fixed work, one case after another."""

    def __init__(self, kaihu: Kaihu) -> None:
        self.kaihu = kaihu
        staff = httpx.Client(
            base_url=kaihu.address, cookies={"kaihu-desk": kaihu.session_of_staff("reviewer1")}
        )
        self.reviewer = Browser(staff)
        self.who = self.customer()

    def customer(self) -> Browser:
        """Return a new customer, signed in, at the profile."""
        cookie = self.kaihu.session_of(self.kaihu.somebody_like("C01"))
        who = Browser(httpx.Client(base_url=self.kaihu.address, cookies={"kaihu": cookie}))
        who.opens("/me")
        return who

    def case(self, note: Callable[[str, Callable[[], float]], None]) -> None:
        """Do one case; ``note`` is given each action by name, and does it."""
        who = self.who
        who.opens("/me")
        note("start", lambda: who.posts(f"/me/start/{TYPE}", {}))
        for answer in ({f"field_{n}": f"答案{n}" for n in range(1, 7)}, {"agree": "true"}):
            task = who.path
            who.opens(task)
            note("submit", lambda task=task, answer=answer: who.posts(task, answer))  # type: ignore[misc]
        self.reviewer.opens("/desk")
        found = re.search(r"/desk/tasks/([0-9a-f-]{36})/claim", self.reviewer.text)
        assert found, "nothing waits in the inbox"
        task = f"/desk/tasks/{found[1]}"
        note("claim", lambda: self.reviewer.posts(f"{task}/claim", {}))
        self.reviewer.opens(task)
        note("submit", lambda: self.reviewer.posts(task, {"right": "true"}))


def measure(say: Callable[[str], None]) -> dict[str, float]:
    """Measure everything; about a minute."""
    figures: dict[str, float] = {}
    with serving(say, worker=False) as (kaihu, cluster):
        work, counted = Work(kaihu), Counted(cluster.dsn())
        submits: list[tuple[int, int]] = []
        cases: list[int] = []

        def count(name: str, action: Callable[[], float]) -> None:
            counted.begin()
            action()
            found = counted.end()
            cases[-1] += found[0]
            if name == "submit":
                submits.append(found)

        for _ in range(WARM):
            work.case(_just_do)
        say("counting statements")
        for _ in range(COUNTED):
            cases.append(0)
            work.case(count)
        figures["sql_per_submit"] = max(sql for sql, _ in submits)
        figures["commits_per_submit"] = max(commits for _, commits in submits)
        figures["sql_per_case"] = max(cases)
        before = counted.bytes()
        for _ in range(TIMED):
            work.case(_just_do)
        figures["bytes_per_case"] = (counted.bytes() - before) / TIMED
    with serving(say, worker=True) as (kaihu, cluster):
        work = Work(kaihu)
        times: list[float] = []

        def clock(name: str, action: Callable[[], float]) -> None:
            took = action()
            if name == "submit":
                times.append(took * 1000)

        for _ in range(WARM):
            work.case(_just_do)
        say("taking times")
        began = cpu_seconds(os.getpid(), cluster.data)
        for _ in range(TIMED):
            work.case(clock)
        figures["cpu_ms_per_case"] = (cpu_seconds(os.getpid(), cluster.data) - began) / TIMED * 1000
        figures["p50_ms"] = statistics.median(times)
        figures["p95_ms"] = statistics.quantiles(times, n=20)[-1]
        views = []
        for _ in range(TIMED):
            at = time.perf_counter()
            work.reviewer.opens("/desk")
            views.append((time.perf_counter() - at) * 1000)
        figures["empty_view_p50_ms"] = statistics.median(views)
    return figures
