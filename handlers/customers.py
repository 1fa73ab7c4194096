"""Customers: who signs in, and what the counter says of them (R-055 to R-060, R-077).

The counter is the master. Kept here are the person's handle, the last copy of the profile for a day
when the counter is down, and which privacy policy was agreed to when; all of it sealed.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import structlog
from sqlalchemy import DateTime, LargeBinary, String, UniqueConstraint, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from engine import clock
from engine.parameters import Parameters
from engine.store import Base, Database, Keyring
from forms.rules import id_number as id_numbers
from handlers import limits, sign_in_lock
from handlers.counter import (
    AccountType,
    Counter,
    CounterCustomer,
    CounterDown,
    PhotoRole,
    Profile,
    Status,
)
from handlers.refused import CodeRefused

log = structlog.get_logger("handlers.customers")

NOT_THERE = "柜台校验客户不存在"
NOT_OPENED = "尚未开通对应账户类型账号，需要开通后才可使用，如有疑问请联系期货公司，联系电话：{hotline}"
HIDDEN = "您的登录信息有误或账户不存在，如有疑问请联系期货公司咨询，联系电话：{hotline}"
DOWN = "柜台系统暂时无法连接，请稍后再试或联系期货公司"
NO_MOBILE = "您的账户未预留可接收短信的手机号，请联系期货公司办理，联系电话：{hotline}"
STATUSES: dict[Status, str] = {
    "closed": "您的账户已销户，不能办理本业务，如有疑问请联系期货公司，联系电话：{hotline}",
    "frozen": "您的账户已冻结，不能办理本业务，如有疑问请联系期货公司，联系电话：{hotline}",
    "dormant": "您的账户已休眠，请先联系期货公司激活，联系电话：{hotline}",
}

#: A look-up takes a whole number of these, in seconds: found or not found cannot be told by the time (R-056).
BEAT = 0.25


class SignInRefused(CodeRefused):
    """A sign-in was refused before any code was sent.

    :param explanation: a second sentence: what to do.
    """

    def __init__(self, message: str, code: str, explanation: str = "") -> None:
        super().__init__(message, code)
        self.explanation = explanation


class CustomerRow(Base):
    """One person with one account type, since the first sign-in."""

    __tablename__ = "customer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    company: Mapped[str] = mapped_column(String(4))
    account_type: Mapped[str] = mapped_column(String(20))
    account: Mapped[bytes] = mapped_column(LargeBinary, doc="blind index of ID number and account type")
    person: Mapped[bytes] = mapped_column(LargeBinary, index=True, doc="blind index of the ID number")
    id_number: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed")
    name: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed")
    customer_no: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed")
    branch: Mapped[str] = mapped_column(String(40))
    profile: Mapped[bytes | None] = mapped_column(LargeBinary, doc="sealed JSON of the last profile read")
    read_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    privacy_version: Mapped[str | None] = mapped_column(String(40))
    privacy_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    first_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (UniqueConstraint("company", "account"),)


@dataclass(frozen=True)
class Customer:
    """A customer as the rest of the product knows them; ``id`` is the owner of their cases."""

    id: UUID
    company: str
    account_type: AccountType
    name: str
    id_number: str
    customer_no: str
    branch: str
    privacy_version: str | None


@dataclass(frozen=True)
class SeenProfile:
    """A profile, and whether it is fresh.

    :param data: ``data["profile"]`` of a case.
    :param stale: True for the last copy, shown because the counter is down; nothing may be started on it.
    """

    data: dict[str, Any]
    read_at: datetime
    stale: bool


class Customers:
    """Finds customers at the counter and keeps their handles."""

    def __init__(self, database: Database, keyring: Keyring, counter: Counter, beat: float = BEAT) -> None:
        self._database = database
        self._keyring = keyring
        self._counter = counter
        self._beat = beat

    def sign_in_lookup(
        self,
        id_number: str,
        account_type: AccountType,
        parameters: Parameters,
        now: datetime,
        address: str = "",
    ) -> CounterCustomer:
        """Return who wants to sign in, or raise SignInRefused; ask only after a right captcha.

        :raises SignInLocked: too many wrong codes, in whatever browser.
        :raises TooOften: one address or one ID number asked too often.
        """
        id_number = id_numbers.normalise(id_number)
        if said := id_numbers.complaint(id_number, clock.shanghai(now).date()):
            raise SignInRefused(said, "minor" if said == id_numbers.MINOR else "id_number")
        whose = sign_in_lock.subject(id_number, account_type)
        rules = parameters.limits
        with self._database.transaction() as session:
            if until := sign_in_lock.locked_until(session, self._keyring, whose, now):
                raise sign_in_lock.SignInLocked(until, now)
            counted = [limits.Rule("lookup.identity", id_number, rules.lookups_per_day, timedelta(days=1))]
            if address:
                hour = timedelta(hours=1)
                counted.append(limits.Rule("lookup.address", address, rules.address_per_hour, hour))
            limits.admit(session, self._keyring, now, *counted)
        with _even_time(self._beat):
            try:
                found = self._counter.find(id_number, account_type)
            except CounterDown:
                log.warning("counter down at sign-in")
                raise SignInRefused(DOWN, "counter_down") from None
        return self._admitted(found, whose, parameters)

    def _admitted(self, found: CounterCustomer | None, whose: str, parameters: Parameters) -> CounterCustomer:
        hotline = parameters.company.hotline
        who = self._keyring.blind(whose, "customer.account").hex()[:12]
        status = found.account.status if found is not None else None
        if found is not None and status == "normal":
            if not found.mobile:
                raise SignInRefused(NO_MOBILE.format(hotline=hotline), "no_mobile")
            return found
        log.info("sign-in refused", account=who, status=status or "unknown")
        if parameters.login_hide_existence:
            raise SignInRefused(HIDDEN.format(hotline=hotline), "hidden")
        if status is None:
            raise SignInRefused(NOT_THERE, "unknown", NOT_OPENED.format(hotline=hotline))
        raise SignInRefused(STATUSES[status].format(hotline=hotline), status)

    def enter(
        self,
        session: Session,
        found: CounterCustomer,
        parameters: Parameters,
        now: datetime,
        *,
        agreed: bool = True,
    ) -> Customer:
        """Keep the handle of somebody who has signed in.

        :param agreed: the privacy policy in force was agreed to just now (R-060).
        """
        company = parameters.company.number
        account = self._keyring.blind(f"{found.id_number}|{found.account.type}", "customer.account")
        known = session.scalar(
            select(CustomerRow.id).where(CustomerRow.company == company, CustomerRow.account == account)
        )
        customer_id = known or uuid4()
        values = {
            "id_number": self._seal(customer_id, "id_number", found.id_number),
            "name": self._seal(customer_id, "name", found.name),
            "customer_no": self._seal(customer_id, "customer_no", found.customer_no),
            "branch": found.account.branch,
            "last_at": now,
        }
        entered = insert(CustomerRow).values(
            id=customer_id,
            company=company,
            account_type=found.account.type,
            account=account,
            person=self._person(found.id_number),
            first_at=now,
            **values,
        )
        if known is not None:
            session.execute(update(CustomerRow).where(CustomerRow.id == known).values(values))
        else:
            session.execute(entered.on_conflict_do_nothing(index_elements=["company", "account"]))
        row = session.scalars(
            select(CustomerRow).where(CustomerRow.company == company, CustomerRow.account == account)
        ).one()
        if agreed and row.privacy_version != parameters.privacy_version:
            row.privacy_version, row.privacy_at = parameters.privacy_version, now
        return self._customer(row)

    def agreed_privacy(self, found: CounterCustomer, parameters: Parameters) -> bool:
        """Tell whether this person has agreed to the privacy policy in force."""
        account = self._keyring.blind(f"{found.id_number}|{found.account.type}", "customer.account")
        company = parameters.company.number
        with self._database.transaction() as session:
            version = session.scalar(
                select(CustomerRow.privacy_version).where(
                    CustomerRow.company == company, CustomerRow.account == account
                )
            )
        return version == parameters.privacy_version

    def get(self, customer_id: str | UUID) -> Customer | None:
        """Return a customer by id, or None."""
        try:
            key = customer_id if isinstance(customer_id, UUID) else UUID(customer_id)
        except ValueError:
            return None
        with self._database.transaction() as session:
            row = session.get(CustomerRow, key)
            return None if row is None else self._customer(row)

    def of_person(self, id_number: str, company: str) -> list[Customer]:
        """Return the accounts of a person that have signed in here."""
        with self._database.transaction() as session:
            rows = session.scalars(
                select(CustomerRow)
                .where(CustomerRow.person == self._person(id_number), CustomerRow.company == company)
                .order_by(CustomerRow.account_type)
            )
            return [self._customer(row) for row in rows]

    def profile_of(self, customer: Customer, now: datetime) -> SeenProfile:
        """Read the profile at the counter; if it is down, return the last copy, marked stale (R-077).

        :raises CounterDown: the counter is down and there is no copy.
        """
        try:
            profile = self._counter.profile(customer.customer_no)
        except CounterDown:
            return self._last_copy(customer.id)
        data = profile_data(profile, customer.account_type, now)
        self.remember_profile(customer.id, data, now)
        return SeenProfile(data, now, stale=False)

    def remember_profile(self, customer_id: UUID, data: dict[str, Any], now: datetime) -> None:
        """Keep a copy for a day when the counter is down."""
        sealed = self._keyring.seal(orjson.dumps(data), f"customer.profile:{customer_id}")
        with self._database.transaction() as session:
            session.execute(
                update(CustomerRow).where(CustomerRow.id == customer_id).values(profile=sealed, read_at=now)
            )

    def photo_on_file(self, customer: Customer, role: PhotoRole) -> bytes | None:
        """Return a picture the counter has on file, as JPEG, or None (R-101)."""
        return self._counter.photo(customer.customer_no, role)

    def _last_copy(self, customer_id: UUID) -> SeenProfile:
        with self._database.transaction() as session:
            row = session.get(CustomerRow, customer_id)
        if row is None or row.profile is None or row.read_at is None:
            raise CounterDown
        data = orjson.loads(self._keyring.open(row.profile, f"customer.profile:{customer_id}"))
        return SeenProfile(data, row.read_at, stale=True)

    def _customer(self, row: CustomerRow) -> Customer:
        return Customer(
            row.id,
            row.company,
            "futures" if row.account_type == "futures" else "asset_management",
            self._open(row.id, "name", row.name),
            self._open(row.id, "id_number", row.id_number),
            self._open(row.id, "customer_no", row.customer_no),
            row.branch,
            row.privacy_version,
        )

    def _person(self, id_number: str) -> bytes:
        return self._keyring.blind(id_number, "customer.person")

    def _seal(self, customer_id: UUID, column: str, plain: str) -> bytes:
        return self._keyring.seal_text(plain, f"customer.{column}:{customer_id}")

    def _open(self, customer_id: UUID, column: str, sealed: bytes) -> str:
        return self._keyring.open_text(sealed, f"customer.{column}:{customer_id}")


def profile_data(profile: Profile, account_type: AccountType, now: datetime) -> dict[str, Any]:
    """Return ``data["profile"]`` of a case: the profile as one account of the person sees it."""
    account = profile.account(account_type)
    data = profile.model_dump(mode="json", exclude={"accounts", "photos"})
    return {
        **data,
        "account_type": account_type,
        "branch": account.branch if account is not None else "",
        "status": account.status if account is not None else "closed",
        "photos": {role: role in profile.photos for role in ("front", "back", "signature")},
        "read_at": now.isoformat(),
    }


@contextmanager
def _even_time(beat: float) -> Iterator[None]:
    """Make what is inside take a whole number of beats, whatever comes of it."""
    began = time.monotonic()
    try:
        yield
    finally:
        time.sleep(beat - (time.monotonic() - began) % beat if beat else 0)
