"""``verify``: the whole verdict on one file."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

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
        opinion.check(pdf, trust, now, examined.level, examined.signatures, examined.ended)
    except Refused as refused:
        log.info("a file was refused: %s", refused.code)
        return Verdict(False, "", tuple(examined.signatures), (Finding(refused.code),))
    except Exception as unexpected:
        # Whatever a library raises on a hostile file, the answer is no.
        log.warning("a file was refused: %s", type(unexpected).__name__)
        return Verdict(False, "", tuple(examined.signatures), (Finding("broken"),))
    return Verdict(True, examined.level, tuple(examined.signatures), ())


def ready() -> None:
    """Do nothing: who can call this has loaded the libraries."""


def verify_plainly(pdf: bytes, trust: Mapping[str, Sequence[Any] | None]) -> dict[str, Any]:
    """Verify as a bounded child does: plain data in, plain data out."""
    given = {name: None if value is None else tuple(value) for name, value in trust.items()}
    return verify(pdf, Trust(**given)).plain()  # type: ignore[arg-type]  # comes from a Trust
