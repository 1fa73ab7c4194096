"""The schema: Alembic alone makes it, here for every room's tables.

python -m ops.migrate                upgrade the database that DATABASE_URL names
python -m ops.migrate revision TEXT  write the next migration from what the tables say now
"""

import os
import sys
from importlib import import_module
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, create_engine, pool

import engine
from engine.store import Base

#: Modules of other rooms that declare tables; the engine's own come with it.
TABLES = (
    "handlers.agreements.tables",
    "handlers.captchas",
    "handlers.certificates.tables",
    "handlers.codes",
    "handlers.counter.phone_free",
    "handlers.counter.tables",
    "handlers.customers",
    "handlers.inspection",
    "handlers.limits",
    "handlers.moods",
    "handlers.notices",
    "handlers.sign_in_lock",
    "handlers.signing.tables",
    "handlers.sms.embedded",
    "handlers.staff",
    "handlers.video.police_checks",
    "handlers.video.tables",
    "web.api.tokens",
    "web.handover",
    "web.sessions",
)


def metadata() -> MetaData:
    """Return the tables of every room."""
    for name in TABLES:
        import_module(name)
    return Base.metadata


def config(url: str) -> Config:
    """Return Alembic's configuration for one database."""
    made = Config()
    made.set_main_option("script_location", str(Path(engine.__file__).parent / "migrations"))
    made.attributes["url"] = url
    made.attributes["metadata"] = metadata()
    return made


def upgrade(url: str) -> None:
    """Bring a database to the newest schema."""
    command.upgrade(config(url), "head")


def main(arguments: list[str]) -> None:
    """Upgrade, or write a migration."""
    url = os.environ["DATABASE_URL"]
    if arguments[:1] == ["revision"]:
        command.revision(config(url), message=" ".join(arguments[1:]), autogenerate=True)
    else:
        upgrade(url)


def differences(url: str) -> list[object]:
    """Return how a database differs from the tables; empty when the migrations are complete."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    made = create_engine(url, poolclass=pool.NullPool)
    with made.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": own_table})
        return list(compare_metadata(context, metadata()))


def own_table(name: str | None, kind: str, parents: object) -> bool:
    """Leave the queue's tables to the queue."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


if __name__ == "__main__":
    main(sys.argv[1:])
