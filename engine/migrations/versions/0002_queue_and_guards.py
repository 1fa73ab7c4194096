"""The queue's tables, the serial of acceptance numbers, and a journal that cannot be changed.

What an old row becomes: nothing there yet.
"""

import procrastinate
from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

#: Version of Procrastinate whose schema this is; a newer one is a migration of its own, made of the
#: package's migration scripts since this version.
QUEUE_VERSION = "3.10.0"


def upgrade() -> None:
    if procrastinate.__version__ != QUEUE_VERSION:
        raise RuntimeError(
            f"this migration makes the queue of {QUEUE_VERSION}, not of {procrastinate.__version__}"
        )
    op.get_bind().exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
    op.execute("create sequence case_serial")
    op.execute(
        """
        create function journal_is_append_only() returns trigger language plpgsql as $$
        begin
            raise exception 'the journal is append-only';
        end $$
        """
    )
    op.execute(
        "create trigger journal_append_only before update or delete or truncate on journal "
        "for each statement execute function journal_is_append_only()"
    )


def downgrade() -> None:
    op.execute("drop trigger journal_append_only on journal")
    op.execute("drop function journal_is_append_only()")
    op.execute("drop sequence case_serial")
    op.execute("drop schema if exists procrastinate cascade")
