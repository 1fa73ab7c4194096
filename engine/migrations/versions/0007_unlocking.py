"""The key that answers for certificate passwords, and its counted tries.

What an old row becomes: nothing there yet.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "oprf_key",
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("scalar", sa.LargeBinary(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("asked", sa.LargeBinary(), nullable=True),
        sa.Column("challenge", sa.LargeBinary(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["serial"], ["certificate.serial"], name=op.f("fk_oprf_key_serial_certificate")
        ),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_oprf_key")),
    )


def downgrade() -> None:
    op.drop_table("oprf_key")
