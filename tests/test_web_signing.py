"""签署协议 through the pages: tickets, signatures, what is refused, and what the reviewer then sees."""

import re
import subprocess
import zipfile
from base64 import b64encode
from datetime import timedelta
from io import BytesIO
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from engine import Actor, clock, parameters
from engine.store.tables import FileRow, JournalRow
from handlers.agreements import Proposal
from handlers.signing.tables import SignatureRow
from tests.product import Customer
from tests.test_forms_other_info import TAX, answers


@pytest.fixture
def signer(customer: Customer) -> Customer:
    """Lend C06 on the agreements page, everything read, with a certificate in the browser."""
    customer.signs_in("C06").starts("change_phone").gives_pictures().types_phone("13612345678")
    customer.reads_agreements()
    customer.answers(agreements__agreed="true", agreements__way="apply")
    customer.is_witnessed()
    customer.installs_certificate().answers()
    customer.product.write_papers()
    return customer


def refused(answer, code, status=409):
    assert answer.status_code == status, answer.text
    assert answer.json["code"] == code
    assert answer.json["message"]
    return True


def signatures(signer, told):
    return [
        {"code": one["code"], "signature": b64encode(signer.signature_of(told, one)).decode()}
        for one in told["papers"]
    ]


def posts(signer, told, signed):
    return signer.sends(f"/me/tasks/{signer.task}/signing", ticket=told["ticket"], signatures=signed)


def test_g44_with_the_certificate_all_agreements_are_signed_at_once_and_submitted(signer):
    signer.signs_papers()
    assert signer.sees("已成功提交")
    with signer.product.engine.database.reading() as session:
        rows = session.scalars(select(SignatureRow)).all()
    assert sorted(row.code for row in rows) == [
        "brokerage_contract", "certificate_responsibility", "customer_notice", "risk_statement",
    ]  # fmt: skip
    assert {row.level for row in rows} == {"T"}


def test_g45_without_a_certificate_the_way_leads_over_witness_and_installation_back_to_signing(customer):
    customer.signs_in("C01").starts("change_phone").gives_pictures().types_phone("13612345678")
    customer.reads_agreements()
    customer.answers(agreements__agreed="true", agreements__way="apply")
    assert customer.sees("视频见证")
    customer.is_witnessed()
    assert customer.sees("数字证书申请")
    customer.installs_certificate().answers()
    assert customer.sees("协议签署")
    assert re.search(r'name="agreements.agreed" value="true" checked', customer.text)  # agreed is agreed
    customer.signs_papers()
    assert customer.sees("已成功提交")


def test_nobody_passes_the_page_of_the_witness_alone(customer):
    customer.signs_in("C01").starts("change_phone").gives_pictures().types_phone("13612345678")
    customer.reads_agreements()
    customer.answers(agreements__agreed="true", agreements__way="apply")
    customer.answers(video__passed="true", demo="true")
    assert customer.sees("请先完成视频见证")


def test_g43_nobody_gets_a_ticket_for_what_was_not_read(customer):
    customer.signs_in("C06").starts("change_phone").gives_pictures().types_phone("13612345678")
    assert refused(customer.asks_for_ticket(), "unread")


def test_a_ticket_needs_the_certificate_of_this_very_customer(signer):
    kept, signer.serial = signer.serial, "0" * 40
    assert refused(signer.asks_for_ticket(), "no_certificate")
    signer.serial = kept
    with signer.product.engine.database.transaction() as session:
        signer.product.product.web.certificates.revoke(session, kept, "key_compromise")
    assert refused(signer.asks_for_ticket(), "no_certificate")


def test_another_customer_can_neither_ask_nor_sign_here(signer, another_customer):
    told = signer.asks_for_ticket().json
    signed = signatures(signer, told)
    at = f"/me/tasks/{signer.task}/signing"
    another_customer.signs_in("C01")
    assert another_customer.sends(f"{at}/ticket", serial=signer.serial).status_code == 409
    assert another_customer.sends(at, ticket=told["ticket"], signatures=signed).status_code == 409
    assert another_customer.opens(told["papers"][0]["url"]).status_code == 404


def test_a_signature_by_another_key_is_refused_and_nothing_is_kept(signer):
    told = signer.asks_for_ticket().json
    own, signer.key = signer.key, ec.generate_private_key(ec.SECP256R1())
    assert refused(posts(signer, told, signatures(signer, told)), "signature_wrong", 422)
    signer.key = own
    with signer.product.engine.database.reading() as session:
        assert session.scalars(select(SignatureRow)).all() == []


def test_three_of_four_are_not_taken(signer):
    told = signer.asks_for_ticket().json
    answer = posts(signer, told, signatures(signer, told)[:3])
    assert answer.status_code == 422
    assert answer.json["message"] == "请一次签署全部协议"


@pytest.mark.parametrize(
    "body",
    [
        [], {}, {"ticket": 1, "signatures": []}, {"ticket": "x", "signatures": "y"},
        {"ticket": "x", "signatures": [{"code": "a", "signature": "***"}]},
        {"ticket": "x", "signatures": [{"code": "a", "signature": "A" * 300}]},
        {"ticket": "x", "signatures": [{"code": "a", "signature": "AA=="}] * 2},
        {"ticket": "x", "signatures": [1]},
    ],
    ids=str,
)  # fmt: skip
def test_what_no_page_sends_is_refused_in_plain_words(signer, body):
    headers = {"X-CSRFToken": signer.token}
    answer = signer.browser.post(f"/me/tasks/{signer.task}/signing", json=body, headers=headers)
    assert refused(answer, "malformed", 422)


def test_a_lost_answer_may_be_fetched_again_and_signs_nothing_twice(signer):
    told = signer.asks_for_ticket().json
    signed = signatures(signer, told)
    first = posts(signer, told, signed)
    again = signer.sends(f"/me/tasks/{signer.task}/signing", ticket=told["ticket"], signatures=signed)
    assert first.status_code == 200
    assert again.status_code == 409
    with signer.product.engine.database.reading() as session:
        assert len(session.scalars(select(SignatureRow)).all()) == 4


def test_r158_a_newer_agreement_in_force_is_told_and_signed_instead(signer, staff):
    web = signer.product.product.web
    tomorrow = clock.today() + timedelta(days=1)
    proposal = Proposal(
        "customer_notice", "客户须知", "<h2>新的客户须知</h2><p>{{ company.name }}</p>", tomorrow
    )
    with signer.product.engine.database.transaction() as session:
        made = web.agreements.propose(session, proposal, staff("operator1").actor)
        web.agreements.approve(session, made.id, staff("reviewer1").actor)
    signer.product.later(days=1)
    assert refused(signer.asks_for_ticket(), "changed")
    signer.opens(f"/me/tasks/{signer.task}")
    assert signer.sees("有新版本，请重新阅读并签署。")
    signer.answers(agreements__way="changed")
    assert signer.sees("协议签署")
    signer.reads_agreements().signs_papers()
    assert signer.sees("已成功提交")


def test_a13_who_let_the_card_lapse_for_long_is_witnessed_although_there_is_a_certificate(customer, reviewer):
    customer.signs_in("C02").submits_phone("13612345678")
    reviewer.claims().approves()
    customer.product.later(minutes=2)
    customer.starts("change_phone").gives_pictures().types_phone("13612345699").reads_agreements()
    assert refused(customer.asks_for_ticket(), "video_due")
    customer.answers(agreements__agreed="true", agreements__way="apply", agreements__device=customer.serial)
    customer.is_witnessed()
    assert customer.sees("协议签署")  # the certificate of this device is kept
    customer.signs_papers()
    assert customer.sees("已成功提交")


def test_r188_who_is_locked_out_is_witnessed_again_before_installing_anew(signer):
    with signer.product.engine.database.transaction() as session:
        signer.product.product.web.certificates.lock(session, signer.serial)
    assert refused(signer.asks_for_ticket(), "no_certificate")
    signer.answers(agreements__agreed="true", agreements__way="apply")
    assert signer.is_to_be_witnessed
    signer.is_witnessed()
    signer.installs_certificate().answers()
    signer.signs_papers()
    assert signer.sees("已成功提交")


def test_going_back_from_signing_leads_to_the_answers_and_not_to_another_installation(signer):
    signer.goes_back()
    assert signer.sees("联系电话信息资料")


def test_r203_the_reviewer_sees_that_every_signature_is_valid(signer, reviewer):
    signer.signs_papers()
    signer.product.run_jobs()
    reviewer.claims()
    assert reviewer.sees("正在验证签名")
    signer.product.inspect()
    reviewer.opens(reviewer.address)
    assert reviewer.text.count("签名有效，文件未被改动") == 4
    link = re.search(r"/desk/cases/[0-9a-f-]+/papers/[0-9a-f-]+\.pdf", reviewer.text)
    assert link
    assert reviewer.browser.get(link[0]).data.startswith(b"%PDF-")


def test_a_signed_paper_that_was_changed_on_the_disk_is_shown_as_damaged(signer, reviewer):
    signer.signs_papers()
    signer.product.run_jobs()
    engine = signer.product.engine
    with engine.database.reading() as session:
        row = session.scalars(select(SignatureRow)).first()
        assert row
        name = session.get(FileRow, row.file_id).sealed_sha256
    path = engine.files.root / name[:2] / name[2:4] / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    signer.product.inspect()
    reviewer.claims()
    assert reviewer.sees("文件与存档时不一致")


def test_a_case_sent_back_to_be_signed_is_signed_anew(signer, reviewer):
    signer.signs_papers()
    signer.product.run_jobs()
    reviewer.claims().returns("S01")
    signer.opens("/me")
    case = signer.case
    signer.opens(f"/me/cases/{case}")
    assert signer.sees("协议签署")
    signer.reads_agreements()
    signer.signs_papers()
    assert signer.sees("已成功提交")
    with signer.product.engine.database.reading() as session:
        assert len(session.scalars(select(SignatureRow)).all()) == 8


def test_r159_an_agreement_signed_before_in_this_version_may_be_left_out(signer, reviewer):
    listed = [
        {**one.model_dump(mode="json"), "only_if_newer": one.code == "brokerage_contract"}
        for one in signer.product.engine.parameters().agreements
    ]
    parameters.change(
        signer.product.engine.database, {"agreements": listed}, "staff:a", "staff:b", clock.now()
    )
    signer.signs_papers()
    signer.product.run_jobs()
    reviewer.claims().approves()
    signer.product.run_jobs()
    signer.product.later(minutes=2)
    signer.starts("change_phone").gives_pictures().types_phone("13612345699")
    assert "customer_notice" in signer.text
    assert "brokerage_contract" not in signer.text


def test_g40_the_tax_declaration_becomes_a_signed_document_of_its_own(customer):
    customer.signs_in("C01").starts("change_other_info").gives_pictures()
    row = customer.product.rows()[-1]
    person = Actor("customer", row.owner, frozenset({"customer"}))
    answered = answers(tax_type="C", tax=TAX)
    customer.product.engine.cases.complete(UUID(customer.task), person, answered)
    customer.opens(f"/me/cases/{row.id}").close()
    assert customer.sees("税收居民身份声明文件")
    customer.signs()
    assert customer.sees("已成功提交")
    with customer.product.engine.database.reading() as session:
        signed = session.scalars(select(SignatureRow.code)).all()
    assert len(signed) == 5
    assert "tax_declaration" in signed


def test_compliance_gets_one_file_that_proves_every_signature_offline(signer, reviewer, staff, tmp_path):
    signer.signs_papers()
    signer.product.run_jobs()
    number = signer.product.rows()[-1].number
    wu = staff("compliance1")
    wu.opens("/desk/evidence")
    assert wu.posts("/desk/evidence", {"number": number}).status_code == 404
    assert wu.sees("复核通过并盖章归档后才有证据包")
    reviewer.claims().approves()
    signer.product.archive()
    assert wu.posts("/desk/evidence", {"number": "9" * 16}).status_code == 404
    answer = wu.posts("/desk/evidence", {"number": number})
    assert answer.status_code == 200
    with zipfile.ZipFile(BytesIO(answer.data)) as kit:
        kit.extractall(tmp_path / "kit")
    script = next((tmp_path / "kit").rglob("verify.sh"))
    done = subprocess.run(["sh", script.name], cwd=script.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    signer.opens("/me/agreements")
    assert signer.sees("公司已盖章归档")
    assert signer.browser.get(f"/me/cases/{signer.case}/evidence.pdf").data.startswith(b"%PDF-")
    with signer.product.engine.database.reading() as session:
        kinds = session.scalars(select(JournalRow.kind)).all()
    assert "kit.seen" in kinds


def test_a_reviewer_may_not_carry_evidence_away(signer, reviewer):
    assert reviewer.opens("/desk/evidence").status_code == 403
