"""Timestamps: what anybody verifies with openssl, and what our unit refuses to date."""

import re
import threading
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import clock
from engine.store import Database, Keyring
from handlers.certificates import ClockDoubted, EmbeddedTimestamps, RealTime, der, timestamp_request
from handlers.certificates.der import Reader
from tests.ca_people import COMPANY
from tests.openssl import OpensslRefused, openssl, pem, written

DIGEST = sha256(b"agreement").digest()
GOOD = timestamp_request(DIGEST, 2**63)


def verdict(answer):
    """Return the status of an answer and, when it is a refusal, which failure it gives."""
    info = Reader(answer).inside().inside()
    status = info.integer()
    if info.peek() is None:
        return status, None
    failure = info.take(der.BITS)
    return status, next(8 * i + b for i, byte in enumerate(failure[1:]) for b in range(8) if byte & 0x80 >> b)


def text_of(answer, folder):
    return openssl("ts", "-reply", "-in", written(folder / "answer.tsr", answer), "-text")


@pytest.fixture
def bureau(standing_room):
    return standing_room


@pytest.fixture
def root(bureau, tmp_path):
    return pem(tmp_path / "root.pem", bureau.chain()[1:])


@pytest.mark.parametrize("digest", ["-sha256", "-sha384", "-sha512"])
@pytest.mark.parametrize(
    "options", [["-cert"], ["-cert", "-no_nonce"], ["-cert", "-tspolicy", COMPANY.timestamp_policy]]
)
def test_a_timestamp_is_verified_by_the_openssl_program(bureau, root, tmp_path, digest, options):
    data, query = written(tmp_path / "data", b"agreement"), tmp_path / "query.tsq"
    openssl("ts", "-query", "-data", data, digest, *options, "-out", query)
    answer = written(tmp_path / "answer.tsr", bureau.timestamps.answer(query.read_bytes()))
    for what in (["-queryfile", query], ["-data", data]):
        said = openssl("ts", "-verify", *what, "-in", answer, "-CAfile", root, "-x509_strict")
        assert "Verification: OK" in said


def test_a_timestamp_without_the_certificate_verifies_when_it_is_given(bureau, root, tmp_path):
    answer = bureau.timestamps.answer(timestamp_request(DIGEST, 7, with_certificate=False))
    with bureau.database.reading() as session:
        unit = bureau.authority.certificate(session, "tsa-1")
    assert unit not in answer
    path = written(tmp_path / "answer.tsr", answer)
    said = openssl(
        "ts", "-verify", "-digest", DIGEST.hex(), "-in", path, "-CAfile", root,
        "-untrusted", pem(tmp_path / "tsa.pem", [unit]),
    )  # fmt: skip
    assert "Verification: OK" in said


def test_a_timestamp_of_other_data_is_not_this_ones(bureau, root, tmp_path):
    path = written(tmp_path / "answer.tsr", bureau.timestamps.answer(GOOD))
    with pytest.raises(OpensslRefused, match="message imprint mismatch"):
        openssl("ts", "-verify", "-digest", sha256(b"other").hexdigest(), "-in", path, "-CAfile", root)


def test_a_timestamp_says_the_real_time_even_in_a_demonstration(bureau, tmp_path):
    with clock.frozen(datetime(2026, 3, 18, 2, tzinfo=UTC)):
        before = datetime.now(UTC)
        said = text_of(bureau.timestamps.answer(GOOD), tmp_path)
    told = re.search(r"Time stamp: (\w+ +\d+ [\d:.]+ \d{4}) GMT", said)
    assert told, said
    form = "%b %d %H:%M:%S.%f %Y" if "." in told[1] else "%b %d %H:%M:%S %Y"
    moment = datetime.strptime(told[1], form).replace(tzinfo=UTC)
    assert abs(moment - before) < timedelta(seconds=5)
    assert "Accuracy: 0x01 seconds" in said
    assert f"Policy OID: {COMPANY.timestamp_policy}" in said
    assert "Nonce: 0x8000000000000000" in said


def test_no_two_timestamps_have_one_serial_number(bureau, tmp_path):
    told = [text_of(bureau.timestamps.answer(GOOD), tmp_path) for _ in range(9)]
    assert len({line for text in told for line in text.splitlines() if "Serial number:" in line}) == 9


@pytest.mark.parametrize("name", ["-sha1", "-md5", "-sm3", "-sha3-256"])
def test_other_digests_are_not_dated(bureau, tmp_path, name):
    query = tmp_path / "query.tsq"
    openssl("ts", "-query", "-data", written(tmp_path / "data", b"x"), name, "-out", query)
    assert verdict(bureau.timestamps.answer(query.read_bytes())) == (2, 0)


def test_a_refusal_is_read_by_the_openssl_program(bureau, tmp_path):
    query = tmp_path / "query.tsq"
    openssl("ts", "-query", "-data", written(tmp_path / "data", b"x"), "-sha1", "-out", query)
    said = text_of(bureau.timestamps.answer(query.read_bytes()), tmp_path)
    assert "Status: Rejected" in said
    assert "unrecognized or unsupported algorithm identifier" in said


SHA256_NAME = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"), b"\x05\x00")


def query(*more, version=1, name=SHA256_NAME, digest=DIGEST):
    return der.sequence(der.integer(version), der.sequence(name, der.octets(digest)), *more)


@pytest.mark.parametrize(
    ("request_", "failure"),
    [
        (query(version=2), 2),
        (query(digest=DIGEST[:-1]), 5),
        (query(digest=DIGEST + b"x"), 5),
        (query(name=der.sequence(der.oid("2.16.840.1.101.3.4.2.1"), der.integer(1))), 5),
        (query(der.oid("1.2.3.4")), 15),
        (query(der.explicit(0, der.sequence(der.oid("1.2.3.4"), der.octets(b"")))), 16),
        (query(der.integer(2**300)), 2),
        (query(b"\x01\x01\x01"), 5),
        (query(der.true(), der.integer(1)), 5),
        (GOOD + b"\0", 5),
        (b"", 5),
        (b"noise", 5),
        (b"\x30" * 5000, 2),
    ],
)
def test_a_request_out_of_order_is_refused_with_its_failure(bureau, request_, failure):
    assert verdict(bureau.timestamps.answer(request_)) == (2, failure)


@pytest.mark.parametrize(
    "good", [query(), query(b"\x01\x01\x00"), query(der.integer(-5)), query(der.integer(0))]
)
def test_unusual_requests_that_are_in_order_are_granted(bureau, good):
    assert verdict(bureau.timestamps.answer(good)) == (0, None)


def test_a_request_cut_short_at_any_byte_is_refused(bureau):
    for length in range(len(GOOD)):
        assert verdict(bureau.timestamps.answer(GOOD[:length]))[0] == 2


def test_without_a_unit_nothing_is_dated(empty_authority):
    assert verdict(empty_authority.answer(GOOD)) == (2, 25)


@pytest.fixture
def empty_authority(database_url):
    database = Database(database_url)
    yield EmbeddedTimestamps(database, Keyring.generate(), COMPANY)
    database.dispose()


@given(st.binary(max_size=120))
def test_noise_is_refused_and_nothing_breaks(noise):
    # Noise is found out before the unit is looked up, so it needs no database.
    unit = EmbeddedTimestamps(Database("postgresql://nowhere"), Keyring.generate(), COMPANY)
    assert verdict(unit.answer(noise))[0] == 2


class Machine:
    """A machine whose clock somebody sets."""

    def __init__(self):
        self.wall, self.steady = 1_800_000_000.0, 500.0

    def passes(self, seconds, step=0.0):
        self.steady += seconds
        self.wall += seconds + step


def test_a_clock_that_goes_steadily_is_believed():
    machine = Machine()
    now = RealTime(lambda: machine.wall, lambda: machine.steady)
    machine.passes(86_400, step=0.5)
    assert now() == datetime.fromtimestamp(1_800_086_400.5, UTC)


@pytest.mark.parametrize("step", [600, -600, 11, -11])
def test_a_clock_that_jumped_dates_nothing(bureau, step):
    machine = Machine()
    machine.wall = datetime.now(UTC).timestamp()
    now = RealTime(lambda: machine.wall, lambda: machine.steady)
    unit = EmbeddedTimestamps(bureau.database, bureau.keyring, COMPANY, now)
    assert verdict(unit.answer(GOOD)) == (0, None)
    machine.passes(1, step=step)
    with pytest.raises(ClockDoubted):
        now()
    assert verdict(unit.answer(GOOD)) == (2, 14)


def test_a_unit_whose_certificate_is_over_dates_nothing(bureau):
    machine = Machine()
    machine.wall = (datetime.now(UTC) + timedelta(days=9 * 365)).timestamp()
    unit = EmbeddedTimestamps(
        bureau.database, bureau.keyring, COMPANY, RealTime(lambda: machine.wall, lambda: machine.steady)
    )
    assert verdict(unit.answer(GOOD)) == (2, 14)


def test_many_ask_at_once(bureau):
    got = []
    threads = [threading.Thread(target=lambda: got.append(bureau.timestamps.answer(GOOD))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {verdict(answer) for answer in got} == {(0, None)}
    assert len(set(got)) == 8
