"""After the review: the company's seal, all that proves the signatures, and a timestamp over the whole."""

import asyncio
import io
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import uuid4

import pytest
from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.ades import ades_lta_validation, simulate_future_ades_lta_validation
from pyhanko.sign.validation.policy_decl import (
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager
from sqlalchemy import text

from engine.store.tables import CaseRow
from handlers import verifier
from handlers.certificates import Root, ceremony
from handlers.signing import StampsDown
from handlers.signing.lasting import Proofs
from handlers.signing.operators import want
from handlers.signing.protocol import NotArchived
from handlers.signing.updating import Original
from handlers.verifier import opinion
from handlers.verifier.check import Examined, examine
from handlers.verifier.words import Refused
from tests.ca_people import PASSPHRASES, Clock, Room
from tests.openssl import openssl, pem, written
from tests.signing_people import CODES, Office
from tests.test_signing_stamps import Other, Silent, raising


def accepts(signing_office, signer):
    """The review accepts what a customer signed."""
    with signing_office.engine.database.transaction() as session:
        return want(session, signer.case_id, signer.content, signer.business)


def archived(signing_office, signer):
    """Return the signed papers in their lasting form."""
    accepts(signing_office, signer)
    assert signing_office.signing.archive(str(signer.case_id)) == "archived"
    return signing_office.files(signer.case_id)


def specification(root):
    policy = CertValidationPolicySpec(
        trust_manager=SimpleTrustManager.build(trust_roots=[x509.Certificate.load(root)]),
        revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
    )
    gathering = RevocationInfoGatheringSpec(online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY)
    return PdfSignatureValidationSpec(SignatureValidationSpec(policy, revinfo_gathering_policy=gathering))


def verdict(told):
    """Both count: past the timestamp unit's end the first still says OK, and the second no more."""
    return told.ades_subindic.standard_name, told.api_status.bottom_line


def levels(signer):
    return [one.level for one in signer.has()]


def chain_is_whole(signing_office, signer):
    with signing_office.engine.database.reading() as session:
        row = session.get_one(CaseRow, signer.case_id)
        verify = signing_office.engine.journal.verify
        return verify(session, f"case:{row.id}", row.journal_seq, row.journal_head) is None


def test_the_company_seals_what_a_customer_signed(signer, signing_office):
    signer.signs()
    signed = signing_office.files(signer.case_id)
    sealed = archived(signing_office, signer)
    for code in CODES:
        # What the customer signed is still there, byte for byte.
        assert sealed[code].startswith(signed[code])
        names = [one.field_name for one in PdfFileReader(io.BytesIO(sealed[code])).embedded_signatures]
        assert names == ["Customer", "Company", "Archive"]
    assert levels(signer) == ["LTA"] * 4
    assert chain_is_whole(signing_office, signer)


def test_our_own_verifier_calls_it_intact_with_the_root_alone(signer, signing_office):
    signer.signs()
    trust = verifier.Trust((signing_office.room.chain()[1],))
    for pdf in archived(signing_office, signer).values():
        verdict = verifier.verify(pdf, trust)
        assert (verdict.intact, verdict.level) == (True, "B-LTA")


def test_pyhanko_passes_it_by_the_standard_now_and_in_eight_years(signer, signing_office):
    signer.signs()
    root = signing_office.room.chain()[1]
    for pdf in archived(signing_office, signer).values():
        for one in PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures:
            told = asyncio.run(ades_lta_validation(one, specification(root)))
            assert verdict(told) == ("OK", True)
            # The timestamp unit's certificate lasts eight years, of 365 days.
            later = datetime.now(UTC) + timedelta(days=8 * 365 - 2)
            then = asyncio.run(simulate_future_ades_lta_validation(one, specification(root), later))
            assert verdict(then) == ("OK", True)


def test_qpdf_finds_nothing_wrong(signer, signing_office, tmp_path):
    signer.signs()
    for code, pdf in archived(signing_office, signer).items():
        path = written(tmp_path / f"{code}.pdf", pdf)
        done = subprocess.run(["qpdf", "--check", path], capture_output=True, text=True)
        assert (done.returncode, "No syntax or stream encoding errors" in done.stdout) == (0, True)
        assert "WARNING" not in done.stdout + done.stderr


def test_pdfsig_calls_both_signatures_valid(signer, signing_office, tmp_path):
    signer.signs()
    for code, pdf in archived(signing_office, signer).items():
        path = written(tmp_path / f"{code}.pdf", pdf)
        done = subprocess.run(["pdfsig", "-nocert", path], capture_output=True, text=True)
        assert done.stdout.count("Signature is Valid.") == 2, done.stdout


def test_the_openssl_program_verifies_every_signature_and_date(signer, signing_office, tmp_path):
    signer.signs()
    root = pem(tmp_path / "root.pem", signing_office.room.chain()[1:])
    above = pem(tmp_path / "above.pem", signing_office.room.chain()[:1])
    for pdf in archived(signing_office, signer).values():
        for one in PdfFileReader(io.BytesIO(pdf)).embedded_signatures:
            begun, length, again, rest = one.byte_range
            covered = written(tmp_path / "covered", pdf[begun : begun + length] + pdf[again : again + rest])
            made = written(tmp_path / "made", bytes(one.pkcs7_content).rstrip(b"\0") + b"\0\0")
            if one.field_name == "Archive":
                told = openssl(
                    "ts", "-verify", "-data", covered, "-in", made, "-token_in", "-CAfile", root,
                )  # fmt: skip
                assert "Verification: OK" in told
            else:
                told = openssl(
                    "cms", "-verify", "-binary", "-cades", "-inform", "der", "-in", made,
                    "-content", covered, "-CAfile", root, "-certfile", above, "-out", "/dev/null",
                )  # fmt: skip
                assert "CAdES Verification successful" in told


def test_what_the_review_did_not_accept_is_not_sealed(signer, signing_office):
    signer.signs()
    assert signing_office.signing.archive(str(signer.case_id)) == "there"
    assert levels(signer) == ["T"] * 4


def test_only_what_was_signed_last_is_sealed(signer, signing_office):
    signer.signs()
    signer.business += timedelta(days=1)
    signer.signs()
    archived(signing_office, signer)
    assert sorted(levels(signer)) == ["LTA"] * 4 + ["T"] * 4
    assert {one.level for one in signer.has()[:4]} == {"LTA"}


def test_archiving_twice_changes_nothing(signer, signing_office):
    signer.signs()
    first = archived(signing_office, signer)
    assert accepts(signing_office, signer) == 0
    assert signing_office.signing.archive(str(signer.case_id)) == "there"
    assert signing_office.files(signer.case_id) == first


def test_two_workers_at_once_lay_down_one_result(signer, signing_office):
    signer.signs()
    accepts(signing_office, signer)
    with ThreadPoolExecutor(3) as workers:
        outcomes = list(workers.map(signing_office.signing.archive, [str(signer.case_id)] * 3))
    assert outcomes.count("archived") == 1
    kinds = text("select count(*) from journal where kind = 'signing.archived'")
    with signing_office.engine.database.reading() as session:
        assert session.scalar(kinds) == 1
    assert chain_is_whole(signing_office, signer)


def test_what_could_not_be_dated_is_dated_later_and_then_sealed(signer, signing_office):
    signer.signs(through=signing_office.opens(timestamps=Silent(raising(TimeoutError()))))
    assert levels(signer) == ["B"] * 4
    assert signing_office.signing.archive(str(signer.case_id)) == "dated"
    assert levels(signer) == ["T"] * 4
    assert all(one.stamped_at is not None for one in signer.has())
    archived(signing_office, signer)
    assert levels(signer) == ["LTA"] * 4


def test_the_archive_waits_for_the_timestamp_source(signer, signing_office):
    silent = signing_office.opens(timestamps=Silent(raising(TimeoutError())))
    signer.signs(through=silent)
    accepts(signing_office, signer)
    with pytest.raises(StampsDown):
        silent.archive(str(signer.case_id))
    assert levels(signer) == ["B"] * 4
    assert signing_office.signing.archive(str(signer.case_id)) == "archived"
    assert levels(signer) == ["LTA"] * 4


def test_a_source_of_another_time_archives_nothing(signer, signing_office):
    signer.signs()
    accepts(signing_office, signer)
    with pytest.raises(StampsDown):
        signing_office.opens(timestamps=Other(signing_office, ahead=3600)).archive(str(signer.case_id))
    assert levels(signer) == ["T"] * 4


@pytest.mark.parametrize("moment", ["seal", "store", "commit"])
def test_a_worker_killed_at_any_point_loses_nothing(signer, signing_office, moment):
    signer.signs()
    accepts(signing_office, signer)
    before = signing_office.files(signer.case_id)
    child = os.fork()
    if child == 0:
        _archive_and_be_killed(signer, signing_office, moment)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert signing_office.files(signer.case_id) == before
    assert signing_office.signing.archive(str(signer.case_id)) == "archived"
    assert levels(signer) == ["LTA"] * 4
    assert chain_is_whole(signing_office, signer)


def _archive_and_be_killed(signer, signing_office, moment):
    def die(*arguments, **more):
        os.kill(os.getpid(), signal.SIGKILL)

    def third(function):
        calls = []

        def counted(*arguments, **more):
            calls.append(1)
            return die() if len(calls) == 3 else function(*arguments, **more)

        return counted

    try:
        signing_office.engine.database.engine.dispose(close=False)
        if moment == "seal":
            signing_office.room.timestamps.answer = third(signing_office.room.timestamps.answer)
        elif moment == "store":
            signing_office.engine.files.put = third(signing_office.engine.files.put)
        else:
            signing_office.engine.journal.write = die
        signing_office.signing.archive(str(signer.case_id))
    finally:
        os._exit(1)


@pytest.fixture(params=[timedelta(minutes=5), timedelta(hours=3), timedelta(days=20)], ids=str)
def earlier(request, database, keyring, tmp_path):
    """Lend an signing_office some time ago; ``back`` brings it to the present."""
    ago = request.param
    room = Room(database, keyring, Root(tmp_path / "ca", PASSPHRASES), Clock(-ago))
    with database.transaction() as session:
        ceremony.set_up(session, room.authority, room.root)
    signing_office = Office(room, tmp_path / "files")
    room.timestamps = Other(signing_office, ahead=-ago.total_seconds())
    signing_office.signing = signing_office.opens()
    return signing_office


def back(signing_office):
    """Come back to the present; the authority was looked after all the while."""
    room = signing_office.room
    room.clock.shift = timedelta(0)
    room.timestamps = Other(signing_office)
    signing_office.signing = signing_office.opens()
    with signing_office.engine.database.transaction() as session:
        ceremony.renew(session, room.authority)


def test_a_review_takes_its_time(earlier):
    signer = earlier.signer()
    signer.signs()
    back(earlier)
    trust = verifier.Trust((earlier.room.chain()[1],))
    assert all(verifier.verify(pdf, trust).intact for pdf in archived(earlier, signer).values())


def ends(signing_office, signer, how, **before):
    """End a certificate now, or some time ago; ``how`` is a reason, or locked."""
    room = signing_office.room
    room.clock.shift = -timedelta(**before)
    with signing_office.engine.database.transaction() as session:
        if how == "locked":
            room.certificates.lock(session, signer.certificate.serial)
        else:
            room.certificates.revoke(session, signer.certificate.serial, how)
        room.clock.shift = timedelta(0)
        room.authority.publish_crls(session)


@pytest.mark.parametrize(
    ("earlier", "how"),
    [
        (timedelta(minutes=5), "superseded"),
        (timedelta(hours=3), "superseded"),
        (timedelta(days=20), "superseded"),
        (timedelta(days=20), "locked"),
        (timedelta(days=20), "key_compromise"),
    ],
    ids=str,
    indirect=["earlier"],
)
def test_a_certificate_that_ended_before_the_review_spoils_nothing(earlier, how):
    signer = earlier.signer()
    signer.signs()
    earlier.signing.archive(str(signer.case_id))
    back(earlier)
    ends(earlier, signer, how)
    issuing, root = earlier.room.chain()
    house = verifier.Trust((root,), (issuing,), (), tuple(earlier.room.published("root-1", "issuing-1")))
    # The reviewer's screen, before; then the archive, for us and for whoever has the root alone.
    assert all(verifier.verify(pdf, house).intact for pdf in earlier.files(signer.case_id).values())
    for pdf in archived(earlier, signer).values():
        assert [verifier.verify(pdf, known).level for known in (house, verifier.Trust((root,)))] == [
            "B-LTA",
            "B-LTA",
        ]


@pytest.mark.parametrize("earlier", [timedelta(days=20)], ids=str, indirect=True)
@pytest.mark.parametrize("asked", [True, False], ids=["asked in time", "never asked"])
@pytest.mark.parametrize("how", ["superseded", "key_compromise"])
def test_what_a_certificate_signed_after_its_end_is_never_archived(earlier, asked, how):
    signer = earlier.signer()
    signer.signs()
    if asked:
        earlier.signing.archive(str(signer.case_id))
    back(earlier)
    # The end became known late: when it was asked in time, the answer kept still says good.
    ends(earlier, signer, how, days=20, minutes=1)
    accepts(earlier, signer)
    with pytest.raises(NotArchived, match="revoked"):
        earlier.signing.archive(str(signer.case_id))
    assert levels(signer) == ["T"] * 4


@pytest.mark.parametrize("earlier", [timedelta(days=20)], ids=str, indirect=True)
def test_an_archive_is_refused_once_an_end_before_the_signature_becomes_known(earlier):
    signer = earlier.signer()
    signer.signs()
    earlier.signing.archive(str(signer.case_id))
    back(earlier)
    files = archived(earlier, signer)
    ends(earlier, signer, "key_compromise", days=20, minutes=1)
    issuing, root = earlier.room.chain()
    house = verifier.Trust((root,), (issuing,), (), tuple(earlier.room.published("root-1", "issuing-1")))
    for pdf in files.values():
        assert [one.code for one in verifier.verify(pdf, house).findings] == ["revoked"]


@pytest.mark.parametrize("earlier", [timedelta(days=20)], ids=str, indirect=True)
def test_pyhanko_takes_our_word_for_certificates_that_ended_and_for_no_others(earlier):
    signer = earlier.signer()
    signer.signs()
    earlier.signing.archive(str(signer.case_id))
    other = earlier.signer()
    other.signs()
    back(earlier)
    ends(earlier, signer, "superseded")
    trust, now = verifier.Trust((earlier.room.chain()[1],)), datetime.now(UTC)
    for one, taken in ((signer, {sha256(signer.certificate.der).hexdigest()}), (other, set())):
        pdf = next(iter(archived(earlier, one).values()))
        found = Examined()
        examine(pdf, trust, now, found)
        assert found.ended == taken
        opinion.check(pdf, trust, now, found.level, found.signatures, found.ended)
        if taken:
            with pytest.raises(Refused):
                opinion.check(pdf, trust, now, found.level, found.signatures)


def test_a_new_seal_and_a_new_issuing_unit_seal_what_was_signed_before(signer, signing_office):
    signer.signs()
    room = signing_office.room
    with room.database.transaction() as session:
        for role in ("issuing", "tsa", "seal"):
            ceremony.rotate(session, room.authority, role, room.root)
    trust = verifier.Trust((room.chain()[1],))
    assert all(verifier.verify(pdf, trust).intact for pdf in archived(signing_office, signer).values())


def test_the_sweep_finds_what_lost_its_job(signer, signing_office, the_clock):
    the_clock.set(signer.business)
    signer.signs(through=signing_office.opens(timestamps=Silent(raising(TimeoutError()))))
    empty = text("delete from procrastinate_jobs")
    with signing_office.engine.database.transaction() as session:
        session.execute(empty)
    assert signing_office.signing.sweep() == 0  # it may still be under way
    the_clock.advance(minutes=3)
    assert signing_office.signing.sweep() == 1
    assert signing_office.signing.sweep() == 0
    assert signing_office.queued() == [str(signer.case_id)]
    signing_office.signing.archive(str(signer.case_id))
    with signing_office.engine.database.transaction() as session:
        session.execute(empty)
    the_clock.advance(minutes=3)
    assert signing_office.signing.sweep() == 0
    accepts(signing_office, signer)
    assert signing_office.signing.sweep() == 1


def test_a_case_that_is_gone_is_left_alone(signing_office):
    assert signing_office.signing.archive(str(uuid4())) == "gone"
    assert signing_office.signing.sweep() == 0


def test_a_file_that_is_not_of_our_press_is_not_updated(signer):
    paper = next(iter(signer.papers.values())).pdf
    for other in (b"", b"%PDF-1.7\n", paper[:-200], paper + b"more"):
        with pytest.raises(NotArchived):
            Original(other).raw(1)


def test_proofs_show_nothing_when_printed():
    assert "secret" not in repr(Proofs((b"secret",), (b"secret",), (b"secret",)))
