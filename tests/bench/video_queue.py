"""The video queue under load: 10 000 tickets, 64 agents, and random kills of those on both sides.

Agents are threads of processes that are killed -9 at random; customers fall silent at random, as those do
whose browser was killed, come back, are sent back, and are interrupted. Everything runs on the real queue
and a real PostgreSQL, with two sweeps in each other's way. Whether somebody was overtaken is judged by the
database itself at the very moment of each claim (``_AUDIT``).

``claims_double``: customers given to two agents or agents given two customers, at any moment.
``claims_lost``: customers who did not come to exactly one result. ``overtaken``: claims that passed over
somebody who had been waiting in better place for a second, page alive, and not kept for another agent.
``claims_per_s``: 32 processes at once. The estimate is measured in simulated time (``simulated_queue``).
"""

import random
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import func, select, text

from handlers.video.errors import VideoRefused
from handlers.video.sweep import Watch
from handlers.video.tables import TicketRow
from tests.databases import Server, throw_away_cluster
from tests.queue_actors import PROCESSES, Door, claim_once_each, on_the_morning, start
from tests.queue_room import AgentPerson, Customer, QueueRoom, release
from tests.simulated_queue import AGENTS, LOADS, PATIENCE, errors, share_within, simulate

#: How long a customer may be silent, so that a run sees many who lose their place.
GRACE_SECONDS = 20
AT_ONCE = 60
_AUDIT = """
create table audit_waits (ticket uuid primary key, since timestamptz not null);
create table audit_claims (ticket uuid, before text, better bigint);
create function audit() returns trigger language plpgsql as $$
begin
  if new.state = 'waiting' and (tg_op = 'INSERT' or old.state <> 'waiting'
                                or new.beat_at - old.beat_at > interval '14 seconds') then
    insert into audit_waits values (new.id, clock_timestamp())
      on conflict (ticket) do update set since = excluded.since;
  elsif tg_op = 'UPDATE' and new.state = 'offered' and new.epoch <> old.epoch then
    insert into audit_claims select new.id, old.state, count(b.id)
      from video_ticket b join audit_waits w on w.ticket = b.id
     where b.state = 'waiting' and b.line = new.line and w.since < clock_timestamp() - interval '1 second'
       and b.beat_at > new.offered_at - interval '14 seconds'
       and (b.preferred is null or b.preferred_until <= new.offered_at)
       and case when new.preferred = new.agent and new.preferred_until > new.offered_at
                then b.priority < new.priority
                else (b.priority, b.ranked_at, b.seq) < (new.priority, new.ranked_at, new.seq) end;
  end if;
  return null;
end $$;
create trigger audit after insert or update on video_ticket for each row execute function audit();
"""
_OVERLAPPING = """
select count(*) from video_call a join video_call b on a.id < b.id and ({same})
 where a.opened_at < coalesce(b.closed_at, 'infinity') and b.opened_at < coalesce(a.closed_at, 'infinity')
"""
_RESULTS = """
select count(*) from "case" c where 1 <> (
  select count(*) from video_ticket t where t.case_id = c.id and t.state in ('passed', 'refused'))
"""


def measure(
    say: Callable[[str], None] = print, tickets: int = 10_000, agents: int = 64, kill_every: float = 4.0
) -> dict[str, float | None]:
    """Return the figures; the full size takes a quarter of an hour and more on two cores."""
    figures: dict[str, float | None] = {}
    with ExitStack() as started:
        data = Path(tempfile.mkdtemp(prefix="kaihu-bench-"))
        started.callback(shutil.rmtree, data)
        server = started.enter_context(_roomy_server())
        server.make_template()
        ahead = started.enter_context(on_the_morning())
        with server.database() as url:
            room = _room(url, data)
            door = Door(url, data / "files", room.engine.keyring, ahead)
            figures["claims_per_s"] = _race(room, door, min(tickets, 640))
        say(f"32 processes: {figures['claims_per_s']:.0f} claims a second")
        with server.database() as url:
            room = _room(url, data)
            door = Door(url, data / "files", room.engine.keyring, ahead)
            figures |= _live(room, door, say, tickets, agents, kill_every)
    say("estimates …")
    return figures | _estimates(max(2000, min(20_000, tickets)))


@contextmanager
def _roomy_server() -> Iterator[Server]:
    """Lend a server that lets all actors in at once: 64 agents need two connections each at times."""
    with throw_away_cluster() as cluster:
        with psycopg.connect(cluster.start(), autocommit=True) as connection:
            connection.execute("alter system set max_connections = 400")
        cluster.stop()
        yield Server(cluster.start(), "bench")


def _room(url: str, data: Path) -> QueueRoom:
    room = QueueRoom(url, data / "files")
    room.publishes(release())
    return room


def _race(room: QueueRoom, door: Door, tickets: int) -> float:
    """Let 32 processes claim; return claims a second."""
    processes = 32
    room.people(tickets)
    agents = [[room.agent().id for _ in range(tickets // processes + 1)] for _ in range(processes)]
    ready, told = PROCESSES.Barrier(processes + 1), PROCESSES.Queue()
    children = [start(claim_once_each, door, mine, ready, told) for mine in agents]
    with room.engine.database.transaction() as session:
        session.execute(text("update video_ticket set beat_at = beat_at + interval '1 hour'"))
        session.execute(text("update video_agent set beat_at = beat_at + interval '1 hour'"))
    ready.wait(300)
    found = [told.get(timeout=300) for _ in children]
    for child in children:
        child.join(30)
    room.engine.database.dispose()
    claimed = sum(one is not None for got, _, _ in found for one in got)
    return claimed / (max(end for _, _, end in found) - min(begin for _, begin, _ in found))


def _live(
    room: QueueRoom,
    door: Door,
    say: Callable[[str], None],
    tickets: int,
    agents: int,
    kill_every: float,
) -> dict[str, float | None]:
    chance = random.Random(5)  # noqa: S311 - repeatable
    room.sets(video={"grace_seconds": GRACE_SECONDS})
    with room.engine.database.transaction() as session:
        session.execute(text(_AUDIT))
    desks = [[room.agent(ready=False).id for _ in range(4)] for _ in range(max(1, agents // 4))]
    stop = PROCESSES.Event()
    homes = 4
    customers = [start(be_customers, door, f"h{n}-", tickets // homes, AT_ONCE, n) for n in range(homes)]
    working = [start(be_agents, door, mine, n, stop) for n, mine in enumerate(desks)]
    sweeping = [threading.Thread(target=_sweep, args=(room, stop)) for _ in range(2)]
    for one in sweeping:
        one.start()
    killed, last, began, shown = 0, time.monotonic(), time.monotonic(), 0.0
    while any(one.is_alive() for one in customers):
        time.sleep(0.2)
        if time.monotonic() - last > kill_every * (0.5 + chance.random()):
            last = time.monotonic()
            place = chance.randrange(len(working))
            working[place].kill()
            working[place].join()
            killed += 1
            working[place] = start(be_agents, door, desks[place], 1000 + killed, stop)
        if time.monotonic() - shown > 30:
            shown = time.monotonic()
            with room.engine.database.reading() as session:
                over = session.scalar(select(func.count()).where(TicketRow.state.in_(["passed", "refused"])))
            say(f"{over} of {tickets // homes * homes} after {shown - began:.0f} s, {killed} desks killed")
    stop.set()
    if any(one.exitcode for one in customers):
        raise RuntimeError("a process of customers broke: nothing is measured")
    for thread in sweeping:
        thread.join()
    for process in working:
        process.join(60)
    figures = _judge(room)
    room.engine.database.dispose()
    figures["desks_killed"] = killed * 4
    figures["tickets"] = tickets // homes * homes
    return figures


def _judge(room: QueueRoom) -> dict[str, float | None]:
    with room.engine.database.reading() as session:

        def count(query: str) -> int:
            return int(session.scalar(text(query)) or 0)

        double = sum(count(_OVERLAPPING.format(same=f"a.{key} = b.{key}")) for key in ("ticket_id", "agent"))
        double += count("select count(*) from audit_claims where before <> 'waiting'")
        lost = count(_RESULTS) + count("select count(*) from video_ticket where ended_at is null")
        return {
            "claims_double": double,
            "claims_lost": lost,
            "claims": count("select count(*) from audit_claims"),
            "overtaken": count("select count(*) from audit_claims where better > 0"),
            "interrupted": count("select count(*) from video_call where outcome like '%left'"),
            "abandoned": count("select count(*) from video_ticket where state = 'abandoned'"),
            "sent_back": count("select count(*) from video_ticket where state = 'sent_back'"),
        }


def _sweep(room: QueueRoom, stop: Any) -> None:
    watch = Watch(room.queue, lambda: GRACE_SECONDS)
    while not stop.is_set():
        watch.sweep()
        time.sleep(1)


def be_agents(door: Door, staff: Sequence[UUID], seed: int, stop: Any) -> None:
    """Be the agents of a desk, one thread each; the process may be killed at any moment."""
    room = door.open()
    threads = [
        threading.Thread(target=_be_agent, args=(room, AgentPerson(room, one), seed * 10 + n, stop))
        for n, one in enumerate(staff)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    room.engine.database.dispose()


def _be_agent(room: QueueRoom, person: AgentPerson, seed: int, stop: Any) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    beaten = 0.0
    while not stop.is_set():
        # A late command is refused; a real page shows so, and its person goes on.
        with suppress(VideoRefused):
            if time.monotonic() - beaten > 4:
                beaten = time.monotonic()
                if person.beats().state != "ready":
                    person.is_("ready")
            if person.takes() is None:
                time.sleep(0.2)
                continue
            fate = chance.random()
            if fate < 0.02:
                person.declines()
                person.is_("ready")
                continue
            person.accepts()
            time.sleep(chance.random() * 0.2)
            if fate < 0.07:
                person.loses(chance.choice(["customer", "agent", "node"]))
            elif fate < 0.09:
                person.reports_nobody()
            else:
                person.ends("sent_back" if fate < 0.17 else "passed" if fate < 0.98 else "refused")


def be_customers(door: Door, prefix: str, number: int, at_once: int, seed: int) -> None:
    """Be so many customers, some at a time, each until there is a result."""
    room, chance = door.open(), random.Random(seed)  # noqa: S311 - repeatable
    coming = iter(range(number))
    here: dict[UUID, Customer] = {}
    beats: dict[UUID, float] = {}
    while True:
        while len(here) < at_once and (n := next(coming, None)) is not None:
            customer = room.person(f"{prefix}{n}")
            customer.queues()
            here[customer.case.id], beats[customer.case.id] = customer, time.monotonic() + 5
        if not here:
            break
        now = time.monotonic()
        for case_id, customer in here.items():
            if now > beats[case_id]:
                customer.beats()
                # One in fifty signs of life is the last one for a while.
                silent = chance.random() < 0.02
                beats[case_id] = now + (GRACE_SECONDS + 8 if silent else 4 + chance.random())
        newest = select(TicketRow.case_id, TicketRow.state, TicketRow.ended_at).where(
            TicketRow.case_id.in_(list(here))
        )
        with room.engine.database.reading() as session:
            states: dict[UUID, str] = {}
            for case_id, state, ended in session.execute(newest.order_by(TicketRow.seq)):
                states[case_id] = "" if ended is None else state
        for case_id, state in states.items():
            if state in ("passed", "refused"):
                del here[case_id], beats[case_id]
            elif state and time.monotonic() > beats[case_id] - 4:
                here[case_id].queues()
        time.sleep(0.2)
    room.engine.database.dispose()


def _estimates(customers: int) -> dict[str, float | None]:
    """Return how often the upper figure held, and the smallest ratio of Erlang's error to ours."""
    queued, ratios = [], []
    for agents in AGENTS:
        for load in LOADS:
            for patience in PATIENCE:
                if load >= 1 and patience is None:
                    continue
                waits = simulate(agents, load, customers, int(agents * 100 + load * 7), patience)
                queued += waits
                if load < 1 and patience is None:
                    ours, erlangs = errors(waits, agents, load)
                    ratios.append(erlangs / ours)
    return {"eta_p80_share": share_within(queued, "high"), "eta_error_ratio": min(ratios)}
