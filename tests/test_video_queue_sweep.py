"""What the worker does for the queue by itself, also when something is broken."""

import asyncio
import threading

from sqlalchemy import text, update

from engine.store.tables import CaseRow
from ops.worker import _watch_video


def watches(room, until, seconds=30):
    """Let a worker look at the queue until something has happened."""

    async def watch():
        watching = asyncio.create_task(_watch_video(room.engine))
        try:
            async with asyncio.timeout(seconds):
                while not until():
                    await asyncio.sleep(0.1)
        finally:
            watching.cancel()

    asyncio.run(watch())


def executes(room, statement):
    with room.engine.database.transaction() as session:
        session.execute(text(statement))


def test_a_worker_returns_an_unanswered_offer(queue_room, the_clock):
    (customer,) = queue_room.people(1)
    queue_room.agent().takes()
    the_clock.advance(seconds=31)
    watches(queue_room, until=lambda: customer.ticket.state == "waiting")


def test_a_worker_goes_on_after_the_database_was_away(queue_room, the_clock):
    (customer,) = queue_room.people(1)
    queue_room.agent().takes()
    the_clock.advance(seconds=31)
    executes(queue_room, "alter table video_ticket rename to elsewhere")
    back = threading.Timer(1.0, executes, (queue_room, "alter table elsewhere rename to video_ticket"))
    back.start()
    watches(queue_room, until=lambda: not back.is_alive() and customer.ticket.state == "waiting")


def test_one_broken_case_does_not_keep_the_place_of_others(queue_room, passes):
    broken, other = queue_room.people(2)
    with queue_room.engine.database.transaction() as session:
        session.execute(update(CaseRow).where(CaseRow.id == broken.case.id).values(blob=b"broken"))
    passes(122)
    assert (broken.ticket.state, other.ticket.state) == ("waiting", "abandoned")
