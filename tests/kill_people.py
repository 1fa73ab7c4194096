"""Processes that work on errands until they are killed; ``tests.test_engine_kills`` starts and kills them.

    python -m tests.kill_people clerks|worker URL KEYRING FOLDER SEED

Clerks are customers and reviewers in one: they start errands, fill in pages, claim and decide, and say each
step on standard output once the engine has accepted it. A worker runs jobs and sweeps. Both go on when the
database went away, and neither knows what the others do.
"""

import asyncio
import pickle
import random
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

import engine.sweep
from engine import AlreadyClaimed, EngineError, JobCall, Step, TaskGone, operator
from engine.jobs import worker_app
from engine.store.tables import WorkItemRow
from tests import engine_room, errand

#: Errands under way at once.
MANY = 12
#: When this file is there, nothing new is begun.
REST = "rest"

TABLES = """
create table tried (key text not null);
create table delivered (key text primary key, case_id uuid not null);
create table stamped (case_id uuid not null, task_id uuid not null);
"""


class Delivery(errand.Delivery):
    """The world outside, in tables that the test counts."""

    @operator("parcel.deliver", job=True, lock="owner", errors=("COUNTER",), attempts=50, backoff=0.1)
    def deliver(self, call: JobCall, *, wish: str) -> dict[str, Any]:
        """Deliver a parcel: tried as often as need be, delivered once for each key."""
        with call.around.database.transaction() as session:
            session.execute(text("insert into tried values (:key)"), {"key": call.key})
        with call.around.database.transaction() as session:
            once = text("insert into delivered values (:key, :case) on conflict do nothing")
            session.execute(once, {"key": call.key, "case": call.case.id})
        return {"arrived": wish}

    @operator("parcel.stamp")
    def stamp(self, step: Step) -> dict[str, Any]:
        """Stamp it, in the step's own transaction: nothing here forbids two stamps."""
        row = {"case": step.case.id, "task": step.task_id}
        step.session.execute(text("insert into stamped values (:case, :task)"), row)
        return {"by": step.actor.label}


def room(url: str, keyring: Path, folder: Path) -> engine_room.Room:
    """Open the engine as every process of one product does: same database, same keys."""
    return engine_room.Room(url, folder / "files", pickle.loads(keyring.read_bytes()), Delivery())  # noqa: S301


def clerks(made: engine_room.Room, folder: Path, seed: int) -> None:
    """Do one thing after another."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    while True:
        try:
            _one_thing(made, chance, (folder / REST).exists())
        except (TaskGone, AlreadyClaimed):
            pass  # the other clerks were first
        except SQLAlchemyError:
            made.engine.database.dispose()
            time.sleep(0.05)


def _one_thing(made: engine_room.Room, chance: random.Random, resting: bool) -> None:
    with made.engine.database.reading() as session:
        items = session.scalars(select(WorkItemRow).where(WorkItemRow.closed_at.is_(None))).all()
    if not resting and len(items) < MANY:
        customer = made.customer(f"k{seed_name(chance)}")
        case = customer.starts()
        print(f"case {case.id}", flush=True)
        return
    if not items:
        time.sleep(0.05)
        return
    item = chance.choice(items)
    cases = made.engine.cases
    if item.lane == "customer":
        actor = made.customer(item.owner).actor
        if item.element == "wish" and chance.random() < 0.1:
            cases.back(item.id, actor, {"wish": "hm"})
            return
        posted = {"paper": "passport"} if item.element == "papers" else {"wish": "a book"}
    elif item.lane == "reviewer":
        names = ("chenjing",) if item.element == "look_again" else ("liufang", "wangwei")
        actor = made.reviewer(chance.choice(names)).actor
        cases.claim(item.id, actor)
        posted = {"decision": chance.choice(["approve"] * 5 + ["return", "second"])}
        if item.element == "look_again":
            posted = {"decision": "approve"}
    else:
        return
    try:
        cases.complete(item.id, actor, posted)
    except EngineError as refused:
        if isinstance(refused, TaskGone | AlreadyClaimed):
            raise
        print(f"wrong {type(refused).__name__} {item.element}", flush=True)
        return
    print(f"task {item.id}", flush=True)


def seed_name(chance: random.Random) -> str:
    """Return a name nobody has."""
    return f"{chance.getrandbits(64):x}"


async def worker(made: engine_room.Room) -> None:
    """Run jobs; a worker that died is noticed within seconds and not within half a minute."""
    engine.sweep.LOST_SECONDS = 3.0
    app = worker_app(made.engine.database.url, made.engine.jobs, stalled_seconds=2.0, every=1)
    async with app.open_async():
        await app.run_worker_async(
            concurrency=4,
            update_heartbeat_interval=0.5,
            stalled_worker_timeout=2.0,
            fetch_job_polling_interval=0.5,
            delete_jobs="successful",
        )


def main(role: str, url: str, keyring: str, folder: str, seed: str) -> None:
    """Work until killed."""
    made = room(url, Path(keyring), Path(folder))
    if role == "clerks":
        clerks(made, Path(folder), int(seed))
    else:
        asyncio.run(worker(made))


if __name__ == "__main__":
    main(*sys.argv[1:])
