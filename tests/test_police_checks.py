"""公安核验 of a customer in a call (R-169): asked once, by a job; told to the agent, kept with the result."""

import logging

import pytest
from sqlalchemy import select, text, update

import forms
from handlers import fixtures, moods
from handlers.police import PoliceDown
from handlers.video.police_checks import DIFFERS, JOB, PoliceCheckRow, PoliceChecks
from tests.agents_at_work import Agent, recorded, waits
from tests.test_witnessing import web, zhang

__all__ = ["web", "zhang"]


@pytest.fixture
def in_call(web, zhang):
    """Lend an agent and the ticket of C01, in a call."""
    agent = Agent(web)
    waits(web, zhang.case)
    ticket = agent.is_offered()
    recorded(web, agent.accepts(ticket))
    return agent, ticket


@pytest.fixture
def worker(product, web):
    """Lend what does the questions that are in the queue."""
    return lambda: product.work_off(JOB, web.police_checks.check)


def said(web, in_call):
    """Return what the agent's page says."""
    agent, ticket = in_call
    return web.witnessing.view(ticket.id, agent.actor).police.result


def questions(web):
    """Return every question's row."""
    with web.engine.database.reading() as session:
        return session.scalars(select(PoliceCheckRow)).all()


def answers_of(product, case_id, agent):
    return product.engine.cases.data(case_id, agent.actor)[2]["video"]


def test_nobody_is_asked_about_before_an_agent_accepts(product, web, zhang, worker):
    waits(web, zhang.case)
    Agent(web).is_offered()
    assert product._queued(JOB) == []
    assert questions(web) == []


def test_the_agent_is_told_once_the_service_has_answered(web, in_call, worker):
    assert said(web, in_call) == "waiting"
    worker()
    assert said(web, in_call) == "match"


def test_a_question_is_put_once_however_often_the_call_begins(product, web, in_call, worker):
    agent, ticket = in_call
    agent.accepts(ticket)
    assert len(product._queued(JOB)) == 1
    worker()
    web.queue.interrupt(ticket.id, ticket.epoch, "customer")
    again = agent.is_offered()
    agent.accepts(again)
    assert product._queued(JOB) == []
    assert said(web, (agent, again)) == "match"


def test_a_job_that_runs_twice_asks_once(web, in_call, worker):
    worker()
    moods.set_mood(web.engine.database, "police", "doubt_name")
    assert web.police_checks.check(str(in_call[1].id)) == "known"
    assert said(web, in_call) == "match"


def test_a_service_that_is_down_is_said_at_once_and_asked_again_by_the_queue(web, in_call):
    moods.set_mood(web.engine.database, "police", "down", remaining=1)
    with pytest.raises(PoliceDown):
        web.police_checks.check(str(in_call[1].id))
    assert said(web, in_call) == "failed"
    assert web.police_checks.check(str(in_call[1].id)) == "answered"
    assert said(web, in_call) == "match"


def test_an_agent_who_presses_again_puts_the_question_again_and_never_an_answered_one(
    product, web, in_call, worker
):
    moods.set_mood(web.engine.database, "police", "refuse", remaining=1)
    worker()
    assert said(web, in_call) == "failed"
    web.police_checks.again(in_call[1].id)
    web.police_checks.again(in_call[1].id)
    assert said(web, in_call) == "waiting"
    assert len(product._queued(JOB)) == 1
    worker()
    web.police_checks.again(in_call[1].id)
    assert product._queued(JOB) == []
    assert said(web, in_call) == "match"


def test_the_agents_page_is_woken_by_answer_and_by_failure(product, web, in_call):
    import psycopg

    url = web.engine.database.url
    with psycopg.connect(url, autocommit=True) as listening:
        listening.execute("listen kaihu")
        web.police_checks.check(str(in_call[1].id))
        told = [one.payload for one in listening.notifies(timeout=5, stop_after=1)]
    assert [f'"ticket":"{in_call[1].id}"' in one and str(in_call[0].id) in one for one in told] == [True]


def test_nobody_is_asked_about_after_the_call_has_a_result(web, in_call):
    agent, ticket = in_call
    agent.decides(ticket, "reject", reasons=["X04"])
    assert web.police_checks.check(str(ticket.id)) == "over"


def test_a_question_that_was_lost_is_found_again(product, web, in_call):
    with web.engine.database.transaction() as session:
        session.execute(text("delete from procrastinate_jobs"))
    assert web.police_checks.sweep() == 0, "not at once: the worker may just be at it"
    product.later(seconds=61)
    assert web.police_checks.sweep() == 1
    assert web.police_checks.sweep() == 0
    assert len(product._queued(JOB)) == 1


def test_neither_number_nor_answer_lies_open_in_rows_queue_or_log(product, web, in_call, worker, caplog):
    caplog.set_level(logging.DEBUG)
    queued = str(product._queued(JOB))
    worker()
    with web.engine.database.reading() as session:
        rows = str(session.execute(text("select * from police_check")).all())
    for where in (queued, rows, caplog.text):
        assert fixtures.CUSTOMERS["C01"].id_number not in where
        assert "match" not in where


# -- with the result ------------------------------------------------------------------------------------


def test_the_answer_goes_with_the_result_into_the_case(product, web, zhang, in_call, worker):
    agent, ticket = in_call
    worker()
    agent.photographs(ticket)
    agent.decides(ticket)
    police = answers_of(product, zhang.case, agent)["police"]
    assert police["result"] == "match"
    assert police["reference"].startswith("P")
    assert police["at"].startswith("2026-03-18")
    assert DIFFERS not in product.rows()[-1].flags


def test_who_decides_before_the_answer_leaves_that_in_the_case(product, zhang, in_call):
    agent, ticket = in_call
    agent.photographs(ticket)
    assert agent.decides(ticket).state == "passed"
    assert answers_of(product, zhang.case, agent)["police"]["result"] == "waiting"


def test_a_name_that_differs_has_to_be_confirmed_and_marks_the_case(product, web, zhang, in_call, worker):
    agent, ticket = in_call
    moods.set_mood(web.engine.database, "police", "doubt_name")
    worker()
    agent.photographs(ticket)
    with pytest.raises(forms.AnswersRejected) as rejected:
        agent.decides(ticket)
    assert [(one.level, one.code) for one in rejected.value.problems] == [("warning", DIFFERS)]
    posted = {**agent.ticks_everything(ticket), "decision": {"decision": "approve"}, "confirm": [DIFFERS]}
    assert web.witnessing.decide(ticket.id, ticket.epoch, agent.actor, posted).state == "passed"
    assert answers_of(product, zhang.case, agent)["police"]["result"] == "mismatch"
    assert DIFFERS in product.rows()[-1].flags


def test_a_name_that_differs_holds_up_no_return_and_no_refusal(product, web, in_call, worker):
    agent, ticket = in_call
    moods.set_mood(web.engine.database, "police", "doubt_name")
    worker()
    assert agent.decides(ticket, "reject", reasons=["X01"]).state == "refused"


def test_where_no_service_is_connected_nobody_is_asked_and_nothing_is_claimed(product, web, zhang):
    alone = PoliceChecks(web.engine, None)
    web.queue._begun = alone.begin
    web.witnessing._police_checks = alone
    agent = Agent(web)
    waits(web, zhang.case)
    ticket = agent.is_offered()
    recorded(web, agent.accepts(ticket))
    assert said(web, (agent, ticket)) == "off"
    assert questions(web) == []
    agent.photographs(ticket)
    agent.decides(ticket)
    assert answers_of(product, zhang.case, agent)["police"] is None


def test_a_call_that_began_before_the_service_was_connected_can_be_asked_about(product, web, in_call, worker):
    with web.engine.database.transaction() as session:
        session.execute(text("delete from police_check"))
    assert said(web, in_call) == "failed"
    web.police_checks.again(in_call[1].id)
    worker()
    assert said(web, in_call) == "match"


def test_an_answer_that_was_changed_counts_as_none_and_the_call_goes_on(web, in_call, worker):
    worker()
    row = questions(web)[0]
    changed = row.answer[:-1] + bytes([row.answer[-1] ^ 1])
    with web.engine.database.transaction() as session:
        session.execute(update(PoliceCheckRow).values(answer=changed))
    assert said(web, in_call) == "failed"
