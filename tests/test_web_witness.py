"""坐席工作台 and 视频见证 through the pages (K01, K02): R-164 to R-173, G-48."""

import re
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine import Actor
from handlers import fixtures
from handlers.video.tables import SnapshotRow
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
