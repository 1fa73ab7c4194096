"""Tables of signing: the right to sign, and what was signed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from engine.store import Base
from engine.store.tables import Moment


class TicketRow(Base):
    """The right to sign a case's papers once."""

    __tablename__ = "signing_ticket"

    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, doc="SHA-256 of the token")
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    owner: Mapped[str] = mapped_column(String(80), doc="the customer's id")
    session: Mapped[bytes] = mapped_column(LargeBinary, doc="SHA-256 of the browser session's name")
    serial: Mapped[str] = mapped_column(String(40), doc="the certificate")
    content: Mapped[str] = mapped_column(String(64), doc="SHA-256 of what the case agrees to, hex")
    papers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, doc="[{code, id, document, digest}]")
    asked_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(Moment, doc="when a later one took its place")
    used_at: Mapped[datetime | None] = mapped_column(Moment)
    signatures: Mapped[bytes | None] = mapped_column(
        LargeBinary, doc="SHA-256 of the signatures it was used for: the very same ones may come again"
    )

    __table_args__ = (
        Index(
            "uq_signing_ticket_open",
            "case_id",
            unique=True,
            postgresql_where=text("ended_at is null and used_at is null"),
        ),
    )


class SignatureRow(Base):
    """One paper of a case, signed; the file changes as the signature is dated, sealed and archived."""

    __tablename__ = "signature"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    ticket: Mapped[bytes] = mapped_column(LargeBinary)
    code: Mapped[str] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(200))
    version: Mapped[str] = mapped_column(String(40))
    document_sha256: Mapped[str] = mapped_column(String(64), doc="of the version's text, hex")
    paper_id: Mapped[UUID] = mapped_column()
    content: Mapped[str] = mapped_column(String(64), doc="SHA-256 of what the case agrees to, hex")
    serial: Mapped[str] = mapped_column(String(40), doc="the certificate")
    value: Mapped[bytes] = mapped_column(LargeBinary, doc="the ECDSA signature, DER")
    digest: Mapped[bytes] = mapped_column(LargeBinary, doc="SHA-256 of the PDF without the hole")
    start: Mapped[int] = mapped_column(Integer, doc="where the hole begins")
    end: Mapped[int] = mapped_column(Integer, doc="where the PDF goes on after it")
    level: Mapped[str] = mapped_column(String(3), doc="B, T or LTA")
    signed_at: Mapped[datetime] = mapped_column(Moment, doc="business time")
    stamped_at: Mapped[datetime | None] = mapped_column(Moment, doc="real time, as the timestamp says")
    status: Mapped[bytes | None] = mapped_column(
        LargeBinary, doc="answer about the certificate, DER, asked for right after the date"
    )
    file_id: Mapped[UUID] = mapped_column(ForeignKey("file.id"))
    sha256: Mapped[str] = mapped_column(String(64), doc="of the file, hex")
    size: Mapped[int] = mapped_column(Integer)
    seal_wanted_at: Mapped[datetime | None] = mapped_column(Moment, doc="when the review accepted it")
    archived_at: Mapped[datetime | None] = mapped_column(Moment, doc="real time")

    __table_args__ = (
        Index("uq_signature_paper", "ticket", "code", unique=True),
        Index("ix_signature_case", "case_id", "signed_at"),
        Index(
            "ix_signature_waiting",
            "signed_at",
            postgresql_where=text("status is null or (seal_wanted_at is not null and archived_at is null)"),
        ),
    )
