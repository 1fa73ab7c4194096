"""Specimen cards and the photos made of them: what the labels say is what the pictures show."""

import json
import sys
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageOps

from forms.rules import id_number
from handlers import fixtures, specimens
from handlers.photos.card import Picture, warp
from handlers.photos.findings import KINDS
from tests.cards import CATEGORIES, Scene, geometry, scene
from tests.cards.__main__ import main
from tests.cards.persons import person
from tests.cards.scenes import kinds
from tests.cards.signatures import signed

#: What an astute person sees in a photo, and no check asks for.
SEEN_ONLY = {"shadow"}


@pytest.fixture(scope="module")
def photos() -> dict[str, Scene]:
    """One photo of each category."""
    return {category: scene(category, 11) for category in CATEGORIES}


def flat(made: Scene) -> Picture:
    """Draw the card of a photo again, as it lies before the camera."""
    fields = made.label["fields"]
    if made.label["side"] == "front":
        card = specimens.front(
            fields["name"], fields["sex"], fields["ethnic"], date.fromisoformat(fields["birth"]),
            fields["address"], fields["id_number"],
        )  # fmt: skip
    else:
        until = None if fields["valid_to"] == "长期" else date.fromisoformat(fields["valid_to"])
        card = specimens.back(fields["authority"], date.fromisoformat(fields["valid_from"]), until)
    return np.asarray(card.resize((1200, 757)))


def likeness(one: Picture, other: Picture) -> float:
    """Return how alike the print of two cards is, 1 for the same; the rounded rim is left out."""
    a, b = (card[60:-60, 60:-60].mean(axis=2).ravel() for card in (one, other))
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("category", ["normal", "clutter", "tight", "lowcontrast", "gray"])
def test_the_corners_on_the_label_are_where_the_card_is(photos, category):
    made = photos[category]
    assert likeness(warp(made.photo, made.quad), flat(made)) > 0.88


@pytest.mark.parametrize("by", [(6, 0), (0, 6)], ids=["to the side", "down"])
def test_corners_six_pixels_off_would_be_noticed(photos, by):
    made = photos["normal"]
    there = likeness(warp(made.photo, made.quad), flat(made))
    assert likeness(warp(made.photo, made.quad + by), flat(made)) < there - 0.02


def test_the_first_corner_is_the_cards_own_top_left(photos):
    made = photos["normal"]
    upside_down = warp(made.photo, np.roll(made.quad, 2, axis=0))
    assert likeness(upside_down, flat(made)) < 0.5


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_photo_stored_sideways_is_upright_after_its_own_orientation(photos, orientation):
    made = replace(photos["normal"], orientation=orientation)
    with Image.open(BytesIO(made.jpeg())) as stored:
        upright = np.asarray(ImageOps.exif_transpose(stored), dtype=np.float32)
    assert upright.shape == made.photo.shape
    assert np.abs(upright - made.photo).mean() < 8


def test_some_photos_tell_where_they_were_taken(photos):
    with Image.open(BytesIO(replace(photos["normal"], place=True).jpeg())) as stored:
        assert stored.getexif().get_ifd(0x8825)


def test_the_same_seed_gives_the_same_file(photos):
    assert scene("finger", 11).jpeg() == photos["finger"].jpeg()


def test_another_seed_gives_another_person(photos):
    assert scene("normal", 12, "front").label["fields"] != scene("normal", 13, "front").label["fields"]


@pytest.mark.parametrize("category", sorted(set(CATEGORIES) - {"partial"}))
def test_a_whole_card_lies_in_the_frame(photos, category):
    made = photos[category]
    height, width = made.photo.shape[:2]
    assert not geometry.outside_by(made.quad, width, height).any()


def test_a_cut_off_card_has_one_or_two_corners_outside(photos):
    made = photos["partial"]
    height, width = made.photo.shape[:2]
    assert 1 <= (geometry.outside_by(made.quad, width, height) > 0).sum() <= 2


def test_every_finding_on_a_label_is_one_the_product_knows(photos):
    labelled = {found for made in photos.values() for found in made.label["findings"]}
    labelled |= {found for kind in ("red", "printed", "blank") for found in signed(kind, 1).label["findings"]}
    assert labelled - SEEN_ONLY <= set(KINDS)


def test_only_a_glaring_photo_is_burnt_out_much(photos):
    assert {name for name, made in photos.items() if made.label["glare_share"] > 0.02} == {"glare"}


def test_a_grey_copy_has_no_colour_of_its_own(photos):
    def colours(category: str) -> float:
        card = warp(photos[category].photo, photos[category].quad).astype(np.float32)
        # White balance tints all alike; colour of its own varies over the card.
        return float((card[..., 0] - card[..., 2]).std())

    assert colours("gray") < 0.6 * colours("shadow")


def test_nobody_on_a_card_exists_and_every_number_is_well_formed():
    for number in range(50):
        somebody = person(Random(number))  # noqa: S311 - a drawing, not a secret
        assert somebody.id_number.startswith("99")
        assert id_number.birth_date(somebody.id_number) == somebody.birth
        assert (int(somebody.id_number[16]) % 2 == 1) == (somebody.sex == "男")


def test_many_photos_come_in_the_proportions_of_the_categories():
    chosen = kinds(240)
    assert all(abs(chosen.count(category) - share) <= 1 for category, share in CATEGORIES.items())


def test_the_command_writes_photos_and_their_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["cards", str(tmp_path), "--count", "1", "--signatures", "1"])
    main()
    labels = json.loads((tmp_path / "labels.json").read_text(encoding="utf-8"))["photos"]
    assert [label["kind"] for label in labels] == ["card", "signature"]
    assert all((tmp_path / label["file"]).is_file() for label in labels)
    assert (tmp_path / labels[1]["mask"]).is_file()


@pytest.mark.parametrize("kind", ["plain", "shade", "shadow", "ruled"])
def test_the_pens_trace_is_where_the_paper_is_dark(kind):
    made = signed(kind, 3)
    grey = made.photo.mean(axis=2)
    assert 0.002 < made.mask.mean() < 0.3
    assert grey[made.mask].mean() < 0.6 * grey[~made.mask].mean()


def test_nobody_signed_a_blank_sheet():
    assert not signed("blank", 3).mask.any()


@pytest.mark.parametrize("slot", ["front", "back"])
def test_a_customers_upload_shows_the_whole_card_large(slot):
    with Image.open(BytesIO(specimens.of(slot, fixtures.CUSTOMERS["C01"]))) as upload:
        assert upload.size == specimens.PHOTO
        pixels = np.asarray(upload.convert("L"))
    lit = pixels > 130
    assert not lit[[*range(8), *range(-8, 0)]].any()
    assert not lit[:, [*range(8), *range(-8, 0)]].any()
    assert lit.mean() > 0.6


def test_each_customer_has_a_card_of_their_own():
    one, other = (specimens.of("front", fixtures.CUSTOMERS[key]) for key in ("C06", "C10"))
    assert one != other


def test_two_signatures_of_one_person_differ_a_little():
    one, other = (np.asarray(specimens.ink("张伟", seed)) for seed in (1, 2))
    assert (one != other).any()


def test_without_a_chinese_font_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(specimens._FONTS, "bold", (Path("/nowhere.ttf"),))
    specimens.font.cache_clear()
    with pytest.raises(specimens.FontMissing, match="fonts-noto-cjk"):
        specimens.font("bold", 20)
