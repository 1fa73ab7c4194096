"""Masks: domain.md 3.12."""

import pytest

from forms import masks


@pytest.mark.parametrize(
    ("value", "shown"),
    [("张伟", "张*"), ("欧阳娜", "欧**"), ("阿依古丽·买买提", "阿*******"), ("", ""), (None, "")],
)
def test_a_name_shows_its_first_character(value, shown):
    assert masks.name(value) == shown


def test_an_id_number_shows_six_and_four():
    assert masks.id_number("110105198506123737") == "110105********3737"
    assert masks.id_number("11010585061") == "***********"
    assert masks.id_number(None) == ""


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("13800131234", "138****1234"),
        ("0571-87654321", "0571-8765****"),
        ("0571-87654321-8001", "0571-8765****"),
        ("010-12345678", "010-1234****"),
        ("075588267533", "07558826****"),
        ("123", "***"),
        (None, ""),
    ],
)
def test_a_phone_number_hides_four_digits(value, shown):
    assert masks.phone(value) == shown


def test_an_email_address_shows_its_domain():
    assert masks.email("zhang@example.com") == "z***@example.com"
    assert masks.email("zhang") == "***"
    assert masks.email(None) == ""


def test_an_address_shows_province_and_city():
    assert (
        masks.address({"province": "浙江省", "city": "杭州市", "detail": "文三路1号"}) == "浙江省杭州市******"
    )
    assert masks.address({"province": "北京市", "city": "北京市", "detail": "建国路1号"}) == "北京市******"
    assert masks.address("北京市建国路1号") == "******"
    assert masks.address(None) == ""
