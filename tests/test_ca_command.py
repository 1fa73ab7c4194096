"""``kaihu ca``: the whole life of an authority from the command line."""

import pytest
from cryptography import x509
from sqlalchemy import select

from engine.parameters import Parameters
from engine.store import Database, Keyring
from engine.store.tables import JournalRow
from handlers.certificates import CertificateFault
from handlers.certificates.units import Units
from ops import ca, cli
from ops.keys import load
from tests.openssl import openssl
from web.settings import SettingsRefused, read


class Machine:
    """A machine with the command, and somebody at its terminal."""

    def __init__(self, url, folder, capsys):
        self.url, self.folder, self.capsys = url, folder, capsys

    def says(self, *words):
        """Run ``kaihu ca``; return exit code and all that was told."""
        code = cli.main(["ca", *map(str, words)])
        told = self.capsys.readouterr()
        return code, told.out + told.err


@pytest.fixture
def machine(database_url, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("KAIHU_DATA", str(tmp_path))
    return Machine(database_url, tmp_path, capsys)


@pytest.fixture
def words(tmp_path):
    """Two custodians' passphrase files, as options."""
    options = []
    for number in (1, 2):
        path = tmp_path / f"custodian-{number}"
        path.write_text(f"the words of custodian {number}\n")
        options += ["--passphrase-file", path]
    return options


def test_a_demonstration_needs_one_command_and_no_words(machine):
    code, told = machine.says("init")
    assert code == 0
    for name in ("root-1", "issuing-1", "ocsp-1", "tsa-1", "seal-1", "SHA-256"):
        assert name in told
    assert machine.says("drill")[0] == 0
    code, told = machine.says("status")
    assert code == 0
    assert "issuing-1.crl  number 1" in told


def test_it_is_set_up_once(machine):
    assert machine.says("init")[0] == 0
    code, told = machine.says("init")
    assert (code, told) == (1, "an authority stands here already\n")


def test_before_it_is_set_up_everything_says_what_to_do(machine):
    for words in (["status"], ["drill"], ["rotate", "ocsp"], ["rotate", "tsa"]):
        code, told = machine.says(*words)
        assert (code, told) == (1, "No certification authority was set up here: kaihu ca init.\n")


def test_two_custodians_hold_every_ceremony(machine, words, tmp_path):
    usb = ["--folder", tmp_path / "usb", *words]
    assert machine.says("init", *usb)[0] == 0
    assert "root-1: the sealed key opens" in machine.says("drill", *usb)[1]
    assert "issuing-2" in machine.says("rotate", "issuing", *usb)[1]
    assert "tsa-2" in machine.says("rotate", "tsa", *usb)[1]
    assert "seal-2" in machine.says("rotate", "seal")[1]
    assert "ocsp-3" in machine.says("rotate", "ocsp")[1]
    assert "seal-2 is revoked: superseded" in machine.says("revoke", "seal-2", "--reason", "superseded")[1]
    assert "tsa-2 is revoked" in machine.says("revoke", "tsa-2", *usb)[1]
    code, told = machine.says("drill", "--folder", tmp_path / "usb", *words[:2])
    assert (code, told) == (1, "the root needs the passphrases of 2 custodians\n")


def test_in_production_custodians_type_their_words_at_the_terminal(machine, tmp_path, monkeypatch):
    load(tmp_path / "keyring.json", make=True)
    for name, value in {
        "MODE": "production",
        "KEYRING": str(tmp_path / "keyring.json"),
        "PUBLIC_ADDRESS": "https://kaihu.example.com",
        "COUNTER": "http",
        "COUNTER_URL": "https://counter.example.com",
        "COUNTER_TOKEN": "c" * 40,
        "SMS": "http",
        "SMS_URL": "https://sms.example.com",
        "SMS_TOKEN": "s" * 40,
    }.items():
        monkeypatch.setenv(f"KAIHU_{name}", value)
    assert "KAIHU_POLICY_ARC" in machine.says("init")[1]
    monkeypatch.setenv("KAIHU_POLICY_ARC", "1.3.6.1.4.1.99999")
    typed = ["first custodian", "first custodian", "second custodian", "slip of the key"]
    monkeypatch.setattr("getpass.getpass", lambda prompt: typed.pop(0))
    assert "nothing was made" in machine.says("init")[1]
    typed += ["first custodian", "first custodian", "second custodian", "second custodian"]
    assert machine.says("init")[0] == 0
    typed += ["first custodian", "second custodian"]
    assert machine.says("drill")[0] == 0
    assert typed == []
    with pytest.raises(CertificateFault):
        ca.demo_init(read(), Database(machine.url), Keyring.generate())


def test_lists_are_published_and_written_for_a_web_server(machine, tmp_path):
    machine.says("init")
    code, told = machine.says("crl", "--root", "--out", tmp_path / "lists")
    assert code == 0
    assert "issuing-1.crl published" in told
    for name in ("root-1", "issuing-1"):
        path = tmp_path / "lists" / f"{name}.crl"
        assert (
            x509.load_der_x509_crl(path.read_bytes())
            .extensions.get_extension_for_class(x509.CRLNumber)
            .value.crl_number
            == 2
        )
        assert "CRL Number" in openssl("crl", "-inform", "DER", "-in", path, "-noout", "-text")


def test_every_ceremony_is_in_the_journal_with_its_transcript_and_no_words(machine, words):
    machine.says("init", *words)
    machine.says("drill", *words)
    machine.says("rotate", "seal")
    database = Database(machine.url)
    with database.reading() as session:
        rows = session.scalars(
            select(JournalRow).where(JournalRow.subject == ca.CHAIN).order_by(JournalRow.seq)
        )
        told = [(row.kind, row.open_part.decode()) for row in rows]
    database.dispose()
    assert [kind for kind, _ in told] == ["ca.init", "ca.drill", "ca.rotate"]
    assert "SHA-256" in told[0][1]
    assert not any("custodian 1" in text for _, text in told)
    assert cli.main(["journal", "verify"]) == 0


def test_a_ceremony_that_fails_leaves_nothing_behind(machine, words, tmp_path):
    assert machine.says("init", "--folder", tmp_path / "usb", *words)[0] == 0
    before = machine.says("status")[1]
    assert machine.says("rotate", "tsa", "--folder", tmp_path / "elsewhere", *words)[0] == 1
    assert machine.says("status")[1] == before


def test_a_demonstration_sets_itself_up_when_the_product_asks(machine):
    settings, database = read(), Database(machine.url)
    for _ in range(2):
        ca.demo_init(settings, database, load(settings.keyring_file, make=True))
    database.dispose()
    assert machine.says("drill")[0] == 0


@pytest.mark.parametrize(
    ("pages", "lists"),
    [
        ("https://kaihu.example.com", "http://kaihu.example.com"),
        ("https://kaihu.example.com:8443", "http://kaihu.example.com"),
        ("http://kaihu.example.com:8000", "http://kaihu.example.com:8000"),
        ("", "http://127.0.0.1:8000"),
    ],
)
def test_lists_are_fetched_without_tls_from_where_the_pages_are(pages, lists):
    assert ca.company(read(public_address=pages), Parameters()).address == lists


def test_an_authority_of_a_demonstration_is_refused_in_earnest(machine, monkeypatch):
    machine.says("init")
    settings, database = read(), Database(machine.url)
    ca.refuse_demonstration(settings, database)
    earnest = settings.model_copy(update={"mode": "production"})
    with pytest.raises(SettingsRefused, match="kaihu ca init"):
        ca.refuse_demonstration(earnest, database)
    with database.reading() as session:
        issuing = Units(load(machine.folder / "keyring.json", make=False)).active(session, "issuing")
    database.dispose()
    assert "Demonstration only" in issuing.certificate.subject.rfc4514_string()


def test_the_state_is_for_monitoring_too(machine, monkeypatch):
    machine.says("init")
    assert machine.says("status")[0] == 0
    assert machine.says("revoke", "seal-1")[0] == 0
    code, told = machine.says("status")
    assert code == 3
    assert "there is no seal unit: kaihu ca rotate seal" in told


def test_the_arc_of_the_policies_is_the_companys(machine, monkeypatch):
    monkeypatch.setenv("KAIHU_POLICY_ARC", "1.3.6.1.4.1.99999")
    machine.says("init")
    database = Database(machine.url)
    with database.reading() as session:
        tsa = Units(load(machine.folder / "keyring.json", make=False)).active(session, "tsa").certificate
    database.dispose()
    (policy,) = tsa.extensions.get_extension_for_class(x509.CertificatePolicies).value
    assert policy.policy_identifier.dotted_string == "1.3.6.1.4.1.99999.1.3"


@pytest.mark.parametrize("how", ["option", "setting"])
def test_the_seal_tells_the_companys_registration(machine, monkeypatch, how):
    if how == "setting":
        monkeypatch.setenv("KAIHU_COMPANY_REGISTRATION", "91000000EXAMPLE001")
        machine.says("init")
    else:
        machine.says("init", "--registration", "91000000EXAMPLE001")
    database = Database(machine.url)
    with database.reading() as session:
        keyring = load(machine.folder / "keyring.json", make=False)
        seal = Units(keyring).active(session, "seal").certificate
    database.dispose()
    assert "NTRCN-91000000EXAMPLE001" in [attribute.value for attribute in seal.subject]


def test_the_help_tells_every_command(machine):
    with pytest.raises(SystemExit):
        cli.main(["ca", "--help"])
    told = machine.capsys.readouterr().out
    for word in ("init", "status", "rotate", "crl", "revoke", "drill", "custodians", "offline"):
        assert word in told
