"""Logs: which case, which task, which request; and nobody's number (platform 9.2, 35)."""

import json
import logging

import pytest
import structlog

from web import logs


@pytest.fixture
def listening(capsys):
    """Return a function that begins to write JSON lines and returns how to read them."""
    before = (list(logging.getLogger().handlers), logging.getLogger().level, structlog.get_config())

    def listen():
        # Not before the test itself runs: pytest puts other handlers there for each of its phases.
        logs.configure("info")
        capsys.readouterr()
        return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    yield listen
    logging.getLogger().handlers[:], level, config = before
    logging.getLogger().setLevel(level)
    structlog.configure(**config)


@pytest.mark.parametrize(
    "number",
    [
        "110105198506123737",
        "11010519850612373X",
        "13800138001",
        "138 0013 8001",
        "+86 13800138001",
        "0571-87654321",
    ],
)
def test_no_number_of_a_person_is_written(listening, number):
    lines = listening()
    structlog.get_logger("test").info("seen", text=f"phone {number}.", deep={"a": [number]})
    assert number not in json.dumps(lines(), ensure_ascii=False)


@pytest.mark.parametrize("name", ["code", "password", "token", "captcha"])
def test_no_secret_is_written(listening, name):
    lines = listening()
    structlog.get_logger("test").info("seen", **{name: "424242"})
    assert "424242" not in json.dumps(lines())


@pytest.mark.parametrize(
    "kept", ["1600020000000001", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "2026-03-18T10:00:00Z"]
)
def test_numbers_of_cases_and_times_stay_readable(listening, kept):
    lines = listening()
    structlog.get_logger("test").info("seen", case=kept)
    assert lines()[0]["case"] == kept


def test_a_line_names_its_logger_and_level(listening):
    lines = listening()
    structlog.get_logger("web").warning("seen")
    line = lines()[0]
    assert (line["event"], line["level"], line["logger"]) == ("seen", "warning", "web")


def test_a_traceback_in_the_log_holds_no_number_either(listening):
    lines = listening()
    try:
        raise ValueError("13800138001")
    except ValueError:
        structlog.get_logger("web").exception("broke")
    text = json.dumps(lines())
    assert "13800138001" not in text
    assert "ValueError" in text


def test_a_line_of_a_library_is_json_too(listening):
    lines = listening()
    logging.getLogger("some.library").warning("called 13800138001")
    assert lines()[0]["event"] == f"called {logs.BLOT}"


def test_a_whole_journey_leaves_no_number_in_the_log(listening, product, customer, reviewer):
    lines = listening()
    customer.signs_in("C01").submits_phone("13612345678")
    reviewer.claims().approves()
    written = json.dumps(lines(), ensure_ascii=False)
    for canary in ("110105198506123737", "13800138001", "13612345678", "张伟"):
        assert canary not in written
    assert str(product.rows()[0].id) in written


def test_every_line_of_a_request_names_the_request(listening, customer):
    lines = listening()
    customer.signs_in("C01").starts("change_phone")
    assert all("request" in line for line in lines() if line["event"] in {"step", "change begun"})
