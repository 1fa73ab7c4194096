"""What any counter does for us, whether it is embedded or at the other end of a line (R-010, 3.15)."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from engine import clock
from engine.store import Database, Keyring
from handlers import moods
from handlers.counter import (
    Counter,
    CounterBusy,
    CounterConflict,
    CounterDown,
    CounterRefused,
    UnknownCustomer,
    embedded_counter,
    enrol,
    http_counter,
)
from handlers.fixtures import CUSTOMERS
from tests.http_counter import TOKEN, counter_line, served

C01, C02, C03, C06, C09 = (CUSTOMERS[key] for key in ("C01", "C02", "C03", "C06", "C09"))


@pytest.fixture
def keyring() -> Keyring:
    return Keyring.generate()


@pytest.fixture
def database(database_url: str, keyring: Keyring) -> Iterator[Database]:
    database = Database(database_url)
    for person in (C01, C02, C03, C09):
        enrol(database, keyring, person)
    enrol(database, keyring, C06, {"front": b"\xff\xd8\xff front"})
    yield database
    database.dispose()


@pytest.fixture(params=["embedded", "http"])
def counter(request, database: Database, keyring: Keyring) -> Iterator[Counter]:
    if request.param == "embedded":
        yield embedded_counter(database, keyring, patience=2.0)
        return
    with served(counter_line(database, keyring)) as address:
        yield http_counter(address, TOKEN, seconds=2.0)


def test_a_customer_is_found_by_id_number_and_account_type(counter):
    found = counter.find(C01.id_number, "futures")
    assert (found.customer_no, found.name, found.mobile) == (C01.customer_no, "张伟", "13800138001")
    assert (found.account.branch, found.account.status) == ("杭州营业部", "normal")


def test_g02_a_customer_without_that_account_type_is_not_found(counter):
    assert counter.find(C03.id_number, "futures") is None
    assert counter.find(C03.id_number, "asset_management") is not None


def test_a_person_with_two_accounts_is_one_customer(counter):
    found = [counter.find(C02.id_number, kind) for kind in ("futures", "asset_management")]
    assert found[0].customer_no == found[1].customer_no


def test_a_stranger_is_not_found(counter):
    assert counter.find("11010519491231002X", "futures") is None


@pytest.mark.parametrize("person", [C01, C02, C03, C09], ids=lambda p: p.name)
def test_every_field_of_a_profile_comes_back_as_it_was_written(counter, person):
    assert counter.profile(person.customer_no) == person


def test_a_card_without_end_goes_as_20991231_and_comes_back_as_no_end(counter):
    assert counter.profile(C03.customer_no).valid_until is None


def test_an_unknown_customer_number_is_said_to_be_unknown(counter):
    with pytest.raises(UnknownCustomer):
        counter.profile("99999999")


def test_a_change_is_in_effect_at_once_and_nothing_else_moves(counter):
    receipt = counter.update("k1", C01.customer_no, {"valid_from": "2026-01-02", "valid_until": None})
    assert receipt.receipt_no
    assert counter.profile(C01.customer_no) == C01.model_copy(
        update={"valid_from": date(2026, 1, 2), "valid_until": None}
    )


def test_the_receipt_says_when(counter):
    with clock.frozen(datetime(2026, 3, 18, 2, tzinfo=UTC)):
        # The other end of the line has a clock of its own; only the embedded one can be frozen with ours.
        receipt = counter.update("k1", C01.customer_no, {"postcode": "100025"})
    assert receipt.applied_at.tzinfo is not None


def test_an_address_with_a_comma_is_written_otherwise_and_the_receipt_says_so(counter):
    address = {"province": "北京市", "city": "北京市", "district": "", "detail": "建国路88号，2号楼"}
    receipt = counter.update("k1", C01.customer_no, {"address": address})
    assert [(m.field, m.typed, m.stored) for m in receipt.mapped] == [
        ("address", "建国路88号，2号楼", "建国路88号、2号楼")
    ]
    assert counter.profile(C01.customer_no).address.detail == "建国路88号、2号楼"


def test_the_same_key_is_done_once_and_gets_the_same_receipt(counter):
    first = counter.update("k1", C01.customer_no, {"postcode": "100025"})
    counter.update("k2", C01.customer_no, {"postcode": "100026"})
    assert counter.update("k1", C01.customer_no, {"postcode": "100025"}) == first
    assert counter.profile(C01.customer_no).postcode == "100026"


def test_the_same_key_with_other_values_is_refused(counter):
    counter.update("k1", C01.customer_no, {"postcode": "100025"})
    with pytest.raises(CounterRefused) as refused:
        counter.update("k1", C01.customer_no, {"postcode": "100026"})
    assert refused.value.code == 2


def test_r208_values_changed_in_between_are_a_conflict_and_nothing_is_written(counter):
    counter.update("elsewhere", C01.customer_no, {"postcode": "100025"})
    with pytest.raises(CounterConflict) as conflict:
        counter.update("k1", C01.customer_no, {"postcode": "100026"}, {"postcode": C01.postcode})
    assert conflict.value.fields == ("postcode",)
    assert counter.profile(C01.customer_no).postcode == "100025"


def test_r208_a_conflict_in_the_address_names_the_address_once(counter):
    moved = {"province": "上海市", "city": "上海市", "district": "徐汇区", "detail": "漕溪北路18号"}
    counter.update("elsewhere", C01.customer_no, {"address": moved})
    old = C01.address.model_dump()
    with pytest.raises(CounterConflict) as conflict:
        counter.update("k1", C01.customer_no, {"address": {**old, "detail": "别处1号"}}, {"address": old})
    assert conflict.value.fields == ("address",)


def test_an_update_goes_through_while_the_values_are_as_expected(counter):
    counter.update("k1", C01.customer_no, {"postcode": "100026"}, {"postcode": C01.postcode})
    assert counter.profile(C01.customer_no).postcode == "100026"


@pytest.mark.parametrize("field", ["name", "id_number", "customer_no", "accounts", "no_such_thing"])
def test_r073_name_and_number_cannot_be_changed_by_an_update(counter, field):
    with pytest.raises(CounterRefused):
        counter.update("k1", C01.customer_no, {field: "张三"})


@pytest.mark.parametrize("values", [{"postcode": "abc"}, {"valid_from": "2026-02-30"}, {"tax_type": "Z9"}])
def test_values_a_counter_has_no_place_for_are_refused(counter, values):
    with pytest.raises(CounterRefused) as refused:
        counter.update("k1", C01.customer_no, values)
    assert refused.value.code == 2


@pytest.mark.parametrize("number", ["16612345602", "0510-86512345", "051086512345", "13500135009"])
def test_g33_a_number_of_another_customer_is_taken_however_it_is_written(counter, number):
    assert counter.phone_taken(number, C01.customer_no)


def test_a_customers_own_number_is_not_taken(counter):
    assert not counter.phone_taken("16612345602", C02.customer_no)


def test_a_number_given_up_is_free_again(counter):
    counter.update("k1", C02.customer_no, {"mobile": "13300133000", "contact_phone": "13300133000"})
    assert not counter.phone_taken("16612345602", C01.customer_no)
    assert counter.phone_taken("13300133000", C01.customer_no)


def test_a_picture_on_file_can_be_read_and_replaced(counter):
    assert counter.photo(C01.customer_no, "front") is None
    assert counter.photo(C06.customer_no, "front").startswith(b"\xff\xd8\xff")
    counter.store_photo("p1", C01.customer_no, "signature", b"\xff\xd8\xff new")
    assert counter.photo(C01.customer_no, "signature") == b"\xff\xd8\xff new"
    assert counter.profile(C01.customer_no).photos == {"signature"}


@pytest.mark.parametrize("deed", ["find", "profile", "phone_taken", "update"])
def test_g08_a_counter_that_is_down_is_not_a_counter_without_the_customer(counter, database, deed):
    moods.set_mood(database, "counter", "down")
    asked = {
        "find": (C01.id_number, "futures"),
        "profile": (C01.customer_no,),
        "phone_taken": ("13800138001", ""),
        "update": ("k1", C01.customer_no, {"postcode": "100025"}),
    }
    with pytest.raises(CounterDown):
        getattr(counter, deed)(*asked[deed])


def test_nothing_was_done_by_a_counter_that_was_down(counter, database):
    moods.set_mood(database, "counter", "down", remaining=1)
    with pytest.raises(CounterDown):
        counter.update("k1", C01.customer_no, {"postcode": "100025"})
    assert counter.profile(C01.customer_no).postcode == C01.postcode


def test_a_lost_reply_is_asked_for_again_and_the_change_was_made_once(counter, database):
    moods.set_mood(database, "counter", "lose_reply", remaining=1)
    with pytest.raises(CounterDown):
        counter.update("k1", C01.customer_no, {"postcode": "100025"}, {"postcode": C01.postcode})
    receipt = counter.update("k1", C01.customer_no, {"postcode": "100025"}, {"postcode": C01.postcode})
    assert receipt.receipt_no
    assert counter.profile(C01.customer_no).postcode == "100025"


def test_a_counter_slower_than_our_patience_is_down_and_the_change_is_made_once(counter, database):
    moods.set_mood(database, "counter", "slow", remaining=1, delay=2.6)
    with pytest.raises(CounterDown):
        counter.update("k1", C01.customer_no, {"postcode": "100025"}, {"postcode": C01.postcode})
    receipt = counter.update("k1", C01.customer_no, {"postcode": "100025"}, {"postcode": C01.postcode})
    assert receipt.receipt_no
    assert counter.profile(C01.customer_no).postcode == "100025"


def test_a_counter_that_takes_a_little_time_is_waited_for(counter, database):
    moods.set_mood(database, "counter", "slow", remaining=1, delay=0.1)
    assert counter.find(C01.id_number, "futures") is not None


def test_r211_two_updates_of_one_customer_are_not_worked_on_at_once(counter, database):
    moods.set_mood(database, "counter", "slow", remaining=1, delay=0.4)
    first = threading.Thread(target=counter.update, args=("k1", C01.customer_no, {"postcode": "100025"}))
    first.start()
    _until_busy(database)
    with pytest.raises(CounterBusy):
        counter.update("k2", C01.customer_no, {"email": "new@example.com"})
    first.join()
    counter.update("k2", C01.customer_no, {"email": "new@example.com"})
    assert counter.profile(C01.customer_no).email == "new@example.com"


@pytest.mark.parametrize(("mood", "code"), [("refuse", 2), ("doubt_name", 3), ("fail", 4)])
def test_the_counters_refusals_are_told_by_their_codes(counter, database, mood, code):
    moods.set_mood(database, "counter", mood, remaining=1)
    with pytest.raises(CounterRefused) as refused:
        counter.update("k1", C01.customer_no, {"postcode": "100025"})
    assert refused.value.code == code


def _until_busy(database: Database) -> None:
    for _ in range(200):
        with database.engine.connect() as connection:
            if connection.scalar(text("select count(*) from counter_customer where busy_key is not null")):
                return
        threading.Event().wait(0.01)
    raise AssertionError("the counter never began")
