"""Sealing: personal data is stored encrypted, and found again through blind indexes.

A key ring holds the long-lived keys. Columns of people are sealed with it directly; each case has a
key of its own, wrapped by the ring, so that forgetting one case is forgetting one key.
Every seal is AES-256-GCM bound to the place it belongs ("table.column:primary key"), so a value
moved to another row does not open.
"""

import hmac
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12
_KEY = 32
_PLAIN, _PACKED = b"\0", b"\1"
#: Bytes between which a text is packed: below it is not worth it, above it is a picture.
_WORTH_PACKING, _TOO_LONG_TO_PACK = 200, 100_000


class SealBroken(Exception):
    """A sealed value was changed, moved, or sealed with a key that is not on the ring."""


def _seal(key: bytes, plain: bytes, aad: str) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, aad.encode())


def _open(key: bytes, sealed: bytes, aad: str) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], aad.encode())
    except (InvalidTag, ValueError) as broken:
        raise SealBroken(aad.partition(":")[0]) from broken


def _pack(plain: bytes) -> bytes:
    """Make JSON smaller before it is sealed, since nothing can afterwards; pictures stay as they are."""
    if _WORTH_PACKING <= len(plain) <= _TOO_LONG_TO_PACK:
        packed = zlib.compress(plain, 1)
        if len(packed) < len(plain):
            return _PACKED + packed
    return _PLAIN + plain


def _unpack(stored: bytes) -> bytes:
    return zlib.decompress(stored[1:]) if stored[:1] == _PACKED else stored[1:]


@dataclass(frozen=True)
class CaseKey:
    """The key of one case; seals its state, drafts, answers, journal payloads and files."""

    case_id: str
    key: bytes

    def seal(self, plain: bytes, place: str) -> bytes:
        """Seal ``plain`` for ``place``, a table and column, within this case."""
        return _seal(self.key, _pack(plain), f"{place}:{self.case_id}")

    def open(self, sealed: bytes, place: str) -> bytes:
        """Open what :meth:`seal` made for the same place of the same case, or raise SealBroken."""
        return _unpack(_open(self.key, sealed, f"{place}:{self.case_id}"))


class Keyring:
    """Long-lived keys by number; the newest seals, all of them open.

    :param keys: 32-byte keys by number, 1 to 255.
    :param index_key: 32-byte key of the blind indexes; it is never rotated with the others,
        because an index made with an old key would no longer be found.
    """

    def __init__(self, keys: Mapping[int, bytes], index_key: bytes) -> None:
        if not keys or any(len(k) != _KEY for k in keys.values()) or len(index_key) != _KEY:
            raise ValueError("a key ring needs 32-byte keys")
        if not all(0 < number < 256 for number in keys):
            raise ValueError("keys are numbered 1 to 255")
        self._keys = dict(keys)
        self._index_key = index_key
        self.active = max(keys)

    @classmethod
    def generate(cls) -> "Keyring":
        """Make a ring with one fresh key."""
        return cls({1: secrets.token_bytes(_KEY)}, secrets.token_bytes(_KEY))

    def seal(self, plain: bytes, aad: str) -> bytes:
        """Seal ``plain`` for the place ``aad``; the first byte names the key."""
        return bytes([self.active]) + _seal(self._keys[self.active], plain, aad)

    def open(self, sealed: bytes, aad: str) -> bytes:
        """Open what :meth:`seal` made for the same place, or raise SealBroken."""
        key = self._keys.get(sealed[0]) if sealed else None
        if key is None:
            raise SealBroken(aad.partition(":")[0])
        return _open(key, sealed[1:], aad)

    def seal_text(self, plain: str, aad: str) -> bytes:
        """Seal a text; see :meth:`seal`."""
        return self.seal(plain.encode(), aad)

    def open_text(self, sealed: bytes, aad: str) -> str:
        """Open a sealed text; see :meth:`open`."""
        return self.open(sealed, aad).decode()

    def blind(self, value: str, purpose: str) -> bytes:
        """Return 32 bytes by which ``value`` is found again without telling it, within one purpose."""
        return hmac.new(self._derived(purpose), value.encode(), sha256).digest()

    def derive(self, purpose: str) -> bytes:
        """Return a 32-byte key for a purpose of its own, such as signing a cookie."""
        return self._derived("derive." + purpose)

    def new_case_key(self, case_id: str) -> tuple[CaseKey, bytes]:
        """Make a case's key; return it, and the wrapped form that is stored."""
        key = secrets.token_bytes(_KEY)
        return CaseKey(case_id, key), self.seal(key, f"case.key:{case_id}")

    def case_key(self, case_id: str, wrapped: bytes) -> CaseKey:
        """Unwrap the key of a case, or raise SealBroken."""
        return CaseKey(case_id, self.open(wrapped, f"case.key:{case_id}"))

    @lru_cache(maxsize=256)  # noqa: B019 - a process has one ring for its whole life
    def _derived(self, purpose: str) -> bytes:
        return HKDF(SHA256(), _KEY, None, b"kaihu." + purpose.encode()).derive(self._index_key)
