"""Media nodes as processes of their own, and calls that are carried by them.

``media_room`` lends a queue, whose calls are real rows, and starts, kills and stops nodes.
"""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select

from engine import clock
from engine.store.tables import CaseRow
from handlers.media.client import EmbeddedSfu
from handlers.media.segments import Mark, Reader
from handlers.media.webm import Block, blocks
from handlers.video.calls import Calls, place
from handlers.video.nodes import Node, Nodes
from handlers.video.sfu import CallPlan
from handlers.video.tables import CallRow, SegmentRow
from ops.children import die_with_parent
from ops.keys import load
from tests.databases import Server
from tests.engine_room import MORNING
from tests.queue_room import QueueRoom, release
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.media_peers import Browsers


@dataclass
class Running:
    """A node that runs."""

    process: subprocess.Popen[bytes]
    node: Node
    sfu: EmbeddedSfu

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """Ask it to end; return its exit code."""
        self.process.terminate()
        return self.process.wait(20)


class MediaRoom:
    """Nodes, and the database they share."""

    def __init__(self, url: str, data: Path) -> None:
        self.url, self.data = url, data
        self.keyring = load(data / "keyring.json", make=True)
        self.house = QueueRoom(url, data / "files", self.keyring)
        self.house.publishes(release())
        self.nodes = Nodes(self.house.engine.database)
        self.secret = self.keyring.derive("media.ticket")
        self.running: list[Running] = []
        self._clients: dict[str, EmbeddedSfu] = {}
        self.calls = Calls(self.house.engine, self.nodes, self.sfu, lambda: ())
        self.environ: dict[str, str] = {}

    @property
    def recordings(self) -> Path:
        return self.data / "recordings"

    def sfu(self, node: Node) -> EmbeddedSfu:
        """Speak to a node."""
        if node.url not in self._clients:
            self._clients[node.url] = EmbeddedSfu(node.url, self.secret)
        return self._clients[node.url]

    def start(self, **environ: str) -> Running:
        """Start a node and wait until it is there."""
        return self.starts(1, **environ)[0]

    def starts(self, number: int, **environ: str) -> list[Running]:
        """Start several nodes and wait until all are there."""
        known = {node.id for node in self.live()}
        told = {
            "DATABASE_URL": self.url,
            "KAIHU_DATA": str(self.data),
            "KAIHU_MEDIA_ADDRESSES": "127.0.0.1",
            "KAIHU_MEDIA_DRAIN_SECONDS": "0",
            "KAIHU_LOG_LEVEL": "warning",
            **environ,
        }
        command = [sys.executable, "-m", "ops.cli", "media"]
        begun = [
            subprocess.Popen(command, env={**os.environ, **told}, preexec_fn=die_with_parent())
            for _ in range(number)
        ]
        wait_until(lambda: len({node.id for node in self.live()} - known) == number, 30)
        fresh = [node for node in self.live() if node.id not in known]
        running = [Running(self._process(node, begun), node, self.sfu(node)) for node in fresh]
        self.running += running
        return running

    def _process(self, node: Node, begun: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        """Return the process that listens at a node's address."""
        port = int(node.url.rpartition(":")[2])
        return next(one for one in begun if port in ports_of(one.pid))

    def live(self) -> list[Node]:
        with self.house.engine.database.reading() as session:
            return self.nodes.live(session)

    def call(self) -> UUID:
        """Let a customer queue and an agent accept; return the call."""
        with clock.frozen(MORNING):
            self.house.person().queues()
            agent = self.house.agent()
            agent.takes()
            return agent.accepts().id

    def plan(self, call_id: UUID, *, more: int = 0) -> CallPlan:
        """Return a call's plan as it stands, or as it would after so many moves."""
        row = self.row(call_id)
        return CallPlan(call_id, row.node_epoch + more, self.key(call_id))

    def row(self, call_id: UUID) -> CallRow:
        with self.house.engine.database.reading() as session:
            return session.get_one(CallRow, call_id)

    def key(self, call_id: UUID) -> bytes:
        """Open a call's key."""
        with self.house.engine.database.reading() as session:
            row = session.get_one(CallRow, call_id)
            case = session.get_one(CaseRow, row.case_id)
        return self.keyring.case_key(str(case.id), case.key).open(row.key, place(call_id))

    def segments(self, call_id: UUID, role: str) -> list[SegmentRow]:
        """Return the rows of a side's segments."""
        mine = (SegmentRow.call_id == call_id) & (SegmentRow.role == role)
        with self.house.engine.database.reading() as session:
            return list(session.scalars(select(SegmentRow).where(mine).order_by(SegmentRow.number)))

    def records(self, row: SegmentRow) -> list[bytes]:
        """Return what was recorded, in its records."""
        return list(Reader(self.recordings / row.path, self.key(row.call_id), row.id))

    def events(self, call_id: UUID) -> list[dict[str, Any]]:
        """Return the log of events, all segments of it together."""
        rows = self.segments(call_id, "events")
        return [json.loads(record) for row in rows for record in self.records(row)]

    def frames(self, row: SegmentRow) -> list[Block]:
        """Return the frames of a segment."""
        return list(blocks(self.records(row)))

    def close(self) -> None:
        """Stop every node."""
        for running in self.running:
            if running.process.poll() is None:
                running.kill()
        for client in self._clients.values():
            client.end()
        self.house.engine.database.dispose()


def ports_of(pid: int) -> set[int]:
    """Return the TCP ports a process listens at."""
    sockets = set()
    for open_file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            sockets.add(str(open_file.readlink()).removeprefix("socket:[").removesuffix("]"))
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(line[1].partition(":")[2], 16) for line in lines if line[3] == "0A" and line[9] in sockets}


def played(webm: bytes) -> dict[str, int]:
    """Return how many pictures and sounds a player makes of WebM; any error in it is an error here."""
    import av

    counts = {"video": 0, "audio": 0}
    with av.open(io.BytesIO(webm), format="webm", mode="r") as container:
        for packet in container.demux():
            if packet.size:
                counts[packet.stream.type] += len(packet.decode())
    return counts


def mark(row: SegmentRow) -> Mark:
    """Return how far a segment went when its row was last written."""
    return Mark(row.records, row.size, row.head)


@pytest.fixture
def media_room(database_url: str, tmp_path: Path) -> Iterator[MediaRoom]:
    """Lend a room without a node."""
    made = MediaRoom(database_url, tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_room(migrated_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaRoom]:
    """Lend one room to all tests of a file; each has calls of its own."""
    with migrated_server.database() as url:
        made = MediaRoom(url, tmp_path_factory.mktemp("media"))
        yield made
        made.close()


@pytest.fixture(scope="session")
def _thread_of_browsers() -> "Iterator[Browsers]":
    # Not at the top: tests without calls shall not wait for aiortc.
    from tests.media_peers import Browsers

    made = Browsers()
    yield made
    made.close()


@pytest.fixture
def browsers(_thread_of_browsers: "Browsers") -> "Iterator[Browsers]":
    """Lend browsers, which are closed after the test."""
    yield _thread_of_browsers
    _thread_of_browsers.leave()


@contextmanager
def hears(url: str) -> Iterator[list[dict[str, str]]]:
    """Lend a list of what live pages are told from now on."""
    heard: list[dict[str, str]] = []
    ended = threading.Event()

    def listen() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("listen kaihu")
            listening.set()
            while not ended.is_set():
                heard.extend(json.loads(n.payload) for n in connection.notifies(timeout=0.1))

    listening = threading.Event()
    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert listening.wait(10)
    yield heard
    ended.set()
    thread.join(5)
