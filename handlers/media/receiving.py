"""One incoming stream: which packets are missing, which frames are whole, and how it is doing.

Frames are given out at their last packet, in their order. Sound is given out packet by packet, as it comes:
what waits to be put into order would be lost with a killed process. A picture with a hole is waited for and
asked for again; when it does not come, everything up to the next key frame is left out, because a player
could only smear it.

Knows neither sockets nor time: every method is told when it is, in seconds of any steady clock.
"""

from collections.abc import Iterator
from typing import NamedTuple

from handlers.media.packets import Report, Rtp, read_vp8
from handlers.media.webm import Track

#: Ticks of a stream's timestamps in a second.
RATES: dict[Track, int] = {"video": 90_000, "audio": 48_000}
#: Seconds after which a packet that was asked for is given up; pictures then wait for the next key frame.
GIVE_UP = 0.6
#: Seconds between two askings for the same packet.
ASK_AGAIN = 0.08
#: A packet that comes so soon after its hole was seen was overtaken and not lost, in seconds.
OVERTAKEN = 0.01
#: A jump by more packets is a new beginning; more bytes are no picture.
_LONGEST_HOLE, _MOST_HOLES, _LARGEST_FRAME = 500, 1000, 4 * 1024 * 1024
#: Seconds over which the share of lost packets is told.
_LOSS_OVER = 3


class Frame(NamedTuple):
    """One whole frame."""

    #: Of the stream, continued beyond 32 bits.
    timestamp: int
    key: bool
    data: bytes


class _Hole:
    __slots__ = ("asked", "seen")

    def __init__(self, seen: float) -> None:
        self.seen, self.asked = seen, -1.0


class Incoming:
    """A stream of one SSRC."""

    def __init__(self, track: Track, first: Rtp) -> None:
        self.track, self.ssrc = track, first.ssrc
        self._rate = RATES[track]
        self._base = self._highest = first.seq - 1
        self._timestamp = first.timestamp
        self._holes: dict[int, _Hole] = {}
        self._lost = 0
        self._jitter = 0.0
        self._transit: int | None = None
        self._reported = (0, 0)
        self._report_came: tuple[int, float] | None = None
        self._seconds: list[tuple[int, int]] = []
        self._counted = (0, 0)
        # Pictures only.
        self._next = self._highest + 1
        self._ahead: dict[int, Rtp] = {}
        self._parts: list[bytes] = []
        self._size = 0
        self._frame_time = 0
        #: Whether a key frame must come before anything else is of use.
        self.wants_key = track == "video"
        #: Whether pictures were given up since somebody looked; set back by whoever does.
        self.gap = False

    def add(self, packet: Rtp, now: float) -> list[Frame]:
        """Take a packet; return the frames that are whole now."""
        number = self._highest + ((packet.seq - self._highest + 0x8000 & 0xFFFF) - 0x8000)
        if abs(number - self._highest) > _LONGEST_HOLE or len(self._holes) > _MOST_HOLES:
            self._begin_anew(packet)
            number = self._highest + 1
        if number > self._highest:
            for missing in range(self._highest + 1, number):
                self._holes[missing] = _Hole(now)
                self._lost += 1
            self._highest = number
            self._measure_jitter(packet.timestamp, now)
        else:
            hole = self._holes.pop(number, None)
            if hole is None:
                return []
            if now - hole.seen < OVERTAKEN:
                self._lost -= 1
        if self.track == "audio":
            return [Frame(self._continued(packet.timestamp), True, packet.payload)] if packet.payload else []
        return self._pictures(number, packet)

    def missing(self, now: float) -> list[int]:
        """Return the sequence numbers to ask for at this moment; gives up what took too long."""
        if not self._holes:
            return []
        oldest = next(iter(self._holes.values()))
        if now - oldest.seen > GIVE_UP:
            self._give_up(now)
        if self.track == "audio":
            return []
        due = [number for number, hole in self._holes.items() if now - hole.asked >= ASK_AGAIN]
        for number in due:
            self._holes[number].asked = now
        return [number & 0xFFFF for number in due]

    def reported(self, ntp: int, now: float) -> None:
        """Note a sender report, from which the sender reckons how long a round takes."""
        self._report_came = (ntp >> 16 & 0xFFFFFFFF, now)

    def report(self, now: float) -> Report:
        """Return how the stream arrived since the last report."""
        expected = self._highest - self._base
        more, lost = expected - self._reported[0], self._lost - self._reported[1]
        self._reported = (expected, self._lost)
        fraction = min(255, max(0, lost) * 256 // more) if more > 0 else 0
        last, since = 0, 0
        if self._report_came is not None:
            last, since = self._report_came[0], int((now - self._report_came[1]) * 65536) & 0xFFFFFFFF
        return Report(self.ssrc, fraction, self._lost, self._highest, int(self._jitter), last, since)

    def second(self) -> None:
        """Note that a second is over."""
        expected = self._highest - self._base
        self._seconds.append((expected - self._counted[0], self._lost - self._counted[1]))
        self._counted = (expected, self._lost)
        del self._seconds[:-_LOSS_OVER]

    @property
    def loss(self) -> float:
        """Share of packets lost on the way here in the last seconds, 0 to 1; repaired ones count."""
        expected = sum(more for more, _ in self._seconds)
        lost = sum(lost for _, lost in self._seconds)
        return min(1.0, max(0, lost) / expected) if expected > 0 else 0.0

    # -- pictures -------------------------------------------------------------------------------------

    def _pictures(self, number: int, packet: Rtp) -> list[Frame]:
        frames: list[Frame] = []
        if number == self._next:
            frames += self._append(packet)
        elif number > self._next:
            self._ahead[number] = packet
        while self._ahead and (waiting := self._ahead.pop(self._next, None)) is not None:
            frames += self._append(waiting)
        return frames

    def _append(self, packet: Rtp) -> Iterator[Frame]:
        self._next += 1
        part = read_vp8(packet.payload)
        if part is None:
            return
        if self._parts and packet.timestamp & 0xFFFFFFFF != self._frame_time & 0xFFFFFFFF:
            yield from self._whole()  # a sender that sets no markers
        if not self._parts:
            if not part.begins:
                return
            self._frame_time = packet.timestamp
        self._parts.append(part.data)
        self._size += len(part.data)
        if self._size > _LARGEST_FRAME:
            self._parts, self._size, self.wants_key, self.gap = [], 0, True, True
        elif packet.marker:
            yield from self._whole()

    def _whole(self) -> Iterator[Frame]:
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts, self._size = [], 0
        key = bool(data) and not data[0] & 1
        if data and (key or not self.wants_key):
            self.wants_key = False
            yield Frame(self._continued(self._frame_time), key, data)

    def _give_up(self, now: float) -> None:
        """Forget packets that will not come, and the pictures that need them."""
        self._holes = {n: hole for n, hole in self._holes.items() if now - hole.seen <= GIVE_UP}
        if self.track == "audio":
            return
        first = min(self._holes, default=self._highest + 1)
        if self._next >= first:
            return
        self._parts, self._size, self.wants_key, self.gap = [], 0, True, True
        # A key frame that has come meanwhile needs nothing of what is lost.
        self._next = min((n for n, p in self._ahead.items() if n < first and _begins_key(p)), default=first)
        self._ahead = {n: packet for n, packet in self._ahead.items() if n >= self._next}

    def _begin_anew(self, packet: Rtp) -> None:
        self._holes.clear()
        self._ahead.clear()
        self._parts, self._size = [], 0
        expected = self._highest - self._base
        self._highest = (self._highest | 0xFFFF) + 1 + ((packet.seq - 1) & 0xFFFF)
        self._base = self._highest - expected
        self._next = self._highest + 1
        if self.track == "video":
            self.wants_key = self.gap = True

    # -- numbers --------------------------------------------------------------------------------------

    def _continued(self, timestamp: int) -> int:
        """Return a timestamp that does not begin again after 2^32."""
        step = (timestamp - self._timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        value = self._timestamp + step
        self._timestamp = max(self._timestamp, value)
        return value

    def _measure_jitter(self, timestamp: int, now: float) -> None:
        """RFC 3550 A.8."""
        transit = int(now * self._rate) - timestamp
        if self._transit is not None:
            moved = abs((transit - self._transit + 0x80000000 & 0xFFFFFFFF) - 0x80000000)
            self._jitter += (moved - self._jitter) / 16
        self._transit = transit


def _begins_key(packet: Rtp) -> bool:
    part = read_vp8(packet.payload)
    return part is not None and part.begins and bool(part.data) and not part.data[0] & 1
