"""Keep the parts of Kaihu alive, and leave none behind.

A part is a command. The supervisor starts each one, restarts it when it ends, slower each time
it ends soon, and stops all of them when it is asked to. Their output is its own output. When
the supervisor itself is killed, the kernel tells the parts (see ``children``).
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Protocol

from ops.children import die_with_parent
from ops.programs import PostgresError

#: Seconds before the first restart; each further one waits twice as long, up to the longest.
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
#: A part that lived this many seconds was healthy: its next restart is a first one.
HEALTHY_AFTER = 30.0
#: Seconds a part gets to finish what it is doing before it is killed.
PATIENCE = 15.0
#: Seconds between two looks at the parts.
LOOK_EVERY = 0.1


class Database(Protocol):
    """What the supervisor needs of an embedded database."""

    def is_running(self) -> bool:
        """Tell whether it is up."""
        ...

    def start(self) -> str:
        """Start it and return its address."""
        ...

    def stop(self) -> None:
        """Stop it."""
        ...


@dataclass
class Part:
    """One command that is to be running."""

    #: What the night shift calls it: ``web``, ``worker``.
    name: str
    command: Sequence[str]
    #: When it was last started, and when it may be started again; seconds of the monotonic clock.
    started: float = 0.0
    due: float = 0.0
    #: Seconds the next restart waits.
    wait: float = FIRST_WAIT
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)


def say(line: str) -> None:
    """Write one line for the night shift."""
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} supervisor: {line}", flush=True)


class Supervisor:
    """Runs parts, and the embedded database if there is one, until it is told to stop.

        with Supervisor(parts, database=cluster) as supervisor:
            supervisor.run()

    Use it from the main thread: only that one gets signals, and its end is what the parts watch.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        environ: Mapping[str, str] | None = None,
        database: Database | None = None,
        patience: float = PATIENCE,
        say: Callable[[str], None] = say,
    ) -> None:
        """Describe what is to run; nothing starts yet.

        :param environ: the environment of every part; ours unless given.
        :param database: started already, restarted when it dies, stopped last.
        :param patience: seconds a part gets to stop by itself.
        """
        self.parts = list(parts)
        self.environ = dict(os.environ if environ is None else environ)
        self.database = database
        self.patience = patience
        self.say = say
        self._stop = threading.Event()
        self._before: dict[signal.Signals, Any] = {}
        self._database_due, self._database_wait = 0.0, FIRST_WAIT

    def __enter__(self) -> "Supervisor":
        """Take the signals that ask us to stop."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            self._before[signum] = signal.signal(signum, self._asked)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop every part, then the database, and give the signals back."""
        self._end(self.parts)
        if self.database is not None:
            self.database.stop()
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def run(self) -> None:
        """Keep the parts running until SIGTERM or SIGINT."""
        while not self.stopping:
            self.look()
        self.say("stopping")

    def once(self, name: str, command: Sequence[str]) -> bool:
        """Run a command to its end, such as the migration; tell whether it succeeded."""
        part = Part(name, command)
        self._start(part)
        process = part.process
        while process is not None and process.poll() is None:
            if self._stop.wait(LOOK_EVERY / 5):
                self._end([part])
        return process is not None and process.returncode == 0

    @property
    def stopping(self) -> bool:
        """Tell whether it has been asked to stop."""
        return self._stop.is_set()

    def look(self) -> None:
        """Start what is due, then rest a moment; less when asked to stop meanwhile."""
        now = time.monotonic()
        self._look_at_database(now)
        for part in self.parts:
            if part.process is not None and part.process.poll() is not None:
                self._ended(part, now)
            if part.process is None and now >= part.due:
                self._start(part)
        self._stop.wait(LOOK_EVERY)

    def _asked(self, signum: int, frame: FrameType | None) -> None:
        self._stop.set()

    def _look_at_database(self, now: float) -> None:
        if self.database is None or self.database.is_running() or now < self._database_due:
            return
        self.say("the database is down; starting it again")
        try:
            self.database.start()
            self._database_wait = FIRST_WAIT
        except (OSError, PostgresError) as error:
            self.say(f"the database did not start: {error}")
            self._database_wait = min(self._database_wait * 2, LONGEST_WAIT)
        self._database_due = time.monotonic() + self._database_wait

    def _start(self, part: Part) -> None:
        part.started = time.monotonic()
        try:
            part.process = subprocess.Popen(
                part.command,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches us alone, and what a part leaves can be found
                preexec_fn=die_with_parent(),
            )
        except OSError as error:
            self.say(f"{part.name} cannot be started: {error}")
            self._wait_longer(part, part.started)
        else:
            self.say(f"{part.name} started as process {part.process.pid}")

    def _ended(self, part: Part, now: float) -> None:
        process, part.process = part.process, None
        if process is None:
            return
        _kill_group(process.pid)
        if now - part.started >= HEALTHY_AFTER:
            part.wait = FIRST_WAIT
        how = f"signal {-process.returncode}" if process.returncode < 0 else f"code {process.returncode}"
        self.say(f"{part.name} ended ({how}) after {now - part.started:.1f} s; again in {part.wait:g} s")
        self._wait_longer(part, now)

    def _wait_longer(self, part: Part, now: float) -> None:
        part.due = now + part.wait
        part.wait = min(part.wait * 2, LONGEST_WAIT)

    def _end(self, parts: Sequence[Part]) -> None:
        """End parts together: politely, then by force, with whatever they started."""
        living = [(part, part.process) for part in parts if part.process is not None]
        for _, process in living:
            process.terminate()
        deadline = time.monotonic() + self.patience
        for part, process in living:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"{part.name} did not stop in {self.patience:g} s; killed")
            _kill_group(process.pid)
            process.wait()
            part.process = None


def _kill_group(leader: int) -> None:
    """Kill what is left of a part: every process of the session it led."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a group that is gone
        return
