"""The pool: bounded children that look at what strangers sent, so that a bad file harms nobody.

A job that takes too much memory or time, or that crashes its child, is refused; the others go on, and a new
child takes its place. A child that was ended from outside is replaced and its job done once more. The parent
reads nothing of it, and children get nothing of its environment that could be a secret.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from select import POLLIN, POLLOUT, poll
from time import monotonic
from typing import IO, Any, cast

import structlog

from handlers.bounded.child import Bounds, content, frame
from handlers.bounded.refused import Refused

log = structlog.get_logger("bounded.pool")

#: Largest frame a child may answer with, in bytes: three pictures of 12 megapixels, and room.
MOST_ANSWER = 128 * 1024 * 1024
#: Longest that a child may take to start and load its libraries, in seconds; on a laden machine, too.
START_SECONDS = 60.0
#: What a child gets of its parent's environment: nothing secret.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
#: Signals by which a job kills its own child; otherwise the child was ended from outside.
_OF_THE_JOB = frozenset(
    {
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGABRT,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGXCPU,
        signal.SIGSYS,
    }
)
#: A child enters rooms by bare doors: the real ones lead to the engine and its database, for which a child
#: has no use; that would take longer than most jobs.
_CHILD = """
import os, sys, types
for name in sys.argv[3:]:
    room = types.ModuleType(name)
    room.__path__ = [os.path.join(os.getcwd(), *name.split("."))]
    sys.modules[name] = room
from handlers.bounded.child import main
main()
"""
_ROOT = Path(__file__).resolve().parents[2]


class ChildEnded(Exception):
    """The child ended before it answered."""


class TooSlow(Exception):
    """The child did not answer in time."""


class Bounded:
    """Runs functions in children, a few at a time; safe to use from many threads.

    :param children: most children at once.
    :param patience: longest that a job waits for a free child, in seconds.
    """

    #: Dotted names of the rooms that a child enters by a bare door.
    rooms: Sequence[str] = ()
    #: Dotted name of a function that a child calls when it starts; none when empty.
    prepare = ""
    #: How a job is refused, and what people read then.
    refused: type[Refused] = Refused
    busy = ""
    unreadable = ""

    def __init__(self, children: int = 2, bounds: Bounds | None = None, patience: float = 120.0) -> None:
        self.bounds = bounds or Bounds()
        self.patience = patience
        self._free = threading.BoundedSemaphore(children)
        self._lock = threading.Lock()
        # The last one used is the next one used: the others may grow idle and end.
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()
        self._closed = False

    def run(self, function: str, *arguments: Any) -> Any:
        """Run a function in a child and return what it returned, as plain data.

        :param function: dotted name; it is given ``arguments`` and returns what JSON can hold, byte strings
            and dataclasses besides.
        :raises Refused: by the function itself; as unreadable when it took too much of anything or
            failed; as busy when no child got free.
        """
        if not self._free.acquire(timeout=self.patience):
            raise self.refused("busy", self.busy)
        try:
            for last in (False, True):
                child = self._take()
                try:
                    return child.run(function, arguments)
                except (ChildEnded, TooSlow, JobFailed) as why:
                    code = self._end(child)
                    log.warning("a job took its child along", function=function, code=code, why=str(why))
                    from_outside = isinstance(why, ChildEnded) and -(code or 0) not in _OF_THE_JOB
                    if last or not from_outside:
                        raise self.refused("unreadable", self.unreadable) from why
                finally:
                    self._give_back(child)
        finally:
            self._free.release()
        raise self.refused("unreadable", self.unreadable)

    def close(self) -> None:
        """End all children; jobs under way are refused."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            at_work = self._all.difference(idle)
        for child in idle:
            self._end(child)
        for child in at_work:
            # Its pipes are in use by the thread that waits for it, which sees them close and ends it.
            child.process.kill()

    @property
    def pids(self) -> frozenset[int]:
        """The children there are."""
        with self._lock:
            return frozenset(child.process.pid for child in self._all)

    def _take(self) -> "_Child":
        """Return a child that is ready, or a new one."""
        with self._lock:
            if self._closed:
                raise self.refused("busy", self.busy)
            while self._idle:
                child = self._idle.pop()
                if child.process.poll() is None:
                    return child
                self._all.discard(child)
                child.end()
            child = _Child(self.bounds, self.refused, self.prepare, self.rooms)
            self._all.add(child)
            return child

    def _give_back(self, child: "_Child") -> None:
        """Keep a child for the next job, unless it is in the middle of one, worn out or ended."""
        if child.busy or child.jobs >= self.bounds.jobs or self._closed:
            self._end(child)
            return
        with self._lock:
            if child in self._all:
                self._idle.append(child)

    def _end(self, child: "_Child") -> int | None:
        """End a child and return what it had ended with already, if it had."""
        with self._lock:
            self._all.discard(child)
        return child.end()


class JobFailed(Exception):
    """The function raised what it should not, or there was no memory left."""


class _Child:
    """One child, as its parent sees it."""

    def __init__(self, bounds: Bounds, refused: type[Refused], prepare: str, rooms: Sequence[str]) -> None:
        self.bounds = bounds
        self._refused = refused
        self.jobs = 0
        self.busy = False
        self._ready = False
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        # Not preexec_fn: a process of many threads must not run Python between fork and exec. The child
        # binds itself. Its working directory and path are the product's, whatever the parent's are.
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, json.dumps(asdict(bounds)), prepare, *rooms],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            env={**environment, **_ONE_THREAD, "PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1"},
            bufsize=0,
        )
        self._to = cast(IO[bytes], self.process.stdin).fileno()
        self._from = cast(IO[bytes], self.process.stdout).fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)

    def run(self, function: str, arguments: tuple[Any, ...]) -> Any:
        if not self._ready:
            self._read_frame(monotonic() + START_SECONDS)
            self._ready = True
        self.jobs, self.busy = self.jobs + 1, True
        deadline = monotonic() + self.bounds.seconds
        self._write(frame([function, list(arguments)]), deadline)
        answer = self._read_frame(deadline)
        if not isinstance(answer, dict):
            raise ChildEnded("its answer makes no sense")
        if failed := answer.get("failed"):
            raise JobFailed(str(failed)[-4000:])
        self.busy = False
        if refused := answer.get("refused"):
            raise self._refused(*map(str, refused))
        return answer.get("returned")

    def end(self) -> int | None:
        """Kill and bury it, once; return what it had ended with by itself, if it had."""
        try:
            # A child whose pipe has just closed is about to end: its own code tells why.
            code = self.process.wait(0.1)
        except subprocess.TimeoutExpired:
            code = None
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        return code

    def _write(self, frame: bytes, deadline: float) -> None:
        left = memoryview(frame)
        while left:
            _wait(self._to, POLLOUT, deadline)
            try:
                left = left[os.write(self._to, left) :]
            except BlockingIOError:
                continue
            except OSError as broken:
                raise ChildEnded("its pipe is closed") from broken

    def _read_frame(self, deadline: float) -> Any:
        size = int.from_bytes(self._read(8, deadline), "big")
        if size > MOST_ANSWER:
            raise ChildEnded("its answer is too long")
        try:
            return content(self._read(size, deadline))
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as nonsense:
            raise ChildEnded("its answer makes no sense") from nonsense

    def _read(self, size: int, deadline: float) -> bytes:
        got = bytearray()
        while len(got) < size:
            _wait(self._from, POLLIN, deadline)
            try:
                piece = os.read(self._from, min(size - len(got), 1 << 20))
            except BlockingIOError:
                continue
            if not piece:
                raise ChildEnded("it closed its end")
            got += piece
        return bytes(got)


def _wait(pipe: int, what: int, deadline: float) -> None:
    """Wait until a pipe can be used or is closed.

    :raises TooSlow: neither happens in time.
    """
    waiting = poll()
    waiting.register(pipe, what)
    if not waiting.poll(max(0.0, deadline - monotonic()) * 1000):
        raise TooSlow("it took too long")
