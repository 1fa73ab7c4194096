"""The counter's value changed while an application was under way: somebody sees it and chooses (R-208)."""

import pytest

from handlers import fixtures
from tests.product import Customer, Reviewer, Running

OTHER = "13911112222"


@pytest.fixture
def changed_meanwhile(product: Running, customer: Customer) -> None:
    """Let the phone be changed at the branch after the customer submitted another one."""
    customer.signs_in("C01").submits_phone("13612345678")
    number = fixtures.CUSTOMERS["C01"].customer_no
    product.product.web.counter.update("branch-1", number, {"contact_phone": OTHER}, None)


@pytest.mark.usefixtures("changed_meanwhile")
def test_r208_the_reviewer_sees_what_the_counter_has_by_now(reviewer: Reviewer):
    reviewer.claims()
    assert reviewer.sees(f"柜台现为 {OTHER}")


@pytest.mark.usefixtures("changed_meanwhile")
def test_r208_an_approval_must_be_confirmed(product: Running, reviewer: Reviewer):
    assert reviewer.claims().approves().status_code == 422
    assert reviewer.sees("柜台资料在客户填写之后已经变更")
    assert product.profile("C01").contact_phone == OTHER


@pytest.mark.usefixtures("changed_meanwhile")
def test_r208_a_confirmed_approval_is_what_counts(product: Running, reviewer: Reviewer):
    reviewer.claims().decides("approve", confirm="COUNTER_CHANGED")
    assert product.profile("C01").contact_phone == "13612345678"


@pytest.mark.usefixtures("changed_meanwhile")
def test_r208_sending_back_needs_no_confirmation(product: Running, customer: Customer, reviewer: Reviewer):
    reviewer.claims().returns("D02")
    customer.opens("/me")
    assert customer.sees("联系电话有误或无法接通")


def test_a_counter_that_is_down_does_not_hold_up_a_review(
    product: Running, customer: Customer, reviewer: Reviewer
):
    customer.signs_in("C01").submits_phone("13612345678")
    reviewer.claims()
    product.counter_is("down")
    assert reviewer.approves().status_code == 200
    product.counter_is("normal")
    product.later(minutes=5)
    product.run_jobs()
    assert product.profile("C01").mobile == "13612345678"
