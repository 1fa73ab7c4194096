"""Counter, SMS gateway and police data at the other end of a real line: HTTP servers over the embedded ones.

They follow the published contracts, and can also misbehave as no embedded adapter can: answer garbage,
redirect, never end, or drop an answer byte by byte.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from pydantic import ValidationError
from werkzeug.serving import make_server

from engine.store import Database, Keyring
from handlers import counter, police, sms
from handlers.counter.http import PATHS
from handlers.police.http import PATH as POLICE_PATH
from handlers.sms.http import PATH

TOKEN = "the counter's secret"

Start = Callable[[str, list[tuple[str, str]]], Any]
Wsgi = Callable[[dict[str, Any], Start], Iterable[bytes]]


class Exchange(Protocol):
    def __call__(self, operation: Any, message: bytes, key: str | None) -> bytes: ...


class Line:
    """One HTTP server; ``misbehave`` names what it does instead of answering."""

    def __init__(self, exchange: Exchange, operations: Mapping[str, str]) -> None:
        self._exchange = exchange
        self._operations = operations
        self.misbehave = ""
        self.seen: list[tuple[str, dict[str, str]]] = []

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.seen.append((path, {"query": environ.get("QUERY_STRING", "")}))
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if self.misbehave:
            misbehaviour: Wsgi = getattr(self, f"_{self.misbehave}")
            return misbehaviour(environ, start)
        if environ.get("HTTP_AUTHORIZATION") != f"Bearer {TOKEN}":
            return _answer(start, "401 Unauthorized", b"{}")
        if path not in self._operations:
            return _answer(start, "404 Not Found", b"{}")
        try:
            answer = self._exchange(self._operations[path], body, environ.get("HTTP_IDEMPOTENCY_KEY"))
        except ValidationError:
            return _answer(start, "400 Bad Request", b"{}")
        except (counter.CounterDown, sms.SmsDown, police.PoliceDown):
            # Cut off in the middle: the asker cannot know whether it was done.
            start("200 OK", [("Content-Type", "application/json"), ("Content-Length", "400")])
            return [b"{"]
        return _answer(start, "200 OK", answer)

    def _garbage(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        return _answer(start, "200 OK", b"\x00\xffnot json")

    def _surplus(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        return _answer(start, "200 OK", json.dumps({"customer": None, "more": 1}).encode())

    def _page(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "text/html")])
        return [b"<html>Please sign in</html>"]

    def _redirect(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("302 Found", [("Location", "http://127.0.0.1:1/elsewhere")])
        return [b""]

    def _broken(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        return _answer(start, "500 Internal Server Error", b"{}")

    def _packed(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "application/json"), ("Content-Encoding", "gzip")])
        return [b"\x1f\x8b"]

    def _huge(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "application/json")])
        return (b" " * 65536 for _ in range(2048))

    def _drip(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "application/json")])
        return _dripping()


def _dripping() -> Iterator[bytes]:
    for _ in range(100):
        time.sleep(0.1)
        yield b" "


def _answer(start: Start, status: str, body: bytes) -> Iterable[bytes]:
    start(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


@contextmanager
def served(line: Line) -> Iterator[str]:
    """Serve a line on this machine and give its address."""
    server = make_server("127.0.0.1", 0, line, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def counter_line(database: Database, keyring: Keyring) -> Line:
    """Return a counter at the other end of a line."""
    transport = counter.EmbeddedTransport(database, keyring, patience=60)
    return Line(transport.exchange, {path: name for name, path in PATHS.items()})


def sms_line(database: Database, keyring: Keyring) -> Line:
    """Return an SMS gateway at the other end of a line."""
    return Line(sms.EmbeddedTransport(database, keyring, patience=60).exchange, {PATH: "send"})


def police_line(database: Database, keyring: Keyring) -> Line:
    """Return a police data service at the other end of a line."""
    transport = police.EmbeddedTransport(database, keyring, patience=60)
    return Line(transport.exchange, {POLICE_PATH: "verify"})
