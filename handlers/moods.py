"""How the embedded counter, telephone company and police data behave: well, or as badly as real ones may.

A demonstration and the tests set a mood; a mood that is set for a number of requests wears off.
"""

import time
from dataclasses import dataclass
from typing import Literal, cast, get_args

from sqlalchemy import Integer, String, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from engine.store import Base, Database

Mode = Literal["normal", "down", "slow", "lose_reply", "busy", "refuse", "doubt_name", "fail"]
MODES: tuple[Mode, ...] = get_args(Mode)


class MoodRow(Base):
    """The mood of one embedded system; no row is a good mood."""

    __tablename__ = "mood"

    system: Mapped[str] = mapped_column(String(20), primary_key=True)
    mode: Mapped[str] = mapped_column(String(20))
    remaining: Mapped[int | None] = mapped_column(Integer, doc="requests it lasts; null: until it is changed")
    delay_ms: Mapped[int] = mapped_column(Integer)


@dataclass(frozen=True)
class Mood:
    """What is done to one request."""

    mode: Mode = "normal"
    #: Seconds a slow system takes.
    delay: float = 0.0

    def wait(self, patience: float) -> bool:
        """Take the time that is taken; return False if the asker's ``patience`` (seconds) is over before."""
        if self.mode != "slow":
            return True
        time.sleep(min(self.delay, patience))
        return self.delay <= patience


def set_mood(
    database: Database, system: str, mode: Mode, *, remaining: int | None = None, delay: float = 0.0
) -> None:
    """Let "counter", "sms" or "police" behave so, for ``remaining`` requests or until told otherwise."""
    if mode not in MODES:
        raise ValueError(f"no such mood: {mode}")
    with database.transaction() as session:
        session.execute(delete(MoodRow).where(MoodRow.system == system))
        if mode != "normal":
            values = {"mode": mode, "remaining": remaining, "delay_ms": round(delay * 1000)}
            session.execute(insert(MoodRow).values(system=system, **values))


def take(database: Database, system: str) -> Mood:
    """Return the mood for one request, which uses it up."""
    with database.transaction() as session:
        row = session.scalar(select(MoodRow).where(MoodRow.system == system))
        if row is None:
            return Mood()
        if row.remaining is not None:
            taken = session.execute(
                update(MoodRow)
                .where(MoodRow.system == system, MoodRow.remaining > 0)
                .values(remaining=MoodRow.remaining - 1)
                .returning(MoodRow.mode)
            ).first()
            if taken is None:
                return Mood()
        return Mood(cast(Mode, row.mode), row.delay_ms / 1000)
