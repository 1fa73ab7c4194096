"""The counter of a company over HTTP; the contract is ``openapi.json`` beside this file."""

from collections.abc import Mapping

from handlers.counter import wire
from handlers.counter.protocol import CounterDown
from handlers.counter.spoken import Operation, SpokenCounter
from handlers.outward import JsonPost, Unreachable

#: Where each message is posted. Nothing personal stands in an address (domain 3.12).
PATHS: Mapping[Operation, str] = {
    "find": "/v1/customers/find",
    "profile": "/v1/customers/profile",
    "phone": "/v1/phones/taken",
    "update": "/v1/customers/update",
    "photo": "/v1/photos/read",
    "store_photo": "/v1/photos/store",
}
#: Longest answer, in bytes: a picture of 10 MiB in base64 and what stands round it.
LIMIT = 15 * 1024 * 1024


class HttpTransport:
    """Carries messages to a counter over HTTP."""

    def __init__(self, url: str, token: str, seconds: float) -> None:
        self._line = JsonPost(url, token, seconds, LIMIT)

    def exchange(self, operation: Operation, message: bytes, key: str | None = None) -> bytes:
        """Return the counter's answer, or raise CounterDown."""
        headers = {"Idempotency-Key": key} if key is not None else {}
        try:
            return self._line.post(PATHS[operation], message, headers)
        except Unreachable as down:
            raise CounterDown(f"the counter is not reached: {down}") from None


def http_counter(
    url: str, token: str, seconds: float = 5.0, characters: Mapping[str, str] = wire.CHARACTERS
) -> SpokenCounter:
    """Return the counter at ``url``.

    :param seconds: longest wait for an answer.
    """
    return SpokenCounter(HttpTransport(url, token, seconds), characters)
