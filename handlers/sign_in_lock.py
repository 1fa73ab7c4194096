"""The lock on sign-in: five wrong codes close it for half an hour, whatever browser is used (3.6, G-06).

It belongs to the ID number with the account type, not to a session: a new one changes nothing.
"""

from datetime import datetime, timedelta

from sqlalchemy import DateTime, Integer, LargeBinary, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from engine.store import Base, Keyring
from handlers.refused import CodeRefused

#: Wrong codes longer apart than this do not add up.
_TOGETHER = timedelta(days=1)


class SignInLocked(CodeRefused):
    """验证码错误次数过多，登录已锁定

    :param until: when sign-in opens again.
    """

    def __init__(self, until: datetime, now: datetime) -> None:
        minutes = max(1, -int(-(until - now).total_seconds() // 60))
        self.until = until
        self.minutes = minutes
        super().__init__(f"验证码错误次数过多，登录已锁定，请{minutes}分钟后再试", "locked")


class SignInLockRow(Base):
    """Wrong answers of one ID number and account type, or of one login of staff."""

    __tablename__ = "sign_in_lock"

    subject: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, doc="blind index")
    wrong: Mapped[int] = mapped_column(Integer)
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    locked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


def subject(id_number: str, account_type: str) -> str:
    """Return what a lock belongs to."""
    return f"{id_number}|{account_type}"


def locked_until(session: Session, keyring: Keyring, whose: str, now: datetime) -> datetime | None:
    """Return until when sign-in is locked, or None."""
    until = session.scalar(
        select(SignInLockRow.locked_until).where(SignInLockRow.subject == _index(keyring, whose))
    )
    return until if until is not None and until > now else None


def count_wrong(
    session: Session, keyring: Keyring, whose: str, now: datetime, *, most: int, minutes: int
) -> datetime | None:
    """Count a wrong answer, of which the ``most``-th locks; return until when sign-in is locked, or None."""
    index = _index(keyring, whose)
    session.execute(
        insert(SignInLockRow).values(subject=index, wrong=0, last_at=now).on_conflict_do_nothing()
    )
    row = session.get_one(SignInLockRow, index, with_for_update=True)
    row.wrong = row.wrong + 1 if now - row.last_at < _TOGETHER else 1
    row.last_at = now
    if row.wrong >= most:
        row.wrong = 0
        row.locked_until = now + timedelta(minutes=minutes)
    return row.locked_until if row.locked_until is not None and row.locked_until > now else None


def forgive(session: Session, keyring: Keyring, whose: str) -> None:
    """Forget the wrong codes after a right one."""
    session.execute(delete(SignInLockRow).where(SignInLockRow.subject == _index(keyring, whose)))


def _index(keyring: Keyring, whose: str) -> bytes:
    return keyring.blind(whose, "sign_in_lock")
