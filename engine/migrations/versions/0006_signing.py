"""Signing: tickets, and what was signed.

What an old row becomes: nothing there yet.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signing_ticket",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("session", sa.LargeBinary(), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("papers", JSONB(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signatures", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_signing_ticket_case_id_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_ticket")),
    )
    op.create_index(op.f("ix_signing_ticket_expires_at"), "signing_ticket", ["expires_at"])
    op.create_index(
        "uq_signing_ticket_open",
        "signing_ticket",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("ended_at is null and used_at is null"),
    )
    op.create_table(
        "signature",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("ticket", sa.LargeBinary(), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("document_sha256", sa.String(length=64), nullable=False),
        sa.Column("paper_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(length=3), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stamped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.LargeBinary(), nullable=True),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("seal_wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_signature_case_id_case")),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_signature_file_id_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signature")),
    )
    op.create_index("uq_signature_paper", "signature", ["ticket", "code"], unique=True)
    op.create_index("ix_signature_case", "signature", ["case_id", "signed_at"])
    op.create_index(
        "ix_signature_waiting",
        "signature",
        ["signed_at"],
        postgresql_where=sa.text("status is null or (seal_wanted_at is not null and archived_at is null)"),
    )


def downgrade() -> None:
    for table in ("signature", "signing_ticket"):
        op.drop_table(table)
