"""The tables of signing: what the migration makes is what the code expects."""

from ops.migrate import differences


def test_the_migrations_of_signing_are_complete(database_url):
    assert [one for one in differences(database_url) if "sign" in str(one)] == []
