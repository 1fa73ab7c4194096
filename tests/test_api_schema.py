"""The API holds to its own document, whatever it is sent (schemathesis; check 31).

A few requests go to a real case and real tasks, so that more than refusals are looked at. Every failure
prints the request as a curl line; the examples are the same at each run.
"""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import UUID

import hypothesis
import pytest
import schemathesis
from limits import parse
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.api_people import Office
from web.api import access
from web.api.kinds import KINDS

EXAMPLES = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
    ignored_auth,
    missing_required_header,
    negative_data_rejection,
    unsupported_method,
]
#: The people and machines that may use each operation.
WHO = {
    "startCase": "integrator",
    "showCase": "integrator",
    "readJournal": "compliance1",
    "listTasks": "reviewer1",
    "showTask": "reviewer1",
    "claimTask": "reviewer1",
    "releaseTask": "reviewer1",
    "completeTask": "reviewer1",
}


@pytest.fixture(scope="module")
def document(office: Office) -> Iterator[Any]:
    """Read the document as any other program would; nobody is told to wait here."""
    with pytest.MonkeyPatch.context() as patient:
        patient.setattr(access, "WRONG_TOKENS", parse("100000/minute"))
        patient.setattr(access, "STARTS", "100000/minute")
        yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", office.app)


def token_of(office: Office, operation: str) -> str:
    who = WHO[operation]
    return (office.machine() if who == "integrator" else office.person(who)).token


def holds(strategy: Any, token: str, examples: int = EXAMPLES) -> set[int]:
    """Hold that the answers to ``strategy`` are what the document says; return the statuses seen."""
    seen: set[int] = set()

    @hypothesis.settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=strategy)
    def each(case: Any) -> None:
        answer = case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)
        seen.add(answer.status_code)

    each()
    return seen


def real(office: Office, name: str, operation: Any) -> dict[str, str]:
    """Return path parameters that name something real, as far as this operation needs it."""
    case = office.customer().submits()
    if "case_id" in {parameter.name for parameter in operation.path_parameters}:
        return {"case_id": str(case)}
    task: UUID = office.review_of(case)
    if name in {"completeTask", "releaseTask"}:
        office.product.engine.cases.claim(task, office.actor("reviewer1"))
    return {"task_id": str(task)}


def test_the_document_names_every_operation(document):
    named = {operation.ok().definition.raw["operationId"] for operation in document.get_all_operations()}
    assert named == set(WHO)


def test_every_refusal_is_explained_in_the_docs():
    told = (Path(__file__).parent.parent / "docs" / "api.md").read_text("utf-8")
    assert [code for code in KINDS if f"`{code}`" not in told] == []


def test_the_document_is_openapi_3_1(document):
    assert document.raw_schema["openapi"].startswith("3.1")
    document.validate()


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", WHO)
def test_whatever_is_sent_the_answer_is_a_documented_one(office: Office, document, name, mode):
    operation = document.find_operation_by_id(name)
    seen = holds(operation.as_strategy(generation_mode=mode), token_of(office, name))
    assert seen
    assert max(seen) < 500


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", [name for name in WHO if name not in {"startCase", "listTasks"}])
def test_what_is_sent_to_something_real_gets_a_documented_answer(office: Office, document, name, mode):
    operation = document.find_operation_by_id(name)
    path = real(office, name, operation)
    strategy = operation.as_strategy(generation_mode=mode, path_parameters=path)
    seen = holds(strategy, token_of(office, name), examples=10)
    if mode is schemathesis.GenerationMode.POSITIVE:
        # Arbitrary answers do not fit the form; everything else can be had.
        assert (422 if name == "completeTask" else 200) in seen


def test_real_customers_are_started_as_the_document_says(office: Office, document):
    operation = document.find_operation_by_id("startCase")
    body = {"type": "change_phone", "account_type": "futures"}
    body["id_number"] = office.customer().profile.id_number
    strategy = operation.as_strategy(body=body, media_type="application/json")
    assert 201 in holds(strategy, token_of(office, "startCase"))


def test_answers_made_from_a_tasks_own_schema_are_judged(office: Office, document):
    operation = document.find_operation_by_id("completeTask")
    path = real(office, "completeTask", operation)
    shown = office.person("reviewer1").get(f"/tasks/{path['task_id']}").json
    raw = deepcopy(document.raw_schema)
    raw["components"]["schemas"]["AnswersIn"] = {
        key: value for key, value in shown["form_schema"].items() if not key.startswith("$")
    }
    own = schemathesis.openapi.from_dict(raw)
    own.app = office.app
    strategy = own.find_operation_by_id("completeTask").as_strategy(path_parameters=path)
    assert holds(strategy, token_of(office, "completeTask")) <= {200, 409, 422}
