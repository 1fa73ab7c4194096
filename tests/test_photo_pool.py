"""Bounded children: a bad picture harms nobody but itself."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from handlers.bounded.child import Bounds
from handlers.photos import gate
from handlers.photos.gate import PhotoRefused
from handlers.photos.pool import Bounded
from tests import bad_pictures

SEED = 20261123
BAD = "tests.bad_pictures."


@pytest.fixture(scope="module")
def pool():
    made = Bounded(1, Bounds(memory=512 << 20, cpu_seconds=2, seconds=30))
    yield made
    made.close()


def refused(pool, job, *arguments):
    with pytest.raises(PhotoRefused) as why:
        pool.run(BAD + job, *arguments)
    return why.value.code


def alive(pid):
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return "State:\tZ" not in status


def gone(pids):
    """Wait until processes are gone; the test's own time limit ends the waiting."""
    while any(alive(pid) for pid in pids):
        threading.Event().wait(0.01)
    return True


def test_nothing_is_started_before_the_first_picture():
    assert Bounded(2).pids == frozenset()


def test_a_picture_goes_to_a_child_and_its_result_comes_back(pool):
    given = {"bytes in it": b"\0\xff", "more": [1, 2.5, None, "身份证", {"x": b""}]}
    assert pool.run(BAD + "again", given) == given


def test_the_next_picture_finds_the_child_ready(pool):
    assert pool.run(BAD + "pid") == pool.run(BAD + "pid") != os.getpid()


def test_a_child_knows_no_secret_of_its_parent(pool, monkeypatch):
    monkeypatch.setenv("KAIHU_MASTER_KEY", "secret")
    fresh = Bounded(1)
    assert not any("secret" in value for value in fresh.run(BAD + "surroundings").values())
    fresh.close()


@pytest.mark.parametrize("job", ["eat", "crash", "fail", "spin"])
def test_a_picture_that_takes_its_child_along_is_refused_and_the_next_one_is_seen(pool, job):
    assert refused(pool, job) == "unreadable"
    assert pool.run(BAD + "again", "好") == "好"


def test_a_picture_that_takes_too_long_is_refused():
    hasty = Bounded(1, Bounds(seconds=0.2))
    assert refused(hasty, "sleep") == "unreadable"
    assert hasty.pids == frozenset()
    hasty.close()


def test_a_child_killed_from_outside_costs_nobody_anything(pool, tmp_path):
    assert pool.run(BAD + "end_once", str(tmp_path / "mark")) == "done"


def test_a_killed_child_loses_only_its_own_picture():
    two = Bounded(2)
    with ThreadPoolExecutor(2) as customers:
        other = customers.submit(two.run, BAD + "sleep")
        victim = two.run(BAD + "pid")
        (sleeper,) = gone_to_work(two, but=victim)
        os.kill(sleeper, signal.SIGSEGV)
        assert isinstance(other.exception(), PhotoRefused)
        assert two.run(BAD + "pid") == victim
    two.close()


def gone_to_work(pool, but):
    while not (others := pool.pids - {but}):
        threading.Event().wait(0.01)
    return others


def test_a_child_is_replaced_after_its_share_of_pictures():
    pool = Bounded(1, Bounds(jobs=2))
    first, second, third = (pool.run(BAD + "pid") for _ in range(3))
    assert first == second != third
    pool.close()


def test_a_child_that_nobody_needs_ends_and_another_takes_the_next_picture():
    pool = Bounded(1, Bounds(idle_seconds=0.01))
    first = pool.run(BAD + "pid")
    assert gone([first])
    assert pool.run(BAD + "pid") != first
    pool.close()


def test_nobody_waits_for_ever_when_all_children_are_busy():
    crowded = Bounded(0, patience=0.01)
    assert refused(crowded, "pid") == "busy"


def test_no_child_is_left_when_the_product_is_killed():
    script = (
        "import threading\n"
        "from handlers.photos.pool import Bounded\n"
        "pool = Bounded(2)\n"
        "threading.Thread(target=pool.run, args=('tests.bad_pictures.spin',)).start()\n"
        "print(pool.run('tests.bad_pictures.pid'), flush=True)\n"
        "print(*pool.pids, flush=True)\n"
        "threading.Event().wait()\n"
    )
    product = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert product.stdout is not None
    product.stdout.readline()
    children = [int(pid) for pid in product.stdout.readline().split()]
    assert len(children) == 2
    product.kill()
    product.wait()
    assert gone(children)


def test_a_thousand_broken_pictures_do_no_harm(pool):
    print(f"seed {SEED}")
    answered = []
    with ThreadPoolExecutor(1) as other_customer:
        for number, bad in enumerate(bad_pictures.mutated(1000, SEED)):
            try:
                gate.parse(bad)
                answered.append(pool.run(BAD + "decode", bad)[2])
            except PhotoRefused as refused:
                answered.append(refused.code)
            if number == 500:
                meanwhile = other_customer.submit(pool.run, BAD + "again", "好")
        assert meanwhile.result() == "好"
    assert set(answered) == {3, "unreadable"}
    assert pool.run(BAD + "memory") < 400 << 20
