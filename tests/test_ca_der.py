"""DER written by hand is the shortest there is, is read back, and nothing else is read."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from hypothesis import example, given
from hypothesis import strategies as st

from handlers.certificates import der
from handlers.certificates.der import DerRefused, Reader
from tests.openssl import openssl, written


@given(st.integers(-(2**200), 2**200))
@example(0)
@example(127)
@example(128)
@example(-128)
@example(-129)
def test_an_integer_is_read_back_and_has_no_byte_too_many(number):
    encoded = der.integer(number)
    assert Reader(encoded).integer() == number
    content = encoded[2:]
    assert len(content) == 1 or not (content[0] in (0, 255) and content[0] >> 7 == content[1] >> 7)


@given(st.binary(max_size=70_000))
@example(b"x" * 127)
@example(b"x" * 128)
@example(b"x" * 255)
@example(b"x" * 256)
def test_contents_of_any_length_are_read_back(content):
    encoded = der.octets(content)
    reader = Reader(encoded)
    assert reader.take(der.OCTETS) == content
    reader.end()


@given(st.lists(st.integers(0, 2**70), max_size=8), st.integers(0, 2), st.integers(0, 39))
def test_an_object_identifier_is_what_the_library_makes_of_it(arcs, first, second):
    dotted = ".".join(map(str, (first, second, *(arc % 2**31 for arc in arcs))))
    wanted = x509.ObjectIdentifier(dotted)
    key_usage = x509.ExtendedKeyUsage([wanted]).public_bytes()
    assert Reader(key_usage).inside().whole(der.OID) == der.oid(dotted)


def test_an_object_identifier_that_cannot_be_is_refused():
    for dotted in ("3.1", "1.40", "0.99.1"):
        with pytest.raises(DerRefused):
            der.oid(dotted)


@given(st.lists(st.binary(max_size=8).map(der.octets), max_size=8))
def test_a_set_is_in_order(parts):
    encoded = Reader(der.set_of(parts)).take(der.SET)
    reader, found = Reader(encoded), []
    while reader.peek() is not None:
        found.append(reader.whole(der.OCTETS))
    assert found == sorted(parts)


@given(st.datetimes(datetime(1950, 1, 1), datetime(2400, 1, 1)))  # noqa: DTZ001 - made aware in the next line
def test_a_time_is_what_it_says(moment):
    moment = moment.replace(tzinfo=UTC)
    text = Reader(der.time(moment)).take(der.TIME).decode()
    whole, _, fraction = text.removesuffix("Z").partition(".")
    assert not fraction.endswith("0")
    told = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    told += timedelta(milliseconds=int(fraction.ljust(3, "0")) if fraction else 0)
    assert timedelta(0) <= moment - told < timedelta(milliseconds=1)


def test_dates_change_their_form_in_2050():
    assert Reader(der.date(datetime(2049, 12, 31, tzinfo=UTC))).take(der.UTC_TIME) == b"491231000000Z"
    assert Reader(der.date(datetime(2050, 1, 1, tzinfo=UTC))).take(der.TIME) == b"20500101000000Z"


def test_what_we_write_is_der_to_the_openssl_program(tmp_path):
    made = der.sequence(
        der.integer(-129),
        der.oid("2.16.840.1.101.3.4.2.1"),
        der.octets(b"x" * 300),
        der.bits(b"ab"),
        der.true(),
        der.explicit(0, der.time(datetime(2026, 3, 18, 2, 0, 0, 120_000, tzinfo=UTC))),
        der.set_of([der.integer(2), der.integer(1)]),
    )
    said = openssl("asn1parse", "-inform", "DER", "-in", written(tmp_path / "x", made))
    for part in (":-81", ":sha256", ":20260318020000.12Z", "BOOLEAN           :255"):
        assert part in said


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\x02",
        b"\x02\x01",
        b"\x02\x81\x01\x05",  # a short length written long
        b"\x02\x82\x00\x80" + b"x" * 128,
        b"\x02\x80\x05\x00\x00",  # indefinite
        b"\x02\x85\x00\x00\x00\x00\x01\x05",
        b"\x02\xff",
        b"\x02\x00",
        b"\x02\x02\x00\x05",  # a zero too many
        b"\x02\x02\xff\xff",
        b"\x04\x01\x05",
    ],
)
def test_what_is_not_der_is_refused(wrong):
    with pytest.raises(DerRefused):
        Reader(wrong).integer()


@given(st.binary(max_size=40))
def test_noise_is_read_or_refused_and_nothing_else(noise):
    reader = Reader(noise)
    try:
        while (tag := reader.peek()) is not None:
            reader.whole(tag)
    except DerRefused:
        return
    reader.end()
