"""A media node as the web process sees it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import orjson

from handlers.media import tickets
from handlers.media.plans import write_plan
from handlers.video.sfu import (
    LONGEST_SDP,
    SECONDS,
    BadOffer,
    CallPlan,
    Leg,
    NoSuchCall,
    NotYet,
    SfuDown,
    SfuRefused,
    Still,
)
from handlers.video.tables import Role

_REFUSED: dict[int, type[SfuRefused]] = {404: NoSuchCall, 422: BadOffer, 409: NotYet, 413: BadOffer}
#: Longest wait for a connection, in seconds: a node is near, or it is gone.
_CONNECT = 1.0


class EmbeddedSfu:
    """An ``Sfu`` that asks a node of ``ops.media`` over HTTP.

    :param url: where the node is reached, http://host:port.
    :param secret: the 32 bytes that the node has as well: ``keyring.derive("media.ticket")``.
    """

    def __init__(self, url: str, secret: bytes) -> None:
        self._secret = secret
        self._client = httpx.Client(
            base_url=url,
            timeout=httpx.Timeout(SECONDS, connect=_CONNECT),
            trust_env=False,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=20),
        )

    def open(self, plan: CallPlan) -> None:
        """See :meth:`handlers.video.sfu.Sfu.open`."""
        self._ask(f"/calls/{plan.call_id}/open", tickets.seal(self._secret, write_plan(plan)))

    def answer(self, call_id: UUID, role: Role, offer: str) -> str:
        """See :meth:`handlers.video.sfu.Sfu.answer`."""
        data = offer.encode("utf-8", "replace")
        if len(data) > LONGEST_SDP:
            raise BadOffer("the offer is too long")
        return self._ask(f"/calls/{call_id}/{role}/answer", data).text

    def hang_up(self, call_id: UUID, role: Role) -> None:
        """See :meth:`handlers.video.sfu.Sfu.hang_up`."""
        self._ask(f"/calls/{call_id}/{role}/hang-up")

    def still(self, call_id: UUID, role: Role) -> Still:
        """See :meth:`handlers.video.sfu.Sfu.still`."""
        answer = self._ask(f"/calls/{call_id}/{role}/still")
        width, height, taken_at = answer.headers["x-still"].split(" ")
        return Still(answer.content, int(width), int(height), datetime.fromisoformat(taken_at))

    def mark(self, call_id: UUID, event: Mapping[str, Any]) -> None:
        """See :meth:`handlers.video.sfu.Sfu.mark`."""
        self._ask(f"/calls/{call_id}/mark", orjson.dumps(event))

    def legs(self, call_id: UUID) -> Mapping[Role, Leg]:
        """See :meth:`handlers.video.sfu.Sfu.legs`."""
        said = orjson.loads(self._ask(f"/calls/{call_id}/legs").content)
        return {role: Leg(**leg) for role, leg in said.items()}

    def close(self, call_id: UUID) -> None:
        """See :meth:`handlers.video.sfu.Sfu.close`."""
        self._ask(f"/calls/{call_id}/close")

    def end(self) -> None:
        """Close the connections that were kept."""
        self._client.close()

    def _ask(self, path: str, body: bytes = b"") -> httpx.Response:
        headers = {tickets.HEADER: tickets.issue(self._secret, path, body)}
        try:
            answer = self._client.post(path, content=body, headers=headers)
        except httpx.HTTPError as lost:
            raise SfuDown(f"the media node does not answer: {type(lost).__name__}") from None
        if answer.is_success:
            return answer
        raise _REFUSED.get(answer.status_code, SfuDown)(answer.text[:200])
