"""/verify: anybody gives a file and reads who signed it."""

from io import BytesIO

import pytest

from handlers.certificates import Root
from tests.attacks.signed import Bureau
from tests.ca_people import PASSPHRASES, Clock, Room
from tests.product import Person
from tests.signed_files import files_of


@pytest.fixture
def signed(product, tmp_path):
    """What a customer of this installation signed."""
    engine = product.engine
    return files_of(Bureau(Room(engine.database, engine.keyring, Root(tmp_path, PASSPHRASES), Clock())))


@pytest.fixture
def stranger(product):
    """Somebody who never signed in."""
    return Person(product)


def gives(person, pdf, name="协议.pdf"):
    person.opens("/verify")
    return person.posts("/verify", {"file": (BytesIO(pdf), name)}, content_type="multipart/form-data")


def test_a_stranger_learns_who_signed_a_genuine_file_and_when(stranger, signed):
    page = gives(stranger, signed.blta)
    assert page.status_code == 200
    assert stranger.sees("文件真实，签名后未被改动")
    assert stranger.sees("张小伟")
    assert stranger.sees("Company Seal")
    assert stranger.sees("协议.pdf")
    assert page.headers["Cache-Control"] == "no-store"


def test_a_file_that_waits_for_its_archive_is_genuine_too(stranger, signed):
    gives(stranger, signed.bt)
    assert stranger.sees("文件真实，签名后未被改动")
    assert stranger.sees("公司签章并归档后，请下载新的文件")


def test_a_changed_file_is_told_and_names_nobody(stranger, signed):
    gives(stranger, signed.blta.replace(b"(Kaihu)", b"(Kaixx)", 1))
    assert stranger.sees("文件不可信")
    assert stranger.sees("文件内容在签名之后被改动")
    assert not stranger.sees("张小伟")


def test_a_file_of_another_installation_is_told(stranger, files):
    gives(stranger, files.blta)
    assert stranger.sees("文件不是在本公司签署的")
    assert not stranger.sees("张小伟")


@pytest.mark.parametrize("other", [b"\xff\xd8\xff\xe0 a picture", b"%PDF-1.7\nhello", b"PK\x03\x04"])
def test_whatever_else_somebody_gives_is_answered_calmly(stranger, other):
    assert gives(stranger, other).status_code == 200
    assert stranger.sees("无法验证这个文件") or stranger.sees("文件不可信")


def test_who_gives_nothing_is_asked_for_a_file(stranger):
    stranger.opens("/verify")
    assert stranger.posts("/verify").status_code == 422
    assert stranger.sees("请选择要验证的PDF文件")


def test_who_gives_too_much_is_told_the_limit(stranger):
    assert gives(stranger, b"%PDF-" + b"x" * (10 << 20)).status_code == 422
    assert stranger.sees("文件不能超过10M")


def test_a_name_full_of_markup_is_shown_as_it_is(stranger, signed):
    page = gives(stranger, signed.blta, "<script>alert(1)</script>.pdf")
    assert "<script>alert" not in page.text


def test_the_page_is_english_for_who_reads_english(stranger, signed):
    stranger.opens("/verify")
    stranger.posts("/preferences", {"language": "en", "next": "/verify"})
    gives(stranger, signed.blta.replace(b"(Kaihu)", b"(Kaixx)", 1))
    assert stranger.sees("The file cannot be trusted")
    assert stranger.sees("The content was changed after it was signed")


def test_one_address_may_not_ask_without_end(product, stranger):
    most = product.product.web.settings.verify_per_minute
    answers = [gives(stranger, b"nothing").status_code for _ in range(most + 1)]
    assert answers[-1] == 429
    assert set(answers[:-1]) == {200}


def test_help_and_every_page_lead_there(stranger):
    for page in ("/help", "/"):
        stranger.opens(page)
        assert 'href="/verify"' in stranger.text


def test_a_post_from_another_site_is_refused(stranger, signed):
    stranger.opens("/verify")
    answer = stranger.posts(
        "/verify",
        {"file": (BytesIO(signed.bt), "a.pdf"), "csrf_token": "forged"},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 400
