"""Where a certificate stands, as anybody is told: status answers and revocation lists."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from engine.store import Keyring
from handlers.certificates import ClockDoubted, UnknownCertificate, status
from handlers.certificates.status import MOST_BYTES
from handlers.certificates.units import Units
from tests.ca_people import Auditor


@pytest.fixture
def bureau(standing_room):
    return standing_room


@pytest.fixture
def auditor(bureau, tmp_path):
    return Auditor(bureau, tmp_path)


def revokes(bureau, certificate, reason="key_compromise"):
    with bureau.database.transaction() as session:
        return bureau.certificates.revoke(session, certificate.serial, reason)


def the_issuer(bureau):
    return x509.load_der_x509_certificate(bureau.chain()[0])


def asked(bureau, serial, nonce=None, about="seal-1", issuer="issuing-1"):
    """Return a request about another serial number of the same issuer."""
    with bureau.database.reading() as session:
        leaf = x509.load_der_x509_certificate(bureau.authority.certificate(session, about))
        above = x509.load_der_x509_certificate(bureau.authority.certificate(session, issuer))
    named = ocsp.OCSPRequestBuilder().add_certificate(leaf, above, SHA256()).build()
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        named.issuer_name_hash, named.issuer_key_hash, serial, SHA256()
    )
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def read(answer):
    return ocsp.load_der_ocsp_response(answer)


@pytest.mark.parametrize("digest", ["-sha1", "-sha256", "-sha384"])
def test_a_good_certificate_is_told_good(auditor, holder, digest):
    said = auditor.is_told(holder.has_certificate(), digest)
    assert "Response verify OK" in said
    assert "asked.pem: good" in said


def test_a_revoked_certificate_is_told_revoked_at_once_with_its_reason(bureau, auditor, holder):
    certificate = holder.has_certificate()
    revokes(bureau, certificate)
    said = auditor.is_told(certificate)
    assert "Response verify OK" in said
    assert "asked.pem: revoked" in said
    assert "Reason: keyCompromise" in said


def test_a_locked_certificate_is_told_to_be_on_hold(bureau, auditor, holder):
    certificate = holder.has_certificate()
    with bureau.database.transaction() as session:
        assert bureau.certificates.lock(session, certificate.serial).state == "locked"
    said = auditor.is_told(certificate)
    assert "asked.pem: revoked" in said
    assert "Reason: certificateHold" in said


def test_a_serial_we_never_gave_is_unknown(bureau):
    answer = read(bureau.answers(asked(bureau, 12345)))
    assert answer.certificate_status == ocsp.OCSPCertStatus.UNKNOWN


def test_another_authoritys_certificate_is_none_of_ours(bureau):
    answer = read(bureau.answers(asked(bureau, 1, about="tsa-1", issuer="root-1")))
    assert answer.response_status == ocsp.OCSPResponseStatus.UNAUTHORIZED


@pytest.mark.parametrize("nonce", [b"n", b"n" * 32, b"n" * 128])
def test_the_nonce_comes_back(bureau, nonce):
    answer = read(bureau.answers(asked(bureau, 1, nonce=nonce)))
    assert answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce


def test_an_answer_without_a_nonce_in_the_question_has_none(bureau):
    assert len(read(bureau.answers(asked(bureau, 1))).extensions) == 0


def test_a_nonce_that_is_too_long_and_noise_are_malformed(bureau):
    for request in (
        asked(bureau, 1, nonce=b"n" * 129),
        b"",
        b"noise",
        b"\x30\x03\x02\x01\x01",
        b"0" * MOST_BYTES,
    ):
        answer = read(bureau.answers(request))
        assert answer.response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    too_long = asked(bureau, 1) + b"\0" * MOST_BYTES
    assert read(bureau.answers(too_long)).response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_a_question_cut_short_at_any_byte_is_malformed(bureau):
    request = asked(bureau, 12345, nonce=b"n" * 16)
    for length in range(len(request)):
        answer = read(bureau.answers(request[:length]))
        assert answer.response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_an_answer_is_good_for_an_hour_and_signed_by_a_responder_of_thirty_days(bureau):
    answer = read(bureau.answers(asked(bureau, 1)))
    assert answer.next_update_utc - answer.this_update_utc == timedelta(hours=1)
    (responder,) = answer.certificates
    lasts = responder.not_valid_after_utc - responder.not_valid_before_utc
    assert lasts == timedelta(days=30, minutes=2)
    assert responder.extensions.get_extension_for_class(x509.OCSPNoCheck)


def test_r189_applying_again_revokes_the_certificate_before(bureau, auditor, holder):
    old, new = holder.has_certificate(), holder.has_certificate()
    assert "Reason: superseded" in auditor.is_told(old)
    assert "asked.pem: good" in auditor.is_told(new)
    with bureau.database.reading() as session:
        assert bureau.certificates.usable(session, holder.owner) == new
        states = {c.serial: c.state for c in bureau.certificates.of_owner(session, holder.owner)}
    assert states == {old.serial: "revoked", new.serial: "active"}


def test_a_certificate_that_is_over_is_told_expired_and_not_usable(bureau, holder):
    certificate = holder.has_certificate()
    bureau.clock.advance(days=366)
    with bureau.database.reading() as session:
        assert bureau.certificates.usable(session, holder.owner) is None
        assert bureau.certificates.get(session, certificate.serial).state == "expired"
    again = holder.has_certificate()
    with bureau.database.reading() as session:
        assert [c.state for c in bureau.certificates.of_owner(session, holder.owner)] == ["active", "expired"]
        assert bureau.certificates.usable(session, holder.owner) == again


def test_a_certificate_ends_once_and_its_first_date_stays(bureau, holder):
    certificate = holder.has_certificate()
    with bureau.database.transaction() as session:
        locked = bureau.certificates.lock(session, certificate.serial, owner=holder.owner)
    bureau.clock.advance(hours=1)
    with bureau.database.transaction() as session:
        assert bureau.certificates.lock(session, certificate.serial) == locked
        revoked = bureau.certificates.revoke(session, certificate.serial, "key_compromise")
        assert bureau.certificates.lock(session, certificate.serial) == revoked
    assert (revoked.state, revoked.reason, revoked.ended_at) == ("revoked", "key_compromise", locked.ended_at)


def test_nobody_ends_or_sees_anothers_certificate(bureau, holder):
    certificate, other = holder.has_certificate(), bureau.person()
    with bureau.database.transaction() as session:
        with pytest.raises(UnknownCertificate):
            bureau.certificates.revoke(session, certificate.serial, "unspecified", owner=other.owner)
        with pytest.raises(UnknownCertificate):
            bureau.certificates.get(session, certificate.serial, owner=other.owner)
        assert bureau.certificates.get(session, certificate.serial, owner=holder.owner).state == "active"


def test_a_revocation_joins_the_callers_transaction(bureau, auditor, holder):
    certificate = holder.has_certificate()
    with bureau.database.reading() as session:  # ends without a commit
        bureau.certificates.revoke(session, certificate.serial, "unspecified")
    assert "asked.pem: good" in auditor.is_told(certificate)


def test_a_certificates_device_is_told_to_its_owner(bureau):
    person = bureau.person(device="张小伟的手机" * 20)
    with bureau.database.reading() as session:
        assert bureau.certificates.of_owner(session, person.owner) == []
    person.has_certificate()
    with bureau.database.reading() as session:
        (found,) = bureau.certificates.of_owner(session, person.owner)
    assert found.device == ("张小伟的手机" * 20)[:80]


def test_a_request_may_name_its_issuer_by_the_old_digest(bureau, holder):
    certificate = x509.load_der_x509_certificate(holder.has_certificate().der)
    # Many verifiers still name issuers by SHA-1; nothing rests on it.
    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, the_issuer(bureau), SHA1()).build()  # noqa: S303
    answer = read(bureau.answers(request.public_bytes(Encoding.DER)))
    assert answer.certificate_status == ocsp.OCSPCertStatus.GOOD
    assert answer.hash_algorithm.name == "sha1"


def test_an_authority_whose_clock_jumped_says_that_it_cannot_tell(bureau, holder):
    def doubted():
        raise ClockDoubted

    request = asked(bureau, 1)
    bureau.authority.now = doubted
    assert read(bureau.answers(request)).response_status == ocsp.OCSPResponseStatus.INTERNAL_ERROR
    with pytest.raises(ClockDoubted):
        holder.has_certificate()


@given(noise=st.binary(max_size=200))
def test_whatever_is_asked_is_answered(noise):
    # Noise is found out before anything is looked up, so it needs no database.
    made = status.answer(Session(), Units(Keyring.generate()), noise, datetime.now(UTC))
    assert ocsp.load_der_ocsp_response(made).response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST
