"""The video call as a customer lives it, and what comes of it (P14)."""

from uuid import uuid4

import pytest

from handlers.video.sfu import LONGEST_SDP
from handlers.video.tables import CallRow, SnapshotRow
from tests.agents_at_work import recorded
from tests.video_people import SDP, Witnessed
from tests.witness_people import OFFER


@pytest.fixture
def stranger(witness_house):
    """Another customer, signed in."""
    return Witnessed(witness_house).signs_in("C06")


# The call


def test_when_an_agent_turns_to_somebody_the_page_says_so(zhang, zhou):
    zhang.queues()
    zhou.is_offered()
    assert zhang.comes().sees("认证人员正在接入")


def test_who_speaks_is_on_the_screen_and_that_it_is_recorded(zhang, zhou, call):
    member = zhou.web.staff.get(str(zhou.id))
    assert zhang.sees(member.name)
    assert zhang.sees(member.licence)
    assert zhang.sees("正在录音录像")
    assert zhang.told["panel"] == "call"


def test_an_offer_is_answered_and_says_where_it_ends(zhang, call, paper_node):
    answer = zhang.offers()
    assert (answer.status_code, answer.mimetype, answer.text) == (201, SDP, OFFER)
    assert paper_node.offers == [(call.id, "customer")]
    where = answer.headers["Location"]
    assert zhang.browser.delete(where, headers={"X-CSRFToken": zhang.token}).status_code == 204
    assert paper_node.hung_up == ["customer"]


def test_an_offer_without_the_page_s_token_is_refused(zhang, call, paper_node):
    answer = zhang.browser.post(f"{zhang.url}/call?epoch=2&seat=seat-1", data=OFFER, content_type=SDP)
    assert answer.status_code == 400
    assert paper_node.offers == []


def test_an_offer_before_the_call_is_too_early(zhang, paper_node):
    zhang.queues()
    assert zhang.offers().json["code"] == "over"


def test_an_offer_of_a_call_that_is_over_is_too_late(zhang, zhou, call, paper_node):
    epoch = zhang.told["epoch"]
    zhou.web.queue.interrupt(call.ticket_id, epoch, "agent", zhou.id)
    zhou.accepts(zhou.is_offered())
    answer = zhang.offers(epoch=epoch)
    assert (answer.status_code, answer.json["code"]) == (409, "over")
    assert zhang.offers().status_code == 201


@pytest.mark.parametrize("epoch", ["", "-1", "1e9", "9" * 400, "²"])
def test_an_epoch_that_is_none_is_refused(zhang, call, epoch):
    assert zhang.offers(epoch=epoch).status_code == 409


def test_an_offer_for_somebody_else_s_call_finds_nothing(zhang, stranger, call, paper_node):
    stranger.page_url = zhang.page_url
    for answer in (
        stranger.browser.post(
            f"{zhang.url}/call?epoch=2&seat=seat-1", data=OFFER, content_type=SDP,
            headers={"X-CSRFToken": stranger.token, "Accept": "application/json"}),
        stranger.checks(),
        stranger.does("leave"),
        stranger.does("beat"),
        stranger.does("seat", seat="mine"),
        stranger.does("consent", agreed=True, version="1"),
        stranger.browser.get(zhang.url),
        stranger.browser.get(f"{zhang.url}/ice"),
        stranger.browser.get(f"{zhang.url}/echo"),
    ):  # fmt: skip
        assert answer.status_code == 404, answer.request.path
    assert paper_node.offers == []
    assert zhang.told["panel"] == "call"


@pytest.mark.parametrize(
    ("sdp", "type", "status"),
    [
        (OFFER, "text/html", 415),
        ("<xml>", SDP, 422),
        (b"\xff", SDP, 422),
        ("v=0" + "x" * LONGEST_SDP, SDP, 413),
    ],
)
def test_a_forged_or_oversized_description_changes_nothing(zhang, call, paper_node, sdp, type, status):
    assert zhang.offers(sdp, type).status_code == status
    assert paper_node.offers == []
    assert zhang.told["panel"] == "call"


def test_a_node_that_is_down_in_a_call_is_asked_again(zhang, call, paper_node):
    paper_node.down = True
    assert zhang.offers().status_code == 503
    paper_node.down = False
    assert zhang.offers().status_code == 201


def test_one_window_has_the_call_until_another_takes_it(zhang, call):
    other = zhang.offers(seat="seat-2")
    assert (other.status_code, other.json["code"]) == (409, "elsewhere")
    assert zhang.does("seat", seat="seat-2").json["seat"] == "seat-2"
    assert zhang.offers(seat="seat-2").status_code == 201
    assert zhang.offers(seat="seat-1").json["code"] == "elsewhere"


@pytest.mark.parametrize("seat", ["", "a b", "x" * 65, "座", 7, None, ["a"]])
def test_a_window_with_no_proper_name_has_no_call(zhang, call, seat):
    assert zhang.does("seat", seat=seat).json["seat"] == ""


def test_the_picture_that_the_agent_asks_for_is_sent_once(zhang, zhou, call, witness_house):
    ticket = zhou.web.queue.of_case
    with witness_house.engine.database.reading() as session:
        found = ticket(session, zhang.case)
    taken = zhou.web.witnessing.snapshot(found.id, found.epoch, zhou.actor, "card")
    assert zhang.told["wanted"] == [{"id": str(taken.id), "kind": "card"}]
    assert zhang.sends_picture(taken.id).status_code == 204
    assert zhang.told["wanted"] == []
    assert zhang.sends_picture(taken.id).status_code == 409
    with witness_house.engine.database.reading() as session:
        assert session.get(SnapshotRow, taken.id).still is not None


def test_what_is_no_picture_or_was_not_asked_for_is_refused(zhang, zhou, call, witness_house):
    with witness_house.engine.database.reading() as session:
        found = zhou.web.queue.of_case(session, zhang.case)
    taken = zhou.web.witnessing.snapshot(found.id, found.epoch, zhou.actor, "face")
    assert zhang.sends_picture(taken.id, type="image/png").status_code == 415
    assert zhang.sends_picture(taken.id, b"\xff\xd8\xff not a picture").status_code == 422
    assert zhang.sends_picture(taken.id, b"\xff\xd8\xff" + bytes(10 * 1024 * 1024)).status_code == 413
    assert zhang.sends_picture(uuid4()).status_code == 409
    assert zhang.sends_picture(taken.id, seat="seat-2").status_code == 409
    assert [one["id"] for one in zhang.told["wanted"]] == [str(taken.id)]


def test_who_hangs_up_ends_the_call_for_both_and_may_queue_again(zhang, call, paper_node, witness_house):
    zhang.offers()
    assert zhang.does("leave").json["panel"] == "check"
    with witness_house.engine.database.reading() as session:
        row = session.get(CallRow, call.id)
    assert (row.outcome, row.closed_at is not None) == ("customer_left", True)
    assert paper_node.closed == [call.id]
    assert zhang.offers(epoch=1).status_code == 409
    assert zhang.state == "await_video"


def decided(zhang, zhou, call, decision, **more):
    """Let the agent do all that a result needs, and give it."""
    with zhou.web.engine.database.reading() as session:
        ticket = zhou.web.queue.get(session, call.ticket_id)
    recorded(zhou.web, call)
    zhou.photographs(ticket)
    zhou.decides(ticket, decision, **more)
    zhang.product.run_jobs()
    return zhang.told


# What comes of it


def test_a_call_that_broke_off_leads_back_to_the_head_of_the_queue_and_says_so(zhang, zhou, call):
    zhou.web.queue.interrupt(call.ticket_id, zhang.told["epoch"], "node", zhou.id)
    assert zhang.told["panel"] == "queue"
    assert zhang.comes().sees("您已排在最前面")


def test_who_did_not_answer_is_told_to_stay_on_the_page(zhang, zhou, call):
    zhou.web.queue.no_show(call.ticket_id, zhang.told["epoch"], zhou.id)
    assert zhang.comes().sees("刚才没有联系上您")


def test_who_passed_is_told_so_and_goes_on_by_the_button(zhang, zhou, call):
    told = decided(zhang, zhou, call, "approve")
    assert told["panel"] == "passed"
    fragment = zhang.browser.get(zhang.url).text
    assert "视频见证已通过" in fragment
    assert "下一步" in fragment
    assert f'href="{told["onward"]}"' in fragment
    assert zhang.comes(told["onward"]).sees("数字证书申请")


def test_what_the_customer_consented_to_stays_with_the_result(zhang, zhou, call):
    case = zhang.case
    decided(zhang, zhou, call, "approve")
    _, _, data = zhou.web.engine.cases.data(case, zhou.actor)
    assert data["video"]["consent"].keys() == {"version", "sha256", "agreed_at"}


def test_who_passed_and_reloads_is_at_the_next_step(zhang, zhou, call):
    told = decided(zhang, zhou, call, "approve")
    assert zhang.comes().address == told["onward"]


def test_who_is_sent_back_is_led_to_the_faulty_step_with_the_reasons(zhang, zhou, call):
    told = decided(zhang, zhou, call, "return", reasons=["D02"], note="请核对号码")
    assert (told["panel"], told["result"]) == ("moved", "sent_back")
    zhang.comes(told["onward"])
    assert zhang.sees("联系电话有误或无法接通")
    assert zhang.comes().address == told["onward"]  # also after a reload


def test_who_is_refused_is_led_to_the_reasons(zhang, zhou, call):
    told = decided(zhang, zhou, call, "reject", reasons=["X01"], note="人证不一致")
    assert (told["panel"], told["result"]) == ("moved", "refused")
    assert zhang.comes(told["onward"]).sees("不通过")


def test_nothing_of_a_page_that_is_over_can_be_done_again(zhang, zhou, call):
    decided(zhang, zhou, call, "approve")
    assert zhang.enters().json["panel"] == "passed"
    assert zhang.does("consent", agreed=True, version="2026-11").json["panel"] == "passed"
    assert zhang.does("leave").json["panel"] == "passed"
    assert zhang.checks().json["code"] == "over"
    assert zhang.offers(epoch=2).json["code"] == "over"


def test_another_page_of_the_case_has_no_video(zhang):
    zhang.consents()
    zhang.goes_back()
    here = zhang.address
    assert zhang.browser.get(f"{here}/video").status_code == 404
