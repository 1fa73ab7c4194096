"""Every page is usable by everybody: WCAG 2.2 AA by axe-core, at both sizes, in light and dark."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import SIZES

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


class Inspector:
    """Looks at the page that is open and notes what it finds."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.found: list[str] = []

    def looks(self, name: str) -> None:
        """Run axe-core on the page as it is now."""
        self.page.wait_for_load_state("networkidle")
        self.page.evaluate(AXE.read_text("utf-8"))
        asked: dict[str, Any] = {"runOnly": RULES, "resultTypes": ["violations"]}
        told = self.page.evaluate("asked => axe.run(document, asked)", asked)
        for wrong in told["violations"]:
            places = "; ".join(f"{node['html'][:160]} ({node['failureSummary']})" for node in wrong["nodes"])
            self.found.append(f"{name}: {wrong['id']}: {places}")


COLOURS = pytest.mark.parametrize(("size", "colours"), [("phone", "light"), ("pc", "dark")])


@COLOURS
def test_the_pages_before_the_sign_in_have_no_barriers(customer, colours):
    stranger = customer("C09", color_scheme=colours)
    page = Inspector(stranger.page)
    for path in ("/", "/login", "/help", "/privacy", "/lost-phone", "/demo/phone", "/nowhere"):
        stranger.opens(path)
        page.looks(path)
    stranger.opens("/login").presses("登录").is_told("请先输入身份证号！")
    page.looks("sign-in with problems")
    assert page.found == []


@COLOURS
def test_the_pages_of_a_change_have_no_barriers(customer, colours):
    liu = customer("C09", color_scheme=colours)
    page = Inspector(liu.page)
    liu.is_signed_in()
    page.looks("profile")
    liu.starts("change_other_info")
    page.looks("photo guide")
    liu.closes_guide().consents().uploads("front").presses("下一步").is_told("请上传签名照！")
    page.looks("upload with problems")
    liu.follows("《数字证书安全责任书》")
    page.looks("reader")
    liu.finishes_reading().uploads_pictures("back", "signature").agrees_to_upload().presses("下一步")
    liu.presses("下一步").is_told("邮政编码不能为空！")
    liu.question("您的税收居民身份为").get_by_label("仅为非居民").check()
    liu.question("您的账户是否存在实际控制关系").get_by_label("存在", exact=True).check()
    page.looks("other information with problems and follow-up questions")
    assert page.found == []


@COLOURS
def test_the_pages_from_the_phone_to_the_progress_have_no_barriers(customer, colours):
    zhang = customer("C01", color_scheme=colours)
    page = Inspector(zhang.page)
    zhang.has_got_to("change_phone").types_landline()
    page.looks("phone")
    zhang.presses("下一步").sees("协议签署")
    page.looks("agreements")
    zhang.page.clock.install()
    zhang.signs()
    page.looks("submission")
    zhang.opens("/me")
    page.looks("profile with applications")
    zhang.section("联系电话").get_by_role("link", name="查看进度").click()
    page.looks("progress")
    assert page.found == []


@pytest.mark.parametrize("size", SIZES)
def test_the_desk_of_a_reviewer_has_no_barriers(customer, opens, reviewer, size):
    dates = {"validity__from": "2025-03-11", "validity__until": "2045-03-11"}
    number = customer("C02").has_got_to("change_id_validity", "submitted", **dates).number
    shen = reviewer(size=size)
    page = Inspector(shen.page)
    page.looks("inbox")
    shen.row(number).get_by_role("link").first.click()
    shen.sees("领取后才能作出决定")
    page.looks("unclaimed")
    shen.claims(number).starts_to_send_back()
    page.looks("decision")
    shen.presses("提交决定").is_told("请至少选择一个打回原因")
    page.looks("decision with problems")
    shen.opens("/desk").presses("退出登录")
    page.looks("staff sign-in")
    assert page.found == []
