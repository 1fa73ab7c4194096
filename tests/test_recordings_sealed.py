"""The sealed file of a playback: read from any place, and no part is changed, moved or cut unseen."""

import secrets
from uuid import uuid4

import pytest

from engine.store import SealBroken
from handlers.recordings.sealed import NotInOrder, Reader, Writer

KEY = secrets.token_bytes(32)
PLAIN = bytes(range(256)) * 9 + b"the end"
CHUNK = 1000
#: Bytes of the header, and of a whole chunk as it lies in the file.
HEADER, LYING = 38, CHUNK + 16


@pytest.fixture
def path(tmp_path):
    return tmp_path / "playback"


def written(path, plain=PLAIN, piece=700):
    """Write a file piece by piece; return its id."""
    file_id = uuid4()
    with Writer(path, KEY, file_id, CHUNK) as out:
        for at in range(0, len(plain), piece):
            out.write_at(at, plain[at : at + piece])
        assert out.size == len(plain)
        out.finish()
    return file_id


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, len(PLAIN)])
def test_what_was_written_is_read_from_every_place(path, size):
    reader = Reader(path, KEY, written(path, PLAIN[:size]))
    assert reader.size == size
    assert reader.read(0, size + 5) == PLAIN[:size]
    for start in {0, 1, CHUNK - 1, CHUNK, max(size - 1, 0), size, size + 1}:
        assert reader.read(start, 3) == PLAIN[:size][start : start + 3]


def test_nothing_of_it_lies_open_on_the_disk(path):
    written(path)
    data = path.read_bytes()
    assert all(PLAIN[at : at + 16] not in data for at in range(0, len(PLAIN) - 16, 8))
    assert oct(path.stat().st_mode)[-3:] == "600"


def test_the_beginning_may_be_written_last_as_a_muxer_does(path):
    file_id = uuid4()
    with Writer(path, KEY, file_id, CHUNK) as out:
        out.write_at(0, bytes(10) + PLAIN[10:])
        out.write_at(0, PLAIN[:10])
        with pytest.raises(NotInOrder):
            out.write_at(CHUNK, b"x")
        with pytest.raises(NotInOrder):
            out.write_at(len(PLAIN) + 1, b"x")
        out.finish()
    assert Reader(path, KEY, file_id).read(0, len(PLAIN)) == PLAIN


def test_a_file_that_was_not_finished_is_not_there(path):
    with Writer(path, KEY, uuid4(), CHUNK) as out:
        out.write_at(0, PLAIN)
    assert list(path.parent.iterdir()) == []


def test_every_flipped_bit_is_noticed_where_it_is_read(path):
    file_id, whole = written(path), path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(SealBroken):
            Reader(path, KEY, file_id).read(0, len(PLAIN))


def test_chunks_can_be_neither_exchanged_nor_taken_away(path):
    file_id, whole = written(path), path.read_bytes()
    first, second = HEADER + LYING, HEADER + 2 * LYING
    for changed in (
        whole[:HEADER] + whole[first:second] + whole[HEADER:first] + whole[second:],
        whole[:first],
        whole[:-1],
        b"",
    ):
        path.write_bytes(changed)
        with pytest.raises(SealBroken):
            Reader(path, KEY, file_id).read(0, len(PLAIN))


def test_only_its_own_key_and_id_open_it(path):
    file_id = written(path)
    for key, named in ((bytes(32), file_id), (KEY, uuid4())):
        with pytest.raises(SealBroken):
            Reader(path, key, named)
