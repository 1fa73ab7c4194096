"""Packets, streams, rates, offers and tickets: the parts of a node that need no network."""

import itertools
import random
import time
from uuid import uuid4

import pytest

from handlers.media import packets, tickets
from handlers.media.offers import read, write_answer
from handlers.media.packets import Report, Rtp, SenderReport, read_rtcp, read_rtp, read_vp8, write_rtp
from handlers.media.plans import read_plan, write_plan
from handlers.media.rates import FLOOR, MOST, Rate
from handlers.media.receiving import ASK_AGAIN, GIVE_UP, Incoming
from handlers.media.relays import ice_servers
from handlers.media.sending import Outgoing
from handlers.video.sfu import LONGEST_SDP, BadOffer, CallPlan

KEY_FRAME, OTHER_FRAME = b"\x10\x02\x00\x9d\x01\x2a\x80\x02\xe0\x01", b"\x11\x02\x00more"


def packet(seq, timestamp=0, payload=b"\x10" + KEY_FRAME, marker=True, ssrc=7):
    return Rtp(96, marker, seq & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc, payload)


def sent_as(data):
    read = read_rtp(data)
    assert read is not None
    return read


def test_a_packet_is_read_without_its_extensions_and_padding():
    fixed = bytes([0xB2, 0xE0]) + (5).to_bytes(2, "big") + (9).to_bytes(4, "big") + (7).to_bytes(4, "big")
    sources, extension = bytes(8), b"\xbe\xde\x00\x01abcd"
    assert read_rtp(fixed + sources + extension + b"payload" + b"\0\0\3") == Rtp(
        96, True, 5, 9, 7, b"payload"
    )
    assert read_rtp(write_rtp(packet(5), 100, 6, 8, 9)) == Rtp(100, True, 6, 8, 9, b"\x10" + KEY_FRAME)


def test_packets_of_nonsense_are_none():
    chance = random.Random(3)  # noqa: S311 - repeatable
    for length in range(64):
        for _ in range(40):
            data = chance.randbytes(length)
            read_rtp(data)
            read_rtcp(data)
            read_vp8(data)
    assert read_rtp(b"\x80" * 11) is None
    assert read_rtp(b"\x90" + bytes(11)) is None
    assert read_rtp(b"\xa0" + bytes(10) + b"\xff") is None
    assert read_vp8(b"") is None
    assert read_vp8(b"\x80") is None


@pytest.mark.parametrize(
    ("payload", "begins"),
    [
        (b"\x10data", True),
        (b"\x00data", False),
        (b"\x11data", False),
        (b"\x90\x80\x05data", True),
        (b"\x90\x80\x85\x01data", True),
        (b"\x90\xe0\x05\x01\x20data", True),
    ],
)
def test_a_descriptor_is_taken_off_a_picture(payload, begins):
    assert read_vp8(payload) == (begins, b"data")


def test_feedback_is_read_as_it_was_written():
    lost = [5, 6, 8, 21, 22, 40, 65535, 0]
    said = read_rtcp(
        packets.receiver_report(1, [Report(7, 128, 5, 70000, 9, 1, 2)])
        + packets.nack(1, 7, lost)
        + packets.key_frame_please(1, 7)
        + packets.at_most(1, 7, 1_234_567)
        + packets.sender_report(SenderReport(7, 2**63, 90, 3, 4), b"name")
    )
    assert said.reports == [Report(7, 128, 5, 70000, 9, 1, 2)]
    assert said.missing == [(7, lost)]
    assert said.key_frames == [7]
    assert said.can_take == pytest.approx(1_234_567, rel=0.001)
    assert said.sender_reports == [SenderReport(7, 2**63, 90, 3, 4)]


class Line:
    """A stream of pictures that arrive one by one, at 30 a second."""

    def __init__(self, first=65530):
        self.now = 100.0
        self.first = first
        self.stream = Incoming("video", packet(first))

    def gets(self, *numbers, key=False):
        frames = []
        for number in numbers:
            self.now += 1 / 30
            data = KEY_FRAME if key or number == 0 else OTHER_FRAME
            frames += self.stream.add(packet(self.first + number, 3000 * number, b"\x10" + data), self.now)
        return [(frame.timestamp // 3000, frame.key) for frame in frames]

    def waits(self, seconds):
        self.now += seconds
        return self.stream.missing(self.now)


def test_pictures_come_in_their_order_across_the_end_of_the_numbers():
    line = Line()
    assert line.gets(*range(12)) == [(number, number == 0) for number in range(12)]


def test_a_picture_is_whole_with_its_last_packet():
    stream = Incoming("video", packet(1))
    assert stream.add(packet(1, 5, b"\x10" + KEY_FRAME, marker=False), 0) == []
    assert stream.add(packet(2, 5, b"\x00tail", marker=False), 0) == []
    (frame,) = stream.add(packet(3, 5, b"\x00end"), 0)
    assert frame.data == KEY_FRAME + b"tailend"


def test_a_missing_packet_is_asked_for_again_and_again_until_it_comes():
    line = Line()
    line.gets(0, 1)
    assert line.gets(3, 4) == []
    assert line.waits(0) == [(line.first + 2) & 0xFFFF]
    assert line.waits(0.01) == []
    assert line.waits(ASK_AGAIN) == [(line.first + 2) & 0xFFFF]
    assert line.gets(2) == [(2, False), (3, False), (4, False)]
    assert line.waits(1) == []


def test_pictures_after_one_that_never_came_wait_for_a_key_frame():
    line = Line()
    line.gets(0, 1)
    line.gets(3, 4)
    line.waits(GIVE_UP + 0.1)
    assert line.stream.wants_key
    assert line.stream.gap
    assert line.gets(5, 6) == []
    assert line.gets(7, key=True) == [(7, True)]
    assert line.gets(8) == [(8, False)]
    assert not line.stream.wants_key


def test_a_key_frame_that_came_behind_a_hole_is_shown_when_the_hole_is_given_up():
    line = Line()
    line.gets(0)
    line.gets(2)
    line.gets(3, key=True)
    line.gets(4)
    line.waits(GIVE_UP + 0.1)
    assert line.gets(5) == [(3, True), (4, False), (5, False)]


def test_a_picture_is_not_shown_before_the_first_key_frame():
    line = Line()
    assert line.gets(1, 2) == []
    stream = Incoming("video", packet(5))
    assert stream.add(packet(5, 0, b"\x10" + OTHER_FRAME), 0) == []
    assert stream.wants_key


def test_a_stream_that_begins_anew_goes_on():
    line = Line()
    line.gets(0, 1)
    assert line.gets(9000, key=True) == [(9000, True)]
    assert line.gets(9001) == [(9001, False)]


def test_sound_is_not_held_back_for_what_is_missing():
    stream = Incoming("audio", packet(1, 0, b"a"))
    got = [stream.add(packet(n, n * 960, b"a"), n / 50) for n in (1, 2, 4, 3, 3, 5)]
    assert [[f.timestamp // 960 for f in frames] for frames in got] == [[1], [2], [4], [3], [], [5]]
    assert stream.missing(1) == []


def test_loss_is_told_though_it_was_repaired_but_not_for_what_was_overtaken():
    line = Line()
    line.gets(0, *range(2, 50), 1)
    line.stream.second()
    assert line.stream.loss == pytest.approx(1 / 50)
    assert line.stream.report(line.now).fraction == 256 // 50
    swapped = Line()
    for number in (0, 2, 1, 3):
        swapped.stream.add(packet(swapped.first + number), swapped.now)
    swapped.stream.second()
    assert swapped.stream.loss == 0


def test_jumping_numbers_do_not_fill_the_memory():
    stream = Incoming("video", packet(0))
    for jump in range(2000):
        stream.add(packet(jump * 499), jump / 10_000)
    assert len(stream._holes) < 2000


def test_the_viewer_sees_one_stream_though_the_other_side_came_anew():
    outgoing = Outgoing("video", 42, 100)
    sent = []
    for source, first in ((1, 60_000), (2, 10)):
        for number in range(10):
            now = 100 * source + number / 30
            data = outgoing.take(source, packet(first + number, 77 + 3000 * number, ssrc=source), now)
            sent.append(sent_as(data))
    assert [(b.seq - a.seq) & 0xFFFF for a, b in itertools.pairwise(sent)] == [1] * 19
    steps = [(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in itertools.pairwise(sent)]
    assert steps[:9] == steps[10:] == [3000] * 9
    assert steps[9] == pytest.approx((100 - 9 / 30) * 90_000, abs=2)
    assert {p.ssrc for p in sent} == {42}


def test_what_was_sent_can_be_sent_again_for_a_while():
    outgoing = Outgoing("video", 42, 100)
    sent = [outgoing.take(1, packet(n), n / 30) for n in range(2000)]
    seq = sent_as(sent[-1]).seq
    assert outgoing.again(seq) == sent[-1]
    assert outgoing.again(sent_as(sent[0]).seq) is None


def test_reports_of_an_earlier_connection_are_not_passed_on():
    outgoing = Outgoing("audio", 42, 111)
    outgoing.take(1, packet(5, 1000), 0)
    passed = outgoing.report(1, SenderReport(7, 5, 1960, 0, 0))
    sent = sent_as(outgoing.take(1, packet(6, 1960), 0.02))
    assert passed is not None
    assert (passed.ssrc, passed.rtp, passed.packets) == (42, sent.timestamp, 1)
    assert outgoing.report(2, SenderReport(7, 5, 1960, 0, 0)) is None


def test_a_poor_viewer_makes_no_recording_poorer_than_the_floor():
    rate = Rate("customer")
    assert rate.second(0.0, 0) == MOST
    rate.viewer_can_take(30_000, 1)
    assert rate.second(0.0, 2) == FLOOR["customer"] == 400_000
    rate.viewer_can_take(700_000, 3)
    assert rate.second(0.0, 4) == 700_000
    assert rate.second(0.0, 60) == MOST


def test_a_lossy_way_is_asked_for_less_and_a_good_one_for_more_again():
    rate = Rate("customer")
    asked = [rate.second(0.2, second) for second in range(30)]
    assert asked == sorted(asked, reverse=True)
    assert asked[-1] == FLOOR["customer"]
    assert rate.second(0.05, 31) == FLOOR["customer"]
    assert [rate.second(0.0, second) for second in range(40, 70)][-1] == MOST


OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
m=audio 9 UDP/TLS/RTP/SAVPF 111 63
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 FINGER
a=setup:actpass
a=mid:0
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtpmap:63 red/48000/2
m=video 9 UDP/TLS/RTP/SAVPF 98 96 97
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 FINGER
a=setup:actpass
a=mid:1
a=sendrecv
a=rtcp-mux
a=extmap:3 urn:ietf:params:rtp-hdrext:toffset
a=candidate:1 1 udp 2122260223 192.0.2.5 5000 typ host
a=candidate:2 1 udp 2122260223 2d0c-4b1a.local 5000 typ host
a=candidate:3 1 udp 2122260223 0.0.0.0 5000 typ host
a=candidate:4 1 tcp 2122260223 192.0.2.5 9 typ host tcptype active
a=rtpmap:98 VP9/90000
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack pli
a=rtcp-fb:96 transport-cc
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=end-of-candidates
""".replace("FINGER", ":".join(["AB"] * 32))


def test_of_an_offer_only_one_codec_each_and_plain_addresses_are_let_through():
    offer = read(OFFER)
    assert offer.payloads == {111: "audio", 96: "video"}
    lines = offer.sdp.split("\r\n")
    assert "m=video 9 UDP/TLS/RTP/SAVPF 96" in lines
    assert [line for line in lines if "candidate" in line] == [
        "a=candidate:1 1 udp 2122260223 192.0.2.5 5000 typ host"
    ]
    for gone in ("VP9", "rtx", "red/", "extmap", "transport-cc"):
        assert gone not in offer.sdp
    assert "a=rtcp-fb:96 nack pli" in lines
    assert read(OFFER.replace("\n", "\r\n")) == offer


@pytest.mark.parametrize(
    "bad",
    [
        "v=0" + "x" * LONGEST_SDP,
        OFFER.replace("v=0", "v=1"),
        OFFER.replace("VP8/90000", "H264/90000"),
        OFFER.replace("a=mid:1", "a=mid:0"),
        OFFER.replace("BUNDLE 0 1", "BUNDLE 0"),
        OFFER.replace("a=setup:actpass", "a=setup:passive"),
        OFFER.replace("a=rtcp-mux\n", ""),
        OFFER.replace("96", "111").replace("a=rtpmap:111 VP8", "a=rtpmap:111 VP8"),
        OFFER.replace("a=ice-ufrag:abcd", "a=ice-ufrag:abcd\na=ice-ufrag:other"),
        OFFER.replace("AB:AB", "AB"),
        OFFER + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n",
        OFFER + "é",
        OFFER + "a=x\n" * 2000,
        OFFER + "a=" + "x" * 5000,
    ],
)
def test_offers_that_nobody_makes_by_accident_are_refused(bad):
    with pytest.raises(BadOffer):
        read(bad)


def test_an_answer_keeps_one_fingerprint_and_says_how_much_is_wanted():
    answer = write_answer(
        "v=0\r\na=fingerprint:sha-256 AB\r\na=fingerprint:sha-512 CD\r\na=rtpmap:96 VP8/90000\r\n", 400, 1500
    )
    assert answer == (
        "v=0\r\na=fingerprint:sha-256 AB\r\na=rtpmap:96 VP8/90000\r\n"
        "a=fmtp:96 x-google-min-bitrate=400;x-google-start-bitrate=800;x-google-max-bitrate=1500\r\n"
    )


SECRET = b"s" * 32


def test_a_ticket_is_good_for_one_command_and_a_short_time():
    now = time.time()
    ticket = tickets.issue(SECRET, "/calls/1/open", b"body")
    tickets.check(SECRET, ticket, "/calls/1/open", b"body")
    for secret, shown, path, body, then in (
        (b"t" * 32, ticket, "/calls/1/open", b"body", now),
        (SECRET, ticket, "/calls/2/open", b"body", now),
        (SECRET, ticket, "/calls/1/open", b"other", now),
        (SECRET, ticket, "/calls/1/open", b"body", now + tickets.GOOD_FOR + 2),
        (SECRET, tickets.issue(SECRET, "/calls/1/open", b"body", now + 9999), "/calls/1/open", b"body", now),
        (SECRET, "", "/calls/1/open", b"body", now),
        (SECRET, "é.x", "/calls/1/open", b"body", now),
        (SECRET, "9" * 400 + ".x", "/calls/1/open", b"body", now),
    ):
        with pytest.raises(tickets.TicketRefused):
            tickets.check(secret, shown, path, body, then)


def test_a_plan_travels_sealed():
    plan = CallPlan(uuid4(), 3, b"k" * 32, ice_servers=({"urls": ["turn:a"], "username": "u"},))
    sealed = tickets.seal(SECRET, write_plan(plan))
    assert plan.key.hex().encode() not in sealed
    assert read_plan(tickets.unseal(SECRET, sealed), plan.call_id) == plan
    with pytest.raises(tickets.TicketRefused):
        tickets.unseal(b"t" * 32, sealed)
    with pytest.raises(tickets.TicketRefused):
        read_plan(write_plan(plan), uuid4())


def test_relays_get_passwords_that_coturn_would_reckon_the_same():
    stun, turn = ice_servers(["turn:a:3478", "stun:b:3478"], "north", lambda: 1000.0)
    assert stun == {"urls": ["stun:b:3478"]}
    # printf 1600:kaihu | openssl dgst -sha1 -hmac north -binary | base64
    assert turn == {
        "urls": ["turn:a:3478"],
        "username": "1600:kaihu",
        "credential": "t8+ab8yPguKuwGjdQ357LX9o+yk=",
    }
    assert ice_servers([], "") == ()
