"""Media nodes as processes of their own, and calls that are carried by them.

``media_room`` lends a queue, whose calls are real rows, and starts, kills and stops nodes.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

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
from tests.engine_room import MORNING
from tests.queue_room import QueueRoom, release
from tests.waiting import wait_until

pytest_plugins = ("tests.media_peers",)


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
        known = {node.id for node in self.live()}
        told = {
            "DATABASE_URL": self.url,
            "KAIHU_DATA": str(self.data),
            "KAIHU_MEDIA_ADDRESSES": "127.0.0.1",
            "KAIHU_MEDIA_DRAIN_SECONDS": "0",
            "KAIHU_LOG_LEVEL": "warning",
            **environ,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "ops.cli", "media"],
            env={**os.environ, **told},
            preexec_fn=die_with_parent(),
        )
        wait_until(lambda: {node.id for node in self.live()} - known or process.poll() is not None, 20)
        node = next(node for node in self.live() if node.id not in known)
        running = Running(process, node, self.sfu(node))
        self.running.append(running)
        return running

    def live(self) -> list[Node]:
        with self.house.engine.database.reading() as session:
            return self.nodes.live(session)

    def call(self) -> UUID:
        """Let a customer queue and an agent accept; return the call."""
        with clock.frozen(MORNING):
            self.house.person().queues()
            agent = self.house.agent()
            agent.takes()
            agent.accepts()
        return self.house.calls()[-1].id

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


def mark(row: SegmentRow) -> Mark:
    """Return how far a segment went when its row was last written."""
    return Mark(row.records, row.size, row.head)


@pytest.fixture
def media_room(database_url: str, tmp_path: Path) -> Iterator[MediaRoom]:
    """Lend a room without a node."""
    made = MediaRoom(database_url, tmp_path)
    yield made
    made.close()
