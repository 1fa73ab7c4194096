"""Who may sign in, and what everybody else is told (Ch. 3.1, R-055 to R-060)."""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from engine.parameters import Parameters
from engine.store import Database, Keyring
from handlers import moods
from handlers.counter import Counter, CounterDown, embedded_counter, enrol
from handlers.customers import Customers, SignInRefused
from handlers.fixtures import CUSTOMERS, MINOR
from handlers.limits import TooOften
from handlers.sign_in_lock import SignInLocked, count_wrong, subject

NOW = datetime(2026, 3, 18, 2, tzinfo=UTC)
SETTINGS = Parameters()
HOTLINE = SETTINGS.company.hotline
C01, C02, C03, C06, C08 = (CUSTOMERS[key] for key in ("C01", "C02", "C03", "C06", "C08"))
STRANGER = "11010519491231002X"


@pytest.fixture
def keyring() -> Keyring:
    return Keyring.generate()


@pytest.fixture
def database(database_url: str, keyring: Keyring) -> Iterator[Database]:
    database = Database(database_url)
    for person in (C01, C02, C03, C06, C08):
        enrol(database, keyring, person)
    yield database
    database.dispose()


@pytest.fixture
def counter(database: Database, keyring: Keyring) -> Counter:
    return embedded_counter(database, keyring)


@pytest.fixture
def customers(database: Database, keyring: Keyring, counter: Counter) -> Customers:
    return Customers(database, keyring, counter, beat=0)


def refused(customers: Customers, id_number: str, account_type="futures", settings=SETTINGS) -> SignInRefused:
    with pytest.raises(SignInRefused) as refusal:
        customers.sign_in_lookup(id_number, account_type, settings, NOW, "192.0.2.1")
    return refusal.value


def entered(customers: Customers, database: Database, person=C01, account_type="futures"):
    found = customers.sign_in_lookup(person.id_number, account_type, SETTINGS, NOW)
    with database.transaction() as session:
        return customers.enter(session, found, SETTINGS, NOW)


def test_g01_a_customer_is_found_with_the_phone_the_counter_knows(customers):
    found = customers.sign_in_lookup("110105198506123737", "futures", SETTINGS, NOW)
    assert found.mobile == "13800138001"


def test_full_width_digits_and_spaces_in_the_id_number_do_not_matter(customers):
    assert customers.sign_in_lookup("１１０105 19850612 3737", "futures", SETTINGS, NOW).name == "张伟"


def test_g02_without_that_account_type_the_customer_is_not_there_and_told_what_to_do(customers):
    refusal = refused(customers, C03.id_number)
    assert refusal.message == "柜台校验客户不存在"
    assert "尚未开通对应账户类型账号，需要开通后才可使用" in refusal.explanation
    assert HOTLINE in refusal.explanation
    assert customers.sign_in_lookup(C03.id_number, "asset_management", SETTINGS, NOW).name == "王建国"


def test_g03_a_wrong_check_character_is_told_and_the_counter_not_asked(customers, database):
    moods.set_mood(database, "counter", "down")
    assert refused(customers, "110105198506123738").message == "身份证号输入错误"


def test_g04_who_is_sixteen_may_not(customers):
    assert refused(customers, MINOR[1]).message == "您未满18周岁，暂不能办理网上业务"


def test_g07_a_frozen_account_is_told_with_the_hotline(customers):
    refusal = refused(customers, C08.id_number)
    assert "冻结" in refusal.message
    assert HOTLINE in refusal.message


@pytest.mark.parametrize(("status", "word"), [("closed", "已销户"), ("dormant", "休眠")])
def test_r057_closed_and_dormant_accounts_have_messages_of_their_own(
    customers, database, keyring, status, word
):
    account = C01.accounts[0].model_copy(update={"status": status})
    someone = C01.model_copy(
        update={"customer_no": "80009999", "id_number": STRANGER, "accounts": (account,)}
    )
    enrol(database, keyring, someone)
    assert word in refused(customers, STRANGER).message


def test_g08_a_counter_that_is_down_is_not_told_as_no_customer(customers, database):
    moods.set_mood(database, "counter", "down")
    refusal = refused(customers, C01.id_number)
    assert refusal.message == "柜台系统暂时无法连接，请稍后再试或联系期货公司"


@pytest.mark.parametrize("id_number", [STRANGER, C08.id_number])
def test_r056_a_company_may_hide_who_is_a_customer(customers, id_number):
    refusal = refused(customers, id_number, settings=Parameters(login_hide_existence=True))
    assert refusal.message == (
        f"您的登录信息有误或账户不存在，如有疑问请联系期货公司咨询，联系电话：{HOTLINE}"
    )
    assert refusal.explanation == ""


@pytest.mark.parametrize("id_number", [C01.id_number, STRANGER])
def test_r056_found_or_not_takes_the_same_time(database, keyring, counter, id_number):
    customers = Customers(database, keyring, counter, beat=0.3)
    began = time.monotonic()
    with contextlib.suppress(SignInRefused):
        customers.sign_in_lookup(id_number, "futures", SETTINGS, NOW)
    took = time.monotonic() - began
    # A whole beat, and what the counting before it takes.
    assert took >= 0.3


def test_r056_one_address_cannot_probe_for_customers(customers):
    for n in range(30):
        customers.sign_in_lookup(
            C01.id_number if n % 2 else C06.id_number, "futures", SETTINGS, NOW, "192.0.2.1"
        )
    with pytest.raises(TooOften):
        customers.sign_in_lookup(C02.id_number, "futures", SETTINGS, NOW, "192.0.2.1")
    customers.sign_in_lookup(C02.id_number, "futures", SETTINGS, NOW + timedelta(hours=1), "192.0.2.1")


def test_r056_one_id_number_cannot_be_probed_from_many_addresses(customers):
    for n in range(30):
        customers.sign_in_lookup(C01.id_number, "futures", SETTINGS, NOW, f"192.0.2.{n}")
    with pytest.raises(TooOften):
        customers.sign_in_lookup(C01.id_number, "futures", SETTINGS, NOW, "198.51.100.1")


def test_g06_a_locked_sign_in_is_locked_before_the_counter_is_asked(customers, database, keyring):
    whose = subject(C01.id_number, "futures")
    with database.transaction() as session:
        for _ in range(5):
            count_wrong(session, keyring, whose, NOW, most=5, minutes=30)
    with pytest.raises(SignInLocked):
        customers.sign_in_lookup(C01.id_number, "futures", SETTINGS, NOW)


def test_a_customer_who_comes_back_is_the_same_customer(customers, database):
    first = entered(customers, database)
    assert entered(customers, database) == first
    assert customers.get(first.id) == first
    assert customers.get(str(first.id)) == first


def test_a_person_with_two_accounts_is_two_customers_of_one_person(customers, database):
    one, other = (entered(customers, database, C02, kind) for kind in ("futures", "asset_management"))
    assert one.id != other.id
    assert customers.of_person(C02.id_number, "0002") == [other, one]


@pytest.mark.parametrize("unknown", ["", "nobody", "00000000-0000-0000-0000-000000000000"])
def test_an_id_nobody_has_is_nobody(customers, unknown):
    assert customers.get(unknown) is None


def test_r060_the_agreed_privacy_policy_is_kept_and_a_new_one_asks_again(customers, database):
    found = customers.sign_in_lookup(C01.id_number, "futures", SETTINGS, NOW)
    assert not customers.agreed_privacy(found, SETTINGS)
    entered(customers, database)
    assert customers.agreed_privacy(found, SETTINGS)
    assert not customers.agreed_privacy(found, Parameters(privacy_version="2027-01"))


def test_r077_the_profile_is_read_anew_at_each_visit(customers, database, counter):
    customer = entered(customers, database)
    counter.update("k1", C01.customer_no, {"postcode": "100025"})
    seen = customers.profile_of(customer, NOW)
    assert (seen.data["postcode"], seen.stale, seen.read_at) == ("100025", False, NOW)


def test_r077_while_the_counter_is_down_the_last_copy_is_shown_and_marked(customers, database):
    customer = entered(customers, database)
    fresh = customers.profile_of(customer, NOW)
    moods.set_mood(database, "counter", "down")
    seen = customers.profile_of(customer, NOW + timedelta(hours=1))
    assert (seen.data, seen.stale, seen.read_at) == (fresh.data, True, NOW)


def test_without_a_copy_there_is_nothing_to_show(customers, database):
    customer = entered(customers, database)
    moods.set_mood(database, "counter", "down")
    with pytest.raises(CounterDown):
        customers.profile_of(customer, NOW)


def test_a_profile_is_seen_with_the_account_signed_in_with(customers, database):
    customer = entered(customers, database, C02, "asset_management")
    data = customers.profile_of(customer, NOW).data
    assert (data["account_type"], data["branch"], data["status"]) == (
        "asset_management",
        "杭州营业部",
        "normal",
    )
    assert data["photos"] == {"front": False, "back": False, "signature": False}


def test_nothing_of_a_person_is_stored_in_the_clear(customers, database):
    customer = entered(customers, database)
    customers.profile_of(customer, NOW)
    names = ("customer", "counter_customer", "counter_phone", "attempt", "sign_in_lock")
    with database.engine.connect() as connection:
        stored = str([connection.exec_driver_sql(f"select * from {name}").all() for name in names])  # noqa: S608
    for secret in ("张伟", "110105198506123737", "13800138001", "建国路"):
        assert secret not in stored
        assert str(secret.encode())[2:-1] not in stored
