"""Verification: whoever changes one byte of what is kept of a call is found out."""

import random
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import select, text, update

from engine.store.tables import CaseRow, FileRow, JournalRow
from handlers.media.segments import Sealer
from handlers.recordings import NoRecording
from handlers.recordings.kept import report_place
from handlers.video.tables import CallRow, SegmentRow, SnapshotRow
from tests.recording_people import Leg, Studio


@pytest.fixture
def studio(room, tmp_path):
    """Lend a studio on a database of the test's own."""
    return Studio(room.engine, tmp_path / "recordings")


@pytest.fixture
def call(studio, room):
    """Lend a finished call with everything in it."""
    made = studio.call(room.customer().starts().id)
    made.sends("customer", Leg(seconds=1))
    made.sends("agent", Leg(seconds=1), at=0.1)
    snapshots = [made.snaps("face"), made.snaps("card")]
    made.says("snapshot", at=0.5, of="face", snapshot=str(snapshots[0]))
    return made.ends().finished()


def flip(path, at):
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << (at % 8)
    path.write_bytes(data)


def places(path, seed=7, more=12):
    """Return offsets to flip: the first, the last, and some between."""
    size = path.stat().st_size
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    return sorted({0, 9, 25, size - 1, *(chance.randrange(size) for _ in range(more))})


def test_what_nobody_touched_is_intact(call, studio):
    verdict = studio.recordings.verify(call.id)
    assert verdict.findings == ()
    assert verdict.intact
    assert verdict.segments == 3
    assert verdict.hash == studio.recordings.hash(call.id) == call.report["hash"]


@pytest.mark.parametrize(
    ("role", "code"),
    [("customer", "segment_changed"), ("agent", "segment_changed"), ("events", "events_changed")],
)
def test_one_flipped_bit_of_a_segment_is_found_wherever_it_is(call, role, code):
    path = call.path(role)
    for at in places(path):
        flip(path, at)
        assert call.findings() == [code], at
        flip(path, at)
    assert call.findings() == []


def test_a_segment_that_was_cut_short_or_grew_is_found(call):
    path, whole = call.path("customer"), call.path("customer").read_bytes()
    for changed in (whole[:-1], whole[:100], whole + b"x", b""):
        path.write_bytes(changed)
        assert call.findings() == ["segment_changed"]
    path.unlink()
    assert call.findings() == ["segment_missing"]


def test_a_segment_written_anew_with_the_right_key_is_found(call, studio):
    """Somebody has the keys of the recording, and not the one that seals."""
    old = call.row("customer")
    call.path("customer").unlink()
    with studio.engine.database.transaction() as session:
        session.execute(text("delete from video_segment where id = :id"), {"id": old.id})
    forger = Studio.__new__(Studio)
    forger.__dict__.update(studio.__dict__, sealer=Sealer(bytes(32)))
    call.studio = forger
    call.sends("customer", Leg(seconds=1))
    call.studio = studio
    assert set(call.findings()) == {"segment_unknown", "seal_wrong", "segment_missing", "hash_changed"}


@pytest.mark.parametrize("role", ["customer", "agent"])
def test_one_flipped_bit_of_a_playback_file_is_found_wherever_it_is(call, studio, role):
    path = studio.folder / call.report["playback"][role]["path"]
    for at in places(path):
        flip(path, at)
        assert call.findings() == ["playback_changed"], at
        flip(path, at)
    assert call.findings() == []


def test_a_playback_file_that_grew_or_is_gone_is_found(call, studio):
    path = studio.folder / call.report["playback"]["agent"]["path"]
    path.write_bytes(path.read_bytes() + b"x")
    assert call.findings() == ["playback_changed"]
    path.unlink()
    assert call.findings() == ["playback_changed"]


@pytest.mark.parametrize(
    ("which", "code"),
    [
        ("video.still", "snapshot_changed"),
        ("video.frame", "snapshot_changed"),
        ("video.thumbnail", "still_changed"),
    ],
)
def test_one_flipped_bit_of_a_picture_is_found_wherever_it_is(call, room, which, code):
    with room.engine.database.reading() as session:
        name = session.scalars(select(FileRow.sealed_sha256).where(FileRow.role == which)).first()
    path = room.engine.files._path(name)
    for at in places(path, more=6):
        flip(path, at)
        assert call.findings() == [code], at
        flip(path, at)
    assert call.findings() == []


def test_a_snapshot_that_was_exchanged_or_taken_away_is_found(call, room):
    with room.engine.database.transaction() as session:
        first, second = session.scalars(select(SnapshotRow).order_by(SnapshotRow.asked_at)).all()
        first.still, second.still = second.still, first.still
    assert call.findings() == ["snapshot_missing"]
    with room.engine.database.transaction() as session:
        session.execute(text("delete from video_snapshot"))
    assert call.findings() == ["snapshot_missing"]


def test_one_changed_byte_of_the_decision_is_found(call, room):
    with room.engine.database.reading() as session:
        entries = session.scalars(
            select(JournalRow).where(JournalRow.subject == f"case:{call.case_id}").order_by(JournalRow.seq)
        ).all()
    decision = next(one for one in entries if one.kind == "task.decided")
    for column in ("sealed_part", "open_part", "hash"):
        data = bytearray(getattr(decision, column))
        for at in {0, len(data) // 2, len(data) - 1}:
            changed = bytearray(data)
            changed[at] ^= 1
            _write(room, decision, **{column: bytes(changed)})
            assert call.findings() == ["journal_changed"], (column, at)
        _write(room, decision, **{column: bytes(data)})
    for column, value in (
        ("actor", "staff:x"),
        ("kind", "task.back"),
        ("at", decision.at + timedelta(seconds=1)),
    ):
        _write(room, decision, **{column: value})
        assert call.findings() == ["journal_changed"], column
        _write(room, decision, **{column: getattr(decision, column)})
    assert call.findings() == []


def _write(room, entry, **values):
    with room.engine.database.transaction() as session:
        # The database itself lets nobody; whoever owns it might.
        session.execute(text("alter table journal disable trigger user"))
        session.execute(
            update(JournalRow)
            .where(JournalRow.subject == entry.subject, JournalRow.seq == entry.seq)
            .values(**values)
        )


def test_a_result_that_nobody_decided_is_found(call, room):
    with room.engine.database.transaction() as session:
        session.execute(update(CallRow).where(CallRow.id == call.id).values(outcome="refused"))
    assert call.findings() == ["decision_missing"]


@pytest.mark.parametrize(
    "column", ["records", "size", "media_ms", "number", "head", "signature", "sealed_at"]
)
def test_a_changed_row_of_a_segment_is_found(call, room, column):
    row = call.row("customer")
    was = getattr(row, column)
    now = bytes([was[0] ^ 1]) + was[1:] if isinstance(was, bytes) else was + (
        timedelta(seconds=1) if column == "sealed_at" else 1
    )  # fmt: skip
    with room.engine.database.transaction() as session:
        session.execute(update(SegmentRow).where(SegmentRow.id == row.id).values(**{column: now}))
    assert "seal_wrong" in call.findings()


def test_one_changed_byte_of_the_timeline_is_found(call, room):
    with room.engine.database.reading() as session:
        report = session.get_one(CallRow, call.id).report
    for at in (0, 20, len(report) // 2, len(report) - 1):
        changed = bytearray(report)
        changed[at] ^= 1
        with room.engine.database.transaction() as session:
            session.execute(update(CallRow).where(CallRow.id == call.id).values(report=bytes(changed)))
        assert "report_changed" in call.findings()


def test_a_timeline_written_anew_with_the_right_key_is_found(call, room):
    report = {**call.report, "timeline": []}
    with room.engine.database.transaction() as session:
        row = session.get_one(CallRow, call.id)
        case = session.get_one(CaseRow, call.case_id)
        key = room.engine.keyring.case_key(str(call.case_id), case.key)
        row.report = key.seal(orjson.dumps(report), report_place(call.id))
    assert call.findings() == ["report_changed"]


def test_what_lies_behind_the_seal_of_a_dead_writer_is_watched_too(studio, room):
    made = studio.call(room.customer().starts().id)
    made.sends("customer", Leg(seconds=1), killed=4)
    with made.path("customer").open("ab") as file:
        file.write(b"\0\0\x02\0torn in the middle")
    made.ends().finished()
    path = made.path("customer")
    assert made.findings() == []
    for at in (1, 5, 20):
        flip(path, path.stat().st_size - at)
        assert made.findings() == ["segment_changed"]
        flip(path, path.stat().st_size - at)
    path.write_bytes(path.read_bytes()[: made.row("customer").size])
    assert made.findings() == ["segment_changed"]


def test_a_call_under_way_says_that_it_is_not_finished(studio, room):
    made = studio.call(room.customer().starts().id)
    made.sends("customer")
    assert "not_finished" in made.findings()
    with pytest.raises(NoRecording):
        studio.recordings.verify(made.case_id)


def test_an_empty_call_says_that_there_is_no_recording(studio, room):
    made = studio.call(room.customer().starts().id).ends("customer_left").finished()
    assert made.findings() == ["no_media"]
