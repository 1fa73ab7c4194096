"""The engine's own tables. Nothing personal stands here unsealed but blind indexes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Sequence,
    String,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from engine.store.database import Base

Moment = DateTime(timezone=True)

#: Serial part of the acceptance number (domain 3.12): never reused, gaps allowed.
case_serial = Sequence("case_serial", metadata=Base.metadata)


class ReleaseRow(Base):
    """A set of diagrams, forms and tables, named by the hash of its contents; never changed."""

    __tablename__ = "release"

    id: Mapped[str] = mapped_column(
        String(64), primary_key=True, doc="SHA-256 of the canonical contents, hex"
    )
    contents: Mapped[bytes] = mapped_column(LargeBinary, doc="JSON: file name → text")
    types: Mapped[list[str]] = mapped_column(ARRAY(String(80)), doc="process ids a case may start with")
    published_at: Mapped[datetime] = mapped_column(Moment)
    published_by: Mapped[str] = mapped_column(String(80))
    current: Mapped[bool] = mapped_column(doc="new cases start here")

    __table_args__ = (Index("uq_release_current", "current", unique=True, postgresql_where=text("current")),)


class CaseRow(Base):
    """One application of one customer, running through one diagram."""

    __tablename__ = "case"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(80), doc="process id")
    category: Mapped[str] = mapped_column(String(40), doc="what part of the profile it changes")
    release_id: Mapped[str] = mapped_column(ForeignKey("release.id"))
    company: Mapped[str] = mapped_column(String(4))
    branch: Mapped[str] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(80), doc="the customer's id")
    open_key: Mapped[str | None] = mapped_column(
        String(200), doc="one open case a key (R-211); null once closed"
    )
    number: Mapped[str | None] = mapped_column(String(16), doc="acceptance number, 16 digits")
    state: Mapped[str] = mapped_column(String(40), doc="application state of domain 1.13")
    flags: Mapped[list[str]] = mapped_column(ARRAY(String(40)), doc="codes the reviewer is shown")
    opened_at: Mapped[datetime] = mapped_column(Moment)
    changed_at: Mapped[datetime] = mapped_column(Moment)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)
    key: Mapped[bytes] = mapped_column(LargeBinary, doc="the case's key, wrapped by the key ring")
    blob: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed state; see engine.diagrams.state")
    summary: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed JSON for lists: the masked name")
    steps: Mapped[int] = mapped_column(Integer, doc="steps taken so far")
    next_due: Mapped[datetime | None] = mapped_column(
        Moment, doc="when the earliest timer of the diagram fires"
    )
    journal_seq: Mapped[int] = mapped_column(Integer)
    journal_head: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        Index("uq_case_open_key", "open_key", unique=True, postgresql_where=text("open_key is not null")),
        Index("uq_case_number", "number", unique=True, postgresql_where=text("number is not null")),
        Index("ix_case_owner", "owner", "opened_at"),
        Index("ix_case_due", "next_due", postgresql_where=text("next_due is not null")),
    )


class WorkItemRow(Base):
    """A task that waits for a person, or waited: closed rows say who did it."""

    __tablename__ = "work_item"

    id: Mapped[UUID] = mapped_column(primary_key=True, doc="the engine's task id")
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    element: Mapped[str] = mapped_column(String(80))
    lane: Mapped[str] = mapped_column(String(40))
    form: Mapped[str] = mapped_column(String(80))
    branch: Mapped[str] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(80))
    opened_at: Mapped[datetime] = mapped_column(Moment)
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    claimed_by: Mapped[str | None] = mapped_column(String(80))
    claimed_at: Mapped[datetime | None] = mapped_column(Moment)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)
    closed_by: Mapped[str | None] = mapped_column(String(80))
    outcome: Mapped[str | None] = mapped_column(String(20), doc="done, back or cancelled")
    idle_at: Mapped[datetime | None] = mapped_column(
        Moment, doc="when, untouched, the case is sent a message"
    )
    idle_message: Mapped[str | None] = mapped_column(String(80))

    __table_args__ = (
        Index("ix_work_item_case", "case_id"),
        Index("ix_work_item_inbox", "lane", "branch", "due_at", postgresql_where=text("closed_at is null")),
        Index(
            "ix_work_item_idle", "idle_at", postgresql_where=text("closed_at is null and idle_at is not null")
        ),
        CheckConstraint("(claimed_by is null) = (claimed_at is null)", name="claimed_whole"),
    )


class DeskRow(Base):
    """What lies on the desk for one open task: typed but unsent answers, and what the server holds."""

    __tablename__ = "desk"

    task_id: Mapped[UUID] = mapped_column(ForeignKey("work_item.id"), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    contents: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed JSON {typed, held}")
    revision: Mapped[int] = mapped_column(Integer)
    session: Mapped[str] = mapped_column(String(64), doc="the session that wrote last (A-37)")
    changed_at: Mapped[datetime] = mapped_column(Moment)


class JobRow(Base):
    """A service task under way; the queue only wakes, this row says what is to be done."""

    __tablename__ = "job"

    task_id: Mapped[UUID] = mapped_column(primary_key=True, doc="the engine's task id: the idempotency key")
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    operator: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(10), doc="waiting or incident")
    attempts: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime] = mapped_column(Moment)
    problem: Mapped[str | None] = mapped_column(
        Text, doc="what the last attempt said, for staff; nothing personal"
    )
    opened_at: Mapped[datetime] = mapped_column(Moment)


class JournalRow(Base):
    """One link of a chain: what happened, sealed where it is personal."""

    __tablename__ = "journal"

    subject: Mapped[str] = mapped_column(String(80), primary_key=True, doc="case:<id> or staff:<id>")
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    kind: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(String(100))
    task_id: Mapped[UUID | None]
    open_part: Mapped[bytes] = mapped_column(
        LargeBinary, doc="JSON, nothing personal: elements started and ended"
    )
    sealed_part: Mapped[bytes | None] = mapped_column(LargeBinary, doc="sealed JSON: answers and results")
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class StaffChainRow(Base):
    """Head of the chain of what a member of staff did outside any case."""

    __tablename__ = "journal_head"

    subject: Mapped[str] = mapped_column(String(80), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer)
    head: Mapped[bytes] = mapped_column(LargeBinary)


class FileRow(Base):
    """A file of a case; the bytes lie sealed in the file store."""

    __tablename__ = "file"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    role: Mapped[str] = mapped_column(String(40))
    media_type: Mapped[str] = mapped_column(String(80))
    size: Mapped[int] = mapped_column(BigInteger, doc="bytes before sealing")
    sealed_sha256: Mapped[str] = mapped_column(
        String(64), doc="of the sealed bytes, hex: their name in the store"
    )
    digest: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed SHA-256 of the plain bytes")
    stored_at: Mapped[datetime] = mapped_column(Moment)


class EffectRow(Base):
    """Something done outside exactly once, by its key."""

    __tablename__ = "effect"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(Moment)
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("case.id"))
    result: Mapped[bytes | None] = mapped_column(LargeBinary, doc="sealed JSON")


class ParameterSetRow(Base):
    """One version of everything the company may set (R-222)."""

    __tablename__ = "parameter_set"

    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    values: Mapped[dict[str, Any]] = mapped_column(JSONB)
    changed_at: Mapped[datetime] = mapped_column(Moment)
    changed_by: Mapped[str] = mapped_column(String(80))
    approved_by: Mapped[str | None] = mapped_column(String(80))
