"""A counter that is spoken to in messages: our words in, the counter's words out, and back.

The two adapters differ only in how a message travels: into tables of our own, or over HTTP.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, TypeVar

from pydantic import ValidationError

from engine import clock
from handlers.counter import wire
from handlers.counter.protocol import (
    CHANGEABLE,
    AccountType,
    CounterBusy,
    CounterConflict,
    CounterCustomer,
    CounterDown,
    CounterRefused,
    Mapped,
    PhotoRole,
    Profile,
    Receipt,
    UnknownCustomer,
)

Operation = Literal["find", "profile", "phone", "update", "photo", "store_photo"]
_Answer = TypeVar("_Answer", bound=wire.Message)


class Transport(Protocol):
    """Carries one message to a counter and brings the answer, as JSON."""

    def exchange(self, operation: Operation, message: bytes, key: str | None = None) -> bytes:
        """Return the counter's answer, or raise CounterDown."""


class SpokenCounter:
    """Counter over a transport.

    :param characters: what the counter's character set lacks, and what is written instead.
    """

    def __init__(self, transport: Transport, characters: Mapping[str, str] = wire.CHARACTERS) -> None:
        self._transport = transport
        self._characters = str.maketrans(dict(characters))

    def find(self, id_number: str, account_type: AccountType) -> CounterCustomer | None:
        """Return who has an account of this type, or None."""
        code = wire.ACCOUNT_CODES[account_type]
        question = wire.FindRequest(id_number=id_number, account_type=code)
        found = self._ask("find", question, wire.FindAnswer).customer
        if found is None:
            return None
        if (found.id_number, found.account.account_type) != (id_number, code):
            raise CounterDown("the counter answered for somebody else")
        return wire.plain_customer(found)

    def profile(self, customer_no: str) -> Profile:
        """Return the data as they are now."""
        record = self._ask("profile", wire.ProfileRequest(customer_no=customer_no), wire.ProfileAnswer).record
        if record is None:
            raise UnknownCustomer
        if record.customer_no != customer_no:
            raise CounterDown("the counter answered for somebody else")
        return wire.plain_profile(record)

    def phone_taken(self, number: str, except_customer_no: str) -> bool:
        """Tell whether another customer has this number."""
        question = wire.PhoneRequest(number=wire.phone_digits(number), except_customer_no=except_customer_no)
        return self._ask("phone", question, wire.PhoneAnswer).taken

    def update(
        self,
        key: str,
        customer_no: str,
        changes: Mapping[str, Any],
        expected: Mapping[str, Any] | None = None,
    ) -> Receipt:
        """Write ``changes`` and return the receipt; the counter keeps ``key`` and does it once."""
        values = wire.wire_values(changes)
        mapped = self._map_characters(values)
        answer = self._ask(
            "update",
            _update_request(customer_no, {**changes}, values, expected),
            wire.UpdateAnswer,
            key,
        )
        if answer.return_code == wire.DONE:
            return Receipt(answer.receipt_no, _moment(answer.applied_at), mapped)
        if answer.return_code == wire.BUSY:
            raise CounterBusy
        if answer.return_code == wire.CONFLICT:
            raise CounterConflict(tuple(dict.fromkeys(wire.our_name(name) for name in answer.conflict)))
        raise CounterRefused(answer.return_code, answer.message)

    def photo(self, customer_no: str, role: PhotoRole) -> bytes | None:
        """Return a picture on file as JPEG, or None."""
        question = wire.PhotoRequest(customer_no=customer_no, role=role)
        jpeg = self._ask("photo", question, wire.PhotoAnswer).jpeg
        try:
            return None if jpeg is None else b64decode(jpeg, validate=True)
        except NotBase64 as broken:
            raise CounterDown("the counter sent a picture that cannot be read") from broken

    def store_photo(self, key: str, customer_no: str, role: PhotoRole, jpeg: bytes) -> None:
        """Put a picture on file; the counter keeps ``key`` and does it once."""
        message = wire.StorePhotoRequest(customer_no=customer_no, role=role, jpeg=b64encode(jpeg).decode())
        self._ask("store_photo", message, wire.StorePhotoAnswer, key)

    def _ask(
        self, operation: Operation, message: wire.Message, answer: type[_Answer], key: str | None = None
    ) -> _Answer:
        written = message.model_dump_json(exclude_unset=True).encode()
        try:
            return answer.model_validate_json(self._transport.exchange(operation, written, key))
        except ValidationError as unreadable:
            # The values may be personal: only the places are told.
            places = sorted({".".join(map(str, e["loc"])) or "the answer" for e in unreadable.errors()})
            raise CounterDown(f"the counter's answer cannot be read: {', '.join(places[:5])}") from None

    def _map_characters(self, values: dict[str, Any]) -> tuple[Mapped, ...]:
        mapped = []
        for name in wire.FREE_TEXTS:
            typed = values.get(name)
            if isinstance(typed, str) and (stored := typed.translate(self._characters)) != typed:
                values[name] = stored
                mapped.append(Mapped(wire.our_name(name), typed, stored))
        return tuple(mapped)


def _update_request(
    customer_no: str, changes: dict[str, Any], values: dict[str, Any], expected: Mapping[str, Any] | None
) -> wire.UpdateRequest:
    unknown = sorted({*changes, *(expected or {})} - set(CHANGEABLE))
    if unknown:
        raise CounterRefused(wire.DATA_REFUSED, f"不能通过本业务修改：{'、'.join(unknown)}")
    try:
        return wire.UpdateRequest(
            customer_no=customer_no,
            changes=wire.Values(**values),
            expected=None if expected is None else wire.Values(**wire.wire_values(expected)),
        )
    except ValidationError as wrong:
        places = sorted({wire.our_name(str(e["loc"][0])) for e in wrong.errors() if e["loc"]})
        raise CounterRefused(wire.DATA_REFUSED, f"资料格式不符合柜台要求：{'、'.join(places)}") from None


def _moment(written: str) -> datetime:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return clock.now()
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=clock.SHANGHAI).astimezone(UTC)
