"""What is taken in: JPEG up to 10 MiB that a decoder can read, and nothing of it but pixels is shown."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from handlers.photos import decoding, gate
from handlers.photos.gate import PhotoRefused
from tests import bad_pictures as bad


def refused(content, name="front.jpg"):
    """Take a picture in as far as it gets; return why it got no further."""
    with pytest.raises(PhotoRefused) as why:
        seen(content, name)
    return why.value


def seen(content, name="front.jpg"):
    gate.look(content, name)
    return decoding.decode(content).pixels


def near(pixel, colour):
    return bool(np.abs(np.asarray(pixel, int) - colour).max() < 40)


def upright(pixels):
    """Whether the scene stands as it was drawn: red top left, blue bottom right."""
    return near(pixels[40, 40], (220, 20, 20)) and near(pixels[-40, -40], (20, 20, 220))


@pytest.mark.parametrize("name", ["front.jpg", "FRONT.JPEG", "照片.Jpg", "a.png.jpg", "image", ""])
def test_a_jpeg_is_taken_by_its_content_and_ending(name):
    assert gate.look(bad.jpeg(), name).upright == (800, 600)


@pytest.mark.parametrize("name", ["front.png", "front.jpg.exe", "front.heic", "front."])
def test_a_jpeg_that_is_called_otherwise_is_refused(name):
    assert refused(bad.jpeg(), name).message == "仅支持JPG格式"


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "PDF", "BMP", "TIFF"])
def test_another_kind_of_picture_called_jpg_is_refused_with_what_to_do(kind):
    assert refused(bad.other(kind)).message == "仅支持JPG格式。请用相机直接拍摄，或另存为JPG后上传"


def test_an_iphones_own_format_is_refused_with_the_setting_that_helps():
    message = refused(bad.heic()).message
    assert message.startswith("仅支持JPG格式。")
    assert "兼容性最佳" in message


def test_a_text_is_refused():
    assert refused(b"<html>").message == "仅支持JPG格式"


def test_an_empty_file_is_refused():
    assert refused(b"").code == "empty"


def test_ten_megabytes_are_taken_to_the_byte():
    content = bad.padded(10_485_760)
    assert len(content) == 10_485_760
    assert upright(seen(content))


def test_one_byte_more_is_refused():
    assert refused(bad.padded(10_485_761)).message == "图片大小不能超过10M"


@pytest.mark.parametrize("kept", [0.001, 0.3, 0.6, 0.98])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_picture_cut_off_on_its_way_is_refused(kept, progressive):
    content = bad.jpeg(progressive=progressive)
    assert refused(content[: max(4, int(len(content) * kept))]).message == "图片无法识别，请重新上传"


@pytest.mark.parametrize(("width", "height"), [(599, 800), (800, 599)])
def test_a_picture_of_too_few_pixels_is_refused(width, height):
    assert refused(bad.jpeg(bad.scene(width, height))).message == "图片尺寸过小，请重新拍摄"


def test_the_smallest_picture_is_taken():
    assert gate.look(bad.jpeg(bad.scene(600, 600))).width == 600


@pytest.mark.parametrize("size", [(65_500, 65_500), (13_300, 13_300), (12_001, 700), (10_001, 10_000)])
def test_a_bomb_is_refused_by_its_header_alone(size):
    assert refused(bad.claiming(*size)).code == "too_many_pixels"


def test_a_picture_that_lies_about_its_size_is_refused():
    assert refused(bad.claiming(9_000, 9_000)).code == "unreadable"


@pytest.mark.parametrize("frame", [0xC3, 0xC5, 0xC7, 0xC9, 0xCA, 0xCB, 0xCF])
def test_a_way_of_coding_that_no_camera_uses_is_refused(frame):
    assert refused(bad.claiming(800, 600, frame)).code == "unreadable"


def test_a_picture_with_two_headers_is_refused():
    good = bad.jpeg()
    at = good.index(b"\xff\xc0")
    assert refused(good[:at] + good[at : at + 19] + good[at:]).code == "unreadable"


def test_a_picture_of_a_thousand_scans_is_refused():
    good = bad.jpeg(progressive=True)
    at = good.rindex(b"\xff\xda")
    assert refused(good[:at] + good[at:-2] * 1000 + good[-2:]).code == "unreadable"


def test_a_file_of_nothing_but_segments_is_refused():
    assert refused(b"\xff\xd8" + b"\xff\xe0\0\x02" * 2_000_000).code == "unreadable"


@pytest.mark.parametrize("filling", [b"\xff", b"\0", b"\xff\0", b"\xff\xd9", b"\xff\xd8\xff"])
def test_endless_filling_behind_the_end_is_looked_through_quickly(filling):
    content = bad.jpeg()
    gate_answers = content + filling * ((10_000_000 - len(content)) // len(filling))
    assert gate.parse(gate_answers).width == 800


@pytest.mark.parametrize(
    "second",
    [
        bad.archive(),
        b"\0\0" + bad.archive(),
        b"%PDF-1.7\n",
        b"GIF89a",
        b"\n<script>alert(1)</script>",
        b"<?php system($_GET[0]); ?>",
        b"hello <HTML><body>",
        b"\x7fELF\x02",
        b"Rar!\x1a\x07\0",
    ],
)
def test_a_picture_that_is_something_else_as_well_is_refused(second):
    assert refused(bad.jpeg() + second).message == "图片无法识别，请重新上传"


def test_an_archive_hidden_in_a_comment_is_refused():
    assert refused(bad.with_segment(0xFE, bad.archive())).code == "unreadable"


def test_a_pdf_hidden_in_a_comment_is_refused():
    assert refused(bad.with_segment(0xFE, b"%PDF-1.7\n")).code == "unreadable"


TAILS = [b"", b"\0" * 100, b"\xff\xd9", bad.motion(), bad.jpeg(), b"\0" + bad.jpeg()[:3000]]


@pytest.mark.parametrize("tail", TAILS)
def test_what_phones_append_is_no_harm(tail):
    assert upright(seen(bad.jpeg() + tail))


def test_of_two_pictures_in_one_file_the_first_is_seen():
    assert upright(seen(bad.two_in_one()))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_however_the_phone_was_held_the_picture_stands_upright(orientation):
    content = bad.turned(orientation)
    decoded = decoding.decode(content)
    assert upright(decoded.pixels)
    assert gate.look(content).upright == (decoded.full_width, decoded.full_height) == (800, 600)


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_grey_printed_and_progressive_pictures_come_out_as_colour(mode, progressive):
    pixels = seen(bad.jpeg(bad.scene(mode=mode), progressive=progressive))
    assert pixels.shape == (600, 800, 3)
    assert mode == "L" or upright(pixels)


def test_colours_of_a_wide_profile_come_out_as_screens_show_them():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # The same profile with red and green primaries exchanged.
    swapped = lab.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")
    swapped = swapped.replace(b"\0s\0R\0G\0B", b"\0o\0d\0d\0 ")
    pixels = seen(bad.jpeg(icc_profile=swapped))
    assert near(pixels[40, 40], (20, 220, 20))


@pytest.mark.parametrize("profile", [b"rubbish", bytes(200), bad.profile()[:300]])
def test_a_broken_profile_is_left_aside(profile):
    assert upright(seen(bad.jpeg(icc_profile=profile)))


def test_a_large_picture_is_seen_smaller():
    decoded = decoding.decode(bad.jpeg(bad.scene(3000, 2000)), 1000)
    assert decoded.pixels.shape == (667, 1000, 3)
    assert (decoded.full_width, decoded.full_height) == (3000, 2000)


def test_more_than_fifty_million_pixels_are_decoded_at_half_scale():
    content = bad.jpeg(Image.new("RGB", (8200, 6200), "white"))
    assert decoding.decode(content).pixels.shape == (3100, 4100, 3)


def test_the_copy_holds_no_place_no_camera_and_no_comment():
    original = bad.with_place()
    assert b"SECRET" in original
    assert bad.SECRET in original
    copy = decoding.encode(decoding.decode(original).pixels)
    for trace in (
        b"Exif",
        b"SECRET",
        b"script",
        b"ICC_PROFILE",
        b"http",
        b"\xff\xfe",
        b"\xff\xe1",
        b"\xff\xe2",
    ):
        assert trace not in copy[: copy.index(b"\xff\xda")]
    assert bad.SECRET not in copy
    assert set(Image.open(BytesIO(copy)).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
