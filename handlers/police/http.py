"""The police data service over HTTP; the contract is ``openapi.json`` beside this file.

Companies reach the data through one of several licensed providers, each with an interface of its own: what
stands between us and the one they chose speaks this contract.
"""

from handlers.outward import JsonPost, Unreachable
from handlers.police.protocol import PoliceDown
from handlers.police.spoken import Operation, SpokenPolice

#: Nothing personal stands in an address (domain 3.12).
PATH = "/v1/identities/verify"
#: Longest answer, in bytes.
LIMIT = 64 * 1024


class HttpTransport:
    """Carries messages to the service over HTTP."""

    def __init__(self, url: str, token: str, seconds: float) -> None:
        self._line = JsonPost(url, token, seconds, LIMIT)

    def exchange(self, operation: Operation, message: bytes, key: str | None = None) -> bytes:
        """Return the service's answer, or raise PoliceDown."""
        try:
            return self._line.post(PATH, message, {"Idempotency-Key": key or ""})
        except Unreachable as down:
            raise PoliceDown(f"the police data service is not reached: {down}") from None


def http_police(url: str, token: str, seconds: float = 5.0) -> SpokenPolice:
    """Return the service at ``url``.

    :param seconds: longest wait for an answer.
    """
    return SpokenPolice(HttpTransport(url, token, seconds))
