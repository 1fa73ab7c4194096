"""Five programs that share no line agree about genuine files: ours, pyHanko, pdfsig, openssl and qpdf."""

import asyncio
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.ades import simulate_future_ades_lta_validation
from pyhanko.sign.validation.policy_decl import (
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager

from handlers.verifier import verify
from tests import second_opinions
from tests.attacks.papers import paper
from tests.second_opinions import Believed


@pytest.fixture(scope="module", params=["tables", "streams"])
def archive(files, request):
    """An archived file with cross-reference tables, and one with streams."""
    if request.param == "tables":
        return files.blta
    one = files.bureau.signs(paper(3, streams=True, filler=50_000), files.person, files.certificate)
    return files.bureau.archives(one, files.certificate)


@pytest.fixture
def believed(files):
    """What the other programs are given."""
    house = files.bureau
    return Believed(house.root.der, house.issuing.der, house.room.published("issuing-1"))


def test_ours_and_pyhankos_are_content(archive, files):
    assert verify(archive, files.root).intact


def test_qpdf_finds_nothing_wrong(archive, tmp_path):
    second_opinions.qpdf(archive, tmp_path)


def test_pdfsig_finds_both_signatures_fitting_their_bytes(archive, tmp_path):
    second_opinions.pdfsig(archive, tmp_path, "张小伟")


@pytest.mark.parametrize(
    "asked",
    [
        second_opinions.openssl_cms,
        second_opinions.openssl_ts,
        second_opinions.openssl_verify,
        second_opinions.openssl_ocsp,
    ],
    ids=["signatures", "timestamps", "lists", "status answers"],
)
def test_openssl_is_content_with(archive, believed, tmp_path, asked):
    asked(archive, tmp_path, believed)


@pytest.mark.parametrize("years", [2, 5, 7.9])
def test_by_the_standard_the_archive_can_be_kept_valid_for_years(archive, files, years):
    policy = CertValidationPolicySpec(
        trust_manager=SimpleTrustManager.build(trust_roots=[x509.Certificate.load(files.bureau.root.der)]),
        revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
    )
    gathering = RevocationInfoGatheringSpec(online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY)
    spec = PdfSignatureValidationSpec(SignatureValidationSpec(policy, revinfo_gathering_policy=gathering))
    then = datetime.now(UTC) + timedelta(days=365 * years)
    for one in PdfFileReader(BytesIO(archive)).embedded_regular_signatures:
        told = asyncio.run(simulate_future_ades_lta_validation(one, spec, then))
        assert told.api_status is not None
        assert (told.ades_subindic.standard_name, told.api_status.bottom_line) == ("OK", True)
