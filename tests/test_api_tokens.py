"""Tokens: whoever has none, a wrong one or one without the right sees nothing (checks 6, 8, 19)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import text, update

from handlers.roles import ROLES
from ops import cli
from tests.api_people import HANGZHOU, Api, Office
from web.api import access
from web.api.app import make_api
from web.api.tokens import ApiTokenRow, TokenRefused

PERSON = {"reviewer": "reviewer1", "compliance": "compliance1", "admin": "admin1", "analyst": "analyst1",
          "operator": "operator1", "agent": "agent1"}  # fmt: skip


def path_of(rule: str) -> str:
    return rule.replace("<uuid:case_id>", str(uuid4())).replace("<uuid:task_id>", str(uuid4()))


def addresses(office: Office) -> list[tuple[str, str, str]]:
    """Return every address of the API: endpoint, method, path."""
    api = make_api(office.web)
    return [
        (rule.endpoint, method, path_of(rule.rule))
        for rule in api.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if rule.endpoint != "static"
    ]


def test_every_address_has_a_door(office: Office):
    assert {endpoint for endpoint, _, _ in addresses(office)} == set(access.DOORS)


def test_without_a_token_every_address_is_closed(office: Office):
    stranger = Api(office.app, "")
    for endpoint, method, path in addresses(office):
        if endpoint != access.SHOWN_IN_DEMO:
            assert stranger.ask(method, path).status_code == 401, path


@pytest.mark.parametrize(
    ("who", "open_to"),
    [
        ("integrator", {"cases.start", "cases.show", "openapi.spec"}),
        ("auditor", {"cases.show", "cases.journal", "openapi.spec"}),
        ("reviewer", {"cases.show", "openapi.spec", "tasks"}),
        ("agent", {"cases.show", "openapi.spec", "tasks"}),
        ("operator", {"cases.show", "openapi.spec", "tasks"}),
        ("compliance", {"cases.show", "cases.journal", "openapi.spec", "tasks"}),
        ("admin", {"openapi.spec"}),
        ("analyst", {"openapi.spec"}),
    ],
)
def test_r006_each_role_opens_its_own_doors_and_no_other(office: Office, who, open_to):
    api = office.person(PERSON[who]) if who in ROLES else office.machine(who)
    for endpoint, method, path in addresses(office):
        status = api.ask(method, path).status_code
        opened = endpoint in open_to or endpoint.partition(".")[0] in open_to
        assert (status != 403) == opened, f"{who} {method} {path}: {status}"


def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(office: Office):
    expired = office.tokens.create("old", by="system:tests", roles=frozenset({"integrator"}))
    revoked = office.tokens.create("ended", by="system:tests", roles=frozenset({"integrator"}))
    office.tokens.revoke(revoked.id, by="system:tests")
    with office.product.engine.database.transaction() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(update(ApiTokenRow).where(ApiTokenRow.id == expired.id).values(expires_at=past))
    said = set()
    for token in ("", "x", "kaihu_", "kaihu_" + "A" * 43, "kaihu_" + "A" * 500, expired.token, revoked.token):
        answer = Api(office.app, token).get("/tasks")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        said.add((answer.json["type"], answer.json["detail"], answer.json["detail_zh"], len(answer.data)))
    assert len(said) == 1


@pytest.mark.parametrize("form", ["{}", "Basic {}", "Token {}", "Bearer\t{}", "Bearer {} x"])
def test_only_a_bearer_token_in_its_place_counts(office: Office, form):
    made = office.tokens.create("tool", by="system:tests", roles=frozenset({"integrator"}))
    assert (
        Api(office.app, "").get("/tasks", headers={"Authorization": form.format(made.token)}).status_code
        == 401
    )


def test_neither_a_cookie_nor_the_address_line_carries_a_token(office: Office):
    made = office.tokens.create("tool", by="system:tests", roles=frozenset({"integrator"}))
    stranger = Api(office.app, "")
    assert stranger.get(f"/tasks?token={made.token}&access_token={made.token}").status_code == 401
    assert stranger.get("/tasks", headers={"Cookie": f"kaihu-desk={made.token}"}).status_code == 401


def test_somebody_who_left_has_a_token_no_more(office: Office):
    leaver = office.person("reviewer3")
    assert leaver.get("/tasks").status_code == 200
    office.web.staff.disable(office.staff["reviewer3"], datetime.now(UTC))
    try:
        assert leaver.get("/tasks").status_code == 401
    finally:
        office.web.staff.enable(office.staff["reviewer3"])


def test_a_role_that_was_taken_away_is_gone_at_once(office: Office):
    person, staff = office.person("agent1"), office.web.staff
    assert person.get("/tasks").status_code == 200
    staff.change_rights(office.staff["agent1"], frozenset({"analyst"}), frozenset({HANGZHOU}))
    try:
        assert person.get("/tasks").status_code == 403
    finally:
        staff.change_rights(office.staff["agent1"], frozenset({"agent"}), frozenset({HANGZHOU}))


def test_a_token_narrows_a_persons_rights_and_never_widens_them(office: Office):
    office.submitted()
    everywhere = office.person("compliance1")
    shanghai = office.person("compliance1", branches=frozenset({"上海营业部"}))
    assert everywhere.get("/tasks").status_code == shanghai.get("/tasks").status_code == 200
    assert shanghai.inbox() == []
    with pytest.raises(TokenRefused, match="sees only"):
        office.person("reviewer1", branches=frozenset({"上海营业部"}))
    with pytest.raises(TokenRefused, match="only the roles"):
        office.person("reviewer1", roles=frozenset({"compliance"}))


def test_a_token_of_branches_the_person_lost_opens_nothing(office: Office):
    tool, staff = office.person("reviewer3", branches=frozenset({"上海营业部"})), office.web.staff
    staff.change_rights(office.staff["reviewer3"], frozenset({"reviewer"}), frozenset({HANGZHOU}))
    try:
        assert tool.get("/tasks").status_code == 401
    finally:
        staff.change_rights(office.staff["reviewer3"], frozenset({"reviewer"}), frozenset({"上海营业部"}))


@pytest.mark.parametrize("roles", [frozenset(), frozenset({"reviewer"}), frozenset({"integrator", "admin"})])
def test_no_machine_does_a_persons_work(office: Office, roles):
    with pytest.raises(TokenRefused, match="a machine has"):
        office.tokens.create("robot", by="system:tests", roles=roles)


def test_a_token_is_256_bits_of_which_the_table_keeps_a_hash(office: Office):
    made = office.tokens.create("tool", by="system:tests", roles=frozenset({"integrator"}))
    assert len(made.token.removeprefix("kaihu_")) == 43
    with office.product.engine.database.reading() as session:
        row = session.execute(text("select * from api_token where id = :id"), {"id": made.id}).one()
    assert made.token.removeprefix("kaihu_") not in str(row)


def test_the_last_use_is_noted_at_most_once_a_minute(office: Office):
    made = office.tokens.create("tool", by="system:tests", roles=frozenset({"integrator"}))

    def used():
        return next(row.last_used_at for row in office.tokens.all() if row.id == made.id)

    start = datetime.now(UTC)
    with time_machine.travel(start, tick=False) as clock:
        office.tokens.holder(made.token)
        first = used()
        clock.shift(59)
        office.tokens.holder(made.token)
        assert used() == first
        clock.shift(2)
        office.tokens.holder(made.token)
        assert used() == first + timedelta(seconds=61)


def test_making_and_ending_a_token_is_in_the_journal(office: Office):
    made = office.tokens.create("website", by="system:tests", roles=frozenset({"integrator"}))
    assert office.tokens.revoke(made.id, by="system:tests")
    assert not office.tokens.revoke(made.id, by="system:tests")
    assert office.journal("staff:api/website") == ["token.created", "token.revoked"]


def test_too_many_wrong_tokens_are_told_to_wait_and_a_right_one_is_not(office: Office):
    app = make_api(office.web)
    wrong, right = "Bearer kaihu_wrong", f"Bearer {office.machine().token}"
    asked = [app.test_client().get(f"/cases/{uuid4()}", headers={"Authorization": wrong}) for _ in range(61)]
    assert {answer.status_code for answer in asked[:60]} == {401}
    assert (asked[60].status_code, asked[60].headers["Retry-After"]) == (429, "60")
    assert app.test_client().get(f"/cases/{uuid4()}", headers={"Authorization": right}).status_code == 404


def test_a_program_that_runs_wild_is_told_to_wait(office: Office):
    program = make_api(office.web)
    token = {"Authorization": f"Bearer {office.machine().token}"}
    answers = [program.test_client().post("/cases", headers=token) for _ in range(61)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert b"urn:kaihu:problem:too-many-requests" in answers[-1].data


def test_the_document_is_for_everybody_in_a_demonstration_only(office: Office):
    assert Api(office.app, "").get("/openapi.json").status_code == 200
    production = office.web.settings.model_copy(update={"mode": "production"})
    api = make_api(replace(office.web, settings=production))
    assert api.test_client().get("/openapi.json", base_url="http://localhost").status_code == 401


def test_the_command_line_makes_and_ends_a_token(office: Office, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", office.web.settings.database_url)
    monkeypatch.setenv("KAIHU_DATA", str(office.web.settings.data))
    assert cli.main(["token", "create", "website", "--role", "integrator", "--days", "7"]) == 0
    told = capsys.readouterr()
    token, token_id = told.out.strip(), told.err.split()[1].rstrip(",")
    api = Api(office.app, token)
    assert api.get(f"/cases/{uuid4()}").status_code == 404
    assert cli.main(["token", "list"]) == 0
    listed = capsys.readouterr().out
    assert token_id in listed
    assert token not in listed
    assert cli.main(["token", "revoke", token_id]) == 0
    assert api.get(f"/cases/{uuid4()}").status_code == 401
    assert cli.main(["token", "create", "website", "--for", "nobody"]) == 1
