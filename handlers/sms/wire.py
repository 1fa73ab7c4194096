"""The messages of the gateway's contract, published in ``openapi.json``."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Message(BaseModel):
    """One message of the contract; nothing else may be in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SendRequest(Message):
    """Carry this text to this number. Needs an Idempotency-Key."""

    number: Annotated[str, Field(pattern=r"^1[0-9]{10}$")]
    text: Annotated[str, Field(min_length=1, max_length=500)]
    purpose: Literal["login", "phone_change", "notice"]


class SendAnswer(Message):
    """Taken over; or refused, with a reason that names neither number nor text."""

    accepted: bool
    message_id: Annotated[str, Field(max_length=80)] = ""
    accepted_at: Annotated[str, Field(max_length=40)] = ""
    reason: Annotated[str, Field(max_length=200)] = ""
