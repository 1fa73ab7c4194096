"""Sealed segments and their WebM: wherever the writer was killed, what it wrote plays and proves itself."""

import io
import os
import random
from datetime import UTC, datetime
from uuid import UUID, uuid4

import av
import pytest

from handlers.media.segments import (
    LONGEST,
    Mark,
    Reader,
    Sealer,
    SegmentBroken,
    Writer,
    beginning,
    statement,
    verify,
    whole,
)
from handlers.media.webm import Muxer, NotWebm, blocks, key_frame_size
from tests.media_clips import clip

KEY = b"k" * 32
RECORDS = [b"", b"a", b"hello", bytes(range(40)), b"the last one"]


@pytest.fixture
def written(tmp_path):
    """Lend a small segment: its path, id, and the mark after each record."""
    return write(tmp_path / "customer.0.seg", RECORDS)


def write(path, records):
    segment = uuid4()
    writer = Writer(path, KEY, segment)
    marks = [writer.mark]
    for plain in records:
        writer.add(plain)
        marks.append(writer.mark)
    assert writer.close() == marks[-1]
    return path, segment, marks


def read(path, segment, key=KEY):
    reader = Reader(path, key, segment)
    return list(reader), reader


def test_what_was_written_is_read_again(written):
    path, segment, marks = written
    plain, reader = read(path, segment)
    assert plain == RECORDS
    assert (reader.mark, reader.torn) == (marks[-1], 0)
    assert path.stat().st_size == marks[-1].size
    assert path.stat().st_mode & 0o777 == 0o600


def test_wherever_the_writer_was_killed_every_whole_record_is_read(written, tmp_path):
    path, segment, marks = written
    data = path.read_bytes()
    for cut in range(len(data) + 1):
        torn = tmp_path / "torn"
        torn.write_bytes(data[:cut])
        kept = max((mark for mark in marks if mark.size <= cut), key=lambda m: m.records, default=marks[0])
        plain, reader = read(torn, segment)
        assert plain == RECORDS[: kept.records]
        assert reader.mark == kept
        assert reader.torn == max(0, cut - kept.size)
        verify(torn, segment, kept, KEY)


def test_any_flipped_byte_of_a_sealed_segment_is_found_without_its_key(written):
    path, segment, marks = written
    data = path.read_bytes()
    whole(path, segment, marks[-1])
    for at in range(len(data)):
        for flip in (1, 0x80):
            path.write_bytes(data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :])
            with pytest.raises(SegmentBroken):
                whole(path, segment, marks[-1])


def test_a_flipped_byte_of_a_record_is_found_before_anything_was_sealed(written):
    path, segment, _ = written
    data = path.read_bytes()
    for at in range(25 + 4, len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        try:
            plain, reader = read(path, segment)
        except SegmentBroken:
            continue
        # Only a length can be mistaken: then what follows counts as torn, never as read.
        assert reader.torn
        assert plain == RECORDS[: len(plain)]


def test_records_cannot_be_dropped_moved_repeated_or_added(written):
    path, segment, marks = written
    data = path.read_bytes()
    one, two = data[marks[1].size : marks[2].size], data[marks[2].size : marks[3].size]
    start, rest = data[: marks[1].size], data[marks[3].size :]
    for forged in (start + two + rest, start + two + one + rest, start + one + one + two + rest):
        path.write_bytes(forged)
        with pytest.raises(SegmentBroken):
            read(path, segment)
        with pytest.raises(SegmentBroken):
            whole(path, segment, marks[-1])
    for more in (b"\0", b"\0\0\0\x20" + bytes(32)):
        path.write_bytes(data + more)
        with pytest.raises(SegmentBroken):
            whole(path, segment, marks[-1])


def test_a_shortened_segment_does_not_pass_through_the_head_that_was_noted(written):
    path, segment, marks = written
    os.truncate(path, marks[3].size)
    assert verify(path, segment, marks[2]) == marks[3]
    with pytest.raises(SegmentBroken):
        verify(path, segment, marks[4])


def test_a_segment_opens_with_its_own_key_and_id_only(written):
    path, segment, _ = written
    with pytest.raises(SegmentBroken):
        read(path, segment, b"x" * 32)
    with pytest.raises(SegmentBroken):
        read(path, uuid4())


def test_a_record_cannot_be_read_on_the_disk(written):
    path, _, _ = written
    assert b"hello" not in path.read_bytes()


def test_a_file_is_never_written_over(written):
    path, segment, _ = written
    with pytest.raises(FileExistsError):
        Writer(path, KEY, segment)


def test_a_record_without_sense_is_not_read(tmp_path):
    path, segment, _ = write(tmp_path / "s", [b"one"])
    with path.open("ab") as file:
        file.write((LONGEST + 17).to_bytes(4, "big") + b"x" * 100)
    with pytest.raises(SegmentBroken):
        read(path, segment)


def test_the_beginning_of_a_segment_is_known_before_it_has_records():
    segment = UUID(int=7)
    assert beginning(segment) == Mark(0, 25, beginning(segment).head)


def test_a_full_disk_leaves_whole_records(tmp_path, monkeypatch):
    segment = uuid4()
    writer = Writer(tmp_path / "s", KEY, segment)
    writer.add(b"one")
    before, real = writer.mark, os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[: len(data) // 2]))
    with pytest.raises(OSError, match="only a part"):
        writer.add(b"two")
    monkeypatch.undo()
    assert writer.mark == before
    writer.add(b"three")
    writer.close()
    assert read(tmp_path / "s", segment)[0] == [b"one", b"three"]


def test_a_seal_says_what_was_sealed_and_nothing_else():
    sealer, head, when = Sealer(b"s" * 32), b"h" * 32, datetime(2026, 3, 18, 2, 0, 0, 5, UTC)
    said = statement(UUID(int=1), UUID(int=2), "customer", 0, 5, 100, 2000, head, when)
    signature = sealer.sign(said)
    sealer.check(said, signature)
    for other in (
        statement(UUID(int=1), UUID(int=2), "agent", 0, 5, 100, 2000, head, when),
        statement(UUID(int=1), UUID(int=2), "customer", 0, 6, 100, 2000, head, when),
        statement(UUID(int=1), UUID(int=2), "customer", 0, 5, 100, 2000, b"g" * 32, when),
    ):
        with pytest.raises(SegmentBroken):
            sealer.check(other, signature)
    with pytest.raises(SegmentBroken):
        Sealer(b"t" * 32).check(said, signature)


def muxed(seconds=3.0):
    """Return the strings of a side's WebM, and the frames in them."""
    muxer, frames = Muxer(), []
    for track, ms, key, data in clip(seconds):
        frames.append((track, ms, key, data))
    return [muxer.header, *(muxer.block(*frame) for frame in frames)], frames


def decoded(data):
    """Return how many pictures and sounds a player decodes; any error is an error here."""
    counts = {"video": 0, "audio": 0}
    with av.open(io.BytesIO(data), format="webm", mode="r") as container:
        for packet in container.demux():
            if packet.size:
                counts[packet.stream.type] += len(packet.decode())
    return counts


def test_webm_plays_from_beginning_to_end():
    pieces, frames = muxed()
    counts = decoded(b"".join(pieces))
    assert counts["video"] == sum(f[0] == "video" for f in frames)
    assert counts["audio"] >= sum(f[0] == "audio" for f in frames) - 1


def test_webm_plays_wherever_it_was_cut():
    pieces, _ = muxed()
    chance = random.Random(5)  # noqa: S311 - repeatable
    for cut in sorted(chance.sample(range(3, len(pieces)), 12)):
        assert sum(decoded(b"".join(pieces[:cut])).values()) >= cut - 3


def test_frames_come_back_as_they_were_written():
    pieces, frames = muxed()
    assert [(b.track, b.ms, b.key, b.data) for b in blocks(pieces)] == frames


def test_times_that_jump_are_kept():
    muxer, times = Muxer(), [0, 31_000, 5, 400_000, 399_990, 399_000, 2**31]
    pieces = [muxer.header, *(muxer.block("audio", ms, True, b"x") for ms in times)]
    assert [b.ms for b in blocks(pieces)] == times


@pytest.mark.parametrize(
    "pieces",
    [
        [b"RIFF"],
        [Muxer().header, b""],
        [Muxer().header, b"\xa3\x85\x81\0\0\x80x"],
        [Muxer().header, Muxer().block("video", 0, True, b"abc")[:-1]],
        [Muxer().header, Muxer().block("video", 0, True, b"abc") + b"d"],
    ],
)
def test_what_is_no_webm_of_ours_is_refused(pieces):
    with pytest.raises(NotWebm):
        list(blocks(pieces))


def test_the_size_of_a_picture_stands_in_its_key_frame():
    video = [frame for frame in clip(1.0) if frame[0] == "video"]
    assert key_frame_size(video[0][3]) == (640, 480)
    assert key_frame_size(video[1][3]) is None
    assert key_frame_size(b"") is None
