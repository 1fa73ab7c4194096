"""Accounts of staff: who they are, how they prove it, and what they may see (R-002 to R-007).

Proof is a password and a one-time number of an authenticator. Wrong proofs are counted by login, whether
there is such a person or not, so that neither message nor time tells who works here.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pyotp
from sqlalchemy import BigInteger, DateTime, LargeBinary, String, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column

from engine import Actor, clock
from engine.company import Limits
from engine.store import Base, Database, Keyring
from handlers import limits, passwords, sign_in_lock
from handlers.refused import CodeRefused
from handlers.roles import fitting

WRONG = "登录名、密码或动态口令错误"
#: Sign-ins of all staff behind one address, an hour.
_FROM_ONE_ADDRESS = 120
_TOTP_SECONDS = 30


class StaffRefused(CodeRefused):
    """A sign-in or a change of an account was refused."""


class StaffRow(Base):
    """One member of staff."""

    __tablename__ = "staff"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(40), unique=True, doc="lower case")
    name: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed")
    password: Mapped[str] = mapped_column(String(200), doc="argon2id")
    totp: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed secret, base 32")
    totp_step: Mapped[int | None] = mapped_column(BigInteger, doc="last 30-second step that was used up")
    roles: Mapped[list[str]] = mapped_column(ARRAY(String(20)))
    branches: Mapped[list[str]] = mapped_column(ARRAY(String(40)), doc="empty: all of the company")
    company: Mapped[str] = mapped_column(String(4))
    licence: Mapped[str] = mapped_column(String(40), doc="执业资格证号, shown to customers (R-168)")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    disabled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


@dataclass(frozen=True)
class StaffMember:
    """A member of staff as pages show them."""

    id: UUID
    login: str
    name: str
    roles: frozenset[str]
    branches: frozenset[str]
    company: str
    licence: str
    disabled_at: datetime | None = None


@dataclass(frozen=True)
class NewStaff:
    """What a new account is told to the person once.

    :param totp: the authenticator's secret, base 32.
    :param totp_address: the same as an ``otpauth:`` address, for a QR code.
    """

    id: UUID
    login: str
    totp: str
    totp_address: str


class StaffAccounts:
    """Makes, changes and proves accounts of staff."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        # Somebody who does not work here is judged for as long as somebody who does.
        self._nobody = passwords.hash_password(keyring.derive("staff.nobody").hex())

    def verify(
        self, login: str, password: str, totp: str, *, rules: Limits, now: datetime, address: str = ""
    ) -> StaffMember:
        """Return who proved to be ``login``, or raise StaffRefused.

        :param now: business time, for the lock; the one-time number follows real time.
        """
        login, whose = login.strip().casefold(), f"staff|{login.strip().casefold()}"
        with self._database.transaction() as session:
            until = sign_in_lock.locked_until(session, self._keyring, whose, now)
            if until is None and address:
                hour = timedelta(hours=1)
                rule = limits.Rule("staff.address", address, _FROM_ONE_ADDRESS, hour)
                limits.admit(session, self._keyring, now, rule)
            row = session.scalar(select(StaffRow).where(StaffRow.login == login))
        if until is not None:
            raise _locked(until, now)
        right = passwords.matches(row.password if row is not None else self._nobody, password)
        with self._database.transaction() as session:
            if row is not None and right and row.disabled_at is None and self._use_totp(session, row, totp):
                sign_in_lock.forgive(session, self._keyring, whose)
                return self._member(row)
            most, minutes = rules.staff_wrong, rules.staff_lock_minutes
            until = sign_in_lock.count_wrong(session, self._keyring, whose, now, most=most, minutes=minutes)
        raise _locked(until, now) if until is not None else StaffRefused(WRONG, "staff_wrong")

    def actor(self, staff_id: str, session_name: str) -> Actor | None:
        """Return a signed-in member of staff with the rights of this moment; None once disabled."""
        member = self.get(staff_id)
        if member is None or member.disabled_at is not None:
            return None
        return Actor("staff", str(member.id), member.roles, member.branches, member.company, session_name)

    def get(self, staff_id: str) -> StaffMember | None:
        """Return a member of staff, or None."""
        try:
            key = UUID(staff_id)
        except ValueError:
            return None
        with self._database.reading() as session:
            row = session.get(StaffRow, key)
            return None if row is None else self._member(row)

    def everybody(self) -> list[StaffMember]:
        """Return all accounts, by login."""
        with self._database.reading() as session:
            return [self._member(row) for row in session.scalars(select(StaffRow).order_by(StaffRow.login))]

    def create(
        self,
        login: str,
        name: str,
        password: str,
        roles: frozenset[str],
        *,
        company: str,
        branches: frozenset[str] = frozenset(),
        licence: str = "",
    ) -> NewStaff:
        """Make an account; raises StaffRefused for a weak password or a login that is taken."""
        login = login.strip().casefold()
        self._complain(password, login)
        staff_id, secret = uuid4(), pyotp.random_base32()
        row = StaffRow(
            id=staff_id,
            login=login,
            name=self._keyring.seal_text(name, f"staff.name:{staff_id}"),
            password=passwords.hash_password(password),
            totp=self._keyring.seal_text(secret, f"staff.totp:{staff_id}"),
            roles=sorted(fitting(roles)),
            branches=sorted(branches),
            company=company,
            licence=licence,
            created_at=clock.now(),
        )
        with self._database.transaction() as session:
            if session.scalar(select(StaffRow.id).where(StaffRow.login == login)):
                raise StaffRefused("该登录名已被使用", "login_taken")
            session.add(row)
        return NewStaff(staff_id, login, secret, _address(secret, login))

    def change_rights(self, staff_id: UUID, roles: frozenset[str], branches: frozenset[str]) -> None:
        """Give an account other roles and branches; they hold from the next request on."""
        self._set(staff_id, roles=sorted(fitting(roles)), branches=sorted(branches))

    def change_password(self, staff_id: UUID, old: str, new: str) -> None:
        """Change one's own password; raises StaffRefused if the old one is wrong or the new one weak."""
        with self._database.transaction() as session:
            row = session.get_one(StaffRow, staff_id)
        if not passwords.matches(row.password, old):
            raise StaffRefused("原密码错误", "staff_wrong")
        self._complain(new, row.login)
        self._set(staff_id, password=passwords.hash_password(new))

    def reset(self, staff_id: UUID, password: str) -> NewStaff:
        """Give an account a first password and a new authenticator, after the person has lost them."""
        with self._database.transaction() as session:
            login = session.get_one(StaffRow, staff_id).login
        self._complain(password, login)
        secret = pyotp.random_base32()
        self._set(
            staff_id,
            password=passwords.hash_password(password),
            totp=self._keyring.seal_text(secret, f"staff.totp:{staff_id}"),
        )
        return NewStaff(staff_id, login, secret, _address(secret, login))

    def disable(self, staff_id: UUID, now: datetime) -> None:
        """Close an account: every next request of it is refused."""
        self._set(staff_id, disabled_at=now)

    def enable(self, staff_id: UUID) -> None:
        """Open a closed account again."""
        self._set(staff_id, disabled_at=None)

    def _set(self, staff_id: UUID, **values: object) -> None:
        with self._database.transaction() as session:
            session.execute(update(StaffRow).where(StaffRow.id == staff_id).values(**values))

    def _use_totp(self, session: Session, row: StaffRow, typed: str) -> bool:
        """Use up the step a one-time number belongs to; one before and one after are taken too."""
        totp = pyotp.TOTP(self._keyring.open_text(row.totp, f"staff.totp:{row.id}"))
        at = int(time.time()) // _TOTP_SECONDS
        typed = "".join(typed.split())
        steps = [s for s in (at - 1, at, at + 1) if totp.verify(typed, for_time=s * _TOTP_SECONDS)]
        if not steps:
            return False
        step = max(steps)
        used = session.execute(
            update(StaffRow)
            .where(StaffRow.id == row.id, or_(StaffRow.totp_step.is_(None), StaffRow.totp_step < step))
            .values(totp_step=step)
            .returning(StaffRow.id)
        ).first()
        return used is not None

    def _complain(self, password: str, login: str) -> None:
        if said := passwords.complaint(password, login):
            raise StaffRefused(said, "password")

    def _member(self, row: StaffRow) -> StaffMember:
        return StaffMember(
            row.id,
            row.login,
            self._keyring.open_text(row.name, f"staff.name:{row.id}"),
            frozenset(row.roles),
            frozenset(row.branches),
            row.company,
            row.licence,
            row.disabled_at,
        )


def _locked(until: datetime, now: datetime) -> StaffRefused:
    minutes = max(1, -int(-(until - now).total_seconds() // 60))
    return StaffRefused(f"登录失败次数过多，请{minutes}分钟后再试", "staff_locked")


def _address(secret: str, login: str) -> str:
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name="Kaihu")
