"""Tables of the authority and of the customers' certificates; what they hold is told in the package."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.store import Base


class UnitRow(Base):
    """A unit of the embedded authority: its certificate and, but for the root, its sealed key."""

    __tablename__ = "ca_unit"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(String(8), doc="root, issuing, ocsp, tsa or seal")
    generation: Mapped[int] = mapped_column(Integer, doc="counts within the role, from 1")
    issuer_id: Mapped[UUID] = mapped_column(ForeignKey("ca_unit.id"), doc="the root's is its own")
    state: Mapped[str] = mapped_column(
        String(10),
        doc="active; answering: signs lists and has a responder, but issues nothing; ended; revoked",
    )
    serial: Mapped[str] = mapped_column(String(40), unique=True)
    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    key: Mapped[bytes | None] = mapped_column(LargeBinary, doc="sealed; none of the root, which is offline")
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    not_after: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str | None] = mapped_column(String(24))

    __table_args__ = (
        Index("uq_ca_unit_generation", "role", "generation", unique=True),
        Index(
            "uq_ca_unit_active", "role", "issuer_id", unique=True, postgresql_where=text("state = 'active'")
        ),
    )


class CrlRow(Base):
    """A revocation list as it was published."""

    __tablename__ = "ca_crl"

    issuer_id: Mapped[UUID] = mapped_column(ForeignKey("ca_unit.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    this_update: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    next_update: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    der: Mapped[bytes] = mapped_column(LargeBinary)


class EnrolmentRow(Base):
    """A one-time nonce: the right to one certificate that a passed video gives."""

    __tablename__ = "enrolment"

    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, doc="SHA-256 of the nonce")
    # No foreign key: what was issued must stay provable when the case has been erased.
    case_id: Mapped[UUID] = mapped_column()
    owner: Mapped[str] = mapped_column(String(80))
    asked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class CertificateRow(Base):
    """A customer's certificate; name and device are sealed, the key was never here."""

    __tablename__ = "certificate"

    serial: Mapped[str] = mapped_column(String(40), primary_key=True)
    issuer_id: Mapped[UUID | None] = mapped_column(ForeignKey("ca_unit.id"), doc="none: issued elsewhere")
    enrolment_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True, doc="one nonce, one certificate")
    spki: Mapped[bytes] = mapped_column(LargeBinary, unique=True, doc="SHA-256 of the public key")
    owner: Mapped[str] = mapped_column(String(80), doc="the customer's id")
    case_id: Mapped[UUID] = mapped_column()
    device: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed")
    der: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed, because it has the customer's name")
    state: Mapped[str] = mapped_column(String(8), doc="active, locked, revoked; expired once that is noted")
    not_before: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    not_after: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str | None] = mapped_column(String(24))
    reported_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), doc="when the authority elsewhere that issued it was told of its end"
    )

    __table_args__ = (
        Index("ix_certificate_owner", "owner", "not_before"),
        Index(
            "ix_certificate_unreported",
            "ended_at",
            postgresql_where=text(
                "issuer_id IS NULL AND reported_at IS NULL AND state IN ('locked', 'revoked')"
            ),
        ),
        # Re-application revokes the old one: a person has one usable certificate at most.
        Index(
            "uq_certificate_usable",
            "owner",
            unique=True,
            postgresql_where=text("state IN ('active', 'locked')"),
        ),
        Index(
            "ix_certificate_ended",
            "issuer_id",
            "not_after",
            postgresql_where=text("state IN ('locked', 'revoked')"),
        ),
    )


class OprfKeyRow(Base):
    """Our half of the password check of one certificate, and its counted tries."""

    __tablename__ = "oprf_key"

    serial: Mapped[str] = mapped_column(ForeignKey("certificate.serial"), primary_key=True)
    scalar: Mapped[bytes | None] = mapped_column(LargeBinary, doc="sealed; none once it is locked")
    tries: Mapped[int] = mapped_column(Integer, doc="evaluations since the last success")
    asked: Mapped[bytes | None] = mapped_column(LargeBinary, doc="SHA-256 of the point evaluated last")
    challenge: Mapped[bytes | None] = mapped_column(LargeBinary, doc="what the next proof is over")
    confirmed_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), doc="business time; none: being installed, only its one wrapping is answered"
    )
