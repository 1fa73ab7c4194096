"""Address, postal code and e-mail: domain.md 3.7, scenarios G-37 and G-42."""

import pytest

from forms import dictionaries, divisions
from forms.rules import address, postal


@pytest.mark.parametrize(
    "detail",
    ["朝阳区建国路88号院 2号楼，12/F", "文三路478号A座12楼", "人民路1号、2号（北门）", "𬱖庄村三组",
     "Zhongshan Rd. 12号-3·甲", "建国路88号#1203"],
)  # fmt: skip
def test_g42_an_address_with_a_house_number_is_accepted(detail):
    assert address.complaint(detail) is None
    assert not address.vague(detail)


@pytest.mark.parametrize("detail", ["北京市", "朝阳区建国路", "某某小区"])
def test_g42_an_address_without_a_house_number_is_to_be_confirmed(detail):
    assert address.complaint(detail) is None
    assert address.vague(detail)


@pytest.mark.parametrize("detail", ["八号院", "幸福村三队", "建国路十八号"])
def test_chinese_numerals_reach_the_house_number_too(detail):
    assert not address.vague(detail)


@pytest.mark.parametrize(
    ("detail", "message"),
    [
        ("建国路88号<b>", "详细地址含有不支持的字符"),
        ("建国路88号$", "详细地址含有不支持的字符"),
        ("建国路'88号", "详细地址含有不支持的字符"),
        ("建国路`88号", "详细地址含有不支持的字符"),
        ('建国路"88号', "详细地址含有不支持的字符"),
        ("建国路88号😀", "详细地址含有不支持的字符"),
        ("建国路88号\n2室", "详细地址含有不支持的字符"),
        ("12345678", "请填写真实的联系地址"),
        ("abc 123", "请填写真实的联系地址"),
        ("啊啊啊啊", "请填写真实的联系地址"),
        ("路号", "详细地址请填写3至50个字"),
        ("路" + "1号" * 25, "详细地址请填写3至50个字"),
    ],
)
def test_what_no_letter_can_reach_is_refused(detail, message):
    assert address.complaint(detail) == message


@pytest.mark.parametrize("code", ["310000", "100000", "000001"])
def test_six_digits_are_a_postal_code(code):
    assert postal.valid(code)


@pytest.mark.parametrize("code", ["31000", "3100000", "000000", "31000a", ""])
def test_g37_anything_else_is_none(code):
    assert not postal.valid(code)


def test_a_postal_code_of_another_province_is_doubted():
    assert postal.fits("310000", "浙江省")
    assert not postal.fits("310000", "北京市")
    assert postal.fits("015000", "内蒙古自治区")
    assert postal.fits("830000", "新疆维吾尔自治区")


def test_every_province_has_its_postal_prefixes():
    names = [one.name for one in divisions.load().provinces()]
    known = dictionaries.POSTAL_PREFIXES
    assert [one for one in names if not any(one.startswith(short) for short in known)] == []


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("zhang.wei+bank@example.com", "zhang.wei+bank@example.com"),
        ("a_b%c-d@mail.example.com.cn", "a_b%c-d@mail.example.com.cn"),
        ("Zhang@Example.COM", "Zhang@example.com"),
        ("zhang＠example．com", "zhang@example.com"),
        ("zhang@例子.中国", "zhang@xn--fsqu00a.xn--fiqs8s"),
    ],
)
def test_an_email_address_is_accepted(typed, stored):
    assert address.tidy_email(typed) == stored
    assert address.email_ascii(stored) == stored


@pytest.mark.parametrize(
    "typed",
    ["zhang", "zhang@", "@example.com", "a@b", "a@@example.com", ".a@example.com", "a.@example.com",
     "a..b@example.com", "a@example.c", "a@-example.com",
     "a b@", "a" * 53 + "@example.com", "a@example..com"],
)  # fmt: skip
def test_what_is_no_email_address_is_refused(typed):
    assert address.email_ascii(address.tidy_email(typed)) is None
