"""The office where customers sign, on a database of its own: ``signing_office``, and its ``signer``."""

from pathlib import Path

import pytest

from tests.ca_people import Room
from tests.signing_people import Office, Signer


@pytest.fixture
def signing_office(own_room: Room, tmp_path: Path) -> Office:
    """Lend an office with an authority of its own."""
    return Office(own_room, tmp_path / "files")


@pytest.fixture
def signer(signing_office: Office) -> Signer:
    """Lend a customer with a certificate, in front of papers."""
    return signing_office.signer()
