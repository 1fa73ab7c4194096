"""Agreements: versions, and the papers of a case.

What an old row becomes: nothing there yet.
"""

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
