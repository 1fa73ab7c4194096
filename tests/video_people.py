"""``zhang``, a customer on the page 视频见证 who does what its scripts do, and ``zhou``, who witnesses."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from engine.store.tables import CaseRow
from handlers.video.tickets import Call
from tests.agents_at_work import Agent, camera_picture
from tests.databases import Server
from tests.product import Customer, Furnished, Running, running
from tests.witness_people import OFFER, PaperNode, carried_on_paper

#: A report of the device check with which somebody may queue.
CHECKED = {"camera": True, "microphone": True, "speaker": True, "network": True, "kbps": 812}
ANSWERS = {"agreements__agreed": "true", "agreements__way": "apply", "agreements__device": ""}
SDP = "application/sdp"


@dataclass(frozen=True)
class Arrived:
    """A database in which somebody has got to 视频见证; each test has a copy."""

    name: str
    data: Path
    cookie: str
    page: str


class Witnessed(Customer):
    """A customer on the page 视频见证."""

    #: Where that page is; it stays there while the case goes on.
    page_url = ""

    @property
    def url(self) -> str:
        """Where the page's scripts ask."""
        return f"{self.page_url}/video"

    @property
    def version(self) -> str:
        """Of the consent on the open page."""
        found = re.search(r'name="version" value="([^"]+)"', self.text)
        return found[1] if found else ""

    @property
    def told(self) -> Any:
        """What the page's script is told now."""
        return self.browser.get(self.url, headers={"Accept": "application/json"}).json

    def comes(self, path: str = "") -> "Witnessed":
        """Open or reload the page."""
        self.opens(path or self.page_url)
        return self

    def does(self, what: str, **body: Any) -> TestResponse:
        """Post what a script of the page posts."""
        return self.browser.post(f"{self.url}/{what}", json=body, headers={"X-CSRFToken": self.token})

    def consents(self) -> "Witnessed":
        """Tick, and press 同意并继续."""
        assert self.does("consent", agreed=True, version=self.version).status_code == 200
        return self

    def enters(self, **report: Any) -> TestResponse:
        """Press 开始视频通话 with such a report of the device check."""
        return self.does("enter", report={**CHECKED, **report}, seat="seat-1")

    def queues(self) -> "Witnessed":
        """Do all that leads into the queue."""
        answer = self.consents().enters()
        assert answer.status_code == 200, answer.text
        return self.comes()

    def offers(
        self, sdp: Any = OFFER, type: str = SDP, seat: str = "seat-1", epoch: Any = None
    ) -> TestResponse:
        """Offer a connection for the call."""
        epoch = self.told["epoch"] if epoch is None else epoch
        return self.sends(f"call?epoch={epoch}&seat={seat}", sdp, type)

    def checks(self, sdp: Any = OFFER, type: str = SDP, **more: Any) -> TestResponse:
        """Offer a connection for the device check."""
        return self.sends("echo", sdp, type, **more)

    def sends_picture(
        self, snapshot: Any, picture: bytes = b"", type: str = "image/jpeg", seat: str = "seat-1"
    ) -> TestResponse:
        """Send a picture of the own camera."""
        path = f"stills/{snapshot}?epoch={self.told['epoch']}&seat={seat}"
        return self.sends(path, picture or camera_picture(), type)

    def sends(self, path: str, content: Any, type: str, **more: Any) -> TestResponse:  # type: ignore[override]
        """Post something that is neither a form nor JSON."""
        headers = {"X-CSRFToken": self.token, "Accept": "application/json"}
        return self.browser.post(
            f"{self.url}/{path}", data=content, content_type=type, headers=headers, **more
        )

    @property
    def state(self) -> str:
        """Where the case stands."""
        with self.product.engine.database.reading() as session:
            return session.scalars(select(CaseRow.state)).one()

    @property
    def says(self) -> str:
        """The words of the open page without its tags."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.text))


@pytest.fixture(scope="session")
def arrived(
    migrated_server: Server, furnished: Furnished, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arrived]:
    """Walk the long way there once."""
    data = tmp_path_factory.mktemp("arrived")
    shutil.copy(furnished.keyring, data / "keyring.json")
    with migrated_server.copy_of(furnished.name) as url:
        with running(url, data, furnished.secrets) as made:
            person = Customer(made).signs_in("C01")
            person.starts("change_phone").gives_pictures().types_phone("13612345678").reads_agreements()
            person.answers(**ANSWERS)
            assert person.is_to_be_witnessed, person.text
            cookie = person.browser.get_cookie("kaihu")
            assert cookie is not None
        yield Arrived(url.rpartition("/")[2].partition("?")[0], data, cookie.value, person.address)


@pytest.fixture
def witness_house(
    migrated_server: Server, furnished: Furnished, arrived: Arrived, tmp_path: Path
) -> Iterator[Running]:
    """Lend a product in which one customer is about to be witnessed."""
    data = tmp_path / "data"
    shutil.copytree(arrived.data, data)
    with migrated_server.copy_of(arrived.name) as url, running(url, data, furnished.secrets) as made:
        yield made


@pytest.fixture
def paper_node(witness_house: Running) -> Iterator[PaperNode]:
    """Lend its media node, which carries calls on paper."""
    with carried_on_paper(witness_house) as made:
        yield made


@pytest.fixture
def zhang(witness_house: Running, arrived: Arrived) -> Witnessed:
    """Lend the customer, on the page 视频见证."""
    person = Witnessed(witness_house)
    person.browser.set_cookie("kaihu", arrived.cookie)
    person.page_url = arrived.page
    return person.comes()


@pytest.fixture
def zhou(witness_house: Running) -> Agent:
    """Lend an agent of the customer's branch."""
    return Agent(witness_house.product.web)


@pytest.fixture
def call(zhang: Witnessed, zhou: Agent, paper_node: PaperNode) -> Call:
    """Lend the call of the two."""
    zhang.queues()
    begun = zhou.accepts(zhou.is_offered())
    zhang.comes()
    return begun
