"""A keeper has a successor ready for whoever is killed, and leaves nobody behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import wait_until

WORK = """
import os, signal, sys, time
from ops.keeper import keep

def note():
    with open(sys.argv[1], "a") as diary:
        print(os.getpid(), file=diary)

def work():
    {what}

sys.exit(keep(work, too_soon={too_soon}))
"""
RESTS = "note(); time.sleep(60)"
FINISHES = "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), os._exit(0))); note(); time.sleep(60)"


class Keepers:
    """Keepers whose children note their numbers."""

    def __init__(self, diary):
        self._diary, self.started = diary, []

    def __call__(self, what=RESTS, too_soon=0.0):
        program = [sys.executable, "-c", WORK.format(what=what, too_soon=too_soon), str(self._diary)]
        silent = subprocess.DEVNULL
        self.started.append(subprocess.Popen(program, stderr=silent, stdout=silent, start_new_session=True))
        return self.started[-1]

    def children(self):
        return [int(n) for n in self._diary.read_text().split()] if self._diary.exists() else []


@pytest.fixture
def kept(tmp_path):
    """Lend a way to start keepers."""
    made = Keepers(tmp_path / "diary")
    yield made
    for process in made.started:
        process.kill()
        process.wait()


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_child_has_a_successor_at_once(kept):
    kept()
    wait_until(lambda: len(kept.children()) == 1)
    os.kill(kept.children()[0], signal.SIGKILL)
    wait_until(lambda: len(kept.children()) == 2)
    assert lives(kept.children()[1])


def test_a_child_that_ends_by_itself_ends_the_keeper(kept):
    assert kept("note()").wait(20) == 0
    assert len(kept.children()) == 1


def test_a_child_that_cannot_live_is_left_to_the_supervisor(kept):
    assert kept("note(); raise SystemExit(3)", too_soon=30.0).wait(20) == 1
    assert len(kept.children()) == 1


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_nobody_outlives_the_keeper(kept, how):
    keeper = kept()
    wait_until(lambda: len(kept.children()) == 1)
    getattr(keeper, how)()
    keeper.wait(20)
    wait_until(lambda: not lives(kept.children()[0]), 5)
    assert len(kept.children()) == 1


def test_being_told_to_stop_is_passed_on_and_waited_for(kept):
    keeper = kept(FINISHES)
    wait_until(lambda: len(kept.children()) == 1)
    keeper.terminate()
    assert keeper.wait(20) == 0
    assert not lives(kept.children()[0])
