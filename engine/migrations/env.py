"""How Alembic reaches the database; everything is given by ``ops.migrate``."""

from alembic import context
from sqlalchemy import create_engine, pool


def _own(name: str | None, kind: str, parents: object) -> bool:
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


def _run() -> None:
    given = context.config.attributes
    engine = create_engine(given["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=given["metadata"],
            include_name=_own,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


_run()
