"""Phone numbers: domain.md 3.5, every vector."""

import pytest

from forms.rules import phone


@pytest.mark.parametrize(
    "typed",
    ["13800138000", "16212345678", "16612345678", "17012345678", "19212345678", "19712345678",
     "+86 138 0013 8000", "0086-138-0013-8000", "8613800138000", "１３８００１３８０００"],
)  # fmt: skip
def test_a_mobile_number_is_accepted(typed):
    number = phone.normalise(typed)
    assert phone.complaint(number) is None
    assert phone.kind(number) == "mobile"
    assert len(number) == 11


@pytest.mark.parametrize(
    "typed", ["12012345678", "14012345678", "15412345678", "19412345678", "1380013800", "138001380000"]
)
def test_a_wrong_mobile_number_is_refused(typed):
    assert phone.complaint(phone.normalise(typed)) == "请输入正确格式的联系手机！"


OPEN = {*range(130, 140), 145, 147, *range(150, 154), *range(155, 160), 162, *range(165, 168),
        *range(170, 174), *range(175, 179), *range(180, 190), *range(190, 194), *range(195, 200)}  # fmt: skip


@pytest.mark.parametrize("prefix", range(100, 200))
def test_exactly_the_open_prefixes_are_accepted(prefix):
    assert (phone.complaint(f"{prefix}12345678") is None) == (prefix in OPEN)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("010-12345678", "010-12345678"),
        ("021-87654321", "021-87654321"),
        ("0571-87654321", "0571-87654321"),
        ("0991-2234567", "0991-2234567"),
        ("075588267533", "0755-88267533"),
        ("0571-87654321-8001", "0571-87654321-8001"),
        ("０５７１－８７６５４３２１", "0571-87654321"),
        ("0571 8765 4321", "0571-87654321"),
    ],
)
def test_a_landline_is_stored_with_its_area_code(typed, stored):
    number = phone.normalise(typed)
    assert phone.complaint(number) is None
    assert number == stored
    assert phone.kind(number) == "landline"


@pytest.mark.parametrize(
    "typed",
    ["099-1234567", "010-6234567", "400-818-6666", "0000-1234567", "95555", "026-12345678",
     "0571-07654321", "abc"],
)  # fmt: skip
def test_a_wrong_landline_is_refused(typed):
    assert phone.complaint(phone.normalise(typed)) == "请输入正确格式的联系电话！"


@pytest.mark.parametrize("prefix", ["162", "165", "167", "170", "171"])
def test_virtual_operators_are_known(prefix):
    assert phone.virtual(prefix + "12345678")
    assert not phone.virtual("13812345678")
