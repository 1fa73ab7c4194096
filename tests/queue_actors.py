"""Agents and customers of the video queue as processes of their own, to race and to be killed."""

import multiprocessing
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import UUID

from engine import clock
from engine.store import Keyring
from handlers.video.errors import VideoRefused
from tests.engine_room import MORNING
from tests.queue_room import AgentPerson, QueueRoom

#: Children are forked from a process that has read all modules once: 32 of them start within seconds.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.queue_actors"])


@dataclass(frozen=True)
class Door:
    """What a process needs to come to the queue."""

    url: str
    files: Path
    keyring: Keyring
    #: Seconds by which business time is ahead of the machine's.
    ahead: float

    def open(self) -> QueueRoom:
        """Come in."""
        clock.set_offset(self.ahead)
        return QueueRoom(self.url, self.files, self.keyring)


@contextmanager
def on_the_morning() -> Iterator[float]:
    """Let business time run from 10:00 of the Wednesday; yields how many seconds it is ahead."""
    ahead = (MORNING - clock.now()).total_seconds()
    clock.set_offset(ahead)
    try:
        yield ahead
    finally:
        clock.set_offset(0)


def claim_once_each(door: Door, agents: Sequence[UUID], ready: Any, told: Any) -> None:
    """Claim one customer for each of some agents; tell which, and how long the claims took."""
    room = door.open()
    people = [AgentPerson(room, one) for one in agents]
    room.engine.parameters()
    ready.wait(120)
    began = time.monotonic()
    got = [person.takes() for person in people]
    told.put(([None if one is None else (str(one.id), one.epoch) for one in got], began, time.monotonic()))
    room.engine.database.dispose()


def work(door: Door, agent: UUID, seed: int, told: Any) -> None:
    """Be an agent who passes everybody, until nobody has waited for two seconds; may be killed."""
    room, chance = door.open(), random.Random(seed)  # noqa: S311
    person = AgentPerson(room, agent)
    person.is_("ready")
    idle = time.monotonic()
    while time.monotonic() - idle < 2:
        try:
            person.beats()
            if person.seen.state != "ready":
                person.is_("ready")
            if person.takes() is None:
                time.sleep(0.05)
                continue
            idle = time.monotonic()
            person.accepts()
            time.sleep(chance.random() * 0.01)
            person.ends("passed")
            assert person.has is not None
            told.put((str(person.has.id), person.has.epoch))
        except VideoRefused:
            continue
    room.engine.database.dispose()


def start(target: Any, *given: Any) -> BaseProcess:
    """Start a process."""
    process = PROCESSES.Process(target=target, args=given, daemon=True)
    process.start()
    return process


def in_the_future(seconds: float) -> Any:
    """Act as if it were so much later, in this thread only."""
    return clock.frozen(clock.now() + timedelta(seconds=seconds))
