"""Photos nobody has seen before go through the whole examination; every run makes other ones.

The gates are loose here, since a few photos say little: ``python -m tests.bench photos DIR`` measures many.
To look at a run that failed: ``python -m tests.cards DIR --count 18 --seed S`` with the seed it printed.
"""

from collections.abc import Sequence
from functools import cache
from secrets import randbelow

import pytest

from handlers import fixtures, specimens
from handlers.photos.examine import examine
from handlers.photos.findings import limits
from handlers.photos.seen import Examination
from tests.bench.photos import Looked, accuracy, look
from tests.cards import scenes

COUNT = 18
#: What makes a field unreadable, and must be told whatever the reader believes.
SPOILT = frozenset({"glare", "occluded", "cut_off"})


@pytest.fixture(scope="module")
def run() -> Sequence[Looked]:
    """Photos of all kinds, examined."""
    seed = randbelow(1_000_000)
    print(f"seed {seed}")
    defaults = limits({})
    return [look(made.jpeg(), {"file": name, **made.label}, defaults) for name, made in scenes(COUNT, seed)]


@cache
def uploaded(key: str, slot: str) -> Examination:
    """Examine what a fixture customer uploads."""
    return examine(specimens.of(slot, fixtures.CUSTOMERS[key]), slot, limits({}))


def names(cards: Sequence[Looked]) -> list[str]:
    """Return the files of cards, for the message of an assertion."""
    return [card.label["file"] for card in cards]


def test_nearly_every_card_is_cut_out_along_its_edges(run):
    whole = [card for card in run if "cut_off" not in card.truth]
    missed = [card for card in whole if card.iou < 0.95]
    assert len(missed) <= 2, names(missed)


def test_no_crop_hurts_a_card_unsaid(run):
    harmed = [card for card in run if card.harmful]
    assert len(harmed) <= 1, names(harmed)


def test_a_card_found_is_turned_the_right_way_up(run):
    wrong = [card for card in run if card.iou > 0.5 and card.turned]
    assert len(wrong) <= 1, names(wrong)


def test_a_card_found_is_taken_for_the_side_it_shows(run):
    wrong = [card for card in run if card.seen.side not in (None, card.label["side"])]
    assert not wrong, names(wrong)


def test_what_can_be_read_is_read(run):
    figures = accuracy(run)
    for figure in ("exact_id_number", "exact_name", "exact_validity"):
        share = figures[figure]
        assert share is None or share >= 0.7, (figure, share)


def test_hardly_a_value_is_wrong_and_not_marked(run):
    silent = {card.label["file"]: card.silently_wrong for card in run if card.silently_wrong}
    assert len(silent) <= 1, silent


def test_glare_fingers_and_missing_corners_are_told(run):
    spoilt = [card for card in run if card.truth & SPOILT]
    unsaid = [card for card in spoilt if not card.truth & card.said]
    assert len(unsaid) <= 1, names(unsaid)


def test_good_photos_are_not_found_fault_with(run):
    good = [card for card in run if not card.truth and card.label["glare_share"] < 0.001]
    blamed = [card for card in good if any(one.weight == "hard" for one in card.seen.findings)]
    assert len(blamed) <= 1, names(blamed)


@pytest.mark.parametrize("key", ["C01", "C03"])
@pytest.mark.parametrize("slot", ["front", "back"])
def test_a_customers_own_card_passes_every_check(key, slot):
    assert uploaded(key, slot).verified
    assert uploaded(key, slot).findings == ()


def test_a_customers_front_gives_name_and_number():
    zhang = fixtures.CUSTOMERS["C01"]
    read = {name: field.value for name, field in uploaded("C01", "front").fields.items() if not field.doubt}
    assert read["name"] == zhang.name
    assert read["id_number"] == zhang.id_number


def test_a_customers_back_gives_its_validity():
    read = uploaded("C03", "back").fields
    assert (read["valid_from"].value, read["valid_to"].value) == ("2015-05-06", "长期")


def test_the_front_in_place_of_the_back_is_sent_back():
    seen = examine(specimens.of("front", fixtures.CUSTOMERS["C01"]), "back", limits({}))
    assert [one.code for one in seen.findings if one.weight == "hard"] == ["wrong_side"]


def test_a_customers_signature_passes_every_check():
    seen = uploaded("C01", "signature")
    assert seen.result is not None
    assert seen.findings == ()
