"""A gateway that is spoken to in messages; the two adapters differ only in how a message travels."""

from datetime import UTC, datetime
from typing import Literal, Protocol

from pydantic import ValidationError

from engine import clock
from handlers.sms import wire
from handlers.sms.protocol import Purpose, SmsDown, SmsReceipt, SmsRefused

Operation = Literal["send"]


class Transport(Protocol):
    """Carries one message to a gateway and brings the answer, as JSON."""

    def exchange(self, operation: Operation, message: bytes, key: str | None = None) -> bytes:
        """Return the gateway's answer, or raise SmsDown."""


class SpokenGateway:
    """SmsGateway over a transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(self, key: str, number: str, text: str, purpose: Purpose) -> SmsReceipt:
        """Send ``text`` to a mobile number; the gateway keeps ``key`` and does it once."""
        try:
            message = wire.SendRequest(number=number, text=text, purpose=purpose)
        except ValidationError:
            raise SmsRefused from None
        answered = self._transport.exchange("send", message.model_dump_json().encode(), key)
        try:
            answer = wire.SendAnswer.model_validate_json(answered)
            moment = datetime.fromisoformat(answer.accepted_at) if answer.accepted else clock.now()
        except ValueError:
            raise SmsDown("the gateway's answer cannot be read") from None
        if not answer.accepted:
            raise SmsRefused(answer.reason)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=clock.SHANGHAI)
        return SmsReceipt(answer.message_id, moment.astimezone(UTC))
