"""Strangers' files are looked at in a bounded child, which knows nothing it could tell."""

import pytest

from handlers.bounded.child import Bounds
from handlers.verifier import Busy, Verifier, verify
from tests.attacks import revisions


@pytest.fixture(scope="module")
def verifier():
    made = Verifier(1)
    yield made
    made.close()


def test_a_stranger_hears_the_same_as_we_do(verifier, files):
    for pdf in (files.blta, files.bt, files.bb, files.blta[:-1], b"", b"%PDF-1.7"):
        assert verifier.verify(pdf, files.trust) == verify(pdf, files.trust)


def test_a_bomb_takes_nobody_along(verifier, files):
    bomb = revisions.REVISIONS["object stream bomb"](files.bt)
    assert not verifier.verify(bomb, files.trust).intact
    assert verifier.verify(files.blta, files.root).intact


def test_a_file_that_takes_too_long_is_refused(files):
    hasty = Verifier(1, Bounds(seconds=0.001))
    assert [one.code for one in hasty.verify(files.blta, files.root).findings] == ["too_much"]
    hasty.close()


def test_who_comes_when_all_are_busy_is_asked_to_come_again(files):
    crowded = Verifier(0, patience=0.01)
    with pytest.raises(Busy):
        crowded.verify(files.blta, files.root)
