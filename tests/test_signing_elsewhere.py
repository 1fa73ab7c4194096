"""Signed with a certificate of a licensed authority, dated by a service elsewhere, and made to last."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from handlers import verifier
from handlers.certificates import Certificates
from handlers.certificates.external import Elsewhere, HttpAuthority, HttpTimestamps, Line
from handlers.signing.operators import want
from handlers.signing.stamps import Rules
from handlers.verifier import house
from tests.ca_people import COMPANY
from tests.http_authority import LicensedAuthority
from tests.http_counter import TOKEN, served
from tests.http_timestamps import POLICY, TimestampService
from tests.signing_people import Office


@pytest.fixture
def service():
    made = TimestampService()
    with served(made) as address:
        made.at(address)
        yield made
    made.close()


@pytest.fixture
def licensed():
    made = LicensedAuthority()
    with served(made) as address:
        made.at(address)
        yield made


def dated_by(room, service):
    room.timestamps = HttpTimestamps([service.address], service.roots, POLICY, 5, room.clock)
    anchors = frozenset(root.public_bytes(Encoding.DER) for root in service.roots)
    return Rules(anchors, frozenset({POLICY}))


def archived(signing_office, signer):
    signer.signs()
    with signing_office.engine.database.transaction() as session:
        want(session, signer.case_id, signer.content, signer.business)
    assert signing_office.signing.archive(str(signer.case_id)) == "archived"
    return signing_office.files(signer.case_id)


def verdicts(signing_office, files):
    with signing_office.engine.database.reading() as session:
        trusted = house.trust(session, signing_office.room.authority)
    return [verifier.verify(pdf, trusted, datetime.now(UTC)) for pdf in files.values()]


def test_papers_dated_by_a_service_elsewhere_last(own_room, service, tmp_path):
    rules = dated_by(own_room, service)
    own_room.authority.elsewhere = Elsewhere(service.roots, own_room.clock)
    signing_office = Office(own_room, tmp_path / "files")
    signing_office.signing = signing_office.opens(rules=rules)
    files = archived(signing_office, signing_office.signer())
    assert [(verdict.intact, verdict.level) for verdict in verdicts(signing_office, files)] == [
        (True, "B-LTA")
    ] * 4


def test_papers_signed_with_a_licensed_authoritys_certificate_last(own_room, licensed, service, tmp_path):
    rules = dated_by(own_room, service)
    line = Line(licensed.company.address, TOKEN, 5, licensed.chain)
    own_room.authority = HttpAuthority(
        own_room.keyring, COMPANY, line, own_room.clock, dated_by=service.roots
    )
    own_room.certificates = Certificates(own_room.keyring, own_room.authority, own_room.clock)
    signing_office = Office(own_room, tmp_path / "files")
    signing_office.signing = signing_office.opens(rules=rules)
    files = archived(signing_office, signing_office.signer())
    assert [(verdict.intact, verdict.level) for verdict in verdicts(signing_office, files)] == [
        (True, "B-LTA")
    ] * 4
