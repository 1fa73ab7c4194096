"""公安核验 of the customers in calls.

What an old row becomes: nothing there yet; a call under way is shown as not verified, to be tried again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "police_check",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "state in ('waiting', 'answered', 'failed')", name=op.f("ck_police_check_state_known")
        ),
        sa.CheckConstraint(
            "(answer is not null) = (state = 'answered')", name=op.f("ck_police_check_answer_whole")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_police_check_case_id_case")),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["video_ticket.id"], name=op.f("fk_police_check_ticket_id_video_ticket")
        ),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_police_check")),
    )
    op.create_index(op.f("ix_police_check_case_id"), "police_check", ["case_id"])


def downgrade() -> None:
    op.drop_table("police_check")
