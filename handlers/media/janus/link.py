"""One connection that Janus carries, in the place of ``handlers.media.hooks.Link``.

Packets pass inside Janus. What it writes of them is read here and handed over with the time at which each
one came; its feedback (sender reports, what a viewer can take) is handed over as well. What would be sent to
the browser, Janus sends by itself, but for two things that are asked of it: key frames, and the rate.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import orjson
import structlog

from handlers.media import offers
from handlers.media.janus import answers
from handlers.media.janus.api import Event
from handlers.media.janus.mjr import Follower, NotMjr
from handlers.media.packets import read_rtcp
from handlers.media.webm import Track
from handlers.video.sfu import CallPlan
from handlers.video.tables import Role

if TYPE_CHECKING:
    from handlers.media.janus.engine import Engine

log = structlog.get_logger("media.janus")

#: The rate is told again when it has changed by this share.
_RATE_STEP = 0.05
#: So many reports wait at most; a browser may have no microphone after all.
_MOST_REPORTS = 8


class JanusLink:
    """One side's connection.

    :param on_rtp: gets each packet and when it came, in seconds of the steady clock.
    :param on_rtcp: gets each report.
    :param on_state: gets connected and gone.
    """

    def __init__(
        self,
        engine: "Engine",
        plan: CallPlan,
        role: Role,
        on_rtp: Callable[[bytes, float], None],
        on_rtcp: Callable[[bytes], None],
        on_state: Callable[[str], None],
    ) -> None:
        self._engine, self._plan = engine, plan
        self._on_rtp, self._on_rtcp, self._on_state = on_rtp, on_rtcp, on_state
        self.call_id, self.role = plan.call_id, role
        self.handle = 0
        #: Nothing is sent by us.
        self.outgoing: dict[Track, int] = {}
        #: Numbers under which the browser expects each track, and under which it was told to send.
        self.expects: dict[Track, int] = {}
        self.sends: Mapping[Track, int] = {}
        self._files: dict[Track, Follower] = {}
        self._came: set[Track] = set()
        #: Reports waiting for their streams: what Janus writes of sound is up to a second late.
        self._reports: list[bytes] = []
        self._rate = 0
        self._finishing: asyncio.Future[None] | None = None
        self._gone = False

    async def answer(self, offer: str) -> str:
        """Answer an offer that ``offers`` has let through; an earlier connection of the same side ends."""
        self.expects = {track: number for number, track in offers.read(offer).payloads.items()}
        other = self._engine.other(self)
        # Who comes first sends under its own numbers, and is asked to come again if the other expects others.
        self.sends = {**self.expects, **(other.expects if other is not None else {})}
        name = f"{self.call_id}.{self.role}.{secrets.token_hex(6)}"
        session = self._engine.session
        self.handle = await session.attach()
        self._engine.known(self)
        self._files = {
            track: Follower(self._engine.spool / f"{name}.{track}.mjr", nameless=not self._plan.recorded)
            for track in self.expects
        }
        said = answers.write(offer, self.sends)
        try:
            answer = await session.join(
                self.handle,
                offer,
                call=str(self.call_id),
                role=self.role,
                folder=str(self._engine.spool),
                file=name,
                echo="no" if self._plan.recorded else "yes",
                answer=_jsep(said).hex(),
            )
        except BaseException:
            await self.close()
            raise
        await self._engine.replace(self)
        return answer

    def send(self, data: bytes, *, rtcp: bool = False) -> None:
        """Have Janus do what a report of ours asks of the browser."""
        if not rtcp or self._gone:
            return
        said = read_rtcp(data)
        if said.key_frames:
            self._tell(do="key")
        if said.can_take and abs(said.can_take - self._rate) > self._rate * _RATE_STEP:
            self._rate = said.can_take
            self._tell(do="rate", bits=str(said.can_take))

    async def close(self) -> None:
        """End the connection; what Janus wrote of it has been handed over when this returns."""
        if self._finishing is None:
            self._finishing = asyncio.ensure_future(self._finish())
        await asyncio.shield(self._finishing)

    # -- what the engine says -------------------------------------------------------------------------

    def heard(self, event: Event) -> None:
        """Take an event of this connection."""
        if event["janus"] == "webrtcup":
            self._on_state("connected")
        elif event["janus"] == "hangup":
            self._engine.later(self.lost())
        elif event["janus"] == "event":
            said = event.get("plugindata", {}).get("data", {})
            if said.get("kaihu") == "rtcp":
                self._reports.append(bytes.fromhex(said["data"]))
                self._report()

    def read(self) -> None:
        """Hand over what Janus has written since the last time."""
        steady, real = time.monotonic(), time.time()
        for track, file in self._files.items():
            number = self.expects[track]
            try:
                for packet in file.packets():
                    came = min(steady, steady - (real - packet.at))
                    self._on_rtp(_under(packet.data, number), came)
                    self._came.add(track)
            except NotMjr as broken:
                log.error("a recording of Janus is broken", call=str(self.call_id), why=str(broken))
                del self._files[track]
                break
        self._report()

    def _report(self) -> None:
        if self._came >= self._files.keys() or len(self._reports) > _MOST_REPORTS:
            reports, self._reports = self._reports, []
            for data in reports:
                self._on_rtcp(data)

    async def lost(self) -> None:
        """Note that the connection is gone, after everything that came by it."""
        try:
            await self.close()
        finally:
            if not self._gone:
                self._gone = True
                self._on_state("gone")

    async def _finish(self) -> None:
        # Detaching closes the files: what stood in Janus' buffers is in them afterwards.
        if self._engine.session.alive:
            await self._engine.session.detach(self.handle)
        try:
            self.read()
        finally:
            # What could not be read stays in the spool, for the next node to try.
            self._engine.forget(self)
        for file in self._files.values():
            if file.torn:
                log.warning("Janus' last packet is torn", call=str(self.call_id), bytes=file.torn)
            file.remove()

    def _tell(self, **said: str) -> None:
        self._engine.later(self._engine.session.tell(self.handle, **said))


def _under(data: bytes, number: int) -> bytes:
    """Return a packet under another payload type."""
    if len(data) < 2 or data[1] & 0x7F == number:
        return data
    return data[:1] + bytes([data[1] & 0x80 | number]) + data[2:]


def _jsep(sdp: str) -> bytes:
    return orjson.dumps({"type": "answer", "sdp": sdp})
