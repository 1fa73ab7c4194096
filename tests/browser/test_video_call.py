"""视频见证 with two real browsers and their cameras: the queue, the call, the pictures, the result."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import func, select

from handlers.video.tables import CallRow, SegmentRow, SnapshotRow
from ops.setup import Setup
from tests.agents_at_work import waits
from tests.browser.agents import (
    CAMERA,
    Agent,
    landline,
    sees_moving,
    starts_the_video,
    starts_the_video_again,
)
from tests.browser.conftest import FLAGS
from tests.browser.kaihu import Kaihu, MediaPart
from tests.browser.persons import Customer
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("nobody_waits")


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
    mine = kaihu.open_case(li.who).id
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
        passed = CallRow.case_id == mine, CallRow.outcome == "passed"
        call = session.scalars(select(CallRow).where(*passed)).one()
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
                .where(
                    SegmentRow.call_id == call.id,
                    SegmentRow.number >= 1,
                    SegmentRow.recovered.is_(False),
                    SegmentRow.media_ms > 1000,
                )
            )
            return (session.scalar(second) or 0) >= 2

    wait_until(goes_on, 60)
    su.sees_moving("[data-remote]")
    sees_moving(zhang.page, "[data-remote]")
    su.gives("打回", "V01")
    zhang.sees("视频画面或声音不清晰")
