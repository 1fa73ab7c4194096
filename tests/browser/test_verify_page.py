"""协议文件验证 in a browser: a file goes into the frame, a verdict comes out; scripts or none."""

import pytest
from playwright.sync_api import expect

from handlers.certificates import Root
from tests.attacks.signed import Bureau
from tests.browser.test_accessible import COLOURS, Inspector
from tests.ca_people import PASSPHRASES, Clock, Room
from tests.signed_files import files_of


@pytest.fixture
def signed(kaihu, tmp_path):
    """What a customer of this installation signed."""
    engine = kaihu.product.engine
    return files_of(Bureau(Room(engine.database, engine.keyring, Root(tmp_path, PASSPHRASES), Clock())))


def gives(page, pdf, name="期货经纪合同.pdf"):
    page.get_by_label("在本公司签署的协议").set_input_files(
        {"name": name, "mimeType": "application/pdf", "buffer": pdf}
    )
    page.get_by_role("button", name="验证", exact=True).click()


@COLOURS
def test_a_stranger_verifies_files_and_meets_no_barrier(opens, signed, size, colours):
    page = opens(size=size, color_scheme=colours)
    inspector = Inspector(page)
    page.goto("/help")
    page.get_by_role("link", name="验证协议文件").click()
    expect(page.get_by_role("heading", name="协议文件验证")).to_be_visible()
    inspector.looks("empty")
    gives(page, signed.blta)
    expect(page.get_by_role("heading", name="文件真实，签名后未被改动")).to_be_visible()
    expect(page.get_by_text("张小伟")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    inspector.looks("genuine")
    gives(page, signed.blta.replace(b"(Kaihu)", b"(Kaixx)", 1))
    expect(page.get_by_role("heading", name="文件不可信")).to_be_visible()
    inspector.looks("changed")
    assert inspector.found == []


def test_it_works_without_scripts(opens, signed):
    page = opens(java_script_enabled=False)
    page.goto("/verify")
    gives(page, signed.bt)
    expect(page.get_by_role("heading", name="文件真实，签名后未被改动")).to_be_visible()
