"""What the worker does for the authority by itself, and what it tells people to do."""

from datetime import UTC, datetime

import pytest
import structlog
from sqlalchemy import select, text

from handlers.certificates import ClockDoubted, Upkeep, ceremony, standing
from handlers.certificates.tables import EnrolmentRow


@pytest.fixture
def upkeep(bureau):
    return Upkeep(bureau.database, bureau.authority)


def numbers(bureau, name="issuing-1"):
    with bureau.database.reading() as session:
        return bureau.authority.newest_list(session, name).number


def hold(bureau, act, *arguments):
    with bureau.database.transaction() as session:
        return act(session, bureau.authority, *arguments)


def troubles(bureau):
    with bureau.database.reading() as session:
        return standing.troubles(session, bureau.authority)


def told(upkeep):
    with structlog.testing.capture_logs() as lines:
        upkeep.keep()
    return lines


def test_lists_are_made_hourly_and_not_oftener(bureau, upkeep):
    for _ in range(3):
        upkeep.keep()
    assert numbers(bureau) == 1
    bureau.clock.advance(minutes=61)
    for _ in range(3):
        upkeep.keep()
    assert numbers(bureau) == 2


def test_two_workers_make_one_list_an_hour(bureau, upkeep):
    other = Upkeep(bureau.database, bureau.authority)
    bureau.clock.advance(hours=5)
    for worker in (upkeep, other, upkeep, other):
        worker.keep()
    assert numbers(bureau) == 2


def test_a_worker_that_was_down_for_a_day_makes_a_list_at_once(bureau, upkeep):
    bureau.clock.advance(days=2)
    assert any("is over" in trouble for trouble in troubles(bureau))
    upkeep.keep()
    assert troubles(bureau) == []


def test_a_list_names_who_was_revoked_within_the_hour(bureau, upkeep, holder):
    certificate = holder.has_certificate()
    with bureau.database.transaction() as session:
        bureau.certificates.revoke(session, certificate.serial, "key_compromise")
    bureau.clock.advance(minutes=61)
    upkeep.keep()
    with bureau.database.reading() as session:
        listed = bureau.authority.newest_list(session, "issuing-1").der
    assert bytes.fromhex(certificate.serial).lstrip(b"\0") in listed


def test_a_revoked_responder_is_replaced_within_a_minute(bureau, upkeep):
    hold(bureau, ceremony.revoke_unit, "ocsp-1", "key_compromise")
    assert "there is no ocsp unit: kaihu ca rotate ocsp" in troubles(bureau)
    upkeep.keep()
    assert troubles(bureau) == []


def test_the_lists_of_a_unit_that_was_rotated_are_kept_up(bureau, upkeep, holder):
    holder.has_certificate()
    hold(bureau, ceremony.rotate, "issuing", bureau.root)
    bureau.clock.advance(hours=3)
    upkeep.keep()
    assert (numbers(bureau, "issuing-1"), numbers(bureau, "issuing-2")) == (3, 2)


def test_nonces_that_are_over_are_forgotten(bureau, upkeep, holder):
    holder.passes_the_video(hours=1)
    valid = bureau.person()
    bureau.business = datetime.now(UTC)
    valid.passes_the_video(hours=48)
    bureau.clock.advance(hours=2)
    upkeep.keep()
    with bureau.database.reading() as session:
        left = session.scalars(select(EnrolmentRow.owner)).all()
    # The first nonce ended on a day of the scenarios, long before today.
    assert left == [valid.owner]


def test_without_an_authority_the_worker_says_so_once_an_hour_and_goes_on(bureau, upkeep):
    with bureau.database.transaction() as session:
        session.execute(text("delete from ca_crl"))
        session.execute(text("delete from ca_unit"))
    lines = told(upkeep)
    assert [line["what"] for line in lines] == ["no certification authority is set up: kaihu ca init"]
    assert told(upkeep) == []


def test_a_clock_that_jumped_is_told_and_no_list_is_dated_by_it(bureau, upkeep):
    def doubted():
        raise ClockDoubted

    bureau.authority.now = doubted
    (line,) = told(upkeep)
    assert line["log_level"] == "error"
    assert "clock jumped" in line["why"]
    assert numbers(bureau) == 1


def test_whatever_breaks_does_not_stop_the_worker(bureau, upkeep, monkeypatch):
    bureau.clock.advance(hours=2)
    monkeypatch.setattr(ceremony, "renew", lambda *_: 1 / 0)
    (line,) = told(upkeep)
    assert line["log_level"] == "error"
    assert line["exc_info"]


def test_people_are_told_in_time_what_needs_them(bureau, upkeep):
    assert troubles(bureau) == []
    bureau.clock.advance(days=151)  # the root's list is good for 180 days, and people need a month
    upkeep.keep()
    (trouble,) = troubles(bureau)
    assert trouble.startswith("root-1.crl ends soon")
    assert trouble.endswith("kaihu ca crl --root")
    assert [line["what"] for line in told(Upkeep(bureau.database, bureau.authority))] == [trouble]
    hold(bureau, ceremony.publish_root_crl, bureau.root)
    assert troubles(bureau) == []


def test_a_unit_near_its_end_is_named_with_the_command(bureau, upkeep):
    bureau.clock.advance(days=3 * 365 - 80)
    hold(bureau, ceremony.publish_root_crl, bureau.root)
    upkeep.keep()
    (trouble,) = troubles(bureau)
    assert trouble.startswith("seal-1 ends on ")
    assert trouble.endswith("kaihu ca rotate seal")
