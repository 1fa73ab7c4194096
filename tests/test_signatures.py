"""A signature comes out as its strokes: from a photo of paper, or drawn on the screen."""

from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from handlers import specimens
from handlers.photos import decoding, gate, signature
from handlers.photos.gate import PhotoRefused
from tests.bench.signed import ink_f1
from tests.cards.scenes import scene
from tests.cards.signatures import signed

SEED = 20261123
ASK = "请使用黑色或蓝色签字笔在白纸上签名"
#: Two strokes such as a finger draws them, of ten points each.
CROSS = [
    [[100 + 40 * i, 90 + 3 * i, 16 * i] for i in range(10)],
    [[300 - 2 * i, 20 + 18 * i, 400 + 16 * i] for i in range(10)],
]


def written(kind, number=0):
    return signed(kind, SEED + number)


def codes(made):
    return [one.code for one in made.findings]


def opened(png):
    return np.asarray(Image.open(BytesIO(png)))


@pytest.mark.parametrize("kind", ["plain", "shade", "shadow", "ruled"])
@pytest.mark.parametrize("number", range(2))
def test_the_pens_trace_is_kept_and_the_paper_is_not(kind, number):
    paper = written(kind, number)
    clean = signature.clean(paper.photo)
    assert codes(clean) == []
    assert ink_f1(clean.png, paper.mask) > 0.9


def test_around_the_strokes_nothing_is_left():
    picture = opened(signature.clean(written("shadow").photo).png)
    assert picture.shape[2] == 4
    assert (picture[:3, :, 3] == 0).all()
    assert (picture[..., 3] == 0).mean() > 0.6


def test_the_flat_picture_has_a_white_ground_and_no_metadata():
    clean = signature.clean(written("shade").photo)
    pixels = decoding.decode(clean.jpeg).pixels
    assert np.median(pixels) == 255
    assert b"Exif" not in clean.jpeg


def test_it_is_cropped_with_little_room_around():
    alpha = opened(signature.clean(written("plain").photo).png)[..., 3] > 127
    inked = np.flatnonzero(alpha.any(axis=0))
    room = (inked[0], alpha.shape[1] - 1 - inked[-1])
    assert max(room) <= 0.06 * alpha.shape[1] + 3


def test_blue_ink_stays_blue():
    photo = np.full((800, 1200, 3), 240, np.uint8)
    cv2.polylines(
        photo, [np.array([[200, 500], [500, 300], [600, 520], [900, 260]])], False, (30, 50, 160), 9
    )
    picture = opened(signature.clean(photo).png)
    red, _, blue = np.median(picture[picture[..., 3] > 200][:, :3], axis=0)
    assert blue > red + 60


def test_an_empty_sheet_is_refused():
    blank = signature.clean(written("blank").photo)
    assert [(one.code, one.weight, one.sentence) for one in blank.findings] == [("blank", "hard", ASK)]
    assert blank.jpeg == b""


def test_a_black_picture_is_refused():
    assert codes(signature.clean(np.zeros((800, 1200, 3), np.uint8))) == ["blank"]


def test_printed_text_is_refused():
    assert codes(signature.clean(written("printed").photo)) == ["not_a_signature"]


@pytest.mark.parametrize("side", ["front", "back"])
def test_a_photo_of_a_card_is_refused(side):
    assert codes(signature.clean(scene("tight", SEED, side).photo)) == ["not_a_signature"]


def test_a_blot_is_refused():
    photo = Image.new("RGB", (1200, 800), (240, 240, 240))
    for shift in range(0, 300, 12):
        ImageDraw.Draw(photo).line((300, 200 + shift, 900, 220 + shift), fill=(20, 20, 30), width=9)
        ImageDraw.Draw(photo).line((310 + 2 * shift, 190, 300 + 2 * shift, 520), fill=(20, 20, 30), width=9)
    assert codes(signature.clean(np.asarray(photo))) == ["not_a_signature"]


def test_red_ink_is_told():
    red = signature.clean(written("red").photo)
    assert [(one.code, one.weight) for one in red.findings] == [("wrong_ink", "soft")]


def test_a_pencil_is_told():
    trace = np.asarray(specimens.ink("张三丰", 1, (1200, 800)), dtype=float)[..., None] / 255
    assert codes(signature.clean((235 - 55 * trace.repeat(3, axis=2)).astype(np.uint8))) == ["wrong_ink"]


def test_what_is_drawn_on_the_screen_becomes_a_picture_like_the_others():
    drawn = signature.from_strokes(CROSS, 600, 240)
    assert codes(drawn) == []
    assert gate.look(drawn.jpeg, "signature.jpg").width == signature.SHEET_WIDTH
    assert codes(signature.clean(decoding.decode(drawn.jpeg).pixels)) == []


def test_a_drawn_stroke_is_smooth_and_goes_where_the_finger_went():
    alpha = opened(signature.from_strokes(CROSS, 600, 240).png)[..., 3]
    rows, columns = np.nonzero(alpha > 127)
    assert cv2.connectedComponents((alpha > 60).astype(np.uint8))[0] == 2  # the ground and one cross
    # The first stroke reaches from one side to the other, a little falling; it is 27 high and 360 wide.
    left, right = rows[columns < columns.min() + 30].mean(), rows[columns > columns.max() - 30].mean()
    assert (right - left) / (columns.max() - columns.min()) == pytest.approx(27 / 360, abs=0.03)


def test_half_tones_smooth_a_drawn_edge():
    alpha = opened(signature.from_strokes(CROSS, 600, 240).png)[..., 3]
    assert ((alpha > 20) & (alpha < 235)).any()


@pytest.mark.parametrize("strokes", [[], CROSS[:1], [[[10, 10, 0]], [[50, 50, 9]]]])
def test_less_than_two_strokes_are_no_signature(strokes):
    drawn = signature.from_strokes(strokes, 600, 240)
    assert [(one.code, one.weight) for one in drawn.findings] == [("too_few_strokes", "hard")]


@pytest.mark.parametrize(
    ("strokes", "width"),
    [
        (None, 600),
        ("strokes", 600),
        ([1, 2], 600),
        ([[1, 2]], 600),
        ([[[1]]], 600),
        ([[["1", "2", "3"]]], 600),
        ([[[float("nan"), 1, 1]]], 600),
        ([[[float("inf"), 1, 1]]], 600),
        ([[[10**400, 1, 1]]], 600),
        ([[[True, 1, 1]]], 600),
        ([[[1, 1, 1]]] * 201, 600),
        ([[[1, 1, 1]] * 20_001], 600),
        (CROSS, 0),
        (CROSS, -600),
        (CROSS, 10**9),
        (CROSS, "600"),
        (CROSS, None),
    ],
)
def test_what_no_browser_sends_is_refused(strokes, width):
    with pytest.raises(PhotoRefused, match=ASK):
        signature.from_strokes(strokes, width, 240)


def test_points_outside_the_field_are_taken_at_its_edge():
    far = [[[-1e9, 50, 0], [300, 60, 9], [1e9, 70, 20]], CROSS[1]]
    assert codes(signature.from_strokes(far, 600, 240)) == []


def test_a_scribble_over_everything_is_refused():
    scribble = [[[x, y, x + y] for y in range(0, 240, 8) for x in (0, 600)], CROSS[1]]
    assert codes(signature.from_strokes(scribble, 600, 240)) == ["not_a_signature"]
