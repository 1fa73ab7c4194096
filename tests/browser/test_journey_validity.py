"""修改身份证有效期, from the expired card to the counter (Ch. 4)."""

from datetime import date

import pytest

from tests.browser.conftest import SIZES


@pytest.mark.parametrize("size", SIZES)
def test_g24_a_new_card_stands_in_the_counter_after_a_new_signature(kaihu, customer, reviewer):
    li = customer("C02").has_new_card()
    li.signs_in().sees("证件已过期373天").starts("change_id_validity").gives_pictures()
    # The page is filled in with what was read from the card.
    li.holds({"自": "2025-03-11", "至": "2045-03-11"}).presses("下一步")
    number = li.number
    li.signs()

    shen = reviewer()
    shen.claims(number).sees("2045-03-11").sends_back("P02")
    li.opens("/me").sees("签名照不清晰").handles_now("身份信息")
    # Only the signature is open.
    assert li.page.get_by_label("选择图片").count() == 1
    li.uploads("signature", li.photo("signature", again=True)).reads_all_agreements().agrees_to_upload()
    li.presses("下一步")
    li.holds({"自": "2025-03-11", "至": "2045-03-11"}).presses("下一步").signs()

    # A card expired so long was witnessed before it was signed for (domain 3.10).
    shen.claims(number).sees("证件过期时间较长").approves()
    li.sees_in_effect(number, "身份信息", "2025-03-11 至 2045-03-11")
    assert kaihu.profile(li.who).valid_until == date(2045, 3, 11)


def test_g25_a_card_without_end_stands_in_the_counter(kaihu, customer, reviewer):
    liu = customer("C09")
    liu.has_got_to("change_id_validity").answers({"自": "2025-04-01", "至": "2045-04-01"}).ticks("长期")
    liu.holds({"至": ""}).cannot_use("至").presses("下一步")
    number = liu.number
    liu.signs()

    reviewer().claims(number).sees("长期").approves()
    liu.sees_in_effect(number, "身份信息", "2025-04-01 至 长期")
    assert kaihu.profile(liu.who).valid_until is None
