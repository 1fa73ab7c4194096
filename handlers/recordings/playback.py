"""Making one side's playback file: all its segments as one seekable WebM, sealed as it is made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any
from uuid import uuid4

from handlers.media import webm
from handlers.recordings import children, sealed
from handlers.recordings.kept import Kept
from handlers.recordings.measuring import frames
from handlers.recordings.muxing import Wanted
from handlers.recordings.placing import SILENCE, Stretch, placed
from handlers.recordings.timeline import Placed

#: Bytes of index that one key frame needs, and what the index needs besides.
_INDEX_ENTRY, _INDEX = 48, 1024
#: Without pictures the index has an entry each cluster, which is about a second.
_CLUSTER_MS = 1_000


@dataclass(frozen=True)
class Made:
    """A playback file.

    :param path: below the folder of recordings.
    :param size: plain bytes.
    :param sha256: of the file as it lies on the disk, hex.
    """

    id: str
    path: str
    size: int
    sha256: str
    video: bool
    stills: Mapping[int, bytes] = field(repr=False)

    def told(self) -> dict[str, Any]:
        """Return what the report says of it."""
        return {
            "id": self.id, "path": self.path, "size": self.size, "sha256": self.sha256, "video": self.video,
        }  # fmt: skip


def make(
    folder: Path, kept: Kept, side: Sequence[Placed], begin: datetime, duration: int, stills: list[int]
) -> Made:
    """Make the playback file of a side; it is on the disk when this returns, and no row names it yet.

    :param begin: real time of the call's first media.
    :param stills: where pictures are wanted, in the call's milliseconds.
    :raises handlers.recordings.children.MuxingFailed: nothing was made.
    """
    file_id = uuid4()
    path = (folder / side[0].row.path).parent / f"playback-{kept.call.id}-{side[0].row.role}-{file_id}"
    # A picture that depends on one that never came cannot be shown.
    video = any(one.found.keys for one in side)
    entries = sum(one.found.keys for one in side) if video else duration // _CLUSTER_MS
    reserve = _INDEX + _INDEX_ENTRY * entries
    # The index lies in the first chunk, which stays open to the end.
    chunk = max(sealed.CHUNK, reserve + 4096)
    with sealed.Writer(path, kept.key, file_id, chunk) as out:
        pictures = children.mux(
            Wanted(reserve, stills if video else [], video),
            _sample(folder, kept, side, video),
            placed(list(_stretches(folder, kept, side, begin)), duration),
            out.write_at,
        )
        size = out.size
        out.finish()
    return Made(str(file_id), str(path.relative_to(folder)), size, sealed.digest(path), video, pictures)


def _stretches(folder: Path, kept: Kept, side: Sequence[Placed], begin: datetime) -> Iterator[Stretch]:
    for one, after in zip_longest(side, side[1:]):
        until = float("inf") if after is None else (after.first_at - begin) / timedelta(milliseconds=1)
        whole = one.found.pictures + one.found.sounds
        yield Stretch(
            frames(folder / one.row.path, kept.key, one.row.id, whole),
            (one.began - begin) / timedelta(milliseconds=1),
            one.shift,
            until,
        )


def _sample(folder: Path, kept: Kept, side: Sequence[Placed], video: bool) -> bytes:
    """Return a WebM of one frame of each track, from which libav learns the codecs and the first size."""
    key = None
    for one in side if video else ():
        whole = one.found.pictures + one.found.sounds
        found = (
            block for block in frames(folder / one.row.path, kept.key, one.row.id, whole)
            if block.track == "video" and block.key
        )  # fmt: skip
        key = next(islice(found, 1), None)
        if key is not None:
            break
    muxer = webm.Muxer(*((key and webm.key_frame_size(key.data)) or (640, 480)))
    sample = muxer.header
    if key is not None:
        sample += muxer.block("video", 0, True, key.data)
    return sample + muxer.block("audio", 0, True, SILENCE)
