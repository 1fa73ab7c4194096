"""One changed byte anywhere turns yes into no; ``python -m tests.attacks fuzz`` tries a million."""

from datetime import UTC, datetime

import pytest

from handlers.verifier import verify
from tests.attacks.fuzz import fuzz
from tests.conftest import LONG

NUMBER = 40_000 if LONG else 700


@pytest.mark.parametrize("level", ["bt", "blta"])
def test_no_single_byte_is_changed_unnoticed(files, level):
    found = fuzz(getattr(files, level), files.trust, NUMBER, 20261123)
    assert found.accepted == []
    assert found.second == 0


def test_what_no_signature_covers_is_watched_bit_by_bit(files):
    """The archive's own hole is covered by nothing: each of its first bytes is tried."""
    pdf = files.blta
    start = pdf.rindex(b"/Contents <")
    now = datetime.now(UTC)
    wrong = []
    for at in range(start, start + 3200, 29):
        for flipped in (pdf[at] ^ 1, pdf[at] ^ 0x20):
            bad = pdf[:at] + bytes([flipped]) + pdf[at + 1 :]
            if verify(bad, files.trust, now).intact:
                wrong.append(at)
    assert wrong == []
