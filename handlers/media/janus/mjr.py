"""What Janus writes while it records: one .mjr file a stream, each RTP packet with when it came.

A file is followed while it grows. ``MJR00002``, a length and JSON come first, then for each packet ``MEET``,
milliseconds since the first one, a length, and the packet. Janus writes through a buffer of 4 KB, so a file
may end within a packet at any time; after a crash of Janus the rest of that packet never comes.
"""

import struct
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import orjson

MAGIC = b"MJR00002"
_PACKET = struct.Struct(">4sIH")
_BEGINS = b"MEET"
#: Most that is read at a time, in bytes.
_PIECE = 1024 * 1024


class NotMjr(ValueError):
    """The file was not written by a Janus this module knows."""


class Packet(NamedTuple):
    """One packet."""

    #: Real time of its arrival, seconds since 1970, by Janus' clock.
    at: float
    data: bytes


class Follower:
    """Reads a file as far as it goes, as often as it is asked.

    :param path: may not be there yet.
    :param nameless: its name is taken away as soon as it is there; it is gone when nobody has it open.
    """

    def __init__(self, path: Path, *, nameless: bool = False) -> None:
        self.path, self._nameless = path, nameless
        self._file: FileIO | None = None
        self._left = b""
        self._began: float | None = None

    def packets(self) -> Iterator[Packet]:
        """Yield the packets that are whole and were not given yet.

        :raises NotMjr: the file is none, or broken in its middle.
        """
        while piece := self._read():
            self._left += piece
            yield from self._whole()

    @property
    def torn(self) -> int:
        """Bytes of a packet at the end that is not whole."""
        return len(self._left)

    def remove(self) -> None:
        """Delete the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self.path.unlink(missing_ok=True)

    def _read(self) -> bytes:
        if self._file is None:
            try:
                self._file = FileIO(self.path)
            except FileNotFoundError:
                return b""
            if self._nameless:
                self.path.unlink(missing_ok=True)
        return self._file.read(_PIECE) or b""

    def _whole(self) -> Iterator[Packet]:
        data, at = self._left, 0
        if self._began is None:
            at = self._header(data)
        while self._began is not None and at + _PACKET.size <= len(data):
            mark, ms, length = _PACKET.unpack_from(data, at)
            if mark != _BEGINS:
                raise NotMjr(f"{self.path.name}: no packet where one should begin")
            end = at + _PACKET.size + length
            if end > len(data):
                break
            yield Packet(self._began + ms / 1000, data[at + _PACKET.size : end])
            at = end
        self._left = data[at:]

    def _header(self, data: bytes) -> int:
        """Return where the packets begin; 0 while the header is not whole."""
        if not data.startswith(MAGIC[: len(data)]):
            raise NotMjr(f"{self.path.name}: not of this kind")
        start = len(MAGIC) + 2
        if len(data) < start:
            return 0
        end = start + int.from_bytes(data[len(MAGIC) : start], "big")
        if len(data) < end:
            return 0
        try:
            self._began = orjson.loads(data[start:end])["u"] / 1_000_000
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise NotMjr(f"{self.path.name}: the header cannot be read") from None
        return end
