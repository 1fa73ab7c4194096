"""Reading an agreement: the version that is listed, filled in as its paper is, and the paper beside it."""

import re
from dataclasses import replace

import orjson
import psycopg
import pytest

from engine import SYSTEM, clock
from handlers import agreements
from handlers.agreements import Proposal
from tests.test_agreement_papers import papers_of, said
from web.sessions import CHANNEL


@pytest.fixture
def signing(customer):
    """Lend a customer who has come to the page of the agreements."""
    customer.signs_in("C01").starts("change_phone").gives_pictures().types_phone("13612345678")
    return customer


def publishes(product, html, code="customer_notice", maker="operator1", approver="compliance1", **more):
    """Let two members of staff make a version that stands from today on."""
    staff = product.product.web.staff
    by_login = {m.login: staff.actor(str(m.id), "test") for m in staff.everybody()}
    rooms = product.product.web.agreements
    with product.engine.database.transaction() as session:
        proposal = Proposal(code, "客户须知", html, clock.today(), **more)
        made = rooms.propose(session, proposal, by_login[maker])
        return rooms.approve(session, made.id, by_login[approver])


def writes_papers(customer):
    """Do what the worker does for the customer's case."""
    assert customer.product.product.web.papers.write(str(customer.case)) == "written"


def test_the_reader_waits_for_the_paper_and_can_read_meanwhile(signing):
    task = signing.task
    signing.opens(f"/me/tasks/{task}/agreements/customer_notice")
    assert signing.sees("正在生成待签署的PDF文件")
    assert signing.sees("您正在通过互联网办理基本资料修改")
    assert "data-paper" not in signing.text
    assert signing.browser.get(f"/me/tasks/{task}/agreements/customer_notice/paper.pdf").status_code == 404


def test_the_reader_names_the_paper_by_its_fingerprint_and_gives_it_out(signing):
    task = signing.task
    writes_papers(signing)
    paper, pdf = papers_of(signing.product, signing.case)["customer_notice"]
    signing.opens(f"/me/tasks/{task}/agreements/customer_notice")
    digest = paper.digest.hex()
    assert signing.sees(" ".join(digest[i : i + 4] for i in range(0, 16, 4)))
    address = f"/me/tasks/{task}/agreements/customer_notice/paper.pdf"
    assert f'data-code="customer_notice" data-paper="{address}" data-digest="{digest}"' in signing.text
    answer = signing.browser.get(address)
    assert answer.data == pdf
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Content-Disposition"] == 'inline; filename="customer_notice.pdf"'
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_nobody_else_gets_the_paper(signing, another_customer):
    writes_papers(signing)
    another_customer.signs_in("C02")
    address = f"/me/tasks/{signing.task}/agreements/customer_notice/paper.pdf"
    assert another_customer.browser.get(address).status_code == 404


def test_the_page_is_told_when_its_paper_is_there(signing):
    product, task = signing.product, signing.task
    with psycopg.connect(product.engine.database.url, autocommit=True) as listening:
        listening.execute(f'LISTEN "{CHANNEL}"')
        writes_papers(signing)
        heard = [orjson.loads(n.payload) for n in listening.notifies(timeout=5, stop_after=1)]
    assert heard[0]["task"] == task


def test_the_reader_and_the_paper_say_the_same_words(product, customer, tmp_path):
    publishes(
        product, "<p>{{ customer.name }}（{{ customer.id_number }}）：{{ case.number }}，{{ date }}。</p>"
    )
    customer.signs_in("C01").starts("change_phone").gives_pictures().types_phone("13612345678")
    writes_papers(customer)
    product.later(days=2)
    task = customer.task
    customer.signs_in("C01").opens(f"/me/tasks/{task}/agreements/customer_notice")
    number = product.rows()[-1].number
    words = f"张伟（110105********3737）：{number}，2026年03月18日。"
    assert customer.sees(words), "filled in as of the day its paper was written"
    paper, pdf = papers_of(product, customer.case)["customer_notice"]
    assert paper.version == "2026-03-18"
    assert words in said(pdf, tmp_path)


def test_r158_a_version_that_is_replaced_while_it_is_read_is_still_shown_as_listed(product, signing):
    task = signing.task
    publishes(product, "<p>新的须知</p>")
    signing.opens(f"/me/tasks/{task}/agreements/customer_notice")
    assert not signing.sees("新的须知")
    _, _, data = product.engine.cases.data(signing.case, SYSTEM)
    with product.engine.database.reading() as session:
        newer = product.product.web.agreements.outdated(
            session,
            data["agreements"]["documents"],
            clock.today(),
            type="change_phone",
            account_type="futures",
        )
    assert [(one.code, one.version) for one in newer] == [("customer_notice", "2026-03-18")]


def test_a_script_in_a_name_is_shown_and_does_nothing(product, signing):
    document = replace(agreements.document("customer_notice"), html="<p>{{ customer.name }}</p>")
    values = agreements.variables.sample("customer_notice")
    values["customer"]["name"] = "<script>alert(1)</script>"
    shown = agreements.templates.render(document, values)
    assert shown == "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"


def test_the_privacy_policy_is_the_companys_own_once_it_has_one(product, customer):
    publishes(product, "<p>本公司（{{ company.name }}）的隐私政策</p>", code="privacy")
    customer.opens("/privacy")
    assert customer.sees("本公司（某某期货）的隐私政策")


def test_a_declaration_read_before_there_is_a_number_can_be_the_companys_own(product, customer):
    publishes(product, "<p>{{ customer.name }}的责任书，业务：{{ business }}</p>", code="certificate_duties")
    customer.signs_in("C01").starts("change_phone")
    customer.opens(f"/me/tasks/{customer.task}/agreements/certificate_duties")
    assert re.search("张伟的责任书，业务：修改联系电话", customer.text)
