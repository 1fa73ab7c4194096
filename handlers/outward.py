"""Posting one JSON message to a system of the company over HTTP, and reading no more than is good for us.

Whatever a system at the other end does (nothing, a redirect, a page of HTML, an endless answer, an answer
drop by drop), the caller gets a JSON text of bounded length in bounded time, or one error.
"""

import time
from collections.abc import Mapping

import httpx

#: Addresses that may be spoken to without TLS: this machine.
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class Unreachable(Exception):
    """No answer that can be used; the text says what was wrong and holds nothing of the answer."""


class JsonPost:
    """Posts messages under one base address.

    The time is looked at between the pieces of an answer; a header sent drop by drop *can* take longer.

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
        self._seconds = seconds
        self._limit = limit
        self._client = httpx.Client(
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            },
            timeout=httpx.Timeout(seconds, connect=min(seconds, 3.0)),
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=8, keepalive_expiry=30),
        )

    def post(self, path: str, message: bytes, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the body of the answer 200 to ``message``, or raise Unreachable."""
        deadline = time.monotonic() + self._seconds
        sent = {"Content-Type": "application/json", **(headers or {})}
        try:
            with self._client.stream("POST", f"{self._base}{path}", content=message, headers=sent) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise Unreachable(f"answered {answer.status_code}")
                if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
                    raise Unreachable("answered packed, which was not asked for")
                kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
                if kind != "application/json":
                    raise Unreachable("answered something that is not JSON")
                return self._read(answer, deadline)
        except httpx.TimeoutException:
            raise Unreachable(f"no answer within {self._seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as broken:
            raise Unreachable(type(broken).__name__) from None

    def close(self) -> None:
        """Close the connections that were kept."""
        self._client.close()

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
