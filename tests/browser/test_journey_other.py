"""修改其他信息: address, postal code, occupation and the nine declarations (Ch. 6)."""

import pytest

from tests.browser.conftest import SIZES


@pytest.mark.parametrize("size", SIZES)
def test_g37_a_new_address_stands_in_the_counter_after_a_wrong_postal_code_was_returned(
    kaihu, customer, reviewer
):
    liu = customer("C09")
    liu.is_signed_in().sees("资料体检").starts("change_other_info").gives_pictures()
    liu.presses("下一步").is_told("邮政编码不能为空！", "请选择其他职业")
    liu.answers({"邮政编码": "31000"}).presses("下一步").is_told("请输入正确的邮政编码！")
    liu.chooses_occupation("个体工商户", "个体工商户、私营企业主")
    liu.answers({"邮政编码": "214431", "详细地址": "朝阳区建国路88号院 2号楼，12/F"}).presses("下一步")
    number = liu.number
    liu.signs()

    shen = reviewer()
    shen.claims(number).sees("214431").sends_back("D05", note="请填写214400")
    liu.opens("/me").sees("请填写214400").handles_now("其他信息")
    liu.holds({"邮政编码": "214431"}).answers({"邮政编码": "214400"}).presses("下一步").signs()

    shen.claims(number).approves()
    liu.sees_in_effect(number, "其他信息", "214400", "个体工商户、私营企业主")
    now = kaihu.profile(liu.who)
    # The counter has no full-width comma; its adapter writes another sign (domain 3.7).
    assert (now.occupation, now.address.detail) == ("40", "朝阳区建国路88号院 2号楼、12/F")


def test_g39_g41_no_follow_up_question_outlives_its_choice(kaihu, customer, reviewer):
    zhang = customer("C01")
    zhang.has_got_to("change_other_info")
    zhang.question("您是否有来源以下机构不良诚信记录").get_by_label("税务管理机构").check()
    zhang.question("税务管理机构").get_by_label("情况说明").fill("已补缴")
    zhang.question("您是否有来源以下机构不良诚信记录").get_by_label("无", exact=True).check()
    zhang.sees_no_question("不良诚信记录说明")
    zhang.question("您的账户是否存在实际控制关系").get_by_label("存在", exact=True).check()
    zhang.presses("下一步").is_told("请")
    control = zhang.question("实际控制关系信息")
    control.get_by_label("对方名称").fill("某某投资有限公司")
    zhang.question("您的账户是否存在实际控制关系").get_by_label("不存在", exact=True).check()
    zhang.sees_no_question("实际控制关系信息").answers({"邮政编码": "100023"}).presses("下一步").signs()

    number = zhang.number
    reviewer().claims(number).does_not_see("某某投资有限公司").does_not_see("已补缴").approves()
    zhang.sees_in_effect(number, "其他信息", "100023")
    assert (kaihu.profile(zhang.who).con_relation, kaihu.profile(zhang.who).bad_record) == ("A", ("I",))
