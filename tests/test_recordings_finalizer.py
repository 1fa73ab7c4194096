"""The finalizer: what becomes of a call's segments, whatever happened to who wrote them."""

import threading
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import av
import pytest
from PIL import Image
from sqlalchemy import text

from engine import clock
from handlers.media import webm
from handlers.recordings import Finalizer, NoRecording, playback, timeline
from handlers.recordings.placing import SILENCE
from tests.recording_people import Leg, Studio, pictures, sounds


@pytest.fixture
def studio(room, tmp_path):
    """Lend a studio on a database of the test's own."""
    return Studio(room.engine, tmp_path / "recordings")


@pytest.fixture
def call(studio, room):
    """Lend a call that has just begun."""
    return studio.call(room.customer().starts().id)


def both(call, **more):
    """Let both sides send as they usually do, and end the call."""
    call.sends("customer", Leg(**more))
    call.sends("agent", at=0.1)
    return call.ends()


def player(file: bytes) -> Any:
    """Open a file as a player does."""
    return av.open(BytesIO(file))


def decoded(file: bytes) -> tuple[int, int, float]:
    """Decode a whole file; return pictures, samples and seconds. Any error of the decoder is raised."""
    with player(file) as opened:
        for stream in opened.streams:
            stream.codec_context.options = {"err_detect": "explode"}
        shown = heard = 0
        for packet in opened.demux():
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    assert not frame.is_corrupt
                    shown += 1
                else:
                    heard += frame.samples
        return shown, heard, opened.duration / av.time_base


def times(file: bytes, kind: str) -> list[tuple[int, bytes]]:
    """Return when each packet of a kind comes, in milliseconds, and what is in it."""
    with player(file) as opened:
        return [(p.pts, bytes(p)) for p in opened.demux() if p.size and p.stream.type == kind]


def test_a_call_becomes_one_seekable_file_a_side(call):
    both(call).finished()
    for role, begin in (("customer", 0.0), ("agent", 0.1)):
        shown, heard, seconds = decoded(call.played(role))
        assert shown == 60
        assert abs(seconds - 2.1) <= 0.05
        assert abs(heard / 48_000 - 2.1) <= 0.05
        assert abs(times(call.played(role), "video")[0][0] - begin * 1000) <= 1
    assert call.report["duration"] == pytest.approx(2100, abs=50)


def test_a_player_finds_the_index_in_front_and_jumps_by_it(call):
    call.sends("customer", Leg(seconds=6))
    call.ends().finished()
    file = call.played()
    cues, cluster = b"\x1c\x53\xbb\x6b", b"\x1f\x43\xb6\x75"
    assert file.count(cues) == 2  # the seek head's word of it, and itself
    assert file.rindex(cues) < file.index(cluster)
    with player(file) as opened:
        opened.seek(4_500_000)
        found = next(opened.decode(video=0))
        assert found.pts == 4000


def test_a_playback_file_is_sealed_on_the_disk(call, studio):
    both(call).finished()
    path = studio.folder / call.report["playback"]["customer"]["path"]
    assert b"webm" not in path.read_bytes()
    assert oct(path.stat().st_mode)[-3:] == "600"


@pytest.mark.parametrize("late", [-40, 0, 25, 61])
def test_sound_and_picture_are_as_far_apart_as_the_sender_says(call, late):
    call.sends("customer", Leg(late=late + 100))  # never before the segment's beginning
    call.ends().finished()
    heard = [ms for ms, data in times(call.played(), "audio") if data == sounds(2.0)[10].data]
    shown = [ms for ms, data in times(call.played(), "video") if data == pictures(2.0)[6].data]
    assert abs(heard[0] - shown[0]) <= 5, "the 10th sound and the 6th picture are of one moment"


def test_without_a_report_nothing_is_moved_and_the_report_says_so(call):
    call.sends("customer", Leg(late=25, reports=0))
    call.ends().finished()
    heard = [ms for ms, data in times(call.played(), "audio") if data == sounds(2.0)[10].data]
    assert heard == [225]
    assert call.report["segments"][0]["sync"] == "arrival"


def test_a_report_that_cannot_be_true_moves_nothing(call):
    call.sends("customer", Leg(late=5_000))
    call.ends().finished()
    assert call.report["segments"][0]["sync"] == "doubted"


def test_what_a_killed_writer_left_is_sealed_to_its_last_record(call):
    call.sends("customer", killed=20)
    call.sends("agent", at=0.1)
    assert call.row("customer").sealed_at is None
    before = call.path("customer").read_bytes()
    call.ends().finished()
    row = call.row("customer")
    assert row.recovered
    assert row.sealed_at is not None
    assert row.size == len(before)
    assert call.path("customer").read_bytes() == before
    told = next(one for one in call.report["timeline"] if one["kind"] == "recovered")
    assert (told["role"], told["records"]) == ("customer", 20)
    assert told["ms"] == pytest.approx(2000, abs=50)
    assert decoded(call.played())[0] == 60
    assert call.findings() == []


def test_a_torn_record_is_left_where_it_lies(call):
    call.sends("customer", killed=5)
    call.sends("agent")
    with call.path("customer").open("ab") as file:
        file.write(b"\0\0\x01\0half a record")
    call.ends().finished()
    assert call.row("customer").size == call.path("customer").stat().st_size - 17
    assert next(one for one in call.report["timeline"] if one["kind"] == "recovered")["torn"] == 17
    assert call.findings() == []


def test_a_disk_that_lost_its_power_leaves_zeros_and_they_harm_nothing(call):
    call.sends("customer", killed=5)
    with call.path("customer").open("ab") as file:
        file.write(bytes(4096))
    call.ends().finished()
    assert decoded(call.played())[0] == 60
    assert call.findings() == []


def test_a_segment_changed_before_it_was_sealed_is_not_sealed(call):
    call.sends("customer", killed=5)
    data = bytearray(call.path("customer").read_bytes())
    data[len(data) // 2] ^= 1
    call.path("customer").write_bytes(data)
    call.ends().finished()
    assert call.row("customer").signature is None
    assert "segment_unsealed" in call.findings()


def test_the_clock_goes_on_while_a_customer_is_away(call):
    call.sends("customer")
    call.sends("agent", Leg(seconds=7))
    call.sends("customer", at=5.0, number=1)
    call.ends().finished()
    shown, heard, seconds = decoded(call.played())
    assert shown == 120
    assert abs(seconds - 7) <= 0.05
    assert abs(heard / 48_000 - 7) <= 0.05, "the sound of the gap must not collapse"
    when = [ms for ms, _ in times(call.played(), "video")]
    assert when[60] == pytest.approx(5000, abs=2)
    gap = next(one for one in call.report["timeline"] if one["kind"] == "gap")
    assert gap["role"] == "customer"
    assert (gap["ms"], gap["until"]) == (pytest.approx(2000, abs=20), pytest.approx(5000, abs=2))


def test_a_rejoined_segment_has_a_distance_of_its_own(call):
    call.sends("customer", Leg(late=30))
    call.sends("customer", Leg(late=90), at=4.0, number=1)
    call.ends().finished()
    heard = [ms for ms, data in times(call.played(), "audio") if data == sounds(2.0)[10].data]
    shown = [ms for ms, data in times(call.played(), "video") if data == pictures(2.0)[6].data]
    assert [h - s for h, s in zip(heard, shown, strict=True)] == [pytest.approx(0, abs=5)] * 2


def test_the_picture_may_change_its_size_in_the_middle(call):
    small = [webm.Block("video", one.ms + 2000, one.key, one.data) for one in pictures(2.0, 160, 120)]
    call.sends("customer", Leg(shown=[*pictures(2.0), *small], heard=sounds(4.0)))
    call.ends().finished()
    with player(call.played()) as opened:
        sizes = [(frame.width, frame.height) for frame in opened.decode(video=0)]
    assert sizes == [(320, 240)] * 60 + [(160, 120)] * 60
    assert [one[1:] for one in call.report["segments"][0]["sizes"]] == [[320, 240], [160, 120]]


def test_a_side_that_only_spoke_can_be_heard(call):
    call.sends("customer", Leg(shown=[]))
    call.ends().finished()
    shown, heard, _ = decoded(call.played())
    assert shown == 0
    assert heard == pytest.approx(96_000, abs=960)
    assert not call.report["playback"]["customer"]["video"]


def test_a_side_that_was_silent_can_be_seen(call):
    call.sends("customer", Leg(heard=[]))
    call.ends().finished()
    shown, heard, _ = decoded(call.played())
    assert shown == 60
    assert heard == pytest.approx(96_000, abs=1920)
    assert {data for _, data in times(call.played(), "audio")} == {SILENCE}


def test_a_picture_that_depends_on_a_lost_one_is_left_out(call):
    call.sends("customer", Leg(shown=pictures(2.0)[5:]))
    call.ends().finished()
    assert decoded(call.played())[0] == 30


def test_an_empty_call_is_finished_too(call):
    call.ends("customer_left").finished()
    assert call.report["playback"] == {}
    with pytest.raises(NoRecording):
        call.played()


def test_a_segment_without_a_frame_is_no_obstacle(call):
    call.sends("customer", Leg(shown=[], heard=[]))
    call.sends("agent")
    call.ends().finished()
    assert set(call.report["playback"]) == {"agent"}


def test_the_timeline_says_what_happened_when(call):
    call.sends("customer", Leg(seconds=4))
    call.sends("agent", Leg(seconds=4))
    call.says("ticked", at=1.0, list="asked", item="purpose")
    call.says("snapshot", at=2.0, of="face", snapshot="x")
    call.says("decision", at=3.5, decision="approve")
    call.says("quality", at=1.0, role="customer", loss=0.01)
    call.ends().finished()
    told = [(one["ms"], one["kind"]) for one in call.report["timeline"] if one["kind"] != "joined"]
    assert told == [(1000, "ticked"), (2000, "snapshot"), (3500, "decision")]
    assert call.report["timeline"][2]["item"] == "purpose"
    assert call.report["quality"] == [{"ms": 1000, "role": "customer", "loss": 0.01}]


def test_a_marker_has_a_small_picture_of_its_moment(call, room):
    call.sends("customer", Leg(seconds=4))
    call.says("snapshot", at=2.5, of="face", snapshot="x")
    call.ends().finished()
    stills = {one["ms"]: one for one in call.report["stills"]}
    assert set(stills) == {0, 2500}
    _, key, _ = room.engine.cases.data(call.case_id, room.staff("x", "reviewer").actor)
    with room.engine.database.reading() as session:
        _, jpeg = room.engine.files.get(session, key, stills[2500]["file"])
    image: Any = Image.open(BytesIO(jpeg)).convert("L")
    assert image.size == (320, 240)
    # The bar of the 75th frame is where the moment says.
    at = 74 * 4 % 280
    assert image.getpixel((at + 20, 50)) > 200
    assert image.getpixel(((at + 120) % 320, 150)) < 150


def test_finishing_twice_makes_nothing_new(call, studio):
    both(call).finished()
    before = (call.report, sorted(studio.folder.rglob("*")))
    assert studio.finalizer.finish(str(call.id)) == "there"
    assert (call.report, sorted(studio.folder.rglob("*"))) == before


def test_two_finalizers_at_once_lay_down_one_result(call, studio, room):
    both(call)
    outcomes, gate = [], threading.Barrier(2)

    def finish():
        gate.wait()
        outcomes.append(Finalizer(room.engine, studio.folder).finish(str(call.id)))

    workers = [threading.Thread(target=finish) for _ in range(2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert sorted(outcomes) in (["finished", "there"], ["finished", "there"])
    kept = [one.name for one in studio.folder.rglob("*playback*")]
    assert sorted(kept) == sorted(one["path"].split("/")[-1] for one in call.report["playback"].values())
    assert call.findings() == []


def test_who_is_second_at_the_last_moment_throws_its_own_away(call, studio, room, monkeypatch):
    both(call)
    make = playback.make
    outcomes: list[str] = []

    def overtaken(*given):
        made = make(*given)
        monkeypatch.setattr(playback, "make", make)
        if not outcomes:
            outcomes.append(Finalizer(room.engine, studio.folder).finish(str(call.id)))
        return made

    monkeypatch.setattr(playback, "make", overtaken)
    outcomes.append(studio.finalizer.finish(str(call.id)))
    assert outcomes == ["finished", "there"]
    with room.engine.database.reading() as session:
        written = text("select count(*) from journal where kind = 'video.recorded'")
        assert session.scalar(written) == 1
    assert len(list(studio.folder.rglob("*playback*"))) == 2
    assert call.findings() == []


def test_what_a_dead_finalizer_began_is_taken_away(call, studio):
    both(call)
    litter = call.path("customer").parent / f".playback-{call.id}-customer-{uuid4()}.part"
    litter.write_bytes(b"half")
    call.finished()
    assert not litter.exists()


def test_a_finalizer_that_fails_leaves_nothing_and_can_be_run_again(call, studio, monkeypatch):
    both(call)

    def fails(*_):
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(timeline, "gaps", fails)
        with pytest.raises(OSError, match="full"):
            studio.finalizer.finish(str(call.id))
    assert list(studio.folder.rglob("*playback*")) == []
    call.finished()


def test_a_call_that_goes_on_is_left_alone(call, studio):
    call.sends("customer")
    assert studio.finalizer.finish(str(call.id)) == "open"
    assert studio.finalizer.finish(str(uuid4())) == "gone"


def test_a_node_that_lives_may_close_its_files_first(call, studio, room):
    call.sends("customer", killed=3)
    call.ends()
    studio.nodes.heartbeat(call.node, 1, 0.1)
    assert studio.finalizer.finish(str(call.id)) == "writing"
    with room.engine.database.reading() as session:
        assert studio.finalizer._engine.queue.queued(session, "recordings.finish", "call_id") == {
            str(call.id)
        }
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        call.finished()


def test_a_closed_call_that_lost_its_job_is_found(call, studio, room):
    both(call)
    assert studio.finalizer.sweep() == 0
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        assert studio.finalizer.sweep() == 1
        assert studio.finalizer.sweep() == 0
    call.finished()
    with room.engine.database.transaction() as session:
        session.execute(text("delete from procrastinate_jobs"))
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        assert studio.finalizer.sweep() == 0
