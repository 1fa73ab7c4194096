"""Calls: what recording one costs, what a killed node loses, and how soon pictures come.

Processor time is the media process's own (user and system) for each minute of a call of two sides, 640x480 at
30 pictures a second and 1 Mbit/s with sound, both recorded. Beside it, in the same run, aiortc's own recorder
is given the same media (MediaRecorder to mp4, both sides): the documented way to record with aiortc, which
decodes and encodes anew. Kills are real: SIGKILL at a random moment of a call, then the files are followed,
opened and decoded.
"""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from handlers.media.segments import Reader, SegmentBroken, verify
from handlers.media.webm import NotWebm, blocks
from handlers.video.tables import ROLES, Role
from tests.bench.processes import own_cpu_seconds
from tests.databases import lent_server
from tests.media_clips import FPS, SOUNDS, clip
from tests.media_losses import of, worst
from tests.media_peers import Browsers
from tests.media_room import MediaRoom, Running, mark, played
from tests.waiting import wait_until

BUDGET = {
    "cpu_s_per_call_min": ("<=", 8.0),
    "mediarecorder_ratio": (">=", 15.0),
    "kill9_playable": ("=", 100.0),
    "kill9_lost_ms_max": ("<=", 50.0),
}
#: Seconds of a call that are measured, rounds of it, and pictures that must come in each.
SECONDS, ROUNDS = 15.0, 3
#: Seconds of media that the other recorder is given.
RECORDER_SECONDS = 6.0


@contextmanager
def standing() -> Iterator[MediaRoom]:
    """Lend a database with a queue, and room for nodes."""
    with lent_server() as server, tempfile.TemporaryDirectory(prefix="kaihu-bench-") as folder:
        server.make_template()
        with server.database() as url:
            room = MediaRoom(url, Path(folder))
            try:
                yield room
            finally:
                room.close()


class Talk:
    """One call, with both sides in it."""

    def __init__(self, room: MediaRoom, browsers: Browsers) -> None:
        self.room, self.id = room, room.call()
        self.sides = {role: browsers.peer() for role in ROLES}
        offers = {role: peer.offer() for role, peer in self.sides.items()}
        began = time.monotonic()
        for role, peer in self.sides.items():
            peer.take(room.calls.join(self.id, role, offers[role]))
        wait_until(lambda: all(peer.received["video"] for peer in self.sides.values()), 20)
        #: Milliseconds from the offers until both saw the other's first picture.
        self.setup_ms = (time.monotonic() - began) * 1000

    def fps(self, seconds: float) -> float:
        """Return pictures a second that came through, of the worse side, over some time from now on."""
        before = {role: peer.received["video"] for role, peer in self.sides.items()}
        began = time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - began
        return min((peer.received["video"] - before[role]) / passed for role, peer in self.sides.items())


def measure(say: Callable[[str], None], kills: int = 100, calls: int = 1) -> dict[str, float | None]:
    """Measure everything; about five seconds a kill, and two minutes for the rest.

    :param kills: how many nodes are killed in a call.
    :param calls: how many calls go on at the same time while the processor is watched.
    """
    figures: dict[str, float | None] = {}
    browsers = Browsers()
    try:
        with standing() as room:
            say("recorded calls")
            figures.update(_costs(room, browsers, calls))
            say("the same media through aiortc's MediaRecorder")
            recorder = recorder_cpu_s_per_call_min()
            figures["mediarecorder_cpu_s_per_call_min"] = recorder
            cost = figures["cpu_s_per_call_min"]
            figures["mediarecorder_ratio"] = recorder / cost if cost else None
            say(f"{kills} kills")
            figures.update(_kills(room, browsers, kills))
    finally:
        browsers.close()
    return figures


def _costs(room: MediaRoom, browsers: Browsers, calls: int) -> dict[str, float | None]:
    node = room.start()
    costs, rates, setups, kbps = [], [], [], []
    for _ in range(ROUNDS):
        talks = [Talk(room, browsers) for _ in range(calls)]
        time.sleep(2)
        before, began = own_cpu_seconds(node.process.pid), time.monotonic()
        rates.append(talks[0].fps(SECONDS))
        passed = time.monotonic() - began
        costs.append((own_cpu_seconds(node.process.pid) - before) / passed * 60 / calls)
        for talk in talks:
            setups.append(talk.setup_ms)
            kbps += [leg.kbps for leg in room.calls.legs(talk.id).values()]
            room.calls.close(talk.id)
        browsers.leave()
    for _ in range(12):
        talk = Talk(room, browsers)
        setups.append(talk.setup_ms)
        room.calls.close(talk.id)
        browsers.leave()
    node.stop()
    return {
        "cpu_s_per_call_min": statistics.median(costs),
        "call_fps_min": min(rates),
        "call_kbps": statistics.median(kbps),
        "media_setup_ms_p50": statistics.median(setups),
        "media_setup_ms_p95": statistics.quantiles(setups, n=20)[-1],
    }


def recorder_cpu_s_per_call_min() -> float:
    """Return what aiortc's recorder needs for a minute of both sides of the same media."""
    return 2 * asyncio.run(_recorder())


async def _recorder() -> float:
    import av
    from aiortc import MediaStreamTrack
    from aiortc.contrib.media import MediaRecorder
    from aiortc.mediastreams import MediaStreamError

    frames = clip(2.0)

    class Decoded(MediaStreamTrack):
        """Gives decoded frames as fast as they are taken, as a receiver does."""

        def __init__(self, kind: str) -> None:
            super().__init__()
            self.kind = kind
            rate, name = (FPS, "vp8") if kind == "video" else (SOUNDS, "libopus")
            self._left = round(RECORDER_SECONDS * rate)
            self._data = [frame[3] for frame in frames if frame[0] == kind]
            self._clock = 90_000 if kind == "video" else 48_000
            self._step = self._clock // rate
            self._decoder: Any = av.CodecContext.create(name, "r")
            self._at = 0
            self._ready: list[Any] = []

        async def recv(self):
            await asyncio.sleep(0)
            while not self._ready:
                if self._at >= self._left:
                    self.stop()
                    raise MediaStreamError
                packet = av.Packet(self._data[self._at % len(self._data)])
                packet.pts, packet.time_base = self._at * self._step, Fraction(1, self._clock)
                self._at += 1
                self._ready += self._decoder.decode(packet)
            frame = self._ready.pop(0)
            frame.pts, frame.time_base = (self._at - 1) * self._step, Fraction(1, self._clock)
            return frame

    with tempfile.TemporaryDirectory(prefix="kaihu-bench-") as folder:
        recorder = MediaRecorder(f"{folder}/side.mp4")
        tracks = [Decoded("audio"), Decoded("video")]
        for track in tracks:
            recorder.addTrack(track)
        began = time.process_time()
        await recorder.start()
        while any(track.readyState == "live" for track in tracks):
            await asyncio.sleep(0.05)
        await recorder.stop()
        return (time.process_time() - began) / RECORDER_SECONDS * 60


def _kills(room: MediaRoom, browsers: Browsers, kills: int) -> dict[str, float | None]:
    chance = random.Random(5)  # noqa: S311 - repeatable
    playable, losses = 0, []
    running: list[Running] = room.starts(1) if kills else []
    for _ in range(kills):
        talk = Talk(room, browsers)
        time.sleep(chance.uniform(0.2, 2.0))
        killed = time.monotonic()
        running[0].kill()
        waiting = room.starts(1)
        found = [_played(talk, role, killed) for role in ROLES]
        playable += all(lost is not None for lost in found)
        losses += [lost for lost in found if lost is not None]
        browsers.leave()
        running = waiting
    return {
        "kill9_kills": float(kills),
        "kill9_playable": 100 * playable / kills if kills else None,
        "kill9_lost_ms_max": max(losses, default=None),
        "kill9_lost_ms_p50": statistics.median(losses) if losses else None,
    }


def _played(talk: Talk, role: Role, killed: float) -> float | None:
    """Return the milliseconds missing before the kill; None where the file is not as it should be."""
    row = talk.room.segments(talk.id, role)[-1]
    path, key = talk.room.recordings / row.path, talk.room.key(talk.id)
    try:
        verify(path, row.id, mark(row), key)
        pieces = list(Reader(path, key, row.id))
        found = list(blocks(pieces))
        if played(b"".join(pieces))["video"] != len(of("video", found)):
            return None
    except (SegmentBroken, NotWebm, OSError, ValueError):
        return None
    return worst(talk.sides[role], found, killed)
