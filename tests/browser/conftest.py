"""What journeys are lent: a running Kaihu, a browser, windows of a phone or a PC, and the persons."""

import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ops.setup import Setup
from tests.browser.agents import everybody_leaves
from tests.browser.kaihu import Kaihu, running
from tests.browser.persons import Customer, Reviewer
from tests.browser.watching import Watch
from tests.databases import Server

#: Windows by name: width and height in pixels.
SIZES = {"phone": (390, 844), "pc": (1440, 900)}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A tab that a page opens asks before the language of its window is set.
    "--lang=zh-CN",
    "--accept-lang=zh-CN",
)
#: Longest wait for anything a page should show, in milliseconds; two cores may be busy.
PATIENCE = 30_000

Opens = Callable[..., Page]
_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note that a test failed, for the fixture that then takes pictures of its windows."""
    report = yield
    if report.when == "call":
        item.stash[_failed] = report.failed
    return report


@pytest.fixture(scope="package")
def kaihu(migrated_server: Server) -> Iterator[Kaihu]:
    """Lend a product that runs; one for each test process."""
    data = Path(tempfile.mkdtemp(prefix="kaihu-journey-"))
    try:
        with migrated_server.database() as url, running(url, data) as made:
            yield made
    finally:
        shutil.rmtree(data)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Lend the browser that the set-up found or installed."""
    executable = Setup(tests=True).chromium()
    assert executable, "no Chromium; ./test installs one"
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def nobody_waits(kaihu: Kaihu) -> None:
    """Have no customer in the queue whom an earlier journey left there."""
    everybody_leaves(kaihu)


@pytest.fixture
def size() -> str:
    """Say which window a test uses unless it says otherwise."""
    return "pc"


@pytest.fixture
def opens(
    kaihu: Kaihu, chromium: Browser, size: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Opens]:
    """Lend windows, each of a browser of its own; nothing may go wrong in any of them."""
    contexts: list[tuple[Any, Watch]] = []

    def window(size: str = size, **options: Any) -> Page:
        width, height = SIZES[size]
        context = chromium.new_context(
            base_url=kaihu.address,
            viewport={"width": width, "height": height},
            has_touch=size == "phone",
            is_mobile=size == "phone",
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            **options,
        )
        context.set_default_timeout(PATIENCE)
        dies = request.node.get_closest_marker("media_dies") is not None
        contexts.append((context, Watch(context, kaihu.address, media_dies=dies)))
        return context.new_page()

    yield window
    wrong = [what for _, watch in contexts for what in watch.wrong]
    for number, (context, _) in enumerate(contexts):
        for tab, page in enumerate(context.pages if request.node.stash.get(_failed, False) else ()):
            picture = tmp_path / f"window-{number}-{tab}.png"
            page.screenshot(path=picture, full_page=True)
            print(f"{page.url} looked like {picture}")
        context.close()
    if wrong or request.node.stash.get(_failed, False):
        said = (kaihu.data / "web.log").read_text("utf-8").splitlines()
        print("\n".join([*(one for one in said if '"level": "error"' in one)][:3] + said[-25:]))
    assert wrong == []


@pytest.fixture
def customer(kaihu: Kaihu, opens: Opens) -> Callable[..., Customer]:
    """Lend somebody like a fixture, with a window: ``customer("C01")``."""

    def lent(like: str = "C01", **options: Any) -> Customer:
        return Customer(kaihu, opens(**options), kaihu.somebody_like(like))

    return lent


@pytest.fixture
def reviewer(kaihu: Kaihu, opens: Opens) -> Callable[..., Reviewer]:
    """Lend a member of staff, signed in, at a PC: ``reviewer()``."""

    def lent(login: str = "reviewer1", size: str = "pc") -> Reviewer:
        return Reviewer(kaihu, opens(size=size), login).is_signed_in()

    return lent
