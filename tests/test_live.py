"""Live events (design 9): who is told of what, and when a stream ends."""

import asyncio
import http.client
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

import orjson
import psycopg
import pytest
import uvicorn
from sqlalchemy import delete

from engine import Actor
from tests.product import Person, Reviewer
from web import live
from web.asgi import Server, make_asgi
from web.live import Stream
from web.sessions import SessionRow

#: Longest wait for an event, in seconds.
SOON = 8.0


@dataclass
class Listener:
    """A page that listens."""

    connection: http.client.HTTPConnection
    response: http.client.HTTPResponse
    lines: "queue.Queue[str]" = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while line := self.response.readline():
                self.lines.put(line.decode().rstrip("\n"))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # closed by ourselves, in whatever state it was
        self.lines.put("(closed)")

    def hears(self, wanted: str, within: float = SOON) -> str:
        """Wait for a line that begins with ``wanted`` and return it."""
        until = time.monotonic() + within
        while (left := until - time.monotonic()) > 0:
            try:
                line = self.lines.get(timeout=left)
            except queue.Empty:
                break
            if line.startswith(wanted):
                return line
        raise AssertionError(f"heard no {wanted!r}")

    def hears_nothing_of(self, name: str, within: float = 1.0) -> bool:
        """Tell whether no event called ``name`` comes in a while."""
        try:
            self.hears(f"event: {name}", within)
        except AssertionError:
            return True
        return False


@dataclass
class Site:
    """The whole site on a port of its own."""

    port: int
    server: Server

    def ask(self, cookies: str = "", path: str = "/rt/events", **headers: str) -> http.client.HTTPResponse:
        """Ask for the stream and return the answer."""
        return self.listen_at(path, cookies, **headers).response

    def listen(self, person: Person, path: str = "/rt/events", **headers: str) -> Listener:
        """Listen as somebody who is signed in."""
        jar = (person.browser._cookies or {}).values()
        cookies = "; ".join(f"{c.key}={c.value}" for c in jar)
        return self.listen_at(path, cookies, **headers)

    def listen_at(self, path: str, cookies: str, **headers: str) -> Listener:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {k.replace("_", "-"): v for k, v in headers.items()}
        connection.request("GET", path, headers={"Cookie": cookies, **sent})
        return Listener(connection, connection.getresponse())


@pytest.fixture
def site(product) -> Iterator[Site]:
    """Serve the product as it is served in earnest."""
    application = make_asgi(product.product.web)
    config = uvicorn.Config(
        application, host="127.0.0.1", port=0, lifespan="on", log_config=None, timeout_graceful_shutdown=5
    )
    server = Server(config, application)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    time.sleep(0.3)  # until the listening connection stands
    yield Site(port, server)
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive(), "the server does not stop"


def test_a_stranger_hears_nothing(site):
    assert site.ask().status == 401


def test_a_made_up_cookie_hears_nothing(site):
    assert site.ask("kaihu=nonsense").status == 401


def test_a_stream_says_how_to_come_back_and_that_nobody_may_keep_it(site, customer):
    heard = site.listen(customer.signs_in("C01"))
    assert heard.hears("retry:") == "retry: 3000"
    assert heard.response.headers["Cache-Control"] == "no-store"
    assert heard.response.headers["X-Accel-Buffering"] == "no"


def test_a_customer_hears_of_the_own_case_by_its_id_alone(product, site, customer):
    customer.signs_in("C01")
    heard = site.listen(customer)
    customer.starts("change_phone")
    heard.hears("event: case")
    told = orjson.loads(heard.hears("data:").removeprefix("data:"))
    assert told == {"case": str(product.rows()[0].id)}


def test_a_customer_hears_nothing_of_another_ones_case(site, customer, another_customer):
    customer.signs_in("C01")
    heard = site.listen(another_customer.signs_in("C10"))
    customer.starts("change_phone")
    assert heard.hears_nothing_of("case")


def test_a_reviewer_hears_of_the_own_branch(site, customer, reviewer):
    heard = site.listen(reviewer, "/rt/events?desk")
    customer.signs_in("C01").submits_phone()
    heard.hears("event: inbox")


def test_a_reviewer_of_another_branch_hears_nothing(product, site, customer, staff):
    heard = site.listen(staff("reviewer3"), "/rt/events?desk")
    customer.signs_in("C01").submits_phone()
    assert heard.hears_nothing_of("inbox")


def test_a_customers_cookie_does_not_open_the_desks_stream(site, customer):
    assert site.listen(customer.signs_in("C01"), "/rt/events?desk").response.status == 401


def test_whoever_comes_back_is_told_to_look_at_everything(site, customer):
    heard = site.listen(customer.signs_in("C01"), Last_Event_ID="7")
    heard.hears("event: resync")


def test_logging_out_closes_the_stream(site, customer):
    customer.signs_in("C01")
    heard = site.listen(customer)
    customer.posts("/logout")
    heard.hears("event: ended")
    heard.hears("(closed)")


def test_an_ended_session_closes_the_stream_without_being_told(product, site, customer, monkeypatch):
    monkeypatch.setattr(live, "COMMENT_SECONDS", 0.2)
    monkeypatch.setattr(live, "RECHECK_SECONDS", 0.3)
    heard = site.listen(customer.signs_in("C01"))
    with product.engine.database.transaction() as session:
        session.execute(delete(SessionRow))
    heard.hears("event: ended")


def test_a_quiet_stream_is_kept_open_by_comments(site, customer, monkeypatch):
    monkeypatch.setattr(live, "COMMENT_SECONDS", 0.2)
    site.listen(customer.signs_in("C01")).hears(": still here")


def test_a_session_has_so_many_streams_and_no_more(site, customer):
    customer.signs_in("C01")
    kept = [site.listen(customer) for _ in range(6)]
    assert all(one.response.status == 200 for one in kept)
    assert site.listen(customer).response.status == 429


def test_a_closed_page_makes_room_for_another(site, customer):
    customer.signs_in("C01")
    kept = [site.listen(customer) for _ in range(6)]
    kept[0].response.close()
    kept[0].connection.close()
    until = time.monotonic() + SOON
    while site.listen(customer).response.status == 429:
        assert time.monotonic() < until, "the place stays taken"
        time.sleep(0.1)


@pytest.mark.parametrize("headers", [{"Sec_Fetch_Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_another_sites_page_hears_nothing(site, customer, headers):
    assert site.listen(customer.signs_in("C01"), **headers).response.status == 403


def test_pages_answer_beside_the_streams(site, customer):
    customer.signs_in("C01")
    kept = [site.listen(customer) for _ in range(6)]
    with closing(http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)) as connection:
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
    assert len(kept) == 6


def test_a_broken_listening_connection_is_made_again(product, site, customer):
    heard = site.listen(customer.signs_in("C01"))
    heard.hears("retry:")
    with psycopg.connect(product.engine.database.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
    heard.hears("event: resync")


def test_an_unknown_live_address_is_not_found(site):
    assert site.ask(path="/rt/nothing").status == 404


def test_a_query_that_is_no_text_is_refused_and_breaks_nothing(site):
    with closing(socket.create_connection(("127.0.0.1", site.port), 10)) as raw:
        raw.sendall(b"GET /?x=\xff\xfe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b" 400 " in raw.recv(100)


def test_a_slow_page_is_told_to_look_at_everything_instead():
    stream = Stream(Actor("customer", "1"))
    for number in range(live.BEHIND + 1):
        stream.put("case", {"case": str(number)})
    assert stream.events.get_nowait() == ("resync", {})


def test_the_desk_has_a_stream_of_its_own(product, site):
    assert site.listen(Reviewer(product, "reviewer2").signs_in(), "/rt/events?desk").response.status == 200
