"""SMS codes, as customers and those who would abuse them meet them (domain 3.6)."""

import re
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from engine import clock
from engine.parameters import Parameters
from engine.store import Database, Keyring
from handlers import codes, moods
from handlers.captchas import Captchas
from handlers.codes import Ask, CodeGone, Codes, NotYet
from handlers.limits import TooOften
from handlers.refused import CodeRefused
from handlers.short_lived import ShortLived
from handlers.sign_in_lock import SignInLocked, subject
from handlers.sms import SmsDown, embedded_gateway, outbox

NOW = datetime(2026, 3, 18, 2, tzinfo=UTC)
SETTINGS = Parameters()
CASE = UUID(int=1)
SIGNING_IN = Ask("login", subject("110105198506123737", "futures"), "13800138001", "browser 1", "192.0.2.1")
NEW_PHONE = Ask("phone_change", "C01", "16212345678", "browser 1", "192.0.2.1", CASE)


def later(**span) -> datetime:
    return NOW + timedelta(**span)


@pytest.fixture
def sent(database: Database, keyring: Keyring) -> Codes:
    return Codes(database, keyring, embedded_gateway(database, keyring))


@pytest.fixture
def read(database: Database, keyring: Keyring):
    """What the customer reads on the phone: the newest code."""

    def newest(number: str) -> str:
        (code,) = re.findall(r"验证码(\d{6})", outbox(database, keyring, number=number)[0].text)
        return str(code)

    return newest


def other(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_g01_a_code_goes_to_the_reserved_number_and_the_page_may_say_which(sent, read):
    issued = sent.issue(SIGNING_IN, SETTINGS, NOW)
    assert issued.masked == "138****8001"
    assert issued.resend_seconds == 60
    assert sent.check(SIGNING_IN, read("13800138001"), SETTINGS, NOW).ok


def test_spaces_in_a_code_do_not_matter(sent, read):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    code = read("13800138001")
    assert sent.check(SIGNING_IN, f" {code[:3]} {code[3:]} ", SETTINGS, NOW).ok


def test_no_code_typed(sent):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    assert sent.check(SIGNING_IN, " ", SETTINGS, NOW).message == "请输入验证码！"


def test_a_wrong_code(sent, read):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    judged = sent.check(SIGNING_IN, other(read("13800138001")), SETTINGS, NOW)
    assert (judged.ok, judged.message) == (False, "验证码错误，请重新输入")


def test_a_code_is_good_for_just_under_five_minutes(sent, read):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    code = read("13800138001")
    assert sent.check(SIGNING_IN, code, SETTINGS, later(seconds=299)).ok
    assert sent.check(SIGNING_IN, code, SETTINGS, later(minutes=5)).message == "验证码已过期，请重新获取"


def test_a_code_that_was_never_sent_is_to_be_asked_for(sent):
    assert sent.check(SIGNING_IN, "123456", SETTINGS, NOW).message == "验证码已过期，请重新获取"


def test_the_page_may_judge_a_code_twice_and_use_it_once(sent, read, database):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    code = read("13800138001")
    first, second = (sent.check(SIGNING_IN, code, SETTINGS, NOW) for _ in range(2))
    with database.transaction() as session:
        codes.consume(session, first.code_id, NOW)
    with pytest.raises(CodeGone), database.transaction() as session:
        codes.consume(session, second.code_id, NOW)


def test_two_submissions_at_once_use_a_code_once(sent, read, database):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    code_id = sent.check(SIGNING_IN, read("13800138001"), SETTINGS, NOW).code_id
    together, used = threading.Barrier(4), []

    def submit() -> None:
        together.wait()
        try:
            with database.transaction() as session:
                codes.consume(session, code_id, NOW)
        except CodeGone:
            return
        used.append(1)

    people = [threading.Thread(target=submit) for _ in range(4)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert len(used) == 1


def test_a_used_code_is_not_right_any_more(sent, read, database):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    code = read("13800138001")
    with database.transaction() as session:
        codes.consume(session, sent.check(SIGNING_IN, code, SETTINGS, NOW).code_id, NOW)
    assert sent.check(SIGNING_IN, code, SETTINGS, NOW).message == "验证码已过期，请重新获取"


def test_a_step_that_is_undone_leaves_the_code_unused(sent, read, database):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    code = read("13800138001")
    with database.transaction() as session:
        codes.consume(session, sent.check(SIGNING_IN, code, SETTINGS, NOW).code_id, NOW)
        session.rollback()
    assert sent.check(SIGNING_IN, code, SETTINGS, NOW).ok


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(NEW_PHONE, session="browser 2"),
        replace(NEW_PHONE, case_id=UUID(int=2)),
        replace(NEW_PHONE, purpose="login", case_id=None),
        replace(NEW_PHONE, number="16212345679"),
    ],
    ids=["another browser", "another application", "another purpose", "another number"],
)
def test_r125_a_code_is_good_only_where_it_was_asked_for(sent, read, elsewhere):
    sent.issue(NEW_PHONE, SETTINGS, NOW)
    judged = sent.check(elsewhere, read("16212345678"), SETTINGS, NOW)
    assert not judged.ok
    assert "重新获取" in judged.message


def test_g35_changing_the_number_after_asking_voids_the_code(sent, read):
    sent.issue(NEW_PHONE, SETTINGS, NOW)
    code = read("16212345678")
    judged = sent.check(replace(NEW_PHONE, number="16612345678"), code, SETTINGS, NOW)
    assert (judged.ok, judged.message) == (False, "联系电话已更改，请重新获取短信验证码")
    assert not sent.check(NEW_PHONE, code, SETTINGS, NOW).ok


def test_a_new_code_voids_the_one_before(sent, read):
    sent.issue(NEW_PHONE, SETTINGS, NOW)
    first = read("16212345678")
    sent.issue(NEW_PHONE, SETTINGS, later(seconds=60))
    second = read("16212345678")
    assert first == second or not sent.check(NEW_PHONE, first, SETTINGS, later(seconds=60)).ok
    assert sent.check(NEW_PHONE, second, SETTINGS, later(seconds=60)).ok


def test_after_five_wrong_tries_the_right_code_is_of_no_use(sent, read):
    sent.issue(NEW_PHONE, SETTINGS, NOW)
    code = read("16212345678")
    for _ in range(5):
        assert sent.check(NEW_PHONE, other(code), SETTINGS, NOW).message == "验证码错误，请重新输入"
    assert sent.check(NEW_PHONE, code, SETTINGS, NOW).message == "验证码已过期，请重新获取"


def test_r064_another_code_may_be_asked_for_after_sixty_seconds(sent):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    with pytest.raises(NotYet) as wait:
        sent.issue(SIGNING_IN, SETTINGS, later(seconds=45))
    assert wait.value.seconds == 15
    sent.issue(SIGNING_IN, SETTINGS, later(seconds=60))


def test_a_new_browser_does_not_shorten_the_wait(sent):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    with pytest.raises(NotYet):
        sent.issue(replace(SIGNING_IN, session="browser 2", address="192.0.2.2"), SETTINGS, later(seconds=5))


def asked(sent: Codes, times: int, step: timedelta, ask=lambda n: SIGNING_IN) -> int:
    """Ask for a code ``times`` times; return after how many it was refused."""
    for n in range(times):
        try:
            sent.issue(ask(n), SETTINGS, NOW + n * step)
        except TooOften:
            return n
    return times


def test_who_asks_too_often_is_told_to_wait(sent):
    asked(sent, 5, timedelta(minutes=2))
    with pytest.raises(TooOften, match="获取次数过多，请稍后再试"):
        sent.issue(SIGNING_IN, SETTINGS, later(minutes=10))


def test_one_number_gets_five_codes_an_hour(sent):
    def people(n: int) -> Ask:
        return replace(SIGNING_IN, subject=f"{n}|futures", session=str(n), address=f"192.0.2.{n}")

    assert asked(sent, 9, timedelta(minutes=2), people) == 5


def test_one_number_gets_ten_codes_a_day(sent):
    def people(n: int) -> Ask:
        return replace(SIGNING_IN, subject=f"{n}|futures", session=str(n), address=f"192.0.2.{n}")

    assert asked(sent, 14, timedelta(minutes=30), people) == 10


def test_one_id_number_gets_ten_codes_a_day_over_both_account_types(sent):
    def people(n: int) -> Ask:
        who = subject("110105198506123737", ("futures", "asset_management")[n % 2])
        return replace(SIGNING_IN, subject=who, number=f"138001380{n:02d}", session=str(n), address=str(n))

    assert asked(sent, 14, timedelta(minutes=2), people) == 10


def test_one_address_gets_thirty_codes_an_hour(sent):
    def people(n: int) -> Ask:
        return replace(SIGNING_IN, subject=f"{n}|futures", number=f"138001380{n:02d}", session=str(n))

    assert asked(sent, 33, timedelta(seconds=70), people) == 30


def test_of_eight_requests_at_once_one_sends_a_code(sent, database, keyring):
    refused, together = [], threading.Barrier(8)

    def ask(n: int) -> None:
        together.wait()
        try:
            sent.issue(
                replace(SIGNING_IN, session=str(n), address=str(n), purpose="phone_change"), SETTINGS, NOW
            )
        except CodeRefused:
            refused.append(n)

    people = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert len(outbox(database, keyring, number="13800138001")) == 1


def test_a_gateway_that_is_down_still_counts_the_attempt(sent, database):
    moods.set_mood(database, "sms", "down", remaining=1)
    with pytest.raises(SmsDown):
        sent.issue(SIGNING_IN, SETTINGS, NOW)
    with pytest.raises(NotYet):
        sent.issue(SIGNING_IN, SETTINGS, later(seconds=1))


def wrong(sent: Codes, read, ask: Ask, now: datetime, times: int = 1) -> None:
    for _ in range(times):
        sent.check(ask, other(read(ask.number)), SETTINGS, now)


def test_g06_five_wrong_codes_lock_sign_in_for_half_an_hour_in_every_browser(sent, read):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    with pytest.raises(SignInLocked) as locked:
        wrong(sent, read, SIGNING_IN, NOW, times=5)
    assert locked.value.minutes == 30
    elsewhere = replace(SIGNING_IN, session="browser 2", address="192.0.2.9")
    with pytest.raises(SignInLocked) as locked:
        sent.issue(elsewhere, SETTINGS, later(minutes=29))
    assert locked.value.message == "验证码错误次数过多，登录已锁定，请1分钟后再试"
    sent.issue(elsewhere, SETTINGS, later(minutes=30))


def test_g06_wrong_codes_in_several_browsers_add_up(sent, read):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    wrong(sent, read, SIGNING_IN, NOW, times=3)
    elsewhere = replace(SIGNING_IN, session="browser 2")
    sent.issue(elsewhere, SETTINGS, later(minutes=1))
    with pytest.raises(SignInLocked):
        wrong(sent, read, elsewhere, later(minutes=1), times=2)


def test_the_fifth_wrong_code_is_told_as_the_lock_and_the_right_one_after_it_too(sent, read):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    code = read("13800138001")
    with pytest.raises(SignInLocked):
        wrong(sent, read, SIGNING_IN, NOW, times=5)
    with pytest.raises(SignInLocked):
        sent.check(SIGNING_IN, code, SETTINGS, NOW)


def test_the_other_account_type_of_the_person_is_not_locked(sent, read):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    with pytest.raises(SignInLocked):
        wrong(sent, read, SIGNING_IN, NOW, times=5)
    sent.issue(
        replace(SIGNING_IN, subject=subject("110105198506123737", "asset_management")),
        SETTINGS,
        later(minutes=1),
    )


def test_a_right_code_forgives_the_wrong_ones_before_it(sent, read, database):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    wrong(sent, read, SIGNING_IN, NOW, times=4)
    judged = sent.check(SIGNING_IN, read("13800138001"), SETTINGS, NOW)
    with database.transaction() as session:
        sent.sign_in(session, judged.code_id, SIGNING_IN.subject, NOW)
    sent.issue(SIGNING_IN, SETTINGS, later(minutes=2))
    wrong(sent, read, SIGNING_IN, later(minutes=2), times=4)


def test_a_stranger_without_a_code_cannot_lock_anybody_out(sent):
    for n in range(20):
        stranger = replace(SIGNING_IN, session=f"stranger {n}")
        assert sent.check(stranger, "123456", SETTINGS, NOW).message == "验证码已过期，请重新获取"
    sent.issue(SIGNING_IN, SETTINGS, NOW)


def test_neither_code_nor_number_nor_address_is_stored_in_the_clear(sent, read, database):
    sent.issue(SIGNING_IN, SETTINGS, NOW)
    wrong(sent, read, SIGNING_IN, NOW)
    with database.engine.connect() as connection:
        tables = ("sms_code", "attempt", "sign_in_lock")
        stored = str([connection.exec_driver_sql(f"select * from {t}").all() for t in tables])  # noqa: S608
    secret = (read("13800138001"), "13800138001", "110105198506123737", "192.0.2.1")
    assert not any(s in stored for s in secret)


def test_what_is_short_lived_is_forgotten_and_the_living_kept(sent, database, keyring):
    captchas = Captchas(database, keyring)
    tables = ("sms_code", "captcha", "attempt")

    def kept(moment: datetime) -> tuple[int, ...]:
        with clock.frozen(moment):
            ShortLived(database).forget()
        with database.engine.connect() as connection:
            return tuple(len(connection.exec_driver_sql(f"table {name}").all()) for name in tables)

    sent.issue(SIGNING_IN, SETTINGS, NOW)
    captchas.issue("browser 1", SETTINGS.limits, NOW)
    assert kept(NOW) == (1, 1, 4)
    assert kept(later(minutes=6)) == (1, 0, 4)
    assert kept(later(days=1, seconds=1)) == (0, 0, 0)
