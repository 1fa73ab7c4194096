"""A running Kaihu for journeys: web and worker as processes of their own, on Wednesday 2026-03-18 10:00.

The test process looks into the same database with the same keys, to ask the counter and the telephone
what they hold. Every person is new: like one of C01 to C10, with an ID number and a phone of their own,
so that no test finds what another one left.
"""

import contextlib
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from sqlalchemy import func, select

from engine import clock, parameters
from engine.store.tables import CaseRow, FileRow
from forms.rules.id_number import check_character
from handlers import fixtures, moods
from handlers.counter import AccountType, Profile, enrol
from handlers.customers import Customer
from handlers.sms import SentSms, outbox
from ops.children import die_with_parent
from ops.launch import answers, command, environment, free_port
from ops.wiring import Product, wire
from tests.product import SCENARIO_DAY, Running, code_in, settings_for
from tests.waiting import wait_until
from web.app import create_app

#: Seconds in which a process must be there, and in which it must end.
PATIENCE = 60.0


class Kaihu:
    """One product that runs, and what its counter and its telephone hold.

    :param product: the parts on the same database, in this process.
    """

    def __init__(
        self,
        address: str,
        data: Path,
        product: Product,
        ahead: timedelta,
        environ: dict[str, str] | None = None,
    ) -> None:
        self.address = address
        self.data = data
        self.product = product
        self.ahead = ahead
        self._environ = environ or {}
        self._serial = count(1)
        self._app = create_app(product.web)

    def now(self) -> datetime:
        """Return business time."""
        return datetime.now(UTC) + self.ahead

    def somebody_like(self, key: str) -> Profile:
        """Give the counter a new customer, like a fixture of domain 3.16, and return what it has of them."""
        like, serial = fixtures.CUSTOMERS[key], next(self._serial)
        mobile = self.new_mobile(like.mobile[:3])
        profile = like.model_copy(
            update={
                "customer_no": f"9{int(key[1:]):02d}{serial:05d}",
                "id_number": another_number(like.id_number, serial),
                "mobile": mobile,
                "contact_phone": mobile if like.contact_phone == like.mobile else like.contact_phone,
            }
        )
        pictures = {role: fixtures.specimen(role, profile.name) for role in sorted(profile.photos)}
        assert enrol(self.product.engine.database, self.product.engine.keyring, profile, pictures)
        return profile

    def new_mobile(self, prefix: str = "136") -> str:
        """Return a mobile number that nobody has."""
        return f"{prefix}{55_000_000 + next(self._serial):08d}"

    def profile(self, of: Profile) -> Profile:
        """Return what the counter has of a customer now."""
        return self.product.web.counter.profile(of.customer_no)

    def case(self, number: str) -> CaseRow:
        """Return the application with an acceptance number."""
        with self.product.engine.database.reading() as session:
            return session.scalars(select(CaseRow).where(CaseRow.number == number)).one()

    def open_case(self, profile: Profile) -> CaseRow:
        """Return the only open application of a customer."""
        with self.product.engine.database.reading() as session:
            owner = str(self._customer(profile).id)
            return session.scalars(
                select(CaseRow).where(CaseRow.owner == owner, CaseRow.closed_at.is_(None))
            ).one()

    def pictures_kept(self, case: CaseRow) -> int:
        """Count the pictures that an application has taken in."""
        with self.product.engine.database.reading() as session:
            counted = select(func.count()).select_from(FileRow)
            counted = counted.where(FileRow.case_id == case.id, FileRow.role.endswith(".original"))
            return session.scalar(counted) or 0

    def ends_sessions(self, profile: Profile) -> None:
        """Let every session of a customer time out."""
        self.product.web.sessions.end_all("customer", str(self._customer(profile).id))

    def _customer(self, profile: Profile) -> Customer:
        web = self.product.web
        company = web.engine.parameters().company.number
        return web.customers.of_person(profile.id_number, company)[0]

    def counter_is(self, mode: moods.Mode) -> None:
        """Put the counter into a mood."""
        moods.set_mood(self.product.engine.database, "counter", mode)

    def messages(self, number: str) -> list[SentSms]:
        """Return the SMS that came to a number, newest first."""
        return outbox(self.product.engine.database, self.product.engine.keyring, 50, number)

    def code_at(self, number: str) -> str:
        """Return the newest code at a number."""
        return code_in(self.messages(number)[0].text)

    def session_of(self, profile: Profile, account_type: AccountType = "futures") -> str:
        """Sign a customer in without their phone: sign-ins are limited by the hour. Return the cookie."""
        web = self.product.web
        found = web.counter.find(profile.id_number, account_type)
        assert found is not None, profile.name
        with web.engine.database.transaction() as session:
            customer = web.customers.enter(session, found, web.engine.parameters(), self.now())
        return web.sessions.begin("customer", str(customer.id), {"csrf_token": secrets.token_hex(20)})[0]

    def session_of_staff(self, login: str) -> str:
        """Sign a member of staff in without a one-time number: each is good once in 30 s."""
        member = next(m for m in self.product.web.staff.everybody() if m.login == login)
        data = {"csrf_token": secrets.token_hex(20)}
        return self.product.web.sessions.begin("staff", str(member.id), data)[0]

    @contextlib.contextmanager
    def carrying_calls(self) -> Iterator["MediaPart"]:
        """Run a media node as well."""
        media = MediaPart(self.data, self._environ)
        try:
            yield media.starts()
        finally:
            stop(media.process)

    @contextlib.contextmanager
    def quickly(self) -> Iterator[Running]:
        """Lend the same pages without a browser, to get somebody to the step where their test begins."""
        clock.set_offset(self.ahead.total_seconds())
        try:
            yield Running(self.product, self._app, {}, self.ahead, has_worker=True)
        finally:
            clock.set_offset(0)


@contextlib.contextmanager
def running(database_url: str, data: Path) -> Iterator[Kaihu]:
    """Start a product on an empty, migrated database; stop it afterwards."""
    port = free_port(0)
    told = {**os.environ, "KAIHU_DEMO_NOW": SCENARIO_DAY.isoformat(), "KAIHU_MODE": "demo"}
    environ = environment(data, database_url, port, told)
    offset = float(environ["KAIHU_CLOCK_OFFSET"])
    with contextlib.ExitStack() as started:
        assert start("seed", data, environ).wait(PATIENCE) == 0, (data / "seed.log").read_text()
        product = wire(settings_for(database_url, data, clock_offset=offset))
        started.callback(product.engine.database.dispose)
        clock.set_offset(0)  # this process has other tests, too
        # All browsers of a run come from one address.
        parameters.change(
            product.engine.database, {"limits": {"address_per_hour": 1000}}, "a", "b", SCENARIO_DAY
        )
        for name, more in (("web", ("--port", str(port))), ("worker", ())):
            started.callback(stop, start(name, data, environ, *more))
        wait_until(lambda: answers(port), PATIENCE)
        yield Kaihu(f"http://localhost:{port}", data, product, timedelta(seconds=offset), environ)


class MediaPart:
    """The process that carries calls."""

    process: "subprocess.Popen[bytes]"
    #: How often it was killed.
    kills = 0

    def __init__(self, data: Path, environ: dict[str, str]) -> None:
        self._data = data
        self._environ = environ

    def starts(self) -> "MediaPart":
        """Start it, and wait until it is ready."""
        self.process = start("media", self._data, self._environ, "--keep")
        return self.is_ready()

    def is_killed(self) -> "MediaPart":
        """End it by kill -9, and wait until its keeper has another one ready."""
        return self.dies().is_ready()

    def dies(self) -> "MediaPart":
        """End it by kill -9."""
        keeper = self.process.pid
        (child,) = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
        self.kills += 1
        return self

    def is_ready(self) -> "MediaPart":
        """Wait until it says so."""
        said = self._data / "media.log"
        wait_until(lambda: said.read_bytes().count(b"media node ready") > self.kills, PATIENCE)
        return self


def start(name: str, data: Path, environ: dict[str, str], *more: str) -> "subprocess.Popen[bytes]":
    """Start one part; what it says goes to ``<data>/<name>.log``."""
    with (data / f"{name}.log").open("wb") as said:
        return subprocess.Popen(
            [*command(name), *more],
            env=environ,
            stdout=said,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent(),
        )


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End one part."""
    process.terminate()
    try:
        process.wait(PATIENCE / 4)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def another_number(id_number: str, serial: int) -> str:
    """Return a right ID number of another person born in the same place on the same day, of the same sex."""
    sequence = (int(id_number[14:17]) + 2 * serial) % 1000
    first = f"{id_number[:14]}{sequence:03d}"
    return first + check_character(first)
