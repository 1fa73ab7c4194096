"""Dates from services elsewhere: the openssl program answers over HTTP, and we judge (RFC 3161)."""

import secrets
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from handlers.certificates import ClockDoubted, EmbeddedTimestamps, timestamp_request
from handlers.certificates.external import HttpTimestamps
from handlers.certificates.external.chain import Untrusted
from handlers.certificates.external.timestamps import Response, check
from tests.http_counter import served
from tests.http_timestamps import POLICY, TimestampService

DIGEST = sha256(b"a signature").digest()


@pytest.fixture(scope="module")
def stand():
    with ExitStack() as standing:

        def service(**about):
            made = TimestampService(**about)
            standing.callback(made.close)
            made.at(standing.enter_context(served(made)))
            return made

        yield service


@pytest.fixture(scope="module")
def usual(stand):
    return stand()


@pytest.fixture
def service(usual):
    yield usual
    usual.misbehave, usual.swap = "", lambda request: request


def asks(*services, roots=None, request=None, **more):
    addresses = [service.address for service in services]
    trusted = roots if roots is not None else [root for service in services for root in service.roots]
    asked = request or timestamp_request(DIGEST, secrets.randbits(64))
    with structlog.testing.capture_logs() as lines:
        answer = HttpTimestamps(addresses, trusted, seconds=2.5, **more).answer(asked)
    return Response.load(answer), [line["why"] for line in lines if "why" in line]


def granted(answer):
    return answer["status"]["status"].native == "granted"


def date_of(answer):
    token = answer["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
    return token["gen_time"].native


def test_a_service_dates_a_digest(service):
    answer, passed_over = asks(service, policy=POLICY)
    assert granted(answer)
    assert passed_over == []
    assert abs(date_of(answer) - datetime.now(UTC)) < timedelta(seconds=10)


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("kind", ["p384", "rsa"])
def test_services_with_other_keys_and_digests_are_understood(stand, kind, digest):
    key = ec.generate_private_key(ec.SECP384R1()) if kind == "p384" else rsa.generate_private_key(65537, 2048)
    assert granted(asks(stand(key=key, digest=digest, bound=digest))[0])


def test_our_own_unit_would_pass_as_a_service(standing_room):
    now = datetime.now(UTC)
    request = timestamp_request(DIGEST, 1)
    answer = standing_room.timestamps.answer(request)
    with standing_room.database.reading() as session:
        root = x509.load_der_x509_certificate(standing_room.authority.certificate(session, "root-1"))
    assert abs(check(request, answer, [root], now) - now) < timedelta(seconds=5)


def test_when_the_first_service_is_down_the_next_one_dates(stand, service):
    first = stand()
    first.misbehave = "broken"
    answer, passed_over = asks(first, service)
    assert granted(answer)
    assert passed_over == ["answered 500"]
    assert date_of(answer)


def test_the_second_service_is_not_asked_when_the_first_one_answers(stand, service):
    second = stand()
    assert granted(asks(service, second)[0])
    assert second.asked == 0


@pytest.mark.parametrize("answer", ["garbage", "page", "redirect", "broken", "packed", "huge", "drip"])
def test_when_no_service_gives_a_right_answer_nothing_is_dated(service, answer):
    service.misbehave = answer
    told, passed_over = asks(service)
    assert told["status"]["status"].native == "rejection"
    assert told["status"]["fail_info"].native == {"system_failure"}
    assert told["time_stamp_token"].native is None
    assert len(passed_over) == 1


def test_nobody_at_the_address_dates_nothing():
    answer = HttpTimestamps(["http://127.0.0.1:9"], [], seconds=0.5).answer(timestamp_request(DIGEST, 1))
    assert not granted(Response.load(answer))


@pytest.mark.parametrize(
    ("swapped", "why"),
    [
        (timestamp_request(sha256(b"something else").digest(), 7), "another digest"),
        (timestamp_request(DIGEST, 8), "nonce"),
        (timestamp_request(DIGEST, 7, with_certificate=False), "did not come with it"),
        (b"0\x03\x02\x01\x01", "answers rejection"),
    ],
    ids=["digest", "nonce", "no certificate", "noise"],
)
def test_an_answer_to_another_question_counts_as_none(service, swapped, why):
    service.swap = lambda _: swapped
    answer, passed_over = asks(service, request=timestamp_request(DIGEST, 7))
    assert not granted(answer)
    assert why in passed_over[0]


def test_a_date_under_another_policy_counts_as_none(service):
    answer, passed_over = asks(service, policy="1.2.3")
    assert not granted(answer)
    assert passed_over == ["it is under another policy"]


@pytest.mark.parametrize("minutes", [-2, 2])
def test_a_date_more_than_a_minute_from_ours_counts_as_none(service, minutes):
    answer, passed_over = asks(service, now=lambda: datetime.now(UTC) + timedelta(minutes=minutes))
    assert not granted(answer)
    assert passed_over == ["its time is more than a minute from ours"]


def test_two_services_that_disagree_by_more_than_a_minute_are_not_both_believed(stand, service):
    # Ours is the judge: of two that are two minutes apart, one at most is within a minute of it.
    ahead = asks(service, now=lambda: datetime.now(UTC) - timedelta(seconds=100))
    right = asks(service, now=lambda: datetime.now(UTC) + timedelta(seconds=20))
    assert [granted(answer) for answer, _ in (ahead, right)] == [False, True]


def test_a_machine_whose_clock_jumped_believes_no_date(service):
    def doubted():
        raise ClockDoubted

    answer, _ = asks(service, now=doubted)
    assert answer["status"]["fail_info"].native == {"time_not_available"}


def test_a_root_that_was_not_agreed_on_is_not_believed(stand, service):
    answer, passed_over = asks(service, roots=stand().roots)
    assert not granted(answer)
    assert "root" in passed_over[0]


def test_a_token_bound_to_its_certificate_by_sha1_counts_as_none(stand):
    answer, passed_over = asks(stand(bound="sha1"))
    assert not granted(answer)
    assert "not bound" in passed_over[0]


def test_a_signature_over_sha1_counts_as_none(stand):
    answer, passed_over = asks(stand(digest="sha1"))
    assert not granted(answer)
    assert "too weak" in passed_over[0]


def test_a_small_rsa_key_counts_as_none(stand):
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it must be refused
    answer, passed_over = asks(stand(key=key))
    assert not granted(answer)
    assert "too weak" in passed_over[0]


@pytest.mark.parametrize("purposes", ["not critical", "signing, too", "none"])
def test_a_signer_that_is_not_for_timestamps_alone_counts_as_none(stand, purposes, bureau_of):
    answer, request, service = bureau_of(purposes)
    with pytest.raises(Untrusted, match="not for timestamps"):
        check(request, answer, service.roots, datetime.now(UTC))


@pytest.fixture
def bureau_of(stand, standing_room):
    """Make a token with a signer that the openssl program would refuse to use."""
    from handlers.certificates import timestamps
    from handlers.certificates.units import Unit

    def made(purposes):
        service = stand()
        named = [ExtendedKeyUsageOID.TIME_STAMPING]
        if purposes == "signing, too":
            named.append(ExtendedKeyUsageOID.CODE_SIGNING)
        unit = service.unit
        builder = x509.CertificateBuilder(
            unit.issuer, unit.subject, unit.public_key(), unit.serial_number,
            unit.not_valid_before_utc.replace(tzinfo=None), unit.not_valid_after_utc.replace(tzinfo=None),
        )  # fmt: skip
        for extension in unit.extensions:
            if not isinstance(extension.value, x509.ExtendedKeyUsage):
                builder = builder.add_extension(extension.value, extension.critical)
        if purposes != "none":
            builder = builder.add_extension(x509.ExtendedKeyUsage(named), purposes != "not critical")
        wrong = builder.sign(service.root_key, SHA384())
        with standing_room.database.reading() as session:
            like = standing_room.authority.units.active(session, "tsa")
        signer = Unit(like.id, "tsa", 1, like.issuer_id, wrong, service.key)
        stamps = EmbeddedTimestamps(
            standing_room.database, standing_room.keyring, standing_room.authority.company
        )
        attribute = timestamps._signing_certificate(wrong, wrong.public_bytes(Encoding.DER))
        stamps._known = (float("inf"), signer, attribute)
        request = timestamp_request(DIGEST, 5)
        return stamps.answer(request), request, service

    return made


def test_an_answer_changed_in_any_byte_is_refused_or_says_the_same(service):
    request = timestamp_request(DIGEST, 77)
    answer, now = service.reply(request), datetime.now(UTC)
    said = check(request, answer, service.roots, now)
    refused = 0
    for at in range(len(answer)):
        changed = bytearray(answer)
        changed[at] ^= 0x55
        try:
            # Versions and lists of digests are not signed; changed, they change nothing that is believed.
            assert check(request, bytes(changed), service.roots, now) == said
        except Untrusted:
            refused += 1
    assert refused > 0.97 * len(answer)
    for length in range(0, len(answer), 7):
        with pytest.raises(Untrusted):
            check(request, answer[:length], service.roots, now)
    with pytest.raises(Untrusted):
        check(request, answer + b"\0", service.roots, now)
