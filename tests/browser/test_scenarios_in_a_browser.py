"""Scenarios of which a browser is part: what is disabled, counted down, opened or marked by scripts."""

import json
import re
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import expect

from handlers.fixtures import totp_now
from tests.browser.persons import Reviewer, jpeg

MEGABYTES = 10 * 1024 * 1024


def test_g01_the_button_counts_down_60_s_and_the_code_opens_the_profile(customer):
    zhang = customer("C01")
    zhang.page.clock.install()
    zhang.opens("/login").fills_in_login().asks_for_code().sees(
        f"{zhang.who.mobile[:3]}****{zhang.who.mobile[-4:]}"
    )
    again = zhang.page.get_by_role("button", name="重新获取")
    expect(again).to_have_text(re.compile(r"重新获取（(60|5\d)秒）"))
    expect(again).to_be_disabled()
    zhang.page.clock.fast_forward(61_000)
    expect(again).to_have_text("重新获取验证码")
    expect(again).to_be_enabled()


def test_g03_a_wrong_number_is_told_on_leaving_the_field(customer):
    zhang = customer("C01").opens("/login").answers({"身份证号": "110105198506123738"})
    zhang.field("图形验证码").focus()
    zhang.sees("身份证号输入错误").cannot_use("获取短信验证码")
    zhang.answers({"身份证号": "11010519850612373 7"}).field("图形验证码").focus()
    zhang.does_not_see("身份证号输入错误")


def test_g05_without_a_captcha_the_page_says_so_and_sends_nothing(customer):
    zhang = customer("C01").opens("/login").answers({"身份证号": customer("C01").who.id_number})
    zhang.presses("获取短信验证码").is_told("请先输入图形验证码！")
    assert zhang.kaihu.messages(zhang.who.mobile) == []


def test_g15_the_guide_opens_by_itself_and_again_when_asked(customer):
    zhang = customer("C01").has_got_to("change_id_validity", "upload").closes_guide()
    guide = zhang.page.get_by_role("dialog", name="拍摄规范")
    expect(guide).to_be_hidden()
    # Before the page's scripts are awake the link leads to the help page.
    zhang.page.locator("html[data-awake]").wait_for()
    zhang.page.get_by_role("link", name="查看示例").first.click()
    expect(guide).to_be_visible()


def test_g15_with_pictures_on_file_the_guide_waits_to_be_asked(customer):
    zhao = customer("C06").has_got_to("change_phone", "upload").sees("已有留存照片，可以直接使用")
    expect(zhao.page.get_by_role("dialog", name="拍摄规范")).to_be_hidden()


def test_g16_a_png_renamed_to_jpg_is_refused_before_it_is_sent(customer):
    png = BytesIO()
    Image.new("RGB", (900, 700)).save(png, "PNG")
    zhao = customer("C06").has_got_to("change_id_validity", "upload").consents()
    zhao.chooses("front", jpeg(png.getvalue(), "front.jpg"))
    expect(zhao.slot("front").get_by_role("status")).to_have_text("仅支持JPG格式")
    assert zhao.kaihu.pictures_kept(zhao.kaihu.open_case(zhao.who)) == 0


@pytest.mark.parametrize(("more", "said"), [(0, "已上传"), (1, "图片大小不能超过10M")])
def test_g17_ten_megabytes_and_not_one_byte_more(customer, more, said):
    zhao = customer("C06").has_got_to("change_id_validity", "upload").consents()
    small = zhao.photo("front")["buffer"]
    zhao.chooses("front", jpeg(small + b"\0" * (MEGABYTES - len(small) + more)))
    expect(zhao.slot("front").get_by_role("status")).to_have_text(said)


def test_g20_g21_what_is_missing_is_said_and_the_summary_leads_there(customer):
    zhang = customer("C01").has_got_to("change_phone", "upload").closes_guide().consents()
    zhang.uploads_pictures("front", "back").presses("下一步")
    zhang.is_told("请上传签名照！", "请阅读并同意《数字证书安全责任书》！")
    zhang.follows("请上传签名照！")
    expect(zhang.slot("signature").get_by_label("选择图片")).to_be_focused()
    # What was put right meanwhile is marked where it was asked for.
    zhang.uploads("signature")
    entry = zhang.page.get_by_role("alert").get_by_role("listitem").filter(has_text="请上传签名照！")
    expect(entry).to_contain_text("已修改")


def test_a_picture_can_be_taken_back(customer):
    zhang = customer("C01").has_got_to("change_phone", "upload").closes_guide().consents().uploads("front")
    zhang.slot("front").get_by_role("button", name="删除").click()
    expect(zhang.slot("front").get_by_role("status")).to_have_text("已删除")
    zhang.presses("下一步").is_told("请上传身份证正面照！")


def test_g28_a_term_that_does_not_fit_the_age_is_confirmed(customer, reviewer):
    zhang = customer("C01").has_got_to("change_id_validity")
    zhang.answers({"自": "2016-01-10", "至": "2026-12-31"}).presses("下一步")
    zhang.is_told("有效期限应为5年、10年、20年或长期，请核对")
    zhang.answers({"自": "2018-01-10", "至": "2028-01-10"}).presses("下一步").sees("有效期一般为20年")
    zhang.confirms().signs()
    reviewer().claims(zhang.number).sees("ID_TERM_AGE")


def test_g32_a_landline_needs_no_code(customer):
    zhang = customer("C01").has_got_to("change_phone").types_landline()
    zhang.cannot_use("短信验证码", "获取短信验证码").sees("登录短信仍发送至 138****")
    zhang.presses("下一步").sees("协议签署")


def test_g31_a_number_that_cannot_be_gets_no_sms(customer):
    zhang = customer("C01").has_got_to("change_phone").answers({"联系电话": "12012345678"})
    zhang.presses("获取短信验证码").is_told("请输入正确格式的联系手机！").holds({"联系电话": "12012345678"})


def test_g38_an_old_occupation_is_shown_and_may_not_be_kept(customer):
    liu = customer("C09").has_got_to("change_other_info").sees("（已停用，请重新选择）")
    liu.answers({"邮政编码": "214400"}).presses("下一步").is_told("请选择其他职业")


def test_g43_agreements_are_signed_after_each_was_read_to_its_end(customer):
    zhang = customer("C01").has_got_to("change_phone").types_landline()
    zhang.presses("下一步").sees("未阅读")
    box = zhang.page.get_by_role("checkbox", name="我已阅读并同意 以上所有协议和业务规则内容")
    expect(box).to_be_disabled()
    zhang.presses("签署协议").is_told("请先阅读完《客户须知》")
    zhang.follows("《客户须知》")
    expect(zhang.page.get_by_role("button", name="请继续阅读")).to_be_disabled()
    zhang.finishes_reading()
    assert len(zhang.unread()) == 3
    zhang.reads_all_agreements()
    expect(box).to_be_enabled()


def test_the_submission_page_leads_back_by_itself(customer):
    zhang = customer("C01")
    zhang.page.clock.install()
    zhang.has_submitted_a_landline()
    zhang.sees("秒后 返回我的业务").page.clock.run_for(6_000)
    expect(zhang.page.get_by_role("heading", name="基本资料", exact=True)).to_be_visible()
    zhang.section_says("联系电话", "待复核", "撤回")


def test_g50_a_signature_sent_back_is_the_only_thing_open(customer, reviewer):
    zhang = customer("C01")
    number = zhang.has_submitted_a_landline()
    reviewer().claims(number).sends_back("P02")
    zhang.opens("/me").handles_now("联系电话").sees("签名照不清晰").sees("请重新拍摄并上传")
    assert zhang.page.get_by_label("选择图片").count() == 1
    zhang.uploads("signature", zhang.photo("signature", again=True))
    zhang.reads_all_agreements().agrees_to_upload().presses("下一步")
    zhang.presses("下一步").signs()
    assert zhang.kaihu.case(number).state == "submitted"


def test_a_refusal_ends_the_application_with_its_reason(customer, reviewer):
    zhang = customer("C01")
    reviewer().claims(zhang.has_submitted_a_landline()).rejects("X04")
    zhang.opens("/me").section_says("联系电话", "不通过", "不符合网上办理条件，请临柜办理")


def test_two_reviewers_never_decide_the_same_application(customer, reviewer):
    shen, gu = reviewer(), reviewer("reviewer2")
    # The lists follow by themselves.
    number = customer("C01").has_submitted_a_landline()
    expect(gu.row(number)).to_be_visible()
    shen.claims(number)
    expect(gu.row(number)).to_contain_text("沈静")
    expect(gu.row(number).get_by_role("button", name="领取")).to_be_hidden()


def test_a_reviewer_signs_in_with_password_and_one_time_number(kaihu, opens):
    told = json.loads((kaihu.data / "demo.json").read_text("utf-8"))["staff"]["reviewer1"]
    shen = Reviewer(kaihu, opens(), "reviewer1").opens("/desk/login")
    shen.answers({"用户名": "reviewer1", "密码": told["password"], "动态验证码": totp_now(told["totp"])})
    shen.presses("登录").sees("任务箱")


def test_r140_a_change_is_marked_and_taking_it_back_unmarks_it(customer):
    zhang = customer("C01").has_got_to("change_other_info")
    zhang.chooses_occupation("个体工商户", "个体工商户、私营企业主").sees_plainly("原：经济、金融业务人员")
    zhang.chooses_occupation("经济、金融", "经济、金融业务人员").does_not_see("原：经济、金融业务人员")
