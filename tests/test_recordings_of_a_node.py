"""What a real node recorded of real connections, finished: also when the node was killed in the call."""

import time
from datetime import timedelta

from sqlalchemy import update

from engine import clock
from handlers.recordings import Finalizer, Recordings
from handlers.video.tables import CallRow
from tests.engine_room import MORNING
from tests.test_media_kills import Call
from tests.test_recordings_finalizer import decoded
from tests.waiting import wait_until


def finished(room, call):
    """Close a call and have it finished; return its report and its recordings."""
    engine = room.house.engine
    with engine.database.transaction() as session:
        closed = {"closed_at": MORNING, "outcome": "customer_left"}
        session.execute(update(CallRow).where(CallRow.id == call.id).values(**closed))
    with clock.frozen(MORNING + timedelta(minutes=2)):
        assert Finalizer(engine, room.recordings).finish(str(call.id)) == "finished"
    recordings = Recordings(engine, room.recordings)
    (found,) = recordings.of_case(room.row(call.id).case_id)
    return found.report, recordings


def test_a_call_of_a_real_node_is_finished_and_proved(media_room, browsers):
    media_room.start()
    call = Call(media_room, browsers)
    call.begins()
    media_room.calls.mark(call.id, {"kind": "ticked", "list": "asked", "item": "purpose"})
    streams = {(role, track) for role in ("customer", "agent") for track in ("video", "audio")}

    def reported():
        return {(e["role"], e["track"]) for e in media_room.events(call.id) if e["kind"] == "sr"}

    wait_until(lambda: reported() == streams, 10)
    media_room.calls.close(call.id)
    report, recordings = finished(media_room, call)
    assert {one["sync"] for one in report["segments"] if one["role"] != "events"} == {"reports"}
    assert [one["kind"] for one in report["timeline"]].count("joined") == 2
    assert "ticked" in {one["kind"] for one in report["timeline"]}
    for role in ("customer", "agent"):
        reader = recordings.open(call.id, role)
        shown, _, seconds = decoded(reader.read(0, reader.size))
        assert shown >= 10  # a busy machine sends fewer pictures
        assert abs(seconds * 1000 - report["duration"]) <= 50
    assert recordings.verify(call.id).findings == ()


def test_a_call_whose_node_was_killed_is_one_recording_with_a_gap(media_room, browsers):
    first = media_room.start()
    call = Call(media_room, browsers)
    call.begins()
    time.sleep(2)
    first.kill()
    media_room.start()
    call.begins()
    time.sleep(1)
    media_room.calls.close(call.id)
    report, recordings = finished(media_room, call)
    left = {(one["role"], one["number"]) for one in report["segments"] if one["recovered"]}
    assert left == {("customer", 0), ("agent", 0), ("events", 0)}
    assert {one["role"] for one in report["timeline"] if one["kind"] == "gap"} == {"customer", "agent"}
    assert {one["role"] for one in report["timeline"] if one["kind"] == "recovered"} == {"customer", "agent"}
    for role in ("customer", "agent"):
        reader = recordings.open(call.id, role)
        shown, _, seconds = decoded(reader.read(0, reader.size))
        assert shown >= 60
        assert abs(seconds * 1000 - report["duration"]) <= 50
    assert recordings.verify(call.id).findings == ()
