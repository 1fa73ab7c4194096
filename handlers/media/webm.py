"""WebM of one side: VP8 and Opus, written as they come, playable up to wherever the writing stopped.

Segment and clusters have no known size, nothing is ever written twice: each frame is one string of bytes,
and any number of them in their order is a file that plays. The finalizer makes a seekable file of it; this
module knows no files, no calls and no encryption.

``Muxer``   frames to bytes
``blocks``  bytes back to frames
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Track = Literal["video", "audio"]
_NUMBERS: dict[Track, int] = {"video": 1, "audio": 2}
_TRACKS: dict[int, Track] = {number: track for track, number in _NUMBERS.items()}

_EBML, _SEGMENT, _INFO, _TRACKS_ID, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_TIMECODE, _SIMPLE_BLOCK, _KEY_FLAG = 0xE7, 0xA3, 0x80
_UNKNOWN = b"\x01\xff\xff\xff\xff\xff\xff\xff"
#: A cluster is at most this long, in milliseconds; a key frame begins one after a quarter of it.
CLUSTER_MS = 2000
#: Relative times in a cluster are 16 bits with a sign.
_FURTHEST = 30_000


class NotWebm(ValueError):
    """These bytes were not written by a Muxer."""


@dataclass(frozen=True)
class Block:
    """One frame."""

    track: Track
    #: Milliseconds since the segment began.
    ms: int
    key: bool
    data: bytes


def key_frame_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height that a VP8 key frame says, in pixels (RFC 6386 9.1); None for another frame."""
    if len(data) < 10 or data[0] & 1 or data[3:6] != b"\x9d\x01\x2a":
        return None
    width, height = struct.unpack_from("<HH", data, 6)
    return width & 0x3FFF, height & 0x3FFF


class Muxer:
    """Makes WebM out of frames.

    :param width: of the picture, in pixels; players take the true one from the frames.
    """

    def __init__(self, width: int = 640, height: int = 480) -> None:
        self._cluster: int | None = None
        self.header = _header(width, height)

    def block(self, track: Track, ms: int, key: bool, data: bytes) -> bytes:
        """Return the bytes of one frame, with a new cluster before it where one is due."""
        out = b""
        begun = self._cluster
        if (
            begun is None
            or ms - begun > CLUSTER_MS
            or ms < begun - _FURTHEST
            or (key and track == "video" and ms - begun > CLUSTER_MS // 4)
        ):
            self._cluster = begun = max(ms, 0)
            out = _id(_CLUSTER) + _UNKNOWN + _number(_TIMECODE, begun)
        flags = _KEY_FLAG if key else 0
        head = bytes([0x80 | _NUMBERS[track]]) + struct.pack(">hB", ms - begun, flags)
        return out + bytes([_SIMPLE_BLOCK]) + _size(len(head) + len(data)) + head + data


def blocks(pieces: Iterable[bytes]) -> Iterator[Block]:
    """Yield the frames of what a Muxer wrote.

    :param pieces: its strings in their order, as they came from it: the header first, then one a frame.
    :raises NotWebm: where it is something else.
    """
    cluster = None
    for number, piece in enumerate(pieces):
        if number == 0:
            if not piece.startswith(_id(_EBML)):
                raise NotWebm("no header")
            continue
        at = 0
        if piece.startswith(_id(_CLUSTER) + _UNKNOWN):
            at = 4 + len(_UNKNOWN)
            if piece[at : at + 1] != bytes([_TIMECODE]):
                raise NotWebm(f"piece {number}: a cluster without a time")
            size, at = _read_size(piece, at + 1)
            cluster, at = int.from_bytes(piece[at : at + size], "big"), at + size
        if cluster is None or piece[at : at + 1] != bytes([_SIMPLE_BLOCK]):
            raise NotWebm(f"piece {number}: no block")
        size, at = _read_size(piece, at + 1)
        if at + size != len(piece) or size < 4 or (piece[at] & 0x7F) not in _TRACKS:
            raise NotWebm(f"piece {number}: not one whole block")
        relative, flags = struct.unpack_from(">hB", piece, at + 1)
        yield Block(_TRACKS[piece[at] & 0x7F], cluster + relative, bool(flags & _KEY_FLAG), piece[at + 4 :])


def _header(width: int, height: int) -> bytes:
    ebml = _element(
        _EBML,
        _number(0x4286, 1)  # versions of EBML
        + _number(0x42F7, 1)
        + _number(0x42F2, 4)  # longest id and size
        + _number(0x42F3, 8)
        + _element(0x4282, b"webm")
        + _number(0x4287, 4)
        + _number(0x4285, 2),
    )
    info = _element(
        _INFO, _number(0x2AD7B1, 1_000_000) + _element(0x4D80, b"kaihu") + _element(0x5741, b"kaihu")
    )
    video = _track("video", b"V_VP8", _element(0xE0, _number(0xB0, width) + _number(0xBA, height)))
    opus = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 312, 48000, 0, 0)
    audio = _track(
        "audio",
        b"A_OPUS",
        _number(0x56BB, 80_000_000)  # SeekPreRoll, in nanoseconds, as the mapping of Opus asks
        + _element(0x63A2, opus)
        + _element(0xE1, _element(0xB5, struct.pack(">d", 48000.0)) + _number(0x9F, 2)),
    )
    return ebml + _id(_SEGMENT) + _UNKNOWN + info + _element(_TRACKS_ID, video + audio)


def _track(track: Track, codec: bytes, more: bytes) -> bytes:
    number = _NUMBERS[track]
    kind = _number(0x83, 1 if track == "video" else 2)
    return _element(
        0xAE, _number(0xD7, number) + _number(0x73C5, number) + kind + _element(0x86, codec) + more
    )


def _id(element: int) -> bytes:
    return element.to_bytes((element.bit_length() + 7) // 8, "big")


def _size(length: int) -> bytes:
    width = next(width for width in range(1, 9) if length < (1 << (7 * width)) - 1)
    return ((1 << (7 * width)) | length).to_bytes(width, "big")


def _read_size(data: bytes, at: int) -> tuple[int, int]:
    """Return a size and where it ends."""
    if at >= len(data) or not data[at]:
        raise NotWebm("no size")
    width = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + width], "big") & ((1 << (7 * width)) - 1)
    return value, at + width


def _element(element: int, data: bytes) -> bytes:
    return _id(element) + _size(len(data)) + data


def _number(element: int, value: int) -> bytes:
    return _element(element, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))
