"""Fixtures every test may use: databases, the time zone, and how long to look.

Other fixtures belong to plugins beside this file, named for what they lend.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from engine.store import Database, Keyring
from ops.checks import FAILED
from ops.postgres import Cluster
from tests.databases import Server, lent_server, throw_away_cluster

pytest_plugins = (
    "tests.engine_room",
    "tests.queue_room",
    "tests.product",
    "tests.api_people",
    "tests.ca_room",
    "tests.signed_files",
    "tests.signing_room",
    "tests.media_room",
    "tests.video_people",
    "tests.janus_room",
)

# The machine's zone must not decide a test: business days are Shanghai's by code, not by chance.
os.environ["TZ"] = "UTC"
time.tzset()

#: True for ``./test --long``: more examples, more rounds, more kills.
LONG = os.environ.get("KAIHU_LONG") == "1"

# Derandomised: a red test stays red for the next person. The long run looks further.
hypothesis.settings.register_profile("short", max_examples=50, deadline=None, derandomize=True)
hypothesis.settings.register_profile("long", max_examples=1000, deadline=None, derandomize=True)
hypothesis.settings.load_profile("long" if LONG else "short")

_server = pytest.StashKey[Server]()
_running = pytest.StashKey[contextlib.ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """Describe our marks; take over the server which the first process of a run lends."""
    config.addinivalue_line("markers", "long: runs only with ./test --long")
    config.stash[_running] = contextlib.ExitStack()
    lent = getattr(config, "workerinput", {}).get("server")
    if lent:
        config.stash[_server] = Server(*lent)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a further test process (pytest-xdist) which server to use."""
    server = _started(node.config)
    node.workerinput["server"] = (server.dsn, server.run)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this process started."""
    config.stash[_running].close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave long tests to ``./test --long``."""
    if LONG:
        return
    leave = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=leave)
    items[:] = [item for item in items if not item.get_closest_marker("long")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Repeat what failed before the tests began; the line that counts the tests comes last."""
    failed = os.environ.get(FAILED)
    if failed:
        terminalreporter.section("checks of the code")
        terminalreporter.line(f"FAILED before the tests: {failed} (see above)", red=True)


def _started(config: pytest.Config) -> Server:
    if _server not in config.stash:
        config.stash[_server] = config.stash[_running].enter_context(lent_server())
    return config.stash[_server]


@pytest.fixture(scope="session")
def long() -> bool:
    """Tell whether this run has time for more rounds."""
    return LONG


@pytest.fixture(scope="session")
def database_server(pytestconfig: pytest.Config) -> Server:
    """Lend the server of this run; use ``database_url`` unless you make databases yourself."""
    return _started(pytestconfig)


@pytest.fixture(scope="session")
def migrated_server(database_server: Server) -> Server:
    """Lend the server with its template database migrated."""
    database_server.make_template()
    return database_server


@pytest.fixture
def database_url(migrated_server: Server) -> Iterator[str]:
    """Lend a fresh, migrated database of the test's own; connections left open are cut at its end."""
    with migrated_server.database() as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Lend the same as the product's way to it."""
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def keyring() -> Keyring:
    """Lend a key ring of the test's own."""
    return Keyring.generate()


@pytest.fixture
def empty_database_url(database_server: Server) -> Iterator[str]:
    """Lend a database without tables, for tests of migrations."""
    with database_server.empty_database() as url:
        yield url


@pytest.fixture(scope="session")
def prepared_cluster() -> Iterator[Path]:
    """Lend the folder of a cluster that was made and stopped, to copy from."""
    with throw_away_cluster() as made:
        made.start()
        made.stop()
        yield made.root


@pytest.fixture
def cluster(prepared_cluster: Path) -> Iterator[Cluster]:
    """Lend a PostgreSQL of the test's own, started, which it may kill."""
    with throw_away_cluster(prepared_cluster) as own:
        # What it has accepted must survive a kill -9, if not a power cut.
        own.settings["synchronous_commit"] = "on"
        own.start()
        yield own
