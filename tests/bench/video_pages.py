"""Calls as two people live them: real browsers with fake cameras, a web process, a worker and a media node.

``setup_ms_*``      the agent's key F2 until both see moving pictures
``snapshot_ms_*``   F8 until the customer's own picture stands on the agent's page
``reload_ms_*``     the customer's F5 until both see each other again
``recovery_ms_*``   kill -9 of the media node until both see each other again
``floor_*``         what is recorded of a customer whose line loses four of a hundred packets both ways: the
                    least height and pictures a second, once the call has found its pace

    python -m tests.bench.video_pages [rounds]
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, Route, sync_playwright
from sqlalchemy import select

from handlers.video.tables import CallRow
from ops.setup import Setup
from tests.browser.agents import CAMERA, Agent, landline, starts_the_video
from tests.browser.conftest import FLAGS, SIZES
from tests.browser.kaihu import Kaihu, MediaPart, running
from tests.browser.persons import Customer
from tests.databases import lent_server
from tests.lossy_line import Line, node_of, through, without_addresses
from tests.waiting import wait_until

BUDGET = {
    "setup_ms_p50": ("<=", 350.0),
    "setup_ms_p95": ("<=", 700.0),
    "snapshot_ms_p95": ("<=", 500.0),
    "reload_ms_p95": ("<=", 3000.0),
    "recovery_ms_p95": ("<=", 3000.0),
    "floor_height": (">=", 360.0),
    "floor_fps": (">=", 15.0),
}
#: Calls, and in each of them snapshots; reloads and kills are once a call.
ROUNDS, SHOTS = 6, 3
#: Pictures a page has shown of the other side since the last look; a new connection begins at nothing.
SHOWN = """() => { const video = document.querySelector("[data-remote]");
  return video && !video.paused ? video.getVideoPlaybackQuality().totalVideoFrames : 0; }"""
#: The newest picture of the customer's camera that is there to be seen.
STILL = """() => { const image = document.querySelector("[data-shot=face] [data-still] img");
  return image && image.complete && image.naturalWidth ? image.src : ""; }"""
LATEST = 30.0
#: Share of packets lost, seconds in which a call finds its pace, and seconds that are looked at.
LOSS, PACE, LOOKED_AT = 0.04, 10, 20


class Watched:
    """Both sides of a call, and when something came to be."""

    def __init__(self, customer: Page, agent: Page) -> None:
        self.pages = (customer, agent)

    def seen(self) -> list[int]:
        """Return the pictures that both sides have shown, by the same element each."""
        return [_ask(page, SHOWN) for page in self.pages]

    def until_both_see(self, begun: float, more_than: Sequence[int] = (0, 0)) -> float:
        """Return the milliseconds from ``begun`` until both have shown more pictures."""
        late = [True, True]
        while any(late):
            for side, page in enumerate(self.pages):
                late[side] = late[side] and _ask(page, SHOWN) <= more_than[side]
            if time.monotonic() - begun > LATEST:
                raise RuntimeError("nothing was seen")
        return (time.monotonic() - begun) * 1000

    def until_it_stops(self) -> list[int]:
        """Wait until neither shows anything new; return what both have shown."""
        before = self.seen()
        while True:
            time.sleep(0.15)
            now = self.seen()
            if now == before:
                return now
            before = now


def _ask(page: Page, script: str) -> int:
    try:
        return page.evaluate(script) or 0
    except Error:
        return 0  # between two pages


def measure(say: Callable[[str], None] = print, rounds: int = ROUNDS) -> dict[str, float | None]:
    """Measure calls one after the other; about a quarter of a minute each."""
    times: dict[str, list[float]] = {"setup": [], "snapshot": [], "reload": [], "recovery": []}
    with _house() as (kaihu, media, browser):
        for turn in range(rounds):
            with _call(kaihu, browser, times["setup"]) as both:
                times["snapshot"] += [_snapshot(both.pages[1]) for _ in range(SHOTS)]
                times["reload"].append(_reload(both))
                times["recovery"].append(_recovery(both, media))
            say(
                f"call {turn + 1}: {', '.join(f'{name} {found[-1]:.0f}' for name, found in times.items())} ms"
            )
        say("a line that loses packets")
        with _call(kaihu, browser, [], loses=LOSS) as both:
            figures: dict[str, float | None] = {**_floor(kaihu)}
    for name, found in times.items():
        figures[f"{name}_ms_p50"] = statistics.median(found)
        figures[f"{name}_ms_p95"] = statistics.quantiles(found, n=20, method="inclusive")[-1]
    return figures


@contextmanager
def _house() -> Iterator[tuple[Kaihu, MediaPart, Browser]]:
    with ExitStack() as started:
        data = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="kaihu-bench-")))
        server = started.enter_context(lent_server())
        server.make_template()
        kaihu = started.enter_context(running(started.enter_context(server.database()), data))
        media = started.enter_context(kaihu.carrying_calls())
        playwright = started.enter_context(sync_playwright())
        program = Setup(tests=True).chromium()
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS, *CAMERA])
        started.callback(browser.close)
        yield kaihu, media, browser


@contextmanager
def _call(kaihu: Kaihu, browser: Browser, setups: list[float], loses: float = 0) -> Iterator[Watched]:
    """Lend a call between two windows; it is sent back at the end.

    :param loses: share of packets lost between the customer and the node.
    """
    with ExitStack() as opened:

        def window(size: str) -> Page:
            width, height = SIZES[size]
            context = browser.new_context(
                base_url=kaihu.address, viewport={"width": width, "height": height}, locale="zh-CN"
            )
            opened.callback(context.close)
            return context.new_page()

        customer = Customer(kaihu, window("phone"), kaihu.somebody_like("C01"))
        customer.has_got_to("change_phone", "video", phone__number=landline(kaihu))
        starts_the_video(customer)
        if loses:
            customer.page.route("**/video/call?*", lambda route: _over_a_line(route, opened, loses))
        agent = Agent(kaihu, window("pc")).is_at_work().is_offered_somebody()
        both = Watched(customer.page, agent.page)
        begun = time.monotonic()
        agent.page.keyboard.press("F2")
        setups.append(both.until_both_see(begun))
        agent.page.locator("[data-module=witness_call]").wait_for()
        yield both
        agent.gives("打回", "V01")


def _over_a_line(route: Route, opened: ExitStack, loses: float) -> None:
    """Lead a call's media over a line of ours."""
    if route.request.method != "POST":
        route.continue_()
        return
    said = route.fetch(post_data=without_addresses(route.request.post_data or ""))
    answer = said.text()
    line = opened.enter_context(Line(node_of(answer), loses))
    route.fulfill(response=said, body=through(line, answer))


def _floor(kaihu: Kaihu) -> dict[str, float | None]:
    with kaihu.product.engine.database.reading() as session:
        call = session.scalars(select(CallRow.id).where(CallRow.closed_at.is_(None))).one()
    time.sleep(PACE)
    found = []
    for _ in range(LOOKED_AT):
        time.sleep(1)
        found.append(kaihu.product.web.calls.legs(call)["customer"])
    return {
        "floor_height": min(leg.height for leg in found),
        "floor_fps": min(leg.fps for leg in found),
        "floor_kbps": statistics.median(leg.kbps for leg in found),
        "floor_loss": statistics.median(leg.loss for leg in found),
    }


def _snapshot(agent: Page) -> float:
    agent.locator("[data-shoot=face]:not([aria-busy=true])").wait_for()
    before = agent.evaluate(STILL)
    begun = time.monotonic()
    agent.keyboard.press("F8")
    wait_until(lambda: agent.evaluate(STILL) not in ("", before), LATEST)
    return (time.monotonic() - begun) * 1000


def _reload(both: Watched) -> float:
    begun = time.monotonic()
    both.pages[0].reload(wait_until="commit")
    # The customer's new page begins to count anew; the agent's has to go on.
    return both.until_both_see(begun, (0, both.until_it_stops()[1]))


def _recovery(both: Watched, media: MediaPart) -> float:
    begun = time.monotonic()
    media.dies()
    return both.until_both_see(begun, both.until_it_stops())


if __name__ == "__main__":
    print(measure(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
