"""What stands in packets: RTP (RFC 3550), its feedback (RFC 4585, REMB) and VP8's payloads (RFC 7741).

Only what a node needs is read; anything odd is None or left out, because it comes from strangers.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

_FIXED = struct.Struct(">BBHII")
_SENDER_REPORT, _RECEIVER_REPORT, _DESCRIPTION, _RTP_FEEDBACK, _PAYLOAD_FEEDBACK = 200, 201, 202, 205, 206
_NACK, _PLI, _FIR, _APPLICATION = 1, 1, 4, 15
#: Seconds between the eras of NTP and Unix.
NTP_ERA = 2_208_988_800


class Rtp(NamedTuple):
    """One RTP packet, without its extensions."""

    payload_type: int
    marker: bool
    seq: int
    timestamp: int
    ssrc: int
    payload: bytes


def read_rtp(data: bytes) -> Rtp | None:
    """Read an RTP packet; None for what is none."""
    if len(data) < 12:
        return None
    first, second, seq, timestamp, ssrc = _FIXED.unpack_from(data)
    at, end = 12 + 4 * (first & 0x0F), len(data)
    if first & 0x10:
        if end < at + 4:
            return None
        at += 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
    if first & 0x20:
        end -= data[-1]
    if at > end:
        return None
    return Rtp(second & 0x7F, second > 0x7F, seq, timestamp, ssrc, data[at:end])


def write_rtp(packet: Rtp, payload_type: int, seq: int, timestamp: int, ssrc: int) -> bytes:
    """Return the bytes of a packet under other numbers."""
    second = payload_type | (0x80 if packet.marker else 0)
    return _FIXED.pack(0x80, second, seq, timestamp, ssrc) + packet.payload


class Vp8(NamedTuple):
    """One packet's part of a VP8 frame."""

    #: Whether a frame begins here.
    begins: bool
    data: bytes


def read_vp8(payload: bytes) -> Vp8 | None:
    """Take the descriptor off a payload; None where it is cut off."""
    if not payload:
        return None
    first, at = payload[0], 1
    if first & 0x80:
        if len(payload) < 2:
            return None
        extended, at = payload[1], 2
        if extended & 0x80:
            if len(payload) <= at:
                return None
            at += 2 if payload[at] & 0x80 else 1
        at += bool(extended & 0x40) + bool(extended & 0x30)
    return Vp8(first & 0x17 == 0x10, payload[at:]) if len(payload) >= at else None


class Report(NamedTuple):
    """How a stream arrives."""

    ssrc: int
    #: Share lost since the last report, of 256.
    fraction: int
    lost: int
    highest: int
    jitter: int
    #: Middle of the NTP time of the last sender report, and how long ago it came in 1/65536 s.
    last_report: int = 0
    since: int = 0


class SenderReport(NamedTuple):
    """When a stream's timestamps were, by its sender's clock."""

    ssrc: int
    #: 32.32 bits, seconds since 1900.
    ntp: int
    rtp: int
    packets: int
    octets: int


@dataclass
class Feedback:
    """What one RTCP datagram says."""

    sender_reports: list[SenderReport] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    #: Sequence numbers asked for again, by SSRC.
    missing: list[tuple[int, list[int]]] = field(default_factory=list)
    #: SSRCs of which a key frame is asked.
    key_frames: list[int] = field(default_factory=list)
    #: Bits a second that the other side can take, if it said so.
    can_take: int | None = None


def read_rtcp(data: bytes) -> Feedback:
    """Read what a node needs of an RTCP datagram; what is malformed ends it."""
    said, at = Feedback(), 0
    while at + 8 <= len(data):
        first, kind, words = struct.unpack_from(">BBH", data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data) or end < at + 8:
            break
        body, count = data[at + 4 : end], first & 0x1F
        if kind == _SENDER_REPORT and len(body) >= 24:
            said.sender_reports.append(SenderReport(*struct.unpack_from(">IQIII", body)))
            said.reports += _reports(body[24:], count)
        elif kind == _RECEIVER_REPORT:
            said.reports += _reports(body[4:], count)
        elif kind == _RTP_FEEDBACK and count == _NACK and len(body) >= 8:
            said.missing.append((int.from_bytes(body[4:8], "big"), list(_asked(body[8:]))))
        elif kind == _PAYLOAD_FEEDBACK and len(body) >= 8:
            _read_payload_feedback(said, count, body)
        at = end
    return said


def _read_payload_feedback(said: Feedback, kind: int, body: bytes) -> None:
    if kind == _PLI:
        said.key_frames.append(int.from_bytes(body[4:8], "big"))
    elif kind == _FIR and len(body) >= 16:
        said.key_frames.append(int.from_bytes(body[8:12], "big"))
    elif kind == _APPLICATION and len(body) >= 16 and body[8:12] == b"REMB":
        rate = int.from_bytes(body[13:16], "big")
        said.can_take = (rate & 0x3FFFF) << (rate >> 18)


def _reports(data: bytes, count: int) -> Iterator[Report]:
    for number in range(min(count, len(data) // 24)):
        ssrc, lost, highest, jitter, last, since = struct.unpack_from(">IIIIII", data, 24 * number)
        yield Report(ssrc, lost >> 24, lost & 0xFFFFFF, highest, jitter, last, since)


def _asked(data: bytes) -> Iterator[int]:
    for number in range(len(data) // 4):
        seq, more = struct.unpack_from(">HH", data, 4 * number)
        yield seq
        for bit in range(16):
            if more >> bit & 1:
                yield (seq + bit + 1) & 0xFFFF


def receiver_report(own: int, reports: Sequence[Report]) -> bytes:
    """Write how streams arrive."""
    body = b"".join(
        struct.pack(
            ">IIIIII",
            r.ssrc,
            r.fraction << 24 | (max(0, r.lost) & 0x7FFFFF),
            r.highest & 0xFFFFFFFF,
            r.jitter & 0xFFFFFFFF,
            r.last_report,
            r.since,
        )
        for r in reports
    )
    return _packet(len(reports), _RECEIVER_REPORT, struct.pack(">I", own) + body)


def sender_report(report: SenderReport, name: bytes) -> bytes:
    """Write when a stream's timestamps were, with the canonical name of who sends."""
    described = struct.pack(">IBB", report.ssrc, 1, len(name)) + name + b"\0"
    described += b"\0" * (-len(described) % 4)
    return _packet(0, _SENDER_REPORT, struct.pack(">IQIII", *report)) + _packet(1, _DESCRIPTION, described)


def nack(own: int, ssrc: int, missing: Sequence[int]) -> bytes:
    """Ask for packets again."""
    pairs: list[tuple[int, int]] = []
    for seq in missing:
        if pairs and 0 < (seq - pairs[-1][0]) & 0xFFFF <= 16:
            base, more = pairs[-1]
            pairs[-1] = (base, more | 1 << (((seq - base) & 0xFFFF) - 1))
        else:
            pairs.append((seq, 0))
    body = b"".join(struct.pack(">HH", *pair) for pair in pairs)
    return _packet(_NACK, _RTP_FEEDBACK, struct.pack(">II", own, ssrc) + body)


def key_frame_please(own: int, ssrc: int) -> bytes:
    """Ask for a key frame (PLI)."""
    return _packet(_PLI, _PAYLOAD_FEEDBACK, struct.pack(">II", own, ssrc))


def at_most(own: int, ssrc: int, bits: int) -> bytes:
    """Say how many bits a second a stream may have (REMB)."""
    exponent = max(0, bits.bit_length() - 18)
    rate = (exponent << 18 | bits >> exponent).to_bytes(3, "big")
    return _packet(
        _APPLICATION,
        _PAYLOAD_FEEDBACK,
        struct.pack(">II", own, 0) + b"REMB\x01" + rate + struct.pack(">I", ssrc),
    )


def _packet(count: int, kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0x80 | count, kind, len(body) // 4) + body
