"""The kit: whoever has it and the root certificate needs neither us nor our programs."""

import io
import json
import subprocess
import zipfile
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from sqlalchemy import select, text

from engine.store.journal import START, link
from engine.store.tables import JournalRow
from handlers import verifier
from handlers.signing import NotSigned, kit
from handlers.signing.evidence import masked
from tests.openssl import pem
from tests.signing_people import CODES, Office
from tests.test_signing_archive import archived, back, chain_is_whole, earlier, ends  # noqa: F401


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Lend a folder that keeps one kit for all tests of this module."""
    return tmp_path_factory.mktemp("kit")


@pytest.fixture
def unpacked(made, request, tmp_path):
    """Lend a kit of one's own, unpacked."""
    if not (made / "kit.zip").exists():
        signing_office: Office = request.getfixturevalue("signing_office")
        signer = request.getfixturevalue("signer")
        signer.signs()
        archived(signing_office, signer)
        with signing_office.engine.database.reading() as session:
            key = signing_office.case_key(signer.case_id)
            (made / "kit.zip").write_bytes(signing_office.signing.kit(session, key, signer.case_id))
        pem(made / "root.pem", signing_office.room.chain()[1:])
    folder = tmp_path / "kit"
    with zipfile.ZipFile(made / "kit.zip") as zipped:
        zipped.extractall(folder)
    return folder


def checked(folder: Path, *arguments: object) -> "tuple[int, str]":
    """Run the script with nothing but the usual programs, and no network to speak of."""
    done = subprocess.run(
        ["/bin/sh", "verify.sh", *map(str, arguments)], cwd=folder, capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_kit_checks_itself_with_openssl_and_a_shell(unpacked, made):
    code, said = checked(unpacked, made / "root.pem")
    assert code == 0, said
    lines = said.splitlines()
    assert lines[-1] == "ALL CHECKS PASSED"
    assert all(line.startswith("OK ") for line in lines[:-1])
    assert sum("signature of customer" in line for line in lines) == 2 * len(CODES)


def kit_of(signing_office, signer, folder):
    """Return the newest kit of a case, unpacked, and the root's certificate beside it."""
    with signing_office.engine.database.reading() as session:
        zipped = signing_office.signing.kit(session, signing_office.case_key(signer.case_id), signer.case_id)
    zipfile.ZipFile(io.BytesIO(zipped)).extractall(folder / "kit")
    return folder / "kit", pem(folder / "root.pem", signing_office.room.chain()[1:])


@pytest.mark.parametrize("earlier", [timedelta(days=20)], ids=str, indirect=True)
@pytest.mark.parametrize(("how", "asked"), [("superseded", True), ("locked", True), ("superseded", False)])
def test_a_kit_tells_of_a_certificate_that_ended_during_the_review_and_passes(
    earlier,  # noqa: F811 - the fixture of that name
    how,
    asked,
    tmp_path,
):
    signer = earlier.signer()
    signer.signs()
    if asked:
        earlier.signing.archive(str(signer.case_id))
    back(earlier)
    ends(earlier, signer, how)
    archived(earlier, signer)
    folder, root = kit_of(earlier, signer, tmp_path)
    code, said = checked(folder, root)
    lines = said.splitlines()
    assert (code, lines[-1]) == (0, "ALL CHECKS PASSED"), said
    # The list says so; where nobody asked in time, the status answer says it as well.
    told = [line for line in lines if line.startswith("NOTE  certificate customer was revoked on ")]
    assert len(told) == (1 if asked else 2)
    assert sum(line.endswith("signed before the certificate was revoked") for line in lines) == len(CODES)
    if (how, asked) == ("superseded", True):
        assert unnoticed(folder, root) == []


@pytest.mark.parametrize("asked", [True, False], ids=["asked in time", "never asked"])
def test_a_kit_of_a_certificate_that_had_ended_before_it_signed_fails(
    signer, signing_office, asked, tmp_path
):
    signer.signs()
    archived(signing_office, signer)
    ends(signing_office, signer, "key_compromise", minutes=5)
    with signing_office.engine.database.transaction() as session:
        if not asked:
            session.execute(text("update signature set status = null"))
        newest = text("update signature set seal_wanted_at = (select max(stored_at) from file)")
        session.execute(newest)
        session.execute(text("update signature set seal_wanted_at = seal_wanted_at + interval '1 ms'"))
    assert signing_office.signing.archive(str(signer.case_id)) == "told"
    folder, root = kit_of(signing_office, signer, tmp_path)
    code, said = checked(folder, root)
    assert code == 1
    assert "FAIL  certificate customer: chain and revocation lists" in said
    assert ("FAIL  certificate customer: status answer" in said) == (not asked)
    assert said.count("FAIL  papers/") == len(CODES)
    assert said.splitlines()[-1] == "SOMETHING IS WRONG"


def test_a_kit_of_another_root_is_refused(unpacked, tmp_path):
    other = tmp_path / "other.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes",
         "-subj", "/CN=somebody", "-keyout", "/dev/null", "-out", other],
        check=True, capture_output=True,
    )  # fmt: skip
    assert checked(unpacked, other)[0] == 1


def unnoticed(folder, root):
    """Change one file after the other; return those whose change the script does not find."""
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(names) > 40
    passed = []
    for name in names:
        content = (folder / name).read_bytes()
        if name == Path("verify.sh"):
            changed = content + b"# one more line\n"
        else:
            at = len(content) * 2 // 3
            changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        (folder / name).write_bytes(changed)
        if checked(folder, root)[0] == 0:
            passed.append(name)
        (folder / name).write_bytes(content)
    return passed


def test_a_change_to_any_one_file_is_found(unpacked, made):
    assert unnoticed(unpacked, made / "root.pem") == []
    assert checked(unpacked)[0] == 0


def test_a_file_taken_away_or_put_in_is_found(unpacked):
    (unpacked / "papers" / f"{CODES[0]}.pdf").rename(unpacked / "papers" / "other.pdf")
    assert checked(unpacked)[0] == 1


def test_a_journal_entry_taken_away_is_found(unpacked):
    (unpacked / "journal" / "00001.bin").unlink()
    assert checked(unpacked)[0] == 1


def test_the_evidence_says_who_signed_what_and_when(unpacked):
    told = json.loads((unpacked / "evidence.json").read_bytes())
    assert told["customer"]["name"] == "张小伟"
    assert [one["code"] for one in told["documents"]] == sorted(CODES)
    assert all(one["timestamp"] and one["file_sha256"] for one in told["documents"])
    page = subprocess.run(
        ["pdftotext", "-layout", unpacked / "evidence.pdf", "-"], capture_output=True, text=True, check=True
    )
    assert "电子签署证据" in page.stdout
    assert "张小伟" in page.stdout
    fields = PdfFileReader(io.BytesIO((unpacked / "evidence.pdf").read_bytes())).embedded_signatures
    assert [one.field_name for one in fields] == ["Company", "Archive"]


def test_an_id_number_is_never_told_whole():
    assert masked("110105198506123737") == "1101**********3737"
    assert masked("1234567") == "*******"


def test_the_kit_chains_the_journal_as_the_product_does(signer, signing_office):
    signer.signs()
    with signing_office.engine.database.reading() as session:
        rows = list(session.scalars(select(JournalRow).order_by(JournalRow.seq)))
    previous = START
    for row in rows:
        fields = {c.key: getattr(row, c.key) for c in JournalRow.__table__.columns}
        assert sha256(previous + kit.linked(row)).digest() == link(previous, fields) == row.hash
        previous = row.hash


def test_a_kit_is_made_once(signer, signing_office):
    signer.signs()
    archived(signing_office, signer)
    key = signing_office.case_key(signer.case_id)
    with signing_office.engine.database.reading() as session:
        first = signing_office.signing.kit(session, key, signer.case_id)
        assert signing_office.signing.evidence(session, key, signer.case_id).startswith(b"%PDF")
    assert signing_office.signing.archive(str(signer.case_id)) == "there"
    with signing_office.engine.database.reading() as session:
        assert signing_office.signing.kit(session, key, signer.case_id) == first
    assert chain_is_whole(signing_office, signer)


def test_there_is_no_kit_before_the_archive(signer, signing_office):
    signer.signs()
    signing_office.signing.archive(str(signer.case_id))
    with signing_office.engine.database.reading() as session, pytest.raises(NotSigned):
        signing_office.signing.kit(session, signing_office.case_key(signer.case_id), signer.case_id)


def test_a_worker_that_died_before_the_kit_is_followed_by_one_that_makes_it(
    signer, signing_office, monkeypatch
):
    signer.signs()
    signing = signing_office.signing
    put = signing_office.engine.files.put

    def refuse(*arguments, **more):
        if more["role"].startswith("evidence"):
            raise KeyboardInterrupt
        return put(*arguments, **more)

    monkeypatch.setattr(signing_office.engine.files, "put", refuse)
    with pytest.raises(KeyboardInterrupt):
        archived(signing_office, signer)
    monkeypatch.undo()
    assert {one.level for one in signer.has()} == {"LTA"}
    with signing_office.engine.database.reading() as session:
        for newest in (signing.kit, signing.evidence):
            with pytest.raises(NotSigned):
                newest(session, signing_office.case_key(signer.case_id), signer.case_id)
    assert signing.archive(str(signer.case_id)) == "told"


def test_who_gives_the_evidence_page_to_the_verifier_is_told_what_it_is(unpacked, signing_office):
    verdict = verifier.verify((unpacked / "evidence.pdf").read_bytes(), verifier.Trust(roots=()))
    assert not verdict.intact
    assert [one.code for one in verdict.findings] == ["no_customer"]
