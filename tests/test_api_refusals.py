"""What the API refuses, and how it says so: problem details with a sentence in two languages."""

import re
from io import BytesIO
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from engine.cases import Cases
from handlers.counter import Account
from tests.api_people import HANGZHOU, Api, Office

JSON = {"Content-Type": "application/json"}


def refused(answer, status: int, kind: str):
    """Hold that an answer is a problem of this kind, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    problem = answer.json
    assert problem["type"] == f"urn:kaihu:problem:{kind}"
    assert problem["status"] == status
    assert re.search(r"[\u4e00-\u9fff]", problem["detail_zh"])
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert "Traceback" not in answer.text
    return problem


# -- starting ------------------------------------------------------------------------------------------


def test_somebody_the_counter_does_not_know_is_not_found(office: Office, crm: Api):
    stranger = office.profile()
    body = {"type": "change_phone", "id_number": stranger.id_number, "account_type": "futures"}
    answer = crm.post("/cases", body, headers={"Idempotency-Key": "order-1001"})
    refused(answer, 404, "unknown-customer")
    assert stranger.id_number not in answer.text


def test_an_account_the_customer_does_not_have_is_not_found(office: Office, crm: Api):
    refused(crm.starts(office.customer(), account_type="asset_management"), 404, "unknown-customer")


def test_r007_a_customer_of_another_branch_is_not_found(office: Office):
    shanghai = office.machine(name="shanghai", branches=frozenset({"上海营业部"}))
    refused(shanghai.starts(office.customer()), 404, "unknown-customer")


def test_an_id_number_with_a_wrong_digit_is_named(office: Office, crm: Api):
    answer = crm.starts(office.customer(), id_number="110105198506123738")
    [error] = refused(answer, 422, "invalid")["errors"]
    assert (error["pointer"], error["code"]) == ("/id_number", "id_number")


def test_a_frozen_account_starts_nothing(office: Office, crm: Api):
    frozen = office.customer(accounts=(Account(type="futures", status="frozen", branch=HANGZHOU),))
    refused(crm.starts(frozen), 409, "customer-refused")


def test_a_type_that_was_never_drawn_is_named(office: Office, crm: Api):
    [error] = refused(crm.starts(office.customer(), type="change_gender"), 422, "invalid")["errors"]
    assert error["pointer"] == "/type"
    assert "change_phone" in error["message"]


def test_a_shared_part_of_a_diagram_is_no_type(office: Office, crm: Api):
    refused(crm.starts(office.customer(), type="review"), 422, "invalid")


@pytest.mark.parametrize("mood", ["down", "lose_reply"])
def test_a_counter_that_does_not_answer_starts_nothing(office: Office, crm: Api, mood):
    customer = office.customer()
    office.running.counter_is(mood)
    try:
        answer = crm.starts(customer, key="order-1002-" + mood)
    finally:
        office.running.counter_is("normal")
    refused(answer, 503, "counter-down")
    assert answer.headers["Retry-After"]
    # The same request is good once the counter answers again.
    assert crm.starts(customer, key="order-1002-" + mood).status_code == 201


def test_r056_one_id_number_is_not_looked_up_without_end(office: Office, crm: Api):
    customer = office.customer()
    answers = [crm.starts(customer).status_code for _ in range(31)]
    assert answers == [201, *[200] * 29, 429]


def test_a_key_stands_for_one_request(office: Office, crm: Api):
    customer = office.customer()
    crm.starts(customer, key="order-1003")
    refused(crm.starts(customer, type="change_other_info", key="order-1003"), 422, "key-reused")


def test_a_start_without_a_key_is_refused(office: Office, crm: Api):
    body = {"type": "change_phone", "id_number": office.profile().id_number, "account_type": "futures"}
    [error] = refused(crm.post("/cases", body), 422, "invalid")["errors"]
    assert error["field"] == "idempotency_key"


@pytest.mark.parametrize("key", ["__proto__", "typename", "owner", "branch", "data"])
def test_a_key_nobody_asked_for_is_refused_and_named(office: Office, crm: Api, key):
    [error] = refused(crm.starts(office.customer(), **{key: "x"}), 422, "invalid")["errors"]
    assert error["pointer"] == f"/{key}"


# -- tasks ---------------------------------------------------------------------------------------------


def test_two_programs_in_the_same_second_one_is_told_who_was_faster(
    office: Office, program: Api, colleague: Api
):
    task = office.submitted()
    assert program.post(f"/tasks/{task}/claim").status_code == 200
    refused(colleague.post(f"/tasks/{task}/claim"), 409, "already-claimed")
    refused(colleague.decides(task, "approve"), 409, "already-claimed")


def test_claiming_twice_is_claiming_once(office: Office, program: Api):
    task = office.submitted()
    assert [program.post(f"/tasks/{task}/claim").status_code for _ in range(2)] == [200, 200]


def test_a_task_nobody_claimed_cannot_be_decided(office: Office, program: Api):
    refused(program.decides(office.submitted(), "approve"), 409, "not-claimed")


def test_only_who_claimed_a_task_releases_it(office: Office, program: Api, colleague: Api):
    task = office.submitted()
    program.post(f"/tasks/{task}/claim")
    refused(colleague.post(f"/tasks/{task}/release"), 409, "not-claimed")


@pytest.mark.parametrize("action", ["claim", "release", "complete"])
def test_a_finished_task_is_gone(office: Office, program: Api, action):
    task = office.submitted()
    program.post(f"/tasks/{task}/claim")
    program.decides(task, "approve")
    body = {"decision": {"decision": "approve"}} if action == "complete" else None
    refused(program.post(f"/tasks/{task}/{action}", body), 409, "task-gone")
    refused(program.get(f"/tasks/{task}"), 409, "task-gone")


@pytest.mark.parametrize("action", ["", "/claim", "/release", "/complete"])
def test_a_forged_task_is_not_found(program: Api, action):
    path = f"/tasks/{uuid4()}{action}"
    answer = program.get(path) if not action else program.post(path, {} if "complete" in action else None)
    refused(answer, 404, "not-found")


@pytest.mark.parametrize("action", ["", "/claim", "/release", "/complete"])
def test_r007_a_task_of_another_branch_is_not_found(office: Office, action):
    elsewhere = office.person("reviewer3")
    path = f"/tasks/{office.submitted()}{action}"
    answer = elsewhere.get(path) if not action else elsewhere.post(path, {} if "complete" in action else None)
    refused(answer, 404, "not-found")


@pytest.mark.parametrize("action", ["", "/claim", "/complete"])
def test_a_customers_own_page_is_not_staffs(office: Office, program: Api, action):
    path = f"/tasks/{office.customer().starts().next_task}{action}"
    answer = program.get(path) if not action else program.post(path, {} if "complete" in action else None)
    refused(answer, 404, "not-found")


def test_r007_a_case_of_another_branch_is_not_found(office: Office):
    case = office.customer().submits()
    refused(office.person("reviewer3").get(f"/cases/{case}"), 404, "not-found")


def test_r204_a_return_without_a_reason_is_explained_and_nothing_moves(office: Office, program: Api):
    task = office.submitted()
    program.post(f"/tasks/{task}/claim")
    errors = refused(program.decides(task, "return"), 422, "invalid")["errors"]
    assert [e["level"] for e in errors] == ["error"]
    assert errors[0]["pointer"].startswith("/decision")
    assert program.get(f"/tasks/{task}").json["case"]["state"] == "in_review"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"decision": {"decision": "approve"}, "state": "in_effect"}, "/state"),
        ({"decision": {"decision": "approve", "decided_by": "me"}}, "/decision/decided_by"),
        ({"decision": {"decision": "approve"}, "__proto__": {}}, "/__proto__"),
        ({"decision": {"decision": "approve"}, "a/b~c": 1}, "/a~1b~0c"),
    ],
)
def test_an_answer_nobody_asked_for_is_named_and_nothing_moves(office: Office, program: Api, body, pointer):
    task = office.submitted()
    program.post(f"/tasks/{task}/claim")
    [error] = refused(program.post(f"/tasks/{task}/complete", body), 422, "invalid")["errors"]
    assert (error["pointer"], error["code"]) == (pointer, "unknown_key")
    assert program.get(f"/tasks/{task}").json["case"]["state"] == "in_review"


@pytest.mark.parametrize(
    "answer", [None, 7, "approve", ["approve"], {"decision": ["approve"]}, {"decision": None}]
)
def test_an_answer_of_the_wrong_shape_is_explained(office: Office, program: Api, answer):
    task = office.submitted()
    program.post(f"/tasks/{task}/claim")
    problem = refused(program.post(f"/tasks/{task}/complete", {"decision": answer}), 422, "invalid")
    assert problem["errors"][0]["pointer"].startswith("/decision")


def test_a37_a_page_changed_elsewhere_is_read_again_first(office: Office, program: Api):
    task = office.submitted()
    program.post(f"/tasks/{task}/claim")
    before = program.get(f"/tasks/{task}").json["revision"]
    person = office.actor("reviewer1")
    office.product.engine.desk.save(task, person, {"decision": {"note": "typed on the pages"}}, before)
    body = {"decision": {"decision": "approve"}}
    path = f"/tasks/{task}/complete"
    refused(program.post(path, body, query_string={"revision": before}), 409, "elsewhere-changed")
    assert program.post(path, body, query_string={"revision": before + 1}).status_code == 200


@pytest.mark.parametrize("cursor", ["x", "bm9uc2Vuc2U", "WzEsMiwzXQ", "W251bGwsICIyMDI2LTAxLTAxIiwgIngiXQ"])
def test_a_made_up_cursor_is_refused(program: Api, cursor):
    [error] = refused(program.get("/tasks", query_string={"cursor": cursor}), 422, "invalid")["errors"]
    assert error["field"] == "cursor"


@pytest.mark.parametrize(
    "query", ["type=%00", "branch=%0A", "limit=0", "older_than=-1", "whose=theirs", "flag=", "x=1"]
)
def test_a_filter_that_is_none_is_refused(program: Api, query):
    refused(program.get(f"/tasks?{query}"), 422, "invalid")


def test_a_parameter_given_twice_is_refused(program: Api):
    refused(program.get("/tasks?limit=1&limit=2"), 400, "malformed")


# -- bodies and addresses ------------------------------------------------------------------------------


def test_a_body_over_the_limit_is_refused_unread(office: Office, program: Api):
    answer = program.post(f"/tasks/{office.submitted()}/complete", {"decision": {"note": "x" * 70_000}})
    refused(answer, 413, "too-large")


def in_chunks(api: Api, task: UUID, body: bytes):
    """Send a body whose length nobody told."""
    headers = {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}
    return api.post(f"/tasks/{task}/complete", input_stream=BytesIO(body), headers=headers)


def test_a_body_may_come_in_chunks(office: Office, program: Api):
    task = office.submitted()
    program.post(f"/tasks/{task}/claim")
    answer = in_chunks(program, task, b'{"decision": {"decision": "approve"}}')
    assert answer.status_code == 200, answer.text


def test_a_body_in_chunks_is_limited_too(office: Office, program: Api):
    refused(in_chunks(program, office.submitted(), b"[" * 70_000), 413, "too-large")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", None])
def test_anything_but_json_is_refused(office: Office, program: Api, kind):
    path = f"/tasks/{office.submitted()}/complete"
    refused(program.post(path, data=b'{"decision": {}}', content_type=kind), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nonsense", b"\xff\xfe", b'{"a": NaN}', b"[" * 20_000, b'{"a": "\\ud800"}', b'{"a":1e999}'],
)
def test_json_that_is_none_is_refused(office: Office, program: Api, body):
    answer = program.post(f"/tasks/{office.submitted()}/complete", data=body, headers=JSON)
    assert answer.status_code in {400, 409, 422}, answer.text
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("body", [b"[]", b"null", b"7", b'"approve"'])
def test_a_body_that_is_no_object_is_refused(office: Office, program: Api, body):
    answer = program.post(f"/tasks/{office.submitted()}/complete", data=body, headers=JSON)
    refused(answer, 422, "invalid")


def test_a_claim_takes_no_body(office: Office, program: Api):
    refused(program.post(f"/tasks/{office.submitted()}/claim", {"for": "somebody"}), 400, "malformed")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_an_action_takes_only_its_method(office: Office, program: Api, method):
    answer = program.ask(method, f"/tasks/{uuid4()}/claim")
    refused(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", ["/", "/tasks/not-an-id", "/nothing", "/docs", "/static/x.css"])
def test_an_address_that_does_not_exist_says_so(program: Api, path):
    assert program.get(path).status_code in {403, 404}
    assert program.get(path).mimetype == "application/problem+json"


# -- when something breaks -----------------------------------------------------------------------------


def test_a_mistake_of_ours_shows_no_trace(office: Office, program: Api, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("secret 110105198506123737")

    monkeypatch.setattr(Cases, "of", broken)
    answer = program.get(f"/cases/{uuid4()}")
    refused(answer, 500, "internal")
    assert "secret" not in answer.text


def test_a_database_that_does_not_answer_is_said_plainly(office: Office, program: Api, monkeypatch):
    def gone(*_):
        raise OperationalError("select", {}, Exception("connection refused"))

    monkeypatch.setattr(Cases, "of", gone)
    refused(program.get(f"/cases/{uuid4()}"), 503, "unavailable")


def test_answers_are_kept_by_nobody_and_run_nothing(office: Office, crm: Api):
    answer = crm.starts(office.customer())
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert not {"Set-Cookie", "Retry-After"} & set(answer.headers.keys())


def test_no_id_number_is_left_in_the_table_of_keys(office: Office, crm: Api):
    customer = office.customer()
    case = UUID(crm.starts(customer, key="order-1004").json["id"])
    with office.product.engine.database.reading() as session:
        row = session.execute(text("select * from effect where case_id = :case"), {"case": case}).one()
    assert customer.profile.id_number not in str(row)
    assert "order-1004" not in str(row)
