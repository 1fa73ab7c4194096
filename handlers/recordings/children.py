"""The muxing child as its parent sees it: blocks go in, a file and pictures come out."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, cast

import structlog

from handlers.bounded.child import Bounds
from handlers.recordings.muxing import BLOCK, CONTENT, END, LENGTH, PIECE, STILL, Wanted
from handlers.recordings.placing import Block

log = structlog.get_logger("recordings")

#: An hour of call takes some seconds; what takes this much is no call.
BOUNDS = Bounds(memory=512 * 1024 * 1024, cpu_seconds=600, seconds=3600.0, niceness=10)
#: Largest piece a child may send, in bytes.
MOST_PIECE = 8 * 1024 * 1024
_ROOT = Path(__file__).resolve().parents[2]
#: A child enters this room by a bare door, without the engine and its secrets; see ``handlers.bounded.pool``.
_CHILD = """
import os, sys, types
room = types.ModuleType("handlers.recordings")
room.__path__ = [os.path.join(os.getcwd(), "handlers", "recordings")]
sys.modules["handlers.recordings"] = room
from handlers.recordings.muxing import main
main()
"""
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")


class MuxingFailed(Exception):
    """The child ended before the file was whole."""


def mux(
    wanted: Wanted,
    sample: bytes,
    blocks: Iterable[Block],
    put: Callable[[int, bytes], None],
    bounds: Bounds = BOUNDS,
) -> Mapping[int, bytes]:
    """Have blocks made into a file; return the pictures by the milliseconds they were wanted at.

    :param sample: the first blocks as a WebM file, from which libav learns the codecs.
    :param put: is called with an offset and bytes, mostly in order.
    :raises MuxingFailed: there is no file; what was put is to be thrown away.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, json.dumps(asdict(bounds))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=_ROOT,
        env={
            **{name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            "PYTHONPATH": str(_ROOT),
        },
    )
    inward, outward = cast(IO[bytes], process.stdout), cast(IO[bytes], process.stdin)
    feeder = _Feeder(outward, wanted, sample, blocks)
    late = threading.Timer(bounds.seconds, process.kill)
    late.start()
    feeder.start()
    try:
        return _take(inward, put)
    except MuxingFailed as failed:
        if feeder.failed is not None and not isinstance(feeder.failed, BrokenPipeError):
            raise feeder.failed from failed
        raise
    finally:
        late.cancel()
        process.kill()
        feeder.join()
        process.wait()
        inward.close()


class _Feeder(threading.Thread):
    """Writes to the child while its answers are read, so that neither waits for the other for ever."""

    def __init__(self, outward: IO[bytes], wanted: Wanted, sample: bytes, blocks: Iterable[Block]) -> None:
        super().__init__(daemon=True)
        self._outward, self._wanted, self._sample, self._blocks = outward, wanted, sample, blocks
        self.failed: Exception | None = None

    def run(self) -> None:
        try:
            with self._outward as out:
                for frame in (json.dumps(asdict(self._wanted)).encode(), self._sample):
                    out.write(LENGTH.pack(len(frame)) + frame)
                for one in self._blocks:
                    out.write(BLOCK.pack(one.track, one.key, one.ms, one.lasts, len(one.data)) + one.data)
                out.write(BLOCK.pack(END, 0, 0, 0, 0))
        except Exception as failed:  # told to the thread that reads, when the child ends for want of more
            self.failed = failed


def _take(inward: IO[bytes], put: Callable[[int, bytes], None]) -> Mapping[int, bytes]:
    stills: dict[int, bytes] = {}
    while True:
        head = inward.read(PIECE.size)
        if len(head) != PIECE.size:
            raise MuxingFailed("the child ended early")
        kind, at, length = PIECE.unpack(head)
        if kind == END:
            return stills
        data = inward.read(length) if length <= MOST_PIECE else b""
        if len(data) != length:
            raise MuxingFailed("the child ended within a piece")
        if kind == CONTENT:
            put(at, data)
        elif kind == STILL:
            stills[at] = data
