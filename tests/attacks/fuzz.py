"""One changed byte anywhere must turn yes into no."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from handlers.verifier import Trust, verify
from handlers.verifier.check import Examined, examine
from handlers.verifier.words import Refused


@dataclass
class Fuzzed:
    """What came of it."""

    tried: int = 0
    #: Places and values of changes that were not noticed.
    accepted: list[tuple[int, int]] = field(default_factory=list)
    #: Changes that only the second opinion refused.
    second: int = 0
    codes: dict[str, int] = field(default_factory=dict)


def changes(pdf: bytes, number: int, seed: int) -> Iterator[tuple[int, int]]:
    """Return places and new values: half of them one bit, half any byte."""
    chance = Random(seed)  # noqa: S311 - repeatable
    for _ in range(number):
        at = chance.randrange(len(pdf))
        other = pdf[at] ^ (1 << chance.randrange(8) if chance.random() < 0.5 else chance.randrange(1, 256))
        yield at, other


def fuzz(pdf: bytes, trust: Trust, number: int, seed: int) -> Fuzzed:
    """Change one byte of a genuine file, ``number`` times."""
    found, now = Fuzzed(), datetime.now(UTC)
    for at, value in changes(pdf, number, seed):
        bad = pdf[:at] + bytes([value]) + pdf[at + 1 :]
        found.tried += 1
        try:
            examine(bad, trust, now, Examined())
        except Refused as refused:
            found.codes[refused.code] = found.codes.get(refused.code, 0) + 1
            continue
        except Exception as unexpected:
            name = type(unexpected).__name__
            found.codes[name] = found.codes.get(name, 0) + 1
            continue
        found.second += 1
        if verify(bad, trust, now).intact:
            found.accepted.append((at, value))
    return found
