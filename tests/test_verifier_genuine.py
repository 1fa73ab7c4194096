"""Whatever customers really signed is accepted, here and with nothing but the root's certificate."""

from datetime import UTC, datetime, timedelta
from itertools import cycle
from random import Random
from time import process_time

import pytest

from handlers.verifier import Verdict, verify
from tests.attacks.papers import paper

NAMES = ("张小伟", "欧阳修远", "阿依古丽·买买提", "李𪚥", "O'Neill", "Ana María Núñez", "王" * 20, "Ng")
YEAR = timedelta(days=365)


def test_three_hundred_genuine_files_are_accepted(signing_house):
    """Of every level, one to four pages, small and large, with tables and with streams."""
    chance = Random(20261123)  # noqa: S311 - repeatable
    people = []
    for name in NAMES:
        person = signing_house.room.person(name=name)
        people.append((person, person.has_certificate().der))
    known = signing_house.trust(fresh=signing_house.status(*(one for _, one in people)))
    refused, seen = [], set()
    for number, (person, certificate) in zip(range(300), cycle(people), strict=False):
        one = paper(
            1 + number % 4,
            words=f"Agreement {number}",
            filler=chance.choice((0, 10, 1000, 30_000)),
            streams=number % 3 == 0,
        )
        level = ("B-B", "B-T", "B-T", "B-T", "B-LTA")[number % 5]
        pdf = signing_house.signs(one, person, certificate, stamped=level != "B-B")
        if level == "B-LTA":
            pdf = signing_house.archives(pdf, certificate)
        verdict = verify(pdf, known)
        if not verdict.intact or verdict.level != level or verdict.signatures[0].name != person.name:
            refused.append((number, person.name, level, verdict))
        seen.add((number % 4, level, number % 3))
    assert refused == []
    assert len(seen) > 30


def test_an_archived_file_needs_nothing_but_the_root(files):
    assert verify(files.blta, files.root).intact


def test_a_file_that_is_not_archived_needs_fresh_evidence(files):
    assert [one.code for one in verify(files.bt, files.root).findings] == ["revocation_unknown"]


def test_a_file_that_waited_for_its_archive_is_accepted_with_the_evidence_of_the_day(signing_house, files):
    clock = signing_house.room.clock
    clock.advance(days=2)
    try:
        trust = files.trust
    finally:
        clock.shift *= 0
    assert verify(files.bt, trust, datetime.now(UTC) + timedelta(days=2)).intact


def test_a_large_agreement_is_accepted(files):
    signed = files.bureau.signs(paper(4, filler=6 << 20), files.person, files.certificate)
    assert verify(files.bureau.archives(signed, files.certificate), files.root).intact


def test_the_verdict_says_who_signed_and_when(files):
    customer, company, archive = verify(files.blta, files.root).signatures
    assert (customer.field, customer.role, customer.name) == ("Customer", "customer", "张小伟")
    assert len(customer.pseudonym) == 32
    assert customer.proven is not None
    assert abs(datetime.now(UTC) - customer.proven) < timedelta(hours=1)
    assert customer.revocation == "good"
    assert (company.role, company.pseudonym) == ("company", "")
    assert "示例期货有限公司" in company.name
    assert (archive.role, archive.claimed) == ("timestamp", None)
    times = [one.proven or datetime.max.replace(tzinfo=UTC) for one in (customer, company, archive)]
    assert times == sorted(times)


def test_a_verdict_comes_through_a_pipe_unchanged(files):
    for pdf in (files.blta, files.bb, b"no file"):
        verdict = verify(pdf, files.trust)
        assert Verdict.of(verdict.plain()) == verdict


@pytest.mark.parametrize("days", [0.05, 1, 30, 179, 181, 364, 366, 730, 5 * 365, 7.9 * 365])
def test_an_archived_file_holds_an_hour_later_and_years_later(files, days):
    """Its status answers were good for an hour, its list for 180 days, its certificates for years."""
    assert verify(files.blta, files.root, datetime.now(UTC) + timedelta(days=days)).intact


def test_an_archive_that_nobody_renewed_ends_with_its_timestamp_unit(files):
    late = verify(files.blta, files.root, datetime.now(UTC) + 9 * YEAR)
    assert [one.code for one in late.findings] == ["timestamp_expired"]


def test_four_archived_agreements_are_verified_well_under_a_second(files):
    """Goal: well under 800 ms of processor time for four; measured 400 ms, and more on a laden machine."""
    verify(files.blta, files.root)
    best = 9.0
    for _ in range(3):
        begun = process_time()
        for _ in range(4):
            assert verify(files.blta, files.root).intact
        best = min(best, process_time() - begun)
    assert best < 0.8
