"""Revocation lists, as the openssl program and the library read them."""

import threading
from datetime import timedelta

import pytest
from cryptography import x509
from sqlalchemy import text

from handlers.certificates import lists
from tests.ca_people import Auditor
from tests.openssl import OpensslRefused, openssl, written


@pytest.fixture
def auditor(bureau, tmp_path):
    return Auditor(bureau, tmp_path)


def revokes(bureau, certificate, reason="key_compromise"):
    with bureau.database.transaction() as session:
        return bureau.certificates.revoke(session, certificate.serial, reason)


def test_a_revoked_certificate_is_on_the_next_list(bureau, auditor, holder):
    certificate = holder.has_certificate()
    bureau.publishes()
    assert "OK" in auditor.verifies(certificate)
    revokes(bureau, certificate)
    bureau.publishes()
    with pytest.raises(OpensslRefused, match="certificate revoked"):
        auditor.verifies(certificate)


def test_a_list_is_read_by_the_openssl_program(bureau, auditor, holder, tmp_path):
    certificate = holder.has_certificate()
    revokes(bureau, certificate, "cessation_of_operation")
    bureau.publishes()
    path = written(tmp_path / "issuing.crl", bureau.published("issuing-1")[0])
    said = openssl("crl", "-inform", "DER", "-in", path, "-noout", "-text", "-CAfile", auditor.issuing)
    assert "verify OK" in said
    assert certificate.serial.lstrip("0").upper() in said.replace(":", "")
    assert "Cessation Of Operation" in said


def test_lists_have_increasing_numbers_also_when_two_are_made_at_once(bureau):
    threads = [threading.Thread(target=bureau.publishes) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with bureau.database.reading() as session:
        numbers = session.scalars(
            text("select number from ca_crl where issuer_id = :i order by number"),
            {"i": bureau.authority.units.named(session, "issuing-1").id},
        ).all()
    assert numbers == [1, 2, 3, 4, 5]
    crl = x509.load_der_x509_crl(bureau.published("issuing-1")[0])
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 5


def test_the_customers_list_is_good_for_a_day_and_the_roots_for_half_a_year(bureau):
    for name, days in (("issuing-1", 1), ("root-1", 180)):
        crl = x509.load_der_x509_crl(bureau.published(name)[0])
        assert crl.next_update_utc is not None
        assert crl.next_update_utc - crl.last_update_utc == timedelta(days=days)


def test_certificates_that_are_over_leave_the_list(bureau, holder):
    certificate = holder.has_certificate()
    revokes(bureau, certificate)
    bureau.clock.advance(days=366)
    bureau.publishes()
    assert len(x509.load_der_x509_crl(bureau.published("issuing-1")[0])) == 0


def test_a_long_list_is_made_and_read(bureau, holder):
    """Ten thousand entries; the library's own builder would copy its list as often."""
    with bureau.database.reading() as session:
        unit = bureau.authority.units.active(session, "issuing")
    now = bureau.clock()
    lines = (lists.Ended(2**150 + n, now, "superseded") for n in range(10_000))
    made = lists.sign(unit.certificate, unit.signing_key(), lines, 1, now, now)
    crl = x509.load_der_x509_crl(made)
    assert len(crl) == 10_000
    assert crl.is_signature_valid(unit.certificate.public_key())
