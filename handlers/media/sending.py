"""One outgoing stream: the other side's packets under numbers of its own.

The receiver sees one stream, whatever connection its packets came by: when the other side joins anew, numbers
and times go on where they were. What was sent is remembered for a second or so, to be sent again.
"""

import secrets

from handlers.media.packets import Rtp, SenderReport, write_rtp
from handlers.media.receiving import RATES
from handlers.media.webm import Track

#: Packets that can be sent again: about four seconds of a large picture.
_REMEMBERED = 1024


class Outgoing:
    """A stream to one side.

    :param ssrc, payload_type: under which the side was told that it comes.
    """

    def __init__(self, track: Track, ssrc: int, payload_type: int) -> None:
        self.ssrc = ssrc
        self._track: Track = track
        self._payload_type = payload_type
        # In the lower half: a wrap among the first packets would confuse the decryption.
        self._last = secrets.randbelow(0x8000)
        self._last_time, self._last_at = secrets.randbits(32), 0.0
        self._source: tuple[int, int] | None = None
        self._by, self._time_by = 0, 0
        self._sent: dict[int, tuple[int, bytes]] = {}
        self._packets = self._octets = 0

    def take(self, source: int, packet: Rtp, now: float) -> bytes:
        """Return a packet of the other side as it is sent on.

        :param source: sets the other side's connections apart.
        """
        if self._source != (source, packet.ssrc):
            self._switch(source, packet, now)
        seq = packet.seq + self._by & 0xFFFF
        timestamp = packet.timestamp + self._time_by & 0xFFFFFFFF
        if (seq - self._last & 0xFFFF) < 0x8000:
            self._last, self._last_time, self._last_at = seq, timestamp, now
        data = write_rtp(packet, self._payload_type, seq, timestamp, self.ssrc)
        if self._track == "video":
            self._sent[seq % _REMEMBERED] = (seq, data)
        self._packets += 1
        self._octets += len(packet.payload)
        return data

    def again(self, seq: int) -> bytes | None:
        """Return a packet that was sent a short time ago."""
        sent = self._sent.get(seq % _REMEMBERED)
        return sent[1] if sent is not None and sent[0] == seq else None

    def report(self, source: int, report: SenderReport) -> SenderReport | None:
        """Return the other side's report about the stream's times as it is sent on."""
        if self._source != (source, report.ssrc):
            return None
        timestamp = report.rtp + self._time_by & 0xFFFFFFFF
        return SenderReport(
            self.ssrc, report.ntp, timestamp, self._packets & 0xFFFFFFFF, self._octets & 0xFFFFFFFF
        )

    def _switch(self, source: int, packet: Rtp, now: float) -> None:
        passed = int((now - self._last_at) * RATES[self._track]) if self._last_at else 0
        self._by = self._last + 1 - packet.seq
        self._time_by = self._last_time + max(1, passed) - packet.timestamp
        self._source = (source, packet.ssrc)
