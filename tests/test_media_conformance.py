"""What every carrier of calls must do, whichever it is: the same tests run on each adapter."""

import io
import time
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from PIL import Image
from sqlalchemy import update

from engine import clock
from handlers.media.hooks import offer_addresses
from handlers.media.segments import Sealer, statement, verify, whole
from handlers.video.sfu import LONGEST_SDP, BadOffer, NoSuchCall, NotYet
from handlers.video.tables import ROLES, CallRow
from tests.media_room import hears, mark, played
from tests.waiting import wait_until


@pytest.fixture(scope="module", params=["embedded", "janus"])
def node(request, shared_room):
    """A node of each kind; Janus stands on another machine, to which peers have an address of their own."""
    janus = request.getfixturevalue("janus") if request.param == "janus" else None
    running = shared_room.start(**({} if janus is None else janus.environ))
    offer_addresses(("127.0.0.1",) if janus is None else (janus.here,))
    yield running
    running.stop()
    offer_addresses(("127.0.0.1",))


@pytest.fixture
def room(shared_room):
    return shared_room


class Talk:
    """One call and the browsers in it."""

    def __init__(self, room, node, browsers):
        self.room, self.sfu, self.browsers = room, node.sfu, browsers
        self.id = room.call()
        self.sfu.open(room.plan(self.id))

    def joins(self, role, **lens):
        peer = self.browsers.peer(**lens)
        return peer.joins(lambda offer: self.sfu.answer(self.id, role, offer))

    def both(self):
        sides = self.joins("customer"), self.joins("agent")
        for side in sides:
            side.sees()
        return sides

    def kinds(self):
        return [event["kind"] for event in self.room.events(self.id)]


@pytest.fixture
def talk(room, node, browsers):
    made = Talk(room, node, browsers)
    yield made
    made.sfu.close(made.id)


def test_both_sides_see_and_hear_each_other(talk):
    customer, agent = talk.both()
    customer.sees(30)
    agent.sees(30)
    assert customer.key_frames
    assert agent.key_frames


def test_opening_a_call_again_changes_nothing(talk):
    customer, _ = talk.both()
    talk.sfu.open(talk.room.plan(talk.id))
    customer.sees(10)
    assert len(talk.room.segments(talk.id, "customer")) == 1
    assert len(talk.room.segments(talk.id, "events")) == 1


def test_nobody_gets_into_a_call_that_is_not_there(node, browsers):
    nowhere, offer = uuid4(), browsers.peer().offer()
    for asked in (
        lambda: node.sfu.answer(nowhere, "customer", offer),
        lambda: node.sfu.still(nowhere, "customer"),
        lambda: node.sfu.mark(nowhere, {"kind": "question"}),
        lambda: node.sfu.legs(nowhere),
        lambda: node.sfu.hang_up(nowhere, "agent"),
    ):
        with pytest.raises(NoSuchCall):
            asked()
    node.sfu.close(nowhere)


def test_a_call_that_is_over_is_not_opened_again(room, node):
    call = room.call()
    with room.house.engine.database.transaction() as session:
        over = update(CallRow).where(CallRow.id == call).values(closed_at=clock.now(), outcome="passed")
        session.execute(over)
    with pytest.raises(NoSuchCall):
        node.sfu.open(room.plan(call))


def test_a_plan_that_is_older_or_newer_than_the_call_is_not_followed(room, node):
    call = room.call()
    for more in (-1, 1):
        with pytest.raises(NoSuchCall):
            node.sfu.open(room.plan(call, more=more))
    node.sfu.open(room.plan(call))


def forged(offer):
    """Yield offers as no browser makes them."""
    yield "x" * (LONGEST_SDP + 1)
    yield ""
    yield "v=0\r\n"
    yield offer[: len(offer) // 2]
    yield offer.replace("a=fingerprint:sha-256 ", "a=fingerprint:sha-256 00:")
    yield "".join(line for line in offer.splitlines(True) if "a=fingerprint" not in line)
    yield "".join(line for line in offer.splitlines(True) if "ice-pwd" not in line)
    yield "".join(line for line in offer.splitlines(True) if "BUNDLE" not in line)
    yield offer.replace("opus/48000/2", "opus/8000/1")
    yield offer.replace("m=video", "m=application")
    yield offer.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP")
    yield offer + offer[offer.index("m=video") :]
    yield offer.replace("v=0", "v=0\r\na=\x00\xe9")
    yield offer.replace("a=setup:actpass", "a=setup:nonsense")
    yield offer.replace("a=mid:1", "a=mid:0")


def test_a_forged_offer_is_refused_and_nothing_changes(talk):
    customer, agent = talk.both()
    for bad in forged(talk.browsers.peer().offer()):
        with pytest.raises(BadOffer):
            talk.sfu.answer(talk.id, "customer", bad)
    customer.sees(5)
    agent.sees(5)
    assert len(talk.room.segments(talk.id, "customer")) == 1


def test_a_picture_is_taken_after_it_was_asked_for(talk):
    talk.both()
    asked = datetime.now(UTC)
    began = time.monotonic()
    still = talk.sfu.still(talk.id, "customer")
    assert time.monotonic() - began < 3
    assert still.taken_at > asked
    assert (still.width, still.height) == (640, 480)
    assert Image.open(io.BytesIO(still.jpeg)).size == (640, 480)


def test_pictures_come_because_they_are_asked_for(talk):
    talk.both()
    began = time.monotonic()
    taken = [talk.sfu.still(talk.id, "customer").taken_at for _ in range(6)]
    # By itself a browser of ours sends a key frame a second, and the log wants one in five.
    assert time.monotonic() - began < 4
    assert taken == sorted(set(taken))


def test_there_is_no_picture_of_a_side_that_did_not_come_or_sends_none(talk):
    customer = talk.joins("customer")
    with pytest.raises(NotYet):
        talk.sfu.still(talk.id, "agent")
    customer.mutes()
    time.sleep(0.3)
    with pytest.raises(NotYet):
        talk.sfu.still(talk.id, "customer")


def test_marks_stand_in_the_log_with_the_nodes_time(talk):
    before = datetime.now(UTC)
    talk.sfu.mark(talk.id, {"kind": "question", "key": "q1", "at": "1970-01-01"})
    talk.sfu.close(talk.id)
    said = next(event for event in talk.room.events(talk.id) if event["kind"] == "question")
    assert said["key"] == "q1"
    assert before < datetime.fromisoformat(said["at"]) < datetime.now(UTC)


def test_who_hangs_up_is_gone_and_the_other_stays(talk):
    customer, agent = talk.both()
    talk.sfu.hang_up(talk.id, "customer")
    assert talk.sfu.legs(talk.id)["customer"].state == "gone"
    assert talk.sfu.legs(talk.id)["agent"].state == "connected"
    wait_until(lambda: customer.state == "closed", 5)
    wait_until(lambda: talk.room.segments(talk.id, "customer")[0].sealed_at, 5)
    assert agent.state == "connected"
    assert talk.room.segments(talk.id, "agent")[0].sealed_at is None


def test_a_page_that_comes_back_goes_on_as_the_next_segment(talk):
    first, agent = talk.both()
    again = talk.joins("customer")
    again.sees(10)
    agent.sees(10)
    wait_until(lambda: first.state == "closed", 5)
    rows = talk.room.segments(talk.id, "customer")
    assert [row.number for row in rows] == [0, 1]
    talk.sfu.close(talk.id)
    for row in talk.room.segments(talk.id, "customer"):
        assert talk.room.frames(row)[0].key
        assert played(b"".join(talk.room.records(row)))["video"] >= 5


def test_a_node_that_was_left_refuses_to_go_back(talk):
    room, sfu = talk.room, talk.sfu
    customer, _ = talk.both()
    old = room.plan(talk.id)
    with room.house.engine.database.transaction() as session:
        session.execute(update(CallRow).where(CallRow.id == talk.id).values(node_epoch=old.node_epoch + 1))
    sfu.open(room.plan(talk.id))
    with pytest.raises(NoSuchCall):
        sfu.open(old)
    wait_until(lambda: customer.state == "closed", 5)
    talk.joins("customer")
    assert [row.number for row in room.segments(talk.id, "customer")] == [0, 1]


def test_a_call_that_another_node_has_is_dropped_here(talk):
    customer, _ = talk.both()
    more = {"node_epoch": CallRow.node_epoch + 1}
    with talk.room.house.engine.database.transaction() as session:
        session.execute(update(CallRow).where(CallRow.id == talk.id).values(**more))
    wait_until(lambda: customer.state == "closed", 5)
    with pytest.raises(NoSuchCall):
        talk.sfu.legs(talk.id)


def test_closing_a_call_seals_all_that_was_recorded(talk):
    talk.both()
    time.sleep(1)
    talk.sfu.close(talk.id)
    talk.sfu.close(talk.id)
    sealer = Sealer(talk.room.keyring.derive("video.seal"))
    for role in (*ROLES, "events"):
        (row,) = talk.room.segments(talk.id, role)
        assert row.sealed_at
        assert row.signature
        path = talk.room.recordings / row.path
        whole(path, row.id, mark(row), talk.room.key(talk.id))
        said = statement(
            row.id, talk.id, role, row.number, row.records, row.size, row.media_ms, row.head, row.sealed_at
        )
        sealer.check(said, row.signature)
        if role != "events":
            frames = talk.room.frames(row)
            video = [f for f in frames if f.track == "video"]
            assert played(b"".join(talk.room.records(row)))["video"] == len(video) >= 30
            assert abs(row.media_ms - max(f.ms for f in frames)) < 50
            assert sum(f.track == "audio" for f in frames) >= 50


def test_how_far_a_segment_goes_is_noted_about_once_a_second(talk):
    talk.both()
    known = [0]
    for _ in range(3):
        wait_until(lambda: talk.room.segments(talk.id, "customer")[0].records > known[-1], 3)
        row = talk.room.segments(talk.id, "customer")[0]
        known.append(row.records)
        end = verify(talk.room.recordings / row.path, row.id, mark(row), talk.room.key(talk.id))
        assert end.records >= row.records
    seen = talk.room.row(talk.id)
    for when in (seen.customer_seen_at, seen.agent_seen_at):
        assert abs((datetime.now(UTC) - when).total_seconds()) < 3


def test_the_figures_of_a_side_are_told(talk):
    talk.both()

    def are_right():
        leg = talk.sfu.legs(talk.id)["customer"]
        lives = leg.state == "connected" and leg.idle is not None and leg.idle < 1
        pictures = (leg.width, leg.height) == (640, 480) and 15 < leg.fps < 45
        return lives and pictures and 300 < leg.kbps < 4000 and leg.loss < 0.05 and leg.recorded_ms > 2000

    wait_until(are_right, 20)


def test_what_was_lost_on_the_way_is_asked_for_again_and_told(talk):
    customer = talk.browsers.peer()
    customer.loses = 0.05
    customer.joins(lambda offer: talk.sfu.answer(talk.id, "customer", offer))
    agent = talk.joins("agent")
    agent.sees(60)
    wait_until(lambda: 0.005 < talk.sfu.legs(talk.id)["customer"].loss < 0.2, 10)
    talk.sfu.close(talk.id)
    (row,) = talk.room.segments(talk.id, "customer")
    video = [f for f in talk.room.frames(row) if f.track == "video"]
    sent = customer.tracks["video"].sent
    assert len(video) > 0.8 * sent - 20
    assert played(b"".join(talk.room.records(row)))["video"] == len(video)


@pytest.mark.parametrize("how", ["mutes", "dies"])
def test_a_browser_that_fell_silent_is_noticed_within_two_seconds(talk, how):
    customer, agent = talk.both()
    with hears(talk.room.url) as heard:
        getattr(customer, how)()
        began = time.monotonic()
        wait_until(lambda: "idle" in talk.kinds(), 5)
        assert 1.0 < time.monotonic() - began < 2.5
        wait_until(lambda: any("task" in told for told in heard), 2)
        assert any("ticket" in told for told in heard)
        assert talk.sfu.legs(talk.id)["customer"].idle > 1.4
        if how == "mutes":
            customer.mutes(False)
            wait_until(lambda: "back" in talk.kinds(), 3)
    assert agent.state == "connected"


def test_a_page_that_was_closed_is_noticed_at_once(talk):
    customer, _ = talk.both()
    customer.leaves()
    wait_until(lambda: talk.sfu.legs(talk.id)["customer"].state == "gone", 1.5)
    wait_until(lambda: "left" in talk.kinds(), 2)


def test_sound_and_picture_can_be_put_together_by_what_the_log_says(talk):
    talk.both()
    streams = {(role, track) for role in ROLES for track in ("video", "audio")}

    def reported():
        return {(e["role"], e["track"]) for e in talk.room.events(talk.id) if e["kind"] == "sr"}

    wait_until(lambda: reported() == streams, 8)
    events = talk.room.events(talk.id)
    for role in ROLES:
        for track in ("video", "audio"):
            told = {e["kind"]: e for e in events if (e.get("role"), e.get("track")) == (role, track)}
            assert told["origin"].keys() == {"kind", "at", "role", "number", "track", "rtp", "ms"}
            assert told["sr"]["number"] == 0
            # The report is of the same stream: within seconds of where it began.
            passed = (told["sr"]["rtp"] - told["origin"]["rtp"]) & 0xFFFFFFFF
            assert passed < 30 * (90_000 if track == "video" else 48_000)


def test_the_device_check_hears_itself_and_leaves_nothing(room, node, browsers):
    check, peer = uuid4(), browsers.peer()
    before = set(room.recordings.rglob("*"))
    peer.joins(lambda offer: room.calls.echo(check, offer))
    began = time.monotonic()
    peer.sees(30)
    time.sleep(1.2)
    leg = room.calls.echo_leg(check)
    assert leg.state == "connected"
    assert leg.kbps > 300
    assert leg.recorded_ms == 0
    wait_until(lambda: room.calls.echo_leg(check) is None, 12)
    assert 6 < time.monotonic() - began < 13
    wait_until(lambda: peer.state == "closed", 3)
    assert set(room.recordings.rglob("*")) == before
