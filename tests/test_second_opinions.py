"""Five programs that share no line agree about genuine files: ours, pyHanko, pdfsig, openssl and qpdf.

What Debian's pdfsig can tell: whether each signature fits its bytes. Without a certificate database of NSS it
judges no chain, and it knows no document timestamps.
"""

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO

import pytest
from asn1crypto import x509
from cryptography.x509 import ocsp
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

from handlers.verifier import content, signed, verify
from handlers.verifier.structure import File
from tests.attacks.papers import paper
from tests.openssl import openssl, pem, pem_lists, written


@pytest.fixture(scope="module", params=["tables", "streams"])
def archive(files, request):
    """An archived file with cross-reference tables, and one with streams."""
    if request.param == "tables":
        return files.blta
    one = files.bureau.signs(paper(3, streams=True, filler=50_000), files.person, files.certificate)
    return files.bureau.archives(one, files.certificate)


@pytest.fixture
def parts(archive):
    """The file as our own reader sees it: signatures with what they cover, and the evidence."""
    held = content.read(File(archive))
    return [(one, archive[: one.start] + archive[one.end : one.stop]) for one in held.holes], held.evidence


@pytest.fixture
def root(files, tmp_path):
    return pem(tmp_path / "root.pem", [files.bureau.root.der])


@pytest.fixture
def issuing(files, tmp_path):
    return pem(tmp_path / "issuing.pem", [files.bureau.issuing.der])


def test_ours_and_pyhankos_are_content(archive, files):
    assert verify(archive, files.root).intact


def test_qpdf_finds_nothing_wrong(archive, tmp_path):
    path = written(tmp_path / "a.pdf", archive)
    done = subprocess.run(["qpdf", "--check", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pdfsig_finds_both_signatures_fitting_their_bytes(archive, tmp_path):
    path = written(tmp_path / "a.pdf", archive)
    done = subprocess.run(["pdfsig", "-nocert", path], capture_output=True, text=True)
    assert done.stdout.count("Signature is Valid.") == 2, done.stdout
    assert "张小伟" in done.stdout


def test_openssl_verifies_customer_and_company_by_cades(parts, root, issuing, tmp_path):
    for one, covered in parts[0][:2]:
        told = openssl(
            "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-CAfile", root,
            "-in", written(tmp_path / "made", one.contents), "-certfile", issuing,
            "-content", written(tmp_path / "covered", covered), "-out", tmp_path / "out",
        )  # fmt: skip
        assert "Verification successful" in told


def test_openssl_verifies_every_timestamp(parts, root, tmp_path):
    for one, covered in parts[0]:
        if one.kind == "timestamp":
            token, dated = one.contents, covered
        else:
            read = signed.read(one.contents)
            token, dated = read.timestamp, read.signature
        told = openssl(
            "ts", "-verify", "-token_in", "-in", written(tmp_path / "token", token), "-CAfile", root,
            "-digest", sha256(dated).hexdigest(),
        )  # fmt: skip
        assert "Verification: OK" in told


def test_openssl_finds_no_certificate_of_the_archive_revoked(parts, files, root, issuing, tmp_path):
    crls = pem_lists(tmp_path / "crls.pem", [*parts[1].crls, *files.bureau.room.published("issuing-1")])
    for one, _ in parts[0]:
        token = one.kind == "timestamp"
        leaf = (signed.read_token(one.contents).signed if token else signed.read(one.contents)).certificate
        told = openssl(
            "verify", "-x509_strict", "-crl_check_all", "-policy_check", "-CAfile", root,
            "-untrusted", issuing, "-CRLfile", crls, pem(tmp_path / "leaf.pem", [leaf]),
        )  # fmt: skip
        assert ": OK" in told


def test_openssl_accepts_the_status_answers_that_the_archive_keeps(parts, files, root, issuing, tmp_path):
    answers = parts[1].ocsps
    serials = {ocsp.load_der_ocsp_response(one).serial_number for one in answers}
    assert len(serials) == 2
    known = {x509.Certificate.load(one).serial_number: one for one in parts[1].certificates}
    for one in answers:
        certificate = known[ocsp.load_der_ocsp_response(one).serial_number]
        told = openssl(
            "ocsp", "-no_nonce", "-respin", written(tmp_path / "answer", one), "-CAfile", root,
            "-verify_other", issuing, "-issuer", issuing, "-cert", pem(tmp_path / "c.pem", [certificate]),
        )  # fmt: skip
        assert "Response verify OK" in told
        assert ": good" in told


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
