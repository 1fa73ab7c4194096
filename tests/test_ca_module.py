"""Keys of the authority in a hardware module, tried with SoftHSM: made there, used there, never out."""

import threading
import time
from statistics import median

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select

from engine.store import Database, Keyring
from handlers.certificates import (
    AuthorityDown,
    Certificates,
    EmbeddedAuthority,
    EmbeddedTimestamps,
    Module,
    NoAuthority,
    Root,
    ceremony,
    timestamp_request,
)
from handlers.certificates.pkcs11 import MARK, ModuleKey
from handlers.certificates.tables import UnitRow
from ops import cli
from tests import softhsm
from tests.ca_people import COMPANY, PASSPHRASES, Auditor, Clock, Room
from tests.openssl import openssl, pem, written


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    """Lend a token; the library reads where it lies once a process."""
    folder = tmp_path_factory.mktemp("hsm")
    config = softhsm.initialise(folder)
    patched = pytest.MonkeyPatch()
    patched.setenv("SOFTHSM2_CONF", str(config))
    yield folder
    patched.undo()


@pytest.fixture
def module(token):
    made = softhsm.module(token)
    yield made
    made.close()


@pytest.fixture
def bureau(database_url, module, tmp_path):
    """Lend an authority whose units' keys are in the module."""
    database, keyring, root = Database(database_url), Keyring.generate(), Root(tmp_path / "ca", PASSPHRASES)
    authority = EmbeddedAuthority(keyring, COMPANY, module=module)
    with database.transaction() as session:
        ceremony.set_up(session, authority, root)
    room = Room(database, keyring, root, Clock())
    room.authority, room.certificates = authority, Certificates(keyring, authority)
    room.timestamps = EmbeddedTimestamps(database, keyring, COMPANY, module=module)
    yield room
    database.dispose()


def drill(bureau):
    with bureau.database.transaction() as session:
        return ceremony.drill(session, bureau.authority, bureau.root)


def test_certificates_lists_answers_and_dates_are_signed_in_the_module(bureau, tmp_path):
    certificate = bureau.person().has_certificate()
    auditor = Auditor(bureau, tmp_path)
    assert "OK" in auditor.verifies(certificate)
    assert "asked.pem: good" in auditor.is_told(certificate)
    query = written(tmp_path / "query", timestamp_request(b"d" * 32, 1))
    answer = written(tmp_path / "answer", bureau.timestamps.answer(query.read_bytes()))
    assert "OK" in openssl("ts", "-verify", "-queryfile", query, "-in", answer, "-CAfile", auditor.root)
    assert len(drill(bureau)) > 6


def test_the_database_has_no_key_only_where_it_lies(bureau):
    with bureau.database.reading() as session:
        rows = session.scalars(select(UnitRow).where(UnitRow.role != "root")).all()
        kept = [bureau.keyring.open(row.key, f"ca_unit.key:{row.id}") for row in rows]
    assert len(kept) == 4
    assert all(one.startswith(MARK) for one in kept)


def test_a_key_never_leaves_the_module(module, token):
    key = module.make()
    for act in (
        lambda: key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        key.private_numbers,
        lambda: key.exchange(ec.ECDH(), key.public_key()),
    ):
        with pytest.raises(TypeError, match="does not leave"):
            act()
    listed = softhsm.run(
        token / "softhsm2.conf", "pkcs11-tool", "--module", softhsm.library(), "--token-label", "kaihu",
        "--login", "--pin", softhsm.PIN, "--list-objects", "--type", "privkey",
    )  # fmt: skip
    assert "Private Key Object; EC" in listed
    for line in listed.splitlines():
        if "Access:" in line:
            assert "sensitive" in line
            assert "never extractable" in line


@pytest.mark.parametrize("digest", [SHA256(), SHA384()])
def test_the_modules_signatures_are_good_ones(module, digest):
    key = module.make()
    algorithm = ec.ECDSA(digest)
    key.public_key().verify(key.sign(b"said", algorithm), b"said", algorithm)
    again = module.known(key.reference)
    hashed = ec.ECDSA(Prehashed(SHA256()))
    key.public_key().verify(again.sign(b"h" * 32, hashed), b"h" * 32, hashed)
    assert (key.key_size, key.curve.name) == (256, "secp256r1")


def test_many_threads_sign_at_once(module):
    key, algorithm, signed = module.make(), ec.ECDSA(SHA256()), []

    def signs():
        for _ in range(20):
            signed.append(key.sign(b"said", algorithm))

    threads = [threading.Thread(target=signs) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(signed) == 160
    for one in signed:
        key.public_key().verify(one, b"said", algorithm)


def test_a_session_that_broke_is_opened_anew(module):
    key, algorithm = module.make(), ec.ECDSA(SHA256())
    key.sign(b"said", algorithm)
    module._session.opened.close()
    key.public_key().verify(key.sign(b"said", algorithm), b"said", algorithm)


def test_a_module_that_is_not_there_is_told_without_its_pin(token, tmp_path):
    key = softhsm.module(token).make()
    (tmp_path / "pin").write_text("999999\n")
    for wrong in (
        Module(tmp_path / "nothing.so", "kaihu", token / "pin"),
        Module(softhsm.library(), "another", token / "pin"),
        Module(softhsm.library(), "kaihu", tmp_path / "no-pin"),
    ):
        with pytest.raises(AuthorityDown, match="hardware module") as down:
            wrong.known(key.reference).sign(b"said", ec.ECDSA(SHA256()))
        assert softhsm.PIN not in str(down.value)
    with pytest.raises(AuthorityDown, match="no such key"):
        softhsm.module(token).sign(b"x" * 16, b"h" * 32)


def test_without_the_module_nothing_is_signed_and_every_answer_says_so(bureau, module):
    request_of = bureau.person()
    certificate = request_of.has_certificate()
    without = EmbeddedAuthority(bureau.keyring, COMPANY)
    bureau.certificates = Certificates(bureau.keyring, without)
    with pytest.raises(NoAuthority, match="issuing-1 is not here"):
        bureau.person().has_certificate()
    with bureau.database.reading() as session:
        assert x509.load_der_x509_certificate(without.certificate(session, "issuing-1"))
        assert bureau.certificates.get(session, certificate.serial).state == "active"
    refused = EmbeddedTimestamps(bureau.database, bureau.keyring, COMPANY).answer(
        timestamp_request(b"d" * 32, 1)
    )
    assert len(refused) < 30


def test_the_command_makes_the_keys_in_the_module_that_the_settings_name(
    database_url, token, tmp_path, monkeypatch, capsys
):
    for name, value in {
        "DATABASE_URL": database_url,
        "KAIHU_DATA": tmp_path,
        "KAIHU_PKCS11_MODULE": softhsm.library(),
        "KAIHU_PKCS11_TOKEN": "kaihu",
        "KAIHU_PKCS11_PIN_FILE": token / "pin",
    }.items():
        monkeypatch.setenv(name, str(value))
    assert cli.main(["ca", "init"]) == 0
    assert cli.main(["ca", "rotate", "issuing"]) == 0
    assert cli.main(["ca", "drill"]) == 0
    assert "issuing-2: signed by root-1, the key opens and signs" in capsys.readouterr().out
    monkeypatch.setenv("KAIHU_PKCS11_TOKEN", "another")
    assert cli.main(["ca", "drill"]) == 1
    assert "hardware module" in capsys.readouterr().err


def test_moving_to_a_module_is_one_rotation_after_the_other(own_room, module):
    authority = EmbeddedAuthority(own_room.keyring, COMPANY, module=module)
    before = own_room.person().has_certificate()
    with own_room.database.transaction() as session:
        for role in ("issuing", "tsa", "seal"):
            ceremony.rotate(session, authority, role, own_room.root)
        in_module = [
            isinstance(authority.units.active(session, role).key, ModuleKey)
            for role in ("issuing", "tsa", "seal", "ocsp")
        ]
        assert in_module == [True] * 4
        assert ceremony.drill(session, authority, own_room.root)
    own_room.authority = authority
    with own_room.database.reading() as session:
        assert own_room.certificates.get(session, before.serial).state == "active"


def test_a_certificate_from_the_module_takes_at_most_half_as_long_again(bureau, own_room):
    def seconds(room):
        """CPU of one customer's certificate, from the request to what is kept of it."""
        person = room.person()
        csr = person.asks(person.passes_the_video())
        began = time.thread_time()
        person.installs(csr)
        return time.thread_time() - began

    for room in (bureau, own_room):
        seconds(room)
    ratios = [seconds(bureau) / seconds(own_room) for _ in range(25)]
    assert median(ratios) <= 1.5, ratios


def test_the_root_stays_in_its_sealed_file(bureau):
    with bureau.database.reading() as session:
        top = bureau.authority.units.active(session, "root")
    assert top.key is None
    assert len(list(bureau.root.folder.iterdir())) == 1
    assert pem(bureau.root.folder / "root.pem", [top.der]).exists()
