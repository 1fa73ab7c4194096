"""Judging any page: what is dropped, what is refused, what is confirmed."""

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

import forms
from tests.answering import context


def form(*components, **properties):
    return forms.parse(orjson.dumps({"id": "f", "components": list(components), "properties": properties}))


def text(key="a", **more):
    return {"type": "textfield", "key": key, "label": "甲", **more}


def judge(page, posted, **more):
    return forms.judge(page, posted, context(**more)).answers


def problems(page, posted, **more):
    with pytest.raises(forms.AnswersRejected) as refused:
        forms.judge(page, posted, context(**more))
    return refused.value.problems


def test_a_key_nobody_asked_for_is_dropped():
    assert judge(form(text()), {"a": " 一 ", "b": "2"}) == {"a": "一"}


def test_a_read_only_answer_is_never_taken():
    assert judge(form(text(readonly=True)), {"a": "forged"}) == {}


@pytest.mark.parametrize("key", ["typename", "__proto__", "constructor", "_id", "prototype"])
@pytest.mark.parametrize("place", [lambda key: {key: 1}, lambda key: {"x": [{"y": {key: 1}}]}])
def test_names_that_mean_something_to_machines_refuse_the_page(key, place):
    [problem] = problems(form(text()), place(key))
    assert problem.code == "refused_key"
    assert key in problem.message


def test_a_very_long_text_is_refused_wherever_it_stands():
    [problem] = problems(form(text()), {"elsewhere": {"deep": "x" * 10_001}})
    assert (problem.key, problem.message) == ("elsewhere.deep", "内容过长，最多10000个字，请删减后重试")


def test_a_deep_or_endless_page_is_refused():
    deep: dict[str, Any] = {}
    for _ in range(2000):
        deep = {"x": deep}
    assert problems(form(text()), deep)[0].code == "too_much"
    assert problems(form(text()), {"x": [0] * 2001})[0].code == "too_much"


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_characters_that_no_database_keeps_are_refused(value):
    assert problems(form(text()), {"a": value})[0].code == "characters"


@pytest.mark.parametrize("value", ["a\u202eb", "a\x07b", "a\nb"])
def test_control_and_direction_characters_are_refused(value):
    [problem] = problems(form(text()), {"a": value})
    assert problem.message == "甲含有不支持的字符"


def test_lines_are_allowed_where_there_are_several():
    assert judge(form({"type": "textarea", "key": "a", "label": "甲"}), {"a": "一\r\n二"}) == {"a": "一\n二"}


@pytest.mark.parametrize(
    ("validate", "value", "message"),
    [
        ({"required": True}, "  ", "甲不能为空！"),
        ({"minLength": 2}, " 一 ", "甲请填写2至1000个字"),
        ({"maxLength": 2}, "一二三", "甲最多填写2个字"),
        ({"pattern": "[a-z]+"}, "A1", "请输入正确的甲！"),
        ({"pattern": "[a-z]+", "patternErrorMessage": "请用小写字母"}, "A", "请用小写字母"),
    ],
)
def test_a_text_is_judged_after_trimming(validate, value, message):
    assert [one.message for one in problems(form(text(validate=validate)), {"a": value})] == [message]


@pytest.mark.parametrize(
    ("posted", "stored"),
    [("12", 12), ("１２", 12), ("1.5", 1.5), (" 7 ", 7), ("", None), (3, 3), (None, None)],
)
def test_a_number_is_read(posted, stored):
    assert judge(form({"type": "number", "key": "a", "label": "甲"}), {"a": posted}) == {"a": stored}


@pytest.mark.parametrize("posted", ["1e9", "x", True, [1], {"a": 1}, "1" * 20, float("nan")])
def test_what_is_no_number_is_explained(posted):
    [problem] = problems(form({"type": "number", "key": "a", "label": "甲"}), {"a": posted})
    assert problem.message == "请在甲中填写数字"


PARENT = {"type": "radio", "key": "more", "label": "更多", "values": [{"value": "y", "label": "是"}]}


def test_a_hidden_answer_is_dropped_and_not_demanded():
    child = text(validate={"required": True}, conditional={"hide": "=more != 'y'"})
    assert judge(form(PARENT, child), {"more": "", "a": "left over"}) == {"more": None}
    assert judge(form(PARENT, child), {"more": "y", "a": "一"}) == {"more": "y", "a": "一"}


def test_what_hangs_on_a_hidden_answer_is_hidden_too():
    child = text(conditional={"hide": "not (more == 'y')"})
    grandchild = text("b", conditional={"hide": "not (a == '一')"})
    assert judge(form(PARENT, child, grandchild), {"more": "", "a": "一", "b": "二"}) == {"more": None}


def test_rows_on_which_nothing_was_written_are_left_out():
    page = form({"type": "dynamiclist", "path": "rows", "components": [text(validate={"required": True})]})
    assert judge(page, {"rows": [{"a": ""}, {"a": "一"}, {}]}) == {"rows": [{"a": "一"}]}


def test_a_message_stands_at_the_row_it_speaks_of():
    page = form(
        {
            "type": "dynamiclist",
            "path": "rows",
            "components": [text(), text("b", validate={"required": True})],
        }
    )
    assert [one.key for one in problems(page, {"rows": [{}, {"a": "一"}]})] == ["rows.1.b"]


def test_a_doubt_is_confirmed_by_its_code():
    page = form({**text(), "properties": {"rule": "address_detail"}})
    [problem] = problems(page, {"a": "某某小区"})
    assert (problem.level, problem.code) == ("warning", "ADDR_VAGUE")
    assert judge(page, {"a": "某某小区", "confirm": ["ADDR_VAGUE"]})["flags"] == ["ADDR_VAGUE"]
    assert judge(page, {"a": "某某小区", "confirm": "ADDR_VAGUE"})["flags"] == ["ADDR_VAGUE"]


def test_a_confirmed_doubt_stays_confirmed_while_something_else_is_wrong():
    page = form({**text(), "properties": {"rule": "address_detail"}}, text("b", validate={"required": True}))
    found = problems(page, {"a": "某某小区", "confirm": ["ADDR_VAGUE"]})
    assert [(one.level, one.confirmed) for one in found] == [("warning", True), ("error", False)]


def test_what_was_typed_comes_back_with_the_messages():
    with pytest.raises(forms.AnswersRejected) as refused:
        forms.judge(
            form(text(), {"type": "datetime", "key": "b", "label": "乙"}), {"a": "一", "b": "soon"}, context()
        )
    assert refused.value.answers == {"a": "一", "b": "soon"}


def test_a_draft_is_tidied_and_never_refused():
    page = form(text(validate={"required": True}), {"type": "datetime", "key": "b", "label": "乙"})
    assert judge(page, {"a": " ", "b": "2026/3/8", "c": 1}, mode="typed") == {"a": "", "b": "2026-03-08"}


def test_a_check_of_the_page_is_asked_too():
    page = form(text(), checks="page.free")
    verdict = {"page.free": {"ok": False, "message": "请稍后", "key": ""}}
    assert [one.message for one in problems(page, {"a": "一"}, verdicts=verdict)] == ["请稍后"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("name", forms.names())
@given(data=st.data())
def test_nothing_that_can_be_posted_breaks_a_page(name, data):
    page = forms.load(name)
    keys = sorted(
        {one.key for one in page.walk() if one.key} | {"from", "until", "number", "code", "decision"}
    )
    choices = sorted({choice.value for one in page.walk() for choice in one.values})[:40]
    values = st.sampled_from([*choices, "2026-03-18", "13800138000", "on"]) | JSON
    inner = st.dictionaries(st.sampled_from(keys), values | st.lists(values, max_size=3), max_size=6)
    posted = data.draw(st.dictionaries(st.sampled_from(keys), values | inner | st.lists(inner, max_size=3)))
    for mode in ("typed", "local"):
        with contextlib.suppress(forms.AnswersRejected):
            forms.judge(page, posted, context(mode=mode))


def test_an_html_page_becomes_nested_answers():
    typed = MultiDict(
        [("address.city", "杭州市"), ("investment_variety", "A"), ("investment_variety", "C"),
         ("forged", "1"),
         ("tax.residences.2.tin", "7"), ("tax.residences.0.country", "US"), ("tax.statement", "on"),
         ("confirm", "ADDR_VAGUE"), ("confirm", "POST_PROV"), ("bad_record_detail.A.month", "2024-01")]
    )  # fmt: skip
    found = forms.from_html(forms.load("other_info"), typed)
    assert found["address"] == {"city": "杭州市"}
    assert found["investment_variety"] == ["A", "C"]
    assert found["tax"]["residences"] == [{"country": "US"}, {"tin": "7"}]
    assert found["tax"]["statement"] is True
    assert found["bad_record_detail"]["A"] == {"month": "2024-01"}
    assert found["confirm"] == ["ADDR_VAGUE", "POST_PROV"]
    assert "forged" not in found


@pytest.mark.parametrize(
    ("name", "typed", "nested"),
    [
        ("phone", [("phone.number", "139"), ("phone.code", "1")], {"phone": {"number": "139", "code": "1"}}),
        (
            "id_validity",
            [("validity.from", "2020-01-01"), ("validity.long_term", "true")],
            {"validity": {"from": "2020-01-01", "until": None, "long_term": True}},
        ),
        ("agreements", [("agreements.agreed", "true")], {"agreements": {"agreed": True}}),
        ("agreements", [("agreements", "on")], {"agreements": {"agreed": True}}),
    ],
)
def test_a_page_of_one_question_is_read_too(name, typed, nested):
    assert forms.from_html(forms.load(name), MultiDict(typed)) == nested


@pytest.mark.parametrize("prefix", ["", "decision."])
def test_a_decision_is_read_with_or_without_its_name(prefix):
    typed = MultiDict(
        [(f"{prefix}decision", "return"), (f"{prefix}reasons", "P01"), (f"{prefix}reasons", "D01")]
    )
    found = forms.from_html(forms.load("review"), typed)
    assert found["decision"]["reasons"] == ["P01", "D01"]
