"""The messages of the police data service's contract, published in ``openapi.json``."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Message(BaseModel):
    """One message of the contract; nothing else may be in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class VerifyRequest(Message):
    """Does this name belong to this ID number? Needs an Idempotency-Key."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    id_number: Annotated[str, Field(pattern=r"^[0-9]{17}[0-9X]$")]


class VerifyAnswer(Message):
    """The answer; it repeats neither name nor number."""

    result: Literal["match", "mismatch", "unknown", "refused"]
    reference: Annotated[str, Field(max_length=80, pattern=r"^[0-9A-Za-z._:-]*$")] = ""
    verified_at: Annotated[str, Field(max_length=40)] = ""
