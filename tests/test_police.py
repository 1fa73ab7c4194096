"""What any police data service does for us, whether it is embedded or at the other end of a line (R-169)."""

from collections.abc import Iterator

import pytest

from engine.store import Database, Keyring
from handlers import moods
from handlers.counter import Profile, enrol
from handlers.police import PoliceData, PoliceDown, PoliceRefused, embedded_police, http_police
from handlers.police.spoken import SpokenPolice
from tests.http_counter import TOKEN, Line, police_line, served

NAME, NUMBER = "张伟", "110105198506123737"


@pytest.fixture
def line(database: Database, keyring: Keyring) -> Line:
    return police_line(database, keyring)


@pytest.fixture(params=["embedded", "http"])
def police(request, database: Database, keyring: Keyring, line: Line) -> Iterator[PoliceData]:
    enrol(database, keyring, Profile(customer_no="80000001", name=NAME, id_number=NUMBER))
    if request.param == "embedded":
        yield embedded_police(database, keyring, patience=2.0)
        return
    with served(line) as address:
        yield http_police(address, TOKEN, seconds=2.0)


@pytest.mark.parametrize(
    ("name", "number", "said"),
    [
        (NAME, NUMBER, "match"),
        ("张玮", NUMBER, "mismatch"),
        (NAME, "310104199902282284", "unknown"),
        # C07 and C10 of the demonstration are there to show these answers.
        ("欧阳娜娜", "420106199608090626", "mismatch"),
        ("孙闰", "110101200002290173", "unknown"),
    ],
)
def test_a_name_stands_under_its_number_or_it_does_not(police, name, number, said):
    found = police.verify("k1", name, number)
    assert found.said == said
    assert found.reference
    assert found.at.tzinfo is not None
    assert number not in str(found)


def test_the_same_key_is_one_question(police):
    first = police.verify("k1", NAME, NUMBER)
    again = police.verify("k1", NAME, NUMBER)
    assert (first.said, first.reference) == (again.said, again.reference)
    assert police.verify("k2", NAME, NUMBER).reference != first.reference


def test_a_lost_reply_is_asked_for_again(police, database):
    moods.set_mood(database, "police", "lose_reply", remaining=1)
    with pytest.raises(PoliceDown):
        police.verify("k1", NAME, NUMBER)
    assert police.verify("k1", NAME, NUMBER).said == "match"


def test_a_service_that_is_down_or_slower_than_our_patience_says_nothing(police, database):
    moods.set_mood(database, "police", "down", remaining=1)
    with pytest.raises(PoliceDown):
        police.verify("k1", NAME, NUMBER)
    moods.set_mood(database, "police", "slow", remaining=1, delay=2.6)
    with pytest.raises(PoliceDown):
        police.verify("k1", NAME, NUMBER)


def test_a_refused_question_is_not_a_service_that_is_down(police, database):
    moods.set_mood(database, "police", "refuse", remaining=1)
    with pytest.raises(PoliceRefused):
        police.verify("k1", NAME, NUMBER)


@pytest.mark.parametrize(("name", "number"), [("", NUMBER), (NAME, "11010519850612373"), (NAME, "E12345678")])
def test_what_is_no_name_or_number_is_refused_before_it_is_sent(line, name, number):
    with served(line) as address, pytest.raises(PoliceRefused):
        http_police(address, TOKEN).verify("k1", name, number)
    assert line.seen == []


@pytest.mark.parametrize(
    "answer", ["garbage", "surplus", "page", "redirect", "broken", "packed", "huge", "drip"]
)
def test_an_answer_that_is_none_counts_as_no_answer_and_is_not_told(line, answer):
    line.misbehave = answer
    with served(line) as address, pytest.raises(PoliceDown) as down:
        http_police(address, TOKEN, seconds=2.0).verify("k1", NAME, NUMBER)
    assert NUMBER not in str(down.value)


def test_neither_name_nor_number_stands_in_an_address(line):
    with served(line) as address:
        http_police(address, TOKEN).verify("k1", NAME, NUMBER)
    assert line.seen == [("/v1/identities/verify", {"query": ""})]


class _Says:
    def __init__(self, answer: str) -> None:
        self.answer = answer

    def exchange(self, operation: str, message: bytes, key: str | None = None) -> bytes:
        return self.answer.encode()


@pytest.mark.parametrize(
    "answer",
    [
        '{"result": "match", "reference": "P110105198506123737", "verified_at": "2026-03-18T10:00:00+08:00"}',
        '{"result": "match", "reference": "张伟", "verified_at": "2026-03-18T10:00:00+08:00"}',
        '{"result": "match", "reference": "P1", "verified_at": "soon"}',
        '{"result": "match", "reference": "P1"}',
        '{"result": "perhaps", "reference": "P1", "verified_at": "2026-03-18T10:00:00+08:00"}',
    ],
)
def test_an_answer_that_repeats_who_was_asked_about_or_lacks_something_is_none(answer):
    with pytest.raises(PoliceDown) as down:
        SpokenPolice(_Says(answer)).verify("k1", NAME, NUMBER)
    assert NUMBER not in str(down.value)
    assert NAME not in str(down.value)


def test_a_time_without_a_zone_is_ours():
    answer = '{"result": "unknown", "reference": "P1", "verified_at": "2026-03-18T10:00:00"}'
    found = SpokenPolice(_Says(answer)).verify("k1", NAME, NUMBER)
    assert found.at.isoformat() == "2026-03-18T02:00:00+00:00"
