"""Signing: tickets, and what was signed.

What an old row becomes: nothing there yet.
"""

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
