"""What any SMS gateway does for us, whether it is embedded or at the other end of a line (R-011)."""

from collections.abc import Iterator

import pytest

from engine.store import Database, Keyring
from handlers import moods
from handlers.sms import SmsDown, SmsGateway, SmsRefused, embedded_gateway, http_gateway, outbox
from tests.http_counter import TOKEN, Line, served, sms_line

NUMBER, TEXT = "13800138001", "【某某期货】验证码123456，5分钟内有效，切勿告知他人。"


@pytest.fixture
def line(database: Database, keyring: Keyring) -> Line:
    return sms_line(database, keyring)


@pytest.fixture(params=["embedded", "http"])
def gateway(request, database: Database, keyring: Keyring, line: Line) -> Iterator[SmsGateway]:
    if request.param == "embedded":
        yield embedded_gateway(database, keyring, patience=2.0)
        return
    with served(line) as address:
        yield http_gateway(address, TOKEN, seconds=2.0)


@pytest.fixture
def arrived(database: Database, keyring: Keyring):
    return lambda: [(m.number, m.text) for m in outbox(database, keyring)]


def test_a_message_arrives_at_the_phone(gateway, arrived):
    assert gateway.send("k1", NUMBER, TEXT, "login").message_id
    assert arrived() == [(NUMBER, TEXT)]


def test_the_newest_message_is_shown_first(gateway, database, keyring):
    gateway.send("k1", NUMBER, "一", "notice")
    gateway.send("k2", NUMBER, "二", "notice")
    assert [m.text for m in outbox(database, keyring, limit=1)] == ["二"]


def test_a_phone_shows_only_its_own_messages(gateway, database, keyring):
    gateway.send("k1", NUMBER, TEXT, "login")
    gateway.send("k2", "13700137006", "别人的", "notice")
    assert [m.text for m in outbox(database, keyring, number=NUMBER)] == [TEXT]


def test_the_same_key_is_sent_once_and_gets_the_same_receipt(gateway, arrived):
    first = gateway.send("k1", NUMBER, TEXT, "login")
    assert gateway.send("k1", NUMBER, TEXT, "login") == first
    assert len(arrived()) == 1


def test_a_lost_reply_is_asked_for_again_and_the_message_arrives_once(gateway, database, arrived):
    moods.set_mood(database, "sms", "lose_reply", remaining=1)
    with pytest.raises(SmsDown):
        gateway.send("k1", NUMBER, TEXT, "login")
    gateway.send("k1", NUMBER, TEXT, "login")
    assert len(arrived()) == 1


def test_nothing_is_sent_by_a_gateway_that_is_down(gateway, database, arrived):
    moods.set_mood(database, "sms", "down", remaining=1)
    with pytest.raises(SmsDown):
        gateway.send("k1", NUMBER, TEXT, "login")
    assert arrived() == []


def test_a_gateway_slower_than_our_patience_is_down_and_sends_once(gateway, database, arrived):
    moods.set_mood(database, "sms", "slow", remaining=1, delay=2.6)
    with pytest.raises(SmsDown):
        gateway.send("k1", NUMBER, TEXT, "login")
    gateway.send("k1", NUMBER, TEXT, "login")
    assert len(arrived()) == 1


def test_a_refused_message_is_not_a_gateway_that_is_down(gateway, database):
    moods.set_mood(database, "sms", "refuse", remaining=1)
    with pytest.raises(SmsRefused):
        gateway.send("k1", NUMBER, TEXT, "login")


@pytest.mark.parametrize("number", ["0571-87654321", "1380013800", "", "+8613800138001"])
def test_what_is_no_mobile_number_is_refused_before_it_is_sent(gateway, arrived, number):
    with pytest.raises(SmsRefused):
        gateway.send("k1", number, TEXT, "login")
    assert arrived() == []


@pytest.mark.parametrize(
    "answer", ["garbage", "surplus", "page", "redirect", "broken", "packed", "huge", "drip"]
)
def test_an_answer_that_is_none_counts_as_no_answer(line, answer):
    line.misbehave = answer
    with served(line) as address, pytest.raises(SmsDown):
        http_gateway(address, TOKEN, seconds=2.0).send("k1", NUMBER, TEXT, "login")


def test_neither_number_nor_text_is_stored_in_the_clear(gateway, database):
    gateway.send("k1", NUMBER, TEXT, "login")
    with database.engine.connect() as connection:
        stored = str(connection.exec_driver_sql("select * from sms_outbox").all()).encode()
    assert NUMBER.encode() not in stored
    assert b"123456" not in stored
