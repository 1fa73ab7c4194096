"""A police data service that is spoken to in messages; the two adapters differ only in how one travels."""

from datetime import UTC, datetime
from typing import Literal, Protocol

from pydantic import ValidationError

from engine import clock
from handlers.police import wire
from handlers.police.protocol import PoliceDown, PoliceRefused, Verified

Operation = Literal["verify"]


class Transport(Protocol):
    """Carries one message to the service and brings the answer, as JSON."""

    def exchange(self, operation: Operation, message: bytes, key: str | None = None) -> bytes:
        """Return the service's answer, or raise PoliceDown."""


class SpokenPolice:
    """PoliceData over a transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def verify(self, key: str, name: str, id_number: str) -> Verified:
        """Say whether ``name`` stands under ``id_number``; the service keeps ``key`` and does it once."""
        try:
            message = wire.VerifyRequest(name=name, id_number=id_number)
        except ValidationError:
            raise PoliceRefused from None
        answered = self._transport.exchange("verify", message.model_dump_json().encode(), key)
        try:
            answer = wire.VerifyAnswer.model_validate_json(answered)
            if answer.result == "refused":
                raise PoliceRefused
            moment = datetime.fromisoformat(answer.verified_at)
        except ValueError:
            # What cannot be read may hold a name or a number: none of it is told.
            raise PoliceDown("the police data service's answer cannot be read") from None
        if id_number in answer.reference:
            raise PoliceDown("the police data service's answer repeats the number")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=clock.SHANGHAI)
        return Verified(answer.result, answer.reference, moment.astimezone(UTC))
