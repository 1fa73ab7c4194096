"""What the reader makes of a customer's card: what is printed, doubt where there is reason, no inventions."""

import socket
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from forms.rules.id_number import check_character
from handlers import specimens
from handlers.photos import fields
from handlers.photos.card import (
    CARD_HEIGHT,
    CARD_WIDTH,
    HEIGHT_MM,
    SCALE,
    WIDTH_MM,
    corners,
    homography,
    project,
)
from handlers.photos.layout import FIELDS, LABELS
from handlers.photos.reader import Reader, Reading
from handlers.photos.reading.models import Line
from handlers.photos.seen import Field

NUMBER = "990101198506123730"[:17] + check_character("99010119850612373")
FRONT = {
    "name": "欧阳慧飞",
    "sex": "男",
    "ethnic": "蒙古",
    "birth": "1985-06-12",
    "address": "浙江省杭州市测试县虚拟大街355号27栋3单元2664室",
    "id_number": NUMBER,
}
BACK = {"authority": "虚构市公安局测试分局", "valid_from": "2012-03-05", "valid_to": "2032-03-05"}

numbers = st.builds(
    lambda area, born, order: (first := f"{area:06}{born:%Y%m%d}{order:03}") + check_character(first),
    st.integers(110000, 999999),
    st.dates(date(1900, 1, 1), date(2030, 12, 31)),
    st.integers(0, 999),
)
anything = st.text(max_size=40)


def printed(text, score=0.99):
    """Return a line as the recogniser would hand it on."""
    return Line(text, (score,) * len(text), tuple((i + 0.5) / max(len(text), 1) for i in range(len(text))))


def value(field):
    return field and field.value


def doubted(field):
    return field is not None and field.doubt


def dates(text):
    """Return both dates that a line says, and whether each is in doubt."""
    return [(one.value, one.doubt) for one in fields.validity(printed(text)) or ()]


def values(reading):
    return {name: field.value for name, field in reading.fields.items()}


def spoilt(card, field, colour, start=0.0, end=1.0):
    """Return a card on which part of a field cannot be seen, from ``start`` to ``end`` millimetres in it."""
    box = next(boxes[field] for boxes in FIELDS.values() if field in boxes)
    left, top, _, bottom = box.grown(0.5, 0.8).pixels()
    card = card.copy()
    card[top:bottom, left + round(start * SCALE) : left + round(end * SCALE)] = colour
    return card


def straight(drawn):
    return np.asarray(drawn.resize((CARD_WIDTH, CARD_HEIGHT), Image.Resampling.BOX), dtype=np.uint8)


@pytest.fixture(scope="module")
def reader():
    return Reader()


@pytest.fixture(scope="module")
def front():
    name, sex, ethnic, _, address, number = FRONT.values()
    return straight(specimens.front(name, sex, ethnic, date(1985, 6, 12), address, number))


@pytest.fixture(scope="module")
def back():
    return straight(specimens.back(BACK["authority"], date(2012, 3, 5), date(2032, 3, 5)))


# What a line says


@given(numbers)
def test_a_right_number_is_read_as_it_is_printed(number):
    assert value(fields.id_number(printed(number))) == number


@given(numbers, st.integers(0, 17), st.sampled_from("0123456789X"))
def test_a_wrong_check_digit_is_never_prefilled(number, place, other):
    wrong = number[:place] + other + number[place + 1 :]
    assert wrong == number or fields.id_number(printed(wrong)) is None


@given(anything)
def test_no_number_is_made_of_anything_else(text):
    assert fields.id_number(printed(text)) is None


def test_letters_are_taken_for_digits_where_the_check_character_then_holds():
    assert value(fields.id_number(printed(NUMBER.replace("0", "O").replace("1", "I")))) == NUMBER


def test_a_letter_that_looks_like_no_digit_is_left_alone():
    assert fields.id_number(printed("A" + NUMBER[1:])) is None


def test_nobody_was_born_on_30_february():
    first = "99010119850230373"
    assert fields.id_number(printed(first + check_character(first))) is None


def test_a_number_with_a_digit_more_is_not_shortened():
    assert fields.id_number(printed(NUMBER + "7")) is None


@given(
    st.dates(date(2004, 1, 1), date(2099, 1, 1)).filter(lambda day: (day.month, day.day) != (2, 29)),
    st.sampled_from([5, 10, 20]),
    st.sampled_from(["-", "—", "至", "~", " - ", ""]),
    st.sampled_from([".", "", "/", "．"]),
)
def test_both_dates_are_read_whatever_separates_them(start, years, between, sign):
    end = start.replace(year=start.year + years)
    text = f"{start:%Y{sign}%m{sign}%d}{between}{end:%Y{sign}%m{sign}%d}"
    assert dates(text) == [(start.isoformat(), False), (end.isoformat(), False)]


@pytest.mark.parametrize("ending", ["长期", "長期", " 长 期"])
def test_a_card_may_have_no_end(ending):
    assert dates(f"2006.03.01-{ending}") == [("2006-03-01", False), ("长期", False)]


@pytest.mark.parametrize(
    "text", ["2012.02.30-2032.02.30", "2012.03.05-2032.03", "2012.03.05-长", "长期", "2012.13.05-长期"]
)
def test_dates_that_do_not_exist_or_end_early_are_not_read(text):
    assert fields.validity(printed(text)) is None


@pytest.mark.parametrize("text", ["2012.03.05-2019.03.05", "2012.03.05-2032.03.06", "2001.03.05-2021.03.05"])
def test_dates_that_no_card_has_are_doubted(text):
    assert [doubt for _, doubt in dates(text)] == [True, True]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("张伟", "张伟"),
        ("阿卜杜拉•买买提", "阿卜杜拉·买买提"),
        ("𫖯㛃䶮", "𫖯㛃䶮"),
        ("张 伟", "张伟"),
    ],
)
def test_names_keep_rare_characters_and_dots(text, name):
    assert fields.name(printed(text)) == Field(name, 0.99)


def test_a_name_with_something_foreign_in_it_is_doubted():
    assert doubted(fields.name(printed("张A伟")))


@given(anything)
def test_a_name_holds_nothing_that_is_not_printed(text):
    found = fields.name(printed(text))
    assert found is None or set(found.value) <= {*text, "·"}


def test_a_birth_date_is_read_without_leading_noughts():
    assert value(fields.birth(printed("1958年11月9日"))) == "1958-11-09"


def test_a_birth_date_that_breaks_off_is_not_read():
    assert fields.birth(printed("1958年11月")) is None


def test_a_people_that_does_not_exist_is_not_read():
    assert fields.ethnic(printed("蒙")) is None


def test_an_authority_that_breaks_off_is_doubted():
    assert doubted(fields.authority(printed("测试县公安")))


def test_birth_and_sex_must_be_those_of_the_number():
    found = fields.agreeing(
        {
            "id_number": Field(NUMBER, 1.0),
            "birth": Field("1985-06-13", 1.0),
            "sex": Field("男", 1.0),
        }
    )
    assert {name for name, field in found.items() if field.doubt} == {"birth"}


# What a card says


def test_every_field_of_the_front_is_read(reader, front):
    assert (values(reading := reader.read(front, "front")), reading.verified) == (FRONT, True)


def test_every_field_of_the_back_is_read(reader, back):
    assert (values(reading := reader.read(back, "back")), reading.verified) == (BACK, True)


def test_nothing_is_doubted_on_a_clean_card(reader, front, back):
    both = {**reader.read(front, "front").fields, **reader.read(back, "back").fields}
    assert [name for name, field in both.items() if field.doubt] == []


@pytest.mark.parametrize("side", ["front", "back"])
@pytest.mark.parametrize("away", [(6, 4), (-6, -4)])
def test_a_card_half_a_percent_out_of_place_is_read(reader, front, back, side, away):
    moved = np.roll({"front": front, "back": back}[side], away, axis=(1, 0))
    assert values(reader.read(moved, side)) == {"front": FRONT, "back": BACK}[side]


def test_a_card_without_end_is_read(reader):
    card = straight(specimens.back(BACK["authority"], date(2015, 5, 6), None))
    assert values(reader.read(card, "back"))["valid_to"] == "长期"


@pytest.mark.parametrize("side", ["front", "back"])
def test_a_card_on_its_head_proves_nothing(reader, front, back, side):
    card = {"front": front, "back": back}[side]
    assert reader.read(np.ascontiguousarray(card[::-1, ::-1]), side) == Reading()


def test_the_other_side_proves_nothing(reader, front, back):
    assert reader.read(front, "back") == reader.read(back, "front") == Reading()


def test_an_empty_picture_proves_nothing(reader):
    assert reader.read(np.full((CARD_HEIGHT, CARD_WIDTH, 3), 200, dtype=np.uint8), "front") == Reading()


def test_a_front_is_known_by_its_labels_when_the_number_is_covered(reader, front):
    reading = reader.read(spoilt(front, "id_number", (200, 150, 120), 10, 30), "front")
    assert (reading.verified, "id_number" in reading.fields) == (True, False)


@pytest.mark.parametrize("colour", [(255, 255, 255), (205, 155, 125)], ids=["glare", "finger"])
@pytest.mark.parametrize("hidden", [0, 1, 3])
def test_a_name_of_which_a_character_is_hidden_is_doubted(reader, front, colour, hidden):
    """The last of four, the first, one between: the recogniser is sure of the others."""
    card = spoilt(front, "name", colour, 0.3 + 4.2 * hidden, 4.9 + 4.2 * hidden)
    name = reader.read(card, "front").fields.get("name")
    assert name is None or name.doubt


def test_an_end_that_is_hidden_is_not_made_up(reader, back):
    reading = reader.read(spoilt(back, "valid_to", (255, 255, 255), 6, 12), "back")
    assert "valid_to" not in reading.fields


def test_a_card_far_out_of_place_is_read_as_a_whole(reader, front):
    moved = np.roll(front, (40, 25), axis=(1, 0))  # 3 and 2 mm
    assert values(reader.read_all(moved, "front")) == FRONT


@pytest.mark.parametrize(("side", "quarters"), [("front", 0), ("back", 1), ("front", 2), ("front", 3)])
def test_labels_are_found_whichever_way_up_a_photo_is(reader, front, back, side, quarters):
    card = {"front": front, "back": back}[side]
    photo = np.pad(card, ((80, 80), (120, 120), (0, 0)), constant_values=60)
    anchors = reader.anchors(np.ascontiguousarray(np.rot90(photo, quarters)))
    quad = corners() + np.array([120, 80])
    for _ in range(quarters):
        quad = np.stack([quad[:, 1], photo.shape[1] - quad[:, 0]], axis=1)
        photo = np.rot90(photo)
    to_mm = homography(quad, corners(WIDTH_MM, HEIGHT_MM))
    away = max(np.abs(project(to_mm, one.points_px) - one.points_mm).max() for one in anchors)
    assert {*LABELS[side]} <= {one.text for one in anchors}
    assert away < 1.5  # millimetres


@pytest.mark.parametrize("side", ["front", "back"])
@pytest.mark.parametrize("on_its_head", [False, True])
def test_side_and_way_up_are_told_by_the_layout(reader, front, back, side, on_its_head):
    card = {"front": front, "back": back}[side]
    assert reader.turned(card[::-1, ::-1] if on_its_head else card)[:2] == (side, on_its_head)


def test_reading_asks_nothing_of_the_network(monkeypatch, back):
    def refused(*_):
        raise AssertionError("no network here")

    monkeypatch.setattr(socket, "socket", refused)
    assert values(Reader().read(back, "back")) == BACK
