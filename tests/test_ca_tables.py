"""The authority's tables: what the migration makes is what the code expects."""

from ops.migrate import differences


def test_the_migrations_are_complete(database_url):
    assert differences(database_url) == []
