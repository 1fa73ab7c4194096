"""The same request twice: an Idempotency-Key stands for one start, however often it is sent.

A row of the effects table is written before the start and completed after it. A process that dies in
between leaves the key reserved for the same request, and the case's open key keeps the retry from
starting a second case.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import orjson
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from engine import Engine
from engine.store.tables import EffectRow

KIND = "api.start"


class KeyReused(Exception):
    """The key came with another request before."""


@dataclass(frozen=True)
class Done:
    """What was answered the first time."""

    case_id: UUID
    status: int


@dataclass(frozen=True)
class Slot:
    """A key, and the request it stands for."""

    key: str
    request: str


class Once:
    """Remembers starts by their key."""

    def __init__(self, engine: Engine) -> None:
        self._database = engine.database
        self._keyring = engine.keyring

    def slot(self, whose: str, key: str, request: bytes) -> Slot:
        """Name a key; two machines may choose the same one."""
        named = f"{KIND}:{whose}:{sha256(key.encode()).hexdigest()}"
        return Slot(named, self._keyring.blind(request.hex(), KIND).hex())

    def reserve(self, slot: Slot, now: datetime) -> Done | None:
        """Keep a key for a request; return what was answered to it before.

        :raises KeyReused: it stands for another request.
        """
        with self._database.transaction() as session:
            session.execute(
                insert(EffectRow)
                .values(key=slot.key, kind=KIND, at=now, result=self._seal(slot, 0))
                .on_conflict_do_nothing(index_elements=["key"])
            )
            row = session.get_one(EffectRow, slot.key)
            stored = orjson.loads(self._keyring.open(row.result or b"", _place(slot)))
        if stored["request"] != slot.request:
            raise KeyReused
        return Done(row.case_id, stored["status"]) if row.case_id is not None else None

    def done(self, slot: Slot, case_id: UUID, status: int) -> None:
        """Remember what was answered; the first answer stands."""
        with self._database.transaction() as session:
            session.execute(
                update(EffectRow)
                .where(EffectRow.key == slot.key, EffectRow.case_id.is_(None))
                .values(case_id=case_id, result=self._seal(slot, status))
            )

    def _seal(self, slot: Slot, status: int) -> bytes:
        return self._keyring.seal(orjson.dumps({"request": slot.request, "status": status}), _place(slot))


def _place(slot: Slot) -> str:
    return f"effect.result:{slot.key}"
