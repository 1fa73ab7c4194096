"""Installing and signing as a customer waits for it: Chromium on a product that runs.

``install`` is from pressing 申请并安装 to 「数字证书已经安装成功！」; ``password_to_signed`` from pressing
确定 under the password until the server has taken all signatures of the page (B-T) and the browser has its
answer; what follows is the next page, which is not signing.
"""

import json
import math
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from playwright.sync_api import TimeoutError as NotYet
from playwright.sync_api import expect, sync_playwright

from ops.setup import Setup
from tests.browser.conftest import FLAGS, PATIENCE, SIZES
from tests.browser.kaihu import running
from tests.browser.persons import PASSWORD, Customer
from tests.databases import lent_server

#: Customers who install and sign; the first one warms up.
CUSTOMERS = 20


def measure(say: Callable[[str], None]) -> dict[str, float]:
    """Return the slowest of twenty but one, in milliseconds."""
    installs, signs, papers = [], [], 0
    with ExitStack() as started:
        data = Path(tempfile.mkdtemp(prefix="kaihu-bench-"))
        started.callback(shutil.rmtree, data)
        server = started.enter_context(lent_server())
        server.make_template()
        kaihu = started.enter_context(running(started.enter_context(server.database()), data))
        executable = Setup(tests=True).chromium()
        assert executable, "no Chromium"
        expect.set_options(timeout=PATIENCE)
        playwright = started.enter_context(sync_playwright())
        chromium = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        started.callback(chromium.close)
        for number in range(CUSTOMERS + 1):
            width, height = SIZES["pc"]
            context = chromium.new_context(
                base_url=kaihu.address, locale="zh-CN", viewport={"width": width, "height": height}
            )
            somebody = Customer(kaihu, context.new_page(), kaihu.somebody_like("C01"))
            installed, signed, papers = _customer(somebody)
            context.close()
            if number:
                installs.append(installed)
                signs.append(signed)
        say(f"{papers} papers each")
    return {
        "password_to_signed_ms_p95": _p95(signs),
        "password_to_signed_ms_p50": sorted(signs)[len(signs) // 2],
        "install_ms_p95": _p95(installs),
        "install_ms_p50": sorted(installs)[len(installs) // 2],
        "papers_signed": papers,
    }


def _customer(who: Customer) -> tuple[float, float, int]:
    """Let one customer install and sign; return both waits in milliseconds, and the number of papers."""
    page = who.page
    who.has_got_to("change_phone", "data").types_landline().presses("下一步")
    expect(page.get_by_role("heading", name="协议签署")).to_be_visible()
    who.reads_all_agreements().agrees().presses("签署协议").is_witnessed()
    page.get_by_label("证书密码", exact=False).first.fill(PASSWORD)
    page.get_by_label("再次输入证书密码").fill(PASSWORD)
    began = time.perf_counter()
    page.get_by_role("button", name="申请并安装").click()
    page.get_by_text("数字证书已经安装成功！").first.wait_for()
    installed = (time.perf_counter() - began) * 1000
    who.presses("下一步")
    expect(page.get_by_role("heading", name="协议签署")).to_be_visible()
    who.agrees()
    _opens_the_dialog(who)
    who.password.fill(PASSWORD)
    began = time.perf_counter()
    with page.expect_response(lambda answer: answer.url.endswith("/signing")) as sent:
        page.get_by_role("button", name="确定", exact=True).click()
    answer = sent.value
    assert answer.ok, answer.text()
    signed = (time.perf_counter() - began) * 1000
    papers = len(json.loads(answer.request.post_data or "{}")["signatures"])
    who.sees("已成功提交")
    return installed, signed, papers


def _opens_the_dialog(who: Customer) -> None:
    """Press 签署协议 until the password is asked for: on a busy machine papers are still being written."""
    for _ in range(20):
        who.presses("签署协议")
        with suppress(NotYet):
            who.password.wait_for(timeout=3000)
            return
    raise AssertionError("the password is not asked for")


def _p95(times: list[float]) -> float:
    return sorted(times)[math.ceil(0.95 * len(times)) - 1]
