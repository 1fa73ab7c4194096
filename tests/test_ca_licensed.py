"""Customers certified by a licensed authority over HTTP: what is believed, and what it is told."""

from datetime import UTC, datetime, timedelta

import pytest
import structlog
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from handlers.certificates import AuthorityDown, Certificates, NonceRefused, Refused, ceremony
from handlers.certificates.external import HttpAuthority, Reports
from handlers.certificates.external import Line as To
from tests.ca_people import COMPANY, ID_NUMBER
from tests.http_authority import LicensedAuthority, rebuilt
from tests.http_counter import TOKEN, served


@pytest.fixture
def licensed():
    authority = LicensedAuthority()
    with served(authority) as address:
        authority.at(address)
        yield authority


def speaks_to(bureau, licensed, seconds=3.0, token=TOKEN, **more):
    line = To(licensed.company.address, token, seconds, more.pop("chain", licensed.chain))
    bureau.authority = HttpAuthority(bureau.keyring, COMPANY, line, bureau.clock)
    bureau.certificates = Certificates(bureau.keyring, bureau.authority, bureau.clock)
    return bureau


@pytest.fixture
def bureau(standing_room, licensed):
    return speaks_to(standing_room, licensed)


@pytest.fixture
def reports(bureau):
    return Reports(bureau.database, bureau.authority, bureau.clock)


def status(bureau, licensed, certificate, nonce=None):
    leaf = x509.load_der_x509_certificate(certificate.der)
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, licensed.issuing, SHA256())
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    answer = bureau.answers(builder.build().public_bytes(Encoding.DER))
    read = ocsp.load_der_ocsp_response(answer)
    ok = read.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL
    return read.certificate_status.name if ok else read.response_status.name


# -- a certificate --------------------------------------------------------------------------------------


def test_a_customer_gets_the_certificate_that_the_licensed_authority_made(bureau, licensed, holder):
    certificate = holder.has_certificate()
    made = x509.load_der_x509_certificate(certificate.der)
    made.verify_directly_issued_by(licensed.issuing)
    assert made.public_key() == holder.key.public_key()
    assert bureau.chain() == tuple(one.public_bytes(Encoding.DER) for one in licensed.chain)
    with bureau.database.reading() as session:
        assert bureau.certificates.usable(session, holder.owner) == certificate


def test_nothing_personal_stands_in_an_address(bureau, licensed, holder):
    holder.has_certificate()
    said = " ".join(f"{path}?{parts['query']}" for path, parts in licensed.seen)
    assert not any(secret in said for secret in (ID_NUMBER, holder.name))


def for_another_key(made, licensed):
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    return rebuilt(made, licensed.key, public_key=other)


def for_another_person(made, licensed):
    return rebuilt(made, licensed.key, subject_name=renamed(made, NameOID.COMMON_NAME, "李四"))


def with_another_pseudonym(made, licensed):
    return rebuilt(made, licensed.key, subject_name=renamed(made, NameOID.SERIAL_NUMBER, "0" * 32))


def renamed(made, oid, value):
    return x509.Name([x509.NameAttribute(a.oid, value if a.oid == oid else a.value) for a in made.subject])


def with_the_id_number(made, licensed):
    told = x509.SubjectAlternativeName([x509.DNSName(ID_NUMBER)])
    return rebuilt(made, licensed.key, more=((told, False),))


def over(made, licensed):
    end = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=1)
    return rebuilt(made, licensed.key, not_valid_before=end - timedelta(days=1), not_valid_after=end)


def not_good_yet(made, licensed):
    return rebuilt(made, licensed.key, not_valid_before=datetime.now(UTC).replace(tzinfo=None) + timedelta(1))


def for_a_hundred_years(made, licensed):
    end = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=36500)
    return rebuilt(made, licensed.key, not_valid_after=end)


def as_an_authority(made, licensed):
    ca = x509.BasicConstraints(ca=True, path_length=None)
    return rebuilt(made, licensed.key, without=(x509.BasicConstraints,), more=((ca, True),))


def for_no_purpose(made, licensed):
    return rebuilt(made, licensed.key, without=(x509.KeyUsage,))


def with_a_riddle(made, licensed):
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.99"), b"\x05\x00")
    return rebuilt(made, licensed.key, more=((unknown, True),))


def signed_by_a_stranger(made, licensed):
    return rebuilt(made, ec.generate_private_key(ec.SECP256R1()))


def of_another_authority(made, licensed):
    other = LicensedAuthority()
    return rebuilt(made, other.key, issuer_name=other.issuing.subject)


def signed_with_sha1(made, licensed):
    read = asn1.Certificate.load(made.public_bytes(Encoding.DER))
    read["tbs_certificate"]["signature"] = read["signature_algorithm"] = {"algorithm": "sha1_ecdsa"}
    body = read["tbs_certificate"].dump(force=True)
    read["signature_value"] = licensed.key.sign(body, ec.ECDSA(SHA1()))  # noqa: S303 - it must be refused
    return read.dump(force=True)


def with_something_behind(made, licensed):
    return made.public_bytes(Encoding.DER) + b"\0"


def noise(made, licensed):
    return b"noise"


FORGED = {
    for_another_key: "another key",
    for_another_person: "another person",
    with_another_pseudonym: "another pseudonym",
    with_the_id_number: "the ID number",
    over: "not good now",
    not_good_yet: "not good yet",
    for_a_hundred_years: "for too long",
    as_an_authority: "an authority's",
    for_no_purpose: "KeyUsage",
    with_a_riddle: "not understood",
    signed_by_a_stranger: "does not lead up to a root",
    of_another_authority: "does not lead up to a root",
    signed_with_sha1: "digest that is too weak",
    with_something_behind: "ExtraData",
    noise: "error parsing",
}


@pytest.mark.parametrize(("forge", "why"), FORGED.items(), ids=[forge.__name__ for forge in FORGED])
def test_a_certificate_that_is_not_right_is_not_believed_and_nothing_changes(
    bureau, licensed, holder, forge, why
):
    before = holder.has_certificate()
    holder.key = ec.generate_private_key(ec.SECP256R1())
    nonce = holder.passes_the_video()
    licensed.forge = forge
    with structlog.testing.capture_logs() as lines, pytest.raises(AuthorityDown):
        holder.installs(holder.asks(nonce))
    assert why in lines[-1]["why"]
    with bureau.database.reading() as session:
        assert bureau.certificates.of_owner(session, holder.owner) == [before]
    licensed.forge = lambda made, _: made.public_bytes(Encoding.DER)
    licensed.made.clear()
    assert holder.installs(holder.asks(nonce)).state == "active"


def test_a_root_that_was_not_agreed_on_is_not_believed(standing_room, licensed):
    holder = speaks_to(standing_room, licensed, chain=LicensedAuthority().chain).person()
    with pytest.raises(AuthorityDown):
        holder.has_certificate()


def test_an_authority_whose_own_certificate_is_over_certifies_nobody(bureau, holder):
    bureau.clock.advance(days=11 * 365)
    with pytest.raises(AuthorityDown):
        holder.has_certificate()


@pytest.mark.parametrize(
    "answer", ["garbage", "surplus", "page", "redirect", "broken", "packed", "huge", "drip"]
)
def test_an_answer_that_is_none_may_be_asked_for_again(bureau, licensed, holder, answer):
    csr = holder.asks(holder.passes_the_video())
    licensed.misbehave = answer
    with pytest.raises(AuthorityDown, match="请稍后再试"):
        holder.installs(csr)
    licensed.misbehave = ""
    assert holder.installs(csr).state == "active"


def test_an_authority_that_does_not_know_our_secret_is_down(standing_room, licensed):
    with pytest.raises(AuthorityDown):
        speaks_to(standing_room, licensed, token="wrong").person().has_certificate()


def test_the_same_request_gets_the_same_certificate_though_the_answer_was_lost(bureau, licensed, holder):
    csr = holder.asks(holder.passes_the_video())
    with bureau.database.reading() as session:  # ends without a commit, as when this machine dies
        first = bureau.certificates.issue(
            session, csr, case_id=holder.case_id, owner=holder.owner, name=holder.name,
            id_number=ID_NUMBER, device="", now=bureau.business,
        )  # fmt: skip
    assert holder.installs(csr).der == first.der
    assert len(licensed.made) == 1
    with pytest.raises(NonceRefused):
        holder.installs(csr)


def test_a_person_whom_the_authority_refuses_reads_why(bureau, licensed, holder):
    licensed.says_no = "姓名与身份证号码不一致"
    with pytest.raises(Refused, match="姓名与身份证号码不一致") as refused:
        holder.has_certificate()
    assert refused.value.code == "authority_refused"


# -- its status -----------------------------------------------------------------------------------------


def test_the_status_is_the_licensed_authoritys_own(bureau, licensed, holder, reports):
    certificate = holder.has_certificate()
    assert status(bureau, licensed, certificate) == "GOOD"
    with bureau.database.transaction() as session:
        bureau.certificates.revoke(session, certificate.serial, "key_compromise")
    reports.report()
    assert status(bureau, licensed, certificate) == "REVOKED"


def test_an_answer_of_yesterday_or_about_another_certificate_is_not_passed_on(bureau, licensed, holder):
    certificate = holder.has_certificate()
    licensed.status_age = timedelta(days=1)
    assert status(bureau, licensed, certificate) == "TRY_LATER"
    licensed.status_age = -timedelta(hours=1)
    assert status(bureau, licensed, certificate) == "TRY_LATER"
    licensed.status_age, licensed.status_of_other = timedelta(0), True
    assert status(bureau, licensed, certificate) == "TRY_LATER"


def test_an_answer_of_somebody_who_may_not_answer_is_not_passed_on(bureau, licensed, holder):
    certificate = holder.has_certificate()
    other = LicensedAuthority()
    licensed.responder, licensed.responder_key = other.responder, other.responder_key
    assert status(bureau, licensed, certificate) == "TRY_LATER"
    # A customer of the same authority may not answer either.
    thief = ec.generate_private_key(ec.SECP256R1())
    made = x509.load_der_x509_certificate(certificate.der)
    licensed.responder = x509.load_der_x509_certificate(
        rebuilt(made, licensed.key, public_key=thief.public_key())
    )
    licensed.responder_key = thief
    assert status(bureau, licensed, certificate) == "TRY_LATER"


def test_an_authority_that_is_down_answers_nothing_for_its_certificates(bureau, licensed, holder):
    certificate = holder.has_certificate()
    licensed.misbehave = "broken"
    assert status(bureau, licensed, certificate, b"n" * 16) == "TRY_LATER"


def test_its_list_is_fetched_and_judged(bureau, licensed, holder, reports, monkeypatch):
    certificate = holder.has_certificate()
    with bureau.database.transaction() as session:
        bureau.certificates.revoke(session, certificate.serial, "key_compromise")
    reports.report()
    listed = x509.load_der_x509_crl(bureau.authority.list_elsewhere(certificate.der))
    assert listed.get_revoked_certificate_by_serial_number(int(certificate.serial, 16))
    fresh = licensed.list_of
    monkeypatch.setattr(licensed, "list_of", lambda now: fresh(now - timedelta(days=2)))
    with pytest.raises(AuthorityDown, match="not of now"):
        bureau.authority.list_elsewhere(certificate.der)
    monkeypatch.setattr(licensed, "list_of", LicensedAuthority().list_of)
    with pytest.raises(AuthorityDown, match="signature"):
        bureau.authority.list_elsewhere(certificate.der)


def test_what_our_own_units_certified_before_is_still_answered_by_them(own_room, licensed):
    holder = own_room.person()
    before = holder.has_certificate()
    issuing = x509.load_der_x509_certificate(own_room.chain()[0])
    speaks_to(own_room, licensed)
    holder.has_certificate()  # the one before is superseded
    leaf = x509.load_der_x509_certificate(before.der)
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuing, SHA256()).build()
    answer = ocsp.load_der_ocsp_response(own_room.answers(request.public_bytes(Encoding.DER)))
    assert answer.certificate_status == ocsp.OCSPCertStatus.REVOKED
    with own_room.database.transaction() as session:
        assert ceremony.drill(session, own_room.authority, own_room.root)
        assert own_room.authority.units.active(session, "seal")


# -- what it is told ------------------------------------------------------------------------------------


def test_every_way_to_end_a_certificate_is_told_once(own_room, licensed):
    bureau = speaks_to(own_room, licensed)
    reports = Reports(bureau.database, bureau.authority, bureau.clock)
    first, second, third = (bureau.person() for _ in range(3))
    locked, revoked, superseded = (p.has_certificate() for p in (first, second, third))
    third.has_certificate()
    with bureau.database.transaction() as session:
        bureau.certificates.lock(session, locked.serial)
        bureau.certificates.revoke(session, revoked.serial, "key_compromise")
    assert reports.report() == 3
    assert reports.report() == 0
    assert sorted(licensed.told) == sorted(
        [
            (locked.serial, "certificate_hold"),
            (revoked.serial, "key_compromise"),
            (superseded.serial, "superseded"),
        ]
    )


def test_an_authority_that_is_down_or_says_no_is_told_again_until_it_has_done_it(own_room, licensed):
    bureau = speaks_to(own_room, licensed)
    reports = Reports(bureau.database, bureau.authority, bureau.clock)
    certificate = bureau.person().has_certificate()
    with bureau.database.transaction() as session:
        ended = bureau.certificates.revoke(session, certificate.serial, "key_compromise")
    assert ended.state == "revoked"  # with us at once, whatever the authority does
    licensed.misbehave = "broken"
    assert reports.report() == 0
    licensed.misbehave, licensed.revokes = "", False
    assert reports.report() == 0
    licensed.revokes = True
    assert reports.report() == 1
    assert licensed.told[-1] == (certificate.serial, "key_compromise")


def test_a_lock_that_becomes_a_revocation_is_told_too(own_room, licensed):
    bureau = speaks_to(own_room, licensed)
    reports = Reports(bureau.database, bureau.authority, bureau.clock)
    holder = bureau.person()
    certificate = holder.has_certificate()
    with bureau.database.transaction() as session:
        bureau.certificates.lock(session, certificate.serial)
    reports.report()
    holder.has_certificate()
    assert reports.report() == 1
    assert licensed.told == [
        (certificate.serial, "certificate_hold"),
        (certificate.serial, "superseded"),
    ]


def test_our_own_authority_needs_no_telling(own_room, licensed):
    certificate = own_room.person().has_certificate()
    with own_room.database.transaction() as session:
        own_room.certificates.revoke(session, certificate.serial, "key_compromise")
    bureau = speaks_to(own_room, licensed)
    assert Reports(bureau.database, bureau.authority).report() == 0
