"""What an approved application writes to the counter, and when a person is asked (R-124, R-207, R-208)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.dialects.postgresql import insert

from engine import Actor, CheckQuery, JobCall, OperatorError, RetryLater, Verdict
from engine.company import ExtensionField
from engine.operators import CaseFacts
from engine.parameters import Parameters
from engine.store import CaseKey, Database, FileStore, Keyring
from engine.store.tables import CaseRow, ReleaseRow
from handlers import moods
from handlers.codes import Ask, Codes
from handlers.codes import checks as code_checks
from handlers.counter import checks, embedded_counter, enrol, operators
from handlers.counter.update import changes_of, scrubbed
from handlers.customers import profile_data
from handlers.fixtures import CUSTOMERS
from handlers.sms import embedded_gateway, outbox

NOW = datetime(2026, 3, 18, 2, tzinfo=UTC)
C01, C02 = CUSTOMERS["C01"], CUSTOMERS["C02"]
SETTINGS = Parameters()
PROFILE = profile_data(C01, "futures", NOW)
FIRST, SECOND = UUID(int=1), UUID(int=2)
PHONE = {"number": "16212345678", "kind": "mobile", "verified": True, "flags": ["PHONE_VNO"]}


@pytest.fixture
def keyring() -> Keyring:
    return Keyring.generate()


@pytest.fixture
def database(database_url: str, keyring: Keyring) -> Iterator[Database]:
    database = Database(database_url)
    for person in (C01, C02):
        enrol(database, keyring, person)
    yield database
    database.dispose()


@pytest.fixture
def counter(database: Database, keyring: Keyring):
    return embedded_counter(database, keyring)


@pytest.fixture
def update(counter):
    """Run counter.update once, as a worker does."""

    def run(kind: str, attempt: int = 1, key: str = "task 1", **answers: Any):
        around: Any = SimpleNamespace(parameters=SETTINGS)
        data = {"profile": PROFILE, **answers}
        call = JobCall(key, facts(), CaseKey("x", b"k" * 32), data, attempt, around)
        return operators(counter).update(call, kind=kind)

    return run


def facts(case_id: UUID = FIRST) -> CaseFacts:
    return CaseFacts(case_id, "change_phone", "phone", "0002", "杭州营业部", "C01", None, "draft", NOW)


def test_g51_a_new_phone_is_written_and_the_receipt_kept(update, counter):
    receipt = update("phone", phone=PHONE)
    assert receipt["receipt_no"]
    assert counter.profile(C01.customer_no).contact_phone == "16212345678"


def test_r127_a_new_mobile_replaces_both_numbers_and_a_landline_one():
    assert changes_of("phone", {"profile": PROFILE, "phone": PHONE}, SETTINGS) == {
        "contact_phone": "16212345678",
        "mobile": "16212345678",
    }
    landline = {"number": "0571-87654321", "kind": "landline", "verified": False}
    assert changes_of("phone", {"profile": PROFILE, "phone": landline}, SETTINGS) == {
        "contact_phone": "0571-87654321"
    }


def test_r127_a_company_may_keep_the_login_number():
    settings = Parameters(mobile_replaces_both=False)
    changed = changes_of("phone", {"profile": PROFILE, "phone": PHONE}, settings)
    assert changed == {"contact_phone": "16212345678"}


def test_g25_a_card_without_end_is_written_as_no_end(update, counter):
    update("identity", identity={"from": "2026-01-02", "until": None, "long_term": True, "id_address": None})
    profile = counter.profile(C01.customer_no)
    assert (str(profile.valid_from), profile.valid_until) == ("2026-01-02", None)


def test_only_what_differs_is_written():
    other = {"postcode": "100025", "education": "3", "bad_record": ["I"], "email": PROFILE["email"]}
    assert changes_of("other", {"profile": PROFILE, "other": other}, SETTINGS) == {"postcode": "100025"}


def test_an_emptied_email_is_written_as_empty(update, counter):
    update("other", other={"email": None})
    assert counter.profile(C01.customer_no).email == ""


def test_follow_up_answers_are_kept_and_reasons_stay_in_the_case(update, counter):
    other = {
        "con_relation": "B",
        "control": [{"direction": "A", "name": "某某公司"}],
        "tax_type_reason": "只是说明",
        "futures_staff": "no",
        "flags": ["CONTROL"],
    }
    update("other", other=other)
    profile = counter.profile(C01.customer_no)
    assert profile.con_relation == "B"
    assert profile.details == {"control": [{"direction": "A", "name": "某某公司"}]}


def test_g41_follow_up_answers_go_when_the_declaration_is_taken_back(update, counter):
    counter.update("before", C01.customer_no, {"details": {"control": [{"name": "某某公司"}]}})
    stored = {**PROFILE, "details": {"control": [{"name": "某某公司"}]}}
    changed = changes_of("other", {"profile": stored, "other": {"con_relation": "A"}}, SETTINGS)
    assert changed == {"details": {}}


def test_r141_the_companys_own_answers_go_with_the_record():
    settings = Parameters(extension_fields=(ExtensionField(key="referrer", label="推荐人"),))
    changed = changes_of("other", {"profile": PROFILE, "other": {"referrer": "王五"}}, settings)
    assert changed == {"extras": {"referrer": "王五"}}


def test_r208_a_value_changed_in_between_is_for_a_person_and_names_the_field_only(update, counter):
    counter.update("elsewhere", C01.customer_no, {"postcode": "100025"})
    with pytest.raises(OperatorError) as no:
        update("other", other={"postcode": "100026"})
    assert (no.value.code, "postcode" in no.value.text, "100025" in no.value.text) == ("COUNTER", True, False)


def test_r208_a_person_may_decide_for_the_customers_values(update, counter):
    counter.update("elsewhere", C01.customer_no, {"postcode": "100025"})
    update("other", other={"postcode": "100026"}, ops={"decision": "overwrite"}, key="task 2")
    assert counter.profile(C01.customer_no).postcode == "100026"


@pytest.mark.parametrize("mood", ["down", "busy", "fail", "lose_reply"])
def test_what_may_pass_is_tried_again(update, database, mood):
    moods.set_mood(database, "counter", mood, remaining=1)
    with pytest.raises(RetryLater):
        update("phone", phone=PHONE)
    assert update("phone", attempt=2, phone=PHONE)["receipt_no"]


@pytest.mark.parametrize(("mood", "word"), [("refuse", "资料检查失败"), ("doubt_name", "实名制检查失败")])
def test_what_the_counter_refuses_is_for_a_person(update, database, mood, word):
    moods.set_mood(database, "counter", mood, remaining=1)
    with pytest.raises(OperatorError, match=word):
        update("phone", phone=PHONE)


def test_other_errors_are_for_a_person_after_a_few_attempts(update, database):
    moods.set_mood(database, "counter", "fail")
    with pytest.raises(RetryLater):
        update("phone", attempt=3, phone=PHONE)
    with pytest.raises(OperatorError, match="其他错误"):
        update("phone", attempt=4, phone=PHONE)


def test_what_the_counter_says_of_the_customer_is_not_repeated_to_staff():
    said = scrubbed("客户张伟（110105198506123737）手机13800138001与网厅不符", PROFILE)
    assert said == "客户***（***）手机***与网厅不符"


def test_r127_c02_changes_once_for_both_accounts(counter):
    counter.update("k", C02.customer_no, {"mobile": "13300133000", "contact_phone": "13300133000"})
    found = [counter.find(C02.id_number, kind).mobile for kind in ("futures", "asset_management")]
    assert found == ["13300133000", "13300133000"]


def test_r101_the_pictures_of_an_application_in_effect_are_on_file_afterwards(
    counter, database, keyring, tmp_path
):
    open_case(database, FIRST)
    files, (case_key, _) = FileStore(tmp_path), keyring.new_case_key(str(FIRST))
    with database.transaction() as session:
        stored = files.put(
            session, case_key, b"\xff\xd8\xff new", role="front", media_type="image/jpeg", at=NOW
        )
    around: Any = SimpleNamespace(parameters=SETTINGS, database=database, files=files)
    photos = {"front": {"file": str(stored.id)}, "back": {"on_file": True}, "photo_consent": True}
    call = JobCall("task 1", facts(), case_key, {"profile": PROFILE, "photos": photos}, 1, around)
    operators(counter).update(call, kind="phone")
    assert counter.profile(C01.customer_no).photos == {"front"}
    assert counter.photo(C01.customer_no, "front") == b"\xff\xd8\xff new"


# Whose number it is


def open_case(database: Database, case_id: UUID) -> None:
    """Put an open case there, of which only the id and being open matter."""
    known = {"id": case_id, "release_id": "r", "company": "0002", "opened_at": NOW, "changed_at": NOW}
    release = {"id": "r", "types": [], "published_at": NOW, "current": False}
    with database.transaction() as session:
        session.execute(insert(ReleaseRow).values(filled(ReleaseRow, release)).on_conflict_do_nothing())
        session.execute(insert(CaseRow).values(filled(CaseRow, known)))


def filled(table: Any, known: dict[str, Any]) -> dict[str, Any]:
    """Put something empty where a row must have a value."""
    empty = {int: 0, str: "", bytes: b"", list: []}
    columns = [c for c in table.__table__.columns if not c.nullable and c.name not in known]
    return {**{c.name: empty[c.type.python_type] for c in columns}, **known}


@pytest.fixture
def free(database: Database, keyring: Keyring, counter):
    """Ask phone.free for a customer's case; then claim the number in a step."""
    around: Any = SimpleNamespace(parameters=SETTINGS, keyring=keyring, database=database)

    def ask(number: str, customer_no: str = C01.customer_no, case_id: UUID = FIRST):
        query = CheckQuery(
            answers={"number": number, "kind": "mobile"},
            held={},
            previous={},
            data={"profile": {"customer_no": customer_no}},
            case=facts(case_id),
            case_key=CaseKey("x", b"k" * 32),
            task_id=uuid4(),
            actor=Actor("customer", "C01"),
            now=NOW,
            around=around,
        )
        return checks(counter).free(query)

    return ask


def claimed(database: Database, verdict: Verdict) -> bool:
    assert verdict.consume is not None
    with database.transaction() as session:
        return verdict.consume(session).ok


def test_g33_a_number_of_another_customer_is_refused_and_nobody_named(free):
    verdict = free("16612345602")
    assert (verdict.ok, verdict.key) == (False, "number")
    assert verdict.message == "该手机号已被其他客户使用，请更换手机号或联系期货公司"


def test_a_number_nobody_has_is_free(free, database):
    open_case(database, FIRST)
    verdict = free("16212345678")
    assert verdict.ok
    assert claimed(database, verdict)


def test_r124_a_number_wanted_by_an_open_application_is_taken(free, database):
    open_case(database, FIRST)
    open_case(database, SECOND)
    assert claimed(database, free("16212345678"))
    assert not free("16212345678", C02.customer_no, SECOND).ok


def test_r124_of_two_customers_at_once_one_gets_the_number(free, database):
    open_case(database, FIRST)
    open_case(database, SECOND)
    one, other = free("16212345678"), free("16212345678", C02.customer_no, SECOND)
    assert one.ok
    assert other.ok
    assert claimed(database, one)
    assert not claimed(database, other)


def test_an_application_that_is_over_gives_its_number_back(free, database):
    open_case(database, FIRST)
    open_case(database, SECOND)
    assert claimed(database, free("16212345678"))
    with database.transaction() as session:
        session.get(CaseRow, FIRST).closed_at = NOW
    verdict = free("16212345678", C02.customer_no, SECOND)
    assert verdict.ok
    assert claimed(database, verdict)


def test_an_application_may_claim_its_number_again_or_another(free, database):
    open_case(database, FIRST)
    for number in ("16212345678", "16212345678", "16612345678"):
        assert claimed(database, free(number))
    open_case(database, SECOND)
    assert free("16212345678", C02.customer_no, SECOND).ok


def test_while_the_counter_is_down_no_number_is_taken_for_free(free, database):
    moods.set_mood(database, "counter", "down")
    assert free("16212345678").message == "柜台系统暂时无法连接，请稍后再试或联系期货公司"


# Whose hand it is in


def test_a_code_typed_on_the_page_is_judged_and_used_once(database, keyring):
    sent = Codes(database, keyring, embedded_gateway(database, keyring))
    actor = Actor("customer", "C01", session="browser 1")
    around: Any = SimpleNamespace(parameters=SETTINGS)
    sent.issue(Ask("phone_change", "C01", "16212345678", "browser 1", case_id=FIRST), SETTINGS, NOW)
    text = outbox(database, keyring)[0].text
    code = text[text.index("验证码") + 3 :][:6]

    def ask(typed: str, moment=NOW):
        query = CheckQuery(
            answers={"number": "16212345678", "kind": "mobile", "code": typed},
            held={},
            previous={},
            data={},
            case=facts(),
            case_key=CaseKey("x", b"k" * 32),
            task_id=uuid4(),
            actor=actor,
            now=moment,
            around=around,
        )
        return code_checks(sent).code(query)

    assert (ask("").key, ask("").message) == ("code", "请输入验证码！")
    first, second = ask(code), ask(code)
    assert first.ok
    assert claimed(database, first)
    assert not claimed(database, second)
    assert ask(code, NOW + timedelta(minutes=6)).message == "验证码已过期，请重新获取"
