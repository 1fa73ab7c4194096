"""Back, reload, a second tab, a typed address, a bad line, another device: nothing is lost (R-036, R-105)."""

import pytest
from playwright.sync_api import Route, expect

from handlers.sms import SentSms
from tests.browser.persons import Customer
from tests.waiting import wait_until

POSTCODE = {"邮政编码": "100099"}


@pytest.fixture
def zhang(customer):
    """Somebody like C01 on the page of other information, who has typed a postal code."""
    typing = customer("C01").has_got_to("change_other_info")
    return typing.leaves_typed(POSTCODE)


def test_g52_a_reload_keeps_what_was_typed(zhang):
    zhang.page.reload()
    zhang.holds(POSTCODE)


def test_g52_back_in_the_browser_leads_to_the_current_step(zhang):
    zhang.opens("/me").opens("/help")
    zhang.page.go_back()
    zhang.page.go_back()
    zhang.holds(POSTCODE)


def test_g52_back_to_a_finished_page_shows_the_current_step(zhang):
    data_page = zhang.page.url
    zhang.presses("下一步").sees("协议签署")
    zhang.page.go_back()
    zhang.sees("请逐份打开并阅读到底")
    zhang.opens(data_page).sees("已为您转到当前步骤").sees("请逐份打开并阅读到底")


def test_g52_back_after_a_mistake_was_corrected_shows_the_current_step(zhang):
    zhang.answers({"邮政编码": "1"}).presses("下一步").is_told("请输入正确的邮政编码！")
    zhang.answers(POSTCODE).presses("下一步").sees("协议签署")
    zhang.page.go_back()
    zhang.sees("已为您转到当前步骤").sees("请逐份打开并阅读到底")


def test_g52_a_typed_address_of_another_step_shows_no_error(zhang):
    zhang.opens("/me/tasks/00000000-0000-4000-8000-000000000000").page.go_back()
    zhang.holds(POSTCODE)


def test_one_step_back_and_on_again_keep_everything(zhang):
    zhang.presses("上一步").sees("上传证件照/签名照").presses("下一步")
    zhang.holds(POSTCODE)


def test_a_second_tab_goes_on_and_the_first_is_led_after_it(zhang):
    second = Customer(zhang.kaihu, zhang.page.context.new_page(), zhang.who)
    second.opens(zhang.page.url).holds(POSTCODE).presses("下一步").sees("协议签署")
    zhang.presses("下一步").sees("已为您转到当前步骤").sees("请逐份打开并阅读到底")


def test_a_double_click_does_it_once(zhang):
    zhang.page.get_by_role("button", name="下一步").dblclick()
    zhang.sees("协议签署").signs()

    def told() -> list[SentSms]:
        return [one for one in zhang.kaihu.messages(zhang.who.mobile) if "提交" in one.text]

    wait_until(told)  # by the worker
    assert len(told()) == 1


def test_r105_a_lost_line_during_an_upload_costs_another_try_and_no_second_picture(customer):
    zhang = customer("C06").has_got_to("change_phone", "upload").consents()
    zhang.page.route("**/files", lambda route: route.abort())
    zhang.chooses("front", zhang.photo("front")).sees("网络中断，图片尚未上传。")
    zhang.page.unroute("**/files")
    zhang.presses("重试")
    expect(zhang.slot("front").get_by_role("status")).to_have_text("已上传")
    assert zhang.kaihu.pictures_kept(zhang.kaihu.open_case(zhang.who)) == 1


def test_r105_a_lost_answer_to_an_upload_makes_no_second_picture(customer):
    def arrives_but_the_answer_is_lost(route: Route) -> None:
        route.fetch()
        route.abort()

    zhang = customer("C06").has_got_to("change_phone", "upload").consents()
    zhang.page.route("**/files", arrives_but_the_answer_is_lost)
    zhang.chooses("front", zhang.photo("front")).sees("网络中断，图片尚未上传。")
    zhang.page.unroute("**/files")
    zhang.presses("重试")
    expect(zhang.slot("front").get_by_role("status")).to_have_text("已上传")
    assert zhang.kaihu.pictures_kept(zhang.kaihu.open_case(zhang.who)) == 1


def test_what_could_not_be_saved_is_said_and_saved_later(zhang):
    zhang.page.route("**/draft", lambda route: route.abort())
    zhang.answers({"邮政编码": "100088"}).sees("暂时无法保存")
    zhang.page.unroute("**/draft")
    zhang.answers({"邮政编码": "100089"}).sees("已自动保存")


def test_r039_after_a_time_out_the_customer_goes_on_at_the_same_step(zhang):
    zhang.kaihu.ends_sessions(zhang.who)
    zhang.page.reload()
    zhang.sees("登录超时，请重新登录！").signs_in_here().holds(POSTCODE)


def test_r042_leaving_keeps_the_draft(zhang):
    zhang.presses("退出登录")
    zhang.opens("/me").sees("身份证号").is_signed_in()
    zhang.section("其他信息").get_by_role("link", name="继续办理").click()
    zhang.holds(POSTCODE)


def test_a37_the_device_that_was_left_behind_is_told(zhang, opens):
    other = Customer(zhang.kaihu, opens(size="phone"), zhang.who).is_signed_in()
    other.opens(zhang.page.url).leaves_typed({"邮政编码": "100077"})
    zhang.answers({"邮政编码": "100066"}).sees("该业务已在其他设备上继续办理")
    zhang.follows("重新载入").holds({"邮政编码": "100077"})
