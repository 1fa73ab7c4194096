"""坐席工作台 and 视频见证 in a real browser: by keyboard, in two windows, for everybody, after a crash."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from engine import Actor
from handlers.video.tables import TicketRow
from tests.agents_at_work import waits
from tests.browser.agents import Agent, landline
from tests.browser.kaihu import Kaihu
from tests.browser.test_accessible import Inspector
from tests.browser.test_video_call import chromium, media
from tests.waiting import wait_until

__all__ = ["chromium", "media"]
pytestmark = [pytest.mark.usefixtures("nobody_waits", "media"), pytest.mark.timeout(240)]

#: Where pictures of the pages go when somebody wants to look at them.
PICTURES = os.environ.get("KAIHU_PICTURES")


def looks_like(page: Page, name: str) -> None:
    """Take a picture of a page, if somebody wants to look at it."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


@pytest.fixture
def ticket(customer, kaihu: Kaihu) -> Iterator[UUID]:
    """Let a customer wait whose page nobody shows; return the ticket."""
    somebody = customer("C06")
    somebody.has_got_to("change_phone", "video", phone__number=landline(kaihu))
    with kaihu.quickly() as pages:
        case, web = kaihu.open_case(somebody.who), pages.product.web
        owner = Actor("customer", case.owner, frozenset({"customer"}), company=case.company)
        task = web.engine.cases.of(case.id, owner).next_task
        assert task
        web.engine.desk.hold(task, owner, lambda desk: desk.held.update(video_consent={"agreed_at": "now"}))
        found = waits(web, case.id).id
    somebody.page.close()
    yield found
    with kaihu.quickly() as pages:
        pages.product.web.queue.leave(case.id, case.owner)


def row(kaihu: Kaihu, ticket: UUID) -> TicketRow:
    """Return a ticket as it is."""
    with kaihu.product.engine.database.reading() as session:
        return session.scalars(select(TicketRow).where(TicketRow.id == ticket)).one()


def takes(kaihu: Kaihu, agent: Agent, ticket: UUID) -> Agent:
    """Let the agent answer, while the customer's page lives."""
    with kaihu.quickly() as pages:
        held = row(kaihu, ticket)
        pages.product.web.queue.beat(held.case_id, held.owner)
    agent.is_offered_somebody().page.keyboard.press("F2")
    expect(agent.page.locator("[data-module=witness_call]")).to_have_attribute("data-session", "connected")
    return agent


def box(agent: Agent, number: int) -> Locator:
    """Return one box of the script and the checks, counted from 1."""
    return agent.page.locator("[data-script] input[type=checkbox]").filter(visible=True).nth(number - 1)


@pytest.mark.parametrize(("width", "height", "colours"), [(1440, 900, "light"), (1024, 768, "dark")])
def test_the_desk_and_a_call_have_no_barriers(kaihu, opens, ticket, width, height, colours):
    su = Agent(kaihu, opens(size="pc", color_scheme=colours))
    su.page.set_viewport_size({"width": width, "height": height})
    page = Inspector(su.page)
    su.is_at_work()
    page.looks("desk")
    looks_like(su.page, f"desk-{width}-{colours}")
    takes(kaihu, su, ticket)
    page.looks("call")
    looks_like(su.page, f"call-{width}-{colours}")
    # Videos and result stay in sight however long the rest is.
    for part in (".screens", ".call__bar [data-submit]"):
        expect(su.page.locator(part)).to_be_in_viewport(ratio=1)
    assert su.page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    su.page.keyboard.press("s")
    su.page.keyboard.press("Control+Enter")
    expect(su.page.get_by_role("alert").get_by_text("请至少选择一个打回原因")).to_be_visible()
    page.looks("call with problems")
    looks_like(su.page, f"return-{width}-{colours}")
    expect(su.page.locator(".call__bar [data-submit]")).to_be_in_viewport(ratio=1)
    assert page.found == []
    su.page.get_by_role("checkbox", name=re.compile("V01")).check()
    su.presses_result()
    expect(su.page.get_by_text("已提交见证结果")).to_be_visible()
    expect(su.page.get_by_role("heading", name="话后整理")).to_be_visible()
    looks_like(su.page, f"rest-{width}-{colours}")


def test_a_supervisor_sees_the_queue_move_without_a_reload(kaihu, opens, ticket):
    qian = Agent(kaihu, opens(size="pc"), "supervisor1")
    qian.has_cookie("kaihu-desk", kaihu.session_of_staff(qian.login))
    qian.opens("/desk/queue")
    waiting = qian.page.locator("dt", has_text="等待客户").locator("xpath=following-sibling::dd").first
    expect(waiting).to_have_text("1")
    page = Inspector(qian.page)
    page.looks("queue monitor")
    looks_like(qian.page, "monitor-1440-light")
    with kaihu.quickly() as pages:
        held = row(kaihu, ticket)
        pages.product.web.queue.leave(held.case_id, held.owner)
    expect(waiting).to_have_text("0", timeout=4000)  # before it would look by itself
    assert page.found == []


def test_an_agent_works_by_keyboard_and_single_keys_can_be_switched_off(kaihu, opens, ticket):
    su = takes(kaihu, Agent(kaihu, opens(size="pc")).is_at_work(), ticket)
    with su.page.expect_response("**/ticks"):
        su.page.keyboard.press("1")
    expect(box(su, 1)).to_be_checked()
    su.page.reload()
    expect(box(su, 1)).to_be_checked()
    su.page.get_by_text("内部备注").click()
    su.page.get_by_label("内部备注（客户看不到）").fill("第2项")
    su.page.keyboard.press("3")
    expect(su.page.get_by_label("内部备注（客户看不到）")).to_have_value("第2项3")
    expect(box(su, 3)).not_to_be_checked()
    su.page.reload()
    expect(su.page.get_by_label("内部备注（客户看不到）")).to_have_value("第2项3")
    su.page.get_by_role("button", name="单键快捷键：开").click()
    su.page.keyboard.press("2")
    su.page.keyboard.press("s")
    expect(box(su, 2)).not_to_be_checked()
    expect(su.page.locator("input[value=return]")).not_to_be_checked()
    with su.page.expect_response("**/snapshot"):
        su.page.keyboard.press("F8")
    expect(su.page.locator('input[name$="decision"][value="approve"]')).to_be_disabled()
    su.page.get_by_text("未完成结束").click()
    su.page.get_by_role("button", name=re.compile("坐席中断")).click()
    expect(su.page.get_by_role("button", name="暂停")).to_have_attribute("aria-pressed", "true")
    assert row(kaihu, ticket).priority == 0


def test_the_call_goes_on_in_the_window_that_was_opened_last(kaihu, opens, ticket):
    su = takes(kaihu, Agent(kaihu, opens(size="pc")).is_at_work(), ticket)
    second = su.page.context.new_page()
    second.goto(su.page.url)
    expect(second.locator("[data-module=witness_call]")).to_have_attribute("data-session", "connected")
    told = su.page.get_by_role("alert").get_by_text("该通话已在您的另一个窗口继续")
    expect(told).to_be_visible()
    su.page.get_by_role("link", name="改在此窗口继续").click()
    expect(su.page.locator("[data-module=witness_call]")).to_have_attribute("data-session", "connected")
    expect(second.get_by_role("alert").get_by_text("该通话已在您的另一个窗口继续")).to_be_visible()


def test_a_customer_whose_agents_browser_died_is_first_and_goes_on_with_another(kaihu, opens, ticket):
    su = takes(kaihu, Agent(kaihu, opens(size="pc")).is_at_work(), ticket)
    lost = su.page.url
    su.page.context.close()
    wait_until(lambda: row(kaihu, ticket).state == "waiting", 60)
    assert (row(kaihu, ticket).why, row(kaihu, ticket).priority) == ("interrupted", 0)
    cheng = Agent(kaihu, opens(size="pc"), "agent1").is_at_work()
    takes(kaihu, cheng, ticket).sees("通话中断，优先接回")
    again = Agent(kaihu, opens(size="pc"))
    again.has_cookie("kaihu-desk", kaihu.session_of_staff(again.login))
    again.opens(lost).sees("该客户正由其他坐席接听")
    cheng.page.keyboard.press("d")
    cheng.page.get_by_role("checkbox", name=re.compile("X03")).check()
    cheng.presses_result()
