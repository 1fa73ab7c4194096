"""The company's SMS gateway over HTTP; the contract is ``openapi.json`` beside this file."""

from handlers.outward import JsonPost, Unreachable
from handlers.sms.protocol import SmsDown
from handlers.sms.spoken import Operation, SpokenGateway

PATH = "/v1/messages/send"
#: Longest answer, in bytes.
LIMIT = 64 * 1024


class HttpTransport:
    """Carries messages to a gateway over HTTP."""

    def __init__(self, url: str, token: str, seconds: float) -> None:
        self._line = JsonPost(url, token, seconds, LIMIT)

    def exchange(self, operation: Operation, message: bytes, key: str | None = None) -> bytes:
        """Return the gateway's answer, or raise SmsDown."""
        try:
            return self._line.post(PATH, message, {"Idempotency-Key": key or ""})
        except Unreachable as down:
            raise SmsDown(f"the SMS gateway is not reached: {down}") from None


def http_gateway(url: str, token: str, seconds: float = 5.0) -> SpokenGateway:
    """Return the gateway at ``url``.

    :param seconds: longest wait for an answer.
    """
    return SpokenGateway(HttpTransport(url, token, seconds))
