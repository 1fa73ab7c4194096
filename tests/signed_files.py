"""Files that customers signed: genuine ones of every level, of this house's authority and of another's."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.store import Database, Keyring
from handlers.certificates import EmbeddedAuthority, Root, ceremony
from handlers.verifier import Trust
from tests.attacks.papers import paper
from tests.attacks.signed import Bureau
from tests.ca_people import COMPANY, PASSPHRASES, Clock, Person, Room
from tests.databases import Server


@dataclass(frozen=True)
class Files:
    """A customer's certificate and what was signed with it."""

    bureau: Bureau
    person: Person
    certificate: bytes
    bb: bytes
    bt: bytes
    blta: bytes

    @property
    def trust(self) -> Trust:
        """What a verifier in this house knows today."""
        return self.bureau.trust(fresh=self.bureau.status(self.certificate))

    @property
    def root(self) -> Trust:
        """What somebody has who was given the root's certificate, and nothing else."""
        return Trust((self.bureau.root.der,))


def files_of(bureau: Bureau) -> Files:
    """Let a customer sign."""
    person = bureau.room.person()
    certificate = person.has_certificate().der
    one = paper(2)
    signed = bureau.signs(one, person, certificate)
    plain = bureau.signs(one, person, certificate, stamped=False)
    return Files(bureau, person, certificate, plain, signed, bureau.archives(signed, certificate))


def new_room(url: str, folder: Path) -> Room:
    """Set an authority up, of the same name as every other."""
    database, keyring, root = Database(url), Keyring.generate(), Root(folder, PASSPHRASES)
    with database.transaction() as session:
        ceremony.set_up(session, EmbeddedAuthority(keyring, COMPANY), root)
    return Room(database, keyring, root, Clock())


@pytest.fixture(scope="session")
def signing_house(migrated_server: Server) -> Iterator[Bureau]:
    """Lend an authority that signs, seals and archives."""
    with migrated_server.database() as url, tempfile.TemporaryDirectory(prefix="kaihu-ca-") as folder:
        room = new_room(url, Path(folder))
        yield Bureau(room)
        room.database.dispose()


@pytest.fixture(scope="session")
def elsewhere(migrated_server: Server) -> Iterator[Bureau]:
    """Lend an authority of the same name with other keys: another installation's."""
    with migrated_server.database() as url, tempfile.TemporaryDirectory(prefix="kaihu-ca-") as folder:
        room = new_room(url, Path(folder))
        yield Bureau(room)
        room.database.dispose()


@pytest.fixture(scope="session")
def files(signing_house: Bureau) -> Files:
    """Lend genuine files of this house."""
    return files_of(signing_house)
