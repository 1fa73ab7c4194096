"""One Janus, as a node uses it: a session, its connections, and what is left when either of the two dies.

A node that has died leaves a session behind, and files that Janus went on writing. The session is ended when
the next node starts, so that both sides come back at once, and not after Janus' own patience; the files are
handled by ``leftovers``.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from handlers.media.janus.api import Event, Session
from handlers.media.janus.link import JanusLink
from handlers.video.sfu import CallPlan, SfuDown
from handlers.video.tables import Role

log = structlog.get_logger("media.janus")

#: Seconds between two looks at what Janus has written, and between two tries to find it again.
READ_SECONDS, _AGAIN = 0.05, 0.5
#: What the script takes as a path.
_PLAIN = re.compile(r"/[\w./-]*")
_SESSION = "session"


class Engine:
    """One Janus.

    :param url: of its HTTP transport.
    :param secret: its ``api_secret``.
    :param spool: folder that Janus writes into and we read, absolute; best one in memory.
    """

    def __init__(self, url: str, secret: str, spool: Path) -> None:
        if not _PLAIN.fullmatch(str(spool)):
            raise ValueError("the spool must be an absolute path of letters, digits, '-', '_', '.' and '/'")
        self._url, self._secret, self.spool = url, secret, spool
        #: Is called with the calls it carried when Janus has died, before they are told.
        self.died: Callable[[set[UUID]], None] = lambda calls: None
        self.session = Session(url, secret, self._heard, self._ended)
        self._links: dict[int, JanusLink] = {}
        self._tasks: set[asyncio.Future[Any]] = set()
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Find Janus, now or later, and end what an earlier node of this spool has left there."""
        self.spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._reading = asyncio.create_task(self._read())
        try:
            await self.session.open()
            await self._succeed()
        except SfuDown as away:
            log.error("Janus is not there", url=self._url, why=str(away))
            self.later(self._find_again())

    async def stop(self) -> None:
        """End all connections and the session."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await asyncio.gather(*(link.close() for link in [*self._links.values()]), return_exceptions=True)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.session.close()
        (self.spool / _SESSION).unlink(missing_ok=True)

    @property
    def alive(self) -> bool:
        """Whether Janus is there."""
        return self.session.alive

    def connect(self, plan: CallPlan, role: Role) -> Callable[..., JanusLink]:
        """Return what makes a connection, given who takes its packets, reports and states.

        :raises SfuDown: Janus is not there.
        """
        if not self.alive:
            raise SfuDown("Janus is not there")
        return partial(JanusLink, self, plan, role)

    # -- what connections need ------------------------------------------------------------------------

    def other(self, link: JanusLink) -> JanusLink | None:
        """Return the connection of the other side of a call."""
        return self._of(link.call_id, "agent" if link.role == "customer" else "customer")

    def known(self, link: JanusLink) -> None:
        """Take a connection in: from now on its events reach it."""
        self._links[link.handle] = link

    async def replace(self, link: JanusLink) -> None:
        """End what a new connection takes the place of.

        When the other side sends under numbers that this browser does not expect (Chrome and Firefox differ),
        that side is cut off: it comes back by itself, and its answer then names these numbers.
        """
        for earlier in [*self._links.values()]:
            if (earlier.call_id, earlier.role) == (link.call_id, link.role) and earlier is not link:
                await earlier.close()
        other = self.other(link)
        if other is not None and other.sends != {**other.sends, **link.expects}:
            self.later(other.lost())

    def forget(self, link: JanusLink) -> None:
        """Let a connection go."""
        self._links.pop(link.handle, None)

    def later(self, doing: Coroutine[Any, Any, None]) -> None:
        """Do something without waiting for it."""
        task = asyncio.ensure_future(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, call_id: UUID) -> None:
        """End the connections of a call; everything that came by them has been handed over then."""
        links = [link for link in self._links.values() if link.call_id == call_id]
        await asyncio.gather(*(link.close() for link in links))

    def _of(self, call_id: UUID, role: Role) -> JanusLink | None:
        found = [link for link in self._links.values() if (link.call_id, link.role) == (call_id, role)]
        return found[-1] if found else None

    # -- what happens by itself -----------------------------------------------------------------------

    def _heard(self, handle: int, event: Event) -> None:
        link = self._links.get(handle)
        try:
            if link is not None:
                link.heard(event)
        except Exception:
            # The events of all other calls come by the same way.
            log.exception("an event of Janus", handle=handle)

    async def _read(self) -> None:
        while True:
            await asyncio.sleep(READ_SECONDS)
            for link in [*self._links.values()]:
                try:
                    link.read()
                except Exception:
                    # One call's trouble must not stop the recording of the others.
                    log.exception("reading what Janus wrote", call=str(link.call_id), role=link.role)
                    self.later(link.lost())

    def _ended(self) -> None:
        log.error("Janus is gone", calls=len({link.call_id for link in self._links.values()}))
        self.later(self._find_again())

    async def _find_again(self) -> None:
        links = [*self._links.values()]
        self.died({link.call_id for link in links})
        await asyncio.gather(*(link.lost() for link in links))
        old = self.session
        self.session = Session(self._url, self._secret, self._heard, self._ended)
        await old.close()
        while True:
            with contextlib.suppress(SfuDown):
                await self.session.open()
                break
            await asyncio.sleep(_AGAIN)
        await self._succeed()
        log.info("Janus is back")

    async def _succeed(self) -> None:
        """End the session of the node before, and note ours for the next."""
        note = self.spool / _SESSION
        if note.exists() and (before := note.read_text().strip()).isdecimal():
            await self.session.destroy(int(before))
        note.write_text(str(self.session.id))
