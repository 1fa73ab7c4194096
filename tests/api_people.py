"""An office whose staff and systems use the API: fixtures and the persons in them.

One office a test module; every test has customers of its own.
"""

import itertools
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from PIL import Image
from sqlalchemy import select

from engine import Actor, Case, clock
from engine.desk import Held
from engine.store.tables import JournalRow
from handlers import agreements
from handlers.counter import Account, Address, CounterCustomer, PhotoRole, Profile, enrol
from tests.ca_people import request
from tests.databases import Server
from tests.product import Furnished, Running, running
from tests.signing_people import sign
from web import starting
from web.api.tokens import Tokens

HANGZHOU = "杭州营业部"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_born = itertools.count()


def id_number() -> str:
    """Return the number of an ID card that nobody had before in this test run."""
    serial = next(_born)
    body = f"330102{1950 + serial // 900:04d}0101{100 + serial % 900:03d}"
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True)) % 11]


def jpeg(shade: int) -> bytes:
    """Return a small picture."""
    out = BytesIO()
    Image.new("RGB", (8, 8), (shade, shade, shade)).save(out, "JPEG")
    return out.getvalue()


@dataclass
class Api:
    """Somebody with a token, asking."""

    app: Flask
    token: str

    def starts(self, customer: "Customer", type: str = "change_phone", key: str = "", **more: Any) -> Any:
        """Start a case for a customer, under a key of its own unless one is given."""
        body = {"type": type, "id_number": customer.profile.id_number, "account_type": "futures", **more}
        return self.post("/cases", body, headers={"Idempotency-Key": key or secrets.token_hex(8)})

    def decides(self, task: UUID, decision: str, **more: Any) -> Any:
        """Decide a review."""
        return self.post(f"/tasks/{task}/complete", {"decision": {"decision": decision, **more}})

    def inbox(self, **asked: Any) -> list[dict[str, Any]]:
        """Return the lines of the inbox."""
        return list(self.get("/tasks", query_string=asked).json["tasks"])

    def get(self, path: str, **more: Any) -> Any:
        """Ask."""
        return self.ask("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> Any:
        """Tell."""
        return self.ask("POST", path, **({} if json is None else {"json": json}), **more)

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
        """Send one request."""
        own = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.app.test_client().open(
            f"/api/v1{path}", method=method, headers={**own, **(headers or {})}, **more
        )


@dataclass
class Customer:
    """A customer with pictures on file, who fills in pages."""

    office: "Office"
    profile: Profile
    id: UUID

    @property
    def actor(self) -> Actor:
        """The customer as the engine knows them."""
        company = self.office.product.engine.parameters().company.number
        return Actor("customer", str(self.id), frozenset({"customer"}), company=company, session="a phone")

    def starts(self, type: str = "change_phone") -> Case:
        """Begin a change on the pages."""
        who = self.office.web.customers.get(self.id)
        assert who is not None
        with self.office.app.app_context():
            return starting.begin(type, who, self.actor)

    def submits(self, case_id: UUID | None = None, number: str = "") -> UUID:
        """Fill in a change of phone to the end; return the case's id."""
        case_id = case_id or self.starts().id
        number = number or f"0571-8{secrets.randbelow(10**7):07d}"
        answers: dict[str, dict[str, Any]] = {
            "upload_photos": {"photo_consent": True, "certificate_duties": True},
            "phone": {"phone": {"number": number}},
            "agreements": {"agreements": {"agreed": True}},
        }
        cases = self.office.product.engine.cases
        task_id = cases.of(case_id, self.actor).next_task
        while task_id is not None:
            form = cases.task(task_id, self.actor).form
            self._reads(task_id)
            if form.id == "agreements":
                self._signs(task_id)
            task_id = cases.complete(task_id, self.actor, answers[form.id]).next_task
        return case_id

    def _reads(self, task_id: UUID) -> None:
        """Read every document of a page to its end."""
        view = self.office.product.engine.cases.task(task_id, self.actor)
        listed = {d["code"] for d in (view.data.get("agreements") or {}).get("documents", [])}
        for component in view.form.walk():
            if component.type == "agreements" or (component.type == "agreement" and not component.text):
                codes = listed or {str(component.properties.get("document"))}
                self._lays(task_id, component.key, codes)

    def _signs(self, task_id: UUID) -> None:
        """Sign the papers of a page, with a certificate made for it."""
        web, now = self.office.web, clock.now()
        view = web.engine.cases.task(task_id, self.actor)
        case, profile = view.case, view.data["profile"]
        content = view.data["agreements"]["content"]
        key = ec.generate_private_key(ec.SECP256R1())
        web.papers.write(str(case.id))
        with web.engine.database.transaction() as session:
            until = now + timedelta(hours=1)
            nonce = web.certificates.enrol(
                session, case_id=case.id, owner=case.owner, now=now, expires_at=until
            )
            certificate = web.certificates.issue(
                session, request(key, nonce), case_id=case.id, owner=case.owner, name=profile["name"],
                id_number=profile["id_number"], device="", now=now,
            )  # fmt: skip
            papers = web.papers.of(session, case.id, content)
            ticket = web.signing.ticket(
                session, case_id=case.id, owner=case.owner, browser_session="test", certificate=certificate,
                papers=list(papers.values()), now=now,
            )  # fmt: skip
        made = {code: sign(key, one.digest, certificate.der) for code, one in papers.items()}

        def accept(desk: Held) -> None:
            web.signing.accept(
                desk.session, desk.key, token=ticket.token, case_id=case.id, owner=case.owner,
                browser_session="test", signatures=made, dated=web.signing.tokens(made), content=content,
                needed={code: one.document_sha256 for code, one in papers.items()}, now=now,
            )  # fmt: skip
            desk.held["signed"] = {"content": content, "serial": certificate.serial, "at": now.isoformat()}

        web.engine.desk.hold(task_id, self.actor, accept)

    def _lays(self, task_id: UUID, key: str, codes: set[str]) -> None:
        def lay(desk: Held) -> None:
            documents = [agreements.document(code) for code in codes]
            now = clock.now().isoformat()
            desk.held[key] = {
                d.code: {"version": d.version, "sha256": d.sha256, "opened_at": now, "finished_at": now}
                for d in documents
            }

        self.office.product.engine.desk.hold(task_id, self.actor, lay)


class Office:
    """A company with staff, systems and customers."""

    def __init__(self, running: Running) -> None:
        self.product = running.product
        self.web = running.product.web
        self.app = running.app
        self.running = running
        self.tokens = Tokens(self.web.engine, self.web.staff)
        self.staff = {member.login: member.id for member in self.web.staff.everybody()}

    def person(self, login: str, **more: Any) -> Api:
        """Return a member of staff with a token of their own."""
        made = self.tokens.create(f"{login}-tool", by="system:tests", login=login, **more)
        return Api(self.app, made.token)

    def machine(self, *roles: str, name: str = "crm", **more: Any) -> Api:
        """Return another system of the company."""
        made = self.tokens.create(name, by="system:tests", roles=frozenset(roles or {"integrator"}), **more)
        return Api(self.app, made.token)

    def profile(self, **values: Any) -> Profile:
        """Return the profile of somebody new."""
        number = id_number()
        plain: dict[str, Any] = {
            "customer_no": f"9{number[6:17]}",
            "name": "赵敏",
            "id_number": number,
            "valid_from": date(2018, 7, 20),
            "valid_until": date(2038, 7, 20),
            "mobile": f"138{secrets.randbelow(10**8):08d}",
            "contact_phone": "0571-87650000",
            "address": Address(province="浙江省", city="杭州市", district="西湖区", detail="文三路478号"),
            "accounts": (Account(type="futures", status="normal", branch=HANGZHOU),),
        }
        return Profile(**{**plain, **values})

    def customer(self, *, signed_in: bool = True, **values: Any) -> Customer:
        """Return a new customer, known to the counter.

        :param signed_in: has signed in here before.
        """
        profile = self.profile(**values)
        engine = self.product.engine
        pictures: dict[PhotoRole, bytes] = {"front": jpeg(1), "back": jpeg(2), "signature": jpeg(3)}
        enrol(engine.database, engine.keyring, profile, pictures)
        if not signed_in:
            return Customer(self, profile, UUID(int=0))
        found = CounterCustomer(
            customer_no=profile.customer_no, name=profile.name, id_number=profile.id_number,
            account=profile.accounts[0], mobile=profile.mobile,
        )  # fmt: skip
        with engine.database.transaction() as session:
            who = self.web.customers.enter(session, found, engine.parameters(), clock.now())
        return Customer(self, profile, who.id)

    def submitted(self) -> UUID:
        """Return a task that waits for a first review, of a new customer."""
        return self.review_of(self.customer().submits())

    def actor(self, login: str) -> Actor:
        """Return a member of staff as the engine knows them, on the pages."""
        found = self.web.staff.actor(str(self.staff[login]), "a browser")
        assert found is not None
        return found

    def review_of(self, case_id: UUID) -> UUID:
        """Return the open review of a case."""
        reviewer = self.actor("reviewer2")
        return next(r.task_id for r in self.product.engine.inbox.list(reviewer) if r.case_id == case_id)

    def journal(self, subject: str) -> list[str]:
        """Return what a journal says happened, in order."""
        with self.product.engine.database.reading() as session:
            found = select(JournalRow.kind).where(JournalRow.subject == subject).order_by(JournalRow.seq)
            return list(session.scalars(found))


@pytest.fixture(scope="module")
def office(
    migrated_server: Server, furnished: Furnished, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """Open an office for the tests of one module."""
    data = tmp_path_factory.mktemp("office")
    shutil.copy(furnished.keyring, data / "keyring.json")
    with migrated_server.copy_of(furnished.name) as url, running(url, data, furnished.secrets) as made:
        yield Office(made)


@pytest.fixture
def crm(office: Office) -> Api:
    """Another system of the company, which may start cases."""
    return office.machine()


@pytest.fixture
def program(office: Office) -> Api:
    """What a reviewer at 杭州营业部 wrote to work faster."""
    return office.person("reviewer1")


@pytest.fixture
def colleague(office: Office) -> Api:
    """The same for the other reviewer there."""
    return office.person("reviewer2")
