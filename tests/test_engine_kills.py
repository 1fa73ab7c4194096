"""Kill -9 of clerks, workers and PostgreSQL in the middle of steps: what was accepted stays, once.

``tests.test_kills`` does the same to the whole product through its pages; here the engine alone is at work,
in four processes and as fast as it can, so that many kills land inside a transaction.
"""

import os
import pickle
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select, text

from engine.store import Keyring
from engine.store.tables import CaseRow, JournalRow, WorkItemRow
from ops.children import die_with_parent
from ops.migrate import upgrade
from tests import errand, kill_people

ROLES = ("clerks", "clerks", "worker", "worker")
#: Seconds within which everything is finished after the last kill.
FINISH = 60.0


class Office:
    """Processes at work on one database, and what they said."""

    def __init__(self, cluster, folder, seed):
        self.cluster, self.folder, self.seed = cluster, folder, seed
        self.url = cluster.dsn()
        self.keyring = folder / "keyring"
        self.keyring.write_bytes(pickle.dumps(Keyring.generate()))
        self.room = kill_people.room(self.url, self.keyring, folder)
        self.said: list[list[str]] = []
        self.started = 0
        self.people = [self._start(role) for role in ROLES]

    def _start(self, role):
        self.started += 1
        arguments = [
            role,
            self.url,
            str(self.keyring),
            str(self.folder),
            str(self.seed * 1000 + self.started),
        ]
        with (self.folder / f"{role}.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "tests.kill_people", *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                preexec_fn=die_with_parent(),
            )
        threading.Thread(target=self._listen, args=(child,), daemon=True).start()
        return role, child

    def _listen(self, child):
        # A line cut off by a kill was said before the engine had answered whoever asked.
        for line in child.stdout:
            if line.endswith("\n") and not line.startswith("20"):
                self.said.append(line.split())

    def kill(self, which):
        if which == "postgres":
            self.cluster.kill9()
            self.cluster.start()
            return
        chosen = [child for role, child in self.people if role == which and child.poll() is None]
        if chosen:
            chosen[0].kill()

    def look(self):
        """Start again who is gone, as a supervisor does."""
        self.people = [
            self._start(role) if child.poll() is not None else (role, child) for role, child in self.people
        ]

    def told(self, kind):
        return [words[1] for words in list(self.said) if words[:1] == [kind]]

    def stop(self):
        for _, child in self.people:
            child.kill()
            child.wait()


@pytest.fixture
def office(cluster, tmp_path, long, capsys):
    seed = int(os.environ.get("KAIHU_SEED") or random.SystemRandom().randrange(10**6))
    with capsys.disabled():
        print(f"\nkills of the engine: KAIHU_SEED={seed}")
    url = cluster.dsn()
    upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(kill_people.TABLES)
    made = Office(cluster, tmp_path, seed)
    made.room.publishes(errand.release())
    yield made
    made.stop()
    made.room.engine.database.dispose()


def ask(office, sql):
    with psycopg.connect(office.url, autocommit=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.timeout(1500)  # a hundred kills with --long
def test_nothing_accepted_is_lost_and_nothing_is_done_twice(office, long, capsys):
    chance = random.Random(office.seed)  # noqa: S311 - repeatable
    deadline = time.monotonic() + 30
    while len(office.told("task")) < 10:
        assert time.monotonic() < deadline, "nobody works"
        office.look()
        time.sleep(0.02)
    for number in range(100 if long else 20):
        before = len(office.said)
        until = time.monotonic() + chance.uniform(0.05, 0.6)
        while time.monotonic() < until or len(office.said) < before + 5:
            assert time.monotonic() < until + 60, f"nobody works after kill {number}"
            office.look()
            time.sleep(0.01)
        office.kill(chance.choice(["clerks", "worker", "worker", "postgres"]))
    (office.folder / kill_people.REST).touch()
    deadline = time.monotonic() + FINISH
    while left := ask(office, 'select state, count(*) from "case" where closed_at is null group by 1'):
        office.look()
        assert time.monotonic() < deadline, f"not finished: {left}"
        time.sleep(0.1)
    office.stop()
    office.room.engine.database.dispose()  # its connections died with PostgreSQL
    _nothing_lost(office)
    _nothing_twice(office)
    with capsys.disabled():
        print(f"{len(office.told('case'))} errands, {len(office.told('task'))} accepted steps")


def _nothing_lost(office):
    assert office.told("wrong") == []
    with office.room.engine.database.reading() as session:
        cases = {str(i) for i in session.scalars(select(CaseRow.id))}
        done = {str(i) for i in session.scalars(select(WorkItemRow.id).where(WorkItemRow.outcome == "done"))}
    assert set(office.told("case")) <= cases
    accepted = office.told("task")
    assert len(accepted) > 60
    assert set(accepted) <= done
    assert ask(office, "select * from job") == []


def _nothing_twice(office):
    accepted = office.told("task")
    assert len(accepted) == len(set(accepted))
    engine = office.room.engine
    with engine.database.reading() as session:
        for kind in ("task.completed", "job.done"):
            times = Counter(session.scalars(select(JournalRow.task_id).where(JournalRow.kind == kind)))
            assert set(times.values()) == {1}, kind
        cases = session.scalars(select(CaseRow)).all()
        in_effect = Counter({case.id: 1 for case in cases if case.state == "in_effect"})
        assert Counter(session.scalars(text("select case_id from stamped"))) == in_effect
        assert Counter(session.scalars(text("select case_id from delivered"))) == in_effect
        for case in cases:
            wrong = engine.journal.verify(session, f"case:{case.id}", case.journal_seq, case.journal_head)
            assert wrong is None
    assert Path(office.folder / kill_people.REST).exists()
