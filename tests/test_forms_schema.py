"""Form files: the closed subset, and what is generated from them."""

from typing import Any

import jsonschema_rs
import orjson
import pytest

import forms
from forms import dictionaries, divisions, wording
from forms.schema import Component
from tests.answering import C01, context


def findings(*components, **more):
    return [one.sentence_en for one in forms.lint({"id": "f", "components": list(components), **more})]


@pytest.mark.parametrize("name", forms.names())
def test_every_form_that_ships_is_in_the_closed_subset(name):
    assert forms.lint((forms.schema.FOLDER / f"{name}.form").read_bytes()) == []
    assert forms.load(name).id == name


@pytest.mark.parametrize("type_", ["html", "iframe", "expression", "script"])
def test_ways_in_for_scripts_are_refused(type_):
    [said] = findings({"type": type_, "key": "a"})
    assert "can bring in scripts" in said


@pytest.mark.parametrize(
    ("component", "said"),
    [
        ({"type": "taglist", "key": "a"}, "there is no component 'taglist'; choose one of the palette"),
        ({"type": "textfield", "key": "a", "onclick": "x"}, "a component has no 'onclick'; remove it"),
        ({"type": "textfield"}, "give it a key: the answer is stored under it"),
        (
            {"type": "textfield", "key": "__proto__"},
            "a key has letters, digits and underscores, a letter first",
        ),
        ({"type": "textfield", "key": "_a"}, "a key has letters, digits and underscores, a letter first"),
        ({"type": "textfield", "key": "typename"}, "'typename' is a reserved name; rename it"),
        ({"type": "textfield", "key": "constructor"}, "'constructor' is a reserved name; rename it"),
        ({"type": "textfield", "key": "flags"}, "'flags' is a reserved name; rename it"),
        ({"type": "textfield", "key": "a", "label": "<b>甲"}, "'label' must not hold HTML"),
        ({"type": "text", "text": "<script>"}, "'text' must not hold HTML"),
        ({"type": "textfield", "key": "a", "validate": {"custom": 1}}, "validate has no 'custom'; remove it"),
        (
            {"type": "textfield", "key": "a", "validate": {"pattern": "("}},
            "the pattern is not a regular expression",
        ),
        (
            {"type": "textfield", "key": "a", "validate": {"pattern": "(a+)+$"}},
            "the pattern is too long or may be very slow",
        ),
        (
            {"type": "textfield", "key": "a", "validate": {"minLength": -1}},
            "'minLength' is a whole number, not below 0",
        ),
        ({"type": "textfield", "key": "a", "properties": {"rule": "nope"}}, "there is no rule 'nope'"),
        (
            {"type": "textfield", "key": "a", "properties": {"x": []}},
            "property 'x' is text, a number, or true or false",
        ),
        ({"type": "select", "key": "a"}, "add options (values) or name a dictionary"),
        ({"type": "select", "key": "a", "values": []}, "add options (values)"),
        ({"type": "select", "key": "a", "values": [{"value": "1"}]}, "every option has a label and a value"),
        (
            {
                "type": "radio",
                "key": "a",
                "values": [{"value": "1", "label": "a"}, {"value": "1", "label": "b"}],
            },
            "two options have the same value",
        ),
        (
            {"type": "select", "key": "a", "properties": {"dictionary": "nope"}},
            "there is no dictionary 'nope'",
        ),
        (
            {"type": "textfield", "key": "a", "conditional": {"show": "x"}},
            "conditional has hide and nothing else",
        ),
        (
            {"type": "idcard-photo", "key": "a", "properties": {"slot": "side"}},
            "slot is front, back or signature",
        ),
    ],
)
def test_what_the_subset_does_not_know_is_refused_with_a_sentence(component, said):
    assert findings(component) == [said]


@pytest.mark.parametrize(
    "where", [{"conditional": {"hide": "__import__('os')"}}, {"properties": {"old": "a.__class__"}}]
)
def test_a_condition_has_to_compile(where):
    [said] = findings({"type": "textfield", "key": "a", **where})
    assert said.startswith(("'hide' ", "'old' "))


def test_a_key_used_twice_is_found_wherever_it_shares_an_object():
    text = {"type": "textfield", "key": "a"}
    assert findings(text, text) == ["'a' is used twice; rename one"]
    assert findings(text, {"type": "group", "components": [text]}) == ["'a' is used twice; rename one"]
    assert findings(text, {"type": "group", "path": "g", "components": [text]}) == []


def test_a_finding_names_the_element_in_both_languages():
    group = {"type": "group", "path": "g", "components": [{"type": "iframe", "key": "a"}]}
    [found] = forms.lint({"id": "f", "components": [group]})
    assert found.element == "g.a"
    assert found.sentence_zh == "不允许使用“iframe”组件：它能带入脚本或外部内容"


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"id":"f"}', b'{"id":"f","components":{}}', b"\xff", b'{"id":1,"components":[]}']
)
def test_what_is_no_form_is_refused(data):
    assert forms.lint(data)
    with pytest.raises(forms.FormRefused):
        forms.parse(data)


def test_a_file_with_too_much_in_it_is_refused():
    assert findings(*({"type": "separator"} for _ in range(401))) == [
        "more than 400 components; split the form"
    ]
    deep: dict[str, Any] = {"type": "textfield", "key": "a"}
    for _ in range(8):
        deep = {"type": "group", "components": [deep]}
    assert findings(deep) == ["nested more than 5 deep"]


@pytest.mark.parametrize("name", ["nope", "../engine/cases", "", "Review"])
def test_a_form_that_does_not_ship_is_not_looked_for(name):
    with pytest.raises(forms.UnknownForm):
        forms.load(name)


@pytest.mark.parametrize("name", forms.names())
def test_every_form_has_a_json_schema(name):
    schema = forms.json_schema(forms.load(name))
    assert jsonschema_rs.meta.is_valid(schema)
    assert schema["additionalProperties"] is False


def test_the_json_schema_takes_what_the_judge_takes():
    form = forms.for_company(forms.load("other_info"), context())
    validator = jsonschema_rs.Draft202012Validator(forms.json_schema(form))
    names = [one.key for one in form.components if one.key in C01]
    assert validator.is_valid({name: C01[name] for name in names} | {"confirm": ["POST_PROV"]})
    assert not validator.is_valid({name: C01[name] for name in names} | {"forged": 1})
    assert not validator.is_valid({name: C01[name] for name in names if name != "tax_type"})


def test_labels_are_there_in_english_too():
    for name in forms.names():
        missing = [
            one.key for one in forms.load(name).walk() if one.label and not one.properties.get("label_en")
        ]
        assert [key for key in missing if key not in "ABCDEFGH"] == []


def test_the_code_lists_are_complete():
    assert len(dictionaries.OCCUPATION) == 45
    assert [one.code for one in dictionaries.OCCUPATION if not one.selectable] == [
        "01",
        "02",
        "03",
        "04",
        "05",
        "06",
    ]
    assert [one.code for one in dictionaries.DECLARATIONS["bad_record"]] == list("ABCDEGFHI")
    assert len(dictionaries.ID_PROVINCES) == 31
    assert dictionaries.label("education", "3") == "本科 (学士)"
    assert [one.at_counter for one in dictionaries.ACCOUNT_TYPES] == ["1", "2"]


def asked(form: forms.Form, key: str) -> forms.Component:
    found = form.find(key)
    assert found is not None
    return found


def test_an_old_occupation_is_shown_but_not_offered():
    choices = {one.value: one.selectable for one in asked(forms.load("other_info"), "occupation").values}
    assert choices["03"] is False
    assert choices["17"] is True


def test_option_e_of_platform_type_is_off_until_the_company_wants_it():
    page = forms.load("other_info")
    for settings, there in (({}, False), ({"pep_international": True}, True)):
        shown = asked(forms.for_company(page, context(settings=settings)), "platform_type")
        assert ("E" in {one.value for one in shown.values}) is there


def test_cities_follow_the_province():
    posted = {"address": {"province": "浙江省", "city": "杭州市"}}
    page = forms.for_company(forms.load("other_info"), context(), posted)
    offered = {key: [choice.value for choice in asked(page, key).values] for key in ("city", "district")}
    assert "杭州市" in offered["city"]
    assert "西湖区" in offered["district"]
    assert "苏州市" not in offered["city"]


def test_a_municipality_is_its_own_city():
    assert [one.name for one in divisions.load().cities("北京市")] == ["北京市"]
    assert (
        divisions.written({"province": "北京市", "city": "北京市", "district": "朝阳区", "detail": "1号"})
        == "北京市朝阳区1号"
    )


def test_a_missing_list_of_divisions_says_what_to_do(tmp_path):
    with pytest.raises(divisions.DivisionsMissing, match="npm ci"):
        divisions.load(tmp_path / "none.json")


def test_states_are_called_as_domain_md_calls_them():
    assert wording.state("started") == "填写中（未提交照片）"
    assert wording.state("update_failed") == "处理中"
    assert wording.state("update_failed", staff=True) == "更新失败"


def test_r200_the_submission_is_confirmed_in_these_words():
    assert wording.submitted("张伟", "110105198506123737", "16") == (
        "尊敬的张伟先生，您的身份证有效期修改已成功提交，正在等待复核；您可在我的基本资料中查看结果。"
    )


def test_r032_the_title_shows_the_number_as_soon_as_it_exists():
    assert wording.page_title("17") == "业务办理/联系电话修改"
    assert (
        wording.page_title("16", "1600020000000001")
        == "业务办理/身份证有效期修改 [受理单号: 1600020000000001]"
    )


def test_a_settings_object_is_read_like_a_mapping():
    class Parameters:
        hotline = "400"

    assert context(settings=Parameters()).setting("hotline") == "400"
    assert context(settings=Parameters()).setting("photos_on_file") is True


def test_a_component_s_message_falls_back_to_its_label():
    assert Component(type="textfield", key="a", label="姓名").message == "姓名不能为空！"
    assert orjson.dumps(forms.json_schema(forms.load("phone")))
