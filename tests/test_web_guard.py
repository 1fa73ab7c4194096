"""What guards the pages: who may ask for what, from where, and what every answer carries (platform 9.2)."""

import re
from uuid import uuid4

import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from engine import Actor
from tests.product import Customer, Reviewer
from web import policy

#: A reader's language, and a browser's own report.
WITHOUT_TOKEN = {"preferences.choose", "public.csp_report", "pki.status"}
#: Every address a page has, with something in its places.
FILLED = {
    "task_id": str(uuid4()),
    "case_id": str(uuid4()),
    "file_id": str(uuid4()),
    "version_id": str(uuid4()),
    "signature_id": str(uuid4()),
    "snapshot_id": str(uuid4()),
    "ticket_id": str(uuid4()),
    "call_id": str(uuid4()),
    "role": "customer",
}


def addresses(app, method):
    """Yield endpoint, policy and address of every page that answers ``method``."""
    for rule in app.url_map.iter_rules():
        if method in rule.methods:
            places = {a: FILLED.get(a, "x") for a in rule.arguments}
            found = policy.policy(rule.endpoint)
            assert found is not None, rule.endpoint
            yield rule.endpoint, found, rule.build(places, append_unknown=False)[1]


def test_every_address_has_a_policy(product):
    missing = {rule.endpoint for rule in product.app.url_map.iter_rules()} - policy.TABLE.keys()
    assert not {endpoint for endpoint in missing if policy.policy(endpoint) is None}


def test_every_policy_has_an_address(product):
    known = {rule.endpoint for rule in product.app.url_map.iter_rules()}
    assert {name for name in policy.TABLE if not name.endswith(".*")} <= known


def test_an_address_without_a_policy_answers_nobody(product):
    product.app._got_first_request = False
    product.app.add_url_rule("/new", "new.page", lambda: "hello")
    assert product.client().get("/new").status_code == 403


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_stranger_is_let_into_no_page_of_a_person(product, method):
    browser = product.client()
    for endpoint, found, address in addresses(product.app, method):
        if found.who in {"customer", "staff"}:
            answer = browser.open(address, method=method)
            assert answer.status_code in {303, 401}, (endpoint, answer.status_code)
            assert "login" in answer.headers["Location"]


def test_a_customer_is_let_into_no_page_of_staff(product, customer):
    customer.signs_in("C01")
    for _, found, address in addresses(product.app, "GET"):
        if found.who == "staff":
            assert customer.browser.get(address).status_code == 303


@pytest.mark.parametrize("login", ["reviewer1", "agent1", "operator1", "compliance1", "analyst1", "admin1"])
def test_each_role_gets_what_the_table_says(product, staff, login):
    person = staff(login)
    for endpoint, found, address in addresses(product.app, "GET"):
        if found.who == "staff":
            refused = person.browser.get(address).status_code == 403
            assert refused is not found.allows(person.actor), endpoint


def test_another_customers_case_looks_like_none(product, customer, another_customer):
    customer.signs_in("C01").starts("change_phone")
    task, case = customer.task, customer.case
    picture = customer.uploads("front").json["slot"]["result"]
    another_customer.signs_in("C10")
    for path in (
        f"/me/tasks/{task}",
        f"/me/cases/{case}",
        f"/me/cases/{case}/submitted",
        f"/me/tasks/{task}/files/front",
        f"/me/tasks/{task}/agreements/certificate_duties",
        picture,
    ):
        assert another_customer.opens(path).status_code == 404, path


def test_another_customers_case_cannot_be_acted_on(product, customer, another_customer):
    customer.signs_in("C01").starts("change_phone")
    task, case = customer.task, customer.case
    another_customer.signs_in("C10")
    for path in (
        f"/me/tasks/{task}",
        f"/me/tasks/{task}/back",
        f"/me/tasks/{task}/code",
        f"/me/tasks/{task}/files",
        f"/me/cases/{case}/withdraw",
        f"/me/cases/{case}/abandon",
    ):
        assert another_customer.posts(path).status_code == 404, path
    assert product.rows()[0].state == "started"


# -- where a request comes from -------------------------------------------------------------------------


def test_nothing_is_changed_without_the_pages_token(product):
    browser = product.client()
    for endpoint, found, address in addresses(product.app, "POST"):
        if found.who == "anyone" and endpoint not in WITHOUT_TOKEN:
            assert browser.post(address).status_code in {303, 400}, endpoint


def test_a_signed_in_customers_token_is_needed(product, customer):
    customer.signs_in("C01")
    assert customer.browser.post("/me/start/change_phone").status_code == 400
    assert product.rows() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_another_sites_page_changes_nothing(product, customer, headers):
    customer.signs_in("C01")
    answer = customer.posts("/me/start/change_phone", headers=headers, follow=False)
    assert answer.status_code == 403
    assert product.rows() == []


def test_our_own_page_is_let_through(product, customer):
    customer.signs_in("C01")
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
    assert customer.posts("/me/start/change_phone", headers=headers).status_code == 200


def test_x_forwarded_for_is_believed_of_no_stranger(product):
    with product.app.test_request_context("/", headers={"X-Forwarded-For": "1.2.3.4"}):
        from flask import request

        assert request.remote_addr != "1.2.3.4"


def test_getting_pages_changes_no_case(product, customer):
    customer.signs_in("C01").starts("change_phone")
    before = product.rows()[0].steps
    for _, _, address in addresses(product.app, "GET"):
        customer.browser.get(address)
    assert product.rows()[0].steps == before


# -- what an answer carries -----------------------------------------------------------------------------


PAGES = (
    "/",
    "/login",
    "/desk/login",
    "/help",
    "/privacy",
    "/lost-phone",
    "/nowhere",
    "/me/tasks/x",
    "/healthz",
)
CARRIED = {
    "Content-Security-Policy": (
        "default-src 'none'",
        "require-trusted-types-for 'script'",
        "frame-ancestors 'none'",
    ),
    "X-Content-Type-Options": ("nosniff",),
    "Referrer-Policy": ("same-origin",),
    "Cross-Origin-Opener-Policy": ("same-origin",),
    "Cross-Origin-Resource-Policy": ("same-origin",),
    "Permissions-Policy": ("camera=()",),
    "Cache-Control": ("no-store",),
}


def test_every_answer_carries_the_headers(product):
    for path in PAGES:
        answer = product.client().get(path)
        for name, parts in CARRIED.items():
            assert all(part in answer.headers[name] for part in parts), (path, name)


def test_no_answer_lets_a_page_run_what_stands_in_it(product):
    for path in PAGES:
        assert "unsafe" not in product.client().get(path).headers["Content-Security-Policy"], path


def test_no_page_brings_a_script_or_a_style_in_its_text(product):
    for path in PAGES:
        page = product.client().get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page), path


def test_no_page_asks_anything_of_another_host(product, customer):
    page = customer.signs_in("C01").text
    assert not re.search(r'(src|action)="https?://', page)


def test_the_cookie_is_for_this_browser_alone(product):
    answer = product.client().get("/login")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert len(cookie) < 4096


def test_over_tls_the_cookie_is_bound_to_the_host(product):
    from web.sessions import ServerSide

    doors = ServerSide(product.product.web.sessions, product.engine.keyring, secure=True)
    assert doors.cookie("customer") == "__Host-kaihu"


@pytest.mark.parametrize("method", ["TRACE", "PUT", "PATCH", "BREW"])
def test_an_unknown_method_is_refused(product, method):
    assert product.client().open("/login", method=method).status_code == 405


def test_a_mistake_of_ours_shows_an_id_and_no_traceback(product, customer, monkeypatch):
    customer.signs_in("C01")
    monkeypatch.setattr(product.engine.cases, "of_owner", lambda owner: 1 / 0)
    answer = customer.opens("/me")
    assert answer.status_code == 500
    assert re.search(r"<code>[0-9a-f]{16}</code>", answer.text)
    assert "ZeroDivision" not in answer.text
    assert "Traceback" not in answer.text


def test_a_mistake_in_the_page_around_still_shows_words(product, monkeypatch):
    monkeypatch.setattr(product.engine, "parameters", lambda: 1 / 0)
    answer = product.client().get("/")
    assert answer.status_code == 500
    assert "页面暂时无法显示" in answer.text


def test_a_script_gets_a_word_it_can_show(product):
    answer = product.client().get("/nowhere", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.json["message"] == "没有找到这个页面"


def test_a_report_of_a_browser_is_taken(product):
    report = {"csp-report": {"violated-directive": "script-src", "blocked-uri": "inline"}}
    answer = product.client().post("/csp-report", json=report, content_type="application/csp-report")
    assert answer.status_code in {204, 400}


# -- sessions -------------------------------------------------------------------------------------------


def test_a_stranger_leaves_no_session_behind(product):
    product.client().get("/login")
    assert product.product.web.sessions.sweep() == 0


def test_a_made_up_cookie_is_nobody(product):
    browser = product.client()
    browser.set_cookie("kaihu", "A" * 43)
    assert browser.get("/me").status_code == 303


def test_a_changed_stranger_cookie_is_a_new_stranger(product):
    browser = product.client()
    browser.get("/login")
    cookie = browser.get_cookie("kaihu").value
    browser.set_cookie("kaihu", cookie[:-8] + "AAAAAAAA")
    assert browser.get("/login").status_code == 200


def test_nobody_can_sign_in_with_what_stands_in_the_table(product, customer):
    customer.signs_in("C01")
    owner = product.product.web.customers.of_person("110105198506123737", "0002")[0]
    listed = product.product.web.sessions.of("customer", str(owner.id))
    thief = product.client()
    thief.set_cookie("kaihu", listed[0].id.hex())
    assert thief.get("/me").status_code == 303


def test_all_sessions_of_a_person_can_be_ended(product, customer):
    customer.signs_in("C01")
    owner = product.product.web.customers.of_person("110105198506123737", "0002")[0]
    assert product.product.web.sessions.end_all("customer", str(owner.id)) == 1
    assert customer.browser.get("/me").status_code == 303


def test_a_customers_cookie_opens_no_desk(product, customer):
    cookie = customer.signs_in("C01").browser.get_cookie("kaihu")
    thief = product.client()
    thief.set_cookie("kaihu-desk", cookie.value)
    assert thief.get("/desk").status_code == 303


def test_one_browser_can_be_customer_and_reviewer(product, customer):
    customer.signs_in("C01")
    both = Reviewer(product, "reviewer2")
    both.browser = customer.browser
    both.signs_in()
    assert customer.opens("/me").status_code == 200


def test_policies_let_in_only_their_kind():
    someone = Actor("customer", "1", frozenset({"customer"}))
    assert policy.CUSTOMER.allows(someone)
    assert not policy.STAFF.allows(someone)
    assert not policy.CUSTOMER.allows(None)


def test_without_checks_a_submit_is_twelve_statements_and_one_commit(product, customer: Customer):
    from sqlalchemy import event

    customer.signs_in("C01").starts("change_other_info").gives_pictures()
    said, commits = [], []
    engine = product.engine.database.engine
    data = {"csrf_token": customer.token, "revision": customer.revision, **other_info()}
    event.listen(engine, "before_cursor_execute", lambda *a: said.append(a[2]))
    event.listen(engine, "commit", lambda *a: commits.append(1))
    answer = customer.browser.post(f"/me/tasks/{customer.task}", data=data)
    assert answer.status_code == 303, answer.text
    assert len(commits) == 1
    assert len(said) <= 12, "\n".join(said)


def other_info() -> dict[str, object]:
    """Return 其他信息 of C01 with another postal code."""
    return {
        "address.province": "北京市",
        "address.city": "北京市",
        "address.district": "朝阳区",
        "address.detail": "建国路88号院2号楼1205室",
        "postcode": "100020",
        "email": "c01@example.com",
        "education": "3",
        "occupation": "18",
        "tax_type": "A",
        "platform_type": "D",
        "term_investment": "B",
        "proceeds_type": "A",
        "con_relation": "A",
        "beneficiary": "A",
        "investment_variety": ["A"],
        "bad_record": ["I"],
    }


@pytest.mark.parametrize(
    ("address", "page"),
    [("/login/code", "/login"), ("/me/start/change_phone", "/me"), ("/me/tasks/{}/code", "/me/tasks/{}")],
)
def test_g52_back_to_an_address_that_answers_forms_only_leads_to_its_page(customer, address, page):
    customer.signs_in("C01").starts("change_phone")
    task = customer.task
    answer = customer.browser.get(address.format(task))
    assert (answer.status_code, answer.headers["Location"]) == (303, page.format(task))


@pytest.mark.parametrize(
    "why", [OperationalError("select", {}, OSError()), ProgrammingError("select", {}, OSError())]
)
def test_a_session_that_does_not_open_is_explained_and_not_lost(customer, monkeypatch, why):
    customer.signs_in("C01")

    def breaks(*_: object, **__: object) -> None:
        raise why

    with monkeypatch.context() as broken:
        broken.setattr(type(customer.product.product.web.sessions), "find", breaks)
        assert customer.browser.get("/me").status_code == 503
    assert customer.browser.get("/me").status_code == 200
