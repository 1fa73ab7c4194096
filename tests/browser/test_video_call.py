"""视频见证 with two real browsers and their cameras: the queue, the call, the pictures, the result."""

import re
from collections.abc import Iterator
from typing import Self

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import func, select

from handlers.video.tables import CallRow, SegmentRow, SnapshotRow
from ops.setup import Setup
from tests.agents_at_work import waits
from tests.browser.conftest import FLAGS
from tests.browser.kaihu import Kaihu, MediaPart
from tests.browser.persons import Customer, Person
from tests.waiting import wait_until

CAMERA = (
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream=fps=20",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
)
#: Whether a video of the page shows moving pictures.
MOVES = "(video) => !video.paused && video.getVideoPlaybackQuality().totalVideoFrames > 5"


@pytest.fixture(scope="module")
def chromium(chromium: Browser) -> Iterator[Browser]:
    """Lend a browser with a camera and a microphone that its user lets every page use."""
    browser = chromium.browser_type.launch(
        executable_path=Setup(tests=True).chromium(), args=[*FLAGS, *CAMERA]
    )
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def media(kaihu: Kaihu) -> Iterator[MediaPart]:
    """Lend a node that carries calls."""
    with kaihu.carrying_calls() as part:
        yield part


class Agent(Person):
    """An agent at the desk of witnesses."""

    def __init__(self, kaihu: Kaihu, page: Page, login: str = "agent2") -> None:
        super().__init__(kaihu, page)
        self.login = login

    def is_at_work(self) -> Self:
        """Sit down, ready for the next customer."""
        self.has_cookie("kaihu-desk", self.kaihu.session_of_staff(self.login))
        self.opens("/desk/video")
        self.page.get_by_role("button", name="就绪").click()
        return self

    def answers_the_call(self) -> Self:
        """Take the customer who is offered, by keyboard."""
        self.is_offered_somebody()
        self.page.keyboard.press("F2")
        expect(self.page.locator("[data-module=witness_call]")).to_be_attached()
        return self.sees_moving("[data-remote]")

    def is_offered_somebody(self) -> Self:
        """Wait for the next customer; who still rests after a call does so no longer."""
        offer = self.page.get_by_role("heading", name="客户请求视频见证")
        rests = self.page.get_by_role("button", name="立即接听下一位")
        expect(offer.or_(rests)).to_be_visible()
        if rests.is_visible():
            rests.click()
        expect(offer).to_be_visible()
        return self

    def sees_moving(self, video: str) -> Self:
        """Wait until a video shows moving pictures."""
        sees_moving(self.page, video)
        return self

    def ticks_all(self) -> Self:
        """Ask and check everything."""
        # Questions of other changes are on the page, too, and hidden.
        for box in self.page.locator("[data-script] input[type=checkbox]").filter(visible=True).all():
            box.check()
        return self

    def photographs(self) -> Self:
        """Take both pictures, and see the customer's own and the server's."""
        for kind in ("face", "card"):
            shot = self.page.locator(f"[data-shot={kind}]")
            shot.get_by_role("button").first.click()
            for which in ("[data-still] img", "[data-frame] img"):
                expect(shot.locator(which)).to_be_visible()
        return self

    def gives(self, result: str, *reasons: str) -> Self:
        """Give a result."""
        self.chooses_segment(result)
        for code in reasons:
            self.page.get_by_role("checkbox", name=re.compile(code)).check()
        return self.presses_result()

    def presses_result(self) -> Self:
        """Press 提交结果."""
        self.page.locator("[data-submit]").click()
        expect(self.page.get_by_role("heading", name="坐席工作台")).to_be_visible()
        return self


def sees_moving(page: Page, video: str) -> None:
    """Wait until a video of a page shows moving pictures."""
    place = page.locator(video).first
    expect(place).to_be_visible()
    wait_until(lambda: place.evaluate(MOVES), 30)


def starts_the_video(customer: Customer) -> None:
    """Consent, let the devices be checked, and press 开始视频通话."""
    page = customer.page
    page.get_by_role("checkbox", name="我已阅读并单独同意").check()
    customer.presses("同意并继续")
    customer.presses("开始检测")
    page.get_by_role("button", name="我听到了").click()
    for item in ("camera", "microphone", "speaker", "network"):
        expect(page.locator(f'[data-item="{item}"][data-state="ok"]')).to_be_visible()
    customer.presses("开始视频通话")


def in_queue(customer: Customer, total: int, position: int) -> None:
    """See how many wait, and at which place."""
    expect(customer.page.locator("[data-total]")).to_have_text(str(total))
    expect(customer.page.locator("[data-position]")).to_have_text(f"第 {position} 位")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("size", ["phone"])
def test_g45_g47_g48_g49_a_customer_is_sent_back_corrects_and_is_passed(customer, opens, kaihu, media):
    before = [
        customer("C06").has_got_to("change_phone", "video", phone__number=landline(kaihu)) for _ in "12"
    ]
    li = customer("C02").has_new_card()
    li.has_got_to("change_id_validity", "video", validity__from="2025-03-11", validity__until="2045-03-11")
    with kaihu.quickly() as pages:
        web = pages.product.web
        others = [waits(web, kaihu.open_case(one.who).id) for one in before]
        starts_the_video(li)
        in_queue(li, 3, 3)  # G-47
        for one in others:
            web.queue.leave(one.case_id, one.owner)
    in_queue(li, 1, 1)
    for one in before:
        one.page.close()

    su = Agent(kaihu, opens(size="pc")).is_at_work().answers_the_call()
    sees_moving(li.page, "[data-remote]")
    li.sees("F0300006")  # G-48: the licence is on the screen
    li.sees("程然")
    expect(su.page.locator("[data-missing-list]")).to_contain_text("正脸")
    su.gives("打回", "D01")
    expect(li.page.get_by_role("heading", name=re.compile("身份信息资料"))).to_be_visible()  # G-49
    li.sees("有效期与证件不一致").holds({"自": "2025-03-11", "至": "2045-03-11"})

    li.presses("下一步")
    li.page.get_by_role("checkbox", name="我已核对，确认无误").check()
    li.presses("下一步")
    li.reads_all_agreements().agrees().presses("签署协议")
    expect(li.page.get_by_role("heading", name="视频见证", level=1)).to_be_visible()
    starts_the_video_again(li)
    su.opens("/desk/video")
    su.page.get_by_role("button", name="就绪").click()
    su.answers_the_call().ticks_all().photographs()
    expect(su.page.get_by_text("可以通过")).to_be_visible()
    su.gives("通过")
    li.sees("视频见证已通过").follows("下一步")
    li.sees("申请并安装")

    with kaihu.product.engine.database.reading() as session:
        call = session.scalars(select(CallRow).where(CallRow.outcome == "passed")).one()
        pictures = session.scalars(select(SnapshotRow).where(SnapshotRow.call_id == call.id)).all()
        recorded = dict(
            session.execute(
                select(SegmentRow.role, func.sum(SegmentRow.media_ms))
                .where(SegmentRow.call_id == call.id)
                .group_by(SegmentRow.role)
            ).all()
        )
    assert all(one.still and one.frame for one in pictures)
    assert recorded["customer"] >= 15_000
    assert recorded["agent"] >= 15_000


def starts_the_video_again(customer: Customer) -> None:
    """Consent was given; the devices are checked again, and the queue is joined."""
    page = customer.page
    again = page.get_by_role("button", name="开始检测")
    expect(again.or_(page.get_by_role("checkbox", name="我已阅读并单独同意"))).to_be_visible()
    if not again.is_visible():
        return starts_the_video(customer)
    again.click()
    page.get_by_role("button", name="我听到了").click()
    expect(page.locator('[data-item="network"][data-state="ok"]')).to_be_visible()
    customer.presses("开始视频通话")
    return None


@pytest.mark.media_dies
@pytest.mark.timeout(240)
def test_a_media_node_that_is_killed_in_a_call_is_not_the_end_of_it(customer, opens, kaihu, media):
    zhang = customer("C01").has_got_to("change_phone", "video", phone__number=landline(kaihu))
    starts_the_video(zhang)
    su = Agent(kaihu, opens(size="pc")).is_at_work().answers_the_call()
    sees_moving(zhang.page, "[data-remote]")
    media.is_killed()
    with kaihu.product.engine.database.reading() as session:
        call = session.scalars(select(CallRow).where(CallRow.closed_at.is_(None))).one()

    def goes_on() -> bool:
        with kaihu.product.engine.database.reading() as session:
            second = (
                select(func.count())
                .select_from(SegmentRow)
                .where(SegmentRow.call_id == call.id, SegmentRow.number == 1, SegmentRow.media_ms > 1000)
            )
            return (session.scalar(second) or 0) >= 2

    wait_until(goes_on, 60)
    su.sees_moving("[data-remote]")
    sees_moving(zhang.page, "[data-remote]")
    su.gives("打回", "V01")
    zhang.sees("视频画面或声音不清晰")


def landline(kaihu: Kaihu) -> str:
    """Return a number that needs no code."""
    return f"0571-{kaihu.new_mobile('86')[2:]}"
