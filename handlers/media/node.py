"""A media node: the calls one process carries, from opening to sealing.

Packets pass in the event loop. Everything that may block waits elsewhere: files reach the disk and rows the
database in a thread of their own, about once a second; pictures are decoded in others. When the database is
away, calls go on, and what was written is noted when it is back.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from handlers.media.call import Call
from handlers.media.hooks import Link
from handlers.media.ledger import Facts, Ledger, on_disk
from handlers.media.leg import Connect, Leg
from handlers.media.recording import Events, Tape
from handlers.video import sfu
from handlers.video.sfu import CallPlan, NoSuchCall, SfuDown, Still
from handlers.video.tables import Role

log = structlog.get_logger("media.node")

T = TypeVar("T")
#: Seconds between two looks at who fell silent, and between two notes into the database.
LOOK_SECONDS, NOTE_SECONDS = 0.25, 0.9


def _embedded(plan: CallPlan, role: Role) -> Connect:
    return partial(Link, plan.ice_servers)


class Node:
    """The calls of one process.

    :param beat: says in the database that the node lives: calls, share of a core, whether it drains.
    :param connect: returns what makes connections for a side of a call.
    """

    def __init__(
        self,
        ledger: Ledger,
        beat: Callable[[int, float, bool], None],
        connect: Callable[[CallPlan, Role], Connect] = _embedded,
    ) -> None:
        self._ledger, self._beat, self._connect = ledger, beat, connect
        self._calls: dict[UUID, Call] = {}
        # A call is opened by one at a time; a few locks for all, so that none is left behind.
        self._opening = [asyncio.Lock() for _ in range(64)]
        self._told: set[Facts] = set()
        # One thread, so that all about one segment is noted in its order; another for the heartbeat.
        self._writing = ThreadPoolExecutor(1, "media-ledger")
        self._beating = ThreadPoolExecutor(1, "media-heartbeat")
        self._tasks: list[asyncio.Task[None]] = []
        self._closing: set[asyncio.Future[Any]] = set()
        self.draining = False

    # -- what is asked --------------------------------------------------------------------------------

    async def open(self, plan: CallPlan) -> None:
        """Make ready for a call; see :meth:`handlers.video.sfu.Sfu.open`.

        :raises NoSuchCall: it is over, or another node has it.
        :raises SfuDown: it cannot be recorded at this moment.
        """
        async with self._opening[plan.call_id.int % len(self._opening)]:
            call = self._calls.get(plan.call_id)
            if call is not None and call.plan.node_epoch > plan.node_epoch:
                raise NoSuchCall("the call has moved on since")
            if call is not None and call.plan.node_epoch == plan.node_epoch and not call.failed:
                return
            if call is not None:
                await self._end(call)
            self._calls[plan.call_id] = await self._begin(plan)

    async def _begin(self, plan: CallPlan) -> Call:
        facts, events = None, None
        if plan.recorded:
            facts = await self._write(self._ledger.adopt, plan)
            events = Events(*await self._write(self._ledger.begin, plan, "events"))
            events.write("opened", node_epoch=plan.node_epoch)
        return Call(plan, facts, events, self._tell, self._end_tape, self._broken)

    async def answer(self, call_id: UUID, role: Role, offer: str) -> str:
        """Answer a browser's offer; see :meth:`handlers.video.sfu.Sfu.answer`."""
        call = self._call(call_id)
        async with call.joining:
            leg = Leg(role, call, self._connect(call.plan, role))
            answer = await leg.answer(offer)
            try:
                tape = None
                if call.events is not None:
                    slot, writer = await self._write(self._ledger.begin, call.plan, role)
                    tape = Tape(slot, writer, role, call.events)
                if self._calls.get(call_id) is not call or call.failed:
                    if tape is not None:
                        self._end_tape(tape)
                    raise NoSuchCall("the call ended meanwhile")
            except BaseException:
                await leg.close()
                raise
            earlier = call.take(leg, tape)
        if earlier is not None:
            self._later(earlier.close())
        return answer

    async def hang_up(self, call_id: UUID, role: Role) -> None:
        """End one side's connection."""
        await self._call(call_id).hang_up(role)

    async def still(self, call_id: UUID, role: Role) -> Still:
        """Return a picture of a side."""
        return await self._call(call_id).still(role)

    def mark(self, call_id: UUID, event: Mapping[str, Any]) -> None:
        """Write into the log of events."""
        self._call(call_id).add_event(event)

    def legs(self, call_id: UUID) -> Mapping[Role, sfu.Leg]:
        """Tell how both sides are doing."""
        return self._call(call_id).legs()

    async def close(self, call_id: UUID) -> None:
        """End a call; its segments are sealed when this returns."""
        call = self._calls.get(call_id)
        if call is not None:
            await self._end(call)

    @property
    def calls(self) -> int:
        """Calls it carries."""
        return len(self._calls)

    def _call(self, call_id: UUID) -> Call:
        call = self._calls.get(call_id)
        if call is None:
            raise NoSuchCall("no such call here")
        return call

    # -- what it does by itself -----------------------------------------------------------------------

    async def begin(self) -> None:
        """Begin."""
        self.start()

    def start(self) -> None:
        """Begin to look, to note and to say that it lives."""
        loops = (self._look(), self._note(), self._live())
        self._tasks = [asyncio.create_task(one) for one in loops]

    async def stop(self, patience: float) -> None:
        """End: no new calls, those under way may finish within so many seconds, the rest is sealed."""
        self.draining = True
        until = time.monotonic() + patience
        while self._calls and time.monotonic() < until:
            await asyncio.sleep(0.1)
        await asyncio.gather(
            *(self._end(call) for call in list(self._calls.values())), return_exceptions=True
        )
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._closing, return_exceptions=True)
        self._writing.shutdown(wait=True)
        self._beating.shutdown(wait=True)

    async def _look(self) -> None:
        second = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = time.monotonic()
            whole, second = (True, now) if now - second >= 1 else (False, second)
            for call in list(self._calls.values()):
                for stale in call.look(now):
                    call.changed(stale, "gone")
                if whole:
                    call.second(now)
                if call.over(now):
                    self._later(self._end(call))

    async def _note(self) -> None:
        while True:
            await asyncio.sleep(NOTE_SECONDS)
            told, self._told = self._told, set()
            recorded = [call for call in self._calls.values() if call.plan.recorded]
            files = [(file, file.slot, file.media_ms) for call in recorded for file in call.files()]
            seen = [call.seen() for call in recorded]

            def write(files: Any = files, seen: Any = seen, told: Any = told) -> set[UUID]:
                if told:
                    self._ledger.tell(told)
                return self._ledger.note(on_disk(files), seen) if seen else set()

            try:
                lost = await self._write(write)
            except SfuDown:
                self._told |= told
                continue
            for call_id in lost:
                if call_id in self._calls and self._calls[call_id] in recorded:
                    log.warning("call is ours no more", call=str(call_id))
                    self._later(self._end(self._calls[call_id]))

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        used, at = time.process_time(), time.monotonic()
        while True:
            now_used, now = time.process_time(), time.monotonic()
            load = (now_used - used) / max(now - at, 0.001)
            used, at = now_used, now
            with contextlib.suppress(SQLAlchemyError):
                await loop.run_in_executor(self._beating, self._beat, self.calls, load, self.draining)
            await asyncio.sleep(1)

    # -- what happens in a call -----------------------------------------------------------------------

    def _tell(self, call: Call) -> None:
        if call.facts is None:
            return
        facts = call.facts
        self._later(self._told_now(facts))

    async def _told_now(self, facts: Facts) -> None:
        try:
            await self._write(self._ledger.tell, (facts,))
        except SfuDown:
            self._told.add(facts)

    def _end_tape(self, tape: Tape | Events) -> None:
        self._later(self._seal(tape))

    async def _seal(self, file: Tape | Events) -> None:
        def seal() -> None:
            self._ledger.seal(file.slot, file.close(), file.media_ms)

        try:
            await self._write(seal)
        except (SfuDown, OSError):
            # The finalizer seals it: its file is whole, and its last head in the database or behind it.
            log.warning("segment is left to the finalizer", segment=str(file.slot.id))

    def _broken(self, call: Call) -> None:
        self._later(self._end(call))

    async def _end(self, call: Call) -> None:
        if self._calls.get(call.plan.call_id) is call:
            del self._calls[call.plan.call_id]
        sealing = set(self._closing)
        await call.close()
        if call.events is not None:
            events, call.events = call.events, None
            with contextlib.suppress(OSError):
                events.write("closed")
            self._end_tape(events)
        await asyncio.gather(*(self._closing - sealing - {asyncio.current_task()}), return_exceptions=True)

    async def _write(self, do: Callable[..., T], *given: Any) -> T:
        """Do something in the writing thread.

        :raises SfuDown: the database is away, or the disk takes no more.
        """

        def twice() -> T:
            try:
                return do(*given)
            except DBAPIError as cut:
                # A database that was started anew has cut a connection that seemed to stand.
                if not cut.connection_invalidated:
                    raise
                return do(*given)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._writing, twice)
        except SQLAlchemyError as away:
            log.warning("the database does not answer", why=type(away).__name__)
            raise SfuDown("the database does not answer") from away
        except OSError as full:
            log.error("the disk refuses", why=full.strerror or str(full))
            raise SfuDown("recordings cannot be written") from full

    def _later(self, doing: Any) -> None:
        task = asyncio.ensure_future(doing)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
