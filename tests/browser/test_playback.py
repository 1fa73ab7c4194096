"""The recording of a witnessed call in a real browser: one clock for both sides, jumps, keys, the proof."""

import time
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from engine import Actor
from tests.browser.persons import Reviewer
from tests.browser.test_accessible import COLOURS, Inspector
from tests.recording_people import Leg, Studio, pictures

#: How far apart both sides may be heard, in seconds: lips and voice of one side are in one file anyway.
TOGETHER = 0.1


@pytest.fixture(scope="module")
def call(kaihu):
    """Lend a finished call of twenty seconds with a gap, in VGA, with a key frame every five seconds."""
    engine = kaihu.product.engine
    company = engine.parameters().company.number
    actor = Actor("customer", f"seen-{uuid4().hex[:8]}", frozenset({"customer"}), company=company)
    profile = {"name": "张伟", "id_number": "110105198506123737", "mobile": "13800138001"}
    case = engine.cases.start(
        "change_phone", owner=actor.id, branch="杭州营业部", actor=actor, data={"profile": profile}
    )
    member = next(one for one in kaihu.product.web.staff.everybody() if one.licence)
    made = Studio(engine, kaihu.product.web.settings.recordings_folder, member.id).call(case.id)
    made.sends("agent", Leg(seconds=20, shown=pictures(20, 640, 480, 150)), at=0.3)
    made.sends("customer", Leg(seconds=8, shown=pictures(8, 640, 480, 150)))
    made.sends("customer", Leg(seconds=9, shown=pictures(9, 640, 480, 150)), at=11, number=1)
    face, card = made.snaps("face"), made.snaps("card")
    made.says("ticked", at=2.5, list="asked", item="purpose")
    made.says("ticked", at=4.9, list="asked", item="card_in_hand")
    made.says("snapshot", at=6.0, of="face", snapshot=str(face))
    made.says("snapshot", at=15.9, of="card", snapshot=str(card))
    made.says("decision", at=19.0, decision="approve")
    return made.ends().finished()


@pytest.fixture
def page(call, reviewer):
    """Lend a reviewer's window with the recording open and ready."""
    return opened(reviewer("reviewer1").page, call)


def opened(page, call, moment=""):
    """Open a recording and wait until both sides can be shown."""
    page.goto(f"/desk/cases/{call.case_id}/video{moment}")
    page.wait_for_function(
        "() => { const all = [...document.querySelectorAll('video')];"
        " return all.length === 2 && !document.querySelector('[data-bar]').hidden"
        " && all.every((one) => one.readyState >= 3 && !one.seeking); }"
    )
    return page


def times(page):
    return page.evaluate("() => [...document.querySelectorAll('video')].map((one) => one.currentTime)")


def paused(page):
    return page.evaluate("() => [...document.querySelectorAll('video')].map((one) => one.paused)")


def jump(page, moment):
    """Click on a moment; return how long it takes until both sides show it, in milliseconds."""
    return page.evaluate(
        """async (moment) => {
          const all = [...document.querySelectorAll("video")];
          const sought = (one) => new Promise((done) => one.addEventListener("seeked", done, { once: true }));
          const shown = all.map(sought);
          const began = performance.now();
          document.querySelectorAll("[data-at]")[moment].click();
          await Promise.all(shown);
          return performance.now() - began;
        }""",
        moment,
    )


def test_both_sides_play_by_one_clock(page):
    page.get_by_role("button", name="播放", exact=True).click()
    time.sleep(3)
    first, second = times(page)
    assert first > 0.5
    assert abs(first - second) < TOGETHER
    page.locator("[data-speed]").select_option("2")
    time.sleep(2)
    first, second = times(page)
    assert abs(first - second) < TOGETHER * 2
    page.get_by_role("button", name="暂停", exact=True).click()
    assert paused(page) == [True, True]


def test_a_side_that_fell_behind_is_brought_back(page):
    page.get_by_role("button", name="播放", exact=True).click()
    page.evaluate("() => { document.querySelectorAll('video')[1].currentTime = 12; }")
    page.wait_for_function(
        "() => { const [a, b] = [...document.querySelectorAll('video')].map((one) => one.currentTime);"
        " return a > 0.2 && Math.abs(a - b) < 0.1; }"
    )


def test_a_click_on_a_moment_leads_there_at_once(page):
    took = []
    for number in (5, 1, 7, 3, 4, 6, 2, 5, 3):
        took.append(jump(page, number))
        wanted = page.evaluate("(n) => Number(document.querySelectorAll('[data-at]')[n].dataset.at)", number)
        assert all(abs(now - wanted) < 0.05 for now in times(page))
    print("seeks in ms:", [round(one) for one in took])
    assert sorted(took)[len(took) // 2] <= 200, took


def test_the_clock_goes_on_through_a_gap(page):
    jump(page, 5)
    page.get_by_role("button", name="播放", exact=True).click()
    began, before = time.monotonic(), times(page)[0]
    time.sleep(5)
    now, took = times(page)[0], time.monotonic() - began
    assert now - before == pytest.approx(took, abs=1.0)
    assert page.evaluate("() => document.querySelector('video').duration") == pytest.approx(20.3, abs=0.06)


def test_it_is_worked_by_keys(page):
    page.keyboard.press("k")
    expect(page.get_by_role("button", name="暂停", exact=True)).to_be_visible()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="播放", exact=True)).to_be_visible()
    page.keyboard.press("n")
    page.keyboard.press("n")
    before = times(page)[0]
    page.keyboard.press("ArrowRight")
    assert times(page)[0] == pytest.approx(before + 5, abs=0.1)
    page.keyboard.press("ArrowLeft")
    assert times(page)[0] == pytest.approx(before, abs=0.1)
    page.keyboard.press("+")
    assert page.locator("[data-speed]").input_value() == "1.5"
    page.keyboard.press("-")
    page.keyboard.press("p")
    assert times(page)[0] < before


def test_an_address_leads_to_a_moment(call, reviewer):
    page = opened(reviewer("reviewer1").page, call, "#t=15.9")
    assert times(page) == [pytest.approx(15.9, abs=0.05)] * 2
    expect(page.locator("[data-at][aria-current]")).to_contain_text("拍摄照片：手持身份证")


def test_a_reviewer_proves_it_without_leaving_the_recording(page):
    jump(page, 4)
    page.get_by_role("button", name="验证", exact=True).click()
    expect(page.get_by_text("没有任何改动")).to_be_visible()
    assert times(page)[0] > 1


@COLOURS
def test_nobody_meets_a_barrier(kaihu, call, opens, size, colours):
    window = opens(size=size, color_scheme=colours)
    page = opened(Reviewer(kaihu, window, "reviewer1").is_signed_in().page, call)
    inspector = Inspector(page)
    inspector.looks("recording")
    page.get_by_role("button", name="验证", exact=True).click()
    expect(page.get_by_text("没有任何改动")).to_be_visible()
    inspector.looks("proof")
    assert inspector.found == []
    for width in (1440, 1024, 768):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width


def test_without_scripts_each_side_plays_by_itself(kaihu, call, opens):
    window = Reviewer(kaihu, opens(java_script_enabled=False), "reviewer1").is_signed_in().page
    window.goto(f"/desk/cases/{call.case_id}/video")
    expect(window.locator("video[controls]")).to_have_count(2)
    window.get_by_role("button", name="验证", exact=True).click()
    expect(window.get_by_text("没有任何改动")).to_be_visible()
