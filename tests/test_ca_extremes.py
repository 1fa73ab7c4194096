"""The authority at its limits: wrong clocks, serial numbers by the hundred thousand, odd questions."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from handlers.certificates import ClockDoubted, NoAuthority, NonceRefused
from handlers.certificates.units import serial_text


@pytest.fixture
def bureau(standing_room):
    return standing_room


@pytest.mark.parametrize("back", [timedelta(minutes=10), timedelta(days=400)])
def test_nothing_is_certified_by_a_clock_from_before_the_authority_was(bureau, holder, back):
    nonce = holder.passes_the_video()
    # Counted from when the authority came to be: the tests that share it may run long after that.
    issuing = x509.load_der_x509_certificate(bureau.chain()[0])
    bureau.clock.shift = issuing.not_valid_before_utc - back - datetime.now(UTC)
    with pytest.raises(ClockDoubted):
        holder.installs(holder.asks(nonce))
    bureau.clock.shift = timedelta(0)
    assert holder.installs(holder.asks(nonce)).state == "active"


def test_nothing_is_certified_by_an_authority_that_is_over(bureau, holder):
    bureau.clock.advance(days=10 * 365 + 1)
    with pytest.raises(NoAuthority, match="over"):
        holder.has_certificate()


def test_a_certificate_does_not_outlive_what_signed_it(bureau, holder):
    bureau.clock.advance(days=10 * 365 - 100)
    certificate = holder.has_certificate()
    issuing = x509.load_der_x509_certificate(bureau.chain()[0])
    assert certificate.not_after == issuing.not_valid_after_utc


def test_a_certificate_of_a_video_that_is_over_is_not_installed_though_one_was_before(bureau, holder):
    first = holder.passes_the_video(hours=1)
    second = holder.passes_the_video(hours=1)
    kept = holder.installs(holder.asks(first))
    bureau.business += timedelta(hours=1)
    with pytest.raises(NonceRefused) as refused:
        bureau.person(owner=holder.owner, case_id=holder.case_id).installs(holder.asks(second))
    assert refused.value.code == "nonce_expired"
    with bureau.database.reading() as session:
        assert bureau.certificates.usable(session, holder.owner) == kept


def test_a_hundred_thousand_serial_numbers_are_all_different_and_hard_to_guess():
    serials = {x509.random_serial_number() for _ in range(100_000)}
    assert len(serials) == 100_000
    assert all(0 < serial < 2**159 for serial in serials)
    assert len({serial >> 95 for serial in serials}) == 100_000  # the upper 64 bits differ by themselves
    assert len({serial_text(serial) for serial in serials}) == 100_000


def test_the_database_takes_no_serial_number_twice(bureau, holder):
    certificate = holder.has_certificate()
    copied = text(
        "insert into certificate (serial, enrolment_id, spki, owner, case_id, device, der, state, "
        "not_before, not_after) select serial, 'x', 'x', 'x', case_id, device, der, 'revoked', not_before, "
        "not_after from certificate where serial = :serial"
    )
    with pytest.raises(IntegrityError, match="certificate"), bureau.database.transaction() as session:
        session.execute(copied, {"serial": certificate.serial})


@pytest.mark.parametrize("wrong", ["name", "key", "both"])
def test_a_question_about_another_issuer_is_none_of_ours(bureau, holder, wrong):
    leaf = x509.load_der_x509_certificate(holder.has_certificate().der)
    issuing = x509.load_der_x509_certificate(bureau.chain()[0])
    right = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuing, SHA256()).build()
    name, key = right.issuer_name_hash, right.issuer_key_hash
    asked = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        b"n" * 32 if wrong in ("name", "both") else name,
        b"k" * 32 if wrong in ("key", "both") else key,
        leaf.serial_number,
        SHA256(),
    )
    answer = ocsp.load_der_ocsp_response(bureau.answers(asked.build().public_bytes(Encoding.DER)))
    assert answer.response_status == ocsp.OCSPResponseStatus.UNAUTHORIZED


@pytest.mark.parametrize("minutes", [-10, 10])
def test_an_answer_is_dated_by_the_machine_and_is_good_for_an_hour_from_there(bureau, holder, minutes):
    # A verifier whose clock is right then refuses it; RealTime notices the jump in a running process.
    certificate = holder.has_certificate()
    leaf = x509.load_der_x509_certificate(certificate.der)
    issuing = x509.load_der_x509_certificate(bureau.chain()[0])
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuing, SHA256()).build()
    right = bureau.clock()
    bureau.clock.advance(minutes=minutes)
    answer = ocsp.load_der_ocsp_response(bureau.answers(request.public_bytes(Encoding.DER)))
    assert abs(answer.this_update_utc - right - timedelta(minutes=minutes)) < timedelta(seconds=10)
    assert answer.next_update_utc == answer.this_update_utc + timedelta(hours=1)
