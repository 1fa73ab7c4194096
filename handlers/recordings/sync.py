"""Sound and picture at their true distance, from what the sender said of its own clock.

A segment's times count from what arrived first, and both tracks travel their own way: based on arrival they
were off by 6 to 61 ms where only the loopback lay between, and counted each from zero by up to 42 ms. RTCP
sender reports name, for each track, a moment of the sender's one clock and the RTP time that belongs to it
(RFC 3550 6.4.1); they alone tell the truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

#: RTP ticks a second.
RATES = {"video": 90_000, "audio": 48_000}
#: Further apart than this, in milliseconds, is no distance but a wrong or forged report.
MOST_SHIFT = 2_000.0
#: From so many reports over so many milliseconds on, the drift of a sound card's clock is told from noise.
_FIT_REPORTS, _FIT_MS = 4, 10_000.0
_WRAP = 1 << 32


@dataclass(frozen=True)
class Origin:
    """Where a track's RTP times meet the segment's milliseconds."""

    rtp: int
    ms: float


@dataclass(frozen=True)
class Report:
    """A sender report.

    :param ntp: seconds of the sender's clock.
    """

    ntp: float
    rtp: int


@dataclass(frozen=True)
class Clock:
    """The sender's clock as a track shows it: a line over the segment's milliseconds."""

    at_zero: float
    per_ms: float

    def at(self, ms: float) -> float:
        """Return how far the sender's clock is ahead of the segment's, in milliseconds."""
        return self.at_zero + self.per_ms * ms


def clock(kind: str, origin: Origin, reports: Sequence[Report]) -> Clock | None:
    """Return a track's clock; None without a report."""
    if not reports:
        return None
    points = []
    for one in reports:
        ticks = (one.rtp - origin.rtp + _WRAP // 2) % _WRAP - _WRAP // 2
        ms = origin.ms + ticks * 1000 / RATES[kind]
        points.append((ms, one.ntp * 1000 - ms))
    span = max(ms for ms, _ in points) - min(ms for ms, _ in points)
    if len(points) < _FIT_REPORTS or span < _FIT_MS:
        return Clock(median(ahead for _, ahead in points), 0.0)
    mean_ms, mean_ahead = fmean(ms for ms, _ in points), fmean(ahead for _, ahead in points)
    slope = sum((ms - mean_ms) * (ahead - mean_ahead) for ms, ahead in points) / sum(
        (ms - mean_ms) ** 2 for ms, _ in points
    )
    return Clock(mean_ahead - slope * mean_ms, slope)


@dataclass(frozen=True)
class Shift:
    """How far a segment's sound is to be moved so that it belongs to the picture.

    :param by: ``reports`` when sender reports say so; ``arrival`` when there are none to say it, and
        ``doubted`` when they say what cannot be: then nothing is moved.
    """

    by: str
    _at_zero: float = 0.0
    _per_ms: float = 0.0

    def at(self, ms: float) -> float:
        """Return the milliseconds to add to the time ``ms`` of a piece of sound."""
        return self._at_zero + self._per_ms * ms


def shift(video: Clock | None, audio: Clock | None) -> Shift:
    """Return what is to be done with a segment's sound."""
    if video is None or audio is None:
        return Shift("arrival")
    apart = Shift("reports", audio.at_zero - video.at_zero, audio.per_ms - video.per_ms)
    # A drift of a thousandth is ten times that of the worst sound card.
    if abs(apart.at(0)) > MOST_SHIFT or abs(apart._per_ms) > 0.001:
        return Shift("doubted")
    return apart
