"""``kaihu verify``: anybody asks the command line who signed a file."""

import json

import pytest

from engine.store import Database
from handlers.certificates import Root
from ops import ca, cli
from ops.keys import load
from tests.attacks.signed import Bureau
from tests.ca_people import PASSPHRASES, Clock, Room
from tests.openssl import pem
from tests.signed_files import files_of
from web.settings import read


@pytest.fixture
def says(capsys):
    """Run ``kaihu verify``; return exit code and all that was told."""

    def run(*words):
        code = cli.main(["verify", *map(str, words)])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


@pytest.fixture
def signed(files, tmp_path):
    """A folder with files and the root, as somebody keeps them who has nothing else."""
    for name, pdf in {
        "blta": files.blta,
        "bt": files.bt,
        "bad": files.blta.replace(b"(Kaihu)", b"(Kaixx)", 1),
    }.items():
        (tmp_path / f"{name}.pdf").write_bytes(pdf)
    pem(tmp_path / "root.pem", [files.bureau.root.der])
    return tmp_path


@pytest.fixture
def no_database(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@localhost:1/none")


def test_who_has_the_root_needs_no_database(says, signed, no_database):
    code, told = says(signed / "blta.pdf", "--root", signed / "root.pem")
    assert code == 0
    assert "INTACT, B-LTA" in told
    assert "customer: 张小伟" in told
    assert "company seal: 示例期货有限公司" in told


def test_one_changed_file_among_several_is_told_and_fails(says, signed, no_database):
    code, told = says(signed / "blta.pdf", signed / "bad.pdf", "--root", signed / "root.pem")
    assert code == 1
    assert "blta.pdf: INTACT" in told
    assert "bad.pdf: NOT ACCEPTED" in told
    assert "The content was changed after it was signed" in told


def test_a_file_that_is_not_archived_cannot_be_judged_by_the_root_alone(says, signed, no_database):
    code, told = says(signed / "bt.pdf", "--root", signed / "root.pem")
    assert code == 1
    assert "Whether the certificate was revoked cannot be told" in told


def test_programs_read_one_object_a_line(says, signed, no_database):
    code, told = says(signed / "blta.pdf", signed / "bad.pdf", "--root", signed / "root.pem", "--json")
    good, bad = map(json.loads, told.splitlines())
    assert code == 1
    assert good["intact"] is True
    assert good["signatures"][0]["name"] == "张小伟"
    assert bad["findings"][0]["code"] == "changed"


def test_a_file_or_root_that_cannot_be_read_is_told(says, signed, no_database):
    assert says(signed / "none.pdf", "--root", signed / "root.pem")[0] == 2
    assert says(signed / "blta.pdf", "--root", signed / "none.pem")[0] == 2
    assert says(signed / "blta.pdf", "--root", signed / "bt.pdf") == (
        2,
        f"{signed / 'bt.pdf'}: no certificate in PEM\n",
    )


@pytest.fixture
def installation(database_url, tmp_path, monkeypatch):
    """An installation of a demonstration, in which a customer signed."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("KAIHU_DATA", str(tmp_path / "data"))
    settings, database = read(), Database(database_url)
    keyring = load(settings.keyring_file, make=True)
    ca.demo_init(settings, database, keyring)
    room = Room(database, keyring, Root(tmp_path, PASSPHRASES), Clock())
    yield files_of(Bureau(room))
    database.dispose()


def test_where_nothing_was_set_up_one_line_says_what_to_do(says, signed, monkeypatch, migrated_server):
    with migrated_server.database() as url:
        nowhere = url.replace(url.rpartition("/")[2].partition("?")[0], "nobody_made_this")
        monkeypatch.setenv("DATABASE_URL", nowhere)
        monkeypatch.setenv("KAIHU_DATA", str(signed))
        code, told = says(signed / "blta.pdf")
    assert code == 2
    assert "--root" in told
    assert "Traceback" not in told


def test_an_installation_judges_its_own_files_without_being_given_a_root(says, installation, tmp_path):
    for name, pdf in {"bt": installation.bt, "blta": installation.blta}.items():
        (tmp_path / f"{name}.pdf").write_bytes(pdf)
    code, told = says(tmp_path / "bt.pdf", tmp_path / "blta.pdf")
    assert code == 0, told
    assert "INTACT, B-T" in told


def test_a_file_of_another_installation_is_told_to_be_foreign(says, installation, signed):
    code, told = says(signed / "blta.pdf")
    assert code == 1
    assert "was not issued by a trusted authority" in told
