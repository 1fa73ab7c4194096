"""The private names of aiortc that media hangs on: where one is gone, nothing starts, and it is said why."""

import aioice.ice
import aiortc
import pytest
from aiortc import RTCDtlsTransport, RTCIceTransport, RTCRtpSender

from handlers.media import hooks
from handlers.media.hooks import Unsupported, check


def test_this_aiortc_has_every_name_the_hooks_touch():
    check()


def test_another_version_is_refused_until_somebody_has_read_it(monkeypatch):
    monkeypatch.setattr(aiortc, "__version__", "1.17.0")
    with pytest.raises(Unsupported, match=r"1\.17\.0"):
        check()


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (aioice.ice, "get_host_addresses"),
        (aioice.ice.Connection, "data_received"),
        (aioice.ice.StunProtocol, "datagram_received"),
        (RTCRtpSender, "send"),
    ],
)
def test_a_name_that_is_gone_is_told(monkeypatch, owner, name):
    monkeypatch.delattr(owner, name)
    with pytest.raises(Unsupported, match=name):
        check()


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (RTCDtlsTransport, ("_rx_srtp", "_tx_srtp")),
        (RTCRtpSender, ("_ssrc",)),
        (RTCIceTransport, ("_connection",)),
    ],
)
def test_an_attribute_that_is_no_longer_made_is_told(monkeypatch, owner, names):
    made = owner.__init__

    def bare(self, *given, **named):
        made(self, *given, **named)
        for name in names:
            delattr(self, name)

    monkeypatch.setattr(owner, "__init__", bare)
    with pytest.raises(Unsupported, match=names[0]):
        check()


def test_browsers_are_told_the_addresses_that_were_set(monkeypatch):
    monkeypatch.setattr(aioice.ice, "get_host_addresses", None)
    hooks.offer_addresses(("192.0.2.7",))
    assert aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=True) == ["192.0.2.7"]


def test_a_machine_without_a_network_tells_its_loopback(monkeypatch):
    monkeypatch.setattr("ifaddr.get_adapters", list)
    assert hooks.own_addresses() == ["127.0.0.1"]
