"""A thief with the device, and the customer who mistypes: our half of the password check (R-188, G-46)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from engine.store import Keyring, SealBroken
from handlers.certificates import UnlockRefused, judge_password, oprf
from handlers.certificates.forbidden import personal
from handlers.certificates.tables import OprfKeyRow
from tests.ca_people import ID_NUMBER
from tests.unlocking_people import Guess, device_of

# RFC 9497, A.3.1: the private key, the blind, and two inputs with what must come of them.
SECRET = bytes.fromhex("159749d750713afe245d2d39ccfaae8381c53ce92d098a9375ee70739c7ac0bf")
BLIND = int("3338fa65ec36e0290022b48eb562889d89dbfa691d1cde91517fa222ed7ad364", 16)
VECTORS = (
    (
        "00",
        "03723a1e5c09b8b9c18d1dcbca29e8007e95f14f4732d9346d490ffc195110368d",
        "030de02ffec47a1fd53efcdd1c6faf5bdc270912b8749e783c7ca75bb412958832",
        "a0b34de5fa4c5b6da07e72af73cc507cceeb48981b97b7285fc375345fe495dd",
    ),
    (
        "5a" * 17,
        "03cc1df781f1c2240a64d1c297b3f3d16262ef5d4cf102734882675c26231b0838",
        "03a0395fe3828f2476ffcd1f4fe540e5a8489322d398be3c4e5a869db7fcb7c52c",
        "c748ca6dd327f0ce85f4ae3a8cd6d4d5390bbb804c9e12dcf94f853fece3dcce",
    ),
)


@pytest.fixture
def bureau(standing_room):
    """An authority that all tests here share."""
    return standing_room


@pytest.fixture
def device(holder):
    """A customer's device with an installed certificate."""
    return device_of(holder)


def row_of(device):
    with device.person.room.database.reading() as session:
        return session.get_one(OprfKeyRow, device.serial)


# The function


@pytest.mark.parametrize(("typed", "blinded", "evaluated", "value"), VECTORS)
def test_both_sides_compute_what_the_standard_computes(typed, blinded, evaluated, value):
    guess = Guess(bytes.fromhex(typed), BLIND)
    assert guess.blinded.hex() == blinded
    assert oprf.evaluate(SECRET, guess.blinded).hex() == evaluated
    assert guess.finished(bytes.fromhex(evaluated)).hex() == value
    assert oprf.output(SECRET, bytes.fromhex(typed)).hex() == value


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_the_same_password_gives_the_same_value_however_it_is_hidden(one, other):
    scalar = oprf.new_scalar()
    values = [
        guess.finished(oprf.evaluate(scalar, guess.blinded))
        for guess in (Guess(one), Guess(one), Guess(other))
    ]
    assert values[0] == values[1]
    assert (values[0] == values[2]) == (one == other)


def points_that_are_none():
    good = bytes.fromhex(VECTORS[0][1])
    off = next(bytes([2]) + x.to_bytes(32, "big") for x in range(1, 99) if oprf._root(x) is None)
    return {
        "infinity": b"\0",
        "infinity, filled up": bytes(33),
        "not on the curve": off,
        "beyond the field": b"\2" + b"\xff" * 32,
        "uncompressed": b"\4" + bytes(64),
        "hybrid": b"\6" + good[1:],
        "too short": good[:-1],
        "too long": good + b"\0",
        "nothing": b"",
    }


@pytest.mark.parametrize("point", points_that_are_none().values(), ids=points_that_are_none())
def test_what_is_no_point_is_refused_and_costs_no_try(device, point):
    with pytest.raises(UnlockRefused) as refused:
        device.asks("evaluate", blinded=point)
    assert refused.value.code == "point"
    assert row_of(device).tries == 0


# Trying


def test_the_right_password_opens_the_key(device):
    assert device.tries(b"right")[0] is True


def test_each_wrong_password_leaves_one_try_less(device):
    left = []
    for _ in range(4):
        right, answer = device.tries(b"wrong")
        assert not right
        left.append((answer.left, device.asks("wrong")))
    assert left == [(4, 4), (3, 3), (2, 2), (1, 1)]


def test_the_fifth_wrong_password_locks_the_certificate(device):
    for _ in range(5):
        device.tries(b"wrong")
    assert device.asks("wrong") == 0
    with device.person.room.database.reading() as session:
        certificate = device.person.room.certificates.get(session, device.serial)
    assert certificate.state == "locked"
    assert certificate.reason == "certificate_hold"


def test_a_thief_who_keeps_quiet_gets_five_answers_and_no_sixth(device):
    answers = [device.tries(f"{number:06d}".encode())[1].point for number in range(8)]
    assert [answer is not None for answer in answers] == [True] * 5 + [False] * 3
    with device.person.room.database.reading() as session:
        assert device.person.room.certificates.get(session, device.serial).state == "locked"


def test_after_the_lock_the_right_password_does_not_help_either(device):
    for _ in range(6):
        device.tries(b"wrong")
    assert device.tries(b"right") == (False, device.tries(b"right")[1])
    assert device.tries(b"right")[1].point is None
    assert row_of(device).scalar is None


def test_the_fifth_try_may_still_be_the_right_one(device):
    for _ in range(4):
        device.tries(b"wrong")
    right, answer = device.tries(b"right")
    assert right
    device.proves(answer)
    assert device.tries(b"wrong")[1].left == 4


def test_tries_at_the_same_moment_all_count(device):
    with ThreadPoolExecutor(8) as thieves:
        answers = list(thieves.map(lambda n: device.tries(f"{n:06d}".encode())[1], range(16)))
    assert sum(answer.point is not None for answer in answers) == 5
    assert sorted(answer.left for answer in answers if answer.point) == [0, 1, 2, 3, 4]


def test_a_lost_answer_is_given_again_and_costs_nothing_more(device):
    blinded = device.thinks_of()
    first, again = (device.asks("evaluate", blinded=blinded) for _ in range(2))
    assert (first.point, first.left) == (again.point, again.left) == (first.point, 4)


def test_reporting_a_wrong_password_counts_nothing_by_itself(device):
    assert [device.asks("wrong") for _ in range(9)] == [5] * 9


# Beginning anew


def test_a_signature_by_the_key_lets_the_count_begin_anew(device):
    for _ in range(3):
        device.tries(b"wrong")
    with device.person.room.database.transaction() as session:
        device.unlocking.succeeded(session, device.serial)
    assert device.tries(b"wrong")[1].left == 4


def test_a_proof_is_good_once(device):
    _, answer = device.tries(b"right")
    device.proves(answer)
    device.tries(b"wrong")
    with pytest.raises(UnlockRefused):
        device.proves(answer)
    assert row_of(device).tries == 1


def test_a_proof_by_another_key_is_none(device, bureau):
    _, answer = device.tries(b"wrong")
    device.person.key = bureau.person().key
    with pytest.raises(UnlockRefused) as refused:
        device.proves(answer)
    assert refused.value.code == "proof"
    assert row_of(device).tries == 1


def test_a_proof_for_another_certificate_is_none(device, bureau):
    other = device_of(bureau.person())
    _, answer = device.tries(b"wrong")
    _, theirs = other.tries(b"right")
    with pytest.raises(UnlockRefused):
        device.asks("prove", signature=other.signed(theirs))
    with pytest.raises(UnlockRefused):
        device.asks("prove", signature=b"")
    assert answer.left == 4


def test_a_lock_is_for_good(device):
    _, answer = device.tries(b"right")
    for _ in range(6):
        device.tries(b"wrong")
    with pytest.raises(UnlockRefused):
        device.proves(answer)
    with device.person.room.database.transaction() as session:
        device.unlocking.succeeded(session, device.serial)
    assert device.tries(b"right")[1].point is None


# Whose certificate


@pytest.mark.parametrize("way", ["wrap", "evaluate"])
def test_nobody_gets_an_answer_for_somebody_else_s_certificate(device, bureau, way):
    with pytest.raises(UnlockRefused) as refused:
        device.asks(way, owner=bureau.person().owner, blinded=device.thinks_of())
    assert refused.value.code == "unknown"


def test_nobody_locks_somebody_else_s_certificate(device, bureau):
    for _ in range(5):
        device.tries(b"wrong")
    with pytest.raises(UnlockRefused):
        device.asks("wrong", owner=bureau.person().owner)
    assert device.asks("wrong") == 0


@pytest.mark.parametrize("way", ["evaluate", "wrap"])
def test_a_revoked_certificate_is_not_unlocked(device, way):
    with device.person.room.database.transaction() as session:
        device.person.room.certificates.revoke(session, device.serial, "superseded")
    with pytest.raises(UnlockRefused) as refused:
        device.asks(way, blinded=device.thinks_of())
    assert refused.value.code == "not_usable"


def test_two_certificates_have_numbers_of_their_own(device, bureau):
    other = device_of(bureau.person())
    guess = Guess(b"right", BLIND)
    assert device.asks("evaluate", blinded=guess.blinded) != other.asks("evaluate", blinded=guess.blinded)


# Installing


def test_wrapping_the_fresh_key_is_not_a_try(holder):
    device = device_of(holder, installed=False)
    device.confirms(device.wraps())
    assert device.tries(b"wrong")[1].left == 4


def test_a_fresh_key_is_wrapped_under_one_password_only(holder):
    device = device_of(holder, installed=False)
    device.wraps(b"one")
    with pytest.raises(UnlockRefused) as refused:
        device.wraps(b"another")
    assert refused.value.code == "wrapped_already"


def test_the_same_wrapping_may_be_asked_for_again(holder):
    device = device_of(holder, installed=False)
    blinded = device.thinks_of()
    first, again = (device.asks("wrap", blinded=blinded) for _ in range(2))
    assert first.point == again.point


def test_an_installed_key_is_not_wrapped_again(device):
    with pytest.raises(UnlockRefused) as refused:
        device.wraps()
    assert refused.value.code == "wrapped_already"


def test_a_half_installed_key_is_not_unlocked(holder):
    device = device_of(holder, installed=False)
    device.wraps()
    with pytest.raises(UnlockRefused) as refused:
        device.tries(b"right")
    assert refused.value.code == "not_confirmed"


def test_confirming_twice_is_confirming_once(holder):
    device = device_of(holder, installed=False)
    answer = device.wraps()
    device.confirms(answer)
    device.tries(b"wrong")
    device.confirms(answer)
    assert row_of(device).tries == 1


def test_who_does_not_hold_the_key_confirms_nothing(holder, bureau):
    device = device_of(holder, installed=False)
    answer = device.wraps()
    device.person.key = bureau.person().key
    with pytest.raises(UnlockRefused):
        device.confirms(answer)
    with device.person.room.database.reading() as session:
        assert device.unlocking.confirmed(session, device.serial) is False


# A stolen database


def test_the_number_does_not_open_without_the_key_ring_nor_in_another_row(device, bureau):
    other = device_of(bureau.person())
    with bureau.database.reading() as session:
        rows = {r.serial: r.scalar for r in session.scalars(select(OprfKeyRow))}
    with pytest.raises(SealBroken):
        Keyring.generate().open(rows[device.serial], f"oprf_key.scalar:{device.serial}")
    with pytest.raises(SealBroken):
        bureau.keyring.open(rows[other.serial], f"oprf_key.scalar:{device.serial}")


# Forbidden passwords


def is_forbidden(password: str) -> bool:
    guess = Guess(password.encode())
    judging = judge_password(guess.blinded, ID_NUMBER)
    return guess.finished(judging.point) in judging.tags


@pytest.mark.parametrize("password", ["123737", "19850612", "850612", "06123737", "061285", ID_NUMBER])
def test_who_takes_a_birthday_or_the_id_number_is_found_out(password):
    assert is_forbidden(password)


@pytest.mark.parametrize("password", ["123738", "19850613", "704418", "long enough"])
def test_who_takes_anything_else_is_not(password):
    assert not is_forbidden(password)


def test_an_x_at_the_end_is_forbidden_as_a_capital():
    assert personal("11010519850612373x")[0] == "12373X"


def test_the_same_customer_s_tags_are_other_ones_each_time():
    blinded = Guess(b"123737").blinded
    one, other = judge_password(blinded, ID_NUMBER), judge_password(blinded, ID_NUMBER)
    assert not set(one.tags) & set(other.tags)
