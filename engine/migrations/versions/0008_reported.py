"""Whether the authority elsewhere that issued a certificate was told of its end.

What an old row becomes: not told; all of them are of the embedded authority, which needs no telling.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("certificate", sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_certificate_unreported",
        "certificate",
        ["ended_at"],
        unique=False,
        postgresql_where=sa.text(
            "issuer_id IS NULL AND reported_at IS NULL AND state IN ('locked', 'revoked')"
        ),
    )


def downgrade() -> None:
    op.drop_index("ix_certificate_unreported", table_name="certificate")
    op.drop_column("certificate", "reported_at")
