"""Agreements: versions, and the papers of a case.

What an old row becomes: nothing there yet.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agreement_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=24), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("types", postgresql.ARRAY(sa.String(length=80)), nullable=False),
        sa.Column("account_types", postgresql.ARRAY(sa.String(length=20)), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("made_by", sa.String(length=80), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(length=80), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=80), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("preview", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("approved_by <> made_by", name=op.f("ck_agreement_version_four_eyes")),
        sa.CheckConstraint(
            "approved_at is null or withdrawn_at is null", name=op.f("ck_agreement_version_one_end")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement_version")),
        sa.UniqueConstraint("code", "version", name=op.f("uq_agreement_version_code")),
    )
    op.create_index("ix_agreement_version_sha256", "agreement_version", ["code", "sha256"])
    op.create_table(
        "agreement_paper",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("version", sa.String(length=24), nullable=False),
        sa.Column("document_sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("hole_start", sa.Integer(), nullable=False),
        sa.Column("hole_end", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_agreement_paper_case_id_case")),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_agreement_paper_file_id_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement_paper")),
        sa.UniqueConstraint("case_id", "code", "content", name=op.f("uq_agreement_paper_case_id")),
    )


def downgrade() -> None:
    for table in ("agreement_paper", "agreement_version"):
        op.drop_table(table)
