"""The resident ID number: domain.md 3.2, every step and every vector."""

from datetime import date

import pytest

from forms.rules import id_number

TODAY = date(2026, 3, 18)


@pytest.mark.parametrize(
    "number",
    ["11010519491231002X", "33010619860101005X", "110105198506123737", "110101200002290173"],
)
def test_a_valid_number_is_accepted(number):
    assert id_number.complaint(number, TODAY) is None


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "请先输入身份证号！"),
        ("110105198506123738", "身份证号输入错误"),
        ("110105850612373", "请输入18位身份证号"),
        ("110101200102290170", "身份证号输入错误"),
        ("160101199003070176", "身份证号输入错误"),
        ("500103200905190312", "您未满18周岁，暂不能办理网上业务"),
        ("1101051985061237", "身份证号输入错误"),
        ("010105198506123737", "身份证号输入错误"),
        ("110105198513123737", "身份证号输入错误"),
        ("110105218506123737", "身份证号输入错误"),
    ],
)
def test_each_step_has_its_message(typed, message):
    assert id_number.complaint(id_number.normalise(typed), TODAY) == message


@pytest.mark.parametrize(
    "number", ["810000199001010131", "710000199001010130", "820000199001010137", "830000199001010131",
               "911241199001010135", "E12345678"],
)  # fmt: skip
def test_other_documents_are_referred_to_the_branch(number):
    expected = "本业务仅支持中华人民共和国第二代居民身份证，请联系期货公司临柜办理"
    assert id_number.complaint(number, TODAY) == expected


@pytest.mark.parametrize(
    "typed", ["33010619860101005x", " 330106 19860101 005X ", "３３０１０６１９８６０１０１００５Ｘ"]
)
def test_a_number_is_read_however_it_is_typed(typed):
    assert id_number.normalise(typed) == "33010619860101005X"


def test_a_birth_date_in_the_future_is_refused():
    assert id_number.complaint("110101203001010014", TODAY) == "身份证号输入错误"


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(2008, 3, 18), date(2026, 3, 17), 17),
        (date(2008, 3, 18), date(2026, 3, 18), 18),
        # Born on 29 February: 1 March in common years.
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2000, 2, 29), date(2020, 2, 29), 20),
    ],
)
def test_age_counts_the_birthday(born, day, age):
    assert id_number.age(born, day) == age


@pytest.mark.parametrize(
    ("number", "sex", "title"),
    [("110105198506123737", "男", "先生"), ("310104199902282284", "女", "女士"), ("", None, "先生/女士")],
)
def test_the_17th_digit_tells_the_sex(number, sex, title):
    assert id_number.sex(number) == sex
    assert id_number.title(number) == title


@pytest.mark.parametrize("number", ["320281197503150517", "310115197001010019"])
def test_a_county_younger_than_its_people_is_no_reason_to_refuse(number):
    body = number[:17]
    assert id_number.complaint(body + id_number.check_character(body), TODAY) is None


@pytest.mark.parametrize(
    "number",
    ["110105198506123737", "310104199902282284", "330106196811030156", "440106200712010269",
     "510104199207150463", "420106199608090626", "650102198810200844", "320281197503150517",
     "110101200002290173"],
)  # fmt: skip
def test_every_grown_up_of_the_fixtures_may_sign_in(number):
    assert id_number.complaint(number, TODAY) is None
