"""The key in the browser: who makes it, who can open it, what is signed with it (R-187)."""

import asyncio
import gzip
import json
import random
import re
import shutil
from base64 import b64decode, b64encode, urlsafe_b64decode
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from asn1crypto import algos
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pyhanko.sign.signers.pdf_cms import ExternalSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

from handlers import signing
from handlers.certificates import oprf
from handlers.certificates import requests as server
from tests.browser.key_page import KeyPage, browser_with
from tests.openssl import openssl, written

SCRIPTS = Path(__file__).parents[2] / "web" / "static"
NONCE = "5a" * 32
MOST = 20 * 1024


@pytest.fixture
def bureau(standing_room):
    """The authority whose certificates these browsers keep."""
    return standing_room


@pytest.fixture
def key_page(opens):
    """A page of a window of its own."""
    page = opens()
    page.goto("/")
    return KeyPage(page)


@pytest.fixture
def profile(chromium, kaihu, tmp_path):
    """Lend browsers by profile: ``with profile("mine") as page``."""
    return lambda name="mine": browser_with(chromium, kaihu, tmp_path / name)


def text(content: bytes) -> str:
    return b64encode(content).decode()


# What is made


def test_openssl_and_our_own_server_take_the_browser_s_request(key_page, tmp_path):
    csr = b64decode(
        key_page.runs("return base64(await der.request(await wrapping.newKeys(), given));", NONCE)
    )
    said = openssl(
        "req", "-inform", "DER", "-in", written(tmp_path / "csr", csr), "-verify", "-noout", "-text"
    )
    assert "verify OK" in said
    assert "prime256v1" in said
    assert NONCE in said
    assert server.read(csr).nonce == NONCE


def test_a_hundred_requests_are_all_good(key_page):
    # Signatures have leading zeros one time in 128; each number must still be the shortest.
    made = key_page.runs(
        """
        const all = [];
        while (all.length < 100) all.push(base64(await der.request(await wrapping.newKeys(), given)));
        return all;
        """,
        NONCE,
    )
    assert {server.read(b64decode(csr)).nonce for csr in made} == {NONCE}
    assert len({server.read(b64decode(csr)).spki for csr in made}) == 100


def attributes_by_pyhanko(digest: bytes, certificate: bytes) -> bytes:
    signer = ExternalSigner(
        asn1.Certificate.load(certificate),
        SimpleCertificateStore(),
        signature_value=72,
        signature_mechanism=algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
    )
    with ThreadPoolExecutor(1) as beside:  # the browser's own loop runs in this thread
        made = beside.submit(asyncio.run, signer.signed_attrs(digest, "sha256", use_pades=True)).result()
    return bytes(made.dump())


@pytest.mark.parametrize("name", ["张小伟", "阿卜杜热西提·阿卜杜热合曼·麦麦提", "Ng"])
def test_browser_server_and_pyhanko_sign_the_same_bytes(key_page, bureau, name):
    certificate = bureau.person(name=name).has_certificate().der
    digest = sha256(name.encode()).digest()
    made = key_page.runs(
        "return base64(await der.signedAttributes(unbase64(given[0]), unbase64(given[1])));",
        [text(digest), text(certificate)],
    )
    assert b64decode(made) == signing.attributes(digest, certificate)
    assert b64decode(made) == attributes_by_pyhanko(digest, certificate)


def test_the_browser_notices_a_certificate_for_another_key(key_page, bureau):
    person = bureau.person()
    certificate = person.has_certificate().der
    key = x509.load_der_x509_certificate(certificate).public_key()
    found = key_page.runs("return base64(der.opened(unbase64(given)).key);", text(certificate))
    assert load_der_public_key(b64decode(found)) == key


# The password


@pytest.mark.parametrize("length", [0, 1, 17, 32, 300])
def test_browser_and_server_compute_the_same_value(key_page, length):
    given = bytes(range(256)) * 2
    value = key_page.runs(
        """
        const input = unbase64(given);
        const { blind, blinded } = await oprf.hide(input);
        return base64(await oprf.finish(input, blind, await ask(blinded)));
        """,
        text(given[:length]),
    )
    assert b64decode(value) == oprf.output(key_page.scalar, given[:length])


def test_the_browser_computes_what_the_standard_computes(key_page):
    # RFC 9497, A.3.1, second vector.
    made = key_page.runs(
        """
        const input = new Uint8Array(17).fill(0x5a);
        const blind = 0x3338fa65ec36e0290022b48eb562889d89dbfa691d1cde91517fa222ed7ad364n;
        const { blinded } = await oprf.hide(input, blind);
        const value = await oprf.finish(input, blind, unbase64(given));
        return [paper.hex(blinded), paper.hex(value)];
        """,
        text(bytes.fromhex("03a0395fe3828f2476ffcd1f4fe540e5a8489322d398be3c4e5a869db7fcb7c52c")),
    )
    assert made == [
        "03cc1df781f1c2240a64d1c297b3f3d16262ef5d4cf102734882675c26231b0838",
        "c748ca6dd327f0ce85f4ae3a8cd6d4d5390bbb804c9e12dcf94f853fece3dcce",
    ]


def test_an_answer_that_is_no_point_is_not_used(key_page):
    for point in (b"\0", bytes(33), b"\2" + b"\xff" * 32, b""):
        wrong = key_page.runs(
            "return oprf.finish(new Uint8Array(3), 5n, unbase64(given)).then(() => '', (e) => e.name);",
            text(point),
        )
        assert wrong == "Error"


@pytest.mark.parametrize(
    ("typed", "standard", "digits6"),
    [
        ("", "missing", "missing"),
        ("12345", "shape", "shape"),
        ("123456", "trivial", "trivial"),
        ("654321", "trivial", "trivial"),
        ("000000", "trivial", "trivial"),
        ("112233", "trivial", "trivial"),
        ("121212", "trivial", "trivial"),
        ("123123", "trivial", "trivial"),
        ("abcdef", "trivial", "shape"),
        ("password1", "trivial", "shape"),
        ("704418", "", ""),
        ("７０４４１８", "", "shape"),  # the page folds full-width digits before it judges
        ("k7-Mond-Ufer", "", "shape"),
        ("好记的密码七", "", "shape"),
        ("a" * 10 + "Zq7-" + "b" * 7, "shape", "shape"),
    ],
)
def test_a_password_is_judged_where_it_is_typed(key_page, typed, standard, digits6):
    judged = key_page.runs(
        "return ['standard', 'digits6'].map((rule) => password.fault(given, rule));", typed
    )
    assert judged == [standard, digits6]


# Keeping


def test_a_wrapped_key_signs_after_the_browser_was_started_anew(profile, bureau):
    certificate = bureau.person().has_certificate().der
    with profile() as page:
        kept, scalar = page.wraps(certificate), page.scalar
    with profile() as page:
        page.scalar = scalar
        done = page.unlocks()
    key = load_der_public_key(b64decode(kept["key"]))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(b64decode(done["signature"]), b"text", ec.ECDSA(SHA256()))


def test_the_unlocked_key_cannot_be_taken_out(key_page):
    key_page.wraps(b"certificate")
    done = key_page.unlocks()
    assert (done["extractable"], done["usages"], done["taken"]) == (False, ["sign"], "")


def test_a_wrong_password_opens_nothing(key_page):
    key_page.wraps(b"certificate")
    assert key_page.unlocks("wrong-One-7") == {"wrong": "WrongPassword"}


def test_the_right_password_opens_nothing_with_another_server_s_number(key_page):
    # A stolen device, and a database dump without the key ring: any other number is useless.
    key_page.wraps(b"certificate")
    key_page.scalar = oprf.new_scalar()
    assert key_page.unlocks() == {"wrong": "WrongPassword"}


def test_another_profile_of_the_same_browser_has_no_certificate(profile):
    with profile("mine") as page:
        page.wraps(b"certificate")
    with profile("other") as page:
        assert page.unlocks() == {"wrong": "none"}


@pytest.mark.parametrize(
    "change",
    [
        "record.iv[0] ^= 1;",
        "record.outerIv[0] ^= 1;",
        "record.salt[15] ^= 128;",
        "record.iterations = 700000;",
        "record.iterations = 1;",
        "record.iterations = '600000x';",
        "record.certificate[0] ^= 1;",
        "record.sealed[0] ^= 1;",
        "record.sealed = record.sealed.slice(0, -1);",
        "record.device = (await store.find('certificates', 'other')).device;",
    ],
)
def test_a_record_that_was_altered_does_not_open_and_costs_no_try(key_page, change):
    key_page.wraps(b"certificate", serial="other")
    key_page.wraps(b"certificate")
    before = key_page.asked
    assert key_page.unlocks(change=change) == {"wrong": "Damaged"}
    assert key_page.asked == before


def test_a_record_under_another_serial_does_not_open(key_page):
    key_page.wraps(b"certificate")
    assert key_page.unlocks(change="record.serial = 'other';") == {"wrong": "WrongPassword"}


def test_no_key_and_no_password_lies_in_the_profile(profile, tmp_path):
    with profile() as page:
        kept = page.wraps(b"certificate", "right-One-7")
        page.unlocks("right-One-7")
    secret = urlsafe_b64decode(kept["secret"] + "=")
    files = [file for file in (tmp_path / "mine").rglob("*") if file.is_file()]
    stored = [file.read_bytes() for file in files]
    assert any(
        b"kaihu-certificates" in content or "kaihu-certificates".encode("utf-16-le") in content
        for content in stored
    )
    for wanted in (
        secret,
        secret[::-1],
        kept["secret"].encode(),
        b"right-One-7",
        "right-One-7".encode("utf-16-le"),
    ):
        assert not any(wanted in content for content in stored)


def test_a_copied_profile_without_the_password_opens_nothing(profile, tmp_path):
    with profile() as page:
        page.wraps(b"certificate")
        scalar = page.scalar
    shutil.copytree(tmp_path / "mine", tmp_path / "stolen", ignore=shutil.ignore_patterns("Singleton*"))
    with profile("stolen") as page:
        page.scalar = scalar
        assert [page.unlocks(guess)["wrong"] for guess in ("guess-One-7", "guess-Two-7")] == [
            "WrongPassword"
        ] * 2
        assert page.asked == 2


# What is signed is what was shown


def hole_of(content: bytes) -> tuple[bytes, int]:
    """Put a hole into a file, as every paper has one."""
    before, after = content[: len(content) // 2], content[len(content) // 2 :]
    return before + b"<" + b"0" * 16384 + b">" + after, len(before)


def test_one_changed_bit_is_another_paper_in_every_of_many_trials(key_page):
    pdf, start = hole_of(random.Random(7).randbytes(40_000))  # noqa: S311
    bits = random.Random(8).sample(range(len(pdf) * 8), 1500)  # noqa: S311
    digests = key_page.runs(
        """
        const pdf = unbase64(given.pdf);
        const { digest } = await paper.digestOf(pdf);
        const wrong = [];
        for (const bit of given.bits) {
          pdf[bit >> 3] ^= 1 << (bit & 7);
          const found = await paper.digestOf(pdf).catch(() => ({ digest: "none" }));
          if (found.digest === digest && found.start === given.start) wrong.push(bit);
          pdf[bit >> 3] ^= 1 << (bit & 7);
        }
        return { digest, wrong };
        """,
        {"pdf": text(pdf), "start": start, "bits": bits},
    )
    assert digests["wrong"] == []
    assert digests["digest"] == sha256(pdf[:start] + pdf[start + 16386 :]).hexdigest()


@pytest.mark.parametrize(
    "hole", [b"<" + b"0" * 16383 + b"1>", b"<" + b"0" * 16383 + b">", b"<" + b"0" * 16385 + b">", b""]
)
def test_a_paper_whose_hole_is_not_empty_is_none(key_page, hole):
    wrong = key_page.runs(
        "return paper.digestOf(unbase64(given)).then(() => '', (e) => e.constructor.name);",
        text(b"%PDF " + hole + b" %%EOF"),
    )
    assert wrong == "NoPaper"


# How much it weighs


def packed(*paths: Path) -> int:
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in paths)


def test_all_of_it_weighs_twenty_kilobytes_at_most():
    own = sorted((SCRIPTS / "js" / "certificate").glob("*.js"))
    together = b"".join(path.read_bytes() for path in [SCRIPTS / "dist" / "curve.js", *own])
    assert len(gzip.compress(together, 9)) <= MOST


@pytest.mark.parametrize("page", ["install", "signing"])
def test_each_page_loads_twenty_kilobytes_at_most(page):
    seen: set[Path] = set()

    def follow(path: Path) -> None:
        if path not in seen:
            seen.add(path)
            for name in re.findall(r'^import .* from "(\..*)";', path.read_text("utf-8"), re.MULTILINE):
                follow((path.parent / name).resolve())

    follow(SCRIPTS / "js" / "certificate" / f"{page}.js")
    assert SCRIPTS / "dist" / "curve.js" in seen
    assert packed(*seen) <= MOST


def test_the_licence_of_what_is_bundled_comes_with_it():
    assert "MIT License (c) 2022 Paul Miller" in (SCRIPTS / "dist" / "curve.js").read_text("utf-8")
    locked = json.loads((SCRIPTS.parents[1] / "package-lock.json").read_text("utf-8"))
    assert locked["packages"]["node_modules/@noble/curves"]["license"] == "MIT"
