"""Agents at their browsers, and customers in a call: what journeys of the video witness are made of."""

import re
from typing import Self

from playwright.sync_api import Page, expect
from sqlalchemy import select

from handlers.video.tables import TicketRow
from tests.browser.kaihu import Kaihu
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


def landline(kaihu: Kaihu) -> str:
    """Return a number that needs no code."""
    return f"0571-{kaihu.new_mobile('86')[2:]}"


def everybody_leaves(kaihu: Kaihu) -> None:
    """Let nobody wait: whom an earlier journey left there, would be counted and offered."""
    with kaihu.quickly() as pages:
        web = pages.product.web
        with web.engine.database.reading() as session:
            open_tickets = session.execute(
                select(TicketRow.case_id, TicketRow.owner).where(TicketRow.ended_at.is_(None))
            ).all()
        for case_id, owner in open_tickets:
            web.queue.leave(case_id, owner)
