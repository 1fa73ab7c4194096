"""Passwords judged without being seen: the oblivious function of RFC 9497, OPRF(P-256, SHA-256).

A browser hides its input in a point; we multiply the point by a secret number; the browser takes the hiding
off. It learns one value of a keyed function, we learn nothing, and without us nobody can try a password.
Points travel compressed, 33 bytes.
"""

import secrets
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

#: The curve P-256 (SEC 2): prime of the field, y² = x³ - 3x + B, order of the group.
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
#: Bytes of a point and of a scalar.
POINT, SCALAR = 33, 32

_CURVE = ec.SECP256R1()
_CONTEXT = b"OPRFV1-\x00-P256-SHA256"


class PointRefused(ValueError):
    """What came is not a point of the curve as our page sends it."""


def new_scalar() -> bytes:
    """Make a secret number: 2 to N-2, so that neither a point nor its opposite stays where it was."""
    return (secrets.randbelow(N - 3) + 2).to_bytes(SCALAR, "big")


def evaluate(scalar: bytes, blinded: bytes) -> bytes:
    """Multiply a point by a secret number (BlindEvaluate, §3.3.1).

    OpenSSL multiplies, in constant time, but tells only the x of a product. Which of the two points with this
    x it is, a second product by the next number decides.

    :param blinded: anything, since anybody may send it.
    :raises PointRefused: not 33 bytes, or not on the curve; infinity has no such form.
    """
    if len(blinded) != POINT or blinded[0] not in (2, 3):
        raise PointRefused("not a compressed point")
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, blinded)
    except ValueError as off:
        raise PointRefused("not on the curve") from off
    secret = int.from_bytes(scalar, "big")
    x = ec.derive_private_key(secret, _CURVE).exchange(ec.ECDH(), point)
    next_x = ec.derive_private_key(secret + 1, _CURVE).exchange(ec.ECDH(), point)
    even = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, b"\2" + x).public_numbers()
    given = point.public_numbers()
    is_even = _add((even.x, even.y), (given.x, given.y))[0] == int.from_bytes(next_x, "big")
    return (b"\2" if is_even else b"\3") + x


def output(scalar: bytes, given: bytes) -> bytes:
    """Return the function's value of an input that we know ourselves (Evaluate, §3.3.1).

    Not in constant time: for secrets of ours only where nobody can watch how long one takes.
    """
    return finish(given, evaluate(scalar, hash_to_point(given)))


def finish(given: bytes, unblinded: bytes) -> bytes:
    """Return the function's value from the input and its product (the end of Finalize)."""
    parts = (len(given).to_bytes(2, "big"), given, len(unblinded).to_bytes(2, "big"), unblinded)
    return sha256(b"".join((*parts, b"Finalize"))).digest()


def hash_to_point(given: bytes) -> bytes:
    """Return the point that belongs to an input: P256_XMD:SHA-256_SSWU_RO_ of RFC 9380 §8.2."""
    uniform = _expand(given, b"HashToGroup-" + _CONTEXT, 96)
    first, second = (_map(int.from_bytes(uniform[at : at + 48], "big") % P) for at in (0, 48))
    # Equal or opposite halves would need a hash of one chosen value in 2^256.
    x, y = _add(first, second)
    numbers = ec.EllipticCurvePublicNumbers(x, y, _CURVE)
    return numbers.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def _expand(message: bytes, tag: bytes, length: int) -> bytes:
    """expand_message_xmd with SHA-256 (RFC 9380 §5.3.1)."""
    tag += bytes([len(tag)])
    first = sha256(bytes(64) + message + length.to_bytes(2, "big") + b"\0" + tag).digest()
    block = bytes(32)
    blocks = []
    for number in range(1, -(-length // 32) + 1):
        mixed = bytes(a ^ b for a, b in zip(first, block, strict=True))
        block = sha256(mixed + bytes([number]) + tag).digest()
        blocks.append(block)
    return b"".join(blocks)[:length]


def _map(u: int) -> tuple[int, int]:
    """Simplified SWU with Z = -10 (RFC 9380 §6.6.2)."""
    z, a = -10, -3
    tv = (z * z * pow(u, 4, P) + z * u * u) % P
    over = pow(a, -1, P)
    x = -B * over * (1 + pow(tv, -1, P)) % P if tv else B * pow(z * a, -1, P) % P
    y = _root(x)
    if y is None:
        x = z * u * u * x % P
        y = _root(x)
    assert y is not None, "one of the two candidates is always on the curve"  # noqa: S101
    return x, y if y % 2 == u % 2 else P - y


def _root(x: int) -> int | None:
    square = (x * x * x - 3 * x + B) % P
    root = pow(square, (P + 1) // 4, P)
    return root if root * root % P == square else None


def _add(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """Add two points of different x."""
    slope = (one[1] - other[1]) * pow(one[0] - other[0], -1, P) % P
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P
