"""How customers sign in (domain 1.5, 3.6): who gets in, who is told what, and what can be tried how often."""

import re
import time
from datetime import timedelta

import pytest
from sqlalchemy import update

from engine import clock, parameters
from handlers import fixtures, moods
from web.sessions import SessionRow

C01 = fixtures.CUSTOMERS["C01"]
WRONG_CODE = "验证码错误，请重新输入"


def login_form(key: str, code: str = "", account_type: str = "futures", **more: str) -> dict[str, str]:
    """Return the sign-in form as it is sent with the SMS code."""
    number = fixtures.CUSTOMERS[key].id_number
    return {"id_number": number, "account_type": account_type, "code": code, "privacy": "yes", **more}


def another(code: str) -> str:
    """Return a code that is not ``code``."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_g01_a_code_goes_to_the_reserved_phone_and_opens_the_profile(product, customer):
    customer.asks_for_code("C01")
    assert customer.sees("验证码已发送至 138****8001")
    assert 'data-seconds="60"' in customer.text
    customer.posts("/login", login_form("C01", customer.received_code(C01.mobile)))
    assert customer.sees("基本资料")


def test_g02_an_account_type_that_was_not_opened_is_explained(product, customer):
    customer.asks_for_code("C03", "futures")
    assert customer.sees("柜台校验客户不存在")
    assert customer.sees("尚未开通对应账户类型账号，需要开通后才可使用")
    assert customer.sees("400-888-0000")


def test_g02_the_other_account_type_lets_the_same_person_in(product, customer):
    assert customer.signs_in("C03", "asset_management").sees("基本资料")


def test_g03_a_wrong_check_character_sends_nothing(product, customer):
    form = customer.fills_in_login("C01", id_number="110105198506123738")
    customer.posts("/login/code", form)
    assert customer.sees("身份证号输入错误")
    assert product.messages() == []


def test_g04_somebody_under_18_is_told_so(product, customer):
    customer.asks_for_code("C05")
    assert customer.sees("您未满18周岁，暂不能办理网上业务")


def test_g05_without_the_captcha_nothing_is_sent(product, customer):
    form = customer.fills_in_login("C01", captcha="")
    answer = customer.posts("/login/code", form)
    assert answer.status_code == 422
    assert customer.sees("请先输入图形验证码！")
    assert product.messages() == []


def test_a_wrong_captcha_is_replaced_and_sends_nothing(product, customer):
    before = customer.fills_in_login("C01")["captcha"]
    customer.posts("/login/code", login_form("C01", captcha="0000"))
    assert customer.sees("图形验证码错误，请重新输入")
    assert customer.captcha() != before
    assert product.messages() == []


def test_a_captcha_is_good_for_one_try(product, customer):
    form = customer.fills_in_login("C01")
    customer.posts("/login/code", form)
    product.later(minutes=2)
    customer.posts("/login/code", {**form, "csrf_token": customer.token})
    assert customer.sees("图形验证码错误，请重新输入")


def test_g06_five_wrong_codes_lock_sign_in_in_every_browser(product, customer, another_customer):
    customer.asks_for_code("C01")
    wrong = another(customer.received_code(C01.mobile))
    for _ in range(4):
        assert customer.posts("/login", login_form("C01", wrong)).status_code == 422
    assert customer.posts("/login", login_form("C01", wrong)).status_code == 429
    assert another_customer.asks_for_code("C01").status_code == 429
    assert another_customer.sees("登录已锁定，请30分钟后再试")


def test_g06_the_lock_opens_after_half_an_hour(product, customer):
    customer.asks_for_code("C01")
    wrong = another(customer.received_code(C01.mobile))
    for _ in range(5):
        customer.posts("/login", login_form("C01", wrong))
    product.later(minutes=31)
    assert customer.signs_in("C01").sees("基本资料")


def test_g07_a_frozen_account_is_told_so_with_the_hotline(product, customer):
    customer.asks_for_code("C08")
    assert customer.sees("您的账户已冻结")
    assert product.messages() == []


def test_g08_a_counter_that_is_down_is_not_a_missing_customer(product, customer):
    product.counter_is("down")
    customer.asks_for_code("C01")
    assert customer.sees("柜台系统暂时无法连接，请稍后再试或联系期货公司")
    assert not customer.sees("柜台校验客户不存在")


def test_g10_without_the_privacy_policy_nobody_gets_in(product, customer):
    customer.asks_for_code("C01")
    code = customer.received_code(C01.mobile)
    answer = customer.posts("/login", login_form("C01", code, privacy=""))
    assert answer.status_code == 422
    assert customer.sees("请阅读并同意《隐私政策》")
    assert customer.sees(f'value="{code}"'), "the code is not typed twice"


def test_r060_the_version_agreed_to_is_kept(product, customer):
    customer.signs_in("C01")
    known = product.product.web.customers.of_person(C01.id_number, "0002")
    assert known[0].privacy_version == parameters.Parameters().privacy_version


def test_r056_before_a_right_captcha_nobody_learns_who_is_a_customer(product, customer):
    customer.opens("/login")
    customer.posts("/login", login_form("C03", "123456"))
    assert not customer.sees("柜台校验客户不存在")
    assert not customer.sees("验证码已发送")


def test_r056_found_and_not_found_take_the_same_time(product, customer):
    product.product.web.customers._beat = 0.3
    form = customer.fills_in_login("C03", "futures")
    began = time.monotonic()
    customer.posts("/login/code", form)
    assert time.monotonic() - began >= 0.3


def test_r056_a_company_may_hide_who_is_a_customer(product, customer):
    database = product.engine.database
    parameters.change(database, {"login_hide_existence": True}, "a", "b", clock.now())
    customer.asks_for_code("C03", "futures")
    assert customer.sees("您的登录信息有误或账户不存在")
    assert not customer.sees("柜台校验客户不存在")


def test_r064_the_next_code_waits_sixty_seconds(product, customer):
    customer.asks_for_code("C01")
    customer.asks_for_code("C01")
    assert customer.sees("重新获取")
    assert len(product.messages()) == 1


def test_codes_of_one_number_are_limited_an_hour(product, customer):
    for _ in range(5):
        customer.asks_for_code("C01")
        product.later(seconds=61)
    assert customer.asks_for_code("C01").status_code == 429
    assert customer.sees("获取次数过多，请稍后再试")


def test_a_code_opens_only_the_browser_that_asked_for_it(product, customer, another_customer):
    customer.asks_for_code("C01")
    code = customer.received_code(C01.mobile)
    another_customer.opens("/login")
    another_customer.posts("/login", login_form("C01", code))
    assert another_customer.address == "/login"


def test_a_code_is_good_for_one_sign_in(product, customer):
    customer.asks_for_code("C01")
    code = customer.received_code(C01.mobile)
    customer.posts("/login", login_form("C01", code))
    customer.opens("/me")
    customer.posts("/logout")
    customer.opens("/login")
    customer.posts("/login", login_form("C01", code))
    assert customer.address == "/login"


def test_a_code_is_too_old_after_five_minutes(product, customer):
    customer.asks_for_code("C01")
    code = customer.received_code(C01.mobile)
    product.later(minutes=6)
    customer.posts("/login", login_form("C01", code))
    assert customer.sees("验证码已过期，请重新获取")


def test_an_empty_code_is_asked_for(product, customer):
    customer.asks_for_code("C01")
    customer.posts("/login", login_form("C01", ""))
    assert customer.sees("请输入验证码！")


def test_a_telephone_company_that_is_down_is_said_so(product, customer):
    moods.set_mood(product.engine.database, "sms", "down")
    assert customer.asks_for_code("C01").status_code == 503
    assert customer.sees("短信服务暂时无法连接，请稍后再试")


def test_the_sms_names_company_and_validity_and_never_the_id_number(product, customer):
    customer.asks_for_code("C01")
    text = product.messages(C01.mobile)[0].text
    assert "某某期货" in text
    assert "5分钟内有效" in text
    assert C01.id_number not in text


def test_the_session_has_a_new_name_after_sign_in(product, customer):
    customer.opens("/login")
    before = customer.browser.get_cookie("kaihu")
    customer.signs_in("C01")
    after = customer.browser.get_cookie("kaihu")
    assert before is not None
    assert after is not None
    assert before.value != after.value


def test_signing_in_again_ends_the_session_before(product, customer):
    customer.signs_in("C01")
    old = customer.browser.get_cookie("kaihu")
    assert old is not None
    product.later(minutes=2)
    customer.opens("/me")
    customer.posts("/logout")
    customer.signs_in("C01")
    thief = product.client()
    thief.set_cookie("kaihu", old.value)
    assert thief.get("/me").status_code == 303


def test_r042_after_logging_out_the_back_button_finds_nothing(product, customer):
    customer.signs_in("C01")
    cookie = customer.browser.get_cookie("kaihu")
    customer.posts("/logout")
    assert cookie is not None
    customer.browser.set_cookie("kaihu", cookie.value)
    assert "/login" in customer.browser.get("/me").headers["Location"]


def test_r039_a_session_that_timed_out_asks_to_sign_in_and_comes_back(product, customer):
    customer.signs_in("C01").starts("change_phone")
    task = customer.task
    end_by_age(product)
    customer.opens(f"/me/tasks/{task}")
    assert customer.sees("登录超时，请重新登录！")
    assert f"/me/tasks/{task}" in customer.text
    product.later(minutes=2)
    form = customer.fills_in_login("C01")
    customer.posts("/login/code", form)
    code = customer.received_code(C01.mobile)
    customer.posts("/login", login_form("C01", code, next=f"/me/tasks/{task}"))
    assert customer.task == task


def end_by_age(product):
    """Let every session lie unused for longer than it may."""
    with product.engine.database.transaction() as session:
        session.execute(update(SessionRow).values(seen_at=SessionRow.seen_at - timedelta(minutes=31)))


def test_a_session_ends_after_eight_hours_however_much_it_is_used(product, customer):
    customer.signs_in("C01")
    with product.engine.database.transaction() as session:
        session.execute(
            update(SessionRow).values(began_at=SessionRow.began_at - timedelta(hours=8, minutes=1))
        )
    assert customer.browser.get("/me").status_code == 303


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/%0d%0aX: y", ""],
)
def test_no_address_leads_away_after_sign_in(product, customer, target: str):
    customer.asks_for_code("C01")
    code = customer.received_code(C01.mobile)
    form = {**login_form("C01", code, next=target), "csrf_token": customer.token}
    answer = customer.browser.post("/login", data=form)
    assert re.fullmatch(r"/(me|%0d%0aX: ?y|%250d.*|%0d.*)", answer.headers["Location"])


def test_the_captcha_can_be_seen_and_heard(product, customer):
    customer.opens("/login")
    assert customer.browser.get("/captcha.png").data.startswith(b"\x89PNG")
    assert customer.browser.get("/captcha.wav").data.startswith(b"RIFF")


def test_another_captcha_can_be_had_without_a_script(product, customer):
    customer.opens("/login")
    before = customer.captcha()
    customer.posts("/login/captcha", {"id_number": C01.id_number})
    assert customer.captcha() != before
    assert C01.id_number in customer.text


def test_the_lost_phone_page_names_hotline_and_branches(product, customer):
    customer.opens("/lost-phone")
    assert customer.sees("杭州营业部")
    assert customer.sees("400-888-0000")
