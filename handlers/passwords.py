"""Passwords of staff: how they are kept, and which are refused (OWASP ASVS 6.2).

Long and not among the obvious ones is the whole rule; nobody must put in a digit or a sign.
"""

from itertools import pairwise
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST, MOST = 12, 128

TOO_SHORT = f"密码至少{LEAST}个字符"
TOO_LONG = f"密码最多{MOST}个字符"
TOO_COMMON = "密码过于常见，请换一个更长、更独特的密码"

#: Each hash takes 64 MiB and four threads; more at once would starve the pages.
_AT_MOST = BoundedSemaphore(2)
_HASHER = PasswordHasher()

#: What makes up most leaked passwords of this length; repeated or joined they are refused too.
_OBVIOUS = (
    "password", "passw0rd", "p@ssw0rd", "p@ssword", "qwertyuiop", "qwerty", "asdfghjkl", "zxcvbnm",
    "1q2w3e4r", "1qaz2wsx", "iloveyou", "welcome", "letmein", "administrator", "admin", "changeme",
    "secret", "sunshine", "princess", "football", "baseball", "superman", "batman", "dragon",
    "monkey", "master", "shadow", "michael", "woaini", "5201314", "aini1314", "kaihu", "futures",
    "qihuo", "company", "abc123", "a123456", "abcdefghijkl", "1234567890", "0987654321", "123456",
    "654321", "112233", "123123", "520520", "888888", "666666", "147258369",
)  # fmt: skip


def complaint(password: str, *own: str) -> str | None:
    """Return why a password is refused, or None.

    :param own: words of the person that say too much, such as the login.
    """
    if len(password) < LEAST:
        return TOO_SHORT
    if len(password) > MOST:
        return TOO_LONG
    rest = password.casefold()
    for word in sorted((*_OBVIOUS, *(o.casefold() for o in own if len(o) >= 3)), key=len, reverse=True):
        rest = rest.replace(word, "")
    if len(rest) < LEAST // 2 or len(set(password)) < 5 or _is_run(password):
        return TOO_COMMON
    return None


def hash_password(password: str) -> str:
    """Return what is stored of a password: argon2id with a salt of its own."""
    with _AT_MOST:
        return _HASHER.hash(password)


def matches(stored: str, password: str) -> bool:
    """Tell whether ``password`` is the one stored."""
    with _AT_MOST:
        try:
            return _HASHER.verify(stored, password[: MOST + 1])
        except (VerificationError, InvalidHashError):
            return False


def outdated(stored: str) -> bool:
    """Tell whether a hash was made with weaker settings than today's."""
    return _HASHER.check_needs_rehash(stored)


def _is_run(password: str) -> bool:
    steps = {ord(b) - ord(a) for a, b in pairwise(password)}
    return len(steps) == 1
