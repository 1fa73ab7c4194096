"""A bounded child: does one job after another, with little memory, little time and no secrets.

The parent's side is ``pool``. A frame is eight bytes of length, then pieces, each of eight bytes of length
and its bytes: the first piece is JSON, the others are the byte strings that the JSON names. Nothing is
pickled, since the parent reads what a child answers that has read hostile bytes. A child ends at once when
its parent's end of the pipe closes, so that nothing is left behind when the product is killed.
"""

import json
import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from math import ceil
from select import POLLIN, poll
from typing import Any

from handlers.bounded.refused import Refused


@dataclass(frozen=True)
class Bounds:
    """What a child may use.

    :param memory: of data, in bytes; what libraries map from files does not count.
    :param cpu_seconds: processor time of one job; whole seconds.
    :param seconds: time of one job by the clock.
    :param jobs: after so many a child is replaced.
    :param idle_seconds: a child that nobody needs for so long ends.
    :param niceness: added to the parent's, 0 to 19.
    """

    memory: int = 1024 * 1024 * 1024
    cpu_seconds: int = 20
    seconds: float = 60.0
    jobs: int = 200
    idle_seconds: float = 600.0
    niceness: int = 5


def frame(value: Any) -> bytes:
    """Return plain data as one frame."""
    pieces: list[bytes] = []

    def plain(other: Any) -> Any:
        if isinstance(other, bytes):
            pieces.append(other)
            return {"bytes": len(pieces)}
        if is_dataclass(other) and not isinstance(other, type):
            return {field.name: getattr(other, field.name) for field in fields(other)}
        if isinstance(other, Mapping):
            return dict(other)
        if isinstance(other, (set, frozenset)):
            return sorted(other)
        raise TypeError(f"{type(other).__name__} does not go through a pipe")

    text = json.dumps(value, default=plain, ensure_ascii=False).encode()
    body = b"".join(len(piece).to_bytes(8, "big") + piece for piece in (text, *pieces))
    return len(body).to_bytes(8, "big") + body


def content(body: bytes) -> Any:
    """Return the plain data of a frame's body."""
    pieces, at = [], 0
    while at < len(body):
        end = at + 8 + int.from_bytes(body[at : at + 8], "big")
        pieces.append(body[at + 8 : end])
        at = end

    def put_back(mapping: dict[str, Any]) -> Any:
        return pieces[mapping["bytes"]] if mapping.keys() == {"bytes"} else mapping

    return json.loads(pieces[0], object_hook=put_back)


def _bind(bounds: Bounds) -> None:
    """Give up what a job may not use; what a child gave up it cannot take back."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; its closed pipe ends the child
    os.nice(bounds.niceness)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Not RLIMIT_AS: the libraries map a gigabyte of addresses that they never touch.
    resource.setrlimit(resource.RLIMIT_DATA, (bounds.memory, bounds.memory))


def _give_time(seconds: int) -> None:
    """Let this process be killed when it has used so much more processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = ceil(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


def _end_with_parent(inward: int) -> None:
    """End this process when the other end of its pipe closes, whatever a job is doing."""
    waiting = poll()
    waiting.register(inward, 0)  # nothing but the closing, which is always told
    waiting.poll()
    os._exit(0)


def _call(function: str, arguments: list[Any]) -> Any:
    """Call a function by its dotted name."""
    module, _, name = function.rpartition(".")
    return getattr(import_module(module), name)(*arguments)


def _do(function: str, arguments: list[Any]) -> bytes:
    """Do one job and return the frame to answer with."""
    try:
        return frame({"returned": _call(function, arguments)})
    except Refused as refused:
        return frame({"refused": [refused.code, refused.message]})
    except Exception:  # one bad job must not end the next one's child without a word
        return frame({"failed": traceback.format_exc()})


def _read_exactly(inward: int, size: int) -> bytes:
    got = bytearray()
    while len(got) < size:
        got += os.read(inward, min(size - len(got), 1 << 20))
    return bytes(got)


def main() -> None:
    """Do jobs until nobody needs this child any more."""
    bounds = Bounds(**json.loads(sys.argv[1]))
    # Frames go through descriptors of their own: whatever a library prints goes where errors go.
    inward, outward = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    threading.Thread(target=_end_with_parent, args=(inward,), daemon=True).start()
    _bind(bounds)
    if prepare := sys.argv[2]:
        _call(prepare, [])
    answer = frame("ready")
    waiting = poll()
    waiting.register(inward, POLLIN)
    while True:
        left = memoryview(answer)
        while left:
            left = left[os.write(outward, left) :]
        if not waiting.poll(bounds.idle_seconds * 1000):
            os._exit(0)
        size = int.from_bytes(_read_exactly(inward, 8), "big")
        function, arguments = content(_read_exactly(inward, size))
        _give_time(bounds.cpu_seconds)
        answer = _do(function, arguments)
