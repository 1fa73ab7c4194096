"""Every private name of aiortc and aioice that is touched, in one place.

aiortc decodes what it receives and encodes what it sends: dozens of times the work of passing it on, and no
evidence. So its connections are made, checked and encrypted by it as they stand, and its datagrams are taken
and given at the encryption: what comes is decrypted here and handed over as packets, and what goes is
encrypted here and handed to the socket. None of aiortc's receivers, senders, buffers and estimators ever
sees a packet.

The names are private: ``check`` looks at each of them and at the version, and a node does not start where one
is missing (``tests/test_media_contract.py``).
"""

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import aioice.ice
import aiortc
import ifaddr
import pylibsrtp
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDtlsTransport,
    RTCIceGatherer,
    RTCIceServer,
    RTCIceTransport,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCSessionDescription,
)

from handlers.media.webm import Track

VERSION = "1.16.0"
#: Wanted for each socket, in bytes: a busy process must not lose what came meanwhile.
RECEIVE_BUFFER = 2 * 1024 * 1024
_ANY_RTP = range(128, 192)
_ANY_RTCP = range(192, 224)


class Unsupported(Exception):
    """This aiortc is not the one the hooks were written for."""


def check() -> None:
    """Look whether every name is there.

    :raises Unsupported: what is otherwise, and where to look.
    """
    if aiortc.__version__ != VERSION:
        raise Unsupported(f"aiortc {aiortc.__version__} instead of {VERSION}: read handlers/media/hooks.py")
    gatherer = RTCIceGatherer(iceServers=[])
    ice = RTCIceTransport(gatherer)
    dtls = RTCDtlsTransport(ice, [aiortc.RTCCertificate.generateCertificate()])
    connection = getattr(ice, "_connection", None)
    wanted: list[tuple[object, Sequence[str]]] = [
        (aioice.ice, ("get_host_addresses",)),
        (aioice.ice.Connection, ("data_received",)),
        # Its own: the one it would inherit does nothing.
        (SimpleNamespace(**vars(aioice.ice.StunProtocol)), ("datagram_received",)),
        (ice, ("_connection",)),
        (connection, ("_protocols", "_nominated")),
        (dtls, ("_rx_srtp", "_tx_srtp")),
        (RTCRtpSender("video", dtls), ("_ssrc", "send")),
        (RTCRtpReceiver("audio", dtls), ("receive",)),
    ]
    missing = [
        f"{getattr(thing, '__name__', type(thing).__name__)}.{name}"
        for thing, names in wanted
        for name in names
        if not hasattr(thing, name)
    ]
    if missing:
        raise Unsupported(f"aiortc has no {', '.join(missing)}: read handlers/media/hooks.py")


def offer_addresses(addresses: Sequence[str]) -> None:
    """Say which addresses of this machine browsers are told, for all connections of this process.

    :param addresses: none: every one but loopback; loopback where there is no other.
    """

    def chosen(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return [*addresses] or own_addresses()

    aioice.ice.get_host_addresses = chosen


def own_addresses() -> list[str]:
    """Return this machine's addresses, without loopback and link-local ones unless there are no others."""
    found = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            address = ipaddress.ip_address(text)
            if not address.is_loopback and not address.is_link_local:
                found.append(text)
    return found or ["127.0.0.1"]


class Silent(MediaStreamTrack):
    """A track that never gives anything: the node's packets go their own way."""

    def __init__(self, kind: Track) -> None:
        super().__init__()
        self.kind = kind

    async def recv(self) -> Any:
        """Never called: our senders are never started."""
        raise NotImplementedError


class Link:
    """One connection to a browser, from its offer to the end.

    :param servers: for relaying, as browsers take them.
    :param on_rtp, on_rtcp: get each decrypted packet.
    :param on_state: gets new, connecting, connected, gone.
    """

    def __init__(
        self,
        servers: Sequence[Mapping[str, Any]],
        on_rtp: Callable[[bytes], None],
        on_rtcp: Callable[[bytes], None],
        on_state: Callable[[str], None],
    ) -> None:
        self._on_rtp, self._on_rtcp, self._on_state = on_rtp, on_rtcp, on_state
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[_server(one) for one in servers]))
        self._pc.on("connectionstatechange", self._changed)
        self._dtls: Any = None
        self._ice: Any = None
        #: SSRC under which the browser gets our packets, by kind.
        self.outgoing: dict[Track, int] = {}

    async def answer(self, offer: str) -> str:
        """Answer an offer that ``offers`` has let through; what aiortc thinks of a forged one is raised."""
        pc = self._pc
        await pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        for transceiver in pc.getTransceivers():
            pc.addTrack(Silent(_track(transceiver.kind)))
            # Neither is started: no decoding thread, and no reports about packets it never saw.
            for part, name in ((transceiver.sender, "send"), (transceiver.receiver, "receive")):
                setattr(part, name, _nothing)
        await pc.setLocalDescription(await pc.createAnswer())
        self._take_over()
        return str(pc.localDescription.sdp)

    def send(self, data: bytes, *, rtcp: bool = False) -> None:
        """Encrypt a packet and send it; nothing happens before the connection stands and after its end."""
        session = self._dtls and self._dtls._tx_srtp
        pair = self._ice and self._ice._nominated.get(1)
        if not session or not pair:
            return
        with contextlib.suppress(pylibsrtp.Error, OSError):
            sealed = session.protect_rtcp(data) if rtcp else session.protect(data)
            pair.protocol.transport.sendto(sealed, pair.remote_addr)

    async def close(self) -> None:
        """End the connection."""
        self._pc.remove_all_listeners()
        await self._pc.close()

    def _take_over(self) -> None:
        transceivers = self._pc.getTransceivers()
        self._dtls = transceivers[0].receiver.transport
        self._ice = self._dtls.transport._connection
        self.outgoing = {_track(one.kind): one.sender._ssrc for one in transceivers}
        # What is no packet of media (the handshake, its end) goes on to aiortc.
        self._others = self._ice.data_received
        self._ice.data_received = self._received
        for protocol in self._ice._protocols:
            protocol.datagram_received = _sorted(self._received, protocol.datagram_received)
            with contextlib.suppress(OSError, AttributeError):
                sock = protocol.transport.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

    def _received(self, data: bytes, component: int) -> None:
        session = self._dtls._rx_srtp
        if session is None or len(data) < 12 or data[0] not in _ANY_RTP:
            self._others(data, component)
            return
        try:
            if data[1] in _ANY_RTCP:
                self._on_rtcp(session.unprotect_rtcp(data))
            else:
                self._on_rtp(session.unprotect(data))
        except pylibsrtp.Error:
            return  # not from the browser that was checked, or seen before

    def _changed(self) -> None:
        state = self._pc.connectionState
        self._on_state("gone" if state in {"closed", "failed"} else state)


def _sorted(media: Callable[[bytes, int], None], others: Callable[..., None]) -> Callable[..., None]:
    """Hand packets of media over without trying first whether they are STUN messages (RFC 7983)."""

    def received(data: bytes, addr: tuple[Any, ...]) -> None:
        if data and data[0] in _ANY_RTP:
            media(data, 1)
        else:
            others(data, addr)

    return received


def _track(kind: str) -> Track:
    return "video" if kind == "video" else "audio"


async def _nothing(parameters: object) -> None:
    """Stand in for what aiortc would start."""


def _server(given: Mapping[str, Any]) -> RTCIceServer:
    return RTCIceServer(given["urls"], given.get("username"), given.get("credential"))
