"""``kaihu ca``: the certification authority, set up and looked after by whoever runs this machine.

kaihu ca init                      make root, issuing unit, responder, timestamp unit and company seal, once
kaihu ca status                    what stands, until when; exit code 3 and the command when something is due
kaihu ca rotate ocsp|seal          put a new unit in the place of the present one
kaihu ca rotate issuing|tsa        the same; the root signs, so its custodians must be there
kaihu ca crl [--root] [--out DIR]  renew responders, publish the next lists; --root: also the root's
kaihu ca revoke UNIT --reason R    revoke a unit whose key is lost or known, such as seal-1
kaihu ca drill                     prove that the sealed root and every key open, and that all verifies

The root's key lies in a file (--folder, by default "ca" in the data folder), sealed under the passphrases
of its custodians, all of them needed in their order. After a ceremony take the file offline and bring it
back for the next one. Passphrases are asked on the terminal, or read from files (--passphrase-file, once a
custodian). A demonstration makes its own passphrase and keeps it beside the file.
"""

import argparse
import getpass
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from engine import clock, parameters
from engine.store import Database, Journal, JournalEntry, Keyring
from handlers.certificates import (
    CertificateFault,
    Company,
    EmbeddedAuthority,
    Reason,
    Root,
    ceremony,
    standing,
)
from ops import authority as authorities
from ops.keys import load
from web.settings import DOCUMENTATION_ARC, Settings, SettingsRefused

#: The journal's chain of what is done to the authority.
CHAIN = "system:ca"
BY = "system:command line"
#: Exit code of ``status`` when somebody must do something.
DUE = 3


def arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = __doc__
    actions = parser.add_subparsers(dest="action", required=True)
    init = actions.add_parser("init", help="make the whole authority, once")
    init.add_argument("--custodians", type=int, default=2, help="how many passphrases the root needs (2)")
    actions.add_parser("status", help="tell what stands")
    rotate = actions.add_parser("rotate", help="put a new unit in the place of the present one")
    rotate.add_argument("role", choices=["ocsp", "seal", "issuing", "tsa"])
    crl = actions.add_parser("crl", help="renew responders and publish the next lists")
    crl.add_argument("--root", action="store_true", help="publish the root's list too; needs its custodians")
    crl.add_argument("--out", type=Path, help="write the newest lists into this folder as DER")
    revoke = actions.add_parser("revoke", help="revoke a unit")
    revoke.add_argument("unit", help="such as seal-1")
    revoke.add_argument("--reason", choices=get_args(Reason), default="key_compromise")
    drill = actions.add_parser("drill", help="prove that the sealed root and every key open")
    for with_seal in (init, rotate):
        with_seal.add_argument("--registration", default="", help="统一社会信用代码 for the company's seal")
    for with_root in (init, rotate, crl, revoke, drill):
        with_root.add_argument("--folder", type=Path, help="where the sealed root lies")
        with_root.add_argument(
            "--passphrase-file", type=Path, action="append", default=[], help="again for each custodian"
        )


def company(settings: Settings, known: parameters.Parameters, registration: str = "") -> Company:
    """Return who runs the authority; web, worker and command line must agree on it.

    Lists are fetched without TLS from the address of the pages, so a proxy in front serves /pki/ on
    port 80 too. Linters take no bare ``localhost`` for an address.
    """
    place = urlsplit(settings.address)
    host = "127.0.0.1" if place.hostname == "localhost" else place.netloc.rpartition(":")[0] or place.netloc
    port = f":{place.port}" if place.port and place.scheme == "http" else ""
    return Company(
        known.company.name,
        f"http://{host}{port}",
        arc=settings.policy_arc,
        demonstration=settings.demo,
        registration=registration or settings.company_registration,
    )


def refuse_demonstration(settings: Settings, database: Database) -> None:
    """Refuse to work in earnest with an authority whose root's passphrase lies beside it.

    :raises SettingsRefused: telling what to do.
    """
    with database.reading() as session:
        if not settings.demo and standing.is_demonstration(session):
            raise SettingsRefused(
                "KAIHU_MODE: the certification authority in this database was made by a demonstration; "
                "use a fresh database and set one up in a ceremony: kaihu ca init"
            )


def folder_of(settings: Settings) -> Path:
    """Return where the sealed root lies, unless it is named."""
    return settings.data / "ca"


def demo_init(settings: Settings, database: Database, keyring: Keyring) -> None:
    """Set up the authority of a demonstration, if there is none; its passphrase lies beside the root.

    :raises CertificateFault: not in a demonstration.
    """
    if not settings.demo:
        raise CertificateFault("only a demonstration sets up its authority by itself")
    authority = authorities.own(settings, keyring, company(settings, parameters.current(database)))
    ceremony.set_up_demo(database, authority, folder_of(settings))


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Do it; return the exit code."""
    keyring = load(settings.keyring_file, make=settings.demo)
    database = Database(settings.database_url, pool_size=2)
    try:
        known, registration = parameters.current(database), getattr(options, "registration", "")
        authority = authorities.own(settings, keyring, company(settings, known, registration))
        held = Ceremonies(settings, options, database, keyring, authority)
        for line in held.held():
            print(line)
        if options.action == "status":
            return held.told_troubles()
    except (CertificateFault, OSError) as refused:
        print(refused, file=sys.stderr)
        return 1
    finally:
        database.dispose()
    return 0


class Ceremonies:
    """One call of the command."""

    def __init__(
        self,
        settings: Settings,
        options: argparse.Namespace,
        database: Database,
        keyring: Keyring,
        authority: EmbeddedAuthority,
    ) -> None:
        self._settings = settings
        self._options = options
        self._database = database
        self._journal = Journal(keyring)
        self._authority = authority

    def held(self) -> list[str]:
        """Hold the ceremony that was asked for; return its transcript."""
        options, authority = self._options, self._authority
        if options.action == "status":
            with self._database.reading() as session:
                return standing.state_of(session, authority)
        if options.action == "init":
            self._refuse_examples()
            sealed = self._new_root()
            return self._hold("init", lambda session: ceremony.set_up(session, authority, sealed))
        if options.action == "drill":
            opened = self._root()
            return self._hold("drill", lambda session: ceremony.drill(session, authority, opened))
        if options.action == "rotate":
            needed = self._root() if options.role in ("issuing", "tsa") else None
            return self._hold(
                f"rotate {options.role}",
                lambda session: ceremony.rotate(session, authority, options.role, needed),
            )
        if options.action == "revoke":
            signs = self._root() if options.unit.startswith(("issuing-", "tsa-")) else None
            return self._hold(
                f"revoke {options.unit}",
                lambda session: ceremony.revoke_unit(session, authority, options.unit, options.reason, signs),
            )
        return self._lists()

    def told_troubles(self) -> int:
        """Say what somebody must do; return 3 when there is anything, for monitoring."""
        with self._database.reading() as session:
            troubles = standing.troubles(session, self._authority)
        for trouble in troubles:
            print(trouble, file=sys.stderr)
        return DUE if troubles else 0

    def _lists(self) -> list[str]:
        authority = self._authority
        with self._database.transaction() as session:
            told = ceremony.renew(session, authority)
        if self._options.root:
            top = self._root()
            told += self._hold("crl", lambda session: ceremony.publish_root_crl(session, authority, top))
        if self._options.out is not None:
            told += self._write_lists(self._options.out)
        return told

    def _write_lists(self, out: Path) -> list[str]:
        out.mkdir(parents=True, exist_ok=True)
        written = []
        with self._database.reading() as session:
            for unit, _ in self._authority.units.all(session, "active", "answering"):
                if unit.role in ("root", "issuing"):
                    path = out / f"{unit.name}.crl"
                    path.write_bytes(self._authority.crl(session, unit.name))
                    written.append(f"{path} written")
        return written

    def _hold(self, what: str, act: Callable[[Session], list[str]]) -> list[str]:
        """Hold a ceremony and put its transcript into the journal, both or neither."""
        with self._database.transaction() as session:
            told = act(session)
            entry = JournalEntry(f"ca.{what.partition(' ')[0]}", BY, {"what": what, "transcript": told})
            self._journal.write_outside(session, CHAIN, entry, clock.now())
        return told

    def _refuse_examples(self) -> None:
        if not self._settings.demo and self._settings.policy_arc == DOCUMENTATION_ARC:
            raise CertificateFault(
                "KAIHU_POLICY_ARC: name the company's own arc before the authority is made; its certificates "
                "keep it. IANA gives private enterprise numbers for nothing"
            )

    def _folder(self) -> Path:
        given: Path | None = self._options.folder
        return given if given is not None else folder_of(self._settings)

    def _new_root(self) -> Root:
        options, folder = self._options, self._folder()
        if options.passphrase_file:
            return Root(folder, _read(options.passphrase_file))
        if self._settings.demo:
            return Root(folder, (ceremony.demo_passphrase(folder),))
        passphrases = []
        for number in range(1, options.custodians + 1):
            passphrase = getpass.getpass(f"passphrase of custodian {number}: ")
            if getpass.getpass("once more: ") != passphrase:
                raise CertificateFault("the two are not the same; nothing was made")
            passphrases.append(passphrase)
        return Root(folder, passphrases)

    def _root(self) -> Root:
        options, folder = self._options, self._folder()
        if options.passphrase_file:
            return Root(folder, _read(options.passphrase_file))
        if self._settings.demo and (folder / "root-passphrase").exists():
            return Root(folder, (ceremony.demo_passphrase(folder),))
        with self._database.reading() as session:
            count = ceremony.custodians(session, self._authority, folder)
        return Root(folder, [getpass.getpass(f"passphrase of custodian {n + 1}: ") for n in range(count)])


def _read(files: Sequence[Path]) -> list[str]:
    return [path.read_text("utf-8").rstrip("\r\n") for path in files]
