"""Links by which a customer goes on with a step on the phone.

What an old row becomes: nothing there yet.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "handover",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
    )
    op.create_index(op.f("ix_handover_owner"), "handover", ["owner"])
    op.create_index(op.f("ix_handover_asked_at"), "handover", ["asked_at"])


def downgrade() -> None:
    op.drop_table("handover")
