"""Tokens: how programs prove who they are.

A token is 256 random bits; the table holds its SHA-256, so whoever reads the table can use none of them.
It belongs either to a member of staff, whose rights of the moment it can narrow but never widen, or to a
machine: another system of the company, with the roles ``integrator`` and ``auditor`` that no person has.
Times are real time.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

from sqlalchemy import LargeBinary, String, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from engine import Actor, Engine
from engine.store import Base, JournalEntry
from engine.store.tables import Moment
from handlers.staff import StaffAccounts, StaffRow

#: What every token begins with, so that people and secret scanners know one when they see it.
PREFIX = "kaihu_"
TOKEN_BYTES = 32
#: The last use is written at most this often.
TOUCH = timedelta(minutes=1)
LONGEST = timedelta(days=366)
#: What a machine may be trusted with: start cases for customers, read journals without their sealed parts.
MACHINE_ROLES = frozenset({"integrator", "auditor"})


class TokenRefused(Exception):
    """Such a token is not made; the text says what to change."""


class ApiTokenRow(Base):
    """One token; revoked and expired ones stay, so that a journal's names can be looked up."""

    __tablename__ = "api_token"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), doc="what it is for; of a machine, its name in the journal")
    staff_id: Mapped[UUID | None] = mapped_column(index=True, doc="null: a machine's")
    roles: Mapped[list[str]] = mapped_column(ARRAY(String(20)), doc="of a person's token, empty: all of them")
    branches: Mapped[list[str]] = mapped_column(ARRAY(String(40)), doc="empty: all")
    company: Mapped[str] = mapped_column(String(4))
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True, doc="SHA-256 of the token")
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
    last_used_at: Mapped[datetime | None] = mapped_column(Moment, doc="to the minute")


@dataclass(frozen=True)
class Made:
    """A new token; nobody can show it a second time."""

    id: UUID
    token: str
    expires_at: datetime


@dataclass(frozen=True)
class Holder:
    """Who knocks."""

    token_id: UUID
    actor: Actor


class Tokens:
    """Makes, finds and revokes tokens."""

    def __init__(self, engine: Engine, staff: StaffAccounts) -> None:
        self._database = engine.database
        self._journal = engine.journal
        self._staff = staff
        self._engine = engine

    def create(
        self,
        name: str,
        *,
        by: str,
        lasts: timedelta = timedelta(days=90),
        login: str | None = None,
        roles: frozenset[str] = frozenset(),
        branches: frozenset[str] = frozenset(),
    ) -> Made:
        """Make a token.

        :param login: the member of staff it acts for; None for a machine, which needs ``roles``.
        :param by: who asked for it, as the journal names people, such as ``system:command line``.
        :raises TokenRefused: with what to change.
        """
        if not (name.isascii() and name.replace("-", "").replace("_", "").isalnum() and len(name) <= 40):
            raise TokenRefused("name: letters, digits, - and _ only, at most 40")
        if not timedelta() < lasts <= LONGEST:
            raise TokenRefused(f"a token lasts at least a day and at most {LONGEST.days}")
        staff_id = self._owner(login, roles, branches)
        now, token_id = datetime.now(UTC), uuid4()
        token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
        row = ApiTokenRow(
            id=token_id,
            name=name,
            staff_id=staff_id,
            roles=sorted(roles),
            branches=sorted(branches),
            company=self._engine.parameters().company.number,
            digest=_digest(token),
            created_at=now,
            expires_at=now + lasts,
        )
        facts = {"token": str(token_id), "name": name, "roles": row.roles, "branches": row.branches}
        whose = str(staff_id) if staff_id else _machine(name)
        with self._database.transaction() as session:
            session.add(row)
            self._journal.write_staff(session, whose, JournalEntry("token.created", by, facts), now)
        return Made(token_id, token, row.expires_at)

    def revoke(self, token_id: UUID, *, by: str) -> bool:
        """End a token at once; False when there is no such one, or it has ended before."""
        now = datetime.now(UTC)
        with self._database.transaction() as session:
            row = session.get(ApiTokenRow, token_id, with_for_update=True)
            if row is None or row.revoked_at is not None:
                return False
            row.revoked_at = now
            whose = str(row.staff_id) if row.staff_id else _machine(row.name)
            entry = JournalEntry("token.revoked", by, {"token": str(token_id), "name": row.name})
            self._journal.write_staff(session, whose, entry, now)
        return True

    def all(self) -> list[ApiTokenRow]:
        """Return every token, the newest first."""
        with self._database.reading() as session:
            return list(session.scalars(select(ApiTokenRow).order_by(ApiTokenRow.created_at.desc())))

    def holder(self, token: str) -> Holder | None:
        """Return who holds a token, with the rights of this moment; None whatever may be wrong with it."""
        now = datetime.now(UTC)
        with self._database.reading() as session:
            row = session.scalar(select(ApiTokenRow).where(ApiTokenRow.digest == _digest(token)))
        if (
            row is None
            or row.revoked_at is not None
            or row.expires_at <= now
            or row.company != self._engine.parameters().company.number
        ):
            return None
        actor = self._person(row) if row.staff_id else self._of_machine(row)
        if actor is None:
            return None
        if row.last_used_at is None or now - row.last_used_at >= TOUCH:
            self._touch(row.id, now)
        return Holder(row.id, actor)

    def _touch(self, token_id: UUID, now: datetime) -> None:
        """Note the use, once where several requests see that it is time."""
        stale = or_(ApiTokenRow.last_used_at.is_(None), ApiTokenRow.last_used_at <= now - TOUCH)
        with self._database.transaction() as session:
            session.execute(
                update(ApiTokenRow).where(ApiTokenRow.id == token_id, stale).values(last_used_at=now)
            )

    def _person(self, row: ApiTokenRow) -> Actor | None:
        found = self._staff.actor(str(row.staff_id), f"api:{row.id}")
        if found is None:
            return None
        roles = found.roles & frozenset(row.roles) if row.roles else found.roles
        own, asked = found.branches, frozenset(row.branches)
        branches = own & asked if own and asked else own or asked
        if not roles or ((own or asked) and not branches):
            # Nothing is left of what the token was given; an empty set of branches would mean all of them.
            return None
        return Actor("staff", found.id, roles, branches, found.company, found.session)

    @staticmethod
    def _of_machine(row: ApiTokenRow) -> Actor:
        roles = MACHINE_ROLES & frozenset(row.roles)
        return Actor(
            "staff", _machine(row.name), roles, frozenset(row.branches), row.company, f"api:{row.id}"
        )

    def _owner(self, login: str | None, roles: frozenset[str], branches: frozenset[str]) -> UUID | None:
        if login is None:
            if not roles or not roles <= MACHINE_ROLES:
                raise TokenRefused(
                    f"a machine has one or more of the roles {', '.join(sorted(MACHINE_ROLES))}"
                )
            return None
        with self._database.reading() as session:
            row = session.scalar(
                select(StaffRow).where(
                    StaffRow.login == login.strip().casefold(), StaffRow.disabled_at.is_(None)
                )
            )
        if row is None:
            raise TokenRefused(f"nobody on the staff signs in as {login}")
        if not roles <= frozenset(row.roles):
            raise TokenRefused(f"{login} has only the roles {', '.join(row.roles)}")
        if row.branches and not branches <= frozenset(row.branches):
            raise TokenRefused(f"{login} sees only {', '.join(row.branches)}")
        return row.id


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _machine(name: str) -> str:
    """Return how the journal names a machine; no member of staff has an id like this."""
    return f"api/{name}"
