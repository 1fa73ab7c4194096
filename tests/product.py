"""One whole product on a database of the test's own, and the people who use it.

``product`` is wired like the real one: shipped diagrams and forms, the embedded counter and telephone,
fixtures C01 to C10 and staff of every role. ``customer`` and ``reviewer`` act through the pages; what
a worker does is done by ``product.run_jobs()``.
"""

import contextlib
import re
import shutil
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from engine import Actor, clock
from engine.store.tables import CaseRow, JobRow, WorkItemRow
from handlers import agreements, fixtures, inspection, moods, passwords, signing, specimens
from handlers.certificates import EmbeddedAuthority, ceremony, unlocking_proof
from handlers.counter.protocol import Profile
from handlers.notices import Deliveries, NoticeRow
from handlers.photos import JOB, pool_of
from handlers.photos.seen import Examination, Wishes
from handlers.recordings import JOB as FINISH
from handlers.recordings import Finalizer
from handlers.sms import SentSms, outbox
from ops.wiring import Product, shipped, wire
from tests import agents_at_work
from tests.ca_people import request
from tests.databases import Server
from tests.waiting import wait_until
from web.app import create_app
from web.settings import Settings

# Strong hashes of eleven passwords a test would take longer than the test.
passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)

#: Wednesday 2026-03-18 10:00 in Shanghai, the day of the scenarios.
SCENARIO_DAY = datetime(2026, 3, 18, 2, 0, tzinfo=UTC)
DATA_PAGES = {"change_phone": "phone", "change_id_validity": "identity", "change_other_info": "other"}


def settings_for(database_url: str, data: Path, **more: Any) -> Settings:
    """Return the settings of a demonstration on ``database_url``."""
    return Settings(DATABASE_URL=database_url, mode="demo", data=data, **more)  # type: ignore[call-arg]


@dataclass
class Running:
    """A product, its pages, and the time of day."""

    product: Product
    app: Flask
    secrets: Mapping[str, Any]
    #: Business time is this much ahead of the machine's.
    ahead: timedelta = field(default_factory=timedelta)
    #: A worker of its own process does the jobs.
    has_worker: bool = False

    @property
    def engine(self) -> Any:
        """The engine."""
        return self.product.engine

    def client(self) -> FlaskClient:
        """Return a browser of its own."""
        return self.app.test_client()

    def run_jobs(self, rounds: int = 20) -> None:
        """Do what a worker would do now: service tasks, then messages; until nothing is due."""
        deliveries = Deliveries(self.engine, self.product.sms)
        for _ in range(rounds):
            with self.engine.database.reading() as session:
                due = select(JobRow.case_id, JobRow.task_id).where(
                    JobRow.state == "waiting", JobRow.due_at <= clock.now()
                )
                jobs = session.execute(due).all()
                unsent = session.scalars(select(NoticeRow.id).where(NoticeRow.sent_at.is_(None))).all()
            if not jobs and not unsent:
                return
            for case_id, task_id in jobs:
                self.engine.jobs.run(case_id, task_id)
            for notice in unsent:
                deliveries.deliver(str(notice))

    def examine_pictures(self) -> None:
        """Examine what was uploaded, as a worker would, or wait for the worker there is."""
        self.work_off(JOB, self.product.web.intake.examine)

    def write_papers(self) -> None:
        """Write the papers that customers wait for."""
        self.work_off(agreements.JOB, self.product.web.papers.write)

    def inspect(self) -> None:
        """Verify what was signed."""
        self.work_off(inspection.JOB, self.product.web.inspection.inspect)

    def archive(self) -> None:
        """Date, seal and archive what was signed; recordings are finished by then."""
        finalizer = Finalizer(self.engine, self.product.web.settings.recordings_folder)
        self.work_off(FINISH, finalizer.finish)
        self.work_off(signing.JOB, self.product.web.signing.archive)

    def work_off(self, job: str, function: Callable[..., Any]) -> None:
        """Do what is queued under a name, as a worker would, or wait for the worker there is."""
        if self.has_worker:
            wait_until(lambda: not self._queued(job))
            return
        for number, arguments in self._queued(job):
            function(**arguments)
            with self.engine.database.transaction() as session:
                session.execute(text("delete from procrastinate_jobs where id = :id"), {"id": number})

    def _queued(self, job: str) -> list[tuple[int, dict[str, Any]]]:
        waiting = (
            "select id, args from procrastinate_jobs "
            "where task_name = :name and status in ('todo', 'doing') order by id"
        )
        with self.engine.database.reading() as session:
            return [(i, args) for i, args in session.execute(text(waiting), {"name": job})]

    def messages(self, number: str | None = None) -> list[SentSms]:
        """Return the SMS that arrived, newest first."""
        return outbox(self.engine.database, self.engine.keyring, 100, number)

    def counter_is(self, mode: moods.Mode, **more: Any) -> None:
        """Put the counter into a mood."""
        moods.set_mood(self.engine.database, "counter", mode, **more)

    def profile(self, key: str) -> Any:
        """Return what the counter has of a fixture."""
        return self.product.web.counter.profile(fixtures.CUSTOMERS[key].customer_no)

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.ahead += timedelta(**span)
        clock.set_offset(self.ahead.total_seconds())

    def rows(self) -> list[CaseRow]:
        """Return every case, oldest first."""
        with self.engine.database.reading() as session:
            return list(session.scalars(select(CaseRow).order_by(CaseRow.opened_at)))


@dataclass(frozen=True)
class Furnished:
    """A database with the shipped release and the fixtures in it, and what belongs to it."""

    #: Its name; each test has a copy.
    name: str
    keyring: Path
    secrets: Mapping[str, Any]


@pytest.fixture(scope="session")
def furnished(migrated_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    """Furnish one database for all tests of this process."""
    data = tmp_path_factory.mktemp("furnished")
    with migrated_server.database() as url:
        made = wire(settings_for(url, data))
        made.engine.releases.publish(shipped(), "tests")
        assert isinstance(made.web.authority, EmbeddedAuthority)
        ceremony.set_up_demo(made.engine.database, made.web.authority, data / "ca")
        told = fixtures.seed(made.engine.database, made.engine.keyring)
        made.engine.database.dispose()
        yield Furnished(url.rpartition("/")[2].partition("?")[0], data / "keyring.json", told["staff"])


_pool = pool_of(1)
_examined: dict[Any, Examination] = {}


def examined_once(content: bytes, slot: str, limits: Mapping[str, float], wishes: Wishes) -> Examination:
    """Examine a picture as a worker does; the very same one is looked at once in a run of tests."""
    key = (content, slot, tuple(limits.items()), str(wishes))
    if key not in _examined:
        _examined[key] = _pool(content, slot, limits, wishes)
    return _examined[key]


@contextlib.contextmanager
def running(database_url: str, data: Path, secrets: Mapping[str, Any], **more: Any) -> Iterator[Running]:
    """Lend a product that runs on the day of the scenarios."""
    ahead = SCENARIO_DAY - datetime.now(UTC)
    made = wire(settings_for(database_url, data, clock_offset=ahead.total_seconds(), **more))
    made.web.customers._beat = 0.0  # a test does not wait for even time; one of its own does
    made.web.intake._examiner = examined_once
    app = create_app(made.web)
    try:
        yield Running(made, app, secrets, ahead)
    finally:
        clock.set_offset(0)
        made.engine.database.dispose()


@pytest.fixture
def product(migrated_server: Server, furnished: Furnished, tmp_path: Path) -> Iterator[Running]:
    """Lend a whole product."""
    shutil.copy(furnished.keyring, tmp_path / "keyring.json")
    with migrated_server.copy_of(furnished.name) as url, running(url, tmp_path, furnished.secrets) as made:
        yield made


@pytest.fixture
def customer(product: Running) -> "Customer":
    """Lend somebody with a browser, not signed in yet."""
    return Customer(product)


@pytest.fixture
def another_customer(product: Running) -> "Customer":
    """Lend a second one, with a browser of their own."""
    return Customer(product)


@pytest.fixture
def reviewer(product: Running) -> "Reviewer":
    """Lend the first reviewer of 杭州营业部, signed in."""
    return Reviewer(product, "reviewer1").signs_in()


@pytest.fixture
def second_reviewer(product: Running) -> "Reviewer":
    """Lend the second reviewer of 杭州营业部, signed in."""
    return Reviewer(product, "reviewer2").signs_in()


@pytest.fixture
def staff(product: Running) -> Callable[[str], "Reviewer"]:
    """Lend any member of staff by login, signed in."""
    return lambda login: Reviewer(product, login).signs_in()


class Person:
    """Somebody with a browser."""

    def __init__(self, product: Running) -> None:
        self.product = product
        self.browser = product.client()
        self.page: TestResponse | None = None

    def opens(self, path: str, **options: Any) -> TestResponse:
        """Go to an address and follow where it leads."""
        self.page = self.browser.get(path, follow_redirects=True, **options)
        return self.page

    def posts(self, path: str, data: Any = None, *, follow: bool = True, **options: Any) -> TestResponse:
        """Send a form of the page that is open, with its token."""
        sent = {**(data or {})}
        sent.setdefault("csrf_token", self.token)
        self.page = self.browser.post(path, data=sent, follow_redirects=follow, **options)
        return self.page

    @property
    def token(self) -> str:
        """The token of the page that is open."""
        if self.page is None or not (found := _TOKEN.search(self.page.text)):
            self.opens("/login" if not isinstance(self, Reviewer) else "/desk/login")
            found = _TOKEN.search(self.text)
        assert found, "the page has no token"
        return found[1]

    @property
    def text(self) -> str:
        """What the open page says."""
        assert self.page is not None, "no page is open"
        return unescape(self.page.text)

    @property
    def address(self) -> str:
        """Where the open page is."""
        assert self.page is not None, "no page is open"
        return self.page.request.path

    def sees(self, words: str) -> bool:
        """Tell whether the open page says ``words``."""
        return words in self.text


_TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')
_REVISION = re.compile(r'name="revision" value="(\d+)"')


class Customer(Person):
    """A customer, acting through the pages."""

    #: Whose card this person has in hand.
    who: Profile = fixtures.CUSTOMERS["C01"]
    #: What this person's browser keeps: the key, and the serial of its certificate.
    key: ec.EllipticCurvePrivateKey | None = None
    serial: str = ""

    def fills_in_login(self, key: str, account_type: str = "futures", **more: Any) -> dict[str, Any]:
        """Return the sign-in form of a fixture with a right captcha."""
        self.opens("/login")
        self.browser.get("/captcha.png")  # as a browser does: one that is too old is replaced
        return {
            "id_number": _id_number(key),
            "account_type": account_type,
            "captcha": self.captcha(),
            "privacy": "yes",
            **more,
        }

    def captcha(self) -> str:
        """Return the right answer to the captcha on the page, as the demonstration's phone shows it."""
        page = self.browser.get("/demo/phone").text
        found = re.search(r'demo-code">([^<]+)<', page)
        assert found, "no captcha is open"
        return found[1].strip()

    def asks_for_code(self, key: str, account_type: str = "futures", **more: Any) -> TestResponse:
        """Press 获取短信验证码."""
        return self.posts("/login/code", self.fills_in_login(key, account_type, **more))

    def received_code(self, number: str) -> str:
        """Return the newest code that came to a number."""
        return code_in(self.product.messages(number)[0].text)

    def signs_in(self, key: str, account_type: str = "futures") -> "Customer":
        """Sign in as a fixture, from captcha to profile."""
        self.who = fixtures.CUSTOMERS[key]
        self.asks_for_code(key, account_type)
        assert self.page is not None
        assert self.page.status_code == 200, self.text
        code = self.received_code(fixtures.CUSTOMERS[key].mobile)
        form = {"id_number": _id_number(key), "account_type": account_type, "code": code, "privacy": "yes"}
        self.posts("/login", form)
        assert self.address == "/me", self.text
        return self

    def starts(self, type: str) -> "Customer":
        """Press 修改, with a card in hand that is valid."""
        if type == "change_id_validity" and (self.who.valid_until or date.max) < clock.today():
            self.who = fixtures.renewed(self.who, clock.today())
        self.opens("/me")
        self.posts(f"/me/start/{type}")
        return self

    @property
    def task(self) -> str:
        """The task whose page is open."""
        found = re.search(r"/me/tasks/([0-9a-f-]{36})", self.address)
        assert found, f"no task is open but {self.address}: {self.text[:2000]}"
        return found[1]

    @property
    def case(self) -> UUID:
        """The case of the open page; elsewhere the newest there is."""
        found = re.search(r"/me/tasks/([0-9a-f-]{36})", self.address)
        if found is None:
            return self.product.rows()[-1].id
        with self.product.engine.database.reading() as session:
            return session.get_one(WorkItemRow, UUID(found[1])).case_id

    @property
    def revision(self) -> str:
        """The desk's revision the open page was made from."""
        found = _REVISION.search(self.text)
        return found[1] if found else "0"

    def uploads(
        self, slot: str, picture: bytes | None = None, name: str | None = None, *, waits: bool = True
    ) -> TestResponse:
        """Put in one picture the way scripts do, and wait for what the page then shows; the page stays."""
        content = picture if picture is not None else photo(slot, self.who)
        data = {
            "csrf_token": self.token,
            "slot": slot,
            "photo_consent.agreed": "true",
            slot: (BytesIO(content), name or f"{slot}.jpg", "image/jpeg"),
        }
        headers = {"Accept": "application/json"}
        answer = self.browser.post(f"/me/tasks/{self.task}/files", data=data, headers=headers)
        if answer.status_code != 200 or not waits:
            return answer
        self.product.examine_pictures()
        return self.browser.get(f"/me/tasks/{self.task}/files/{slot}/state", headers=headers)

    def reads(self, *codes: str) -> "Customer":
        """Open each document of the page and read it to its end."""
        task = self.task
        for code in codes:
            self.opens(f"/me/tasks/{task}/agreements/{code}")
            found = re.search(r'name="version" value="([^"]*)"', self.text)
            self.product.later(seconds=5)
            self.posts(f"/me/tasks/{task}/agreements/{code}", {"version": found[1] if found else ""})
            if self.product.has_worker:
                # Other processes go by the true time: what is done next must not lie before it.
                self.product.later(seconds=-5)
        self.opens(f"/me/tasks/{task}")
        return self

    def answers(self, **fields: Any) -> TestResponse:
        """Press 下一步; ``__`` in a name stands for a dot."""
        task = self.task
        data = {name.replace("__", "."): value for name, value in fields.items()}
        return self.posts(f"/me/tasks/{task}", {"revision": self.revision, **data})

    def goes_back(self, **fields: Any) -> TestResponse:
        """Press 上一步."""
        data = {name.replace("__", "."): value for name, value in fields.items()}
        return self.posts(f"/me/tasks/{self.task}/back", data)

    def gives_pictures(self, *slots: str) -> "Customer":
        """Do the whole upload step."""
        for slot in slots or ("front", "back", "signature"):
            answer = self.uploads(slot)
            assert answer.status_code == 200, answer.text
            assert (answer.json or {})["slot"]["status"] == "done", answer.text
        self.reads("certificate_duties")
        self.answers(photo_consent__agreed="true", certificate_duties__agreed="true")
        return self

    def types_phone(self, number: str) -> "Customer":
        """Fill in the phone page, with the code that comes to the new number."""
        task = self.task
        self.posts(f"/me/tasks/{task}/code", {"phone.number": number, "revision": self.revision})
        assert self.page is not None
        assert self.page.status_code == 200, self.text
        code = self.received_code(number)
        self.opens(f"/me/tasks/{task}")
        self.answers(phone__number=number, phone__code=code)
        return self

    def signs(self) -> "Customer":
        """Read all agreements and sign them; with a witness and a new certificate where there is none."""
        self.reads_agreements()
        self.answers(
            agreements__agreed="true",
            agreements__way="" if self.may_sign else "apply",
            agreements__device=self.serial,
        )
        if self.is_to_be_witnessed:
            self.is_witnessed()
        if self.sees("数字证书申请"):
            self.installs_certificate()
            self.answers()
        return self.signs_papers()

    @property
    def is_to_be_witnessed(self) -> bool:
        """Whether the open page is 视频见证."""
        return 'id="page-title">视频见证<' in self.text

    def is_witnessed(self, decision: str = "approve", **more: Any) -> "Customer":
        """Be witnessed by an agent, and go where that leads; see ``agents_at_work``."""
        task = self.task
        agents_at_work.witness(self.product.product.web, self.case, decision, **more)
        self.product.run_jobs()
        self.opens(f"/me/tasks/{task}")
        return self

    @property
    def may_sign(self) -> bool:
        """Whether the open page lets sign with the certificate in hand."""
        found = re.search(
            r'data-module="signing"[^>]*data-serial="([0-9a-f]*)" data-due="([a-z]*)"', self.text
        )
        return found is not None and bool(self.serial) and found.groups() == (self.serial, "")

    def reads_agreements(self) -> "Customer":
        """Read every agreement of the open page to its end."""
        self.product.write_papers()
        codes = re.findall(rf"/me/tasks/{self.task}/agreements/([a-z_]+)", self.text)
        return self.reads(*dict.fromkeys(codes))

    def sends(self, path: str, **json: Any) -> TestResponse:
        """Send what a script of the open page sends."""
        return self.browser.post(path, json=json, headers={"X-CSRFToken": self.token})

    def installs_certificate(self) -> "Customer":
        """Do what the page does on 申请并安装; the key stays with this person."""
        at = f"/me/tasks/{self.task}/certificate"
        self.key = ec.generate_private_key(ec.SECP256R1())
        blinded = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        nonce = self.sends(f"{at}/nonce", blinded=b64encode(blinded).decode()).json
        assert nonce, "no nonce"
        csr = b64encode(request(self.key, nonce["nonce"])).decode()
        issued = self.sends(at, csr=csr)
        assert issued.status_code == 200, issued.text
        self.serial = (issued.json or {})["serial"]
        wrapped = self.sends(f"{at}/evaluate", serial=self.serial, blinded=b64encode(blinded).decode())
        assert wrapped.status_code == 200, wrapped.text
        challenge = b64decode((wrapped.json or {})["challenge"])
        proof = self.key.sign(unlocking_proof(self.serial, challenge), ec.ECDSA(SHA256()))
        done = self.sends(f"{at}/installed", serial=self.serial, signature=b64encode(proof).decode())
        assert done.status_code == 200, done.text
        return self

    def asks_for_ticket(self) -> TestResponse:
        """Ask for the right to sign the papers of the open page."""
        return self.sends(f"/me/tasks/{self.task}/signing/ticket", serial=self.serial)

    def signs_papers(self, told: Mapping[str, Any] | None = None) -> "Customer":
        """Sign the papers as the browser does, once it has the password; the page goes where it leads."""
        self.product.write_papers()
        task = self.task
        if told is None:
            asked = self.asks_for_ticket()
            assert asked.status_code == 200, asked.text
            told = asked.json or {}
        signatures = [
            {"code": one["code"], "signature": b64encode(self.signature_of(told, one)).decode()}
            for one in told["papers"]
        ]
        done = self.sends(f"/me/tasks/{task}/signing", ticket=told["ticket"], signatures=signatures)
        assert done.status_code == 200, done.text
        self.opens((done.json or {})["next"])
        return self

    def signature_of(self, told: Mapping[str, Any], one: Mapping[str, Any]) -> bytes:
        """Return a signature over one paper, checked against its file as the browser checks it."""
        pdf = self.browser.get(one["url"]).data
        digest = sha256(pdf[: one["start"]] + pdf[one["end"] :]).digest()
        assert digest.hex() == one["digest"]
        attributes = signing.attributes(digest, b64decode(told["certificate"]))
        assert self.key is not None
        return self.key.sign(attributes, ec.ECDSA(SHA256()))

    def submits_phone(self, number: str = "13612345678") -> "Customer":
        """Walk through the whole phone change, up to 待复核."""
        self.starts("change_phone").gives_pictures().types_phone(number).signs()
        assert self.sees("已成功提交"), self.text
        self.product.run_jobs()
        return self


class Reviewer(Person):
    """A member of staff, acting through the pages."""

    def __init__(self, product: Running, login: str) -> None:
        super().__init__(product)
        self.login = login

    def signs_in(self) -> "Reviewer":
        """Sign in with password and one-time number."""
        told = self.product.secrets[self.login]
        self.opens("/desk/login")
        code = fixtures.totp_now(told["totp"])
        self.posts("/desk/login", {"username": self.login, "password": told["password"], "code": code})
        assert self.address == "/desk", self.text
        return self

    @property
    def actor(self) -> Actor:
        """Who this is to the engine."""
        staff = self.product.product.web.staff
        member = next(m for m in staff.everybody() if m.login == self.login)
        found = staff.actor(str(member.id), "test")
        assert found
        return found

    def tasks(self) -> list[Any]:
        """Return what waits in the inbox."""
        return list(self.product.engine.inbox.list(self.actor))

    def claims(self, task: UUID | None = None) -> "Reviewer":
        """Take a task, the most urgent one unless it is named."""
        self.opens("/desk")
        self.posts(f"/desk/tasks/{task or self.tasks()[0].task_id}/claim")
        return self

    @property
    def task(self) -> str:
        """The task whose page is open."""
        found = re.search(r"/desk/tasks/([0-9a-f-]{36})", self.address)
        assert found, f"no task is open but {self.address}: {self.text[:2000]}"
        return found[1]

    def decides(self, decision: str, **fields: Any) -> TestResponse:
        """Send a decision and let the worker do what follows."""
        answer = self.posts(f"/desk/tasks/{self.task}", {"decision": decision, **fields})
        self.product.run_jobs()
        return answer

    def approves(self) -> TestResponse:
        """通过."""
        return self.decides("approve")

    def returns(self, *reasons: str, **fields: Any) -> TestResponse:
        """打回, with reasons."""
        return self.decides("return", reasons=list(reasons), **fields)

    def rejects(self, *reasons: str, **fields: Any) -> TestResponse:
        """不通过, with reasons."""
        return self.decides("reject", reasons=list(reasons), **fields)


def code_in(text: str) -> str:
    """Return the six digits of a message."""
    found = re.search(r"(?<!\d)\d{6}(?!\d)", text)
    assert found, text
    return found[0]


def _id_number(key: str) -> str:
    return fixtures.CUSTOMERS[key].id_number if key in fixtures.CUSTOMERS else fixtures.MINOR[1]


def photo(slot: str, who: Profile = fixtures.CUSTOMERS["C01"], again: bool = False) -> bytes:
    """Return a photo that passes every check: of a person's own card, or of a signature.

    :param again: another photo of the same, as one takes when the first was sent back.
    """
    taken = specimens.of(slot, who)
    if not again:
        return taken
    out = BytesIO()
    Image.open(BytesIO(taken)).save(out, "JPEG", quality=85)
    return out.getvalue()


def wait_for_new_totp() -> None:
    """Wait until another one-time number is valid; each may be used once."""
    time.sleep(30 - time.time() % 30 + 0.1)
