"""设备检测 and the queue in a real browser: with camera and microphone, without, and refused (R-175)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect

from ops.setup import Setup
from tests.browser.agents import landline
from tests.browser.conftest import FLAGS, PATIENCE
from tests.browser.kaihu import Kaihu, MediaPart
from tests.browser.persons import Customer
from tests.browser.test_accessible import COLOURS, Inspector

pytestmark = pytest.mark.usefixtures("nobody_waits")
FAKE = "--use-fake-device-for-media-stream"
ALLOWED = ("--use-fake-ui-for-media-stream", "--allow-loopback-in-peer-connection")
PARTS = ("camera", "microphone", "speaker", "network")


@pytest.fixture(scope="module")
def chromium(chromium: Browser) -> Iterator[Browser]:
    """Lend a browser with a camera and a microphone that its user lets every page use."""
    with another(chromium, FAKE, *ALLOWED) as browser:
        yield browser


@pytest.fixture
def media(kaihu: Kaihu) -> Iterator[MediaPart]:
    """Lend a node that carries calls."""
    with kaihu.carrying_calls() as part:
        yield part


@contextmanager
def another(browser: Browser, *flags: str) -> Iterator[Browser]:
    """Start another browser."""
    started = browser.browser_type.launch(executable_path=Setup(tests=True).chromium(), args=[*FLAGS, *flags])
    try:
        yield started
    finally:
        started.close()


def at_the_video(customer: Customer) -> Customer:
    """Come to the page."""
    return customer.has_got_to("change_phone", "video", phone__number=landline(customer.kaihu))


def at_the_check(customer: Customer) -> Customer:
    """Come to the page and consent."""
    at_the_video(customer)
    customer.page.get_by_role("checkbox", name="我已阅读并单独同意").check()
    return customer.presses("同意并继续").sees("视频前请先检测设备")


@pytest.mark.timeout(240)
@COLOURS
def test_who_is_seen_heard_and_connected_comes_into_the_queue(customer, kaihu, media, colours):
    wang = customer("C06", color_scheme=colours)
    page = wang.page
    at_the_video(wang)
    wang.is_awake().presses("同意并继续").sees_plainly("请先阅读并勾选同意")
    page.get_by_role("checkbox", name="我已阅读并单独同意").check()
    wang.presses("同意并继续").presses("开始检测").presses("开始视频通话")
    expect(page.get_by_text(re.compile("请先完成：.*扬声器"))).to_be_visible()
    wang.presses("我听到了")
    for part in PARTS:
        expect(page.locator(f'[data-item="{part}"][data-state="ok"]')).to_be_visible()
    expect(page.locator('[data-item="network"]')).to_contain_text(re.compile(r"上传 [1-9]\d+ kbps"))
    assert page.locator("[data-preview]").evaluate("(video) => video.videoWidth") >= 640
    wang.does_not_see("请先完成").presses("开始视频通话").sees("当前营业部排队人数（含您）")
    expect(page).to_have_title(re.compile("^第 1 位"))
    page.reload()
    expect(page.locator("[data-position]")).to_have_text("第 1 位")
    page.wait_for_function("() => document.querySelector('[data-preview]').videoWidth > 0")
    wang.presses("取消排队")
    page.get_by_role("dialog").get_by_role("button", name="取消排队").click()
    wang.sees("可以重新开始")


@COLOURS
def test_the_pages_of_the_video_have_no_barriers(customer, kaihu, media, colours):
    liu = customer("C09", color_scheme=colours)
    page, quiet = Inspector(liu.page), liu.page.wait_for_load_state
    # A page that listens is never idle.
    liu.page.wait_for_load_state = lambda _: quiet("load")
    at_the_video(liu)
    page.looks("consent")
    liu.page.get_by_role("checkbox", name="我已阅读并单独同意").check()
    liu.presses("同意并继续").sees("视频前请先检测设备")
    page.looks("check")
    liu.presses("开始检测").presses("我听到了")
    for part in PARTS:
        expect(liu.page.locator(f'[data-item="{part}"][data-state="ok"]')).to_be_visible()
    page.looks("checked")
    liu.presses("开始视频通话").sees("当前营业部排队人数（含您）")
    page.looks("queue")
    liu.presses("取消排队")
    page.looks("cancelling")
    assert page.found == []


@pytest.mark.parametrize(
    ("flags", "told", "way"),
    [((FAKE,), "没有权限", "网站设置"), ((), "没有找到", "用手机办理")],
    ids=["refused", "no camera"],
)
def test_who_has_no_camera_is_told_what_to_do_and_may_try_again(kaihu, chromium, flags, told, way):
    with another(chromium, *flags) as browser:
        context = browser.new_context(base_url=kaihu.address, locale="zh-CN")
        context.set_default_timeout(PATIENCE)
        qian = at_the_check(Customer(kaihu, context.new_page(), kaihu.somebody_like("C06")))
        qian.presses("开始检测")
        expect(qian.page.locator('[data-item="camera"]')).to_contain_text(told)
        expect(qian.page.locator(".check__help").filter(visible=True)).to_contain_text(way)
        expect(qian.page.get_by_role("button", name="开始检测")).to_be_visible()
        assert qian.page.get_by_role("button", name="开始视频通话").is_hidden()


@pytest.mark.timeout(240)
def test_while_no_node_lives_the_network_is_not_called_good_and_can_be_checked_again(kaihu, chromium):
    context = chromium.new_context(base_url=kaihu.address, locale="zh-CN")
    context.set_default_timeout(PATIENCE)
    sun = at_the_check(Customer(kaihu, context.new_page(), kaihu.somebody_like("C06")))
    sun.presses("开始检测")
    expect(sun.page.locator('[data-item="network"]')).to_contain_text("视频服务暂时无法连接")
    with kaihu.carrying_calls():
        sun.presses("重新检测网络")
        expect(sun.page.locator('[data-item="network"][data-state="ok"]')).to_be_visible()
    context.close()
