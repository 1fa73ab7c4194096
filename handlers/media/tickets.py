"""Tickets: who may command a media node, and what is said to it in secret.

A ticket is of one command, its address and its body, and good for seconds; both ends derive the key from the
installation's key ring. The plan of a call, which has the key of its recordings, travels sealed.
"""

import hmac
import secrets
import time
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: Seconds for which a ticket is good; clocks of two machines may differ by as much.
GOOD_FOR = 15
HEADER = "x-kaihu-ticket"


class TicketRefused(Exception):
    """The command has no ticket, an old one, or one for something else."""


def issue(secret: bytes, path: str, body: bytes, now: float | None = None) -> str:
    """Return the ticket for one command."""
    until = int((time.time() if now is None else now) + GOOD_FOR)
    return f"{until}.{_sign(secret, path, body, until)}"


def check(secret: bytes, ticket: str, path: str, body: bytes, now: float | None = None) -> None:
    """Look whether a command may be followed.

    :raises TicketRefused: it may not.
    """
    said, _, signature = ticket.partition(".")
    if not said.isdecimal() or len(said) > 12:
        raise TicketRefused("no ticket")
    right = hmac.compare_digest(signature.encode(), _sign(secret, path, body, int(said)).encode())
    ahead = int(said) - (time.time() if now is None else now)
    if not right or not 0 <= ahead <= 2 * GOOD_FOR:
        raise TicketRefused("the ticket is old or of something else")


def _sign(secret: bytes, path: str, body: bytes, until: int) -> str:
    said = b"\n".join((b"kaihu.media", path.encode(), str(until).encode(), sha256(body).digest()))
    return hmac.new(secret, said, sha256).hexdigest()


def seal(secret: bytes, plain: bytes) -> bytes:
    """Seal what only the other end may read."""
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(_sealing(secret)).encrypt(nonce, plain, b"plan")


def unseal(secret: bytes, sealed: bytes) -> bytes:
    """Open what :func:`seal` made.

    :raises TicketRefused: it was made with another secret, or changed.
    """
    try:
        return AESGCM(_sealing(secret)).decrypt(sealed[:12], sealed[12:], b"plan")
    except (InvalidTag, ValueError):
        raise TicketRefused("the plan does not open") from None


def _sealing(secret: bytes) -> bytes:
    return hmac.new(secret, b"kaihu.media.plan", sha256).digest()
