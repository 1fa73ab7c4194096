"""The way of a customer with JavaScript switched off: plain forms do it all, up to signing, which cannot."""

import re

from playwright.sync_api import expect

from tests.waiting import wait_until


def test_a_phone_change_is_filled_in_without_scripts_up_to_signing(kaihu, customer):
    zhang, new = customer("C01", java_script_enabled=False), kaihu.new_mobile()
    zhang.signs_in().starts("change_phone").closes_guide()
    for slot in ("front", "back", "signature"):
        zhang.consents().chooses(slot, zhang.photo(slot))
        zhang.slot(slot).get_by_role("button", name="上传").click()
        expect(zhang.slot(slot).get_by_role("status")).to_have_text("已上传")
    reads_everything(zhang)
    zhang.agrees_to_upload().presses("下一步").types_new_mobile(new).presses("下一步")
    expect(zhang.page.get_by_role("heading", name="协议签署")).to_be_visible()
    reads_everything(zhang)
    # The key lives in the browser and is used by a script; the page says so, and nothing is lost.
    zhang.ticks("我已阅读并同意 以上所有协议和业务规则内容")
    zhang.presses("签署协议").is_told("请先输入证书密码完成签署")
    assert "签署协议需要浏览器脚本" in zhang.page.content()
    assert kaihu.open_case(zhang.who).state == "await_sign"
    zhang.opens("/me").section("联系电话").get_by_role("button", name="放弃").click()
    zhang.sees("申请已放弃")


def reads_everything(zhang):
    """Open one unread document after the other; a page that says 请阅读至文末 is read a little longer."""
    while unread := zhang.unread():
        unread[0].click()
        wait_until(lambda: finished(zhang.page))


def finished(page):
    """Press 已阅读到底 and tell whether the page believed it."""
    page.get_by_role("button", name="已阅读到底").click()
    page.wait_for_load_state()
    return not re.search("/agreements/", page.url)
