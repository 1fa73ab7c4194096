"""Who gets a certificate, what it says, and who gets none (R-180 to R-192, G-40)."""

import threading
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AttributeOID, ExtendedKeyUsageOID, ExtensionOID, NameOID
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from handlers.certificates import KeyKnown, NoAuthority, NonceRefused, Refused, RequestRefused, der, requests
from handlers.certificates.profiles import DOCUMENT_SIGNING
from tests.ca_people import COMPANY, ID_NUMBER, PASSPHRASES, request
from tests.openssl import openssl, pem, pem_lists, written

NONCE = "ab" * 32


@pytest.fixture
def bureau(standing_room):
    return standing_room


def refused(person, csr):
    with pytest.raises(Refused) as why:
        person.installs(csr)
    return why.value.code


def test_a_certificate_is_verified_by_the_openssl_program(bureau, holder, tmp_path):
    certificate = holder.has_certificate()
    issuing, root = bureau.chain()
    said = openssl(
        "verify", "-x509_strict", "-crl_check_all", "-policy_check", "-purpose", "smimesign",
        "-CAfile", pem(tmp_path / "root.pem", [root]),
        "-untrusted", pem(tmp_path / "issuing.pem", [issuing]),
        "-CRLfile", pem_lists(tmp_path / "lists.pem", bureau.published("root-1", "issuing-1")),
        pem(tmp_path / "customer.pem", [certificate.der]),
    )  # fmt: skip
    assert said.strip().endswith("customer.pem: OK")


def test_every_unit_is_verified_by_the_openssl_program(bureau, tmp_path):
    issuing, root = bureau.chain()
    trusted = pem(tmp_path / "root.pem", [root])
    above = pem(tmp_path / "issuing.pem", [issuing])
    lists = pem_lists(tmp_path / "lists.pem", bureau.published("root-1", "issuing-1"))
    for name, purpose in (("tsa-1", "timestampsign"), ("seal-1", "smimesign"), ("ocsp-1", "ocsphelper")):
        with bureau.database.reading() as session:
            unit = pem(tmp_path / f"{name}.pem", [bureau.authority.certificate(session, name)])
        openssl(
            "verify", "-x509_strict", "-crl_check_all", "-policy_check", "-purpose", purpose,
            "-CAfile", trusted, "-untrusted", above, "-CRLfile", lists, unit,
        )  # fmt: skip


def test_a_certificate_says_what_verifiers_want_and_no_more(bureau, holder):
    certificate = x509.load_der_x509_certificate(holder.has_certificate().der)
    at = certificate.extensions
    usage = at.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.content_commitment
    assert not usage.value.digital_signature
    assert not usage.value.key_encipherment
    assert not usage.value.key_cert_sign
    purposes = at.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(purposes) == {DOCUMENT_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION}
    basic = at.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert not basic.value.ca
    policies = at.get_extension_for_class(x509.CertificatePolicies).value
    assert [p.policy_identifier.dotted_string for p in policies] == [COMPANY.customer_policy]
    assert {e.oid for e in at} == {
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
    }
    assert certificate.serial_number < 2**159
    lasts = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert lasts == timedelta(days=365, minutes=2)
    assert certificate.signature_algorithm_oid == x509.SignatureAlgorithmOID.ECDSA_WITH_SHA256


def test_a_certificate_names_the_customer_but_not_the_id_number(holder):
    certificate = holder.has_certificate()
    subject = x509.load_der_x509_certificate(certificate.der).subject
    told = {attribute.oid: attribute.value for attribute in subject}
    assert told[NameOID.COMMON_NAME] == "张小伟"
    assert told[NameOID.SERIAL_NUMBER] == told[NameOID.PSEUDONYM]
    assert len(told[NameOID.PSEUDONYM]) == 32
    for part in (ID_NUMBER, ID_NUMBER[6:14], ID_NUMBER[-6:]):
        assert part.encode() not in certificate.der
        assert part not in told[NameOID.PSEUDONYM]


def test_the_same_person_has_the_same_pseudonym_and_another_person_another(bureau):
    subject = bureau.certificates.subject
    assert subject("张小伟", ID_NUMBER) == subject("张小伟", ID_NUMBER)
    assert subject("张小伟", ID_NUMBER).pseudonym != subject("张小伟", "11010519491231002X").pseudonym


@pytest.mark.filterwarnings("ignore:Attribute's length:UserWarning")  # it counts bytes, not characters
@pytest.mark.parametrize("name", ["阿卜杜热合曼·买买提依明江·阿卜杜克热木·吐尔逊尼亚孜", "𪚥玉", "王" * 64])
def test_a_long_or_rare_name_stands_in_the_certificate_in_full(bureau, name, tmp_path):
    certificate = bureau.person(name=name).has_certificate()
    subject = x509.load_der_x509_certificate(certificate.der).subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == name
    path = pem(tmp_path / "c.pem", [certificate.der])
    assert name in openssl("x509", "-in", path, "-noout", "-subject", "-nameopt", "utf8,sep_comma_plus")


def test_what_a_request_asks_for_beyond_the_key_is_not_even_read(bureau, holder):
    def greedy(builder):
        return (
            builder.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "李四")]))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("kaihu.example")]), critical=False)
        )

    nonce = holder.passes_the_video()
    builder = x509.CertificateSigningRequestBuilder().add_attribute(
        AttributeOID.CHALLENGE_PASSWORD, nonce.encode()
    )
    csr = greedy(builder).sign(holder.key, SHA256()).public_bytes(Encoding.DER)
    certificate = x509.load_der_x509_certificate(holder.installs(csr).der)
    assert "李四" not in certificate.subject.rfc4514_string()
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_the_request_of_our_tests_is_a_request_to_the_openssl_program(holder, tmp_path):
    csr = written(tmp_path / "csr.der", holder.asks(NONCE))
    assert "verify OK" in openssl("req", "-inform", "DER", "-in", csr, "-verify", "-noout")


def test_a_forged_signature_is_refused(holder):
    csr = bytearray(holder.asks(holder.passes_the_video()))
    csr[-1] ^= 1
    assert refused(holder, bytes(csr)) in {"csr_signature", "csr_malformed"}


def test_nobody_gets_a_certificate_for_a_victims_key(bureau, holder):
    nonce = holder.passes_the_video()
    victim = ec.generate_private_key(ec.SECP256R1())
    own = holder.asks(nonce)
    swapped = own.replace(_point(holder.key), _point(victim))
    assert swapped != own
    assert refused(holder, swapped) == "csr_signature"


def _point(key):
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: ec.generate_private_key(ec.SECP384R1()), "csr_key"),
        (lambda: ec.generate_private_key(ec.SECP256K1()), "csr_key"),
        (lambda: rsa.generate_private_key(65537, 2048), "csr_key"),
    ],
)
def test_another_kind_of_key_is_refused(holder, make, code):
    assert refused(holder, request(make(), holder.passes_the_video())) == code


def test_another_digest_is_refused(holder):
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, holder.passes_the_video().encode())
    csr = builder.sign(holder.key, SHA384()).public_bytes(Encoding.DER)
    assert refused(holder, csr) == "csr_algorithm"


@pytest.mark.parametrize("nonce", [None, "", "ab" * 31, "AB" * 32, "zz" * 32, NONCE + "\n"])
def test_a_request_without_a_proper_nonce_is_refused(holder, nonce):
    assert refused(holder, holder.asks(nonce)) == "nonce_missing"


def test_a_nonce_nobody_gave_is_refused(holder):
    assert refused(holder, holder.asks(NONCE)) == "nonce_unknown"


def test_a_nonce_of_another_customer_or_case_is_refused(bureau, holder):
    nonce = holder.passes_the_video()
    for other in ({}, {"owner": holder.owner}, {"case_id": holder.case_id}):
        assert refused(bureau.person(**other), request(holder.key, nonce)) == "nonce_unknown"
    assert holder.installs(holder.asks(nonce)).state == "active"


def test_r190_a_nonce_is_refused_when_the_video_is_too_long_ago(bureau, holder):
    csr = holder.asks(holder.passes_the_video(hours=24))
    bureau.business += timedelta(hours=24)
    with pytest.raises(NonceRefused, match="请重新进行视频见证") as why:
        holder.installs(csr)
    assert why.value.code == "nonce_expired"


def test_a_nonce_is_good_once(holder):
    nonce = holder.passes_the_video()
    holder.installs(holder.asks(nonce))
    assert refused(holder, holder.asks(nonce)) == "nonce_used"
    holder.key = ec.generate_private_key(ec.SECP256R1())
    assert refused(holder, holder.asks(nonce)) == "nonce_used"


def test_a_key_is_certified_once_for_nobody_else_and_not_for_oneself(bureau, holder):
    first = holder.has_certificate()
    thief = bureau.person()
    for person in (thief, holder):
        with pytest.raises(KeyKnown):
            person.installs(request(holder.key, person.passes_the_video()))
    with bureau.database.reading() as session:
        assert bureau.certificates.usable(session, holder.owner) == first
        assert bureau.certificates.of_owner(session, thief.owner) == []


def test_a_refused_request_does_not_use_the_nonce_up(bureau, holder):
    known = holder.has_certificate()
    nonce = holder.passes_the_video()
    with bureau.database.transaction() as session:  # a caller that goes on after the refusal
        with pytest.raises(KeyKnown):
            bureau.certificates.issue(
                session, holder.asks(nonce), case_id=holder.case_id, owner=holder.owner,
                name="张小伟", id_number=ID_NUMBER, device="", now=bureau.business,
            )  # fmt: skip
        assert bureau.certificates.usable(session, holder.owner) == known
    holder.key = ec.generate_private_key(ec.SECP256R1())
    assert holder.installs(holder.asks(nonce)).state == "active"


def test_a_request_that_is_too_long_is_refused_before_it_is_read(holder):
    csr = request(holder.key, NONCE, lambda b: b.add_attribute(AttributeOID.UNSTRUCTURED_NAME, b"x" * 4000))
    assert refused(holder, csr) == "csr_too_long"


def test_two_nonces_in_one_request_are_refused(holder):
    nonce = holder.passes_the_video()
    one = holder.asks(nonce)
    # The library refuses to write it; so the second attribute replaces one of the same length.
    csr = request(
        holder.key, nonce, lambda b: b.add_attribute(AttributeOID.UNSTRUCTURED_NAME, nonce.encode())
    )
    assert len(csr) > len(one)
    two = csr.replace(der.oid("1.2.840.113549.1.9.2"), der.oid("1.2.840.113549.1.9.7"))
    resigned = _resigned(two, holder.key)
    assert refused(holder, resigned) in {"nonce_missing", "csr_malformed"}


def _resigned(csr, key):
    body = der.Reader(csr).inside().whole(der.SEQUENCE)
    signature = key.sign(body, ec.ECDSA(SHA256()))
    return der.sequence(body, der.sequence(der.oid("1.2.840.10045.4.3.2")), der.bits(signature))


def test_a_request_cut_short_at_any_byte_is_refused():
    csr = request(ec.generate_private_key(ec.SECP256R1()), NONCE)
    assert requests.read(csr).nonce == NONCE
    for length in range(len(csr)):
        with pytest.raises(RequestRefused):
            requests.read(csr[:length])
    with pytest.raises(RequestRefused):
        requests.read(csr + b"\0")


CSR = request(ec.generate_private_key(ec.SECP256R1()), NONCE)


@given(st.integers(0, len(CSR) - 1), st.integers(1, 255))
def test_a_request_changed_in_any_byte_is_refused(at, flip):
    changed = bytearray(CSR)
    changed[at] ^= flip
    with pytest.raises(RequestRefused):
        requests.read(bytes(changed))


@given(st.binary(max_size=300))
def test_noise_is_refused(noise):
    with pytest.raises(RequestRefused):
        requests.read(noise)


def test_two_requests_at_once_with_one_nonce_get_one_certificate(bureau, holder):
    nonce = holder.passes_the_video()
    csrs = [request(ec.generate_private_key(ec.SECP256R1()), nonce) for _ in range(4)]
    got = at_once(lambda csr: holder.installs(csr), csrs)
    issued = [g for g in got if not isinstance(g, Exception)]
    assert len(issued) == 1
    assert {g.code for g in got if isinstance(g, Refused)} == {"nonce_used"}
    with bureau.database.reading() as session:
        assert bureau.certificates.of_owner(session, holder.owner) == issued


def test_two_videos_at_once_leave_the_customer_with_one_usable_certificate(bureau, holder):
    csrs = [request(ec.generate_private_key(ec.SECP256R1()), holder.passes_the_video()) for _ in range(4)]
    got = at_once(lambda csr: holder.installs(csr), csrs)
    assert not [g for g in got if isinstance(g, Exception)]
    with bureau.database.reading() as session:
        states = [c.state for c in bureau.certificates.of_owner(session, holder.owner)]
    assert sorted(states) == ["active", "revoked", "revoked", "revoked"]


def test_two_customers_at_once_with_one_key_get_one_certificate(bureau):
    key = ec.generate_private_key(ec.SECP256R1())
    people = [bureau.person() for _ in range(4)]
    got = at_once(lambda p: p.installs(request(key, p.passes_the_video())), people)
    assert len([g for g in got if not isinstance(g, Exception)]) == 1
    assert {type(g) for g in got if isinstance(g, Exception)} == {KeyKnown}


def at_once(act, things):
    """Do something with each thing in a thread of its own, begun together; return results and errors."""
    together, got = threading.Barrier(len(things)), []

    def one(thing):
        together.wait()
        try:
            got.append(act(thing))
        except Exception as error:
            got.append(error)

    threads = [threading.Thread(target=one, args=(thing,)) for thing in things]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def test_nothing_is_issued_before_an_authority_is_set_up(own_room):
    holder = own_room.person()
    with own_room.database.transaction() as session:
        session.execute(text("delete from ca_crl"))
        session.execute(text("delete from ca_unit"))
    nonce = holder.passes_the_video()
    with pytest.raises(NoAuthority):
        holder.installs(holder.asks(nonce))


def test_a_dump_of_the_tables_has_no_key_no_name_and_no_id_number(bureau, holder):
    certificate = holder.has_certificate()
    nonce = holder.passes_the_video()
    holder.device = "张小伟的手机"
    holder.has_certificate()
    dump = b""
    with bureau.database.reading() as session:
        for table in ("ca_unit", "ca_crl", "enrolment", "certificate"):
            for row in session.execute(text(f"select * from {table}")):  # noqa: S608 - four names of our own
                dump += b"".join(v if isinstance(v, bytes) else str(v).encode() for v in row)
        units = [unit for unit, _ in bureau.authority.units.all(session)]
    scalars = [
        unit.key.private_numbers().private_value.to_bytes(32, "big") for unit in units if unit.key is not None
    ]
    assert len(scalars) == 4
    scalars.append(holder.key.private_numbers().private_value.to_bytes(32, "big"))
    for secret in (
        *scalars, certificate.der, "张小伟".encode(), ID_NUMBER.encode(), nonce.encode(),
        bytes.fromhex(nonce), *(words.encode() for words in PASSPHRASES),
    ):  # fmt: skip
        assert secret not in dump
