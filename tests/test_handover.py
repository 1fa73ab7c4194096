"""A customer at the PC goes on with the same step on the phone, once, within minutes (R-104)."""

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO

import cv2
import numpy as np
from sqlalchemy import update

from tests.product import Customer, photo
from web.handover import HandoverRow


def at_the_pc(customer: Customer) -> Customer:
    """Walk to the upload page."""
    return customer.signs_in("C01").starts("change_phone")


def asks_for_code(customer: Customer) -> str:
    """Ask for the QR code, read it as a phone does, and return where it leads."""
    customer.posts(f"/me/tasks/{customer.task}/handover")
    assert customer.sees("只能使用一次"), customer.text
    address = read_by_phone(customer.text)
    assert address.startswith("http://localhost/handover/"), address
    return address.removeprefix("http://localhost")


def read_by_phone(page: str) -> str:
    """Return what the QR code on a page says."""
    [size] = re.findall(r'class="qr"[^>]* viewBox="0 0 (\d+)', page)
    picture = np.full((int(size), int(size)), 255, np.uint8)
    for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", page):
        picture[int(y), int(x)] = 0
    said, *_ = cv2.QRCodeDetector().detectAndDecode(np.kron(picture, np.ones((8, 8), np.uint8)))
    return str(said)


def opens_on_the_phone(customer: Customer, link: str) -> Customer:
    """Open a link in a browser of its own and confirm."""
    phone = Customer(customer.product)
    phone.opens(link)
    assert phone.sees("请确认是您本人在电脑上打开了这个二维码")
    phone.posts(link)
    return phone


def status(person: Customer) -> int:
    """Return how the page that is open was answered."""
    assert person.page is not None
    return person.page.status_code


def test_the_phone_is_signed_in_at_the_same_step(customer):
    at_the_pc(customer)
    task = customer.task
    phone = opens_on_the_phone(customer, asks_for_code(customer))
    assert phone.address == f"/me/tasks/{task}"
    assert phone.sees("上传证件照/签名照")


def test_what_the_phone_uploads_lies_on_the_pcs_page(customer):
    at_the_pc(customer)
    task = customer.task
    phone = opens_on_the_phone(customer, asks_for_code(customer))
    phone.uploads("front")
    told = customer.browser.get(f"/me/tasks/{task}/files/front/state").json
    assert told["slot"]["status"] == "done"


def test_the_consent_ticked_at_the_pc_holds_on_the_phone(customer):
    at_the_pc(customer)
    task, token = customer.task, customer.token
    customer.posts(f"/me/tasks/{task}/handover", {"photo_consent.agreed": "true", "csrf_token": token})
    phone = opens_on_the_phone(customer, read_by_phone(customer.text).removeprefix("http://localhost"))
    phone.page = None
    phone.opens(f"/me/tasks/{task}")
    data = {"csrf_token": phone.token, "slot": "front", "front": (BytesIO(photo("front")), "front.jpg")}
    answer = phone.browser.post(f"/me/tasks/{task}/files", data=data, headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.text


def test_a_link_opens_once(customer):
    link = asks_for_code(at_the_pc(customer))
    opens_on_the_phone(customer, link)
    second = opens_on_the_phone(customer, link)
    assert status(second) == 410
    assert second.sees("二维码已失效，请在电脑页面上重新获取")


def test_looking_at_a_link_does_not_use_it_up(customer):
    link = asks_for_code(at_the_pc(customer))
    Customer(customer.product).opens(link)
    assert opens_on_the_phone(customer, link).address.startswith("/me/tasks/")


def test_a_link_is_worthless_after_five_minutes(product, customer):
    link = asks_for_code(at_the_pc(customer))
    with product.engine.database.transaction() as session:
        late = datetime.now(UTC) - timedelta(minutes=5, seconds=1)
        session.execute(update(HandoverRow).values(asked_at=late))
    assert status(opens_on_the_phone(customer, link)) == 410


def test_a_new_code_makes_the_one_before_worthless(customer):
    at_the_pc(customer)
    page = customer.address
    first = asks_for_code(customer)
    customer.opens(page)
    asks_for_code(customer)
    assert status(opens_on_the_phone(customer, first)) == 410


def test_another_customer_gets_no_code_for_this_step(customer, another_customer):
    task = at_the_pc(customer).task
    another_customer.signs_in("C06")
    assert another_customer.posts(f"/me/tasks/{task}/handover").status_code == 404


def test_a_stranger_with_a_made_up_link_gets_nowhere(customer):
    customer.opens("/handover/" + "x" * 43)
    assert customer.posts("/handover/" + "x" * 43).status_code == 410
    assert not re.search("/me/tasks", customer.address)


def test_the_database_holds_no_link(product, customer):
    link = asks_for_code(at_the_pc(customer))
    with product.engine.database.reading() as session:
        row = session.query(HandoverRow).one()
    assert link.rpartition("/")[2].encode() not in bytes(row.id)
    assert len(row.id) == 32
