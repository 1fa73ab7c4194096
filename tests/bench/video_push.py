"""How soon everybody who waits sees that the queue moved: a web process as it runs, a thousand open pages.

The clock starts when somebody's leaving is committed and stops when a page has read its new figures. Moves
are further apart than the second in which a line is looked at once, so that none waits for the one before.
"""

import asyncio
import math
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from engine import clock
from handlers.video.tables import TicketRow
from tests.browser.kaihu import running
from tests.databases import lent_server
from tests.queue_room import AgentPerson, Customer, QueueRoom, release

#: Times that somebody leaves, and the seconds from one to the next.
MOVES, APART = 12, 2.5


def measure(say: Callable[[str], None] = print, waiting: int = 1000) -> dict[str, float]:
    """Return the time of a push in milliseconds, over all pages and moves."""
    with ExitStack() as started:
        data = Path(tempfile.mkdtemp(prefix="kaihu-bench-"))
        started.callback(shutil.rmtree, data)
        server = started.enter_context(lent_server())
        server.make_template()
        url = started.enter_context(server.database())
        kaihu = started.enter_context(running(url, data))
        clock.set_offset(kaihu.ahead.total_seconds())
        started.callback(clock.set_offset, 0)
        room = QueueRoom(url, data / "files", kaihu.product.engine.keyring)
        started.callback(room.engine.database.dispose)
        room.publishes(release())
        agent = room.agent()
        _let_live(room, hours=1)
        customers = []
        for _ in range(waiting + MOVES):
            customers.append(room.person())
            customers[-1].queues()
        _let_live(room, hours=1)
        say(f"{len(customers)} wait")
        begin = kaihu.product.web.sessions.begin
        cookies = [begin("customer", one.owner, {"csrf_token": "x"})[0] for one in customers[MOVES:]]
        port = int(kaihu.address.rpartition(":")[2])
        times = asyncio.run(_watch(agent, customers[:MOVES], cookies, port))
    say(f"{len(times)} pushes of {waiting * MOVES}")
    if len(times) < waiting * MOVES * 0.99:
        raise RuntimeError(f"only {len(times)} pushes of {waiting * MOVES} came")
    times.sort()
    return {
        "position_push_ms_p95": times[math.ceil(0.95 * len(times)) - 1],
        "position_push_ms_p50": times[len(times) // 2],
    }


def _let_live(room: QueueRoom, hours: int) -> None:
    """Let every page that waits count as alive: nothing else than pushes is measured."""
    with room.engine.database.transaction() as session:
        session.execute(update(TicketRow).values(beat_at=clock.now() + timedelta(hours=hours)))


async def _watch(agent: AgentPerson, leaving: list[Customer], cookies: list[str], port: int) -> list[float]:
    """Open a page for each cookie, let customers leave one by one, and return each page's waits."""
    heard: list[float] = []
    pages = [asyncio.create_task(_page(cookie, port, heard)) for cookie in cookies]
    await _settled(heard, pages)
    times = []
    for one in leaving:
        await asyncio.to_thread(agent.beats)
        heard.clear()
        began = time.perf_counter()
        await asyncio.to_thread(one.leaves)
        committed = time.perf_counter()
        await asyncio.sleep(APART - (committed - began))
        times += [(at - committed) * 1000 for at in heard if at > began]
    for page in pages:
        page.cancel()
    await asyncio.gather(*pages, return_exceptions=True)
    return times


async def _page(cookie: str, port: int, heard: list[float]) -> None:
    """Listen as a browser does, and note when the own position came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ask = f"GET /rt/events HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: kaihu={cookie}\r\n\r\n"
    writer.write(ask.encode())
    try:
        while line := await reader.readline():
            if line.startswith(b"event: queue"):
                heard.append(time.perf_counter())
    finally:
        writer.close()


async def _settled(heard: list[float], pages: list["asyncio.Task[None]"]) -> None:
    """Wait until the pages have connected and the first figures have been told."""
    before = -1
    while len(heard) != before or not heard:
        before = len(heard)
        await asyncio.sleep(4)
        if any(page.done() for page in pages):
            raise RuntimeError("a page was not let in")


if __name__ == "__main__":
    print(measure())
