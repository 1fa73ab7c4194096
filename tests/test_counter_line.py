"""A counter at the other end of a line may do anything; the customer is told it cannot be reached (G-08)."""

import time
from collections.abc import Iterator

import pytest

from engine.store import Database, Keyring
from handlers.counter import Counter, CounterDown, enrol, http_counter
from handlers.fixtures import CUSTOMERS
from tests.http_counter import TOKEN, Line, counter_line, served

C01 = CUSTOMERS["C01"]


@pytest.fixture
def line(database_url: str) -> Iterator[Line]:
    database, keyring = Database(database_url), Keyring.generate()
    enrol(database, keyring, C01)
    yield counter_line(database, keyring)
    database.dispose()


@pytest.fixture
def address(line: Line) -> Iterator[str]:
    with served(line) as address:
        yield address


@pytest.fixture
def counter(address: str) -> Counter:
    return http_counter(address, TOKEN, seconds=2.5)


@pytest.mark.parametrize(
    "answer", ["garbage", "surplus", "page", "redirect", "broken", "packed", "huge", "drip"]
)
def test_an_answer_that_is_none_counts_as_no_answer(counter, line, answer):
    line.misbehave = answer
    began = time.monotonic()
    with pytest.raises(CounterDown):
        counter.find(C01.id_number, "futures")
    # Far less than the ten seconds of the drip, and room for a busy machine.
    assert time.monotonic() - began < 8


def test_a_redirect_is_not_followed(counter, line):
    line.misbehave = "redirect"
    with pytest.raises(CounterDown, match="302"):
        counter.find(C01.id_number, "futures")


def test_a_counter_that_does_not_know_our_secret_is_down(address):
    with pytest.raises(CounterDown, match="401"):
        http_counter(address, "wrong").find(C01.id_number, "futures")


def test_nobody_at_the_address_is_a_counter_that_is_down():
    with pytest.raises(CounterDown):
        http_counter("http://127.0.0.1:9", TOKEN, seconds=0.5).find(C01.id_number, "futures")


def test_the_line_recovers_when_the_counter_does(counter, line):
    line.misbehave = "broken"
    with pytest.raises(CounterDown):
        counter.find(C01.id_number, "futures")
    line.misbehave = ""
    assert counter.find(C01.id_number, "futures") is not None


def test_nothing_personal_stands_in_an_address(counter, line):
    counter.find(C01.id_number, "futures")
    counter.profile(C01.customer_no)
    counter.phone_taken(C01.mobile, "")
    said = " ".join(f"{path}?{parts['query']}" for path, parts in line.seen)
    assert not any(secret in said for secret in (C01.id_number, C01.customer_no, C01.mobile))


def test_what_was_wrong_with_an_answer_is_told_without_the_answer(counter, line):
    line.misbehave = "surplus"
    with pytest.raises(CounterDown, match="more") as down:
        counter.find(C01.id_number, "futures")
    assert C01.id_number not in str(down.value)


def test_another_machine_is_only_spoken_to_over_tls():
    with pytest.raises(ValueError, match="https"):
        http_counter("http://counter.example.com", TOKEN)


def test_a_counter_that_answers_for_somebody_else_is_not_believed(counter, line, monkeypatch):
    answered = line._exchange

    def mixed_up(operation, message, key):
        other = CUSTOMERS["C02"].id_number.encode()
        return answered(operation, message, key).replace(C01.id_number.encode(), other)

    monkeypatch.setattr(line, "_exchange", mixed_up)
    with pytest.raises(CounterDown, match="somebody else"):
        counter.find(C01.id_number, "futures")
