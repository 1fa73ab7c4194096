"""Tables of agreements: the company's own versions, and the papers of cases."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from engine.store import Base
from engine.store.tables import Moment


class VersionRow(Base):
    """A version of an agreement that the company made; its text never changes (R-220)."""

    __tablename__ = "agreement_version"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(40))
    version: Mapped[str] = mapped_column(String(24))
    title: Mapped[str] = mapped_column(String(60))
    html: Mapped[str] = mapped_column(Text, doc="the template")
    sha256: Mapped[str] = mapped_column(String(64), doc="of the template, hex")
    types: Mapped[list[str]] = mapped_column(ARRAY(String(80)), doc="process ids; empty: every business")
    account_types: Mapped[list[str]] = mapped_column(ARRAY(String(20)), doc="empty: both")
    effective_from: Mapped[date] = mapped_column(Date, doc="business day")
    made_by: Mapped[str] = mapped_column(String(80))
    made_at: Mapped[datetime] = mapped_column(Moment)
    approved_by: Mapped[str | None] = mapped_column(String(80))
    approved_at: Mapped[datetime | None] = mapped_column(Moment)
    withdrawn_by: Mapped[str | None] = mapped_column(String(80))
    withdrawn_at: Mapped[datetime | None] = mapped_column(Moment)
    preview: Mapped[bytes | None] = mapped_column(LargeBinary, doc="PDF with sample data, once it is made")

    __table_args__ = (
        UniqueConstraint("code", "version", name="uq_agreement_version_code"),
        CheckConstraint("approved_by <> made_by", name="four_eyes"),
        CheckConstraint("approved_at is null or withdrawn_at is null", name="one_end"),
        Index("ix_agreement_version_sha256", "code", "sha256"),
    )


class PaperRow(Base):
    """One agreement as PDF for one case, with a hole for the customer's signature; never changed."""

    __tablename__ = "agreement_paper"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    code: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(60))
    version: Mapped[str] = mapped_column(String(24))
    document_sha256: Mapped[str] = mapped_column(String(64), doc="of the template, hex")
    content: Mapped[str] = mapped_column(String(64), doc="hash of what is agreed to, hex")
    file_id: Mapped[UUID] = mapped_column(ForeignKey("file.id"))
    size: Mapped[int] = mapped_column(Integer)
    hole_start: Mapped[int] = mapped_column(Integer, doc="where `<` of the signature stands")
    hole_end: Mapped[int] = mapped_column(Integer, doc="just behind its `>`")
    digest: Mapped[bytes] = mapped_column(LargeBinary, doc="SHA-256 of everything but the hole")
    made_at: Mapped[datetime] = mapped_column(Moment)

    __table_args__ = (UniqueConstraint("case_id", "code", "content", name="uq_agreement_paper_case_id"),)
