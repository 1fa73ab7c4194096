"""Captchas: a picture or a sound before anything is sent (domain 3.6, R-012, G-05)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from engine.parameters import Parameters
from engine.store import Database, Keyring
from handlers.captchas import ALPHABET, Captchas
from handlers.refused import CodeRefused

NOW = datetime(2026, 3, 18, 2, tzinfo=UTC)
SETTINGS = Parameters()


@pytest.fixture
def captchas(database: Database, keyring: Keyring) -> Captchas:
    return Captchas(database, keyring, demo=True)


def solved(captchas: Captchas, session: str = "browser 1") -> tuple[UUID, str]:
    captcha = captchas.issue(session, SETTINGS.limits, NOW)
    return captcha, captchas.answer_for_demo(captcha) or ""


def test_a_captcha_is_solved_in_either_case(captchas):
    captcha, answer = solved(captchas)
    captchas.check(captcha, "browser 1", f" {answer.lower()} ", NOW)


def test_g05_no_captcha_typed(captchas):
    captcha, _ = solved(captchas)
    with pytest.raises(CodeRefused, match="请先输入图形验证码！"):
        captchas.check(captcha, "browser 1", "  ", NOW)


def test_a_captcha_is_good_for_one_try_right_or_wrong(captchas):
    captcha, answer = solved(captchas)
    for typed in ("0000", answer):
        with pytest.raises(CodeRefused, match="图形验证码错误，请重新输入"):
            captchas.check(captcha, "browser 1", typed, NOW)
    captcha, answer = solved(captchas)
    captchas.check(captcha, "browser 1", answer, NOW)
    with pytest.raises(CodeRefused):
        captchas.check(captcha, "browser 1", answer, NOW)


@pytest.mark.parametrize(
    ("session", "moment"), [("browser 2", NOW), ("browser 1", NOW + timedelta(minutes=5))]
)
def test_a_captcha_is_of_no_use_elsewhere_or_too_late(captchas, session, moment):
    captcha, answer = solved(captchas)
    with pytest.raises(CodeRefused):
        captchas.check(captcha, session, answer, moment)


def test_a_captcha_nobody_offered_is_wrong(captchas):
    for captcha in (None, uuid4()):
        with pytest.raises(CodeRefused):
            captchas.check(captcha, "browser 1", "ACDE", NOW)


def test_a_captcha_can_be_seen_and_heard_but_not_without_end(captchas):
    captcha, _ = solved(captchas)
    assert captchas.png(captcha, "browser 1", NOW).startswith(b"\x89PNG")
    assert captchas.wav(captcha, "browser 1", NOW).startswith(b"RIFF")
    shown = [captchas.png(captcha, "browser 1", NOW) for _ in range(6)]
    assert shown[-1] is None


def test_a_captcha_is_not_shown_to_another_browser(captchas):
    captcha, _ = solved(captchas)
    assert captchas.png(captcha, "browser 2", NOW) is None


def test_no_character_is_taken_for_another():
    assert not set("0O1I2Z5S6G8B9") & set(ALPHABET)


def test_a_captchas_answer_is_told_only_in_a_demonstration(captchas, database, keyring):
    captcha, _ = solved(captchas)
    assert Captchas(database, keyring).answer_for_demo(captcha) is None
