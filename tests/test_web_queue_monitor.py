"""排队监控 (R-221): who waits, since when, who is at work, today's calls; and the staffing panel."""

import re

import pytest

from tests.witness_people import (
    Agent,
    carried_on_paper,
    pages_live,
    queues,
    recorded,
    room_of,
    stands_there,
    waiting_room,
)

__all__ = ["waiting_room"]
WATCH = "/desk/queue"


@pytest.fixture(scope="module")
def product(migrated_server, waiting_room, furnished, tmp_path_factory):
    """Lend one product to all tests here: one customer waits, one was passed, an agent is at work."""
    data = tmp_path_factory.mktemp("watched")
    with (
        room_of(migrated_server, waiting_room, furnished.secrets, data) as found,
        carried_on_paper(found),
    ):
        yield found


@pytest.fixture(scope="module")
def day(product, waiting_room):
    """Let a day have begun; return the agent at work."""
    queues(stands_there(product, waiting_room, "C01"))
    agent = Agent(product, "agent1").signs_in().takes_next()
    agent.ticks_everything()
    agent.join()
    agent.photographs()
    recorded(product)
    assert agent.gives("approve").status_code == 200
    queues(stands_there(product, waiting_room, "C09"))
    product.later(minutes=6)
    return agent


@pytest.fixture(scope="module")
def supervisor(product, day):
    """Lend the supervisor of 杭州营业部."""
    return Agent(product, "supervisor1").signs_in()


def number(text: str, label: str) -> str:
    """Return the figure under a label."""
    found = re.search(rf"<dt>{label}</dt><dd>([^<]*)</dd>", text)
    assert found, text
    return found[1]


def test_r221_a_supervisor_sees_who_waits_and_for_how_long(product, supervisor):
    pages_live(product)
    text = supervisor.opens(WATCH).text
    assert number(text, "等待客户") == "1"
    assert number(text, "最长等待").startswith("6:")


def test_r221_calls_of_today_stand_there_by_outcome(supervisor):
    text = supervisor.opens(WATCH).text
    assert number(text, "今日通话") == "1"
    assert re.search(r"通过 <b[^>]*>1</b>", text)


def test_r221_agents_stand_there_with_state_and_for_how_long(product, day, supervisor):
    day.sends("/desk/video/state", state="paused")
    product.later(minutes=0.2)
    text = supervisor.opens(f"{WATCH}/rows").text
    row = re.search(r"<tr><td[^>]*>苏晴</td>.*?</tr>", text, re.DOTALL)
    assert row
    assert "暂停" in row[0]


def test_r221_customers_who_wait_for_nobody_are_pointed_out(product, day, supervisor):
    day.sends("/desk/video/state", state="offline")
    assert "有客户等待，但没有坐席在线" in supervisor.opens(f"{WATCH}/rows").text
    day.sends("/desk/video/state", state="ready")
    assert "有客户等待，但没有坐席在线" not in supervisor.opens(f"{WATCH}/rows").text


def test_r007_only_the_branches_of_the_supervisor_are_shown(supervisor):
    supervisor.opens(WATCH)
    assert supervisor.sees("杭州营业部")
    assert not supervisor.sees("上海营业部")


def test_nobodys_full_name_is_shown(supervisor):
    assert not supervisor.sees("刘洋")


def test_operators_watch_and_reviewers_do_not(product, day):
    assert Agent(product, "operator1").signs_in().opens(WATCH).status_code == 200
    assert Agent(product, "reviewer1").signs_in().opens(WATCH).status_code == 403


def test_the_menu_leads_there_for_those_who_may(product, supervisor):
    supervisor.opens("/desk")
    assert f'href="{WATCH}"' in supervisor.text
    assert 'href="/desk/video"' not in supervisor.text
    reviewer = Agent(product, "reviewer2").signs_in()
    assert f'href="{WATCH}"' not in reviewer.text


# -- how many agents ------------------------------------------------------------------------------------


def needed(text: str) -> int:
    """Return how many agents the panel says are needed."""
    found = re.search(r"至少需要 (\d+) 名坐席", text)
    assert found, text
    return int(found[1])


def test_the_panel_says_how_many_agents_a_load_needs(supervisor):
    # 120 an hour of 240 s are 8 erlangs; 10 agents answer 75 % within 60 s (A. K. Erlang), 11 more than 80 %.
    text = supervisor.opens(f"{WATCH}?per_hour=120&handle=240&within=60&share=80").text
    assert needed(text) == 11
    row = re.search(r'class="figures">10</td>.*?</tr>', text, re.DOTALL)
    assert row
    assert "75%" in row[0]
    assert "49 s" in row[0]


def test_a_stricter_promise_needs_more_agents(supervisor):
    loose = needed(supervisor.opens(f"{WATCH}?per_hour=120&handle=240&within=60&share=50").text)
    strict = needed(supervisor.opens(f"{WATCH}?per_hour=120&handle=240&within=10&share=99").text)
    assert loose < strict


@pytest.mark.parametrize(
    ("name", "typed"),
    [("per_hour", "0"), ("handle", "abc"), ("within", "-1"), ("share", "100"), ("share", ""), ("handle", "²"),
     ("per_hour", "9" * 30), ("share", "<script>")],
)  # fmt: skip
def test_numbers_that_make_no_sense_are_explained_at_the_field(supervisor, name, typed):
    asked = {"per_hour": "20", "handle": "240", "within": "60", "share": "80", name: typed}
    answer = supervisor.opens(WATCH, query_string=asked)
    assert answer.status_code == 200
    assert f'id="{name}-error"' in answer.text
    assert "<script>" not in answer.text


def test_without_numbers_the_panel_takes_those_of_the_queue(product, supervisor):
    text = supervisor.opens(WATCH).text
    typed = re.search(r'name="per_hour" value="(\d+)"', text)
    assert typed
    assert typed[1] == "2"  # both came within the hour
