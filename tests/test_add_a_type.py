"""Adding a type takes one diagram and one form, and no Python: changing the postcode alone."""

from pathlib import Path

import pytest

from engine.diagrams.findings import errors
from ops.wiring import findings, operators, shipped
from tests.product import Customer, Reviewer, Running

FILES = {path.name: path.read_bytes() for path in sorted((Path(__file__).parent / "postcode").iterdir())}


@pytest.fixture
def postcode_published(product: Running) -> None:
    """Publish what an analyst drew, with everything else."""
    product.engine.releases.publish({**shipped(), **FILES}, "analyst")


def test_what_the_analyst_drew_has_nothing_wrong():
    assert errors(findings({**shipped(), **FILES}, operators())) == ()
    assert sorted(FILES) == ["change_postcode.bpmn", "change_postcode.form"]


def test_the_analyst_is_told_of_a_misspelt_answer_before_a_customer_waits_for_ever():
    drawn = FILES["change_postcode.bpmn"].replace(
        b"review.decision == 'approve'", b"review.decison == 'approve'"
    )
    assert drawn != FILES["change_postcode.bpmn"]
    found = findings({**shipped(), **FILES, "change_postcode.bpmn": drawn}, operators())
    assert [(one.code, one.level) for one in found] == [("expression.key", "warning")]
    assert "decison" in found[0].sentence_zh


@pytest.mark.usefixtures("postcode_published")
def test_a_customer_changes_only_the_postcode(product: Running, customer: Customer, reviewer: Reviewer):
    customer.signs_in("C01").starts("change_postcode").gives_pictures()
    customer.answers(postcode="310002", confirm="POST_PROV")
    customer.signs()
    product.run_jobs()
    reviewer.claims().approves()
    assert product.profile("C01").postcode == "310002"


@pytest.mark.usefixtures("postcode_published")
def test_the_new_type_stands_among_what_a_customer_can_change(customer: Customer):
    customer.signs_in("C01").opens("/me")
    assert customer.sees("修改邮政编码")
