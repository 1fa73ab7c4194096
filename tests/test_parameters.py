"""What the company sets, and how a setting is changed (R-222)."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from engine import parameters
from engine.errors import FourEyes
from engine.parameters import Parameters, ParametersMoved, ParametersRefused
from engine.store import Database

NOW = datetime(2026, 3, 18, 2, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


def change(database, values, by="operator1", approved_by="admin1"):
    return parameters.change(database, values, by, approved_by, NOW)


def test_a_fresh_company_has_the_defaults_of_the_domain(database):
    settings = parameters.current(database)
    limits = settings.limits
    assert (limits.code_minutes, limits.code_tries, limits.resend_seconds) == (5, 5, 60)
    assert (limits.number_per_hour, limits.number_per_day, limits.identity_per_day) == (5, 10, 10)
    assert (limits.address_per_hour, limits.wrong_codes, limits.lock_minutes) == (30, 5, 30)
    assert settings.id_expired_video_days == 90
    assert not settings.login_hide_existence
    assert not settings.bad_record_required
    assert set(settings.declaration_modes.values()) == {"collect"}


def test_a_change_is_in_force_at_once(database):
    assert parameters.current(database).company.hotline == "400-888-0000"
    assert change(database, {"company": {"hotline": "400-123-4567"}}) == 1
    assert parameters.current(database).company.hotline == "400-123-4567"


def test_what_was_not_changed_keeps_its_default(database):
    change(database, {"limits": {"code_tries": 3}})
    assert parameters.current(database).limits.code_minutes == 5


def test_a_second_change_keeps_the_first(database):
    change(database, {"limits": {"code_tries": 3}})
    change(database, {"limits": {"resend_seconds": 90}})
    limits = parameters.current(database).limits
    assert (limits.code_tries, limits.resend_seconds) == (3, 90)


def test_null_puts_a_default_back(database):
    change(database, {"limits": {"code_tries": 3}})
    change(database, {"limits": {"code_tries": None}})
    assert parameters.current(database).limits.code_tries == 5


@pytest.mark.parametrize("second", ["operator1", ""])
def test_nobody_changes_a_setting_alone(database, second):
    with pytest.raises(FourEyes):
        change(database, {"limits": {"code_tries": 3}}, approved_by=second)
    assert parameters.current(database).limits.code_tries == 5


def test_a_proposal_is_not_in_force_until_a_second_person_approves(database):
    version = parameters.propose(database, {"limits": {"code_tries": 3}}, "operator1", NOW)
    assert parameters.current(database).limits.code_tries == 5
    parameters.approve(database, version, "admin1")
    assert parameters.current(database).limits.code_tries == 3


def test_nobody_approves_the_own_proposal(database):
    version = parameters.propose(database, {"limits": {"code_tries": 3}}, "operator1", NOW)
    with pytest.raises(FourEyes):
        parameters.approve(database, version, "operator1")


def test_a_proposal_made_before_another_change_must_be_looked_at_again(database):
    version = parameters.propose(database, {"limits": {"code_tries": 3}}, "operator1", NOW)
    change(database, {"limits": {"resend_seconds": 90}})
    with pytest.raises(ParametersMoved):
        parameters.approve(database, version, "admin1")


def test_a_proposal_is_approved_once(database):
    version = parameters.propose(database, {"limits": {"code_tries": 3}}, "operator1", NOW)
    parameters.approve(database, version, "admin1")
    with pytest.raises(ParametersMoved):
        parameters.approve(database, version, "admin2")


def test_every_version_is_kept_with_its_people(database):
    change(database, {"limits": {"code_tries": 3}})
    change(database, {"limits": {"code_tries": 4}}, by="admin2")
    told = [(v.version, v.changed_by, v.approved_by) for v in parameters.history(database)]
    assert told == [(2, "admin2", "admin1"), (1, "operator1", "admin1")]


def test_an_old_decision_can_be_read_with_its_settings(database):
    change(database, {"limits": {"code_tries": 3}})
    change(database, {"limits": {"code_tries": 4}})
    assert [parameters.at_version(database, v).limits.code_tries for v in (0, 1, 2)] == [5, 3, 4]


@pytest.mark.parametrize(
    "values",
    [
        {"limits": {"code_tries": 0}},
        {"no_such_setting": 1},
        {"declaration_modes": {"tax_type": "sometimes"}},
        {"hours": {"usual": {"opens": "23:00", "closes": "09:00"}}},
        {"retention": {"years": 5}},
        {"sms": {"login_code": "验证码{code}"}},
        {"sms": {"login_code": "【{company}】{code}，{minutes}分钟，{id_number}"}},
        {"sms": {"spam": "买买买"}},
        {"mobile_prefixes": ["1[0-9]"]},
    ],
    ids=str,
)
def test_settings_that_do_not_fit_are_refused_and_say_where(database, values):
    with pytest.raises(ParametersRefused, match=next(iter(values))):
        change(database, values)
    assert parameters.history(database) == []


def test_another_process_sees_a_change_within_two_seconds(database, monkeypatch):
    assert parameters.current(database).limits.code_tries == 5
    elsewhere = Database(database.url)
    change(elsewhere, {"limits": {"code_tries": 3}})
    elsewhere.dispose()
    seconds = time.monotonic() + parameters.REREAD_AFTER
    monkeypatch.setattr(time, "monotonic", lambda: seconds)
    assert parameters.current(database).limits.code_tries == 3


def test_a_message_names_company_purpose_code_and_validity_and_warns_to_tell_nobody():
    text = Parameters().text("login_code", code="123456", minutes=5)
    assert all(part in text for part in ("某某期货", "登录", "123456", "5分钟", "切勿告知他人"))


def test_r126_the_old_number_is_told_of_the_change():
    text = Parameters().text("phone_changing", old_tail="8001", new_tail="5678")
    assert "您尾号8001的账户正在将联系电话变更为尾号5678，如非本人操作请立即致电400-888-0000" in text


def test_braces_in_what_is_filled_in_stay_what_they_are():
    assert "{hotline}" in Parameters().text("refused", business="b", number="1", reasons="{hotline}")


def test_forms_find_what_they_read_of_the_settings():
    from forms import SETTINGS

    view = Parameters().view
    assert {name for name, *_ in SETTINGS} <= set(view)
