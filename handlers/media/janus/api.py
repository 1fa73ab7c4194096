"""Janus' own interface: JSON over HTTP, one session for all connections of a node.

Requests are answered at once; what takes longer, and what happens by itself, arrives on a long poll. When
Janus was started anew, or is silent, the session is over: ``ended`` is called once, and every request raises
``SfuDown`` from then on.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import structlog

from handlers.video.sfu import SECONDS, BadOffer, SfuDown

log = structlog.get_logger("media.janus")

#: What the script calls itself; see ``calls.lua``.
PLUGIN = "janus.plugin.kaihu"
#: Janus answers a long poll after at most 30 seconds.
_POLL_SECONDS = 40.0
#: Janus ends a session, with all its connections, when nothing was heard of it for a while (``config``).
ALIVE_EVERY = 1.0
#: Longest wait for an answer in a session before it counts as dead, in seconds: a node is dead after three.
_PATIENCE = 2.0
#: Janus' numbers for: no such session; a description that cannot be read.
_NO_SESSION, _BAD_SDP = 458, {465, 467}

Event = Mapping[str, Any]


class Refused(Exception):
    """Janus refused a request; it has a number and a reason for it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason} ({code})")
        self.code = code


class Session:
    """A session with one Janus.

    :param url: of its HTTP transport, such as ``http://127.0.0.1:8088/janus``.
    :param secret: its ``api_secret``; empty if it has none.
    :param heard: is called with each event of each connection.
    :param ended: is called once, when the session is over and was not closed.
    """

    def __init__(
        self, url: str, secret: str, heard: Callable[[int, Event], None], ended: Callable[[], None]
    ) -> None:
        self._url, self._secret = url.rstrip("/"), secret
        self._heard, self._ended = heard, ended
        self._client = httpx.AsyncClient(timeout=SECONDS, trust_env=False)
        self._waiting: dict[str, asyncio.Future[Event]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.id = 0
        #: Whether it is there, as far as is known.
        self.alive = False

    async def open(self) -> None:
        """Begin it.

        :raises SfuDown: Janus does not answer, or will not have us.
        """
        try:
            self.id = int((await self._send("", janus="create"))["data"]["id"])
        except Refused as refused:
            raise SfuDown(str(refused)) from None
        self.alive = True
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._live())]

    async def destroy(self, session: int) -> None:
        """End an earlier session, of a node that has died; none there is as good."""
        with contextlib.suppress(Refused, SfuDown):
            await self._send(f"/{session}", janus="destroy")

    async def attach(self) -> int:
        """Make a connection ready; return its handle."""
        try:
            return int((await self._send(f"/{self.id}", janus="attach", plugin=PLUGIN))["data"]["id"])
        except Refused as refused:
            raise SfuDown(f"Janus does not run our script: {refused}") from None

    async def detach(self, handle: int) -> None:
        """End a connection; one that is gone is as good."""
        with contextlib.suppress(Refused, SfuDown):
            await self._send(f"/{self.id}/{handle}", janus="detach")

    async def tell(self, handle: int, **body: str) -> None:
        """Say something about a connection to the script; to one that is gone it says nothing."""
        with contextlib.suppress(Refused, SfuDown):
            await self._send(f"/{self.id}/{handle}", janus="message", body=body)

    async def join(self, handle: int, offer: str, **body: str) -> str:
        """Bring a connection up by a browser's offer; return the answer with Janus' addresses.

        :raises BadOffer: Janus can do nothing with it.
        """
        transaction, jsep = secrets.token_hex(8), {"type": "offer", "sdp": offer}
        came: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._waiting[transaction] = came
        body["do"] = "join"
        try:
            await self._send(f"/{self.id}/{handle}", transaction, janus="message", body=body, jsep=jsep)
            event = await asyncio.wait_for(came, SECONDS)
        except TimeoutError:
            raise SfuDown("Janus did not answer an offer") from None
        except Refused as refused:
            if refused.code in _BAD_SDP:
                raise BadOffer(str(refused)) from None
            raise SfuDown(str(refused)) from None
        finally:
            self._waiting.pop(transaction, None)
        if "jsep" not in event:
            raise BadOffer("Janus has no answer to the offer")
        return str(event["jsep"]["sdp"])

    async def close(self) -> None:
        """End the session and all its connections."""
        was, self.alive = self.alive, False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if was:
            await self.destroy(self.id)
        await self._client.aclose()

    async def _send(self, path: str, transaction: str = "", **said: Any) -> Event:
        body = {**said, "transaction": transaction or secrets.token_hex(8)}
        if self._secret:
            body["apisecret"] = self._secret
        try:
            answer = (await self._client.post(self._url + path, json=body)).raise_for_status().json()
        except (httpx.HTTPError, ValueError, RuntimeError) as down:
            raise SfuDown(f"Janus does not answer: {type(down).__name__}") from None
        if answer.get("janus") == "error":
            error = answer.get("error", {})
            code, reason = int(error.get("code", 0)), str(error.get("reason", ""))
            if code == _NO_SESSION and path.startswith(f"/{self.id}"):
                self._over()
                raise SfuDown("Janus was started anew")
            raise Refused(code, reason)
        return dict(answer)

    async def _listen(self) -> None:
        params = {"maxev": "50", **({"apisecret": self._secret} if self._secret else {})}
        while self.alive:
            try:
                got = await self._client.get(f"{self._url}/{self.id}", params=params, timeout=_POLL_SECONDS)
                events = got.raise_for_status().json()
            except (httpx.HTTPError, ValueError):
                # Whether it is dead, or was only interrupted, is found out by those who ask it.
                await asyncio.sleep(0.2)
                continue
            for event in events if isinstance(events, list) else [events]:
                self._take(event)

    def _take(self, event: Event) -> None:
        waiting = self._waiting.get(str(event.get("transaction", "")))
        if waiting is not None and not waiting.done() and event["janus"] in {"event", "error"}:
            waiting.set_result(event)
        elif event["janus"] in {"timeout", "error"}:
            self._over()
        elif "sender" in event:
            self._heard(int(event["sender"]), event)

    async def _live(self) -> None:
        heard = time.monotonic()
        while self.alive:
            await asyncio.sleep(ALIVE_EVERY)
            try:
                await asyncio.wait_for(self._send(f"/{self.id}", janus="keepalive"), _PATIENCE)
                heard = time.monotonic()
            except (SfuDown, Refused, TimeoutError):
                if time.monotonic() - heard > _PATIENCE:
                    self._over()

    def _over(self) -> None:
        if self.alive:
            self.alive = False
            self._ended()
