"""A telephone of our own: messages arrive in a table and are read on the demonstration's phone.

It answers as a real gateway does, sends once for a key, and can be told to be down, slow or forgetful
(``handlers.moods``, system "sms").
"""

import math
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import DateTime, LargeBinary, String, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from engine import clock
from engine.store import Base, Database, Keyring
from handlers import moods
from handlers.sms import wire
from handlers.sms.protocol import SmsDown
from handlers.sms.spoken import Operation, SpokenGateway


class SmsOutboxRow(Base):
    """A message that was carried."""

    __tablename__ = "sms_outbox"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    number_index: Mapped[bytes] = mapped_column(LargeBinary, index=True, doc="blind index of the number")
    number: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed")
    text: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed")
    purpose: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


@dataclass(frozen=True)
class SentSms:
    """A message as the phone shows it."""

    number: str
    text: str
    purpose: str
    at: datetime


class EmbeddedTransport:
    """Carries messages into our own table.

    :param patience: seconds after which the asker thinks that a slow gateway is down.
    """

    def __init__(self, database: Database, keyring: Keyring, patience: float = 10.0) -> None:
        self._database = database
        self._keyring = keyring
        self._patience = patience

    def exchange(self, operation: Operation, message: bytes, key: str | None = None) -> bytes:
        """Answer one message, in the mood of the moment."""
        mood = moods.take(self._database, "sms")
        if mood.mode == "down":
            raise SmsDown
        asked = wire.SendRequest.model_validate_json(message)
        patient = mood.wait(self._patience)
        if mood.mode in ("refuse", "busy", "fail", "doubt_name"):
            answer = wire.SendAnswer(accepted=False, reason="该号码无法接收短信，请联系期货公司")
        else:
            answer = self._carry(key or "", asked)
        if mood.mode == "lose_reply" or not patient:
            raise SmsDown
        return answer.model_dump_json().encode()

    def _carry(self, key: str, asked: wire.SendRequest) -> wire.SendAnswer:
        row = {
            "key": key,
            "number_index": _index(self._keyring, asked.number),
            "number": self._keyring.seal_text(asked.number, f"sms_outbox.number:{key}"),
            "text": self._keyring.seal_text(asked.text, f"sms_outbox.text:{key}"),
            "purpose": asked.purpose,
            "at": clock.now(),
        }
        with self._database.transaction() as session:
            session.execute(insert(SmsOutboxRow).values(row).on_conflict_do_nothing())
            at = session.scalars(select(SmsOutboxRow.at).where(SmsOutboxRow.key == key)).one()
        message_id = sha256(key.encode()).hexdigest()[:20]
        return wire.SendAnswer(accepted=True, message_id=message_id, accepted_at=at.isoformat())


def embedded_gateway(database: Database, keyring: Keyring, patience: float = math.inf) -> SpokenGateway:
    """Return the embedded gateway."""
    return SpokenGateway(EmbeddedTransport(database, keyring, patience))


def outbox(database: Database, keyring: Keyring, limit: int = 50, number: str | None = None) -> list[SentSms]:
    """Return the messages carried, newest first; only those to ``number`` if one is given."""
    asked = select(SmsOutboxRow).order_by(SmsOutboxRow.at.desc(), SmsOutboxRow.key).limit(limit)
    if number is not None:
        asked = asked.where(SmsOutboxRow.number_index == _index(keyring, number))
    with database.transaction() as session:
        return [
            SentSms(
                keyring.open_text(row.number, f"sms_outbox.number:{row.key}"),
                keyring.open_text(row.text, f"sms_outbox.text:{row.key}"),
                row.purpose,
                row.at,
            )
            for row in session.scalars(asked)
        ]


def forget_outbox(database: Database, before: datetime) -> int:
    """Delete the messages carried before a moment; return how many."""
    with database.transaction() as session:
        gone = session.execute(
            delete(SmsOutboxRow).where(SmsOutboxRow.at < before).returning(SmsOutboxRow.key)
        )
        return len(gone.all())


def _index(keyring: Keyring, number: str) -> bytes:
    return keyring.blind(number, "sms.number")
