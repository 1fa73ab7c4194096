"""What ``./run`` becomes once everything is installed: all parts of Kaihu, or one.

    python -m ops.launch --data var                 database, migration, demo data, web, worker, media
    python -m ops.launch --data var migrate         one part, with the same database

Without ``DATABASE_URL`` the database is the embedded one; a part run beside a running Kaihu
uses that one's.
"""

import argparse
import contextlib
import fcntl
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.children import die_with_parent
from ops.postgres import Cluster
from ops.programs import ClusterBusy, PostgresError, server_user
from ops.supervisor import Part, Supervisor, say

#: Where the pages are unless told otherwise, and how many ports after it are tried.
FIRST_PORT, MORE_PORTS = 8000, 20
#: Seconds in which the first page must answer.
READY_WITHIN = 60.0


class CannotRun(Exception):
    """Kaihu cannot be run like this, and why."""


def main(arguments: Sequence[str]) -> int:
    """Run everything, or the one part that is named."""
    parser = argparse.ArgumentParser(prog="./run")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("part", nargs="?")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    try:
        data = private_folder(options.data.absolute())
        if options.part:
            return run_part(data, options.port, [options.part, *options.rest])
        return run_all(data, options.port)
    except (CannotRun, PostgresError) as error:
        print(error, file=sys.stderr)
        return 1


def command(*arguments: str) -> list[str]:
    """Return the command line of one part."""
    return [sys.executable, "-m", "ops.cli", *arguments]


def in_turn(*parts: str) -> list[str]:
    """Return one command line that runs short parts one after the other; one start is enough."""
    program = "import sys; from ops.cli import main; sys.exit(any(main([part]) for part in sys.argv[1:]))"
    return [sys.executable, "-c", program, *parts]


def run_all(data: Path, asked_port: int | None) -> int:
    """Run every part under the supervisor until it is told to stop."""
    with only_one(data):
        port = free_port(asked_port)
        database, address = open_database(data)
        environ = environment(data, address, port, os.environ)
        web = Part("web", command("web", "--port", str(port)))
        worker = Part("worker", command("worker"))
        media = Part("media", command("media", "--keep"))
        with Supervisor([web, worker, media], environ=environ, database=database) as supervisor:
            steps = ("migrate", "seed") if environ["KAIHU_MODE"] == "demo" else ("migrate",)
            if not supervisor.once(" and ".join(steps), in_turn(*steps)) and not supervisor.stopping:
                raise CannotRun("the database could not be prepared; nothing was started")
            greet(supervisor, data, port)
            supervisor.run()
    return 0


def run_part(data: Path, port: int | None, arguments: Sequence[str]) -> int:
    """Run one part to its end, with the database that the rest of Kaihu uses."""
    if arguments[0] == "web":
        port = free_port(port)
        arguments = [*arguments, "--port", str(port)] if "--port" not in arguments else arguments
    database, address = open_database(data, share=True)
    environ = environment(data, address, port or FIRST_PORT, os.environ)
    if database is None:
        os.execve(sys.executable, command(*arguments), environ)  # noqa: S606  no shell is wanted
    try:
        part = subprocess.Popen(command(*arguments), env=environ, preexec_fn=die_with_parent())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells the part as well
        signal.signal(signal.SIGTERM, lambda *_: part.terminate())
        return part.wait()
    finally:
        database.stop()


def private_folder(data: Path) -> Path:
    """Make the data folder ours alone; as root, passable for the database's own user."""
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o711 if server_user() else 0o700)
    return data


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Refuse to run twice on the same data."""
    with (data / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotRun(f"Kaihu already runs on {data}, as process {lock.read() or '?'}") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def open_database(data: Path, *, share: bool = False) -> tuple[Cluster | None, str]:
    """Return the embedded database, started, and its address; None where ``DATABASE_URL`` is given.

    :param share: use the database of a Kaihu that runs on the same data, which then stays its.
    """
    given = os.environ.get("DATABASE_URL")
    if given:
        return None, given
    cluster = Cluster(data / "postgres")
    try:
        return cluster, cluster.start()
    except ClusterBusy:
        if not share:
            raise
        return None, cluster.dsn()


def environment(data: Path, database: str, port: int, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the parts are told; they read nothing else of this run."""
    return {
        **environ,
        "DATABASE_URL": database,
        "KAIHU_DATA": str(data),
        "KAIHU_PORT": str(port),
        "KAIHU_MODE": environ.get("KAIHU_MODE", "demo"),
        "KAIHU_CLOCK_OFFSET": str(remembered_offset(data, environ.get("KAIHU_DEMO_NOW"), datetime.now(UTC))),
        "PYTHONUNBUFFERED": "1",  # a log line that waits in a buffer helps nobody at night
    }


def remembered_offset(data: Path, demo_now: str | None, now: datetime) -> int:
    """Return the same offset for the same data at every start, so that time never runs backwards there."""
    told = data / "demo-clock.json"
    if not demo_now:
        told.unlink(missing_ok=True)
        return 0
    if told.exists():
        before = json.loads(told.read_text(encoding="utf-8"))
        if before["demo_now"] == demo_now:
            return int(before["offset"])
    offset = clock_offset(demo_now, now)
    told.write_text(json.dumps({"demo_now": demo_now, "offset": offset}), encoding="utf-8")
    return offset


def clock_offset(demo_now: str | None, now: datetime) -> int:
    """Return by how many seconds business time is ahead of the machine's clock."""
    if not demo_now:
        return 0
    try:
        wanted = datetime.fromisoformat(demo_now)
    except ValueError:
        wanted = None
    if wanted is None or wanted.tzinfo is None:
        raise CannotRun(
            f"KAIHU_DEMO_NOW={demo_now} is no time with a zone, such as 2026-03-18T10:00:00+08:00"
        )
    return round((wanted - now).total_seconds())


def free_port(asked: int | None) -> int:
    """Return the port that was asked for, or else the first free one from 8000 on."""
    for port in [asked] if asked is not None else range(FIRST_PORT, FIRST_PORT + MORE_PORTS):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    if asked is not None:
        raise CannotRun(f"port {asked} is in use; give another one, or none to get a free one")
    raise CannotRun(f"no free port from {FIRST_PORT} to {FIRST_PORT + MORE_PORTS - 1}; give one with --port")


def tell(line: str) -> None:
    """Say something to the person who started us, at once, also where it goes to a file."""
    print(line, flush=True)


def greet(running: Supervisor, data: Path, port: int, tell: Callable[[str], None] = tell) -> None:
    """Start the parts, wait for the first page, then say where it is and who may sign in."""
    begun = time.monotonic()
    while not answers(port):
        running.look()
        if running.stopping:
            return
        if time.monotonic() - begun > READY_WITHIN:
            say(f"http://127.0.0.1:{port}/healthz gives no answer yet; the parts are kept running")
            return
    tell(f"\nKaihu is ready: http://localhost:{port}/\n")
    for line in table(logins(data)):
        tell(line)
    tell("\nCtrl-C stops it.\n")


def answers(port: int) -> bool:
    """Tell whether the web part says that it is well."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def logins(data: Path) -> list[dict[str, Any]]:
    """Return the demo persons that the seeding wrote down; none in production."""
    try:
        written = json.loads((data / "demo.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return list(written["logins"])


def table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table with one column for each key, aligned also where it is Chinese."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns, *([str(row.get(column, "")) for column in columns] for row in rows)] if rows else []
    widths = [max(width(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell + " " * (wide - width(cell)) for cell, wide in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip()


def width(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
