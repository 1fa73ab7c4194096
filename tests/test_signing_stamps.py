"""The timestamp source: what it must say, and what happens when it says nothing."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from handlers.certificates import (
    EmbeddedTimestamps,
    NoAuthority,
    RealTime,
    profiles,
    timestamp_request,
    timestamps,
)
from handlers.certificates.der import Reader
from handlers.signing import SignatureWrong, Stamp, StampRefused
from handlers.signing.stamps import imprint
from tests.ca_people import COMPANY
from tests.signing_people import CODES, unsigned_of


class Other(EmbeddedTimestamps):
    """A source that is not quite ours."""

    def __init__(self, signing_office, company=COMPANY, ahead=0.0, unit=""):
        room = signing_office.room
        clock = RealTime(wall=lambda: time.time() + ahead)
        super().__init__(room.database, room.keyring, company, clock)
        self.database, self.other_unit = room.database, unit

    def _unit(self):
        if not self.other_unit:
            return super()._unit()
        with self.database.reading() as session:
            unit = self._units.named(session, self.other_unit)
        return unit, timestamps._signing_certificate(unit.certificate, unit.der)


class Changed:
    """A source that is asked something else than what was meant."""

    def __init__(self, source, change):
        self.source, self.change = source, change

    def answer(self, request):
        return self.change(self.source.answer, request)


def about_something_else(answer, request):
    return answer(timestamp_request(sha256(b"something else").digest(), nonce_of(request)))


def with_another_nonce(answer, request):
    return answer(timestamp_request(digest_of(request), 7))


def forged(answer, request):
    whole = answer(request)
    return whole[:-1] + bytes([whole[-1] ^ 1])


def redated(answer, request):
    whole = answer(request)
    at = whole.index(b"Z\x30\x03\x02\x01\x01") - 1
    return whole[:at] + (b"1" if whole[at : at + 1] != b"1" else b"2") + whole[at + 1 :]


def digest_of(request):
    body = Reader(request).inside()
    body.integer()
    inner = body.inside()
    inner.take(0x30)
    return inner.take(0x04)


def nonce_of(request):
    body = Reader(request).inside()
    body.integer()
    body.take(0x30)
    return body.integer()


def refused(signer, source, code):
    ticket, signatures = signer.asks(), signer.signatures()
    through = signer.office.opens(timestamps=source)
    with pytest.raises(StampRefused) as no:
        signer.sends(ticket, signatures, through)
    assert no.value.code == code
    assert signer.has() == []
    # Nothing was used up: with a source in order the same signatures are taken.
    assert len(signer.sends(ticket, signatures)) == len(CODES)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (about_something_else, "stamp_imprint"),
        (with_another_nonce, "stamp_nonce"),
        (forged, "stamp_signature"),
        (redated, "stamp_malformed"),
    ],
)
def test_a_token_that_is_not_about_this_signature_is_refused(signer, change, code):
    refused(signer, Changed(signer.office.room.timestamps, change), code)


def test_a_token_under_another_policy_is_refused(signer, signing_office):
    refused(signer, Other(signing_office, replace(COMPANY, arc="1.3.6.1.4.1.99999")), "stamp_policy")


@pytest.mark.parametrize("unit", ["seal-1", "issuing-1", "ocsp-1"])
def test_a_unit_that_is_not_for_dating_dates_nothing(signer, signing_office, unit):
    refused(signer, Other(signing_office, unit=unit), "stamp_purpose")


@pytest.mark.parametrize("seconds", [90, 3600, -90])
def test_a_token_of_another_time_is_refused(signer, signing_office, seconds):
    refused(signer, Other(signing_office, ahead=seconds), "stamp_time")


def test_a_minute_of_difference_is_borne(signer, signing_office):
    assert signer.signs(through=signing_office.opens(timestamps=Other(signing_office, ahead=50)))


def test_a_token_of_a_source_that_nobody_trusts_is_refused(signer, signing_office, tmp_path):
    def stranger(answer, request):
        top, key = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        root = profiles.root(COMPANY, top, 1, now)
        made = profiles.tsa(COMPANY, profiles.Issuer(root, top, "root-1"), key.public_key(), 1, now)
        with signing_office.engine.database.reading() as session:
            known = signing_office.room.authority.units.named(session, "tsa-1")
        unit = replace(known, certificate=made, key=key)
        source = Other(signing_office)
        bound = timestamps._signing_certificate(made, made.public_bytes(Encoding.DER))
        source._known = (time.monotonic(), unit, bound)
        return source.answer(request)

    refused(signer, Changed(signing_office.room.timestamps, stranger), "stamp_source")


class Silent:
    """A source that is down, in one way or another."""

    def __init__(self, how):
        self.how = how

    def answer(self, request):
        return self.how()


def raising(error):
    def answer():
        raise error

    return answer


@pytest.mark.parametrize(
    "how",
    [
        raising(ConnectionRefusedError()),
        raising(TimeoutError()),
        raising(NoAuthority()),
        lambda: b"",
        lambda: b"<html>Bad Gateway</html>",
        lambda: bytes.fromhex("30053003020102"),  # a rejection
        lambda: bytes.fromhex("30053003020100"),  # granted, without a token
    ],
)
def test_while_no_source_dates_papers_are_signed_and_dated_later(signer, signing_office, how):
    signed = signer.signs(through=signing_office.opens(timestamps=Silent(how)))
    assert {(one.level, one.stamped_at) for one in signed} == {("B", None)}
    assert signing_office.queued() == [str(signer.case_id)]
    # Never a time that nobody vouches for: no signing time in the attributes, no date in the dictionary.
    for pdf in signing_office.files(signer.case_id).values():
        told = unsigned_of(pdf)
        assert [one["type"].native for one in told["signed_attrs"]] == [
            "content_type", "message_digest", "signing_certificate_v2",
        ]  # fmt: skip
        assert told["unsigned_attrs"].native is None


def test_a_source_that_stops_in_the_middle_leaves_the_rest_for_later(signer, signing_office):
    answered = []

    def two(answer, request):
        answered.append(request)
        if len(answered) > 2:
            raise ConnectionResetError
        return answer(request)

    signed = signer.signs(
        through=signing_office.opens(timestamps=Changed(signing_office.room.timestamps, two))
    )
    assert [one.level for one in signed] == ["T", "T", "B", "B"]


def test_nobody_gets_a_date_for_something_else_than_a_signature(signer, signing_office):
    with pytest.raises(SignatureWrong):
        signing_office.signing.tokens({"customer_notice": b"any text at all"})


def test_a_token_longer_than_there_is_room_for_is_refused(signer, signing_office):
    ticket, signatures = signer.asks(), signer.signatures()
    dated = {code: Stamp(b"\x30" * 7000, 1) for code in signatures}
    with pytest.raises(StampRefused) as no:
        signer.sends(ticket, signatures, dated=dated)
    assert no.value.code == "stamp_too_long"


def test_a_timestamp_tells_when_it_was_signed(signer, signing_office):
    before = signing_office.room.clock() - timedelta(seconds=1)
    signed = signer.signs()
    assert all(before < one.stamped_at < signing_office.room.clock() for one in signed)
    # Business time is that of the demonstration, real time that of the timestamp.
    assert {one.signed_at for one in signed} == {signing_office.room.business}
    assert imprint(b"x") == sha256(b"x").digest()
