"""Which offers are answered at all, and what of them: one picture in VP8, one sound in Opus, one connection.

A session's description comes from a stranger. What is let through is written anew line by line: no other
codec, no data channel, no address but literal ones. What is refused changes nothing.
"""

import ipaddress
import re
from dataclasses import dataclass

from handlers.media.webm import Track
from handlers.video.sfu import LONGEST_SDP, BadOffer

_MEDIA = re.compile(r"m=(audio|video) \d{1,5} UDP/TLS/RTP/SAVPF( \d{1,3}){1,100}")
_RTPMAP = re.compile(r"a=rtpmap:(\d{1,3}) (VP8/90000|opus/48000/2)", re.IGNORECASE)
_FINGERPRINT = re.compile(r"a=fingerprint:sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}", re.IGNORECASE)
_OF_PAYLOAD = re.compile(r"a=(?:rtpmap|fmtp|rtcp-fb):(\d{1,3}|\*) ")
_CANDIDATE = re.compile(
    r"a=candidate:[\w+/]{1,32} 1 udp \d{1,10} (?P<address>[0-9a-fA-F.:]{2,45}) \d{1,5} "
    r"typ (host|srflx|prflx|relay)( .*)?",
    re.IGNORECASE,
)
#: Lines that are let through as they stand; candidates and what belongs to payloads are looked at.
_KEPT = (
    "v=", "o=", "s=", "t=", "c=", "a=group:BUNDLE ", "a=mid:", "a=ice-ufrag:", "a=ice-pwd:", "a=setup:",
    "a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive", "a=rtcp-mux", "a=rtcp:", "a=ssrc:", "a=msid:",
)  # fmt: skip
_FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")
#: Most lines of an offer, and of addresses in it; longest line.
_LINES, _ADDRESSES, _LONGEST_LINE = 1500, 40, 1000


@dataclass(frozen=True)
class Offer:
    """An offer that is answered."""

    sdp: str
    #: Track by payload type.
    payloads: dict[int, Track]


def read(offer: str) -> Offer:
    """Look through an offer.

    :raises BadOffer: it is none that is answered.
    """
    if len(offer.encode("utf-8", "replace")) > LONGEST_SDP:
        raise BadOffer("the offer is too long")
    lines = offer.replace("\r\n", "\n").split("\n")
    if not offer.isascii() or len(lines) > _LINES or any(len(line) > _LONGEST_LINE for line in lines):
        raise BadOffer("the offer is no description of a session")
    sections: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line)
    if lines[0] != "v=0" or not 2 <= len(sections) <= 3:
        raise BadOffer("the offer must have one picture, one sound, or both")
    head = [line for line in sections[0] if line.startswith(_KEPT)]
    of_all = [line for line in sections[0] if _FINGERPRINT.fullmatch(line)]
    kept, mids = head, []
    payloads: dict[int, Track] = {}
    for section in sections[1:]:
        track, number, written, mid = _section(section, of_all)
        if track in payloads.values() or number in payloads or mid in mids:
            raise BadOffer("the offer has the same twice")
        payloads[number] = track
        mids.append(mid)
        kept = [*kept, *written]
    groups = [line.split()[1:] for line in head if line.startswith("a=group:BUNDLE ")]
    if groups != [mids]:
        raise BadOffer("the offer must bundle all it has")
    return Offer("\r\n".join(kept) + "\r\n", payloads)


def _section(lines: list[str], fingerprints: list[str]) -> tuple[Track, int, list[str], str]:
    """Return the track of a section, its payload type, its lines as they are let through, and its mid."""
    media = _MEDIA.fullmatch(lines[0])
    if media is None:
        raise BadOffer("the offer has something that is neither picture nor sound")
    track: Track = "video" if media[1] == "video" else "audio"
    codec = "vp8/90000" if track == "video" else "opus/48000/2"
    listed = lines[0].split()[3:]
    maps = [found for line in lines if (found := _RTPMAP.fullmatch(line))]
    numbers = [found[1] for found in maps if found[2].lower() == codec and found[1] in listed]
    if not numbers or int(numbers[0]) > 127:
        raise BadOffer(f"the offer has no {codec}")
    number = numbers[0]
    own = [line for line in lines if _FINGERPRINT.fullmatch(line)] or fingerprints
    kept = [" ".join([*lines[0].split()[:3], number]), *own[:1]]
    addresses = 0
    for line in lines[1:]:
        if found := _OF_PAYLOAD.match(line):
            if found[1] == number and (
                not line.startswith("a=rtcp-fb:") or line.split(" ", 1)[1] in _FEEDBACK
            ):
                kept.append(line)
        elif line.startswith("a=candidate:"):
            if addresses < _ADDRESSES and _reachable(line):
                addresses += 1
                kept.append(line)
        elif line.startswith(_KEPT):
            kept.append(line)
    for needed in ("a=mid:", "a=ice-ufrag:", "a=ice-pwd:", "a=setup:actpass", "a=rtcp-mux", "a=fingerprint:"):
        if sum(line.startswith(needed) for line in kept) != 1:
            raise BadOffer(f"the offer must have {needed} once in each part")
    return track, int(number), kept, next(line[6:] for line in kept if line.startswith("a=mid:"))


def _reachable(line: str) -> bool:
    """Tell whether a candidate is a literal address that packets may be sent to."""
    found = _CANDIDATE.fullmatch(line)
    try:
        address = ipaddress.ip_address(found["address"]) if found else None
    except ValueError:
        return False
    return address is not None and not address.is_multicast and not address.is_unspecified


def write_answer(sdp: str, least_kbps: int, most_kbps: int) -> str:
    """Return an answer as the browser gets it.

    One fingerprint stays, since some read the wrong one of several. Sound may carry its own repair. How much
    picture is wanted stands where Chromium reads it; others pass over it.
    """
    written = []
    for line in sdp.splitlines():
        if line.startswith("a=fingerprint:") and not line.startswith("a=fingerprint:sha-256 "):
            continue
        written.append(line)
        if found := _RTPMAP.fullmatch(line):
            more = (
                "minptime=10;useinbandfec=1"
                if found[2].lower().startswith("opus")
                else f"x-google-min-bitrate={least_kbps};x-google-start-bitrate={max(800, least_kbps)};"
                f"x-google-max-bitrate={most_kbps}"
            )
            written.append(f"a=fmtp:{found[1]} {more}")
    return "\r\n".join(written) + "\r\n"
