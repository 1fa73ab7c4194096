"""The authority's units and lists, enrolment nonces, and customers' certificates.

What an old row becomes: nothing there yet.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ca_unit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(["issuer_id"], ["ca_unit.id"], name=op.f("fk_ca_unit_issuer_id_ca_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ca_unit")),
        sa.UniqueConstraint("serial", name=op.f("uq_ca_unit_serial")),
    )
    op.create_index("uq_ca_unit_generation", "ca_unit", ["role", "generation"], unique=True)
    op.create_index(
        "uq_ca_unit_active",
        "ca_unit",
        ["role", "issuer_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "ca_crl",
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("this_update", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_update", sa.DateTime(timezone=True), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["issuer_id"], ["ca_unit.id"], name=op.f("fk_ca_crl_issuer_id_ca_unit")),
        sa.PrimaryKeyConstraint("issuer_id", "number", name=op.f("pk_ca_crl")),
    )
    op.create_table(
        "enrolment",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment")),
    )
    op.create_index(op.f("ix_enrolment_expires_at"), "enrolment", ["expires_at"])
    op.create_table(
        "certificate",
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=True),
        sa.Column("enrolment_id", sa.LargeBinary(), nullable=False),
        sa.Column("spki", sa.LargeBinary(), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(["issuer_id"], ["ca_unit.id"], name=op.f("fk_certificate_issuer_id_ca_unit")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_certificate")),
        sa.UniqueConstraint("enrolment_id", name=op.f("uq_certificate_enrolment_id")),
        sa.UniqueConstraint("spki", name=op.f("uq_certificate_spki")),
    )
    op.create_index("ix_certificate_owner", "certificate", ["owner", "not_before"])
    op.create_index(
        "uq_certificate_usable",
        "certificate",
        ["owner"],
        unique=True,
        postgresql_where=sa.text("state IN ('active', 'locked')"),
    )
    op.create_index(
        "ix_certificate_ended",
        "certificate",
        ["issuer_id", "not_after"],
        postgresql_where=sa.text("state IN ('locked', 'revoked')"),
    )


def downgrade() -> None:
    for table in ("certificate", "enrolment", "ca_crl", "ca_unit"):
        op.drop_table(table)
