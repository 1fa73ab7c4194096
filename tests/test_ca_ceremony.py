"""Ceremonies: the authority is set up, rotated, renewed, revoked, and its sealed root proved to open."""

import json
import os
import stat
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from sqlalchemy import text

from engine.store import Database, Keyring, SealBroken
from handlers.certificates import (
    CeremonyRefused,
    EmbeddedAuthority,
    NoAuthority,
    Root,
    ceremony,
    profiles,
    standing,
)
from handlers.certificates import root as roots
from tests.ca_people import COMPANY, ID_NUMBER, PASSPHRASES, Auditor
from tests.openssl import OpensslRefused, openssl, pem, pem_lists


def hold(bureau, what, *arguments):
    """Hold a ceremony in a transaction of its own."""
    with bureau.database.transaction() as session:
        return what(session, bureau.authority, *arguments)


def unit(bureau, name):
    with bureau.database.reading() as session:
        return bureau.authority.units.named(session, name)


@pytest.fixture
def auditor(bureau, tmp_path):
    return Auditor(bureau, tmp_path)


@pytest.fixture
def fresh(database_url, tmp_path):
    """A database without an authority."""
    database = Database(database_url)
    yield database, EmbeddedAuthority(Keyring.generate(), COMPANY), tmp_path / "ca"
    database.dispose()


def test_the_hierarchy_is_as_the_profile_says(standing_room):
    made = {name: unit(standing_room, f"{name}-1") for name in ("root", "issuing", "ocsp", "tsa", "seal")}
    assert isinstance(made["root"].certificate.public_key().curve, ec.SECP384R1)
    years = {
        name: round((u.certificate.not_valid_after_utc - standing_room.clock()).days / 365)
        for name, u in made.items()
    }
    assert years == {"root": 20, "issuing": 10, "ocsp": 0, "tsa": 8, "seal": 3}
    above = {name: u.certificate.issuer for name, u in made.items()}
    assert above["issuing"] == above["tsa"] == above["root"] == made["root"].certificate.subject
    assert above["ocsp"] == above["seal"] == made["issuing"].certificate.subject
    basic = made["issuing"].certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    purposes = made["tsa"].certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert purposes.critical
    assert [p.dotted_string for p in purposes.value] == ["1.3.6.1.5.5.7.3.8"]


def test_the_roots_key_is_nowhere_but_in_its_sealed_file(standing_room):
    assert unit(standing_room, "root-1").key is None
    with standing_room.database.reading() as session:
        assert session.scalar(text("select key from ca_unit where role = 'root'")) is None
    (path,) = standing_room.root.folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    _, key = roots.read(path, PASSPHRASES)
    assert key.public_key() == unit(standing_room, "root-1").certificate.public_key()
    plain = key.private_numbers().private_value.to_bytes(48, "big")
    content = path.read_bytes()
    assert plain not in content
    assert not any(words.encode() in content for words in PASSPHRASES)


@pytest.mark.parametrize(
    "wrong",
    [
        (PASSPHRASES[0],),
        (PASSPHRASES[1], PASSPHRASES[0]),
        (PASSPHRASES[0], PASSPHRASES[1] + "x"),
        (PASSPHRASES[0] + PASSPHRASES[1][0], PASSPHRASES[1][1:]),
        (),
    ],
)
def test_the_root_opens_only_with_both_custodians(standing_room, wrong):
    with pytest.raises(CeremonyRefused):
        hold(standing_room, ceremony.drill, Root(standing_room.root.folder, wrong))


@pytest.mark.parametrize(
    "change",
    [
        {"memory_kib": 65536 * 2},
        {"memory_kib": 8},
        {"memory_kib": 2**40},
        {"passes": 1},
        {"custodians": 1},
        {"salt": "00" * 16},
        {"kdf": "none"},
        {"sealed": "AAAA"},
        {"certificate": ""},
        {"salt": None},
    ],
)
def test_a_root_file_that_was_changed_does_not_open(standing_room, tmp_path, change):
    (path,) = standing_room.root.folder.iterdir()
    changed = {**json.loads(path.read_text()), **change}
    (tmp_path / path.name).write_text(json.dumps(changed))
    with pytest.raises(CeremonyRefused):
        hold(standing_room, ceremony.drill, Root(tmp_path, PASSPHRASES))


def test_a_root_file_that_is_not_there_is_named(standing_room, tmp_path):
    with pytest.raises(CeremonyRefused, match="is not a sealed root key"):
        hold(standing_room, ceremony.drill, Root(tmp_path, PASSPHRASES))


def test_the_drill_proves_every_key_and_list_and_changes_nothing(standing_room):
    told = hold(standing_room, ceremony.drill, standing_room.root)
    for name in ("root-1", "issuing-1", "ocsp-1", "tsa-1", "seal-1", "root-1.crl", "issuing-1.crl"):
        assert any(line.startswith(f"{name}:") for line in told), told


def test_the_drill_finds_a_unit_somebody_put_there(bureau):
    with bureau.database.transaction() as session:
        forged = profiles.root(COMPANY, ec.generate_private_key(ec.SECP384R1()), 1, bureau.clock())
        session.execute(
            text("update ca_unit set certificate = :c where role = 'issuing'"),
            {"c": forged.public_bytes(Encoding.DER)},
        )
    with pytest.raises(CeremonyRefused, match="issuing-1 was not signed by root-1"):
        hold(bureau, ceremony.drill, bureau.root)


def test_a_key_moved_to_another_unit_does_not_open(bureau):
    with bureau.database.transaction() as session:
        session.execute(
            text("update ca_unit set key = (select key from ca_unit where role = 'seal') where role = 'tsa'")
        )
    with pytest.raises(SealBroken):
        hold(bureau, ceremony.drill, bureau.root)


def test_an_authority_is_set_up_once(standing_room):
    with pytest.raises(CeremonyRefused, match="already"):
        hold(standing_room, ceremony.set_up, standing_room.root)


def test_a_short_passphrase_is_refused_and_nothing_stands(fresh):
    database, authority, folder = fresh
    for words in (("short",), ("long enough for all", ""), ()):
        with pytest.raises(CeremonyRefused), database.transaction() as session:
            ceremony.set_up(session, authority, Root(folder, words))
    with database.reading() as session:
        assert not standing.is_set_up(session)
        with pytest.raises(NoAuthority):
            standing.state_of(session, authority)


def test_a_demonstration_sets_itself_up_once_though_two_processes_begin_it(fresh):
    database, authority, folder = fresh
    threads = [
        threading.Thread(target=ceremony.set_up_demo, args=(database, authority, folder)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ceremony.set_up_demo(database, authority, folder)
    assert sorted(path.name[:5] for path in folder.iterdir()) == ["root-", "root-"]
    passphrase = folder / "root-passphrase"
    assert stat.S_IMODE(os.stat(passphrase).st_mode) == 0o600
    with database.reading() as session:
        assert ceremony.drill(session, authority, Root(folder, (ceremony.demo_passphrase(folder),)))


def test_after_a_rotation_the_new_unit_issues_and_the_old_one_goes_on_answering(
    bureau, auditor, holder, tmp_path
):
    old = holder.has_certificate()
    hold(bureau, ceremony.rotate, "issuing", bureau.root)
    bureau.publishes()
    assert "asked.pem: good" in auditor.is_told(old)
    friend = bureau.person()
    new = friend.has_certificate()
    assert x509.load_der_x509_certificate(new.der).issuer == unit(bureau, "issuing-2").certificate.subject
    both = pem_lists(tmp_path / "both.crl", bureau.published("root-1", "issuing-1", "issuing-2"))
    second = Auditor(bureau, tmp_path)  # reads the chain of today
    assert "asked.pem: good" in second.is_told(new)
    above = pem(tmp_path / "above.pem", [unit(bureau, "issuing-1").der, unit(bureau, "issuing-2").der])
    for certificate in (old, new):
        openssl(
            "verify", "-x509_strict", "-crl_check_all", "-CAfile", second.root, "-untrusted", above,
            "-CRLfile", both, pem(tmp_path / "it.pem", [certificate.der]),
        )  # fmt: skip
    with bureau.database.transaction() as session:
        bureau.certificates.revoke(session, old.serial, "key_compromise")
    first = Auditor(bureau, tmp_path)
    first.issuing = pem(tmp_path / "first.pem", [unit(bureau, "issuing-1").der])
    assert "asked.pem: revoked" in first.is_told(old)


def test_an_old_unit_stops_when_its_last_certificate_is_over(bureau, holder):
    holder.has_certificate()
    hold(bureau, ceremony.rotate, "issuing", bureau.root)
    hold(bureau, ceremony.rotate, "seal")
    bureau.clock.advance(days=100)
    assert not any("nothing left" in line for line in hold(bureau, ceremony.renew))
    bureau.clock.advance(days=4 * 365)
    assert "issuing-1 has nothing left to answer for" in hold(bureau, ceremony.renew)
    assert [line for line in hold(bureau, ceremony.renew) if "issuing-1" in line] == []


def test_the_responder_is_renewed_in_time_and_needs_nobody(bureau, auditor, holder):
    certificate = holder.has_certificate()
    bureau.clock.advance(days=15)
    assert not any(line.startswith("ocsp") for line in hold(bureau, ceremony.renew))
    bureau.clock.advance(days=6)
    assert any(line.startswith("ocsp-2") for line in hold(bureau, ceremony.renew))
    answer = ocsp.load_der_ocsp_response(bureau.answers(auditor.asks(certificate)))
    assert answer.certificate_status == ocsp.OCSPCertStatus.GOOD
    assert answer.certificates == [unit(bureau, "ocsp-2").certificate]


def test_rotating_the_responder_the_unit_and_the_seal(bureau, holder):
    holder.has_certificate()
    for role, sealed in (("ocsp", None), ("seal", None), ("tsa", bureau.root)):
        hold(bureau, ceremony.rotate, role, sealed)
        assert unit(bureau, f"{role}-2").certificate != unit(bureau, f"{role}-1").certificate
        with bureau.database.reading() as session:
            assert bureau.authority.units.active(session, role).name == f"{role}-2"
    assert hold(bureau, ceremony.drill, bureau.root)


@pytest.mark.parametrize("role", ["issuing", "tsa"])
def test_what_the_root_signs_is_not_rotated_without_it(standing_room, role):
    with pytest.raises(CeremonyRefused, match="needs the root"):
        hold(standing_room, ceremony.rotate, role)
    with pytest.raises(CeremonyRefused, match="needs the root"):
        hold(standing_room, ceremony.revoke_unit, f"{role}-1", "key_compromise")


def test_the_root_itself_is_neither_rotated_nor_revoked(standing_room):
    with pytest.raises(CeremonyRefused):
        hold(standing_room, ceremony.rotate, "root", standing_room.root)
    with pytest.raises(CeremonyRefused):
        hold(standing_room, ceremony.revoke_unit, "root-1", "key_compromise", standing_room.root)


def test_a_revoked_timestamp_unit_is_on_the_roots_list_and_dates_nothing(bureau, tmp_path):
    before = unit(bureau, "tsa-1")
    hold(bureau, ceremony.revoke_unit, "tsa-1", "key_compromise", bureau.root)
    _, root = bureau.chain()
    with pytest.raises(OpensslRefused, match="certificate revoked"):
        openssl(
            "verify", "-crl_check_all", "-CAfile", pem(tmp_path / "root.pem", [root]),
            "-CRLfile", pem_lists(tmp_path / "l.pem", bureau.published("root-1")),
            pem(tmp_path / "tsa.pem", [before.der]),
        )  # fmt: skip
    with bureau.database.reading() as session, pytest.raises(NoAuthority):
        bureau.authority.units.active(session, "tsa")


def test_a_revoked_seal_is_told_revoked(bureau, auditor):
    seal = unit(bureau, "seal-1")
    assert "asked.pem: good" in auditor.is_told(seal)
    hold(bureau, ceremony.revoke_unit, "seal-1", "cessation_of_operation")
    assert "asked.pem: revoked" in auditor.is_told(seal)


def test_a_revoked_issuing_unit_is_replaced(bureau, holder):
    holder.has_certificate()
    hold(bureau, ceremony.revoke_unit, "issuing-1", "ca_compromise", bureau.root)
    with pytest.raises(NoAuthority):
        holder.has_certificate()
    hold(bureau, ceremony.rotate, "issuing", bureau.root)
    again = x509.load_der_x509_certificate(holder.has_certificate().der)
    assert again.issuer == unit(bureau, "issuing-2").certificate.subject
    listed = x509.load_der_x509_crl(bureau.published("root-1")[0])
    assert [line.serial_number for line in listed] == [unit(bureau, "issuing-1").certificate.serial_number]


def test_a_revoked_responder_is_replaced_by_the_next_renewal(bureau, auditor, holder):
    certificate = holder.has_certificate()
    hold(bureau, ceremony.revoke_unit, "ocsp-1", "key_compromise")
    answer = ocsp.load_der_ocsp_response(bureau.answers(auditor.asks(certificate)))
    assert answer.response_status == ocsp.OCSPResponseStatus.TRY_LATER
    hold(bureau, ceremony.renew)
    assert "asked.pem: good" in auditor.is_told(certificate)


def test_the_state_says_when_a_unit_should_be_rotated(bureau):
    def due():
        with bureau.database.reading() as session:
            return [
                line.split()[0] for line in standing.state_of(session, bureau.authority) if "ROTATE" in line
            ]

    assert due() == []
    bureau.clock.advance(days=3 * 365 - 89)
    hold(bureau, ceremony.renew)
    assert due() == ["seal-1"]
    bureau.clock.advance(days=6 * 365)
    hold(bureau, ceremony.renew)
    assert set(due()) == {"issuing-1", "tsa-1", "seal-1"}


def test_what_is_printed_of_a_record_tells_no_name_and_no_passphrase(standing_room):
    certificate = standing_room.person(device="张小伟的手机").has_certificate()
    printed = repr((certificate, standing_room.certificates.subject("张小伟", ID_NUMBER), standing_room.root))
    assert "张小伟" not in printed
    assert str("张小伟".encode()) not in printed
    assert PASSPHRASES[0] not in printed


def test_the_roots_next_list_is_made_in_a_ceremony(bureau):
    before = x509.load_der_x509_crl(bureau.published("root-1")[0])
    bureau.clock.advance(days=90)
    hold(bureau, ceremony.publish_root_crl, bureau.root)
    after = x509.load_der_x509_crl(bureau.published("root-1")[0])
    numbers = [c.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for c in (before, after)]
    assert numbers == [1, 2]


def test_the_state_tells_units_lists_and_certificates(bureau, holder):
    holder.has_certificate()
    holder.has_certificate()
    with bureau.database.reading() as session:
        told = "\n".join(standing.state_of(session, bureau.authority))
    assert "root-1.crl  number 1" in told
    assert "customers' certificates active: 1" in told
    assert "customers' certificates revoked: 1" in told
    bureau.clock.advance(days=2)
    with bureau.database.reading() as session:
        assert "OVER" in "\n".join(standing.state_of(session, bureau.authority))


def test_only_units_are_fetched_by_name(standing_room):
    with standing_room.database.reading() as session:
        for name in ("", "root", "root-", "root-2", "root-x", "root-99999999999", "../root-1", "root-１"):
            with pytest.raises(NoAuthority):
                standing_room.authority.certificate(session, name)
