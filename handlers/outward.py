"""Speaking to other systems over HTTP, and reading no more than is good for us.

Whatever a system at the other end does (nothing, a redirect, a page of HTML, an endless answer, an answer
drop by drop), the caller gets an answer of the asked kind, of bounded length in bounded time, or one error.

Exchange    one question and its answer, to any address
JsonPost    messages of one contract, under one base address, with a token
"""

import time
from collections.abc import Mapping

import httpx

#: Addresses that may be spoken to without TLS: this machine.
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class Unreachable(Exception):
    """No answer that can be used; the text says what was wrong and holds nothing of the answer."""


class Exchange:
    """Asks over HTTP.

    The time is looked at between the pieces of an answer; a header sent drop by drop *can* take longer.

    :param seconds: longest time for a whole exchange.
    :param limit: longest answer, in bytes.
    :param headers: sent with every question.
    """

    def __init__(self, seconds: float, limit: int, headers: Mapping[str, str] | None = None) -> None:
        self._seconds = seconds
        self._limit = limit
        self._client = httpx.Client(
            headers={**(headers or {}), "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(seconds, connect=min(seconds, 3.0)),
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=8, keepalive_expiry=30),
        )

    def post(
        self,
        url: str,
        message: bytes,
        kind: str,
        answered: str,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the body of the answer 200 to ``message``, or raise Unreachable.

        :param kind: media type of the message.
        :param answered: media type that the answer must have.
        """
        return self._ask("POST", url, answered, {"Content-Type": kind, **(headers or {})}, message)

    def get(self, url: str, answered: str) -> bytes:
        """Return what lies at an address, or raise Unreachable."""
        return self._ask("GET", url, answered, {}, None)

    def close(self) -> None:
        """Close the connections that were kept."""
        self._client.close()

    def _ask(
        self, method: str, url: str, answered: str, headers: Mapping[str, str], message: bytes | None
    ) -> bytes:
        deadline = time.monotonic() + self._seconds
        try:
            with self._client.stream(method, url, content=message, headers=dict(headers)) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise Unreachable(f"answered {answer.status_code}")
                if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
                    raise Unreachable("answered packed, which was not asked for")
                if answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() != answered:
                    raise Unreachable(f"answered something that is not {answered}")
                return self._read(answer, deadline)
        except httpx.TimeoutException:
            raise Unreachable(f"no answer within {self._seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as broken:
            raise Unreachable(type(broken).__name__) from None

    def _read(self, answer: httpx.Response, deadline: float) -> bytes:
        body = bytearray()
        # Never unpacked: a small packed answer could become a huge one.
        for piece in answer.iter_raw():
            body += piece
            if len(body) > self._limit:
                raise Unreachable(f"answered more than {self._limit} bytes")
            if time.monotonic() > deadline:
                raise Unreachable(f"no whole answer within {self._seconds:g} s")
        return bytes(body)


class JsonPost:
    """Posts messages under one base address.

    :param url: base address, https; http only to this machine.
    :param token: secret that is shown to the other end as a bearer token.
    :param seconds: longest time for a whole exchange.
    :param limit: longest answer, in bytes.
    """

    def __init__(self, url: str, token: str, seconds: float, limit: int) -> None:
        base = httpx.URL(url)
        if base.scheme != "https" and not (base.scheme == "http" and base.host in _HERE):
            raise ValueError("an address of another machine must begin with https://")
        self._base = str(base).rstrip("/")
        self._exchange = Exchange(
            seconds, limit, {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        )

    def post(self, path: str, message: bytes, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the body of the answer 200 to ``message``, or raise Unreachable."""
        kind = "application/json"
        return self._exchange.post(f"{self._base}{path}", message, kind, kind, headers)

    def close(self) -> None:
        """Close the connections that were kept."""
        self._exchange.close()
