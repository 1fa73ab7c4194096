"""视频见证 as a customer lives it until somebody turns to them: consent, device check, queue (P12, P13)."""

import json
from io import BytesIO
from uuid import UUID

import pytest
from sqlalchemy import select

from engine.store.tables import CaseRow
from handlers.video.queue import REPORT
from handlers.video.sfu import LONGEST_SDP
from handlers.video.tables import TicketRow
from tests.video_people import CHECKED, SDP
from tests.witness_people import OFFER
from web import security

# Consent


def test_before_anything_begins_the_page_says_what_is_recorded_why_and_for_how_long(zhang):
    for words in ("录音录像", "人脸图像", "不少于20年", "临柜办理", "我已阅读并单独同意", "撤回同意"):
        assert zhang.sees(words), words
    assert not zhang.sees("开始视频通话")


def test_before_that_the_page_says_what_to_have_ready(zhang):
    for words in ("本人身份证原件", "光线充足", "环境安静", "请勿佩戴帽子、墨镜"):
        assert zhang.sees(words), words


def test_nobody_queues_without_having_consented(zhang):
    answer = zhang.enters()
    assert (answer.status_code, answer.json["code"]) == (409, "no_consent")
    assert zhang.told["panel"] == "consent"


def test_a_consent_is_a_tick_and_nothing_else(zhang):
    assert zhang.does("consent", version=zhang.version).status_code == 422
    assert zhang.does("consent", agreed="no", version=zhang.version).status_code == 422


def test_a_consent_to_words_that_have_changed_since_is_none(zhang):
    assert zhang.does("consent", agreed=True, version="2020-01").json["code"] == "changed"


def test_the_consent_is_kept_with_version_words_and_time(zhang, witness_house):
    version = zhang.version
    zhang.consents()
    web = witness_house.product.web
    with witness_house.engine.database.reading() as session:
        row = session.scalars(select(CaseRow)).one()
        key = witness_house.engine.keyring.case_key(str(row.id), row.key)
        entry = witness_house.engine.journal.of_case(session, row.id, key)[-1]
    assert entry.kind == "video.consented"
    assert entry.facts["version"] == version
    assert len(entry.facts["sha256"]) == 64
    assert entry.facts["agreed_at"].startswith("2026-03-18")
    _, _, laid = web.engine.desk.look(UUID(zhang.task))
    assert laid.held["video_consent"]["version"] == version


def test_a_consent_given_without_scripts_comes_back_to_the_page(zhang):
    zhang.posts(f"{zhang.url}/consent", {"agreed": "true", "version": zhang.version})
    assert zhang.address == zhang.page_url
    assert zhang.sees("设备检测")


def test_a_forgotten_tick_without_scripts_is_asked_for_on_the_page(zhang):
    zhang.posts(f"{zhang.url}/consent", {"version": zhang.version})
    assert zhang.sees("请先阅读并同意视频见证的个人信息处理")


def test_who_has_not_begun_may_step_back(zhang):
    zhang.consents()
    zhang.goes_back()
    assert zhang.address != zhang.page_url


# The device check


@pytest.mark.parametrize("part", ["camera", "microphone", "speaker", "network"])
def test_who_cannot_be_seen_or_heard_does_not_queue(zhang, part):
    answer = zhang.consents().enters(**{part: False})
    assert (answer.status_code, answer.json["code"]) == (409, "unchecked")


@pytest.mark.parametrize("report", [None, [], "yes", {"camera": "true"}])
def test_a_report_that_is_none_is_no_check(zhang, report):
    assert zhang.consents().does("enter", report=report, seat="s").json["code"] == "unchecked"


def test_what_a_report_says_besides_is_kept_only_as_far_as_it_is_sane(zhang, witness_house):
    odd = {"browser": "x" * 5000, "lone": "\ud800", "huge": 10**400, "deep": {"a": [1]}, "\udfff": 1}
    zhang.consents()
    body = json.dumps({"report": {**CHECKED, **odd}, "seat": "seat-1"})
    headers = {"X-CSRFToken": zhang.token, "Content-Type": "application/json"}
    assert zhang.browser.post(f"{zhang.url}/enter", data=body, headers=headers).status_code == 200
    with witness_house.engine.database.reading() as session:
        case, ticket = session.scalars(select(CaseRow)).one(), session.scalars(select(TicketRow)).one()
        kept = json.loads(
            witness_house.engine.keyring.case_key(str(case.id), case.key).open(ticket.report, REPORT)
        )
    assert kept["kbps"] == 812
    assert len(kept["browser"]) == 200
    assert (kept["lone"], kept["huge"], kept["deep"]) == ("?", None, None)


def test_the_check_speaks_with_a_node_and_is_told_what_arrives_there(zhang, paper_node):
    answer = zhang.checks()
    assert (answer.status_code, answer.mimetype, answer.text) == (201, SDP, OFFER)
    told = zhang.browser.get(answer.headers["Location"]).json
    assert (told["there"], told["kbps"], told["loss"]) == (True, 900, 0.0)


@pytest.mark.parametrize(
    ("sdp", "type", "status"),
    [
        (OFFER, "application/json", 415),
        (OFFER, "text/plain", 415),
        ("hello", SDP, 422),
        (b"\xff\xfe", SDP, 422),
        ("v=0" + "x" * LONGEST_SDP, SDP, 413),
    ],
)
def test_what_is_no_offer_is_refused_in_words(zhang, paper_node, sdp, type, status):
    answer = zhang.checks(sdp, type)
    assert answer.status_code == status
    assert answer.json["message"]


def test_an_offer_without_a_length_is_not_read_for_ever(zhang, paper_node):
    endless = BytesIO(b"v=0" + b"x" * LONGEST_SDP)
    answer = zhang.checks(None, input_stream=endless, environ_overrides={"wsgi.input_terminated": True})
    assert answer.status_code == 413


def test_who_checks_without_end_is_asked_to_wait(zhang, paper_node):
    statuses = [zhang.checks().status_code for _ in range(61)]
    assert (statuses[0], statuses[-1]) == (201, 429)


def test_a_node_that_is_down_is_said_to_be_so(zhang, paper_node):
    paper_node.down = True
    answer = zhang.checks()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert zhang.browser.get(f"{zhang.url}/echo").json == {"there": False}


def test_only_the_page_of_the_video_may_ask_for_the_microphone(zhang):
    assert "microphone=(self)" in zhang.page.headers["Permissions-Policy"]
    assert "camera=(self)" in zhang.page.headers["Permissions-Policy"]
    zhang.consents()
    zhang.goes_back()
    assert "microphone=()" in zhang.page.headers["Permissions-Policy"]
    assert "microphone=()" in security.HEADERS["Permissions-Policy"]


# The queue


def test_the_queue_s_page_tells_how_many_queue_with_oneself_and_where_one_stands(zhang, witness_house):
    zhang.queues()
    assert "当前营业部排队人数（含您） 1" in zhang.says
    assert "您的位置 第 1 位" in zhang.says
    assert zhang.state == "queued"
    assert zhang.told["place"]["total"] == 1


def test_while_nobody_is_on_duty_no_time_is_made_up(zhang):
    zhang.queues()
    assert zhang.told["place"]["low"] is None
    assert zhang.sees("暂时没有认证人员在线")


def test_with_somebody_on_duty_the_wait_is_told_as_a_range(zhang, zhou):
    zhou.is_ready()
    zhang.queues()
    place = zhang.told["place"]
    assert 1 <= place["low"] < place["high"]
    assert f"约 {place['low']}–{place['high']} 分钟" in zhang.says


def test_a_reload_and_a_second_window_show_the_same_place(zhang):
    zhang.queues()
    assert zhang.comes().sees("正在排队")
    assert zhang.enters().json["mark"] == zhang.told["mark"]


def test_pressing_twice_takes_one_place(zhang):
    zhang.queues()
    assert zhang.enters().status_code == 200
    assert zhang.told["place"]["total"] == 1


def test_who_cancels_is_asked_for_nothing_and_may_begin_again(zhang, witness_house):
    zhang.queues()
    assert zhang.does("leave").json["panel"] == "check"
    assert zhang.state == "await_video"
    assert zhang.comes().sees("可以重新开始")
    assert zhang.enters().json["panel"] == "queue"


def test_cancelling_without_scripts_works(zhang):
    zhang.queues()
    zhang.posts(f"{zhang.url}/leave")
    assert zhang.sees("设备检测")


def test_who_queues_does_not_lose_the_place_by_a_step_back(zhang):
    zhang.queues()
    zhang.goes_back()
    assert zhang.address == zhang.page_url
    assert zhang.sees("请先取消排队或挂断")
    assert zhang.told["panel"] == "queue"


def test_a_sign_of_life_tells_whether_there_is_something_new(zhang, zhou):
    zhang.queues()
    before = zhang.does("beat").json["mark"]
    assert before == zhang.told["mark"]
    zhou.is_offered()
    assert zhang.does("beat").json["mark"] == zhang.told["mark"] != before


def test_who_does_not_queue_gives_no_sign_of_life(zhang):
    assert zhang.does("beat").json == {"mark": ""}


def test_outside_service_hours_the_page_says_when_they_begin_and_nobody_queues(zhang, witness_house):
    witness_house.later(hours=14)  # midnight
    zhang.comes()
    told = "当前为非服务时间（周一至周五 09:00-23:00），您可先填写资料，视频见证和复核将在服务时间内办理"
    assert zhang.sees(told)
    assert zhang.sees("视频见证将于2026-03-19 09:00开放")
    answer = zhang.consents().enters()
    assert (answer.status_code, answer.json["code"]) == (409, "video_closed")
    assert "2026-03-19 09:00" in answer.json["message"]


def test_who_queued_before_closing_keeps_the_page(zhang, witness_house):
    zhang.queues()
    witness_house.later(hours=13, minutes=5)  # 23:05
    assert zhang.does("beat").json["mark"] == zhang.told["mark"]
    assert zhang.comes().sees("正在排队")
