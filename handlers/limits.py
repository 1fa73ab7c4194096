"""How often something may be tried: counted in the database, so that no new session or process resets it.

What is counted is kept as a blind index: neither a number nor an address can be read here (domain 3.6).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    String,
    delete,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from engine.store import Base, Database, Keyring
from handlers.refused import CodeRefused

#: The customer's words for every limit (domain 3.6).
TOO_OFTEN = "获取次数过多，请稍后再试"
#: Longest span any rule looks back.
LONGEST = timedelta(days=1)


class TooOften(CodeRefused):
    """获取次数过多，请稍后再试"""

    def __init__(self, scope: str) -> None:
        super().__init__(TOO_OFTEN, "too_often")
        self.scope = scope


@dataclass(frozen=True)
class Rule:
    """At most ``most`` times in the last ``within`` for one ``value``.

    :param scope: what is counted, such as "sms.number".
    """

    scope: str
    value: str
    most: int
    within: timedelta


class AttemptRow(Base):
    """One attempt."""

    __tablename__ = "attempt"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    scope: Mapped[str] = mapped_column(String(40))
    value: Mapped[bytes] = mapped_column(LargeBinary, doc="blind index")
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_attempt_counted", "scope", "value", "at"), Index("ix_attempt_at", "at"))


def admit(session: Session, keyring: Keyring, now: datetime, *rules: Rule) -> None:
    """Count one attempt under every rule, or raise TooOften and count none.

    Two attempts at once are counted one after another; the locks last until the caller commits.
    """
    values = {(r.scope, r.value): keyring.blind(r.value, f"limit.{r.scope}") for r in rules}
    for key in sorted(int.from_bytes(v[:8], "big", signed=True) for v in values.values()):
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
    for rule in rules:
        counted = session.scalar(
            select(func.count())
            .select_from(AttemptRow)
            .where(
                AttemptRow.scope == rule.scope,
                AttemptRow.value == values[rule.scope, rule.value],
                AttemptRow.at > now - rule.within,
            )
        )
        if (counted or 0) >= rule.most:
            raise TooOften(rule.scope)
    rows = [{"scope": scope, "value": blind, "at": now} for (scope, _), blind in values.items()]
    session.execute(insert(AttemptRow), rows)


def forget_attempts(database: Database, now: datetime) -> None:
    """Delete what no rule looks at any more."""
    with database.transaction() as session:
        session.execute(delete(AttemptRow).where(AttemptRow.at < now - LONGEST))
