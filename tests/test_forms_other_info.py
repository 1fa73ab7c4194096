"""The other-information page: domain.md 1.8, 3.7, 3.8, 3.10, scenarios G-37 to G-42."""

import copy

import pytest

import forms
from tests.answering import C01, C09, accepted, context, said


def answers(**changed):
    """C01's answers as the page shows them, with some changed; ``None`` leaves one out."""
    posted = {
        name: copy.deepcopy(C01[name])
        for name in (
            "address", "postcode", "email", "education", "occupation", "tax_type", "platform_type",
            "term_investment", "proceeds_type", "con_relation", "beneficiary", "investment_variety",
            "bad_record",
        )
    }  # fmt: skip
    posted |= {"postcode": "310013"} | changed
    return {name: value for name, value in posted.items() if value is not None}


def only(posted, known=None):
    """The one message of a refused page."""
    [message] = said("other_info", posted, known or context())
    return message


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("education", "学历不能为空！"),
        ("occupation", "职业不能为空！"),
        ("tax_type", "税收居民不能为空"),
        ("platform_type", "政要人物关系不能为空"),
        ("term_investment", "投资期限不能为空"),
        ("proceeds_type", "期望收益不能为空"),
        ("con_relation", "账户是否存在实际控制关系不能为空"),
        ("beneficiary", "账户交易实际受益人不能为空"),
        ("investment_variety", "投资品种不能为空"),
    ],
)
def test_every_mandatory_answer_is_asked_for_in_its_words(key, message):
    assert only(answers(**{key: None})) == message


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("province", "联系地址省份不能为空！"),
        ("detail", "详细联系地址不能为空！"),
        ("city", "联系地址城市不能为空！"),
    ],
)
def test_every_part_of_the_address_is_asked_for(part, message):
    address = {**C01["address"], "district": "", part: ""}
    assert message in said("other_info", answers(address=address), context())


@pytest.mark.parametrize(
    ("code", "message"), [("", "邮政编码不能为空！"), ("31000", "请输入正确的邮政编码！")]
)
def test_g37_the_postal_code_is_six_digits(code, message):
    assert only(answers(postcode=code), context(C09)) == message


def test_a_postal_code_of_another_province_is_to_be_confirmed():
    assert only(answers(postcode="100020")) == "邮政编码与省份可能不符，请核对"
    found = accepted("other_info", answers(postcode="100020", confirm=["POST_PROV"]), context())
    assert found.flags == ("POST_PROV",)


def test_g38_an_outdated_occupation_may_not_be_kept():
    assert only(answers(occupation="03"), context(C09)) == "请选择其他职业"


def test_g39_none_and_another_bad_record_are_refused():
    assert "“无”不能与其他选项同时选择" in said("other_info", answers(bad_record=["D", "I"]), context())


TAX = {
    "surname": "Zhang", "given_name": "Wei", "birth_date": "1985-06-12",
    "address_cn": {"country": "CN", "province": "浙江省", "city": "杭州市", "detail": "文三路478号"},
    "address_en": {"country": "China", "province": "Zhejiang", "city": "Hangzhou", "detail": "478 Wensan Rd"},
    "birth_cn": {"country": "CN", "province": "北京市", "city": "北京市", "detail": "建国路1号"},
    "birth_en": {"country": "China", "province": "Beijing", "city": "Beijing", "detail": "1 Jianguo Rd."},
    "residences": [{"country": "US", "tin": "123-45-6789"}],
    "statement": True,
}  # fmt: skip


def test_g40_another_tax_residence_opens_the_self_certification():
    found = accepted("other_info", answers(tax_type="C", tax=TAX), context())
    assert found.flags == ("TAX_NONRES",)
    assert found.answers["tax"]["residences"] == [{"country": "US", "tin": "123-45-6789"}]


@pytest.mark.parametrize(
    ("declared", "countries", "message"),
    [
        ("C", ["CN"], "请至少填写一个中国以外的税收居民国(地区)"),
        ("B", ["CN"], "仅为非居民时，税收居民国(地区)不能选择中国"),
        ("B", ["US", "US"], "税收居民国(地区)不能重复，请删除重复的一项"),
        ("C", ["US", "GB", "FR", "DE"], "税收居民国(地区)及纳税人识别号最多填写3项"),
    ],
)
def test_g40_the_countries_fit_the_declaration(declared, countries, message):
    tax = TAX | {"residences": [{"country": one, "tin": "1"} for one in countries]}
    assert only(answers(tax_type=declared, tax=tax)) == message


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"country": "US"}, "请填写纳税人识别号，或选择没有识别号的原因"),
        ({"country": "US", "no_tin_reason": "not_obtained"}, "请解释具体原因"),
    ],
)
def test_g40_a_number_or_a_reason_is_needed(row, message):
    assert only(answers(tax_type="B", tax=TAX | {"residences": [row]})) == message


def test_g40_a_country_without_numbers_needs_no_explanation():
    row = {"country": "AE", "no_tin_reason": "not_issued", "explanation": "left over"}
    found = accepted("other_info", answers(tax_type="B", tax=TAX | {"residences": [row]}), context())
    assert found.answers["tax"]["residences"] == [{"country": "AE", "tin": "", "no_tin_reason": "not_issued"}]


def test_g40_at_least_one_country_and_the_statement_are_needed():
    messages = said(
        "other_info", answers(tax_type="C", tax=TAX | {"residences": [], "statement": False}), context()
    )
    assert "税收居民国(地区)不能为空！" in messages
    assert "请阅读并确认税收居民身份声明" in messages


def test_g40_a_company_may_refer_to_the_counter_and_the_choice_is_cleared():
    known = context(settings={"declaration_modes": {"tax_type": "refer"}, "hotline": "400-888-0000"})
    with pytest.raises(forms.AnswersRejected) as refused:
        accepted("other_info", answers(tax_type="C"), known)
    [problem] = refused.value.problems
    assert problem.message == "请您联系我公司客服人员临柜办理，联系电话400-888-0000。"
    assert (problem.code, problem.clears) == ("REFER", True)
    assert refused.value.answers["tax_type"] is None


def test_soldiers_need_no_self_certification():
    found = accepted("other_info", answers(tax_type="C", occupation="08"), context())
    assert "tax" not in found.answers


CONTROL = {
    "direction": "controlled", "name": "某某贸易有限公司", "id_type": "x", "id_number": "91330106MA2XXXXX0X",
    "contact": "李四", "phone": "0571-87654321", "relation": "shareholder",
}  # fmt: skip


def test_g41_a_control_relation_needs_its_counterparty():
    assert "对方名称不能为空！" in said("other_info", answers(con_relation="B"), context())
    found = accepted("other_info", answers(con_relation="B", control=[CONTROL]), context())
    assert found.flags == ("CONTROL",)
    assert found.answers["control"][0]["name"] == "某某贸易有限公司"


def test_g41_set_back_the_counterparty_is_deleted():
    found = accepted("other_info", answers(con_relation="A", control=[CONTROL]), context())
    assert "control" not in found.answers


def test_g41_another_relation_is_described():
    row = CONTROL | {"relation": "other"}
    assert only(answers(con_relation="B", control=[row])) == "关系说明不能为空！"


@pytest.mark.parametrize("choice", ["A", "B", "C"])
def test_a_politically_exposed_person_says_who(choice):
    pep = {"person_name": "John Smith", "organisation": "某国", "position": "部长", "in_office": "no",
           "left_on": "2020-01-01", "relation": "配偶", "funds": "工资收入"}  # fmt: skip
    assert accepted("other_info", answers(platform_type=choice, pep=pep), context()).flags == ("PEP",)
    assert only(answers(platform_type=choice, pep=pep | {"left_on": ""})) == "离任日期不能为空！"


def test_another_beneficiary_is_named():
    detail = {"name": "李四", "id_type": "1", "id_number": "33010619860101005x", "relation": "朋友",
              "phone": "13900139000", "reason": "代为持有"}  # fmt: skip
    found = accepted("other_info", answers(beneficiary="B", beneficiary_detail=detail), context())
    assert found.flags == ("BENEF",)
    wrong = detail | {"id_number": "330106198601010051"}
    assert only(answers(beneficiary="B", beneficiary_detail=wrong)) == "身份证号输入错误"


def test_every_bad_record_is_explained():
    detail = {"A": {"month": "2024-05", "description": "逾期已还清"}, "G": {"description": "已和解"},
              "H": {"organisation": "某组织", "month": "2023-01", "description": "已处理"}}  # fmt: skip
    found = accepted("other_info", answers(bad_record=["A", "G", "H"], bad_record_detail=detail), context(
        C01 | {"bad_record": []}))  # fmt: skip
    assert found.flags == ("CREDIT",)
    assert found.answers["bad_record_detail"] == detail


def test_a_bad_record_cannot_lie_in_the_future():
    detail = {"A": {"month": "2026-04", "description": "逾期"}}
    known = context(C01 | {"bad_record": []})
    assert only(answers(bad_record=["A"], bad_record_detail=detail), known) == "日期不能晚于本月"


def test_other_products_and_occupations_are_described():
    assert only(answers(investment_variety=["A", "C"])) == "请填写其他投资品种"
    assert only(answers(occupation="99")) == "请填写职业说明"


def test_people_of_the_futures_business_may_not_trade():
    assert only(answers(occupation="13")) == "请选择是或否"
    assert only(answers(occupation="13", futures_staff="yes")) == "上述人员依法不得参与期货交易"
    assert said("other_info", answers(occupation="13", futures_staff="no"), context()) == []


@pytest.mark.parametrize("occupation", ["36", "37", "39"])
def test_some_occupations_are_marked_for_the_reviewer(occupation):
    assert accepted("other_info", answers(occupation=occupation), context()).flags == ("OCC_RISK",)


RISKS = {"tax_type": "C", "platform_type": "A", "con_relation": "B", "beneficiary": "B", "bad_record": ["A"]}


@pytest.mark.parametrize("name", RISKS)
def test_a_declaration_that_becomes_harmless_needs_a_reason(name):
    before = context(C01 | {name: RISKS[name]})
    assert only(answers(), before) == "请填写变更原因"
    found = accepted("other_info", answers(**{f"{name}_reason": "关系已解除"}), before)
    assert found.flags == ("DECL_DOWNGRADE",)


def test_r140_without_any_change_there_is_nothing_to_submit():
    assert only(answers(postcode="310012")) == "您未修改任何信息"


def test_r140_the_page_starts_with_what_the_counter_has():
    shown = forms.prefill(forms.load("other_info"), context())
    assert shown["address"] == C01["address"]
    assert shown["bad_record"] == ["I"]


@pytest.mark.parametrize(
    ("detail", "messages"),
    [
        ("建国路88号院 2号楼，12/F", []),
        ("北京市", ["请填写到门牌号（如××路××号×室）"]),
        ("😀路1号", ["详细地址含有不支持的字符"]),
    ],
)
def test_g42_the_address_reaches_the_house_number(detail, messages):
    address = {"province": "北京市", "city": "北京市", "district": "朝阳区", "detail": detail}
    assert said("other_info", answers(address=address, postcode="100020"), context()) == messages


def test_a_city_of_another_province_is_refused():
    address = C01["address"] | {"city": "苏州市", "district": ""}
    assert only(answers(address=address)) == "请从列表中选择市"


def test_r141_a_company_hides_demands_and_adds_questions():
    settings = {
        "field_modes": {"email": "required", "deal_type": "required", "education": "hidden"},
        "extension_fields": [{"key": "referrer", "label": "推荐人", "required": True}],
    }
    posted = answers(email="", education="1")
    assert said("other_info", posted, context(settings=settings)) == [
        "电子邮箱不能为空！", "推荐人不能为空！", "主要交易类型不能为空",
    ]  # fmt: skip
    posted |= {"email": "a@example.com", "extras": {"referrer": "王五"}, "deal_type": ["A"]}
    found = accepted("other_info", posted, context(settings=settings))
    assert found.answers["extras"] == {"referrer": "王五"}
    assert "education" not in found.answers


def test_a23_a_company_may_demand_the_bad_records():
    known = context(settings={"bad_record_required": True})
    assert only(answers(bad_record=[]), known) == "机构不良诚信记录不能为空"


def test_the_dictionary_of_a_company_replaces_ours():
    settings = {"dictionaries": {"education": [{"code": "9", "label": "博士后"}]}}
    assert only(answers(education="3"), context(settings=settings)) == "请从列表中选择学历"
    assert said("other_info", answers(education="9"), context(settings=settings)) == []


def test_an_option_of_no_list_is_refused():
    assert only(answers(education="77")) == "请从列表中选择学历"
    assert "请从列表中选择您想投资的品种为" in said(
        "other_info", answers(investment_variety=["Z"]), context()
    )


def test_follow_up_answers_of_last_time_are_shown_and_no_change():
    details = {"control": [CONTROL | {"relation_note": None}], "tax": TAX}
    stored = C01 | {"con_relation": "B", "tax_type": "C", "details": details}
    shown = forms.prefill(forms.load("other_info"), context(stored))
    assert shown["control"] == details["control"]
    assert shown["tax"]["surname"] == "Zhang"
    # A statement is made anew every time.
    assert not shown["tax"]["statement"]
    same = answers(postcode="310012", con_relation="B", control=[CONTROL])
    kept = C01 | {"con_relation": "B", "details": {"control": [CONTROL]}}
    assert only(same, context(kept)) == "您未修改任何信息"
    other = same | {"control": [CONTROL | {"contact": "王五"}]}
    assert said("other_info", other, context(kept)) == []
