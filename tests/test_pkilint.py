"""pkilint has nothing to say about any object the authority makes: PKIX throughout, ETSI where it applies."""

import io
from contextlib import redirect_stderr, redirect_stdout

import pytest
from pkilint.bin import (  # type: ignore[import-untyped]
    lint_crl,
    lint_etsi_cert,
    lint_ocsp_response,
    lint_pkix_cert,
    lint_pkix_signer_signee_cert_chain,
)

from tests.ca_people import Auditor, Room


@pytest.fixture
def bureau(standing_room: Room) -> Room:
    """These tests change no unit: they share one authority."""
    return standing_room


def lint(linter, *arguments):
    """Run one of its commands at its finest (NOTICE); return what it found."""
    told = io.StringIO()
    with redirect_stdout(told), redirect_stderr(told):
        try:
            code = linter.main(["lint", "-s", "NOTICE", *map(str, arguments)])
        except SystemExit as ended:
            code = ended.code
    return told.getvalue().strip() if code else ""


@pytest.fixture
def written(tmp_path):
    """Write an object into a file for it."""

    def write(der):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.der"
        path.write_bytes(der)
        return path

    return write


@pytest.fixture
def units(bureau):
    with bureau.database.reading() as session:
        return {unit.role: unit for unit, _ in bureau.authority.units.all(session, "active")}


@pytest.mark.parametrize("role", ["root", "issuing", "ocsp", "tsa", "seal"])
def test_every_units_certificate_is_clean(units, written, role):
    assert lint(lint_pkix_cert, written(units[role].der)) == ""


@pytest.mark.parametrize("name", ["张小伟", "阿依古丽·买买提", "欧阳修远"])
def test_a_customers_certificate_is_clean_also_for_a_natural_person_by_etsi(bureau, written, name):
    path = written(bureau.person(name=name).has_certificate().der)
    assert lint(lint_pkix_cert, path) == ""
    assert lint(lint_etsi_cert, "-t", "NCP-NATURAL-PERSON-CERTIFICATE", path) == ""


def test_the_seals_certificate_is_clean_for_a_legal_person_by_etsi(units, written):
    path = written(units["seal"].der)
    assert lint(lint_etsi_cert, "-t", "NCP-LEGAL-PERSON-CERTIFICATE", path) == ""


def test_every_certificate_fits_the_one_above(bureau, units, written):
    customer = bureau.person().has_certificate().der
    above = {"issuing": "root", "tsa": "root", "seal": "issuing", "ocsp": "issuing"}
    pairs = [(units[upper].der, units[lower].der) for lower, upper in above.items()]
    for issuer, subject in [*pairs, (units["issuing"].der, customer)]:
        assert lint(lint_pkix_signer_signee_cert_chain, written(issuer), written(subject)) == ""


@pytest.mark.parametrize(("unit", "kind"), [("issuing-1", "CRL"), ("root-1", "ARL")])
def test_every_list_is_clean(bureau, written, unit, kind):
    one = bureau.person().has_certificate()
    with bureau.database.transaction() as session:
        bureau.certificates.revoke(session, one.serial, "key_compromise")
    bureau.publishes()
    (published,) = bureau.published(unit)
    assert lint(lint_crl, "-t", kind, "-p", "PKIX", written(published)) == ""


@pytest.mark.parametrize("ended", [False, True])
def test_every_status_answer_is_clean(bureau, written, tmp_path, ended):
    one = bureau.person().has_certificate()
    if ended:
        with bureau.database.transaction() as session:
            bureau.certificates.revoke(session, one.serial, "superseded")
    folder = tmp_path / "auditor"
    folder.mkdir()
    asked = Auditor(bureau, folder).asks(one)
    assert lint(lint_ocsp_response, written(bureau.answers(asked))) == ""
