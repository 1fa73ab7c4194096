"""The kit and the recording: whoever has the kit can prove offline what was recorded of the witness."""

import io
import json
import zipfile
from datetime import timedelta
from hashlib import sha256

import pytest

from engine import clock
from handlers.recordings import Recordings
from handlers.signing import NotSigned
from tests.openssl import pem
from tests.recording_people import Leg, Studio
from tests.test_signing_archive import archived, chain_is_whole  # noqa: F401
from tests.test_signing_kit import checked


@pytest.fixture
def studio(signing_office, tmp_path):
    """Lend a studio of the office, whose evidence tells of recordings."""
    made = Studio(signing_office.engine, tmp_path / "recordings")
    signing_office.signing = signing_office.opens(recordings=Recordings(made.engine, made.folder))
    return made


@pytest.fixture
def call(studio, signer):
    """Lend the call in which the signer was witnessed."""
    made = studio.call(signer.case_id)
    made.sends("customer", Leg(seconds=1))
    made.sends("customer", Leg(seconds=1), at=3, number=1)
    made.sends("agent", Leg(seconds=1))
    return made.ends()


def kit_of(office, signer, folder):
    """Return the kit of a case, unpacked, and the root's certificate beside it."""
    with office.engine.database.reading() as session:
        zipped = office.signing.kit(session, office.case_key(signer.case_id), signer.case_id)
    zipfile.ZipFile(io.BytesIO(zipped)).extractall(folder / "kit")
    return folder / "kit", pem(folder / "root.pem", office.room.chain()[1:])


@pytest.fixture
def kit(signing_office, signer, call, tmp_path):
    """Lend a kit with a recording, and its root."""
    call.finished()
    signer.signs()
    archived(signing_office, signer)
    return kit_of(signing_office, signer, tmp_path)


def test_the_kit_proves_the_recording_with_openssl_alone(kit, call):
    folder, root = kit
    code, said = checked(folder, root)
    assert code == 0, said
    assert sum("seal of the recording" in line for line in said.splitlines()) == 4
    assert "OK    the recording has the hash that evidence.json tells" in said
    told = json.loads((folder / "evidence.json").read_bytes())["video"]
    assert told["sha256"] == call.report["hash"] == call.studio.recordings.hash(call.id)
    assert told["segments"] == 4


def test_who_has_a_segment_proves_it_without_any_key(kit, call):
    folder, _ = kit
    said = json.loads((folder / "video/customer.0001.json").read_bytes())
    file = call.path("customer", 1).read_bytes()
    head, at, records = sha256(file[:25]).digest(), 25, 0
    while at < len(file):
        end = at + 4 + int.from_bytes(file[at : at + 4], "big")
        head, at, records = sha256(head + file[at:end]).digest(), end, records + 1
    assert (said["head"], said["size"], said["records"]) == (head.hex(), len(file), records)


@pytest.mark.parametrize("name", ["agent.0000.json", "events.0000.sig", "seal.pem"])
def test_one_changed_byte_of_a_seal_is_found_by_the_list_and_by_the_seal_itself(kit, name):
    folder, root = kit
    file = folder / "video" / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    code, said = checked(folder, root)
    assert code == 1
    assert f"FAIL  SHA-256 of video/{name}" in said
    # And were the list itself written anew:
    script = folder / "verify.sh"
    script.write_text(
        "\n".join(line for line in script.read_text().splitlines() if not line.startswith("enough "))
    )
    _, said = checked(folder, root)
    assert "FAIL  video/" in said


def test_a_segment_taken_out_of_the_kit_is_missed(kit):
    folder, root = kit
    for file in folder.glob("video/customer.0001.*"):
        file.unlink()
    script = folder / "verify.sh"
    script.write_text(
        "\n".join(line for line in script.read_text().splitlines() if not line.startswith("enough "))
    )
    code, said = checked(folder, root)
    assert code == 1
    assert "FAIL  the recording has the hash that evidence.json tells" in said


def test_the_evidence_waits_for_the_seal_and_not_for_ever(signing_office, signer, studio, tmp_path):
    made = studio.call(signer.case_id)
    made.sends("customer", Leg(seconds=1), killed=3)
    made.ends()
    signer.signs()
    archived(signing_office, signer)
    with pytest.raises(NotSigned):
        kit_of(signing_office, signer, tmp_path)
    made.finished()
    signing_office.signing.archive(str(signer.case_id))
    folder, root = kit_of(signing_office, signer, tmp_path)
    assert (folder / "video/customer.0000.sig").exists()
    assert checked(folder, root)[0] == 0


def test_a_recording_that_can_never_be_sealed_does_not_hold_the_evidence_back(studio, signer, signing_office):
    made = studio.call(signer.case_id)
    made.sends("customer", Leg(seconds=1), killed=3)
    made.path("customer").unlink()
    made.ends()
    recordings = studio.recordings
    with clock.frozen(clock.now() + timedelta(hours=2)), signing_office.engine.database.reading() as session:
        found = recordings.evidence(session, signer.case_id)
    assert list(found.statements) == ["events.0000"]


def test_a_case_without_a_call_has_a_kit_without_a_recording(studio, signer, signing_office, tmp_path):
    signer.signs()
    archived(signing_office, signer)
    folder, root = kit_of(signing_office, signer, tmp_path)
    assert not (folder / "video").exists()
    assert "video" not in json.loads((folder / "evidence.json").read_bytes())
    assert checked(folder, root)[0] == 0
