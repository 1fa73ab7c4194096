"""Calls on Janus: what is its own, beside what every carrier promises (``test_media_conformance``)."""

import struct
from typing import Any

import orjson
import pytest

from handlers.media import offers
from handlers.media.hooks import offer_addresses
from handlers.media.janus import answers
from handlers.media.janus.mjr import Follower, NotMjr
from handlers.media.segments import whole
from handlers.media.webm import key_frame_size
from handlers.video.tables import ROLES
from tests.media_room import mark, played
from tests.waiting import wait_until


@pytest.fixture
def node(janus, media_room, browsers):
    """A node with a Janus, both its own for one test; peers are reached by it and by other nodes."""
    if not janus.answers():
        janus.start()
    offer_addresses((janus.here, "127.0.0.1"))
    yield media_room.start(**janus.environ)
    offer_addresses(("127.0.0.1",))


class Talk:
    """One call, whose pages find its node."""

    def __init__(self, room, browsers):
        self.room, self.id = room, room.call()
        self.sides = {role: browsers.peer() for role in ROLES}
        for role in ROLES:
            self.joins(role)

    def joins(self, role):
        self.sides[role].joins(lambda offer: self.room.calls.join(self.id, role, offer))

    def see(self, more=10):
        for side in self.sides.values():
            side.sees(more)

    def frames(self, role):
        """All frames of a side, segment by segment."""
        return [self.room.frames(row) for row in self.room.segments(self.id, role)]


@pytest.fixture
def talk(node, media_room, browsers):
    made = Talk(media_room, browsers)
    made.see()
    return made


def mjr(*packets, header=None):
    """Return what Janus writes."""
    said = orjson.dumps({"t": "v", "c": "vp8", "u": 1_700_000_000_000_000} if header is None else header)
    body = b"".join(struct.pack(">4sIH", b"MEET", ms, len(data)) + data for ms, data in packets)
    return b"MJR00002" + struct.pack(">H", len(said)) + said + body


# -- when something dies ------------------------------------------------------------------------------


def test_a_call_goes_on_elsewhere_when_janus_dies_and_nothing_that_it_wrote_is_lost(
    talk, node, janus, media_room, browsers
):
    other = media_room.start()
    sent = {role: len(talk.sides[role].log["video"]) for role in ROLES}
    janus.kill()
    wait_until(lambda: node.node.id not in {one.id for one in media_room.live()}, 8)
    for role in ROLES:
        row = media_room.segments(talk.id, role)[0]
        assert row.recovered
        assert row.sealed_at
        whole(media_room.recordings / row.path, row.id, mark(row), media_room.key(talk.id))
        pieces = media_room.records(row)
        assert played(b"".join(pieces))["video"] >= 10
        assert sent[role]
    assert not list(janus.spool.glob("*.mjr"))
    again = {role: browsers.peer() for role in ROLES}
    talk.sides = again
    for role in ROLES:
        talk.joins(role)
    talk.see()
    assert media_room.row(talk.id).node_id == other.node.id
    assert len(media_room.segments(talk.id, "customer")) == 2
    janus.start()
    wait_until(lambda: node.node.id in {one.id for one in media_room.live()}, 5)


def test_both_still_see_each_other_when_the_node_dies_and_that_is_recorded_too(
    talk, node, janus, media_room, browsers
):
    node.kill()
    talk.see(20)  # Janus goes on by itself for a while
    before = {role: len(talk.frames(role)[0]) for role in ROLES}
    media_room.start(**janus.environ)
    wait_until(lambda: not list(janus.spool.glob("*.mjr")), 20)
    for role in ROLES:
        dead, recovered = media_room.segments(talk.id, role)
        assert not dead.recovered, "the finalizer seals this one"
        assert recovered.recovered
        assert recovered.sealed_at
        pieces = media_room.records(recovered)
        assert played(b"".join(pieces))["video"] >= 15
        frames = media_room.frames(recovered)
        pictures = [frame for frame in frames if frame.track == "video"]
        assert key_frame_size(pictures[0].data) == (640, 480)
        # It begins with a picture that the dead segment has as well, so that none is missing between them.
        assert pictures[0].data in {frame.data for frame in talk.frames(role)[0]}
        assert len(talk.frames(role)[0]) == before[role]
        origins = [e for e in media_room.events(talk.id) if e["kind"] == "origin" and e.get("role") == role]
        assert {e["number"] for e in origins} == {0, 1}


def test_sides_come_back_at_once_when_a_node_takes_the_place_of_a_dead_one(
    talk, node, janus, media_room, browsers
):
    node.kill()
    media_room.start(**janus.environ)
    # Their connections are closed, so that their pages come back; nobody records these any more.
    wait_until(lambda: all(side.state == "closed" for side in talk.sides.values()), 5)
    talk.sides = {role: browsers.peer() for role in ROLES}
    for role in ROLES:
        talk.joins(role)
    talk.see()


# -- what Janus writes --------------------------------------------------------------------------------


def test_what_janus_writes_can_be_followed_in_any_pieces(tmp_path):
    packets = [(number * 20, bytes([number]) * (number + 12)) for number in range(50)]
    data, path = mjr(*packets), tmp_path / "a.mjr"
    follower = Follower(path)
    found: list[Any] = []
    assert list(follower.packets()) == []
    with path.open("ab") as file:
        for at in range(0, len(data), 7):
            file.write(data[at : at + 7])
            file.flush()
            found += follower.packets()
    assert [(round((one.at - 1_700_000_000) * 1000), one.data) for one in found] == packets
    assert follower.torn == 0


def test_a_torn_packet_is_left_and_counted(tmp_path):
    path = tmp_path / "a.mjr"
    path.write_bytes(mjr((0, b"x" * 20), (20, b"y" * 20))[:-5])
    follower = Follower(path)
    assert [one.data for one in follower.packets()] == [b"x" * 20]
    assert follower.torn == 25


@pytest.mark.parametrize(
    "data", [b"MJR00009" + bytes(20), mjr(header={"t": "v"}), mjr() + b"NEET" + bytes(20)]
)
def test_another_file_is_refused(data, tmp_path):
    path = tmp_path / "a.mjr"
    path.write_bytes(data)
    with pytest.raises(NotMjr):
        list(Follower(path).packets())


def test_what_is_heard_in_the_device_check_has_no_name_on_the_disk(tmp_path):
    path = tmp_path / "a.mjr"
    path.write_bytes(mjr((0, b"x" * 20)))
    follower = Follower(path, nameless=True)
    assert len(list(follower.packets())) == 1
    assert not path.exists()
    with (tmp_path / "b").open("wb"):
        assert list(follower.packets()) == []
    follower.remove()


# -- answers ------------------------------------------------------------------------------------------


def test_an_answer_names_the_numbers_under_which_the_other_side_expects_to_get_it(browsers):
    offer = offers.read(browsers.peer().offer())
    assert set(offer.payloads.values()) == {"video", "audio"}
    answer = answers.write(offer.sdp, {"video": 120, "audio": 109})
    assert "m=video 9 UDP/TLS/RTP/SAVPF 120\r\n" in answer
    assert "a=rtpmap:120 VP8/90000\r\n" in answer
    assert "a=rtcp-fb:120 nack pli\r\n" in answer
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 109\r\n" in answer
    assert "a=rtpmap:109 opus/48000/2\r\n" in answer
    assert answer.count("a=sendrecv") == 2
