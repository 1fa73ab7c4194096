"""Programs use the API: another system starts a case, a reviewer's program decides it (R-202, R-214)."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from engine import parameters
from engine.clock import now
from tests.api_people import HANGZHOU, Api, Office
from web import comparison


def case_of(answer) -> UUID:
    return UUID(answer.json["id"])


def test_r214_another_system_starts_a_case_and_the_customer_goes_on(office: Office, crm: Api):
    customer = office.customer()
    answer = crm.starts(customer)
    assert answer.status_code == 201, answer.text
    assert answer.json["state"] == "started"
    assert answer.json["link"].endswith(f"/me/cases/{answer.json['id']}")
    customer.submits(case_of(answer))
    assert crm.get(f"/cases/{answer.json['id']}").json["state"] == "submitted"


def test_nothing_personal_comes_back_to_another_system(office: Office, crm: Api):
    customer = office.customer()
    text = crm.starts(customer).text
    for personal in (customer.profile.id_number, customer.profile.name, customer.profile.mobile):
        assert personal not in text


def test_the_journal_names_the_system_that_started_the_case(office: Office, crm: Api):
    customer = office.customer()
    case = case_of(crm.starts(customer))
    first = office.person("compliance1").get(f"/cases/{case}/journal").json["entries"][0]
    assert (first["kind"], first["actor"]) == ("case.started", "staff:api/crm")


def test_somebody_who_never_signed_in_can_be_sent_here(office: Office, crm: Api):
    newcomer = office.customer(signed_in=False)
    answer = crm.starts(newcomer)
    assert answer.status_code == 201, answer.text
    # Nobody but the customer agrees to the privacy policy.
    [known] = office.web.customers.of_person(newcomer.profile.id_number, "0002")
    assert known.privacy_version is None


def test_r211_a_second_start_finds_the_open_case(office: Office, crm: Api):
    customer = office.customer()
    first = crm.starts(customer)
    second = crm.starts(customer)
    assert (second.status_code, second.json["id"]) == (200, first.json["id"])


def test_r211_the_customer_on_the_pages_and_the_system_share_one_case(office: Office, crm: Api):
    customer = office.customer()
    own = customer.starts()
    assert case_of(crm.starts(customer)) == own.id


def test_the_same_key_starts_nothing_anew_even_when_the_first_case_is_over(office: Office, crm: Api):
    customer = office.customer()
    first = crm.starts(customer, key="order-4711")
    office.product.engine.cases.message(case_of(first), "abandon", customer.actor)
    again = crm.starts(customer, key="order-4711")
    assert (again.status_code, again.json["id"], again.json["state"]) == (200, first.json["id"], "abandoned")
    assert crm.starts(customer, key="order-4712").status_code == 201


def test_two_systems_may_choose_the_same_key(office: Office, crm: Api):
    other = office.machine(name="website")
    assert crm.starts(office.customer(), key="order-0001").status_code == 201
    assert other.starts(office.customer(), key="order-0001").status_code == 201


def test_a_reviewer_approves_through_the_api_and_the_counter_is_told(office: Office, crm: Api, program: Api):
    customer = office.customer()
    case = case_of(crm.starts(customer))
    customer.submits(case, number="0571-87651234")
    task = office.review_of(case)
    assert program.post(f"/tasks/{task}/claim").json["state"] == "in_review"
    assert program.decides(task, "approve").json["state"] == "approved"
    office.running.run_jobs()
    assert crm.get(f"/cases/{case}").json["state"] == "in_effect"
    assert office.web.counter.profile(customer.profile.customer_no).contact_phone == "0571-87651234"


def test_r204_a_reviewer_returns_a_case_with_a_reason(office: Office, program: Api):
    customer = office.customer()
    case = customer.submits()
    task = office.review_of(case)
    program.post(f"/tasks/{task}/claim")
    answer = program.decides(task, "return", reasons=["D02"], note="请提供能接通的号码")
    assert answer.json["state"] == "returned_review", answer.text
    customer.submits(case)
    assert office.review_of(case) != task


def test_r202_the_inbox_shows_the_task_with_the_name_masked(office: Office, program: Api):
    task = office.submitted()
    [line] = [row for row in program.inbox() if row["id"] == str(task)]
    assert line["name"] == "赵*"
    assert (line["type"], line["branch"], line["claimed_by"]) == ("change_phone", HANGZHOU, None)


def test_r202_a_reviewer_filters_the_inbox(office: Office, program: Api):
    task = str(office.submitted())

    def shown(**asked):
        return task in [row["id"] for row in program.inbox(limit=200, **asked)]

    assert shown(type="change_phone,change_other_info")
    assert not shown(type="change_other_info")
    assert shown(branch=HANGZHOU)
    assert not shown(branch="上海营业部")
    assert shown(flag="PHONE_LANDLINE")
    assert not shown(flag="PEP")
    assert shown(whose="free")
    assert not shown(whose="mine")
    assert not shown(older_than="60")
    program.post(f"/tasks/{task}/claim")
    assert shown(whose="mine")
    assert not shown(whose="free")


def test_the_inbox_is_read_page_by_page(office: Office, program: Api):
    tasks = {str(office.submitted()) for _ in range(3)}
    seen, cursor = [], ""
    while True:
        page = program.get("/tasks", query_string={"limit": 2, "cursor": cursor}).json
        seen += [row["id"] for row in page["tasks"]]
        assert len(page["tasks"]) <= 2
        if page["next"] is None:
            break
        cursor = page["next"]
    assert tasks <= set(seen)
    assert len(seen) == len(set(seen))


def test_r203_a_reviewer_sees_old_and_new_and_what_can_be_answered(office: Office, program: Api):
    customer = office.customer()
    task = office.review_of(customer.submits(number="0571-87650001"))
    shown = program.get(f"/tasks/{task}").json
    assert {"label": "联系电话", "old": "0571-87650000", "new": "0571-87650001", "changed": True} in shown[
        "comparison"
    ]
    decision = shown["form_schema"]["properties"]["decision"]
    assert decision["properties"]["decision"]["enum"] == ["approve", "return", "reject"]
    assert decision["additionalProperties"] is False


def test_a_look_at_a_task_is_written_down(office: Office, program: Api):
    case = office.customer().submits()
    program.get(f"/tasks/{office.review_of(case)}")
    assert office.journal(f"case:{case}")[-1] == "task.seen"


def test_the_customer_is_not_shown_who_looked(office: Office, program: Api):
    customer = office.customer()
    case = customer.submits()
    program.get(f"/tasks/{office.review_of(case)}")
    office.person("compliance1").get(f"/cases/{case}/journal")
    cases = office.product.engine.cases
    facts, key, _ = cases.data(case, customer.actor)
    with office.app.test_request_context():
        told = comparison.history(cases.release_of(case), facts, key, staff=False)
    assert {line["what"].partition("：")[0] for line in told} == {"发起申请", "提交", "用数字证书签署协议"}


def test_a_released_task_is_free_for_the_next(office: Office, program: Api, colleague: Api):
    task = office.submitted()
    program.post(f"/tasks/{task}/claim")
    assert program.post(f"/tasks/{task}/release").json["state"] == "submitted"
    assert colleague.post(f"/tasks/{task}/claim").status_code == 200


def test_a_claim_through_the_api_is_the_persons_own_on_the_pages(office: Office, program: Api):
    task = office.submitted()
    program.post(f"/tasks/{task}/claim")
    person = office.actor("reviewer1")
    assert office.product.engine.cases.task(task, person).claimed_by == person.label


def test_r206_a_second_level_needs_a_second_person(office: Office, program: Api, colleague: Api):
    database = office.product.engine.database
    parameters.change(database, {"review": {"levels": {"change_phone": 2}}}, "one", "another", now())
    try:
        case = office.customer().submits()
    finally:
        parameters.change(database, {"review": None}, "one", "another", now())
    first = office.review_of(case)
    program.post(f"/tasks/{first}/claim")
    program.decides(first, "approve")
    second = office.review_of(case)
    answer = program.post(f"/tasks/{second}/claim")
    assert (answer.status_code, answer.json["type"]) == (403, "urn:kaihu:problem:four-eyes")
    assert colleague.post(f"/tasks/{second}/claim").status_code == 200
    assert colleague.decides(second, "approve").json["state"] == "approved"


def test_compliance_reads_the_journal_and_the_reading_is_in_it(office: Office):
    case = office.customer().submits()
    compliance = office.person("compliance1")
    told = compliance.get(f"/cases/{case}/journal").json
    assert [e["kind"] for e in told["entries"]] == office.journal(f"case:{case}")
    assert told["entries"][-1]["kind"] == "journal.read"
    assert all(entry["sealed"] is None for entry in told["entries"])


def test_compliance_reads_the_sealed_parts_when_it_asks(office: Office):
    case = office.customer().submits(number="0571-87654321")
    told = office.person("compliance1").get(f"/cases/{case}/journal", query_string={"sealed": "true"})
    assert "0571-87654321" in told.text


def test_an_archive_reads_the_journal_without_its_sealed_parts(office: Office):
    case = office.customer().submits(number="0571-87654322")
    archive = office.machine("auditor", name="archive")
    told = archive.get(f"/cases/{case}/journal")
    assert told.status_code == 200
    assert "0571-87654322" not in told.text
    assert archive.get(f"/cases/{case}/journal", query_string={"sealed": "true"}).status_code == 403


def test_a_long_journal_is_read_in_parts(office: Office):
    case = office.customer().submits()
    compliance = office.person("compliance1")
    seen, after = [], 0
    for _ in range(20):
        told = compliance.get(f"/cases/{case}/journal", query_string={"after": after, "limit": 2}).json
        seen += [e["seq"] for e in told["entries"]]
        if told["next_after"] is None:
            break
        after = told["next_after"]
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= len(office.journal(f"case:{case}"))


def test_one_order_sent_eight_times_at_once_is_one_case(office: Office, crm: Api):
    customer = office.customer()
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda _: crm.starts(customer, key="order-4713"), range(8)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.json["id"] for answer in answers}) == 1


def test_of_eight_claims_at_once_one_person_wins(office: Office, program: Api, colleague: Api):
    task = office.submitted()
    with ThreadPoolExecutor(8) as claimants:
        answers = list(claimants.map(lambda one: one.post(f"/tasks/{task}/claim"), [program, colleague] * 4))
    # Claiming again what is one's own is no mistake; the other one is refused each time.
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [409] * 4
