"""A line that loses packets, between a browser and a media node: UDP in, most of it out again.

``Line(node_of(answer), 0.04)`` stands before the node; :func:`through` leads an SDP answer over it.
"""

import random
import re
import select
import socket
import threading
from types import TracebackType
from typing import Self

_LOCAL = "127.0.0.1"
_CANDIDATE = re.compile(r"^(a=candidate:\S+ \d+ udp \d+ )(\S+) (\d+) ", re.MULTILINE | re.IGNORECASE)


class Line:
    """One line to one place; both directions lose the same share.

    :param loss: share of packets that get lost, from 0 to 1.
    """

    def __init__(self, node: tuple[str, int], loss: float, seed: int = 1) -> None:
        self._node = node
        self._loss = loss
        self._chance = random.Random(seed)  # noqa: S311 - repeatable
        self._front = _socket(_LOCAL)
        self.port: int = self._front.getsockname()[1]
        #: By browser's address, and back.
        self._backs: dict[tuple[str, int], socket.socket] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        for one in (self._front, *self._backs.values()):
            one.close()

    def _carry(self) -> None:
        while not self._over.is_set():
            ready, _, _ = select.select([self._front, *self._backs.values()], [], [], 0.1)
            for one in ready:
                try:
                    data, sender = one.recvfrom(65_535)
                except ConnectionError:
                    continue  # nobody at the other end at this moment
                if one is self._front and sender not in self._backs:
                    self._backs[sender] = _socket()
                if self._chance.random() < self._loss:
                    continue
                if one is self._front:
                    self._backs[sender].sendto(data, self._node)
                else:
                    browser = next(address for address, back in self._backs.items() if back is one)
                    self._front.sendto(data, browser)


def node_of(answer: str) -> tuple[str, int]:
    """Return the address (IPv4) and port that an SDP answer names."""
    found = next(one for one in _CANDIDATE.finditer(answer) if ":" not in one[2])
    return found[2], int(found[3])


def through(line: Line, answer: str) -> str:
    """Return an SDP answer that leads over the line, and nowhere else."""
    host, port = node_of(answer)
    return "".join(
        _CANDIDATE.sub(rf"\g<1>{_LOCAL} {line.port} ", part)
        for part in answer.splitlines(keepends=True)
        if not part.startswith("a=candidate") or f" {host} {port} " in part
    )


def without_addresses(offer: str) -> str:
    """Return an SDP offer whose browser can be answered over the line alone."""
    return "".join(part for part in offer.splitlines(keepends=True) if not part.startswith("a=candidate"))


def _socket(address: str = "") -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, 0))
    return made
