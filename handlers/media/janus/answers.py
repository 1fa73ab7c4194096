"""The answer that Janus is to give to an offer: one picture and one sound, each under the number it comes by.

Janus adds its addresses and keys. It does not change the payload types of what it passes on, so a side must
send under the numbers that the other side expects; an answer may name other numbers than the offer
(RFC 3264 6.1), and those are what the browser sends under.
"""

import re
from collections.abc import Mapping

from handlers.media.webm import Track

_OF_PAYLOAD = re.compile(r"a=(rtpmap|fmtp|rtcp-fb):(\d{1,3}|\*)( .*)")
_TURNED = {"a=sendrecv": "a=sendrecv", "a=sendonly": "a=recvonly", "a=recvonly": "a=sendonly"}
_HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"


def write(offer: str, payloads: Mapping[Track, int]) -> str:
    """Return the answer to an offer that ``offers`` has let through.

    :param payloads: the number for each track.
    """
    parts = re.split(r"(?m)^(?=m=)", offer)[1:]
    return _HEAD + "".join(_section(part.splitlines(), payloads) for part in parts)


def _section(lines: list[str], payloads: Mapping[Track, int]) -> str:
    track: Track = "video" if lines[0].startswith("m=video") else "audio"
    number = payloads[track]
    direction = next((_TURNED[line] for line in lines if line in _TURNED), "a=sendrecv")
    written = [f"m={track} 9 UDP/TLS/RTP/SAVPF {number}", "c=IN IP4 0.0.0.0", direction]
    for line in lines:
        if found := _OF_PAYLOAD.fullmatch(line):
            written.append(f"a={found[1]}:{number}{found[3]}")
    return "\r\n".join(written) + "\r\n"
