"""``verify``: the whole verdict on one file."""

import logging
from datetime import UTC, datetime

from handlers.verifier import check, opinion
from handlers.verifier.check import Examined
from handlers.verifier.verdict import Finding, Trust, Verdict
from handlers.verifier.words import Refused

log = logging.getLogger("verifier")


def verify(pdf: bytes, trust: Trust, now: datetime | None = None) -> Verdict:
    """Return what is to be thought of a file; never raises, whatever it holds.

    Files of strangers belong in a bounded child: see ``children``.

    :param now: real time; another than the present only for looking ahead.
    """
    now = now or datetime.now(UTC)
    examined = Examined()
    try:
        check.examine(pdf, trust, now, examined)
        opinion.check(pdf, trust, now, examined.level, examined.signatures[0].proven)
    except Refused as refused:
        log.info("a file was refused: %s", refused.code)
        return Verdict(False, "", tuple(examined.signatures), (Finding(refused.code),))
    except Exception as unexpected:
        # Whatever a library raises on a hostile file, the answer is no.
        log.warning("a file was refused: %s", type(unexpected).__name__)
        return Verdict(False, "", tuple(examined.signatures), (Finding("broken"),))
    return Verdict(True, examined.level, tuple(examined.signatures), ())
