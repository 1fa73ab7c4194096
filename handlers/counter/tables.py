"""The embedded counter's tables; what is personal is sealed, and found again through blind indexes."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from engine.store import Base

Moment = DateTime(timezone=True)


class CounterCustomerRow(Base):
    """One person at the embedded counter."""

    __tablename__ = "counter_customer"

    customer_no: Mapped[str] = mapped_column(String(40), primary_key=True)
    identity: Mapped[bytes] = mapped_column(LargeBinary, unique=True, doc="blind index of the ID number")
    record: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed Record of the wire, without its pictures")
    busy_key: Mapped[str | None] = mapped_column(String(200), doc="the update under way")
    busy_until: Mapped[datetime | None] = mapped_column(Moment)


class CounterAccountRow(Base):
    """Which accounts a person has; the record says the rest."""

    __tablename__ = "counter_account"

    customer_no: Mapped[str] = mapped_column(ForeignKey("counter_customer.customer_no"), primary_key=True)
    account_type: Mapped[str] = mapped_column(String(1), primary_key=True, doc="1 or 2 (domain 3.3)")


class CounterPhoneRow(Base):
    """Whose a phone number is, mobile or contact phone."""

    __tablename__ = "counter_phone"

    customer_no: Mapped[str] = mapped_column(ForeignKey("counter_customer.customer_no"), primary_key=True)
    number: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, doc="blind index of the digits")

    __table_args__ = (Index("ix_counter_phone_number", "number"),)


class CounterPhotoRow(Base):
    """A picture on file."""

    __tablename__ = "counter_photo"

    customer_no: Mapped[str] = mapped_column(ForeignKey("counter_customer.customer_no"), primary_key=True)
    role: Mapped[str] = mapped_column(String(10), primary_key=True, doc="front, back or signature")
    jpeg: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed")


class CounterUpdateRow(Base):
    """An update that was answered: the same key gets the same answer again."""

    __tablename__ = "counter_update"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    customer_no: Mapped[str] = mapped_column(String(40))
    request: Mapped[bytes] = mapped_column(LargeBinary, doc="keyed hash of what was asked")
    answer: Mapped[str] = mapped_column(Text, doc="UpdateAnswer as JSON, nothing personal")
    at: Mapped[datetime] = mapped_column(Moment)
