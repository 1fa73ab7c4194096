"""Peers that play browsers: real WebRTC connections that send a clip and count what comes back.

They run in a thread of their own, so that tests read like a telephone call.
"""

import asyncio
import contextlib
import queue
import random
import threading
import time
from collections.abc import Callable, Coroutine
from fractions import Fraction
from typing import Any, TypeVar

import av
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)

from handlers.media.hooks import offer_addresses
from tests.media_clips import FPS, SOUNDS, Frame, clip
from tests.waiting import wait_until

T = TypeVar("T")


class Clip(MediaStreamTrack):
    """Plays one track of a clip over and over, in real time; a key frame whenever one is asked for."""

    def __init__(self, kind: str, frames: list[Frame]) -> None:
        super().__init__()
        self.kind = kind
        self._frames = [frame for frame in frames if frame[0] == kind]
        self._rate, clock = (FPS, 90_000) if kind == "video" else (SOUNDS, 48_000)
        self._base = Fraction(1, clock)
        self._began = 0.0
        self._at = 0
        self._wants_key = False
        #: Frames that were sent, when each of them was, and whether nothing is sent at the moment.
        self.sent = 0
        self.log: list[tuple[float, bytes]] = []
        self.muted = False

    def key(self) -> None:
        """Begin anew with a key frame, as an encoder does when it is asked for one."""
        self._wants_key = True

    async def recv(self) -> Any:
        """Return the next frame, when its time has come."""
        self._began = self._began or time.monotonic()
        while True:
            wait = self._began + self.sent / self._rate - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            if not self.muted:
                break
            self._began += 0.05
            await asyncio.sleep(0.05)
        if self._wants_key or self._at >= len(self._frames):
            self._at, self._wants_key = 0, False
        packet = av.Packet(self._frames[self._at][3])
        packet.pts = packet.dts = round(self.sent / self._rate / self._base)
        packet.time_base = self._base
        self.log.append((time.monotonic(), self._frames[self._at][3]))
        self._at += 1
        self.sent += 1
        return packet


class _Counted(queue.Queue):
    """Stands where a receiver's decoder would: whole frames are counted, none is decoded."""

    def __init__(self, seen: Callable[[bytes], None]) -> None:
        super().__init__()
        self._seen = seen

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Count a frame; None ends it."""
        if item is None:
            super().put(None)
        else:
            self._seen(item[1].data)


class Peer:
    """One browser with a camera and a microphone."""

    def __init__(self, home: "Browsers", frames: list[Frame]) -> None:
        self._home = home
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.tracks = {kind: Clip(kind, frames) for kind in ("audio", "video")}
        self.received = {"audio": 0, "video": 0}
        self.key_frames = 0
        #: What came back, and when it was whole.
        self.log: dict[str, list[tuple[float, bytes]]] = {"audio": [], "video": []}
        #: Share of its packets that get lost on their way.
        self.loses = 0.0

    @property
    def state(self) -> str:
        return self._pc.connectionState

    def offer(self) -> str:
        """Return an offer, as a page posts it."""
        return self._home.run(self._offer())

    async def _offer(self) -> str:
        for kind, track in self.tracks.items():
            sender = self._pc.addTrack(track)
            if kind == "video":
                sender._send_keyframe = track.key  # type: ignore[method-assign]
        for transceiver in self._pc.getTransceivers():
            if transceiver.kind == "video":
                capable = RTCRtpSender.getCapabilities("video").codecs
                transceiver.setCodecPreferences([c for c in capable if c.name in ("VP8", "rtx", "H264")])
            receiver: Any = transceiver.receiver
            receiver._RTCRtpReceiver__decoder_queue = _Counted(self._counter(transceiver.kind))
        await self._pc.setLocalDescription(await self._pc.createOffer())
        return str(self._pc.localDescription.sdp)

    def take(self, answer: str) -> None:
        """Take the answer."""
        self._home.run(self._pc.setRemoteDescription(RTCSessionDescription(answer, "answer")))

    def joins(self, join: Callable[[str], str]) -> "Peer":
        """Come into a call and wait until the connection stands."""
        self.take(join(self.offer()))
        wait_until(lambda: self.state == "connected", 10)
        if self.loses:
            self._home.run(self._lose())
        return self

    def sees(self, more: int = 5, seconds: float = 10) -> None:
        """Wait until so many more pictures and sounds have come from the other side."""
        before = dict(self.received)
        wait_until(lambda: all(self.received[kind] >= before[kind] + more for kind in before), seconds)

    def mutes(self, muted: bool = True) -> None:
        """Send nothing, as a browser that froze."""
        for track in self.tracks.values():
            track.muted = muted

    def leaves(self) -> None:
        """Close the page."""
        self._home.run(self._pc.close())

    def dies(self) -> None:
        """End without a word, as a browser that was killed: nothing is sent, nobody is told."""
        self._home.run(self._die())

    async def _die(self) -> None:
        connection = self._dtls.transport._connection
        for protocol in list(connection._protocols):
            protocol.transport.abort()

    @property
    def _dtls(self) -> Any:
        return self._pc.getTransceivers()[0].receiver.transport

    async def _lose(self) -> None:
        transport, chance = self._dtls.transport, random.Random(7)  # noqa: S311 - repeatable
        send = transport._send

        async def sends(data: bytes) -> None:
            # Media only: 192 to 223 as the second byte is feedback.
            if not (127 < data[0] < 192 and not 191 < data[1] < 224 and chance.random() < self.loses):
                await send(data)

        transport._send = sends

    def _counter(self, kind: str) -> Callable[[bytes], None]:
        def seen(data: bytes) -> None:
            self.received[kind] += 1
            self.log[kind].append((time.monotonic(), data))
            if kind == "video" and data and not data[0] & 1:
                self.key_frames += 1

        return seen


class Browsers:
    """A thread in which peers live."""

    def __init__(self, seconds: float = 2.0) -> None:
        offer_addresses(("127.0.0.1",))
        self._seconds = seconds
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._peers: list[Peer] = []

    def peer(self, width: int = 640, height: int = 480, kbps: int = 1000) -> Peer:
        """Return a new browser."""
        frames = list(clip(self._seconds, width, height, kbps))
        peer = self.run(self._made(frames))
        self._peers.append(peer)
        return peer

    async def _made(self, frames: list[Frame]) -> Peer:
        return Peer(self, frames)

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do something in the peers' thread."""
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result(15)

    def leave(self) -> None:
        """Close every browser, and be ready for new ones."""
        for peer in self._peers:
            with contextlib.suppress(Exception):
                peer.leaves()
        self._peers.clear()

    def close(self) -> None:
        """Close every browser and end the thread."""
        self.leave()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
