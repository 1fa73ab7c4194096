"""A sealed file that can be read in the middle: what a browser asks for is opened, and nothing else.

The file is a header (magic, 16 bytes of id, length of a chunk, length of the whole) and its content in
chunks, each sealed with AES-256-GCM under a key of its own for this file. A chunk is bound to the file and
to its place; the first one also to the header, so that neither a chunk nor the end can be taken away unseen.

``Writer`` takes writes in order, and changes only within the first chunk: that is all a muxer does which puts
its index in front. So a recording of any length needs the memory of two chunks.
"""

import os
import struct
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.store import SealBroken

MAGIC = b"KAIHUPLAY1"
#: Plain bytes of a chunk.
CHUNK = 256 * 1024
_TAG = 16
_HEADER = struct.Struct(">10s16sIQ")


class NotInOrder(Exception):
    """Something was written that is sealed already, or leaves a hole."""


def _cipher(key: bytes, file_id: UUID) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, None, b"kaihu.playback." + file_id.bytes).derive(key))


def _place(file_id: UUID, index: int, header: bytes) -> tuple[bytes, bytes]:
    """Return a chunk's nonce and what it is bound to."""
    return index.to_bytes(12, "big"), file_id.bytes + index.to_bytes(8, "big") + (b"" if index else header)


class Writer:
    """Writes one sealed file; it has its name only once it is whole and on the disk.

    :param key: 32 bytes; the file's own key is derived from it and ``file_id``.
    :param file_id: fresh, since it makes the key and with it the nonces.
    """

    def __init__(self, path: Path, key: bytes, file_id: UUID, chunk: int = CHUNK) -> None:
        self._path, self._id, self._chunk = path, file_id, chunk
        self._part = path.with_name(f".{path.name}.part")
        self._cipher = _cipher(key, file_id)
        self._first = bytearray()
        self._last = bytearray()
        self._sealed = 1
        self._out = open(  # noqa: SIM115 - closed by `finish` or `__exit__`
            self._part, "xb", opener=lambda p, flags: os.open(p, flags, 0o600)
        )
        self._out.seek(_HEADER.size + chunk + _TAG)

    @property
    def size(self) -> int:
        """Plain bytes so far."""
        if len(self._first) < self._chunk:
            return len(self._first)
        return self._sealed * self._chunk + len(self._last)

    def write_at(self, offset: int, data: bytes) -> None:
        """Append, or change what lies in the first chunk.

        :raises NotInOrder: neither of them.
        """
        end = offset + len(data)
        if offset < self.size:
            if end > len(self._first):
                raise NotInOrder(f"{offset} lies before {self.size}")
            self._first[offset:end] = data
            return
        if offset > self.size:
            raise NotInOrder(f"{offset} lies behind {self.size}")
        room = self._chunk - len(self._first)
        self._first += data[:room]
        self._last += data[room:]
        while len(self._last) >= self._chunk:
            self._seal(bytes(self._last[: self._chunk]))
            del self._last[: self._chunk]

    def finish(self) -> None:
        """Seal the rest, and give the file its name."""
        size = self.size
        if self._last:
            self._seal(bytes(self._last))
        header = _HEADER.pack(MAGIC, self._id.bytes, self._chunk, size)
        nonce, bound = _place(self._id, 0, header)
        self._out.seek(0)
        self._out.write(header + self._cipher.encrypt(nonce, bytes(self._first), bound))
        self._out.flush()
        os.fsync(self._out.fileno())
        self._out.close()
        self._part.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _seal(self, plain: bytes) -> None:
        nonce, bound = _place(self._id, self._sealed, b"")
        self._out.write(self._cipher.encrypt(nonce, plain, bound))
        self._sealed += 1

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing behind of a file that was not finished."""
        self._out.close()
        self._part.unlink(missing_ok=True)


class Reader:
    """Reads a sealed file from any place.

    :raises SealBroken: it is not there, or not what was written.
    """

    def __init__(self, path: Path, key: bytes, file_id: UUID) -> None:
        self._path, self._id = path, file_id
        self._cipher = _cipher(key, file_id)
        try:
            with path.open("rb") as file:
                self._header = file.read(_HEADER.size)
                magic, named, self._chunk, self.size = _HEADER.unpack(self._header)
        except (OSError, struct.error) as broken:
            raise SealBroken("video.playback") from broken
        if magic != MAGIC or named != file_id.bytes or not 0 < self._chunk <= 1 << 24:
            raise SealBroken("video.playback")
        self._open(0)  # proves the header

    def read(self, start: int, length: int) -> bytes:
        """Return so many plain bytes from ``start``; fewer only at the end."""
        return b"".join(self.pieces(start, length))

    def pieces(self, start: int, length: int) -> Iterator[bytes]:
        """Yield the same, a chunk at a time."""
        end = min(start + length, self.size)
        while start < end:
            index, within = divmod(start, self._chunk)
            piece = self._open(index)[within : within + end - start]
            if not piece:
                raise SealBroken("video.playback")
            yield piece
            start += len(piece)

    def _open(self, index: int) -> bytes:
        left = min(self._chunk, self.size - index * self._chunk)
        try:
            with self._path.open("rb") as file:
                file.seek(_HEADER.size + index * (self._chunk + _TAG))
                sealed = file.read(left + _TAG)
            nonce, bound = _place(self._id, index, self._header)
            return self._cipher.decrypt(nonce, sealed, bound)
        except (OSError, InvalidTag, ValueError) as broken:
            raise SealBroken("video.playback") from broken


def digest(path: Path) -> str:
    """Return SHA-256 of a file as it lies on the disk, hex; empty when there is none."""
    total = sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                total.update(piece)
    except OSError:
        return ""
    return total.hexdigest()
