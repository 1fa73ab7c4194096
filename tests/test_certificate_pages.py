"""Applying for a certificate, trying its password, giving it up: what the server lets a customer do."""

import secrets
import shutil
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import select

from engine.parameters import change
from engine.store.tables import JournalRow
from handlers.certificates import oprf, unlocking_proof
from handlers.certificates.tables import CertificateRow, OprfKeyRow
from tests.ca_people import request
from tests.product import SCENARIO_DAY, Customer, running
from tests.unlocking_people import Guess
from web.devices import device_name

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"


def point() -> str:
    """A point that hides some password."""
    return b64encode(Guess(secrets.token_bytes(8)).blinded).decode()


@dataclass(frozen=True)
class Applied:
    """A database in which somebody has got to 数字证书申请; each test has a copy."""

    name: str
    data: Path
    cookie: str
    page: str


@pytest.fixture(scope="module")
def applied(migrated_server, furnished, tmp_path_factory):
    """Walk the long way there once (G-45)."""
    data = tmp_path_factory.mktemp("applied")
    shutil.copy(furnished.keyring, data / "keyring.json")
    with migrated_server.copy_of(furnished.name) as url:
        with running(url, data, furnished.secrets) as made:
            person = Customer(made).signs_in("C01")
            person.starts("change_phone").gives_pictures().types_phone("13612345678").reads_agreements()
            person.answers(agreements__agreed="true", agreements__way="apply", agreements__device="")
            person.is_witnessed()
            assert person.sees("数字证书申请"), person.text
            cookie = person.browser.get_cookie("kaihu")
            assert cookie is not None
        yield Applied(url.rpartition("/")[2].partition("?")[0], data, cookie.value, person.address)


@pytest.fixture
def product(migrated_server, furnished, applied, tmp_path):
    """A product in which one customer is about to apply."""
    data = tmp_path / "data"
    shutil.copytree(applied.data, data)
    with migrated_server.copy_of(applied.name) as url, running(url, data, furnished.secrets) as made:
        yield made


@pytest.fixture
def applicant(product, applied):
    """A customer whose video was passed, on the page 数字证书申请."""
    person = Customer(product)
    person.browser.set_cookie("kaihu", applied.cookie)
    person.opens(applied.page)
    return person


@pytest.fixture
def holder(applicant):
    """The same customer, with an installed certificate."""
    return applicant.installs_certificate()


def asks_nonce(person, **more):
    return person.sends(f"/me/tasks/{person.task}/certificate/nonce", **{"blinded": point(), **more})


def tries(person, blinded=None):
    return person.sends("/me/certificate/evaluate", serial=person.serial, blinded=blinded or point())


def states(product):
    with product.engine.database.reading() as session:
        return list(session.scalars(select(CertificateRow.state)))


# Applying


def test_the_page_says_what_the_manual_says(applicant):
    for words in (
        "您的数字证书不存在，请申请安装数字证书…",
        "申请安装证书需要设置密码，您设置的证书密码在之后流程使用，请牢记证书密码并且不要外传。",
        "更换设备需要重新安装数字证书",
        "申请并安装",
        "证书申请安装中，请稍后......",
        "数字证书已经安装成功！",
        "重新安装",
    ):
        assert applicant.sees(words), words


def test_the_page_does_not_carry_the_id_number(applicant):
    number = applicant.who.id_number
    for part in (number, number[-6:], number[6:14]):
        assert part not in applicant.text


def test_the_password_s_inputs_have_no_names_and_so_are_never_posted(applicant):
    inputs = [line for line in applicant.text.splitlines() if "data-password" in line and "<input" in line]
    assert len(inputs) == 2
    assert not any(" name=" in line for line in inputs)


def test_six_digits_are_asked_for_where_the_company_wants_them(applicant, product):
    change(product.engine.database, {"certificate_pin": "digits6"}, "a", "b", SCENARIO_DAY)
    applicant.opens(f"/me/tasks/{applicant.task}")
    assert applicant.sees("请输入正确的6位数字密码")
    assert applicant.sees('data-rule="digits6"')


def test_without_an_installed_certificate_nobody_goes_on(applicant):
    answer = applicant.answers()
    assert answer.status_code == 422
    assert applicant.sees("请先申请并安装数字证书")


def test_with_an_installed_certificate_the_customer_is_back_at_signing(holder):
    holder.answers()
    assert holder.sees("协议签署")


def test_the_certificate_names_the_customer_but_not_the_number(holder, product):
    with product.engine.database.reading() as session:
        made = product.product.web.certificates.get(session, holder.serial)
    subject = x509.load_der_x509_certificate(made.der).subject.rfc4514_string()
    assert holder.who.name in subject
    assert holder.who.id_number not in subject


def test_a_forbidden_password_is_found_out_by_the_browser_alone(applicant):
    number, mobile = applicant.who.id_number, applicant.who.mobile
    personal = (number[-6:], number[6:14], mobile, mobile[-6:])
    for password, forbidden in (*((one, True) for one in personal), ("k7-Mond-Ufer", False)):
        guess = Guess(password.encode())
        told = asks_nonce(applicant, blinded=b64encode(guess.blinded).decode()).json
        value = guess.finished(b64decode(told["evaluated"]))
        assert (b64encode(value).decode() in told["forbidden"]) is forbidden


def test_judged_passwords_are_not_asked_for_without_end(applicant):
    answers = [asks_nonce(applicant).status_code for _ in range(32)]
    assert answers == [200] * 30 + [429] * 2


def test_a_day_after_the_video_no_certificate_is_given(applicant, product):
    product.later(hours=25)
    refused = asks_nonce(applicant)
    assert refused.status_code == 409
    assert "请重新进行视频见证" in refused.json["message"]


def test_a_nonce_of_yesterday_gives_no_certificate(applicant, product):
    nonce = asks_nonce(applicant).json["nonce"]
    product.later(hours=25)
    csr = request(ec.generate_private_key(ec.SECP256R1()), nonce)
    answer = applicant.sends(f"/me/tasks/{applicant.task}/certificate", csr=b64encode(csr).decode())
    assert answer.status_code == 409
    assert states(product) == []


def test_nobody_applies_on_somebody_else_s_task(applicant, another_customer):
    task = applicant.task
    another_customer.signs_in("C02")
    answer = another_customer.sends(f"/me/tasks/{task}/certificate/nonce", blinded=point())
    assert answer.status_code in (404, 409)
    assert "nonce" not in (answer.json or {})


def test_on_a_page_without_the_question_there_is_nothing_to_apply_for(customer):
    customer.signs_in("C02").starts("change_phone")
    assert asks_nonce(customer).status_code == 404


@pytest.mark.parametrize("csr", ["", "?", "AAAA", b64encode(b"\x30\x03\x02\x01\x00").decode(), "A" * 9000])
def test_what_is_no_request_is_refused_in_words(applicant, product, csr):
    asks_nonce(applicant)
    answer = applicant.sends(f"/me/tasks/{applicant.task}/certificate", csr=csr)
    assert answer.status_code == 422
    assert answer.json["message"]
    assert states(product) == []


def test_a_request_with_an_invented_nonce_is_refused(applicant, product):
    csr = request(ec.generate_private_key(ec.SECP256R1()), "ab" * 32)
    answer = applicant.sends(f"/me/tasks/{applicant.task}/certificate", csr=b64encode(csr).decode())
    assert (answer.status_code, answer.json["code"]) == (422, "nonce_unknown")


def test_who_does_not_hold_the_key_installs_nothing(applicant, product):
    at = f"/me/tasks/{applicant.task}/certificate"
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    csr = request(key, asks_nonce(applicant).json["nonce"])
    serial = applicant.sends(at, csr=b64encode(csr).decode()).json["serial"]
    told = applicant.sends(f"{at}/evaluate", serial=serial, blinded=point()).json
    signature = other.sign(unlocking_proof(serial, b64decode(told["challenge"])), ec.ECDSA(SHA256()))
    answer = applicant.sends(f"{at}/installed", serial=serial, signature=b64encode(signature).decode())
    assert answer.status_code == 409
    assert applicant.answers().status_code == 422


def test_installing_again_ends_the_first_certificate(holder, product):
    first = holder.serial
    holder.opens(f"/me/tasks/{holder.task}")
    holder.installs_certificate()
    assert sorted(states(product)) == ["active", "revoked"]
    assert holder.serial != first


def test_applying_anew_makes_the_page_wait_for_the_new_one(holder):
    nonce = asks_nonce(holder).json["nonce"]
    csr = request(ec.generate_private_key(ec.SECP256R1()), nonce)
    told = holder.sends(f"/me/tasks/{holder.task}/certificate", csr=b64encode(csr).decode()).json
    assert told["superseded"] == [holder.serial]
    assert holder.answers().status_code == 422


def test_the_device_is_called_by_its_browser_and_system():
    assert device_name(WINDOWS) == "Chrome · Windows"
    assert device_name(WINDOWS + " Edg/140.0") == "Edge · Windows"
    assert (
        device_name("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) MicroMessenger/8.0 Safari") == "微信 · iPhone"
    )
    assert device_name("") == ""


# Trying


def test_each_try_says_how_many_are_left_and_the_sixth_that_it_is_locked(holder):
    told = [tries(holder) for _ in range(7)]
    assert [one.status_code for one in told] == [200] * 5 + [423] * 2
    assert [one.json["left"] for one in told[:5]] == [4, 3, 2, 1, 0]
    assert told[5].json["message"] == "证书已锁定，请重新申请数字证书"


def test_the_fifth_wrong_password_locks_and_is_written_down_once(holder, product):
    for _ in range(5):
        tries(holder)
    told = [holder.sends("/me/certificate/wrong", serial=holder.serial).json for _ in range(2)]
    assert told == [{"left": 0}, {"left": 0}]
    assert states(product) == ["locked"]
    with product.engine.database.reading() as session:
        kinds = list(session.scalars(select(JournalRow.kind).where(JournalRow.kind.like("certificate.%"))))
    assert kinds == ["certificate.issued", "certificate.installed", "certificate.locked"]


def test_a_proof_after_the_right_password_gives_all_tries_back(holder):
    tries(holder)
    told = tries(holder).json
    signature = holder.key.sign(
        unlocking_proof(holder.serial, b64decode(told["challenge"])), ec.ECDSA(SHA256())
    )
    sent = {"serial": holder.serial, "signature": b64encode(signature).decode()}
    assert holder.sends("/me/certificate/proof", **sent).status_code == 200
    assert holder.sends("/me/certificate/proof", **sent).status_code == 409
    assert tries(holder).json["left"] == 4


@pytest.mark.parametrize("way", ["evaluate", "wrong", "proof"])
def test_nobody_touches_somebody_else_s_certificate(holder, another_customer, product, way):
    another_customer.signs_in("C02")
    sent = {"serial": holder.serial, "blinded": point(), "signature": point()}
    answer = another_customer.sends(f"/me/certificate/{way}", **sent)
    assert (answer.status_code, answer.json["code"]) == (409, "unknown")
    with product.engine.database.reading() as session:
        assert session.scalars(select(OprfKeyRow.tries)).one() == 0


@pytest.mark.parametrize("blinded", ["AA==", b64encode(bytes(33)).decode(), b64encode(b"\4" * 65).decode()])
def test_what_is_no_point_is_no_try(holder, blinded):
    assert tries(holder, blinded).status_code == 422
    assert tries(holder).json["left"] == 4


@pytest.mark.parametrize("sent", [{}, {"serial": 7, "blinded": 7}, {"serial": "", "blinded": "?"}])
def test_nonsense_is_refused(holder, sent):
    assert holder.sends("/me/certificate/evaluate", **sent).status_code == 422


def test_a_stranger_is_sent_to_sign_in(product):
    answer = product.client().post("/me/certificate/evaluate", json={})
    assert answer.status_code in (400, 401)


def test_a_post_without_the_token_is_refused(holder):
    assert holder.browser.post("/me/certificate/evaluate", json={"serial": holder.serial}).status_code == 400


# 我的数字证书


def test_who_never_applied_reads_so(customer):
    customer.signs_in("C02").opens("/me/certificate")
    assert customer.sees("未申请")


def test_the_side_menu_leads_there(customer):
    customer.signs_in("C02")
    assert 'href="/me/certificate"' in customer.text


def test_who_is_at_it_reads_so_and_is_led_on(applicant):
    task = applicant.task
    applicant.opens("/me/certificate")
    assert applicant.sees("申请中")
    applicant.opens(f"/me/cases/{applicant.case}")
    assert applicant.task == task


def test_who_has_one_reads_until_when_and_where(holder, product):
    holder.opens("/me/certificate")
    assert holder.sees("已安装")
    assert holder.sees(holder.serial)
    with product.engine.database.reading() as session:
        made = product.product.web.certificates.get(session, holder.serial)
    assert holder.sees((made.not_after + timedelta(hours=8)).strftime("%Y-%m-%d"))


def test_a_locked_one_is_called_so(holder):
    for _ in range(6):
        tries(holder)
    holder.opens("/me/certificate")
    assert holder.sees("已锁定")


@pytest.mark.parametrize(("why", "words"), [("deleted", "本机证书已删除"), ("forgotten", "原数字证书已吊销")])
def test_giving_it_up_revokes_it_at_once(holder, product, why, words):
    holder.opens("/me/certificate")
    holder.posts("/me/certificate/end", {"serial": holder.serial, "why": why})
    assert holder.sees(words)
    assert holder.sees("已吊销")
    assert states(product) == ["revoked"]
    assert tries(holder).json["code"] == "not_usable"


def test_nobody_gives_up_somebody_else_s(holder, another_customer, product):
    another_customer.signs_in("C02").opens("/me/certificate")
    answer = another_customer.posts("/me/certificate/end", {"serial": holder.serial, "why": "deleted"})
    assert answer.status_code == 404
    assert states(product) == ["active"]


def test_no_password_or_what_could_stand_for_it_lies_in_the_database(holder, product):
    # All that the server has of the key's wrapping is one sealed number and two hashes of points.
    with product.engine.database.reading() as session:
        row = session.scalars(select(OprfKeyRow)).one()
    assert row.scalar is not None
    assert len(row.scalar) == 1 + 12 + oprf.SCALAR + 16
    assert row.asked is None
