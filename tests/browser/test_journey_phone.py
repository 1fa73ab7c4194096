"""修改联系电话, from sign-in to the counter, at a phone and at a PC (Ch. 5)."""

import pytest

from tests.browser.conftest import SIZES


@pytest.mark.parametrize("size", SIZES)
def test_a_new_mobile_stands_in_the_counter_after_a_landline_was_returned(kaihu, customer, reviewer):
    zhang, new = customer("C01"), kaihu.new_mobile()
    zhang.signs_in().starts("change_phone").gives_pictures()
    zhang.types_landline().presses("下一步").signs()
    number = zhang.number

    shen = reviewer()
    shen.claims(number).sends_back("D02", note="请改为本人手机号")
    zhang.opens("/me").sees("联系电话有误或无法接通").sees("请改为本人手机号")
    zhang.handles_now("联系电话").types_new_mobile(new).presses("下一步").signs()
    assert kaihu.profile(zhang.who).mobile == zhang.who.mobile  # nothing is in effect before the approval

    shen.claims(number).approves()
    zhang.sees_in_effect(number, "联系电话", f"{new[:3]}****{new[-4:]}")
    assert kaihu.profile(zhang.who).mobile == new
