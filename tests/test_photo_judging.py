"""What spoils a photo of a card is told, and nothing else is."""

from functools import cache

import numpy as np
import pytest

from handlers.photos import findings, judging
from handlers.photos.card import CARD_HEIGHT, CARD_WIDTH, Picture, corners, warp
from handlers.photos.layout import FIELDS
from tests.cards.scenes import scene

LIMITS = findings.limits({})
SEED = 20261123


@cache
def photographed(category, side="front"):
    """Return a straightened card from a photo of one kind."""
    made = scene(category, SEED, side)
    return warp(made.photo, made.quad)


def told(card: Picture, side="front", limits=LIMITS):
    """Say what is found on a card, its place in the photo aside."""
    return {one.code for one in judging.judge(card, card, None, side, limits)}


@pytest.mark.parametrize("category", ["normal", "clutter", "tight", "shadow"])
def test_a_good_photo_is_not_found_fault_with(category):
    assert told(photographed(category)) == set()


@pytest.mark.parametrize(
    ("category", "code"),
    [("glare", "glare"), ("blur", "blur"), ("finger", "occluded"), ("dark", "dark"), ("gray", "grey_copy")],
)
@pytest.mark.parametrize("side", ["front", "back"])
def test_what_spoils_a_photo_is_told_and_nothing_else(category, code, side):
    assert told(photographed(category, side), side) == {code}


def test_paper_evenly_overexposed_is_no_glare():
    good = photographed("normal").astype(float)
    light = np.linspace(1.5, 0.9, CARD_WIDTH)[None, :, None] * 250 / np.percentile(good, 90)
    assert "glare" not in told(np.clip(good * light, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("lamp", [(1.12, 1.0, 0.8), (0.85, 1.0, 1.15)])
def test_a_warm_or_cold_lamp_makes_no_finger_and_no_copy(lamp):
    card = np.clip(photographed("normal") * 0.85 * np.array(lamp), 0, 255).astype(np.uint8)
    assert told(card) == set()


def test_a_card_that_nobody_can_read_is_refused_at_once():
    grey = np.full((CARD_HEIGHT, CARD_WIDTH, 3), 20, np.uint8)
    weights = {one.code: one.weight for one in judging.judge(grey, grey, None, "front", LIMITS)}
    assert weights["very_dark"] == "hard"


def test_the_company_may_be_stricter():
    strict = findings.limits({"dark": 255.5})
    assert "dark" in told(photographed("normal"), limits=strict)


def test_a_finger_spoils_the_field_it_lies_on_and_no_other():
    card = photographed("normal").copy()
    left, _, _, _ = FIELDS["front"]["id_number"].pixels()
    card[620:, left + 100 : left + 240] = (170, 116, 92)
    assert judging.touched(card, "front", LIMITS) == {"id_number"}


def test_a_lamp_spoils_the_field_it_lies_on():
    card = photographed("normal").astype(float)
    rows, columns = np.mgrid[:CARD_HEIGHT, :CARD_WIDTH]
    left, top, _, bottom = FIELDS["front"]["name"].pixels()
    away = ((columns - left - 60) / 60) ** 2 + ((rows - (top + bottom) / 2) / 40) ** 2
    card += (270 / (1 + away**3))[..., None]
    assert "name" in judging.touched(np.clip(card, 0, 255).astype(np.uint8), "front", LIMITS)


def test_a_field_outside_the_photo_is_in_doubt():
    card = photographed("normal").copy()
    card[600:] = 0
    assert "id_number" in judging.touched(card, "front", LIMITS)


def test_a_good_photo_leaves_no_field_in_doubt():
    assert judging.touched(photographed("normal"), "front", LIMITS) == frozenset()


def test_a_card_across_the_whole_frame_fills_it():
    assert judging.fill(corners(856, 540), 856, 540) == pytest.approx(1)


def test_a_standing_card_fills_a_standing_frame():
    standing = np.array([[540, 0], [540, 856], [0, 856], [0, 0]], dtype=float)
    assert judging.fill(standing, 540, 856) == pytest.approx(1)


def test_a_small_card_is_hinted_at_and_a_tiny_one_refused():
    photo = np.zeros((1500, 2000, 3), np.uint8)
    small = judging.judge(None, photo, corners(1000, 631), "front", LIMITS)
    tiny = judging.judge(None, photo, corners(300, 189), "front", LIMITS)
    assert [one.code for one in small] == ["small_in_frame"]
    assert [one.code for one in tiny] == ["too_small", "small_in_frame"]
