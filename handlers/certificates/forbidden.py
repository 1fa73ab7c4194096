"""Certificate passwords that a thief would try first: the customer's own dates and numbers (A-16).

The password never leaves the browser, and the ID number never enters the page. So neither side shows what it
has: the browser hides its password in a point, we return the point times a number made for this once, and
the values of the same keyed function for what is forbidden. The browser compares. Salted hashes in the page
would do the same, but whoever reads the page could search a million endings of the ID number offline; here
each guess needs the number, which is forgotten before the answer is sent.
"""

from collections.abc import Collection
from dataclasses import dataclass

from handlers.certificates import oprf


@dataclass(frozen=True)
class Judging:
    """What a browser needs to see whether its password is a forbidden one."""

    #: The point it sent, evaluated.
    point: bytes
    #: Values of the function for the forbidden ones, in no order that tells anything.
    tags: tuple[bytes, ...]


def judge(blinded: bytes, id_number: str, phones: Collection[str] = ()) -> Judging:
    """Help the browser to judge one password.

    :param blinded: one password, hidden; see ``oprf``.
    :param phones: the customer's numbers, old and new.
    :raises oprf.PointRefused: it is no point.
    """
    scalar = oprf.new_scalar()
    point = oprf.evaluate(scalar, blinded)
    forbidden = {*personal(id_number), *(end for phone in phones for end in (phone, phone[-6:], phone[-8:]))}
    return Judging(point, tuple(sorted(oprf.output(scalar, one.encode()) for one in forbidden if one)))


def personal(id_number: str) -> tuple[str, ...]:
    """Return what is forbidden to one person: the ID number's endings and the birthday in it."""
    number = id_number.upper()
    year, month, day = number[6:10], number[10:12], number[12:14]
    written = (
        year + month + day,
        year[2:] + month + day,
        day + month + year,
        day + month + year[2:],
        month + day + year[2:],
    )
    endings = (number[-6:], number[-8:], number)
    return tuple(dict.fromkeys((*endings, *(written if len(number) == 18 else ()))))
