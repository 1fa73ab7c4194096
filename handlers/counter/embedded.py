"""A counter of our own, for a machine that has none: demonstrations, development and tests.

It answers the same messages as a real one, remembers its updates by key, works on one update of a
customer at a time, and can be told to be down, slow or forgetful (``handlers.moods``).
"""

import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine import clock
from engine.store import Database, Keyring
from handlers import moods
from handlers.counter import wire
from handlers.counter.protocol import CounterDown, PhotoRole, Profile
from handlers.counter.spoken import Operation, SpokenCounter
from handlers.counter.tables import (
    CounterAccountRow,
    CounterCustomerRow,
    CounterPhoneRow,
    CounterPhotoRow,
    CounterUpdateRow,
)

#: A counter that died while it worked on an update is free again after this.
_BUSY_FOR = timedelta(minutes=1)
_REFUSING: Mapping[moods.Mode, tuple[int, str]] = {
    "busy": (wire.BUSY, "该客户已经有流程在处理中"),
    "refuse": (wire.DATA_REFUSED, "监控中客户资料检查失败"),
    "doubt_name": (wire.NAME_REFUSED, "监控中实名制检查失败"),
    "fail": (wire.FAILED, "其他错误"),
}


class EmbeddedTransport:
    """Carries messages into our own tables.

    :param patience: seconds after which the asker thinks that a slow counter is down.
    """

    def __init__(self, database: Database, keyring: Keyring, patience: float = 10.0) -> None:
        self._database = database
        self._keyring = keyring
        self._patience = patience
        self._known: Mapping[Operation, Callable[[bytes, str], wire.Message]] = {
            "find": self._find,
            "profile": self._profile,
            "phone": self._phone,
            "photo": self._photo,
            "store_photo": self._store_photo,
        }

    def exchange(self, operation: Operation, message: bytes, key: str | None = None) -> bytes:
        """Answer one message, in the mood of the moment."""
        mood = moods.take(self._database, "counter")
        if mood.mode == "down":
            raise CounterDown
        if operation == "update":
            answer: wire.Message = self._update(
                wire.UpdateRequest.model_validate_json(message), key or "", mood
            )
        else:
            patient = mood.wait(self._patience)
            answer = self._known[operation](message, key or "")
            if not patient:
                raise CounterDown
        if mood.mode == "lose_reply":
            raise CounterDown
        return answer.model_dump_json().encode()

    def _find(self, message: bytes, _key: str) -> wire.Message:
        asked = wire.FindRequest.model_validate_json(message)
        with self._database.transaction() as session:
            row = session.scalar(
                select(CounterCustomerRow)
                .join(CounterAccountRow)
                .where(
                    CounterCustomerRow.identity == self._blind_identity(asked.id_number),
                    CounterAccountRow.account_type == asked.account_type,
                )
            )
            record = self.record(session, row) if row is not None else None
        if record is None:
            return wire.FindAnswer(customer=None)
        return wire.FindAnswer(
            customer=wire.FoundCustomer(
                customer_no=record.customer_no,
                name=record.name,
                id_number=record.id_number,
                mobile=record.mobile,
                account=next(a for a in record.accounts if a.account_type == asked.account_type),
            )
        )

    def _profile(self, message: bytes, _key: str) -> wire.Message:
        asked = wire.ProfileRequest.model_validate_json(message)
        with self._database.transaction() as session:
            row = session.get(CounterCustomerRow, asked.customer_no)
            return wire.ProfileAnswer(record=None if row is None else self.record(session, row))

    def _phone(self, message: bytes, _key: str) -> wire.Message:
        asked = wire.PhoneRequest.model_validate_json(message)
        with self._database.transaction() as session:
            found = session.scalar(
                select(CounterPhoneRow.customer_no)
                .where(
                    CounterPhoneRow.number == self._blind_phone(asked.number),
                    CounterPhoneRow.customer_no != asked.except_customer_no,
                )
                .limit(1)
            )
        return wire.PhoneAnswer(taken=found is not None)

    def _photo(self, message: bytes, _key: str) -> wire.Message:
        asked = wire.PhotoRequest.model_validate_json(message)
        with self._database.transaction() as session:
            row = session.get(CounterPhotoRow, (asked.customer_no, asked.role))
        if row is None:
            return wire.PhotoAnswer(jpeg=None)
        jpeg = self._keyring.open(row.jpeg, f"counter_photo.jpeg:{asked.customer_no}/{asked.role}")
        return wire.PhotoAnswer(jpeg=b64encode(jpeg).decode())

    def _store_photo(self, message: bytes, _key: str) -> wire.Message:
        # The last picture stands; storing it twice is storing it once, so the key need not be kept.
        asked = wire.StorePhotoRequest.model_validate_json(message)
        place = f"counter_photo.jpeg:{asked.customer_no}/{asked.role}"
        sealed = self._keyring.seal(b64decode(asked.jpeg), place)
        with self._database.transaction() as session:
            row = {"customer_no": asked.customer_no, "role": asked.role, "jpeg": sealed}
            session.execute(
                insert(CounterPhotoRow)
                .values(row)
                .on_conflict_do_update(index_elements=["customer_no", "role"], set_={"jpeg": sealed})
            )
        return wire.StorePhotoAnswer(stored=True)

    def _update(self, asked: wire.UpdateRequest, key: str, mood: moods.Mood) -> wire.UpdateAnswer:
        if mood.mode in _REFUSING:
            code, text = _REFUSING[mood.mode]
            return wire.UpdateAnswer.model_validate({"return_code": code, "message": text})
        digest = self._keyring.blind(asked.model_dump_json(exclude_unset=True), "counter.update")
        if mood.mode == "slow":
            with self._database.transaction() as session:
                answer = self._begin(session, asked, key, digest)
            if answer is not None:
                return answer
            patient = mood.wait(self._patience)
        else:
            patient = True
        with self._database.transaction() as session:
            answer = self._begin(session, asked, key, digest) or self._apply(session, asked, key, digest)
        if not patient:
            raise CounterDown
        return answer

    def _begin(
        self, session: Session, asked: wire.UpdateRequest, key: str, digest: bytes
    ) -> wire.UpdateAnswer | None:
        """Mark the customer busy; answer at once if there is nothing to do."""
        row = session.get(CounterCustomerRow, asked.customer_no, with_for_update=True)
        if row is None:
            return wire.UpdateAnswer(return_code=wire.DATA_REFUSED, message="柜台没有该客户号")
        done = session.get(CounterUpdateRow, key)
        if done is not None:
            if done.request != digest:
                return wire.UpdateAnswer(return_code=wire.DATA_REFUSED, message="同一流水号的内容不同")
            return wire.UpdateAnswer.model_validate_json(done.answer)
        now = clock.now()
        if row.busy_key not in (None, key) and row.busy_until is not None and row.busy_until > now:
            return wire.UpdateAnswer(return_code=wire.BUSY, message="该客户已经有流程在处理中")
        row.busy_key, row.busy_until = key, now + _BUSY_FOR
        return None

    def _apply(
        self, session: Session, asked: wire.UpdateRequest, key: str, digest: bytes
    ) -> wire.UpdateAnswer:
        row = session.get_one(CounterCustomerRow, asked.customer_no, with_for_update=True)
        row.busy_key = row.busy_until = None
        record = self.record(session, row)
        moved = _moved(record, asked.expected)
        if moved:
            answer = wire.UpdateAnswer(return_code=wire.CONFLICT, message="柜台资料已变更", conflict=moved)
        else:
            changed = record.model_copy(update=_set_values(asked.changes))
            self.write(session, changed)
            now = clock.now()
            receipt = f"R{clock.shanghai(now):%Y%m%d}{digest.hex()[:12].upper()}"
            answer = wire.UpdateAnswer(return_code=wire.DONE, receipt_no=receipt, applied_at=now.isoformat())
        session.add(
            CounterUpdateRow(
                key=key,
                customer_no=asked.customer_no,
                request=digest,
                answer=answer.model_dump_json(),
                at=clock.now(),
            )
        )
        return answer

    def write(self, session: Session, record: wire.Record) -> None:
        """Put a record in place of the old one, or as a new one."""
        customer_no = record.customer_no
        plain = record.model_copy(update={"photos": ()}).model_dump_json().encode()
        sealed = self._keyring.seal(plain, f"counter_customer.record:{customer_no}")
        identity = self._blind_identity(record.id_number)
        session.execute(
            insert(CounterCustomerRow)
            .values(customer_no=customer_no, identity=identity, record=sealed)
            .on_conflict_do_update(index_elements=["customer_no"], set_={"record": sealed})
        )
        session.execute(delete(CounterPhoneRow).where(CounterPhoneRow.customer_no == customer_no))
        for digits in {wire.phone_digits(n) for n in (record.mobile, record.telephone)} - {""}:
            number = self._blind_phone(digits)
            session.execute(insert(CounterPhoneRow).values(customer_no=customer_no, number=number))
        for account in record.accounts:
            session.execute(
                insert(CounterAccountRow)
                .values(customer_no=customer_no, account_type=account.account_type)
                .on_conflict_do_nothing()
            )

    def record(self, session: Session, row: CounterCustomerRow) -> wire.Record:
        """Open what the counter has of a person."""
        plain = self._keyring.open(row.record, f"counter_customer.record:{row.customer_no}")
        roles = session.scalars(
            select(CounterPhotoRow.role)
            .where(CounterPhotoRow.customer_no == row.customer_no)
            .order_by(CounterPhotoRow.role)
        )
        record = wire.Record.model_validate_json(plain)
        return record.model_copy(update={"photos": tuple(roles)})

    def _blind_identity(self, id_number: str) -> bytes:
        return self._keyring.blind(id_number, "counter.identity")

    def _blind_phone(self, digits: str) -> bytes:
        return self._keyring.blind(digits, "counter.phone")


def embedded_counter(database: Database, keyring: Keyring, patience: float = math.inf) -> SpokenCounter:
    """Return the embedded counter."""
    return SpokenCounter(EmbeddedTransport(database, keyring, patience))


def enrol(
    database: Database, keyring: Keyring, profile: Profile, photos: Mapping[PhotoRole, bytes] | None = None
) -> bool:
    """Give the embedded counter a customer, unless it knows that ID number; return whether it was new."""
    transport = EmbeddedTransport(database, keyring)
    record = wire.wire_record(profile)
    with database.transaction() as session:
        identity = keyring.blind(profile.id_number, "counter.identity")
        if session.scalar(
            select(CounterCustomerRow.customer_no).where(CounterCustomerRow.identity == identity)
        ):
            return False
        transport.write(session, record)
    for role, jpeg in (photos or {}).items():
        message = {"customer_no": profile.customer_no, "role": role, "jpeg": b64encode(jpeg).decode()}
        transport.exchange(
            "store_photo", wire.StorePhotoRequest.model_validate(message).model_dump_json().encode()
        )
    return True


def enrolled_name(database: Database, keyring: Keyring, id_number: str) -> str | None:
    """Return the name that the embedded counter has under an ID number; None when it has none."""
    transport = EmbeddedTransport(database, keyring)
    identity = keyring.blind(id_number, "counter.identity")
    with database.reading() as session:
        row = session.scalar(select(CounterCustomerRow).where(CounterCustomerRow.identity == identity))
        return None if row is None else transport.record(session, row).name


def _set_values(values: wire.Values) -> dict[str, Any]:
    return {name: getattr(values, name) for name in values.model_fields_set}


def _moved(record: wire.Record, expected: wire.Values | None) -> tuple[str, ...]:
    if expected is None:
        return ()
    return tuple(name for name, value in _set_values(expected).items() if getattr(record, name) != value)
