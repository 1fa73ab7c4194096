"""Where the card is in a customer's photo, which side it shows and which way up it lies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from handlers.photos.card import (
    CARD_HEIGHT,
    CARD_WIDTH,
    HEIGHT_MM,
    WIDTH_MM,
    corners,
    homography,
    project,
    warp,
)
from handlers.photos.finder import find, find_page, locate
from handlers.photos.finder.fallback import from_anchors, on_sides
from handlers.photos.finder.geometry import (
    areas,
    aspect_errors,
    convex,
    crossings,
    intersection,
    lines_through,
    outside,
    overlap,
)
from handlers.photos.finder.refine import refine
from handlers.photos.finder.search import contrast, widened
from handlers.photos.layout import LABELS
from handlers.photos.reader import Anchor, Reader
from tests.cards import backgrounds, scene


@pytest.fixture(scope="module")
def reader():
    return Reader()


@pytest.fixture(scope="module")
def taken():
    return {side: scene("normal", 3, side) for side in ("front", "back")}


def rotated(photo, quad, quarters):
    """Return a photo turned against the clock, and where its card then is."""
    for _ in range(quarters):
        quad = np.stack([quad[:, 1], photo.shape[1] - quad[:, 0]], axis=1)
        photo = np.ascontiguousarray(np.rot90(photo))
    return photo, quad


def lost(truth, found):
    """Return the share of a card that a crop cuts away."""
    return 1 - intersection(truth, found) / float(areas(truth))


@pytest.mark.parametrize("side", ["front", "back"])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_card_slanted_and_any_way_up_comes_out_upright(taken, side, quarters):
    photo, truth = rotated(taken[side].photo, taken[side].quad, quarters)
    best = locate(photo)[0]
    assert best.side == side
    assert np.abs(best.quad - truth).max() < 4  # pixels of 2000


def test_a_card_on_a_white_desk_is_found_and_nothing_is_cut_off_it(reader):
    taken = scene("lowcontrast", 4)
    found = find(taken.photo, reader)
    assert found.quad is not None
    assert found.verified
    assert overlap(taken.quad, found.quad) > 0.95
    assert lost(taken.quad, found.quad) < 0.01


def test_a_card_held_by_fingers_is_found_whole(reader):
    taken = scene("finger", 5)
    found = find(taken.photo, reader)
    assert found.verified
    assert lost(taken.quad, found.quad) < 0.01


def test_what_was_read_comes_with_the_card(reader, taken):
    front = taken["front"]
    found = find(front.photo, reader)
    assert found.reading is not None
    assert found.reading.fields["id_number"].value == front.label["fields"]["id_number"]


def test_somebody_whose_card_leaves_the_frame_is_told_how_far(reader):
    taken = scene("partial", 2)
    found = find(taken.photo, reader)
    height, width = taken.photo.shape[:2]
    assert found.cut_off == pytest.approx(outside(taken.quad, width, height), abs=0.05)


def test_a_whole_card_is_not_called_cut_off(reader):
    assert find(scene("tight", 1).photo, reader).cut_off == 0


def test_an_empty_desk_is_no_card(reader):
    desk = backgrounds.wood(np.random.default_rng(5), 1000, 750)
    found = find(np.clip(desk, 0, 255).astype(np.uint8), reader)
    assert not found.verified
    assert found.side is None


def test_a_printed_page_is_no_card(reader):
    page = backgrounds.page(np.random.default_rng(6), 1000, 750)[:300, :400]
    assert not find(np.clip(page, 0, 255).astype(np.uint8), reader).verified


def test_a_white_desk_contrasts_less_than_a_dark_one():
    white, dark = (scene(category, 8) for category in ("lowcontrast", "tight"))
    assert contrast(white.photo, white.quad) < 15 < contrast(dark.photo, dark.quad)


def test_a_customer_who_photographs_a_page_gets_its_corners():
    desk = np.clip(backgrounds.wood(np.random.default_rng(1), 900, 1200), 0, 255).astype(np.uint8)
    truth = np.array([[150, 200], [700, 160], [760, 1000], [110, 1040]], dtype=np.float64)
    photo = Image.fromarray(desk)
    ImageDraw.Draw(photo).polygon([tuple(corner) for corner in truth], fill=(240, 240, 236))
    found = find_page(np.asarray(photo))
    assert found.quad is not None
    assert overlap(truth, found.quad) > 0.99


def test_a_side_is_found_to_a_fraction_of_a_pixel():
    photo = np.full((600, 800, 3), 40, dtype=np.uint8)
    truth = np.array([[120.0, 90], [690, 90], [690, 450], [120, 450]])
    photo[90:450, 120:690] = 220
    rough = truth + np.array([[6, -7], [-5, 6], [8, 4], [-6, -5]])
    assert np.abs(refine(photo, rough - 0.5).quad + 0.5 - truth).max() < 0.5


def labels_on(quad, noise=0.0):
    """Return the labels of a front as they would be read on ``quad``, off by about ``noise`` pixels."""
    chance = np.random.default_rng(1)
    to_photo = homography(corners(WIDTH_MM, HEIGHT_MM), quad)
    anchors = []
    for text, (left, top, right, bottom) in LABELS["front"].items():
        place = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        shown = project(to_photo, place) + chance.normal(0, noise, (4, 2))
        anchors.append(Anchor(text, "front", shown, place))
    return anchors


SLANTED = np.array([[200, 150], [1100, 220], [1050, 800], [180, 700]], dtype=np.float64)


def test_labels_alone_tell_where_the_card_is():
    anchors = labels_on(SLANTED)
    # One label was misread for another and lies elsewhere.
    anchors[2] = Anchor("民族", "front", anchors[2].points_px + 200.0, anchors[2].points_mm)
    found = from_anchors(anchors, 1400, 1050)
    assert found is not None
    assert found.side == "front"
    assert overlap(SLANTED, found.quad) > 0.98


def test_labels_tell_of_a_side_nobody_sees_better_with_the_sides_that_are_seen():
    anchors = labels_on(SLANTED, noise=3)
    alone = from_anchors(anchors, 1400, 1050)
    assert alone is not None
    # Its right side lies beyond the frame; the three others are where they were seen.
    unsure = SLANTED + np.array([[0, 0], [40, 0], [60, 0], [0, 0]])
    together = on_sides(unsure, [0, 3], "front", anchors)
    assert together is not None
    assert overlap(SLANTED, together) > overlap(SLANTED, alone.quad)


def test_a_straightened_card_shows_its_corners_in_its_corners():
    photo = np.zeros((300, 400, 3), dtype=np.uint8)
    photo[100:200, 150:300] = 200
    photo[100:110, 290:300] = (250, 0, 0)
    # The card's upper left corner is the photo's upper right: it lies on its side.
    card = warp(photo, np.array([[300, 100], [300, 200], [150, 200], [150, 100]], dtype=np.float64))
    assert card.shape == (CARD_HEIGHT, CARD_WIDTH, 3)
    assert tuple(card[20, 20]) == (250, 0, 0)
    assert card[..., 1].min() == 0
    assert tuple(card[-20, -20]) == (200, 200, 200)


angles = st.floats(-0.4, 0.4)
turns = st.floats(0, 6.28)


def slanted(turn, tilt, lean, width=2000, height=1500, focal=1600.0):
    """Return the card as a camera sees it."""
    flat = corners(WIDTH_MM, HEIGHT_MM) - np.array([WIDTH_MM / 2, HEIGHT_MM / 2])
    space = np.c_[flat, np.zeros(4)]
    about_x = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    about_y = np.array([[np.cos(lean), 0, np.sin(lean)], [0, 1, 0], [-np.sin(lean), 0, np.cos(lean)]])
    about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    there = space @ (about_x @ about_y @ about_z).T + np.array([3.0, -4.0, 160.0])
    return there[:, :2] / there[:, 2:] * focal + np.array([width / 2, height / 2])


@given(turns, angles, angles)
@settings(max_examples=60, deadline=None)
def test_every_slanted_view_of_the_card_has_the_shape_of_the_card(turn, tilt, lean):
    quad = slanted(turn, tilt, lean)
    error, ratio = aspect_errors(quad[None], 2000, 1500)
    assert error[0] < 0.06
    assert ratio[0] > 0.3  # the long side is the card's own upper one


@given(turns, angles, angles, st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_corners_lie_on_both_sides_that_meet_there(turn, tilt, lean, corner):
    quad = slanted(turn, tilt, lean)
    assert convex(quad)
    lines = lines_through(quad, np.roll(quad, -1, axis=0))
    met = crossings(lines, lines)[corner - 1, corner]
    assert np.allclose(met, quad[corner], atol=1e-6)


@given(turns, angles, angles, st.floats(0.0, 0.2))
@settings(max_examples=60, deadline=None)
def test_a_quad_with_a_margin_contains_the_card_and_overlaps_it_by_its_share(turn, tilt, lean, margin):
    quad = slanted(turn, tilt, lean)
    wider = widened(quad, np.full(4, margin))
    assert lost(quad, wider) == pytest.approx(0, abs=1e-4)
    assert overlap(quad, wider) == pytest.approx(overlap(wider, quad), abs=1e-4)
    assert overlap(quad, wider) <= 1 + 1e-4
