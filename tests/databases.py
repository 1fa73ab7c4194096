"""Databases for tests: one server a run, one migrated template, one copy a test.

The server is the embedded one, made without durability, or the one that ``DATABASE_URL`` names.
Where several test processes run side by side they share it: the first that needs the
template makes it, behind a lock of the database's own.
"""

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from ops.postgres import Cluster

#: Any number will do, as long as nobody else locks by it.
MAKING_THE_TEMPLATE = 20260318


@dataclass(frozen=True)
class Server:
    """A PostgreSQL on which tests may make and drop databases."""

    #: Address of a database to connect to for making others.
    dsn: str
    #: Sets this run's databases apart from another run's on the same server.
    run: str

    @property
    def template(self) -> str:
        """Return the name of the migrated database which each test copies."""
        return f"kaihu_{self.run}_template"

    def address(self, name: str) -> str:
        """Return the address of the database ``name``."""
        head, question, options = self.dsn.partition("?")
        return f"{head.rpartition('/')[0]}/{name}{question}{options}"

    def database(self) -> contextlib.AbstractContextManager[str]:
        """Lend a fresh copy of the migrated template and give its address."""
        return self.copy_of(self.template)

    @contextlib.contextmanager
    def copy_of(self, template: str) -> Iterator[str]:
        """Lend a copy of the database ``template``, which nobody is connected to; give its address."""
        name = f"kaihu_{self.run}_{secrets.token_hex(4)}"
        with self._connected() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        try:
            yield self.address(name)
        finally:
            self.drop(name)

    @contextlib.contextmanager
    def empty_database(self) -> Iterator[str]:
        """Lend a database without any table and give its address."""
        name = f"kaihu_{self.run}_{secrets.token_hex(4)}"
        self._create(name)
        try:
            yield self.address(name)
        finally:
            self.drop(name)

    def make_template(self) -> None:
        """Migrate the template, unless another test process of this run has done it."""
        # Not at the top: tests without a database shall not wait for SQLAlchemy and Alembic.
        from ops.migrate import upgrade

        with self._connected() as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [MAKING_THE_TEMPLATE])
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.template])
            if known.fetchone():
                return
            half = f"kaihu_{self.run}_half"
            self.drop(half)
            self._create(half)
            upgrade(self.address(half))
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                    sql.Identifier(half), sql.Identifier(self.template)
                )
            )

    def drop(self, name: str) -> None:
        """Drop the database ``name``, whoever is still connected to it."""
        with self._connected() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def drop_all(self) -> None:
        """Drop every database of this run."""
        with self._connected() as connection:
            names = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [f"kaihu_{self.run}_"]
            ).fetchall()
        for (name,) in names:
            self.drop(name)

    def _create(self, name: str) -> None:
        with self._connected() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(self.dsn, autocommit=True)


@contextlib.contextmanager
def lent_server() -> Iterator[Server]:
    """Lend the server of one test run."""
    run = secrets.token_hex(3)
    existing = os.environ.get("DATABASE_URL")
    if existing:
        conninfo_to_dict(existing)  # a wrong address is refused here, and not by a hundred tests
        server = Server(existing, run)
        try:
            yield server
        finally:
            server.drop_all()
        return
    with throw_away_cluster() as cluster:
        yield Server(cluster.start(), run)


@contextlib.contextmanager
def throw_away_cluster(prepared: Path | None = None) -> Iterator[Cluster]:
    """Lend a cluster, not started yet, whose data vanish afterwards.

    :param prepared: the folder of a stopped cluster to copy, which is quicker than a new one.
    """
    home = Path(tempfile.mkdtemp(prefix="kaihu-test-"))
    home.chmod(0o711)  # so that the server's user may pass; the cluster's own folder is private
    cluster = Cluster(home / "postgres", throw_away=True)
    if prepared is not None:
        copy_cluster(prepared, cluster.root)
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(home)


def copy_cluster(prepared: Path, root: Path) -> None:
    """Copy a stopped cluster with the owners of its files."""
    subprocess.run(["cp", "-a", prepared, root], check=True)
