"""A private PostgreSQL: the embedded database of one machine.

Only PostgreSQL's own programs are used, from a wheel or from the system; what starts and stops
them is this module. The server listens on a socket in a folder of its own and nowhere else, asks
for a password, and runs as ``nobody`` when we are root, since PostgreSQL refuses to be root.

    cluster = Cluster(Path("var/postgres"))
    dsn = cluster.start()
    ...
    cluster.stop()

Standard library only: the set-up uses it before it can import anything else.
"""

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from ops.children import die_with_parent
from ops.programs import ClusterBusy, PostgresError, Programs, find_programs, may, server_user

#: Socket paths end at 107 characters on Linux and 103 elsewhere; ``/.s.PGSQL.5432.lock`` takes 19.
LONGEST_SOCKET_FOLDER = 80
#: Where a cluster goes when we are root and ``nobody`` cannot reach the data folder.
SYSTEM_FOLDER = Path("/var/lib/kaihu")
#: Owner of the embedded database, and its name.
USER = DATABASE = "kaihu"
#: Settings for throw-away clusters only: a power cut loses them, and autovacuum would hold
#: the template database which each test copies.
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


class Cluster:
    """One PostgreSQL server with its data, its socket and its password.

    It is a child of the process that starts it, and stops when that process dies. The folder
    ``root`` keeps ``lock``, ``password``, ``log`` and ``server``, the data; further ``socket``, which
    names the socket's folder, and ``place``, which names the data's folder when they lie elsewhere.
    """

    def __init__(
        self,
        root: Path,
        *,
        venv: Path | None = None,
        throw_away: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Describe the cluster below ``root``; nothing happens before ``start``.

        :param throw_away: give up durability for speed; for tests only.
        :param settings: more of PostgreSQL's settings by name, for this start only.
        """
        self.root = root.absolute()
        self.settings = dict(settings or {}) | (THROW_AWAY if throw_away else {})
        self._throw_away = throw_away
        self._venv = venv
        self._programs: Programs | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    # What a started cluster can be asked

    @property
    def bin(self) -> Path:
        """Return the folder of ``psql``, ``pg_dump`` and their like."""
        return self._found().folder

    @property
    def data(self) -> Path:
        """Return PostgreSQL's data folder."""
        return self._place() / "data"

    def dsn(self, database: str = DATABASE) -> str:
        """Return the address of ``database`` on this cluster."""
        socket = (self.root / "socket").read_text()
        password = (self.root / "password").read_text()
        return f"postgresql://{USER}:{password}@/{database}?host={quote(socket, safe='')}"

    def is_running(self) -> bool:
        """Tell whether our server is up and takes connections."""
        return self._server is not None and self._server.poll() is None and self._status() == "ready"

    # Starting

    def start(self) -> str:
        """Start the server, after making it if need be, and return its address.

        What an earlier owner left running is stopped first.

        :raises ClusterBusy: another live process runs it.
        """
        if self.is_running():
            return self.dsn()
        self.root.mkdir(parents=True, exist_ok=True, mode=0o711 if server_user() else 0o700)
        self._take_lock()
        try:
            self._choose_place()
            self._stop_stale()
            if not (self.data / "PG_VERSION").exists():
                self._initialise()
            self._check_version()
            self._make_socket_folder()
            self._launch()
        except BaseException:
            self._release()
            raise
        return self.dsn()

    def _found(self) -> Programs:
        if self._programs is None:
            self._programs = find_programs(self._venv)
        return self._programs

    def _take_lock(self) -> None:
        """Hold the lock for as long as this process runs the cluster."""
        if self._lock is not None:
            return
        lock = (self.root / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip()
            lock.close()
            raise ClusterBusy(f"process {owner or '?'} already runs the database in {self.root}") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _place(self) -> Path:
        elsewhere = self.root / "place"
        return Path(elsewhere.read_text()) if elsewhere.exists() else self.root / "server"

    def _choose_place(self) -> None:
        """Decide once where the data lie, and make it a folder of the server's own."""
        user = server_user()
        if user and not self.data.exists() and not may(user, "-x", self.root):
            name = hashlib.sha256(str(self.root).encode()).hexdigest()[:12]
            SYSTEM_FOLDER.mkdir(mode=0o711, exist_ok=True)
            _write(self.root / "place", str(SYSTEM_FOLDER / name))
        place = self._place()
        place.mkdir(mode=0o711 if user else 0o700, exist_ok=True)
        if user and not may(user, "-x", self._found().folder / "postgres"):
            programs = place / "programs"
            programs.mkdir(mode=0o755, exist_ok=True)
            self._programs = self._found().copied_to(programs)

    def _initialise(self) -> None:
        """Make the data folder, the password and the database."""
        shutil.rmtree(self.data, ignore_errors=True)  # half made, when we were stopped in here
        self._own(self.data)
        password = secrets.token_urlsafe(24)
        told = self._place() / "password-for-initdb"
        _write(told, password)
        if user := server_user():
            shutil.chown(told, user)
        options = ["--auth-local=scram-sha-256", "--auth-host=reject", "-E", "UTF8", "--locale=C"]
        if self._found().major >= 17:
            # The same order of letters on every machine; older releases have only the C one.
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if self._throw_away:
            options.append("--no-sync")
        try:
            self._call("initdb", "-D", self.data, "-U", USER, f"--pwfile={told}", *options)
        finally:
            told.unlink()
        self._call("postgres", "--single", "-D", self.data, "postgres", typed=f"CREATE DATABASE {DATABASE}\n")
        _write(self.root / "password", password)

    def _check_version(self) -> None:
        """Refuse data of another major release, which PostgreSQL itself says less kindly."""
        made_by = int((self.data / "PG_VERSION").read_text())
        if made_by != self._found().major:
            raise PostgresError(
                f"{self.data} was made by PostgreSQL {made_by}, but {self.bin} is {self._found().major}: "
                f"set KAIHU_PG_BIN to a PostgreSQL {made_by}, or back up there and restore here"
            )

    def _make_socket_folder(self) -> None:
        """Make a short, private folder for the socket and record it; keep the one we have.

        After a crash the address stays the same, so web and worker find the server again.
        """
        if self._socket_folder_is_ours():
            for left in Path((self.root / "socket").read_text()).iterdir():
                left.unlink()
            return
        folder = tempfile.mkdtemp(prefix="kaihu-")
        if len(folder) > LONGEST_SOCKET_FOLDER:
            os.rmdir(folder)
            folder = tempfile.mkdtemp(prefix="kaihu-", dir="/tmp")
        if user := server_user():
            shutil.chown(folder, user)
        _write(self.root / "socket", folder)

    def _socket_folder_is_ours(self) -> bool:
        """Tell whether the recorded folder still is a private one of the server's user."""
        try:
            found = os.lstat((self.root / "socket").read_text())
        except FileNotFoundError:
            return False
        owner = pwd.getpwnam(user).pw_uid if (user := server_user()) else os.geteuid()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and stat.S_IMODE(found.st_mode) == 0o700

    def _drop_socket_folder(self) -> None:
        record = self.root / "socket"
        if record.exists():
            shutil.rmtree(record.read_text(), ignore_errors=True)
            record.unlink()

    def _launch(self) -> None:
        """Run the server and wait until it takes connections."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": (self.root / "socket").read_text(),
            "unix_socket_permissions": "0700",
            "port": "5432",
        } | self.settings
        command: list[str | Path] = [self.bin / "postgres", "-D", self.data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        deadline = time.monotonic() + 60
        while True:
            with (self.root / "log").open("ab") as log:
                begins = log.tell()
                self._server = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # the terminal's Ctrl-C is for the supervisor alone
                    preexec_fn=die_with_parent(signal.SIGINT),  # PostgreSQL's "fast shutdown"
                    **self._as_server(),
                )
            if self._becomes_ready(deadline):
                return
            said = (self.root / "log").read_bytes()[begins:].decode(errors="replace")
            # After a kill -9 the old children need a moment to notice that their parent is gone.
            if "shared memory block" not in said or time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL did not start; {self.root / 'log'} ends:\n{said[-2000:]}")
            time.sleep(0.2)

    def _becomes_ready(self, deadline: float) -> bool:
        server = self._server
        while server is not None and server.poll() is None:
            if self._status() == "ready" and self._pid() == server.pid:
                return True
            if time.monotonic() > deadline:
                self.kill9()
            time.sleep(0.02)
        return False

    # Stopping

    def stop(self) -> None:
        """Stop the server: politely, then firmly, and forget its socket."""
        if self._server is not None:
            for signum, seconds in ((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
                self._server.send_signal(signum)
                try:
                    self._server.wait(seconds)
                    break
                except subprocess.TimeoutExpired:
                    continue
            self._server = None
        if self._lock is not None:
            self._drop_socket_folder()
        self._release()

    def kill9(self) -> None:
        """Kill the server as a crash would; ``start`` recovers it. For tests."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _stop_stale(self) -> None:
        """Stop the server an earlier owner left behind; forget a pid that is somebody else's."""
        pid = self._pid()
        if pid is None:
            return
        for signum, seconds in ((signal.SIGINT, 10), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            if not self._is_our_server(pid):
                break
            os.kill(pid, signum)
            deadline = time.monotonic() + seconds
            while self._is_our_server(pid) and time.monotonic() < deadline:
                time.sleep(0.05)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _is_our_server(self, pid: int) -> bool:
        """Tell whether ``pid`` is a PostgreSQL that lives in our data folder."""
        if sys.platform == "linux":
            try:
                said = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                return False
        else:
            ps = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
            said = subprocess.run(ps, capture_output=True, text=True).stdout
        return "postgres" in said and str(self.data) in said

    # Small things

    def _pid(self) -> int | None:
        lines = self._postmaster_file()
        return int(lines[0]) if lines and lines[0].strip().isdigit() else None

    def _status(self) -> str:
        """Return what the server last said of itself: "starting", "ready", "stopping" or ""."""
        lines = self._postmaster_file()
        return lines[7].strip() if len(lines) > 7 else ""

    def _postmaster_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _own(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        if user := server_user():
            shutil.chown(folder, user)

    def _as_server(self) -> dict[str, Any]:
        """Return how to start a program as the server's user, with nothing inherited."""
        inherited = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        how: dict[str, Any] = {"cwd": "/", "env": inherited}
        if user := server_user():
            entry = pwd.getpwnam(user)
            how |= {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        return how

    def _call(self, program: str, *arguments: str | Path, typed: str = "") -> None:
        done = subprocess.run(
            [self.bin / program, *arguments],
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=die_with_parent(),
            **self._as_server(),
        )
        if done.returncode:
            raise PostgresError(f"{program} failed: {done.stdout[-2000:]}")


def _write(path: Path, text: str) -> None:
    """Write a file that only we can read, whole or not at all."""
    half = path.with_name(path.name + ".new")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    half.rename(path)
