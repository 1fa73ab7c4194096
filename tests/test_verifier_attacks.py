"""Whoever changes a signed file, or makes one of his own, is found out."""

from dataclasses import replace
from time import process_time

import pytest

from handlers.verifier import Verdict, verify
from tests.attacks import changed, revisions
from tests.attacks.forged import Forger
from tests.attacks.papers import paper

#: Longest that one file may take, in seconds of processor time.
PATIENCE = 2.0


def judged(pdf, trust) -> tuple[Verdict, float]:
    begun = process_time()
    verdict = verify(pdf, trust)
    return verdict, process_time() - begun


def accepted(attacks, trust):
    """Return the names of the attacks that succeed, and of those that take too long."""
    wrong, number = [], 0
    for name, pdf in attacks:
        number += 1
        verdict, seconds = judged(pdf, trust)
        if verdict.intact or seconds > PATIENCE or not verdict.findings:
            wrong.append((name, verdict, seconds))
    return wrong, number


def test_the_genuine_files_are_accepted(files):
    assert [verify(pdf, files.trust).level for pdf in (files.bb, files.bt, files.blta)] == [
        "B-B",
        "B-T",
        "B-LTA",
    ]


def test_nobody_changes_an_archived_file_unnoticed(files):
    wrong, number = accepted(changed.of(files.blta, archived=True), files.trust)
    assert wrong == []
    assert number >= 150


def test_nobody_changes_a_file_just_signed_unnoticed(files):
    wrong, number = accepted(changed.of(files.bt, archived=False), files.trust)
    assert wrong == []
    assert number >= 120


def test_nobody_forges_with_keys_of_his_own_or_with_evidence_that_proves_nothing(files, elsewhere):
    forger = Forger(files.bureau, elsewhere, files.person, files.certificate)
    wrong = [name for name, pdf, trust in forger.of() if judged(pdf, trust)[0].intact]
    assert wrong == []


@pytest.mark.parametrize(
    "name", ["isa text replaced", "annotation stamp", "sneaky signature", "title changed"]
)
def test_what_was_slipped_in_before_the_archive_is_found_in_the_archive(files, name):
    altered = revisions.REVISIONS[name](files.bt)
    archived = files.bureau.archives(altered, files.certificate)
    assert not verify(archived, files.trust).intact


def test_our_own_reading_finds_every_change_before_any_library_looks(files, monkeypatch):
    monkeypatch.setattr("handlers.verifier.opinion.check", lambda *_: None)
    assert accepted(changed.of(files.blta, archived=True), files.trust)[0] == []


def revoked(house, certificate, **when):
    """Revoke a certificate a little later or earlier than now."""
    clock = house.room.clock
    clock.advance(**when)
    with house.room.database.transaction() as session:
        house.room.certificates.revoke(session, certificate.serial, "key_compromise")
    clock.shift *= 0
    return house.trust(fresh=house.status(certificate.der))


def test_a_certificate_revoked_after_it_signed_harms_nothing(signing_house):
    person = signing_house.room.person()
    certificate = person.has_certificate()
    signed = signing_house.signs(paper(), person, certificate.der)
    archived = signing_house.archives(signed, certificate.der)
    trust = revoked(signing_house, certificate, seconds=2)
    assert verify(signed, trust).intact
    assert verify(archived, trust).intact


def test_nobody_signs_with_a_certificate_that_was_revoked(signing_house):
    person = signing_house.room.person()
    certificate = person.has_certificate()
    trust = revoked(signing_house, certificate, seconds=-2)
    signed = signing_house.signs(paper(), person, certificate.der)
    archived = signing_house.archives(signed, certificate.der)
    for pdf in (signed, archived):
        assert [one.code for one in verify(pdf, trust).findings] == ["revoked"]
    assert [one.code for one in verify(archived, replace(trust, ocsps=())).findings] == ["revoked"]
