"""What the same call costs Janus: the scale to measure our own node by.

Janus carries and records a call of two sides as our Janus adapter has it: one connection each, its own .mjr
files, the media and the browsers of ``video_calls``. The figure is Janus' processor time alone. What the node
beside it needs, which reads, seals and deletes those files, is told by ``costs``.

    python -m tests.bench.video_janus [seconds]
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handlers.media.hooks import offer_addresses
from tests.bench.processes import own_cpu_seconds
from tests.bench.video_calls import ROUNDS, Talk, standing
from tests.janus_room import JanusRoom, Missing, running
from tests.media_peers import Browsers


def measure(seconds: float, calls: int = 1) -> float | None:
    """Return CPU seconds of Janus for each minute of a recorded call; None where Janus cannot run."""
    try:
        return costs(seconds, calls)["janus"]
    except Missing:
        return None


def costs(seconds: float, calls: int = 1) -> dict[str, float]:
    """Return CPU seconds a minute of a call, of Janus and of the node beside it, and pictures a second.

    :param calls: how many go on at the same time.
    :raises Missing: Janus cannot run here.
    """
    janus_costs, node_costs, rates = [], [], []
    with _janus() as janus, _browsers(janus) as browsers, standing() as room:
        node = room.start(**janus.environ)
        pids = janus.pid, node.process.pid
        for _ in range(ROUNDS):
            talks = [Talk(room, browsers) for _ in range(calls)]
            time.sleep(2)
            before, began = [own_cpu_seconds(pid) for pid in pids], time.monotonic()
            rates.append(talks[0].fps(seconds))
            passed = time.monotonic() - began
            used = [
                (own_cpu_seconds(pid) - was) / passed * 60 / calls
                for pid, was in zip(pids, before, strict=True)
            ]
            janus_costs.append(used[0])
            node_costs.append(used[1])
            for talk in talks:
                room.calls.close(talk.id)
            browsers.leave()
        node.stop()
    return {
        "janus": statistics.median(janus_costs),
        "node": statistics.median(node_costs),
        "fps": min(rates),
    }


@contextmanager
def _janus() -> Iterator[JanusRoom]:
    with (
        tempfile.TemporaryDirectory(prefix="kaihu-janus-", dir="/run") as folder,
        running(Path(folder)) as room,
    ):
        yield room


@contextmanager
def _browsers(janus: JanusRoom) -> Iterator[Browsers]:
    browsers = Browsers()
    offer_addresses((janus.here,))
    try:
        yield browsers
    finally:
        browsers.close()
        offer_addresses(("127.0.0.1",))


if __name__ == "__main__":
    print(costs(float(sys.argv[1]) if len(sys.argv) > 1 else 15.0))
