"""What the muxing child does: one stream of blocks in, one seekable WebM and some pictures out.

It holds no key and writes no file: what it makes goes back through its pipe, a piece at a time, each with its
place. Only libav looks into what a stranger's browser has sent, and only here.

In come a frame of JSON (see :class:`Wanted`), a frame with the first blocks as a WebM file, which tells libav
the codecs, then blocks; out go pieces, pictures, and an end. Nothing is pickled.
"""

import io
import json
import os
import struct
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import IO, Any

from handlers.bounded.child import Bounds, _bind, _end_with_parent

LENGTH = struct.Struct(">I")
#: Track (0: no more), is it a key frame, milliseconds, how long it lasts, bytes that follow.
BLOCK = struct.Struct(">BBIHI")
#: What it is, its offset or milliseconds, bytes that follow.
PIECE = struct.Struct(">BQI")
VIDEO, AUDIO = 1, 2
END, CONTENT, STILL = 0, 1, 2
#: Most frames decoded for one picture: half a minute without a key frame.
_MOST_FRAMES = 900
_WIDTH = 320
_MS = Fraction(1, 1000)


@dataclass(frozen=True)
class Wanted:
    """What the parent asks for.

    :param reserve: bytes kept free in front for the index.
    :param stills: where pictures are wanted, in milliseconds, in order.
    :param video: whether there are pictures at all.
    """

    reserve: int
    stills: list[int]
    video: bool


class _Out:
    """A file for libav that is only a pipe: every write goes out with its offset."""

    def __init__(self, outward: IO[bytes]) -> None:
        self._outward, self._at, self._end = outward, 0, 0

    def write(self, data: bytes) -> int:
        plain = bytes(data)
        self._outward.write(PIECE.pack(CONTENT, self._at, len(plain)) + plain)
        self._at += len(plain)
        self._end = max(self._end, self._at)
        return len(plain)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._end)[whence]
        return self._at

    def tell(self) -> int:
        return self._at


class _Stills:
    """Decodes a picture where one is wanted, from the key frame before it."""

    def __init__(self, wanted: list[int], codec: str) -> None:
        self._wanted, self._codec = list(wanted), codec
        self._frames: list[bytes] = []

    def see(self, ms: int, key: bool, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Take the next frame; yield what is due before it."""
        while self._wanted and self._wanted[0] < ms and self._frames:
            yield from self._picture(self._wanted.pop(0))
        if key:
            self._frames = []
        if key or self._frames:
            self._frames.append(data)

    def rest(self) -> Iterator[tuple[int, bytes]]:
        """Yield what is wanted at or behind the last frame."""
        while self._wanted and self._frames:
            yield from self._picture(self._wanted.pop(0))

    def _picture(self, ms: int) -> Iterator[tuple[int, bytes]]:
        import av

        decoder: Any = av.CodecContext.create(self._codec, "r")
        last = None
        try:
            for data in self._frames[:_MOST_FRAMES]:
                for frame in decoder.decode(av.Packet(data)):
                    last = frame
        except av.FFmpegError:
            pass  # the picture before the broken frame is better than none
        if last is not None:
            image = last.to_image()
            image.thumbnail((_WIDTH, _WIDTH))
            out = io.BytesIO()
            image.save(out, "JPEG", quality=80)
            yield ms, out.getvalue()


def mux(inward: IO[bytes], outward: IO[bytes]) -> None:
    """Read blocks and write the file; see the module."""
    import av

    wanted = Wanted(**json.loads(_framed(inward)))
    known = av.open(io.BytesIO(_framed(inward)))
    # bitexact: the same blocks make the same bytes, whoever makes them.
    options = {"reserve_index_space": str(wanted.reserve), "fflags": "+bitexact"}
    made: Any = av.open(_Out(outward), "w", format="webm", options=options, buffer_size=1 << 18)
    streams = {
        VIDEO if one.type == "video" else AUDIO: made.add_stream_from_template(one)
        for one in (*(known.streams.video if wanted.video else ()), *known.streams.audio)
    }
    codec = known.streams.video[0].codec_context.name if wanted.video else ""
    stills = _Stills(wanted.stills, codec)
    for track, key, ms, lasts, data in _blocks(inward):
        packet = av.Packet(data)
        packet.stream, packet.time_base = streams[track], _MS
        packet.pts = packet.dts = ms
        packet.duration, packet.is_keyframe = lasts, key
        made.mux(packet)
        if track == VIDEO:
            _send(outward, stills.see(ms, key, data))
    _send(outward, stills.rest())
    made.close()
    outward.write(PIECE.pack(END, 0, 0))
    outward.flush()


def _send(outward: IO[bytes], pictures: Iterator[tuple[int, bytes]]) -> None:
    for ms, jpeg in pictures:
        outward.write(PIECE.pack(STILL, ms, len(jpeg)) + jpeg)


def _framed(inward: IO[bytes]) -> bytes:
    (length,) = LENGTH.unpack(_exactly(inward, LENGTH.size))
    return _exactly(inward, length)


def _blocks(inward: IO[bytes]) -> Iterator[tuple[int, bool, int, int, bytes]]:
    while True:
        track, key, ms, lasts, length = BLOCK.unpack(_exactly(inward, BLOCK.size))
        if track == END:
            return
        yield track, bool(key), ms, lasts, _exactly(inward, length)


def _exactly(inward: IO[bytes], length: int) -> bytes:
    got = inward.read(length)
    if len(got) != length:
        raise EOFError("the parent went away")
    return got


def main() -> None:
    """Do one job and end."""
    bounds = Bounds(**json.loads(sys.argv[1]))
    # Whatever a library prints goes where errors go, not among the pieces.
    inward, outward = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    threading.Thread(target=_end_with_parent, args=(outward,), daemon=True).start()
    _bind(bounds)
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (bounds.cpu_seconds, bounds.cpu_seconds))
    with os.fdopen(inward, "rb") as blocks, os.fdopen(outward, "wb") as pieces:
        mux(blocks, pieces)
