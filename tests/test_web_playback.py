"""The recording on the reviewer's desk: who may look, what a player gets, and what is written down."""

import inspect
import re
from uuid import uuid4

import pytest
from sqlalchemy import select

from engine.store.tables import CaseRow
from handlers.recordings import verify
from tests.recording_people import Leg, Studio
from web import playback, playback_words


@pytest.fixture
def case_id(product, customer):
    """Lend the case of a change that was begun."""
    customer.signs_in("C01").starts("change_phone")
    with product.engine.database.reading() as session:
        return session.scalars(select(CaseRow.id)).one()


@pytest.fixture
def call(product, case_id):
    """Lend the finished call in which this customer was witnessed."""
    return witnessed(product, case_id)


@pytest.fixture
def submitted(product, customer):
    """Lend the same of a change that went all the way to review."""
    customer.signs_in("C01").submits_phone()
    with product.engine.database.reading() as session:
        return witnessed(product, session.scalars(select(CaseRow.id)).one())


def witnessed(product, case_id):
    """Return a finished call of a case with everything in it."""
    member = next(m for m in product.product.web.staff.everybody() if "agent" in m.roles)
    made = Studio(product.engine, product.product.web.settings.recordings_folder, member.id).call(case_id)
    made.sends("customer", Leg(seconds=4))
    made.sends("agent", Leg(seconds=4), at=0.2)
    snapshots = [made.snaps("face"), made.snaps("card")]
    made.says("ticked", at=1.0, list="asked", item="card_in_hand")
    made.says("snapshot", at=2.0, of="face", snapshot=str(snapshots[0]))
    made.says("decision", at=3.5, decision="approve")
    return made.ends().finished()


@pytest.fixture
def address(case_id):
    """Lend the page's address."""
    return f"/desk/cases/{case_id}/video"


def media(call, role="customer"):
    """Return where a side's recording is."""
    return f"/desk/cases/{call.case_id}/video/{call.id}/{role}.webm"


def looks(product, case_id, kind="video.seen"):
    """Return what the journal says of looks."""
    with product.engine.database.reading() as session:
        case = session.get_one(CaseRow, case_id)
        key = product.engine.keyring.case_key(str(case_id), case.key)
        return [one for one in product.engine.journal.of_case(session, case_id, key) if one.kind == kind]


def test_a_reviewer_sees_both_sides_the_moments_and_the_pictures(call, address, reviewer):
    assert reviewer.opens(address).status_code == 200
    for words in (
        "视频见证回放",
        "执业资格证号",
        "请您手持身份证原件，正对镜头。",
        "拍摄照片：正脸",
        "见证结果：通过",
        "张伟",
    ):
        assert reviewer.sees(words), words
    assert reviewer.text.count("<video") == 2
    assert 'href="#t=2.0"' in reviewer.text


def test_the_review_page_leads_to_the_recording_and_it_leads_back(submitted, reviewer):
    task = reviewer.tasks()[0].task_id
    reviewer.opens(f"/desk/tasks/{task}")
    assert reviewer.sees("回放录像")
    assert reviewer.text.count('alt="见证照片：') >= 2
    link = re.search(rf'href="(/desk/cases/[^"]+/video\?call={submitted.id}[^"]+)"', reviewer.text)
    assert link
    reviewer.opens(link[1])
    assert f'href="/desk/tasks/{task}"' in reviewer.text


def test_the_data_are_those_of_the_call_and_not_of_later(product, submitted, reviewer, customer):
    address = f"/desk/cases/{submitted.case_id}/video?call={submitted.id}"
    reviewer.opens(address)
    assert reviewer.sees("13612345678")
    reviewer.claims().returns("D02")
    product.later(minutes=3)
    customer.opens(f"/me/cases/{customer.case}")
    customer.types_phone("13612345699").signs()
    reviewer.opens(address)
    assert reviewer.sees("13612345678")
    assert not reviewer.sees("13612345699")


@pytest.mark.parametrize("login", ["reviewer3", "analyst1"])
def test_who_may_not_see_the_case_does_not_see_its_recording(call, address, staff, login):
    person = staff(login)
    still = call.report["stills"][0]["file"]
    for path in (address, media(call), f"{address}/{call.id}/stills/{still}"):
        assert person.browser.get(path).status_code in (403, 404), path
    person.opens("/desk")
    assert person.posts(f"{address}/{call.id}/verify", {}).status_code in (403, 404)


def test_a_stranger_and_the_customer_see_nothing(call, address, product, customer):
    for browser in (product.client(), customer.browser):
        for path in (address, media(call)):
            assert browser.get(path).status_code == 303


def test_a_recording_is_not_found_under_another_case(call, product, reviewer, another_customer):
    another_customer.signs_in("C02").starts("change_phone")
    with product.engine.database.reading() as session:
        other = session.scalars(select(CaseRow.id).where(CaseRow.id != call.case_id)).one()
    for path in (f"/desk/cases/{other}/video", f"/desk/cases/{other}/video?call={call.id}"):
        assert reviewer.browser.get(path).status_code == 404
    assert reviewer.browser.get(f"/desk/cases/{other}/video/{call.id}/customer.webm").status_code == 404
    assert reviewer.browser.get(f"/desk/cases/{uuid4()}/video").status_code == 404


def test_a_file_that_is_no_picture_of_the_time_line_is_not_given_out_as_one(call, address, reviewer):
    photo = call.report["snapshots"][0]["still"]["file"]
    assert reviewer.browser.get(f"{address}/{call.id}/stills/{photo}").status_code == 404
    still = call.report["stills"][0]["file"]
    assert reviewer.browser.get(f"{address}/{call.id}/stills/{still}").data[:2] == b"\xff\xd8"


# -- pieces ---------------------------------------------------------------------------------------------


def asks(reviewer, call, wanted, role="customer"):
    """Ask for a piece of a recording."""
    return reviewer.browser.get(media(call, role), headers={"Range": wanted} if wanted else {})


def test_a_player_gets_exactly_the_piece_it_asks_for(call, reviewer):
    whole = call.played()
    size = len(whole)
    for wanted, start, end in (
        ("bytes=0-0", 0, 0), ("bytes=5-99", 5, 99), ("bytes=100-", 100, size - 1),
        ("bytes=-7", size - 7, size - 1), (f"bytes={size - 1}-", size - 1, size - 1),
        (f"bytes=0-{size * 2}", 0, size - 1),
    ):  # fmt: skip
        answer = asks(reviewer, call, wanted)
        assert answer.status_code == 206, wanted
        assert answer.data == whole[start : end + 1], wanted
        assert answer.headers["Content-Range"] == f"bytes {start}-{end}/{size}"


def test_a_player_that_asks_for_nothing_special_gets_everything(call, reviewer):
    for wanted in ("", "bytes=0-1,5-6", "lines=1-2", "bytes=oops"):
        answer = asks(reviewer, call, wanted)
        assert answer.status_code == 200
        assert answer.data == call.played()
        assert answer.headers["Accept-Ranges"] == "bytes"


def test_a_piece_behind_the_end_is_refused(call, reviewer):
    size = len(call.played())
    answer = asks(reviewer, call, f"bytes={size}-")
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{size}"


def test_a_long_wish_is_met_piece_by_piece(call, reviewer, monkeypatch):
    monkeypatch.setattr(playback, "MOST_BYTES", 1000)
    whole, got = call.played(), b""
    while len(got) < len(whole):
        answer = asks(reviewer, call, f"bytes={len(got)}-")
        assert answer.status_code == 206
        got += answer.data
    assert got == whole


@pytest.mark.parametrize("wanted", ["", "bytes=0-9", "bytes=99999999-"])
def test_no_cache_keeps_a_recording_and_nothing_in_it_can_run(call, reviewer, wanted):
    answer = asks(reviewer, call, wanted)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.mimetype == "video/webm"


def test_a_changed_recording_is_not_played(call, reviewer):
    path = call.studio.folder / call.report["playback"]["customer"]["path"]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert asks(reviewer, call, "bytes=0-").status_code == 500


# -- looks, and the proof -------------------------------------------------------------------------------


def test_every_look_is_written_down(call, address, reviewer, product, case_id):
    reviewer.opens(address)
    reviewer.opens(address)
    assert len(looks(product, case_id)) == 2
    assert {one.facts["call"] for one in looks(product, case_id)} == {str(call.id)}
    for _ in range(3):
        asks(reviewer, call, "bytes=0-9")
    assert len(looks(product, case_id)) == 2, "the pieces of a look are one look"


def test_who_asks_for_the_recording_without_its_page_is_written_down_too(call, reviewer, product, case_id):
    asks(reviewer, call, "bytes=100-")
    asks(reviewer, call, "bytes=200-")
    assert len(looks(product, case_id)) == 1


def test_a_reviewer_has_an_untouched_recording_proved(call, address, reviewer, product, case_id):
    reviewer.opens(address)
    reviewer.posts(f"{address}/{call.id}/verify", {})
    assert reviewer.sees("没有任何改动")
    assert reviewer.sees(call.report["hash"])
    assert [one.facts["findings"] for one in looks(product, case_id, "video.verified")] == [[]]


def test_a_reviewer_reads_what_was_changed(call, address, reviewer):
    path = call.path("agent")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    reviewer.opens(address)
    reviewer.posts(f"{address}/{call.id}/verify", {})
    assert reviewer.sees("见证人员录像第1段与录制时不一致")
    assert reviewer.sees("请勿据此作出决定")


def test_a_script_gets_the_same_verdict_as_data(call, address, reviewer):
    reviewer.opens(address)
    headers = {"Accept": "application/json"}
    told = reviewer.posts(f"{address}/{call.id}/verify", {}, headers=headers).get_json()
    assert told["intact"]
    assert told["findings"] == []
    assert told["hash"] == call.report["hash"]


def test_a_call_just_over_says_that_its_recording_is_being_finished(product, case_id, reviewer, address):
    made = Studio(product.engine, product.product.web.settings.recordings_folder).call(case_id)
    made.sends("customer", Leg(seconds=1))
    made.ends()
    reviewer.opens(address)
    assert reviewer.sees("录像正在整理")


def test_a_changed_time_line_is_told_and_breaks_no_page(product, call, address, reviewer):
    from handlers.video.tables import CallRow

    with product.engine.database.transaction() as session:
        row = session.get_one(CallRow, call.id)
        row.report = row.report[:-1] + bytes([row.report[-1] ^ 1])
    reviewer.opens(address)
    assert reviewer.sees("录像的时间轴无法打开")
    assert asks(reviewer, call, "bytes=0-").status_code == 500
    reviewer.posts(f"{address}/{call.id}/verify", {})
    assert reviewer.sees("录像的时间轴与整理时不一致")


def test_everything_that_can_be_found_is_a_sentence():
    kinds = "segment|seal|events|hash|report|playback|snapshot|still|journal|decision|no|not"
    codes = set(re.findall(rf'"((?:{kinds})_\w+)"', inspect.getsource(verify._Look)))
    assert codes == set(playback_words.FINDINGS)
