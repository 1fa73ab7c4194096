"""The journal keeps everything that happened, and nobody changes it unseen; nothing personal lies open."""

from datetime import UTC

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from engine.store import SealBroken
from engine.store.journal import link
from tests import errand
from tests.engine_room import PROFILE, Room


@pytest.fixture
def finished(shared):
    """Bring a case to its end, with a send-back on the way."""
    customer = shared.customer()
    customer.submits()
    shared.reviewer("liufang").decides("return", note="only the wish")
    customer.answers(wish="another book")
    shared.reviewer("chenjing").decides("second")
    shared.reviewer("liufang").decides("approve")
    (job,) = [j for j in shared.jobs() if j.case_id == customer.case.id]
    shared.engine.jobs.run(job.case_id, job.task_id)
    return customer


def owner(url: str) -> psycopg.Connection:
    """Connect as whoever owns the tables: somebody who can do anything to them."""
    return psycopg.connect(url, autocommit=True)


def test_everything_that_happened_is_there_in_order(shared, finished):
    entries = shared.journal(finished.case)
    assert [e.seq for e in entries] == list(range(1, len(entries) + 1))
    assert [e.kind for e in entries] == [
        "case.started", "task.completed", "task.completed", "task.claimed", "task.completed",
        "task.completed", "task.claimed", "task.completed", "task.claimed", "task.completed", "job.done",
    ]  # fmt: skip
    assert {e.actor for e in entries} == {
        finished.actor.label, "staff:liufang", "staff:chenjing", "system:worker",
    }  # fmt: skip


def test_every_answer_and_result_is_kept(shared, finished):
    entries = shared.journal(finished.case)
    answers = [e.sealed["answers"] for e in entries if e.kind == "task.completed"]
    assert [a.get("wish") for a in answers if "wish" in a] == ["a book", "another book"]
    assert [a["decision"] for a in answers if "decision" in a] == ["return", "second", "approve"]
    assert entries[0].sealed["data"]["profile"] == PROFILE
    assert entries[-1].sealed["results"] == {
        "deliver": {"arrived": "another book"}, "stamp": {"by": "system:worker"},
    }  # fmt: skip


def test_every_element_that_began_and_ended_is_named(shared, finished):
    entries = shared.journal(finished.case)
    ended = [name for e in entries for name in e.facts.get("ended", [])]
    began = [name for e in entries for name in e.facts.get("started", [])]
    for page in ("papers", "wish", "look", "look_again", "deliver"):
        assert ended.count(page) == began.count(page) > 0, page
    assert ended.count("wish") == 2
    assert "end_in_effect" in ended
    assert "stamp" in ended


def test_the_chain_of_an_honest_case_is_whole(shared, finished):
    assert shared.breaks_chain(finished.case) is None


@pytest.mark.parametrize("deed", ["update journal set kind = 'x'", "delete from journal", "truncate journal"])
def test_the_database_refuses_to_change_the_journal(shared, finished, deed):
    with pytest.raises(DBAPIError, match="append-only"), shared.engine.database.transaction() as session:
        session.execute(text(deed))


TAMPERING = {
    "a word": ("update journal set kind = 'task.claimed' where subject = %s and seq = 3", "3 was changed"),
    "who it was": ("update journal set actor = 'staff:x' where subject = %s and seq = 5", "5 was changed"),
    "when it was": ("update journal set at = at + interval '1 s' where subject = %s and seq = 5", "5 was"),
    "which task": ("update journal set task_id = null where subject = %s and seq = 5", "5 was changed"),
    "what began": (
        "update journal set open_part = open_part || ' '::bytea where subject = %s and seq = 2",
        "2 was changed",
    ),
    "an answer": (
        "update journal set sealed_part = sealed_part || 'x'::bytea where subject = %s and seq = 2",
        "2 was changed",
    ),
    "an answer taken away": (
        "update journal set sealed_part = null where subject = %s and seq = 2", "2 was changed",
    ),
    "a row in the middle": ("delete from journal where subject = %s and seq = 4", "4 is missing"),
    "the first row": ("delete from journal where subject = %s and seq = 1", "1 is missing"),
    "the last row": ("delete from journal where subject = %s and seq = 11", "ends at 10, not at 11"),
    "all rows": ("delete from journal where subject = %s", "ends at 0"),
    "two rows exchanged": (
        "update journal set seq = case seq when 3 then -4 else -3 end where subject = %s and seq in (3, 4);"
        "update journal set seq = -seq where seq < 0", "3 was changed",
    ),
    "a row moved to the end": ("update journal set seq = 12 where subject = %s and seq = 2", "2 is missing"),
}  # fmt: skip


@pytest.mark.parametrize(("deed", "found"), TAMPERING.values(), ids=TAMPERING)
def test_whoever_owns_the_database_does_not_change_a_row_unseen(shared, finished, deed, found):
    subject = f"case:{finished.case.id}"
    with owner(shared.engine.database.url) as connection:
        connection.execute("alter table journal disable trigger journal_append_only")
        for one in deed.split(";"):
            connection.execute(one, [subject] if "%s" in one else None)
        connection.execute("alter table journal enable trigger journal_append_only")
    assert found in shared.breaks_chain(finished.case)


def test_whoever_also_makes_the_row_fit_is_found_out_by_the_next(shared, finished):
    subject = f"case:{finished.case.id}"
    with owner(shared.engine.database.url) as connection:
        rows = connection.cursor(row_factory=dict_row)
        (before,) = rows.execute(
            "select hash from journal where subject = %s and seq = 2", [subject]
        ).fetchall()
        (row,) = rows.execute("select * from journal where subject = %s and seq = 3", [subject]).fetchall()
        row["at"] = row["at"].astimezone(UTC)
        assert link(before["hash"], row) == row["hash"]
        row["kind"] = "task.forged"
        connection.execute("alter table journal disable trigger journal_append_only")
        connection.execute(
            "update journal set kind = %s, hash = %s where subject = %s and seq = 3",
            [row["kind"], link(before["hash"], row), subject],
        )
        connection.execute("alter table journal enable trigger journal_append_only")
    assert shared.breaks_chain(finished.case) == "entry 4 was changed"


def test_a_row_of_another_case_does_not_pass_for_ones_own(shared, finished):
    other = shared.customer("c2")
    other.submits()
    with owner(shared.engine.database.url) as connection:
        connection.execute("alter table journal disable trigger journal_append_only")
        connection.execute("delete from journal where subject = %s", [f"case:{other.case.id}"])
        connection.execute(
            "insert into journal select %s, seq, at, kind, actor, task_id, open_part, sealed_part, hash "
            "from journal where subject = %s and seq <= 3",
            [f"case:{other.case.id}", f"case:{finished.case.id}"],
        )
        connection.execute("alter table journal enable trigger journal_append_only")
    assert shared.breaks_chain(other.case) == "entry 1 was changed"


def test_a_state_moved_to_another_case_does_not_open(shared):
    one, other = shared.customer("c1"), shared.customer("c2")
    one.submits()
    other.starts()
    with owner(shared.engine.database.url) as connection:
        connection.execute(
            'update "case" set blob = (select blob from "case" where id = %s) where id = %s',
            [one.case.id, other.case.id],
        )
    with pytest.raises(SealBroken):
        shared.engine.cases.data(other.case.id, other.actor)


SECRETS = [*PROFILE.values(), "A Very Private Book", "passport 4711", "a half-typed secret", "neighbour's"]


def test_nothing_personal_can_be_read_in_a_dump(room):
    """Names, numbers and answers: nowhere in any table, queue included; only sealed."""
    customer = room.customer()
    customer.starts()
    customer.answers(paper="passport 4711")
    room.engine.desk.save(customer.task, customer.actor, {"wish": "a half-typed secret"}, 0)
    customer.goes_back(wish="neighbour's")
    customer.answers(paper="passport 4711")
    customer.answers(wish="A Very Private Book")
    room.reviewer().decides("approve", note="A Very Private Book is fine")
    room.delivery.happens = errand.is_away
    room.works()
    with owner(room.engine.database.url) as connection:
        names = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        dump = b"".join(
            bytes(row)
            for (name,) in names
            for copy in [connection.cursor().copy(f'copy "{name}" to stdout (format binary)')]
            for row in _rows(copy)
        )
    assert str(customer.case.id).encode() in dump or customer.case.id.bytes in dump
    for secret in SECRETS:
        assert secret.encode() not in dump, secret
        assert secret.encode("unicode_escape") not in dump, secret


def _rows(copying):
    with copying as copy:
        yield from copy


def test_the_state_is_sealed_bytes_and_small(shared):
    customer = shared.customer()
    customer.submits()
    row = shared.row(customer.case)
    assert isinstance(row.blob, bytes)
    assert len(row.blob) <= 5000
    assert b"wish" not in row.blob


def test_a_key_of_the_ring_opens_nothing_of_another_ring(shared, house, tmp_path):
    customer = shared.customer()
    customer.submits()
    stranger = Room(house.engine.database.url, tmp_path)
    with pytest.raises(SealBroken):
        stranger.engine.cases.data(customer.case.id, customer.actor)
    stranger.engine.database.dispose()
