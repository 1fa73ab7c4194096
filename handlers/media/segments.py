"""Sealed segments: append-only files of encrypted records, chained by hashes.

A segment is ``MAGIC``, its id, and records ``u32 length | AES-256-GCM``, the length in big-endian order and
of what follows it. Its key is derived from the call's key and its own id, the nonce counts, and the id with
the count is authenticated: a record cannot be moved, dropped or repeated. Each record is written by one
system call, so what a killed writer leaves is whole records and at most one torn one.

``head_0`` is SHA-256 of the header, ``head_n`` SHA-256 of ``head_(n-1)`` and the record as it lies in the
file: the chain is looked at without any key, and a head says all that lies before it.

Knows no calls, no database and no WebM.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"KAIHUREC1"
_LENGTH = struct.Struct(">I")
_TAG = 16
_HEADER = len(MAGIC) + 16
#: Longest plain record, in bytes; a length above is none of ours.
LONGEST = 8 * 1024 * 1024


class SegmentBroken(Exception):
    """A segment is not as it was written; the text says where."""


@dataclass(frozen=True)
class Mark:
    """How far a segment goes: all whole records up to a moment."""

    records: int
    #: Bytes of the file, header included.
    size: int
    #: SHA-256 of the chain.
    head: bytes


def beginning(segment_id: UUID) -> Mark:
    """Return the mark of a segment without any record."""
    return Mark(0, _HEADER, sha256(MAGIC + segment_id.bytes).digest())


class Writer:
    """Writes a new segment; the file must not be there yet.

    :param key: the call's 32-byte key.
    """

    def __init__(self, path: Path, key: bytes, segment_id: UUID) -> None:
        self._cipher, self._id = _Cipher(key, segment_id), segment_id
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self.mark = beginning(segment_id)
        self._write(MAGIC + segment_id.bytes, 0)

    def add(self, plain: bytes) -> None:
        """Append one record, with one system call.

        :raises OSError: the disk takes no more; the file is as it was before.
        """
        if len(plain) > LONGEST:
            raise ValueError("a record is too long")
        mark = self.mark
        sealed = self._cipher.seal(mark.records, plain)
        record = _LENGTH.pack(len(sealed)) + sealed
        self._write(record, mark.size)
        self.mark = Mark(mark.records + 1, mark.size + len(record), sha256(mark.head + record).digest())

    def sync(self) -> Mark:
        """Bring to the disk what was written; return the mark that is safe now. May run in a thread."""
        mark = self.mark
        os.fdatasync(self._fd)
        return mark

    def close(self) -> Mark:
        """Sync and close; return the last mark. A second call changes nothing."""
        if self._fd >= 0:
            os.fdatasync(self._fd)
            os.close(self._fd)
            self._fd = -1
        return self.mark

    def _write(self, data: bytes, before: int) -> None:
        if os.write(self._fd, data) != len(data):
            os.ftruncate(self._fd, before)  # half a record is worse than none
            raise OSError(f"segment {self._id}: the disk took only a part of a record")


class Reader:
    """Reads a segment, plain record by record.

    After the last record ``mark`` says how far the segment goes, and ``torn`` how many bytes lie behind.

    :param key: the call's key; None: the chain is followed, and records are given as they lie there.
    :raises SegmentBroken: where a record was changed, or the header is not this segment's.
    """

    def __init__(self, path: Path, key: bytes | None, segment_id: UUID) -> None:
        self._path = path
        self._cipher = None if key is None else _Cipher(key, segment_id)
        self._id = segment_id
        self.mark = beginning(segment_id)
        self.torn = 0

    def __iter__(self) -> Iterator[bytes]:
        """Yield each whole record."""
        self.mark, self.torn = beginning(self._id), 0
        with self._path.open("rb") as file:
            header = MAGIC + self._id.bytes
            begun = file.read(_HEADER)
            if begun != header[: len(begun)]:
                raise SegmentBroken(f"{self._path.name}: the header is not of segment {self._id}")
            while len(begun) == _HEADER:
                length = file.read(_LENGTH.size)
                if not length:
                    return
                if len(length) < _LENGTH.size:
                    break
                wanted = _LENGTH.unpack(length)[0]
                if not _TAG <= wanted <= LONGEST + _TAG:
                    raise SegmentBroken(f"{self._path.name}: record {self.mark.records} has no length")
                sealed = file.read(wanted)
                if len(sealed) < wanted:
                    break
                mark = self.mark
                plain = sealed if self._cipher is None else self._open(mark.records, sealed)
                head = sha256(mark.head + length + sealed).digest()
                self.mark = Mark(mark.records + 1, mark.size + _LENGTH.size + wanted, head)
                yield plain
            file.seek(0, os.SEEK_END)
            self.torn = max(0, file.tell() - self.mark.size)

    def _open(self, number: int, sealed: bytes) -> bytes:
        assert self._cipher is not None  # noqa: S101
        try:
            return self._cipher.open(number, sealed)
        except InvalidTag:
            raise SegmentBroken(f"{self._path.name}: record {number} was changed") from None


def verify(path: Path, segment_id: UUID, expected: Mark, key: bytes | None = None) -> Mark:
    """Follow the chain of a segment to its end; return how far it goes.

    :param expected: what was noted elsewhere about its beginning, such as the last head in the database or
        the seal; the segment may go further.
    :param key: the call's key, to look into each record as well.
    :raises SegmentBroken: something was changed, or less is there than was noted.
    """
    reader = Reader(path, key, segment_id)
    seen = reader.mark == expected
    for _ in reader:
        seen = seen or reader.mark == expected
    if not seen:
        raise SegmentBroken(
            f"{path.name}: the chain does not pass through record {expected.records} as it was noted"
        )
    return reader.mark


def whole(path: Path, segment_id: UUID, sealed: Mark, key: bytes | None = None) -> None:
    """Look whether a sealed segment is all that was sealed, and nothing else.

    :raises SegmentBroken: something was changed, is missing, or was added.
    """
    if verify(path, segment_id, sealed, key) != sealed or path.stat().st_size != sealed.size:
        raise SegmentBroken(f"{path.name}: more lies there than was sealed")


def statement(
    segment_id: UUID,
    call_id: UUID,
    role: str,
    number: int,
    records: int,
    size: int,
    media_ms: int,
    head: bytes,
    sealed_at: datetime,
) -> bytes:
    """Return what a seal says about a segment: the bytes that are signed.

    :param size: bytes of the file under ``head``.
    :param sealed_at: real time.
    """
    said = {
        "kind": "kaihu.segment.1",
        "segment": str(segment_id),
        "call": str(call_id),
        "role": role,
        "number": number,
        "records": records,
        "size": size,
        "media_ms": media_ms,
        "head": head.hex(),
        "sealed_at": sealed_at.astimezone(UTC).isoformat(),
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


class Sealer:
    """Signs statements about segments.

    :param seed: 32 bytes; every process of one installation has the same (``keyring.derive("video.seal")``).
    """

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    def sign(self, said: bytes) -> bytes:
        """Return the Ed25519 signature over a statement, 64 bytes."""
        return self._key.sign(said)

    def check(self, said: bytes, signature: bytes) -> None:
        """Look whether a statement was sealed here.

        :raises SegmentBroken: it was not.
        """
        try:
            self.public.verify(signature, said)
        except InvalidSignature:
            raise SegmentBroken("the seal is not of this statement") from None

    @property
    def public(self) -> Ed25519PublicKey:
        """The key by which others check."""
        return self._key.public_key()


class _Cipher:
    def __init__(self, key: bytes, segment_id: UUID) -> None:
        self._id = segment_id.bytes
        self._gcm = AESGCM(HKDF(SHA256(), 32, None, b"kaihu.segment" + self._id).derive(key))

    def seal(self, number: int, plain: bytes) -> bytes:
        count = number.to_bytes(12, "big")
        return self._gcm.encrypt(count, plain, self._id + count)

    def open(self, number: int, sealed: bytes) -> bytes:
        count = number.to_bytes(12, "big")
        return self._gcm.decrypt(count, sealed, self._id + count)
