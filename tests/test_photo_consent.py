"""Separate consent stands before the first picture, not behind it (domain 3.13)."""

import re
from io import BytesIO

import pytest

from engine import SYSTEM
from tests.product import Customer, Running, photo


@pytest.fixture
def at_upload(customer: Customer) -> Customer:
    """Lend somebody at the upload page."""
    return customer.signs_in("C01").starts("change_phone")


def sends(customer: Customer, slot: str, **ticked: str):
    data = {"csrf_token": customer.token, "slot": slot, slot: (BytesIO(photo(slot)), f"{slot}.jpg"), **ticked}
    return customer.browser.post(
        f"/me/tasks/{customer.task}/files", data=data, headers={"Accept": "application/json"}
    )


def test_a_picture_is_not_taken_before_the_customer_consented(at_upload: Customer):
    refused = sends(at_upload, "front")
    assert refused.status_code == 422
    assert refused.json == {"message": "请阅读并同意处理您的敏感个人信息！", "code": "no_consent"}


def test_one_consent_is_enough_for_all_pictures(at_upload: Customer):
    assert sends(at_upload, "front", **{"photo_consent.agreed": "true"}).status_code == 200
    assert sends(at_upload, "back").status_code == 200


def test_the_consent_counts_from_the_first_picture(product: Running, at_upload: Customer):
    sends(at_upload, "front", **{"photo_consent.agreed": "true"})
    before = product.rows()[0].changed_at
    product.later(minutes=10)
    at_upload.gives_pictures("back", "signature")
    _, _, data = product.engine.cases.data(product.rows()[0].id, SYSTEM)
    assert data["photos"]["photo_consent"]["agreed_at"] < (product.rows()[0].changed_at).isoformat()
    assert data["photos"]["photo_consent"]["agreed_at"] >= before.isoformat()


def test_a_consent_that_was_acted_on_stays_ticked(at_upload: Customer):
    sends(at_upload, "front", **{"photo_consent.agreed": "true"})
    at_upload.opens(f"/me/tasks/{at_upload.task}")
    assert re.search(r'name="photo_consent.agreed" value="true" checked', at_upload.text)
