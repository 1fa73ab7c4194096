"""One call on a node: two sides, what is passed between them, and what of it is recorded.

In the device check there is one side, which gets back what it sends, and nothing is recorded.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from handlers.media.ledger import Facts, Seen
from handlers.media.leg import IDLE_SECONDS, Leg
from handlers.media.packets import Rtp, SenderReport
from handlers.media.receiving import Frame
from handlers.media.recording import Events, Tape
from handlers.media.stills import NoPicture, jpeg
from handlers.media.webm import Track
from handlers.video import sfu
from handlers.video.sfu import CallPlan, NotYet, Still
from handlers.video.tables import Role

log = structlog.get_logger("media.call")

#: Longest wait for a key frame, and seconds between two askings.
STILL_SECONDS, _ASK_AGAIN = 3.0, 0.6
#: A side that is not connected after so many seconds never will be.
CONNECT_SECONDS = 20.0
#: How long a device check lasts.
ECHO_SECONDS = 10.0
_QUALITY_EVERY = 5


class Call:
    """A call that this node carries.

    :param events: None: nothing is recorded.
    :param tell: wakes the pages of both sides.
    :param end_tape: closes and seals a tape, somewhere where that may take long.
    :param broken: is called when the recording cannot go on.
    """

    def __init__(
        self,
        plan: CallPlan,
        facts: Facts | None,
        events: Events | None,
        tell: Callable[["Call"], None],
        end_tape: Callable[[Tape], None],
        broken: Callable[["Call"], None],
    ) -> None:
        self.plan, self.facts, self.events = plan, facts, events
        self.began = time.monotonic()
        self.joining = asyncio.Lock()
        self._tell, self._end_tape, self._broken = tell, end_tape, broken
        self._legs: dict[Role, Leg] = {}
        self._tapes: dict[Role, Tape] = {}
        self._recorded: dict[Role, int] = {"customer": 0, "agent": 0}
        self._sizes: dict[Role, tuple[int, int]] = {}
        self._waiting: list[tuple[Role, asyncio.Future[tuple[bytes, datetime]]]] = []
        self._failed = False
        self._ticks = 0

    # -- sides come and go ----------------------------------------------------------------------------

    def take(self, leg: Leg, tape: Tape | None) -> Leg | None:
        """Let a side in; return its earlier connection, which is to be closed."""
        earlier = self._legs.get(leg.role)
        if earlier is not None and earlier.state != "gone":
            self._gone(earlier, "replaced")
        if tape is not None:
            self._tapes[leg.role] = tape
        self._legs[leg.role] = leg
        return earlier

    async def hang_up(self, role: Role) -> None:
        """End one side's connection."""
        leg = self._legs.get(role)
        if leg is not None and leg.state != "gone":
            await leg.close()
            self._gone(leg, "hung up")

    async def close(self) -> None:
        """End both connections and the recordings; what is sealed afterwards is complete."""
        legs = [leg for leg in self._legs.values() if leg.state != "gone"]
        for leg in legs:
            leg.state = "gone"
        # What comes by a connection until it is closed is still recorded.
        await asyncio.gather(*(leg.close() for leg in legs), return_exceptions=True)
        for leg in legs:
            self._gone(leg, "closed")
        for role in list(self._tapes):
            self.drop_tape(role)
        for _, waiting in self._waiting:
            waiting.cancel()

    def drop_tape(self, role: Role) -> None:
        """End the recording of a side's connection."""
        tape = self._tapes.pop(role, None)
        if tape is not None:
            self._recorded[role] += tape.media_ms
            self._end_tape(tape)

    def changed(self, leg: Leg, state: str) -> None:
        """Note that a connection stands, or is gone."""
        if self._legs.get(leg.role) is not leg:
            return
        if state == "connected":
            self._happened("joined", leg.role)
            if other := self._other(leg):
                other.ask_key(at_once=True)
        elif state == "gone":
            self._gone(leg, "lost")
            closing = asyncio.ensure_future(leg.close())
            closing.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _gone(self, leg: Leg, why: str) -> None:
        self._happened("left", leg.role, why=why)
        self.drop_tape(leg.role)

    # -- what comes by --------------------------------------------------------------------------------

    def packet(self, leg: Leg, track: Track, packet: Rtp, now: float) -> None:
        """Pass a packet on."""
        if leg.idle:
            leg.idle = False
            self._happened("back", leg.role)
        other = self._other(leg)
        if other is not None:
            other.send(leg.id, track, packet, now)

    def frame(self, leg: Leg, track: Track, ssrc: int, frame: Frame, now: float) -> None:
        """Record a frame, and give it to whoever waits for a picture."""
        if self._legs.get(leg.role) is not leg:
            return
        tape = self._tapes.get(leg.role)
        try:
            if tape is not None:
                if track == "video" and leg.take_gap():
                    self.note("gap", role=leg.role, number=tape.slot.number, ms=tape.media_ms)
                tape.frame(track, ssrc, frame, now)
                if leg.size != self._sizes.get(leg.role) and frame.key and track == "video":
                    self._sizes[leg.role] = leg.size
                    self.note("size", role=leg.role, number=tape.slot.number, size=leg.size)
        except OSError as full:
            self._fail(full)
        if frame.key and track == "video" and self._waiting:
            for role, waiting in self._waiting:
                if role == leg.role and not waiting.done():
                    waiting.set_result((frame.data, datetime.now(UTC)))

    def sender_report(self, leg: Leg, track: Track, report: SenderReport) -> None:
        """Note when a side's timestamps were, and pass that on."""
        tape, other = self._tapes.get(leg.role), self._other(leg)
        if tape is not None:
            try:
                tape.sender_report(track, report.ntp, report.rtp, time.monotonic())
            except OSError as full:
                self._fail(full)
        if other is not None:
            other.send_report(leg.id, track, report)

    def key_wanted(self, leg: Leg) -> None:
        """Ask the other side for a key frame on behalf of one."""
        if other := self._other(leg):
            other.ask_key()

    def can_take(self, leg: Leg, bits: int, now: float) -> None:
        """Hold the other side to what one can take."""
        if other := self._other(leg):
            other.rate.viewer_can_take(bits, now)

    def _other(self, leg: Leg) -> Leg | None:
        if not self.plan.recorded:
            return leg
        return self._legs.get("agent" if leg.role == "customer" else "customer")

    # -- what is asked --------------------------------------------------------------------------------

    async def still(self, role: Role) -> Still:
        """Return a picture that was not there yet when it was asked for.

        :raises NotYet: none came within the time.
        """
        leg = self._legs.get(role)
        if leg is None or leg.state != "connected":
            raise NotYet("this side is not connected")
        waiting: asyncio.Future[tuple[bytes, datetime]] = asyncio.get_running_loop().create_future()
        entry = (role, waiting)
        self._waiting.append(entry)
        try:
            until = time.monotonic() + STILL_SECONDS
            while not waiting.done() and time.monotonic() < until:
                leg.ask_key(at_once=True)
                await asyncio.wait({waiting}, timeout=_ASK_AGAIN)
            if not waiting.done() or waiting.cancelled():
                raise NotYet("no picture came")
            data, taken_at = waiting.result()
            picture, width, height = await asyncio.to_thread(jpeg, data)
            return Still(picture, width, height, taken_at)
        except NoPicture as none:
            raise NotYet("the picture cannot be shown") from none
        finally:
            self._waiting.remove(entry)

    def legs(self) -> Mapping[Role, sfu.Leg]:
        """Tell how both sides are doing."""
        return {role: leg.doing(self._ms(role)) for role, leg in self._legs.items()}

    def note(self, kind: str, **facts: Any) -> None:
        """Write an event."""
        self.add_event({"kind": kind, **facts})

    def add_event(self, event: Mapping[str, Any]) -> None:
        """Write an event as it was given."""
        if self.events is not None and not self._failed:
            try:
                self.events.add(event)
            except OSError as full:
                self._fail(full)

    # -- by the clock ---------------------------------------------------------------------------------

    def look(self, now: float) -> list[Leg]:
        """Notice who fell silent; return connections that never came about."""
        stale = []
        for role, leg in self._legs.items():
            if leg.last_media is not None and not leg.idle and leg.state == "connected":
                if now - leg.last_media > IDLE_SECONDS:
                    leg.idle = True
                    self._happened("idle", role)
            elif leg.state in {"new", "connecting"} and now - leg.began > CONNECT_SECONDS:
                stale.append(leg)
        return stale

    def over(self, now: float) -> bool:
        """Tell whether a device check has had its time."""
        return not self.plan.recorded and now - self.began > ECHO_SECONDS

    def second(self, now: float) -> None:
        """Let both sides count, and note their quality now and then."""
        self._ticks += 1
        for role, leg in self._legs.items():
            leg.second(now)
            if self._ticks % _QUALITY_EVERY == 0 and leg.state == "connected":
                doing = leg.doing(0)
                self.note(
                    "quality",
                    role=role,
                    fps=round(doing.fps, 1),
                    kbps=round(doing.kbps),
                    loss=round(doing.loss, 3),
                )

    def files(self) -> list[Tape | Events]:
        """Return what is being written."""
        return [*self._tapes.values(), *([] if self.events is None else [self.events])]

    def seen(self) -> Seen:
        """Tell when media of both sides last came, in real time."""
        return Seen(self.plan.call_id, self.plan.node_epoch, self._seen("customer"), self._seen("agent"))

    @property
    def failed(self) -> bool:
        """Whether it can be recorded no more."""
        return self._failed

    def _seen(self, role: Role) -> datetime | None:
        leg = self._legs.get(role)
        if leg is None or leg.last_media is None:
            return None
        return datetime.fromtimestamp(time.time() - (time.monotonic() - leg.last_media), UTC)

    def _ms(self, role: Role) -> int:
        tape = self._tapes.get(role)
        return self._recorded[role] + (0 if tape is None else tape.media_ms)

    def _happened(self, kind: str, role: Role, **facts: Any) -> None:
        tape = self._tapes.get(role)
        number = {} if tape is None else {"number": tape.slot.number}
        self.note(kind, role=role, **number, **facts)
        log.info("call", call=str(self.plan.call_id), what=kind, role=role, **facts)
        if self.facts is not None:
            self._tell(self)

    def _fail(self, full: OSError) -> None:
        """Stop at once: a call that is not recorded must not seem to be."""
        if not self._failed:
            self._failed = True
            log.error("recording failed", call=str(self.plan.call_id), why=full.strerror or str(full))
            self._broken(self)
