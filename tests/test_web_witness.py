"""坐席工作台 and 视频见证 through the pages (K01, K02): R-164 to R-173, G-48."""

import re
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import select

from engine import Actor
from engine.store.tables import CaseRow
from handlers import fixtures, moods
from handlers.video.police_checks import JOB
from handlers.video.queue import REPORT
from handlers.video.tables import SnapshotRow, TicketRow
from tests.witness_people import (
    DESK,
    OFFER,
    Agent,
    calls_of,
    carried_on_paper,
    newest_ticket,
    pages_live,
    queues,
    recorded,
    room_of,
    silent_for,
    stands_there,
    ticket_row,
    waiting_room,
)
from web.live import Stream

__all__ = ["waiting_room"]
pytestmark = pytest.mark.usefixtures("node")


@pytest.fixture
def product(migrated_server, waiting_room, furnished, tmp_path):
    """Lend a product in which two customers stand at the page 视频见证."""
    with room_of(migrated_server, waiting_room, furnished.secrets, tmp_path) as found:
        yield found


@pytest.fixture
def customer(product, waiting_room):
    """Lend 张伟, at the page."""
    return stands_there(product, waiting_room, "C01")


@pytest.fixture
def another_customer(product, waiting_room):
    """Lend 刘洋, at the page."""
    return stands_there(product, waiting_room, "C09")


@pytest.fixture
def node(product):
    """Lend the node that carries the calls."""
    with carried_on_paper(product) as found:
        yield found


@pytest.fixture
def agent(product):
    """Lend 苏晴 of 杭州营业部, signed in."""
    return Agent(product, "agent1").signs_in()


@pytest.fixture
def other_agent(product):
    """Lend 程然 of 杭州营业部 and 上海营业部, signed in."""
    return Agent(product, "agent2").signs_in()


def found(pattern: str, text: str) -> str:
    """Return what a pattern holds in brackets where it is found first."""
    there = re.search(pattern, text, re.DOTALL)
    assert there, text[:2000]
    return there[1]


def seal_report(product, told: dict[str, Any]) -> None:
    """Let the newest ticket's device check have found this."""
    with product.engine.database.transaction() as session:
        ticket = session.scalars(select(TicketRow).order_by(TicketRow.seq.desc()).limit(1)).one()
        case = session.get_one(CaseRow, ticket.case_id)
        key = product.engine.keyring.case_key(str(case.id), case.key)
        ticket.report = key.seal(orjson.dumps(told), REPORT)


@pytest.fixture
def in_call(product, customer, agent, node):
    """Lend the agent in a call with 张伟, connected."""
    queues(customer)
    agent.takes_next()
    assert agent.join().status_code == 201
    node.offers.clear()
    return agent


# -- the desk -------------------------------------------------------------------------------------------


def test_k01_an_agent_sees_who_waits_since_when_and_why_and_no_full_name(customer, agent):
    queues(customer)
    agent.opens(DESK)
    for words in ("张*", "联系电话修改", "杭州营业部", "首次排队", "等待中"):
        assert agent.sees(words), words
    assert not agent.sees("张伟")


def test_r173_whoever_is_not_ready_is_offered_nobody(customer, agent):
    queues(customer)
    agent.opens(DESK)
    for state in ("paused", "offline"):
        agent.sends(f"{DESK}/state", state=state)
        assert agent.looks_for_next() is None


def test_r173_who_waits_longest_is_offered_first(customer, another_customer, agent):
    first = queues(customer)
    customer.product.later(seconds=60)
    queues(another_customer)
    offer = agent.sits_down().looks_for_next()
    assert offer["id"] == str(first)
    assert offer["name"] == "张*"
    assert 28 < offer["left"] <= offer["seconds"] == 30


def test_r173_two_agents_never_get_the_same_customer(customer, agent, other_agent):
    queues(customer)
    assert agent.sits_down().looks_for_next() is not None
    assert other_agent.sits_down().looks_for_next() is None


def test_r173_an_agent_with_two_windows_has_one_customer(customer, another_customer, agent):
    first = queues(customer)
    queues(another_customer)
    agent.sits_down().looks_for_next()
    assert agent.looks_for_next()["id"] == str(first)


def test_r173_an_offer_that_is_not_answered_goes_back_and_the_agent_pauses(product, customer, agent):
    ticket = queues(customer)
    agent.sits_down().looks_for_next()
    product.later(seconds=31)
    product.product.web.queue.sweep()
    agent.sends(f"{DESK}/state", state="paused")
    assert agent.told["ticket"] is None
    assert ticket_row(product, ticket).state == "waiting"


def test_a_late_answer_is_refused_in_words(product, customer, agent):
    queues(customer)
    agent.sits_down()
    offer = agent.looks_for_next()
    product.later(seconds=31)
    product.product.web.queue.sweep()
    answer = agent.sends(offer["accept_url"], epoch=offer["epoch"])
    assert answer.status_code == 409
    assert "不在您的通话中" in answer.json["message"]


def test_who_declines_pauses_and_the_customer_keeps_the_place(product, customer, agent):
    ticket = queues(customer)
    before = ticket_row(product, ticket)
    offer = agent.sits_down().looks_for_next()
    told = agent.sends(offer["decline_url"], epoch=offer["epoch"]).json
    after = ticket_row(product, ticket)
    assert (told["state"], told["ticket"]) == ("paused", None)
    assert (after.state, after.ranked_at, after.seq) == ("waiting", before.ranked_at, before.seq)


def test_r007_an_agent_of_another_branch_sees_and_gets_nobody(product, customer, other_agent):
    ticket = queues(customer)
    web = product.product.web
    shanghai = frozenset({fixtures.SHANGHAI_BRANCH})
    web.staff.change_rights(UUID(other_agent.actor.id), frozenset({"agent"}), shanghai)
    other_agent.sits_down()
    assert other_agent.looks_for_next() is None
    assert "张*" not in other_agent.opens(f"{DESK}/waiting").text
    assert other_agent.opens(f"{DESK}/tickets/{ticket}").status_code == 404


def test_only_agents_have_this_desk(product, staff):
    for login in ("reviewer1", "operator1", "compliance1"):
        assert staff(login).opens(DESK).status_code == 403


def test_a_page_that_was_silent_too_long_has_to_say_ready_again(product, customer, agent):
    queues(customer)
    agent.sits_down()
    silent_for(product, agent, 20)
    assert agent.looks_for_next() is None
    assert agent.told["state"] == "offline"


@pytest.mark.parametrize("state", ["", "busy", "ready ", 7, None, ["ready"], {"a": 1}])
def test_a_state_that_is_none_is_refused(agent, state):
    agent.opens(DESK)
    assert agent.sends(f"{DESK}/state", state=state).status_code == 400


def test_the_desk_works_without_scripts(customer, agent):
    queues(customer)
    agent.opens(DESK)
    agent.posts(f"{DESK}/state", {"state": "ready"})
    agent.looks_for_next()
    agent.opens(DESK)
    action = found(r'action="([^"]+/accept)"', agent.text)
    epoch = found(r'name="epoch" value="(\d+)"', agent.text)
    agent.posts(action, {"epoch": epoch})
    assert agent.sees("正在录音录像")


def test_an_agent_who_signs_in_again_comes_back_to_this_desk(product):
    answer = product.client().post(f"{DESK}/tickets/{uuid4()}/end")
    assert answer.headers["Location"] == f"/desk/login?next={DESK}"


def test_commands_need_the_pages_token(customer, agent):
    queues(customer)
    offer = agent.sits_down().looks_for_next()
    answer = agent.browser.post(offer["accept_url"], json={"epoch": offer["epoch"]})
    assert answer.status_code == 400


# -- one call -------------------------------------------------------------------------------------------


def test_r168_the_call_shows_customer_and_agent_with_licence_and_that_it_is_recorded(in_call):
    for words in ("张伟", "苏晴", "F0300005", "正在录音录像", "13612345678", "询问与告知", "核对项目"):
        assert in_call.sees(words), words


def test_r170_old_and_new_stand_side_by_side_with_the_pictures(in_call):
    row = found(r'compare__changed">(.*?)</tr>', in_call.text)
    assert "13800138001" in row
    assert "13612345678" in row
    urls = re.findall(r'<img src="(/desk/cases/[^"]+)"', in_call.text)
    assert len(urls) == 3
    assert all(in_call.browser.get(url).data.startswith(b"\xff\xd8") for url in urls)


def test_the_camera_is_allowed_on_this_page_only(in_call):
    allowed = in_call.page.headers["Permissions-Policy"]
    assert "camera=(self), microphone=(self)" in allowed
    assert "camera=(), microphone=()" in in_call.opens(DESK).headers["Permissions-Policy"]


def test_every_look_at_a_call_is_written_down(product, in_call):
    from sqlalchemy import select

    from engine.store.tables import JournalRow

    with product.engine.database.reading() as session:
        seen = session.scalars(select(JournalRow.actor).where(JournalRow.kind == "task.seen")).all()
    assert in_call.actor.label in seen


def test_a_reload_shows_the_same_call_with_what_was_ticked(in_call):
    in_call.commands("ticks", answers={"asked": ["identity", "purpose"]})
    in_call.opens(in_call.call_url)
    ticked = re.findall(r'name="asked" value="(\w+)" checked', in_call.text)
    assert ticked == ["identity", "purpose"]


def test_the_desk_leads_back_into_a_call(in_call):
    in_call.opens(DESK)
    assert in_call.sees("您有进行中的通话")
    assert in_call.call_url in in_call.text


def test_a_tick_that_nobody_asked_for_is_not_kept(in_call):
    in_call.commands(
        "ticks", answers={"asked": ["identity", "nonsense"], "elsewhere": ["x"], "checks": "all"}
    )
    in_call.opens(in_call.call_url)
    assert re.findall(r'name="\w+" value="(\w+)" checked', in_call.text) == ["identity"]


@pytest.mark.parametrize("answers", [None, [], "asked", 3])
def test_ticks_that_are_no_lists_are_refused(in_call, answers):
    assert in_call.commands("ticks", answers=answers).status_code == 400


def test_ticks_go_into_the_recording_as_they_are_made(in_call, node):
    in_call.commands("ticks", answers={"asked": ["identity"]})
    in_call.commands("ticks", answers={"asked": ["identity", "purpose"]})
    ticked = [(m["list"], m["item"]) for m in node.marks if m["kind"] == "ticked"]
    assert ticked == [("asked", "identity"), ("asked", "purpose")]


def test_a_second_window_takes_the_call_over_and_the_first_is_told(in_call):
    first = in_call.seat
    in_call.opens(in_call.call_url)
    answer = in_call.commands("alive", seat=first)
    assert (answer.status_code, answer.json["code"]) == (409, "video_elsewhere")
    assert in_call.commands("alive").status_code == 200


def test_a_call_of_another_agent_is_not_shown_and_not_commanded(in_call, other_agent):
    other_agent.told = in_call.told
    other_agent.opens(in_call.call_url)
    assert other_agent.address == DESK
    assert other_agent.sees("该客户正由其他坐席接听")
    commands: dict[str, dict[str, Any]] = {
        "alive": {},
        "ticks": {"answers": {}},
        "snapshot": {"kind": "face"},
        "end": {"result": "no_show"},
    }
    for name, body in commands.items():
        answer = other_agent.sends(f"{in_call.call_url}/{name}", epoch=in_call.epoch, **body)
        assert answer.status_code == 409, name
        assert "其他坐席" in answer.json["message"]


def test_a_ticket_that_never_was_is_not_found(agent):
    agent.opens(DESK)
    assert agent.opens(f"{DESK}/tickets/{uuid4()}").status_code == 404
    assert agent.sends(f"{DESK}/tickets/{uuid4()}/alive", epoch=1).status_code == 404


@pytest.mark.parametrize("epoch", ["", "x", None, 1.5, True, "9" * 12])
def test_a_command_without_a_sensible_epoch_is_refused(in_call, epoch):
    assert in_call.commands("end", result="no_show", epoch=epoch).status_code in {400, 409}
    assert calls_of(in_call.product)[0].outcome is None


def test_an_old_epoch_commands_nothing(product, in_call):
    commands: dict[str, dict[str, Any]] = {
        "alive": {},
        "snapshot": {"kind": "face"},
        "end": {"result": "no_show"},
    }
    for name, body in commands.items():
        assert in_call.commands(name, epoch=in_call.epoch - 1, **body).status_code == 409
    assert calls_of(product)[0].outcome is None


def test_r169_the_page_says_what_the_police_data_say_as_soon_as_they_do(product, in_call):
    assert in_call.commands("alive").json["police"] == "waiting"
    product.work_off(JOB, product.product.web.police_checks.check)
    assert in_call.commands("alive").json["police"] == "match"
    in_call.opens(in_call.call_url)
    assert found(r'data-is="(\w+)">', in_call.text) == "match"
    assert re.findall(r'data-is="(\w+)" hidden', in_call.text) == [
        "mismatch", "unknown", "waiting", "failed", "off"
    ]  # fmt: skip


def test_r169_an_agent_asks_the_police_data_again_that_did_not_answer(product, in_call):
    moods.set_mood(product.engine.database, "police", "refuse", remaining=1)
    product.work_off(JOB, product.product.web.police_checks.check)
    assert in_call.commands("alive").json["police"] == "failed"
    assert in_call.commands("police").json["police"] == "waiting"
    product.work_off(JOB, product.product.web.police_checks.check)
    assert in_call.commands("alive").json["police"] == "match"


def test_another_agent_asks_nothing_about_a_customer_of_mine(product, in_call, other_agent):
    moods.set_mood(product.engine.database, "police", "refuse", remaining=1)
    product.work_off(JOB, product.product.web.police_checks.check)
    other_agent.opens(DESK)
    assert other_agent.sends(f"{in_call.call_url}/police", epoch=in_call.epoch).status_code == 409
    assert in_call.commands("alive").json["police"] == "failed"


def test_r169_a_name_that_differs_is_confirmed_before_the_pass_and_the_reviewer_sees_it(product, in_call):
    moods.set_mood(product.engine.database, "police", "doubt_name")
    product.work_off(JOB, product.product.web.police_checks.check)
    answer = in_call.passes()
    assert answer.status_code == 422
    assert [(one["level"], one["code"]) for one in answer.json["problems"]] == [("warning", "POLICE_DIFF")]
    assert calls_of(product)[0].outcome is None
    assert in_call.gives("approve", confirm="POLICE_DIFF").status_code == 200
    assert "POLICE_DIFF" in product.rows()[0].flags


def test_r175_the_page_says_what_the_customers_device_check_found(product, in_call):
    told = {"browser": "chrome-phone", "width": 1280, "height": 720, "kbps": 180.4, "loss": 0.041, "rtt": 38}
    seal_report(product, {**told, "frameRate": 24, "verdict": "weak"})
    in_call.opens(in_call.call_url)
    for words in ("Chrome（手机）", "1280×720", "180 kbps", "丢包4.1%", "每秒24帧", "网络较弱"):
        assert in_call.sees(words), words


@pytest.mark.parametrize(
    "nonsense",
    [{"kbps": "fast", "loss": None, "width": True}, {"browser": ["x"], "rtt": -1, "height": 10**9}, {}],
)
def test_a_device_check_that_is_nonsense_spoils_no_page(product, in_call, nonsense):
    seal_report(product, nonsense)
    assert in_call.opens(in_call.call_url).status_code == 200


def test_the_page_has_the_cases_history_and_its_earlier_calls(product, in_call, other_agent):
    in_call.commands("end", result="customer_left")
    product.later(minutes=3)
    other_agent.takes_next()
    assert other_agent.sees("办理记录")
    assert other_agent.sees("此前通话1次")
    calls = found(r'<ul class="past__calls">(.*?)</ul>', other_agent.text)
    assert "苏晴" in calls
    assert "客户中断" in calls
    history = found(r'<ol class="timeline">(.*?)</ol>', other_agent.text)
    assert "提交" in history
    assert "苏晴" in history


# -- remarks --------------------------------------------------------------------------------------------


def remarks(agent: Agent) -> tuple[str, str]:
    """Return what stands in both fields of the page opened anew."""
    text = agent.opens(agent.call_url).text
    return (
        found(r'name="(?:decision\.)?note"[^>]*>([^<]*)</textarea>', text),
        found(r'name="(?:decision\.)?internal_note"[^>]*>([^<]*)</textarea>', text),
    )


def test_what_an_agent_writes_survives_the_browser(in_call):
    in_call.commands("ticks", answers={}, remarks={"note": "请到安静处", "internal_note": "声音很小"})
    assert remarks(in_call) == ("请到安静处", "声音很小")
    in_call.commands("ticks", answers={}, remarks={"note": "请到安静处"})
    assert remarks(in_call) == ("请到安静处", "")


def test_ticks_alone_leave_remarks_as_they_were(in_call):
    in_call.commands("ticks", answers={}, remarks={"note": "请到安静处"})
    in_call.commands("ticks", answers={"asked": ["identity"]})
    assert remarks(in_call)[0] == "请到安静处"


def test_who_takes_an_interrupted_customer_up_again_finds_the_remarks_and_a_colleague_does_not(
    product, in_call, other_agent
):
    in_call.commands("ticks", answers={"asked": ["identity"]}, remarks={"internal_note": "声音很小"})
    in_call.commands("end", result="customer_left")
    in_call.takes_next()
    assert remarks(in_call)[1] == "声音很小"
    assert not re.search(r'name="asked" value="\w+" checked', in_call.text)
    in_call.commands("end", result="agent_left")
    product.later(minutes=3)
    other_agent.takes_next()
    assert remarks(other_agent)[1] == ""


def test_remarks_are_bounded_and_what_cannot_be_kept_is_replaced(in_call):
    in_call.commands("ticks", answers={}, remarks={"note": "长" * 10_000, "else": "x", "decision": "approve"})
    assert remarks(in_call) == ("长" * 600, "")
    # Half of a sign, which JSON may hold and UTF-8 may not.
    body = f'{{"epoch": {in_call.epoch}, "answers": {{}}, "remarks": {{"internal_note": "a\\ud800b"}}}}'
    headers = {"X-CSRFToken": in_call.token, "Content-Type": "application/json"}
    answer = in_call.browser.post(f"{in_call.call_url}/ticks", data=body, headers=headers)
    assert answer.status_code == 200
    assert remarks(in_call) == ("", "a?b")
    in_call.commands("ticks", answers={}, remarks={"note": ["x"], "internal_note": 3})
    assert remarks(in_call) == ("", "")


@pytest.mark.parametrize("wrong", [[], "note", 3])
def test_remarks_that_are_none_are_refused(in_call, wrong):
    assert in_call.commands("ticks", answers={}, remarks=wrong).status_code == 400


# -- snapshots ------------------------------------------------------------------------------------------


def test_r170_a_snapshot_shows_the_servers_key_frame_at_once_and_asks_the_customer(in_call, node):
    told = in_call.commands("snapshot", kind="face").json
    assert in_call.browser.get(told["pictures"]["face"]["frame"]).data.startswith(b"\xff\xd8")
    assert told["pictures"]["face"]["still"] == ""
    assert [m["of"] for m in node.marks if m["kind"] == "snapshot"] == ["face"]


def test_a_snapshot_can_be_taken_again_and_the_first_is_kept_apart(product, in_call):
    first = in_call.commands("snapshot", kind="face").json["pictures"]["face"]["id"]
    second = in_call.commands("snapshot", kind="face").json["pictures"]["face"]["id"]
    assert first != second
    with product.engine.database.reading() as session:
        assert session.get_one(SnapshotRow, UUID(first)).discarded
        assert not session.get_one(SnapshotRow, UUID(second)).discarded


def test_without_a_picture_from_the_customer_the_page_says_that_one_is_still_missing(in_call, node):
    node.blind = True
    told = in_call.commands("snapshot", kind="face").json
    assert told["pictures"]["face"]["frame"] == ""
    assert any("正脸" in words for words in told["missing"])


@pytest.mark.parametrize("kind", ["", "nose", None, 1, ["face"]])
def test_a_snapshot_of_something_else_is_refused(in_call, kind):
    assert in_call.commands("snapshot", kind=kind).status_code == 400


# -- media ----------------------------------------------------------------------------------------------


def test_an_offer_is_answered_and_the_connection_can_be_ended(in_call, node):
    answer = in_call.join()
    assert (answer.status_code, answer.mimetype, answer.text) == (201, "application/sdp", OFFER)
    assert node.offers == [(calls_of(in_call.product)[0].id, "agent")]
    ended = in_call.browser.delete(answer.headers["Location"], headers={"X-CSRFToken": in_call.token})
    assert (ended.status_code, node.hung_up) == (204, ["agent"])


def test_an_offer_is_refused_for_what_is_wrong_with_it(in_call, node):
    assert in_call.join("hello").status_code == 422
    assert in_call.join("v=0" + "x" * 70_000).status_code == 413
    assert in_call.join(OFFER, "application/json").status_code == 415
    assert in_call.join(epoch=99).status_code == 409
    assert in_call.join(seat="another window").status_code == 409
    node.down = True
    assert in_call.join().status_code == 503
    assert node.offers == []


def test_another_agent_cannot_join_a_call(in_call, other_agent, node):
    other_agent.opens(DESK)
    headers = {
        "X-CSRFToken": other_agent.token,
        "Content-Type": "application/sdp",
        "Accept": "application/json",
    }
    answer = other_agent.browser.post(f"{in_call.call_url}/call", data=OFFER, headers=headers)
    assert answer.status_code == 409
    assert node.offers == []


def test_the_page_follows_both_lines_and_lives_on_when_the_node_is_gone(in_call, node):
    in_call.join()
    assert in_call.commands("alive").json["legs"]["customer"]["kbps"] == 900
    node.sides["customer"] = replace(node.sides["customer"], loss=0.2)
    assert in_call.commands("alive").json["legs"]["customer"]["loss"] == 0.2
    node.down = True
    answer = in_call.commands("alive")
    assert (answer.status_code, answer.json["legs"]) == (200, {})


# -- the result -----------------------------------------------------------------------------------------


def test_g48_nobody_passes_before_the_mandatory_checks(product, in_call):
    in_call.photographs()
    recorded(product)
    answer = in_call.gives("approve", asked=["identity"])
    assert answer.status_code == 422
    assert any("询问与告知" in one["message"] for one in answer.json["problems"])
    assert calls_of(product)[0].outcome is None


@pytest.mark.parametrize(("taken", "missing"), [((), "正脸"), (("face",), "手持身份证"), (("card",), "正脸")])
def test_g48_nobody_passes_before_two_snapshots(product, in_call, taken, missing):
    in_call.ticks_everything()
    if taken:
        in_call.photographs(*taken)
    recorded(product)
    answer = in_call.gives("approve")
    assert answer.status_code == 422
    assert any(missing in one["message"] for one in answer.json["problems"])
    assert calls_of(product)[0].outcome is None


def test_nobody_passes_before_both_sides_were_recorded_for_fifteen_seconds(product, in_call):
    in_call.ticks_everything()
    in_call.photographs()
    recorded(product, seconds=14)
    answer = in_call.gives("approve")
    assert answer.status_code == 422
    assert any("15秒" in one["message"] for one in answer.json["problems"])


def test_the_page_lists_what_passing_still_waits_for(product, in_call):
    told = "".join(in_call.still_missing())
    assert all(words in told for words in ("询问与告知", "核对项目", "正脸", "手持身份证", "15秒"))
    in_call.ticks_everything()
    in_call.photographs()
    recorded(product)
    assert in_call.still_missing() == []


def test_r167_after_the_pass_the_customer_goes_on_and_the_agent_may_rest(product, customer, in_call, node):
    answer = in_call.passes()
    assert (answer.status_code, answer.json) == (200, {"url": DESK})
    assert [one.outcome for one in calls_of(product)] == ["passed"]
    assert node.closed == [calls_of(product)[0].id]
    assert product.rows()[0].state == "await_cert"
    in_call.opens(DESK)
    assert in_call.sees("已提交见证结果")
    in_call.sends(f"{DESK}/beat")
    assert 25 < in_call.told["wrap_up"] <= 30


def test_who_rests_is_offered_nobody_until_they_want_or_thirty_seconds_are_over(
    product, another_customer, in_call
):
    in_call.passes()
    queues(another_customer)
    in_call.opens(DESK)
    assert in_call.looks_for_next() is None
    assert in_call.looks_for_next(now=True) is not None


def test_a_result_given_twice_is_the_first(product, in_call):
    in_call.passes()
    body = {"epoch": in_call.epoch, "csrf_token": in_call.token, "decision": "reject", "reasons": "X01"}
    again = in_call.browser.post(
        f"{in_call.call_url}/decide", data=body, headers={"Accept": "application/json"}
    )
    assert again.status_code == 200
    assert [one.outcome for one in calls_of(product)] == ["passed"]
    assert product.rows()[0].state == "await_cert"


def test_a_result_with_an_old_epoch_is_refused(product, in_call):
    answer = in_call.gives("reject", reasons="X04", epoch=in_call.epoch - 1)
    assert answer.status_code == 409
    assert calls_of(product)[0].outcome is None


def test_another_agent_gives_no_result(product, in_call, other_agent):
    other_agent.opens(DESK)
    body = {"epoch": in_call.epoch, "csrf_token": other_agent.token, "decision": "reject", "reasons": "X04"}
    answer = other_agent.browser.post(
        f"{in_call.call_url}/decide", data=body, headers={"Accept": "application/json"}
    )
    assert answer.status_code == 409
    assert calls_of(product)[0].outcome is None


WRONG = {
    "no result": {"decision": ""},
    "no reason": {"decision": "return"},
    "a final reason for a return": {"decision": "return", "reasons": "X01"},
    "a return's reason for a refusal": {"decision": "reject", "reasons": "P01"},
    "a reviewer's reason": {"decision": "return", "reasons": "P09"},
    "no such reason": {"decision": "return", "reasons": "Z99"},
    "other without words": {"decision": "return", "reasons": "D99", "step": "data"},
    "no such result": {"decision": "retry"},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_result_that_makes_no_sense_is_explained_and_the_call_goes_on(product, in_call, wrong):
    answer = in_call.gives(**WRONG[wrong])
    assert answer.status_code == 422
    assert answer.json["problems"][0]["message"]
    assert calls_of(product)[0].outcome is None


def test_without_scripts_the_problems_stand_on_the_page_with_what_was_typed(in_call):
    in_call.posts(
        f"{in_call.call_url}/decide",
        {"epoch": in_call.epoch, "decision": "return", "internal_note": "再看一次"},
    )
    assert in_call.page.status_code == 422
    assert in_call.sees("请至少选择一个打回原因")
    assert in_call.sees("再看一次")


def test_r165_a_return_leads_the_customer_to_the_faulty_step(product, customer, in_call):
    assert in_call.gives("return", reasons="D02", note="请核对号码").status_code == 200
    assert calls_of(product)[0].outcome == "sent_back"
    assert product.rows()[0].state == "returned_video"
    customer.opens(f"/me/cases/{product.rows()[0].id}")
    assert customer.sees("联系电话有误或无法接通")


def test_r171_a_refusal_is_final(product, in_call):
    assert in_call.gives("reject", reasons="X01").status_code == 200
    product.run_jobs()
    assert product.rows()[0].state == "rejected"


# -- calls that end without a result --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "outcome", "priority"),
    [("no_show", "no_show", 1), ("customer_left", "customer_left", 0), ("agent_left", "agent_left", 0)],
)
def test_r171_an_unfinished_call_leaves_the_customer_in_the_queue(
    product, in_call, result, outcome, priority
):
    assert in_call.commands("end", result=result).status_code == 200
    ticket = newest_ticket(product)
    assert (ticket.state, ticket.priority) == ("waiting", priority)
    assert calls_of(product)[0].outcome == outcome


def test_an_agent_who_breaks_off_is_paused(in_call):
    in_call.commands("end", result="agent_left")
    in_call.sends(f"{DESK}/beat")
    assert in_call.told["state"] == "paused"


def test_a_result_that_is_none_ends_nothing(product, in_call):
    for result in ("passed", "", None, 1, ["no_show"]):
        assert in_call.commands("end", result=result).status_code == 400
    assert calls_of(product)[0].outcome is None


def test_an_agent_who_lost_the_call_is_told_and_anybody_goes_on_with_it(
    product, customer, in_call, other_agent
):
    product.later(seconds=60)
    web = product.product.web
    pages_live(product)
    web.queue.sweep()
    answer = in_call.commands("alive")
    assert answer.status_code == 409
    assert "该通话已由系统收回" in answer.json["message"]
    assert (newest_ticket(product).why, newest_ticket(product).priority) == ("interrupted", 0)
    other_agent.takes_next()
    assert other_agent.sees("通话中断，优先接回")
    in_call.opens(in_call.call_url)
    assert in_call.sees("该客户正由其他坐席接听")


def test_who_waits_again_after_a_cut_stands_first_in_the_list(
    product, in_call, another_customer, other_agent
):
    in_call.commands("end", result="customer_left")
    queues(another_customer)
    rows = other_agent.opens(f"{DESK}/waiting").text
    assert rows.index("通话中断，优先接回") < rows.index("首次排队")


# -- live events ----------------------------------------------------------------------------------------


def staff_of(*roles: str, branches: frozenset[str] = frozenset(), id: str = "a1") -> Stream:
    """Return the open page of a member of staff."""
    return Stream(Actor("staff", id, frozenset(roles), branches, "0002"))


def test_a_page_of_an_agent_hears_of_its_own_queues_only():
    hangzhou = staff_of("agent", branches=frozenset({"杭州营业部"}))
    assert hangzhou.event_for({"queue": "杭州营业部"}) == ("queue", {"line": "杭州营业部"})
    assert hangzhou.event_for({"queue": "上海营业部+杭州营业部"}) is not None
    assert hangzhou.event_for({"queue": "上海营业部"}) is None
    assert staff_of("agent").event_for({"queue": "上海营业部"}) is not None
    assert staff_of("reviewer").event_for({"queue": "上海营业部"}) is None


def test_an_event_of_a_ticket_reaches_its_agent_only():
    told = {"agent": "a1", "ticket": "t1"}
    assert staff_of("agent").event_for(told) == ("agent", {"ticket": "t1"})
    assert staff_of("agent", id="a2").event_for(told) is None
    assert Stream(Actor("customer", "a1", frozenset({"customer"}))).event_for(told) is None
