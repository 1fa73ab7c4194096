"""Live events: ``/rt/events`` tells open pages that something moved; the pages fetch what, as themselves.

One PostgreSQL connection a process listens and fans out. Events carry ids only, and only of what this
session may see. Nothing is kept: a browser that comes back is told to look at everything again.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

import orjson
import psycopg
import structlog
from psycopg import sql
from sqlalchemy.exc import SQLAlchemyError

from engine import STAFF_LANES, Actor
from web import desk_events
from web.queue_live import Place, Positions
from web.security import HEADERS, OWN_SITES
from web.sessions import CHANNEL, Kind, Known, ServerSide

log = structlog.get_logger("web.live")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: Seconds between comments that keep proxies from closing a quiet stream.
COMMENT_SECONDS = 15.0
#: Seconds after which a stream looks again whether its session still lives.
RECHECK_SECONDS = 60.0
#: Milliseconds a browser waits before it comes back.
RETRY_MS = 3000
#: Events a slow browser may be behind before it is told to look at everything instead.
BEHIND = 50
#: Longest pause before the listening connection is made again, in seconds.
LONGEST_PAUSE = 10.0


@dataclass(eq=False)
class Stream:
    """One open page."""

    actor: Actor
    events: asyncio.Queue[tuple[str, dict[str, Any]] | None] = field(
        default_factory=lambda: asyncio.Queue(maxsize=BEHIND)
    )

    def put(self, name: str, told: dict[str, Any]) -> None:
        """Hand over an event; a full queue is replaced by one ``resync``."""
        try:
            self.events.put_nowait((name, told))
        except asyncio.QueueFull:
            while not self.events.empty():
                self.events.get_nowait()
            self.events.put_nowait(("resync", {}))

    def close(self) -> None:
        """End the stream after what is under way."""
        while self.events.full():
            self.events.get_nowait()
        self.events.put_nowait(None)

    def event_for(self, told: Mapping[str, Any]) -> tuple[str, dict[str, str]] | None:
        """Return what this page may know of something that happened, or None."""
        if self.actor.kind == "staff" and (moved := desk_events.of_queue(self.actor, told)):
            return moved
        case = str(told.get("case", ""))
        if not case:
            return None
        task = str(told.get("task", ""))
        if self.actor.kind == "customer":
            event = ("desk", {"task": task}) if task else ("case", {"case": case})
            return event if told.get("owner") == self.actor.id else None
        if task:
            return None
        in_branch = not self.actor.branches or told.get("branch") in self.actor.branches
        if not in_branch or not self.actor.roles & STAFF_LANES:
            return None
        return "inbox", {"case": case}


class Live:
    """Listens to the database and serves streams.

    :param url: address of the database.
    :param doors: finds the session a cookie names.
    :param actor_of: who a session's person is at this moment; None when they may no longer act.
    :param most: streams one session may have.
    :param places: where everybody of a video queue stands.
    """

    def __init__(
        self,
        url: str,
        doors: ServerSide,
        actor_of: Callable[[Known], Actor | None],
        most: int = 6,
        origins: frozenset[str] = frozenset(),
        places: Callable[[str], Mapping[str, Place]] | None = None,
    ) -> None:
        self._url = url
        self._doors = doors
        self._actor_of = actor_of
        self._most = most
        self._origins = origins
        self._streams: set[Stream] = set()
        self._opened: Counter[str] = Counter()
        self._positions = Positions(places or (lambda line: {}), self._of_customers)
        self._running: list[asyncio.Task[None]] = []
        self._closing = False

    # -- the database side --------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to listen."""
        self._closing = False
        self._running = [
            asyncio.create_task(self._listen(), name="live events"),
            asyncio.create_task(self._positions.run(), name="positions in the queue"),
        ]

    async def stop(self) -> None:
        """Close every stream and stop listening."""
        self.close_all()
        for running in self._running:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    def close_all(self) -> None:
        """Let every stream end, so that the server can stop."""
        self._closing = True
        for stream in list(self._streams):
            stream.close()

    async def _listen(self) -> None:
        pause = 0.5
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
                    pause = 0.5
                    # Whatever happened while nobody listened is not told again.
                    self._tell_all("resync")
                    async for notice in connection.notifies():
                        self._heard(notice.payload)
            except (psycopg.Error, OSError) as lost:
                log.warning("live events interrupted", why=type(lost).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _of_customers(self) -> dict[str, list[Stream]]:
        found: dict[str, list[Stream]] = {}
        for stream in self._streams:
            if stream.actor.kind == "customer":
                found.setdefault(stream.actor.id, []).append(stream)
        return found

    def _tell_all(self, name: str) -> None:
        for stream in list(self._streams):
            stream.put(name, {})

    def _heard(self, payload: str) -> None:
        try:
            told = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return
        ended = told.get("session")
        self._positions.heard(told)
        for stream in list(self._streams):
            if ended is not None and stream.actor.session == ended:
                stream.put("ended", {})
                stream.close()
            elif event := stream.event_for(told):
                stream.put(*event)

    # -- the browser's side -------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request for the stream."""
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        if scope["method"] != "GET":
            return await plain(send, 405)
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if (site is not None and site not in OWN_SITES) or (origin and origin not in self._ours(headers)):
            return await plain(send, 403)
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        kind: Kind = "staff" if "desk" in query else "customer"
        token = _cookie(headers.get("cookie", ""), self._doors.cookie(kind))
        actor = await self._who(token, kind)
        if actor is None:
            return await plain(send, 401)
        if self._closing:
            return await plain(send, 503)
        if self._opened[actor.session] >= self._most:
            return await plain(send, 429)
        stream = Stream(actor)
        self._streams.add(stream)
        self._opened[actor.session] += 1
        try:
            await self._serve(stream, token, kind, receive, send, again="last-event-id" in headers)
        finally:
            self._streams.discard(stream)
            self._opened[actor.session] -= 1
            if not self._opened[actor.session]:
                del self._opened[actor.session]
        return None

    def _ours(self, headers: Mapping[str, str]) -> frozenset[str]:
        host = headers.get("host", "")
        return self._origins | {f"http://{host}", f"https://{host}"}

    async def _who(self, token: str, kind: Kind) -> Actor | None:
        """Return who holds this session; a stream is no use of it and does not prolong it."""

        def look() -> Actor | None:
            known = self._doors.sessions.find(token, kind, touch=False)
            return None if known is None else self._actor_of(known)

        if not token or token.startswith("v."):
            return None
        try:
            return await asyncio.to_thread(look)
        except SQLAlchemyError:
            return None

    async def _serve(
        self, stream: Stream, token: str, kind: Kind, receive: Receive, send: Send, *, again: bool
    ) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _headers("text/event-stream")})
        await _body(send, f"retry: {RETRY_MS}\n\n".encode())
        if again:
            stream.put("resync", {})
        gone = asyncio.create_task(_gone(receive))
        try:
            async for chunk in self._chunks(stream, token, kind, gone):
                await _body(send, chunk)
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except OSError:
            log.debug("a page went away")
        finally:
            gone.cancel()

    async def _chunks(
        self, stream: Stream, token: str, kind: Kind, gone: "asyncio.Task[None]"
    ) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        looked, number = loop.time(), 0
        waiting: asyncio.Task[tuple[str, dict[str, Any]] | None] | None = None
        try:
            while True:
                waiting = waiting or asyncio.create_task(stream.events.get())
                await asyncio.wait(
                    {waiting, gone}, timeout=COMMENT_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if gone.done():
                    return
                if loop.time() - looked >= RECHECK_SECONDS:
                    looked = loop.time()
                    fresh = await self._who(token, kind)
                    if fresh is None:
                        yield _event("ended", {}, number + 1)
                        return
                    stream.actor = fresh
                if not waiting.done():
                    yield b": still here\n\n"
                    continue
                event, waiting = waiting.result(), None
                if event is None:
                    return
                number += 1
                yield _event(*event, number)
        finally:
            if waiting is not None:
                waiting.cancel()


def _event(name: str, told: Mapping[str, Any], number: int) -> bytes:
    return f"id: {number}\nevent: {name}\ndata: {orjson.dumps(told).decode()}\n\n".encode()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(send: Send, chunk: bytes) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": True})


def _headers(media_type: str) -> list[tuple[bytes, bytes]]:
    more = {
        "Content-Type": f"{media_type}; charset=utf-8",
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",
    }
    return [(k.lower().encode(), v.encode()) for k, v in {**HEADERS, **more}.items()]


async def plain(send: Send, status: int) -> None:
    """Answer with a status and nothing else."""
    await send({"type": "http.response.start", "status": status, "headers": _headers("text/plain")})
    await send({"type": "http.response.body", "body": b""})


def _cookie(header: str, name: str) -> str:
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""
