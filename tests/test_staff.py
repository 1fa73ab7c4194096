"""How staff prove who they are, and what they may do (R-002 to R-007)."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from engine import Actor
from engine.company import Limits
from engine.store import Database, Keyring
from handlers import fixtures, passwords, roles
from handlers.roles import RolesRefused
from handlers.staff import StaffAccounts, StaffRefused

NOW = datetime(2026, 3, 18, 2, tzinfo=UTC)
RULES = Limits()
PASSWORD = "平湖秋月 three pools 1988"
WRONG = "登录名、密码或动态口令错误"


@pytest.fixture
def accounts(database: Database, keyring: Keyring) -> StaffAccounts:
    return StaffAccounts(database, keyring)


@pytest.fixture
def shen(accounts: StaffAccounts):
    return accounts.create(
        "Reviewer1",
        "沈静",
        PASSWORD,
        frozenset({"reviewer"}),
        company="0002",
        branches=frozenset({"杭州营业部"}),
        licence="F0300001",
    )


def totp(new, steps: int = 0) -> str:
    return pyotp.TOTP(new.totp).at(int(time.time()) + 30 * steps)


def verify(accounts, new, password=PASSWORD, number=None, now=NOW, login="reviewer1"):
    return accounts.verify(login, password, number or totp(new), rules=RULES, now=now)


def refused(accounts, new, **values) -> str:
    with pytest.raises(StaffRefused) as refusal:
        verify(accounts, new, **values)
    return refusal.value.message


def test_a_reviewer_signs_in_with_password_and_one_time_number(accounts, shen):
    member = verify(accounts, shen)
    assert (member.name, member.roles, member.licence) == ("沈静", {"reviewer"}, "F0300001")


def test_a_login_is_the_same_in_capitals(accounts, shen):
    assert verify(accounts, shen, login=" REVIEWER1 ").login == "reviewer1"


def test_every_wrong_proof_is_told_in_the_same_words(accounts, shen):
    said = {
        refused(accounts, shen, login="nobody"),
        refused(accounts, shen, password="wrong but quite long"),
        refused(accounts, shen, number="000000" if totp(shen) != "000000" else "000001"),
    }
    assert said == {WRONG}


def test_a_one_time_number_is_good_once(accounts, shen):
    number = totp(shen)
    verify(accounts, shen, number=number)
    assert refused(accounts, shen, number=number) == WRONG


def test_a_number_of_an_earlier_step_is_refused_after_a_later_one(accounts, shen):
    verify(accounts, shen, number=totp(shen, 1))
    assert refused(accounts, shen, number=totp(shen)) == WRONG


def test_a_clock_half_a_minute_off_does_not_matter_but_minutes_do(accounts, shen):
    assert refused(accounts, shen, number=totp(shen, -3)) == WRONG
    verify(accounts, shen, number=totp(shen, 1))


def test_two_browsers_at_once_use_a_number_once(accounts, shen):
    number, together, entered = totp(shen), threading.Barrier(3), []

    def enter() -> None:
        together.wait()
        try:
            verify(accounts, shen, number=number)
        except StaffRefused:
            return
        entered.append(1)

    browsers = [threading.Thread(target=enter) for _ in range(3)]
    for one in browsers:
        one.start()
    for one in browsers:
        one.join()
    assert len(entered) == 1


def test_five_wrong_proofs_lock_for_a_quarter_of_an_hour_even_the_right_one(accounts, shen):
    said = [refused(accounts, shen, password="wrong but quite long") for _ in range(5)]
    assert said[:4] == [WRONG] * 4
    assert said[4] == "登录失败次数过多，请15分钟后再试"
    assert "登录失败次数过多" in refused(accounts, shen, now=NOW + timedelta(minutes=14))
    verify(accounts, shen, now=NOW + timedelta(minutes=15))


def test_a_login_that_does_not_exist_locks_just_the_same(accounts, shen):
    said = [refused(accounts, shen, login="nobody") for _ in range(6)]
    assert said[5] == "登录失败次数过多，请15分钟后再试"


def test_a_right_proof_forgives_the_wrong_ones_before_it(accounts, shen):
    for _ in range(4):
        refused(accounts, shen, password="wrong but quite long")
    verify(accounts, shen)
    assert refused(accounts, shen, password="wrong but quite long") == WRONG


def test_a_disabled_account_is_refused_and_loses_its_rights_at_once(accounts, shen):
    assert accounts.actor(str(shen.id), "s1") is not None
    accounts.disable(shen.id, NOW)
    assert accounts.actor(str(shen.id), "s1") is None
    assert refused(accounts, shen) == WRONG
    accounts.enable(shen.id)
    verify(accounts, shen)


def test_r007_a_member_of_staff_acts_for_a_company_and_branches(accounts, shen):
    actor = accounts.actor(str(shen.id), "s1")
    assert actor == Actor(
        "staff", str(shen.id), frozenset({"reviewer"}), frozenset({"杭州营业部"}), "0002", "s1"
    )


def test_changed_rights_hold_from_the_next_request(accounts, shen):
    accounts.change_rights(shen.id, frozenset({"agent"}), frozenset())
    actor = accounts.actor(str(shen.id), "s1")
    assert (actor.roles, actor.branches) == ({"agent"}, frozenset())


@pytest.mark.parametrize("unknown", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_an_id_nobody_has_acts_for_nobody(accounts, unknown):
    assert accounts.actor(unknown, "s1") is None


def test_a_password_is_changed_only_by_who_knows_the_old_one(accounts, shen):
    with pytest.raises(StaffRefused):
        accounts.change_password(shen.id, "wrong but quite long", "another long one 77")
    accounts.change_password(shen.id, PASSWORD, "another long one 77")
    verify(accounts, shen, password="another long one 77")


def test_who_lost_the_authenticator_gets_a_new_one_and_the_old_is_void(accounts, shen):
    new = accounts.reset(shen.id, "another long one 77")
    assert refused(accounts, shen, password="another long one 77") == WRONG
    verify(accounts, new, password="another long one 77")


def test_a_login_belongs_to_one_person(accounts, shen):
    with pytest.raises(StaffRefused, match="该登录名已被使用"):
        accounts.create("reviewer1", "别人", PASSWORD, frozenset({"agent"}), company="0002")


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("eleven char", passwords.TOO_SHORT),
        ("x" * 129, passwords.TOO_LONG),
        ("password1234", passwords.TOO_COMMON),
        ("Qwertyuiop123456", passwords.TOO_COMMON),
        ("aaaaaaaaaaaa", passwords.TOO_COMMON),
        ("abcdefghijklm", passwords.TOO_COMMON),
        ("reviewer1reviewer1", passwords.TOO_COMMON),
    ],
)
def test_a_password_everybody_tries_first_is_refused(password, said):
    assert passwords.complaint(password, "reviewer1") == said


@pytest.mark.parametrize(
    "password", ["correct horse battery staple", "西湖十景断桥残雪雷峰夕照花港", "k7w-mq2x-vp9r"]
)
def test_a_long_password_needs_no_digit_sign_or_capital(password):
    assert passwords.complaint(password, "reviewer1") is None


def test_at_most_two_passwords_are_hashed_at_once(monkeypatch):
    running, most, guard = 0, 0, threading.Lock()

    class Slow:
        def hash(self, password: str) -> str:
            nonlocal running, most
            with guard:
                running += 1
                most = max(most, running)
            time.sleep(0.05)
            with guard:
                running -= 1
            return password

    monkeypatch.setattr(passwords, "_HASHER", Slow())
    people = [threading.Thread(target=passwords.hash_password, args=("x",)) for _ in range(6)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert most == 2


@pytest.mark.parametrize("both", [{"analyst", "reviewer"}, {"admin", "agent"}, {"compliance", "admin"}])
def test_r006_who_decides_about_customers_does_not_make_the_rules(accounts, both):
    with pytest.raises(RolesRefused):
        accounts.create("someone", "某人", PASSWORD, frozenset(both), company="0002")


@pytest.mark.parametrize("given", [frozenset(), frozenset({"king"})])
def test_an_account_has_a_role_and_only_known_ones(accounts, given):
    with pytest.raises(RolesRefused):
        accounts.create("someone", "某人", PASSWORD, given, company="0002")


@pytest.mark.parametrize(
    ("role", "permission", "allowed"),
    [
        ("reviewer", "case.review", True),
        ("admin", "case.review", False),
        ("analyst", "case.review", False),
        ("analyst", "releases.draw", True),
        ("compliance", "journal.see", True),
        ("compliance", "case.review", False),
        ("admin", "staff.manage", True),
        ("admin", "journal.see", False),
        ("reviewer", "no.such.permission", False),
    ],
)
def test_r006_the_table_says_who_may(role, permission, allowed):
    assert roles.may(Actor("staff", "x", frozenset({role})), permission) is allowed


def test_a_customer_has_no_permission_of_staff_whatever_role_he_claims():
    assert not roles.may(Actor("customer", "x", frozenset({"reviewer"})), "case.review")


def test_name_secret_and_password_are_not_stored_in_the_clear(accounts, shen, database):
    with database.engine.connect() as connection:
        stored = str(connection.exec_driver_sql("select * from staff").all())
    assert not any(secret in stored for secret in ("沈静", shen.totp, PASSWORD))


# The demonstration's people


def test_the_demonstration_is_seeded_once_and_its_secrets_told_once(database, keyring, accounts):
    told = fixtures.seed(database, keyring)
    assert len(told["staff"]) == 12
    assert told["customers"]["C01"]["mobile"] == "13800138001"
    again = fixtures.seed(database, keyring)
    assert again["staff"] == {}
    assert again["customers"] == told["customers"]
    reviewer = told["staff"]["reviewer1"]
    number = fixtures.totp_now(reviewer["totp"])
    assert accounts.verify("reviewer1", reviewer["password"], number, rules=RULES, now=NOW).name == "沈静"
    assert len({one["password"] for one in told["staff"].values()}) == 12
