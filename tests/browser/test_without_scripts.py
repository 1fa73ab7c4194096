"""The whole way of a customer with JavaScript switched off: plain forms do it all."""

import re

from playwright.sync_api import expect

from tests.waiting import wait_until


def test_a_phone_is_changed_without_scripts(kaihu, customer):
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
    zhang.agrees().presses("签署协议").sees("已成功提交")
    assert kaihu.case(zhang.number).state == "submitted"
    zhang.opens("/me").section("联系电话").get_by_role("button", name="撤回").click()
    zhang.sees("申请已撤回")


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
