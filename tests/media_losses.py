"""What a killed node lost: what browsers sent and saw, beside what lies in the files."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from handlers.media.webm import Block

if TYPE_CHECKING:
    from tests.media_peers import Peer

Log = Sequence[tuple[float, bytes]]


def recorded_until(sent: Log, frames: Sequence[bytes]) -> int:
    """Return how many frames of a log had been sent when the last of ``frames`` was.

    Recorded is one run of what was sent, from some frame on; the clip repeats, so the earliest fit is taken,
    which can only make a loss look larger.
    """
    for start in range(len(sent) - len(frames) + 1):
        if all(data == sent[start + at][1] for at, data in enumerate(frames)):
            return start + len(frames)
    raise AssertionError(f"{len(frames)} recorded frames are no run of the {len(sent)} that were sent")


def lost_ms(sent: Log, frames: Sequence[bytes], killed: float) -> float:
    """Return how many milliseconds before the kill the first frame was sent that is not in the file."""
    until = recorded_until(sent, frames)
    return max(0.0, (killed - sent[until][0]) * 1000) if until < len(sent) else 0.0


def lost_though_passed_on(frames: Sequence[bytes], seen: Log) -> int:
    """Return how many frames the other side had got whole that are not in the file."""
    passed = [data for _, data in seen]
    for missing in range(len(passed) + 1):
        got = passed[: len(passed) - missing]
        if len(got) <= len(frames) and _tail_of(frames, got):
            return missing
    return len(passed)


def _tail_of(frames: Sequence[bytes], got: Sequence[bytes]) -> bool:
    """Tell whether what somebody got is a run of the file's frames; they may have come later."""
    if not got:
        return True
    return any(list(frames[at : at + len(got)]) == list(got) for at in range(len(frames) - len(got) + 1))


def of(track: str, blocks: Sequence[Block]) -> list[bytes]:
    """Return the frames of one track."""
    return [block.data for block in blocks if block.track == track]


def worst(peer: "Peer", blocks: Sequence[Block], killed: float) -> float:
    """Return the larger loss of picture and sound, in milliseconds."""
    return max(
        lost_ms(before(peer.tracks[kind].log, killed), of(kind, blocks), killed)
        for kind in ("video", "audio")
        if of(kind, blocks)
    )


def before(log: Log, moment: float) -> Log:
    """Return what of a log was before a moment."""
    return [entry for entry in log if entry[0] <= moment]
