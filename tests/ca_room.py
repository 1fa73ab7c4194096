"""An authority on a database of the test's own: ``room``, and its ``customer``.

It is set up once a run, by the same ceremony as in life, and copied for every test.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.store import Database, Keyring
from handlers.certificates import EmbeddedAuthority, Root, ceremony
from tests.ca_people import COMPANY, PASSPHRASES, Clock, Person, Room
from tests.databases import Server


@dataclass(frozen=True)
class _SetUp:
    server: Server
    template: str
    keyring: Keyring
    folder: Path


@pytest.fixture(scope="session")
def authority_set_up(migrated_server: Server) -> Iterator[_SetUp]:
    """Hold the ceremony once a run."""
    keyring = Keyring.generate()
    with migrated_server.database() as url, tempfile.TemporaryDirectory(prefix="kaihu-ca-") as folder:
        database, root = Database(url), Root(Path(folder), PASSPHRASES)
        with database.transaction() as session:
            ceremony.set_up(session, EmbeddedAuthority(keyring, COMPANY), root)
        database.dispose()
        name = url.partition("?")[0].rpartition("/")[2]
        yield _SetUp(migrated_server, name, keyring, Path(folder))


@pytest.fixture
def own_room(authority_set_up: _SetUp) -> Iterator[Room]:
    """Lend an authority of the test's own, to be changed at will."""
    made = authority_set_up
    with made.server.copy_of(made.template) as url:
        database = Database(url)
        yield Room(database, made.keyring, Root(made.folder, PASSPHRASES), Clock())
        database.dispose()


@pytest.fixture(scope="session")
def _standing(authority_set_up: _SetUp) -> Iterator[Database]:
    made = authority_set_up
    with made.server.copy_of(made.template) as url:
        database = Database(url)
        yield database
        database.dispose()


@pytest.fixture
def standing_room(_standing: Database, authority_set_up: _SetUp) -> Room:
    """Lend the authority that this run's tests share: its units stay as they are, customers come and go."""
    made = authority_set_up
    return Room(_standing, made.keyring, Root(made.folder, PASSPHRASES), Clock())


@pytest.fixture
def bureau(own_room: Room) -> Room:
    """Lend an authority of the test's own, unless a module shares the standing one."""
    return own_room


@pytest.fixture
def holder(bureau: Room) -> Person:
    """Lend a customer of that authority."""
    return bureau.person()
