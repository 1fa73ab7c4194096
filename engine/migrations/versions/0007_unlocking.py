"""The key that answers for certificate passwords, and its counted tries.

What an old row becomes: nothing there yet.
"""

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
