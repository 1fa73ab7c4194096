"""The frames of one side, from all its segments, on the clock of the call.

The clock begins with the first media of either side and goes on through every gap, so both sides' files have
the same length and the same second is the same moment. Where nothing was heard stands silence: without it
players let the sound of a gap collapse and the picture runs behind for the rest of the call. Nothing stands
for a picture that did not come; the last one stays.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from handlers.media import webm
from handlers.recordings.muxing import AUDIO, VIDEO
from handlers.recordings.sync import Shift

#: 20 milliseconds of silence in Opus (RFC 6716 3.1: CELT, full band, one frame of one channel).
SILENCE = b"\xf8\xff\xfe"
_SILENCE_MS = 20
#: So far the sound may come behind the picture in the file before it counts as missing, in milliseconds.
_PATIENCE = 4_000
_SILK, _HYBRID, _CELT = (10, 20, 40, 60), (10, 20), (2.5, 5, 10, 20)


@dataclass(frozen=True)
class Block:
    """A frame on the clock of the call.

    :param lasts: milliseconds it is for; 0 for a picture.
    """

    track: int
    ms: int
    lasts: int
    key: bool
    data: bytes


@dataclass(frozen=True)
class Stretch:
    """One segment's frames, and where they belong.

    :param begin: the call's milliseconds at the segment's zero.
    :param until: where the side's next segment takes over, in the call's milliseconds.
    """

    frames: Iterable[webm.Block]
    begin: float
    shift: Shift
    until: float


def opus_ms(packet: bytes) -> float:
    """Return how long an Opus packet sounds, in milliseconds (RFC 6716 3.1)."""
    if not packet:
        return 0.0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        one: float = _SILK[config & 3]
    elif config < 16:
        one = _HYBRID[config & 1]
    else:
        one = _CELT[config & 3]
    frames = {0: 1, 1: 2, 2: 2}.get(code, packet[1] & 63 if len(packet) > 1 else 0)
    return one * frames


def placed(stretches: Sequence[Stretch], end: int) -> Iterator[Block]:
    """Yield all frames of a side, in order within each track, and silence up to ``end``."""
    sound, heard, shown = 0.0, -1, -1
    for one in stretches:
        waits_for_key = True
        for frame in one.frames:
            ms = frame.ms + one.begin
            if frame.track == "video":
                # What depends on a picture that was never there cannot be decoded.
                waits_for_key = waits_for_key and not frame.key
                if waits_for_key or ms >= one.until:
                    continue
                shown = max(round(ms), shown + 1, 0)
                yield from _silence(sound, shown - _PATIENCE)
                sound = _behind(sound, shown - _PATIENCE)
                yield Block(VIDEO, shown, 0, frame.key, frame.data)
                continue
            ms += one.shift.at(frame.ms)
            lasts = opus_ms(frame.data)
            if not lasts or ms < sound - lasts / 2 or ms >= one.until:
                continue
            yield from _silence(sound, ms)
            heard = max(round(ms), heard + 1, 0)
            yield Block(AUDIO, heard, round(lasts), True, frame.data)
            sound = ms + lasts
    yield from _silence(sound, end)


def _silence(since: float, until: float) -> Iterator[Block]:
    for number in range(int((until - since) // _SILENCE_MS)):
        yield Block(AUDIO, round(since) + number * _SILENCE_MS, _SILENCE_MS, True, SILENCE)


def _behind(since: float, until: float) -> float:
    """Return where the silence between two moments ends."""
    return since + max(0, int((until - since) // _SILENCE_MS)) * _SILENCE_MS
