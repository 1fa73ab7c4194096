"""One side's connection: takes its packets in, gives the other side's out, and keeps the peace about both.

Whatever comes is handed to the call, which records it and passes it on. Feedback about what we send
(lost packets, key frames wanted, how much can be taken) is answered here; feedback about what we get is
written here once a second.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from handlers.media import offers, packets
from handlers.media.packets import Rtp, SenderReport
from handlers.media.rates import FLOOR, MOST, Rate
from handlers.media.receiving import Frame, Incoming
from handlers.media.sending import Outgoing
from handlers.media.webm import Track, key_frame_size
from handlers.video import sfu
from handlers.video.sfu import BadOffer, SfuRefused
from handlers.video.tables import Role

#: Seconds without media after which a side counts as idle (a killed browser).
IDLE_SECONDS = 1.5
#: Seconds between two key frames that are asked for: of those who look on, and of the recording.
_KEY_PAUSE, _KEY_EVERY = 0.4, 5.0


class Side(Protocol):
    """What a leg belongs to."""

    def packet(self, leg: "Leg", track: Track, packet: Rtp, now: float) -> None: ...
    def frame(self, leg: "Leg", track: Track, ssrc: int, frame: Frame, now: float) -> None: ...
    def sender_report(self, leg: "Leg", track: Track, report: SenderReport) -> None: ...
    def key_wanted(self, leg: "Leg") -> None: ...
    def can_take(self, leg: "Leg", bits: int, now: float) -> None: ...
    def changed(self, leg: "Leg", state: str) -> None: ...


class Connection(Protocol):
    """What a leg's packets come and go by."""

    @property
    def outgoing(self) -> Mapping[Track, int]:
        """SSRC under which the browser gets our packets, by kind; none where others send them."""
        ...

    async def answer(self, offer: str) -> str: ...
    def send(self, data: bytes, *, rtcp: bool = False) -> None: ...
    async def close(self) -> None: ...


#: Makes a connection, given who takes its packets (and when each came, unless that is this moment), its
#: reports and its states.
Connect = Callable[[Callable[..., None], Callable[[bytes], None], Callable[[str], None]], Connection]


class Leg:
    """One connection of one side."""

    def __init__(self, role: Role, side: Side, connect: Connect) -> None:
        self.role, self._side = role, side
        self.id = secrets.randbits(64)
        self.state = "new"
        self.began = time.monotonic()
        self.last_media: float | None = None
        self.idle = False
        self.size = (0, 0)
        self.rate = Rate(role)
        self._link = connect(self._rtp, self._rtcp, self._changed)
        self._own = secrets.randbits(32)
        self._name = secrets.token_hex(8).encode()
        self._payloads: dict[int, Track] = {}
        self._incoming: dict[Track, Incoming] = {}
        self._outgoing: dict[Track, Outgoing] = {}
        self._key_asked = self._key_came = 0.0
        self._bytes = self._pictures = 0
        self._shown = (0.0, 0.0)

    async def answer(self, offer: str) -> str:
        """Answer the browser's offer.

        :raises BadOffer: the connection is closed again.
        """
        read = offers.read(offer)
        try:
            answer = await self._link.answer(read.sdp)
        except SfuRefused:
            await self._link.close()
            raise
        except Exception as odd:
            # A forged offer may break anything inside aiortc; to whoever sent it they are all the same.
            await self._link.close()
            raise BadOffer(f"the offer cannot be answered: {type(odd).__name__}") from odd
        self._payloads = read.payloads
        of_track = {track: number for number, track in read.payloads.items()}
        self._outgoing = {
            track: Outgoing(track, ssrc, of_track[track]) for track, ssrc in self._link.outgoing.items()
        }
        return offers.write_answer(answer, FLOOR[self.role] // 1000, MOST // 1000)

    async def close(self) -> None:
        """End the connection."""
        self.state = "gone"
        await self._link.close()

    # -- what comes -----------------------------------------------------------------------------------

    def _rtp(self, data: bytes, came: float | None = None) -> None:
        packet = packets.read_rtp(data)
        track = None if packet is None else self._payloads.get(packet.payload_type)
        # What came before the end is taken after it as well.
        if packet is None or track is None or (came is None and self.state == "gone"):
            return
        now = time.monotonic() if came is None else came
        self.last_media = max(now, self.last_media or now)
        self._bytes += len(data)
        stream = self._incoming.get(track)
        if stream is None or stream.ssrc != packet.ssrc:
            stream = self._incoming[track] = Incoming(track, packet)
            if track == "video":
                self._feedback(now)
        frames = stream.add(packet, now)
        self._side.packet(self, track, packet, now)
        for frame in frames:
            self._frame(track, stream, frame, now)
        if track == "video":
            if missing := stream.missing(now):
                self._send_rtcp(packets.nack(self._own, stream.ssrc, missing))
            if stream.wants_key or now - max(self._key_came, self._key_asked) > _KEY_EVERY:
                self.ask_key()

    def _frame(self, track: Track, stream: Incoming, frame: Frame, now: float) -> None:
        if track == "video":
            self._pictures += 1
            if frame.key:
                self._key_came = now
                self.size = key_frame_size(frame.data) or self.size
        self._side.frame(self, track, stream.ssrc, frame, now)

    def take_gap(self) -> bool:
        """Tell whether pictures were given up since this was last asked."""
        stream = self._incoming.get("video")
        gap = stream is not None and stream.gap
        if stream is not None:
            stream.gap = False
        return gap

    def ask_key(self, *, at_once: bool = False) -> None:
        """Ask the browser for a key frame, unless that was done a moment ago."""
        now, stream = time.monotonic(), self._incoming.get("video")
        if stream is not None and (at_once or now - self._key_asked >= _KEY_PAUSE):
            self._key_asked = now
            self._send_rtcp(packets.key_frame_please(self._own, stream.ssrc))

    # -- what goes ------------------------------------------------------------------------------------

    def send(self, source: int, track: Track, packet: Rtp, now: float) -> None:
        """Pass on a packet of the other side."""
        stream = self._outgoing.get(track)
        if stream is not None and self.state == "connected":
            self._link.send(stream.take(source, packet, now))

    def send_report(self, source: int, track: Track, report: SenderReport) -> None:
        """Pass on when the other side's timestamps were."""
        stream = self._outgoing.get(track)
        told = stream and stream.report(source, report)
        if told:
            self._link.send(packets.sender_report(told, self._name), rtcp=True)

    def _rtcp(self, data: bytes) -> None:
        if self.state == "gone":
            return
        said, now = packets.read_rtcp(data), time.monotonic()
        for report in said.sender_reports:
            for track, stream in self._incoming.items():
                # A report about no packets knows no time.
                if stream.ssrc == report.ssrc and report.packets:
                    stream.reported(report.ntp, now)
                    self._side.sender_report(self, track, report)
        for ssrc, missing in said.missing:
            for outgoing in self._outgoing.values():
                if outgoing.ssrc == ssrc:
                    for seq in missing:
                        if again := outgoing.again(seq):
                            self._link.send(again)
        video = self._outgoing.get("video")
        if video is not None and video.ssrc in said.key_frames:
            self._side.key_wanted(self)
        if said.can_take is not None:
            self._side.can_take(self, said.can_take, now)

    # -- once a second --------------------------------------------------------------------------------

    def second(self, now: float) -> None:
        """Count what came in this second, and tell the browser how its packets arrive."""
        for stream in self._incoming.values():
            stream.second()
        passed = max(now - getattr(self, "_looked", now - 1), 0.001)
        self._looked = now
        self._shown = (self._pictures / passed, self._bytes * 8 / 1000 / passed)
        self._pictures = self._bytes = 0
        if self.state == "connected":
            self._feedback(now)

    def _feedback(self, now: float) -> None:
        reports = [stream.report(now) for stream in self._incoming.values()]
        data = packets.receiver_report(self._own, reports)
        video = self._incoming.get("video")
        if video is not None:
            lost = next((r.fraction / 256 for r in reports if r.ssrc == video.ssrc), 0.0)
            data += packets.at_most(self._own, video.ssrc, self.rate.second(lost, now))
        self._link.send(data, rtcp=True)

    def _send_rtcp(self, data: bytes) -> None:
        self._link.send(packets.receiver_report(self._own, []) + data, rtcp=True)

    def _changed(self, state: str) -> None:
        if self.state not in {"gone", state}:
            self.state = state
            self._side.changed(self, state)

    def doing(self, recorded_ms: int) -> sfu.Leg:
        """Tell how it is doing."""
        now = time.monotonic()
        width, height = self.size
        fps, kbps = self._shown
        return sfu.Leg(
            self.state,
            None if self.last_media is None else now - self.last_media,
            width,
            height,
            fps,
            kbps,
            max((stream.loss for stream in self._incoming.values()), default=0.0),
            recorded_ms,
        )
