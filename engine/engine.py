"""One running product: the parts of the engine, joined."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from engine import parameters as company
from engine.deciding import Deciding
from engine.desk import Desk
from engine.inbox import Inbox
from engine.jobs import Jobs, Queue
from engine.operators import Catalogue, Surroundings
from engine.releases import Releases
from engine.steps import Stepper
from engine.store import Database, FileStore, Journal, Keyring

Due = Callable[["company.Parameters", datetime, timedelta], datetime]


class Engine:
    """The parts of the engine on one database.

    :param catalogue: operators and checks that handlers offer.
    :param files: folder of the sealed files.
    :param check: refuses bad release contents by raising.
    :param due: ``due(parameters, moment, duration)``: when so much service time has passed.
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        catalogue: Catalogue,
        files: Path,
        *,
        check: Callable[[Mapping[str, bytes]], None],
        due: Due,
    ) -> None:
        self.database = database
        self.keyring = keyring
        self.catalogue = catalogue
        self.files = FileStore(files)
        self.journal = Journal(keyring)
        self.queue = Queue(database.url)
        self.releases = Releases(database, check)
        self.desk = Desk(database, keyring)
        self.inbox = Inbox(database, keyring)
        self._due = due
        self.stepper = Stepper(catalogue, self.releases, self.journal, self.around, self.queue.defer)
        self.cases = Deciding(database, self.stepper, self.desk)
        self.jobs = Jobs(database, self.stepper, self.cases)

    def parameters(self) -> "company.Parameters":
        """Return the company's parameters of this moment."""
        return company.current(self.database)

    def around(self) -> Surroundings:
        """Return what operators and checks may use."""
        parameters = self.parameters()
        return Surroundings(
            self.database,
            self.keyring,
            self.files,
            parameters,
            lambda moment, duration: self._due(parameters, moment, duration),
        )
