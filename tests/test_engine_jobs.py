"""Service tasks and what happens by itself: nothing is done twice, nothing is forgotten."""

import pytest
from sqlalchemy import delete, func, select, text, update

from engine import Actor, NotYours, TaskGone
from engine.store.tables import CaseRow, JobRow
from tests import errand
from tests.diagram_writer import Drawing


@pytest.fixture
def approved(room):
    """Bring a case to where its parcel waits for delivery."""
    customer = room.customer()
    customer.submits()
    room.reviewer().decides("approve")
    return customer


def queued(room) -> int:
    with room.engine.database.reading() as session:
        return session.scalar(text("select count(*) from procrastinate_jobs where status = 'todo'"))


def test_a_job_is_queued_with_the_step_that_needs_it(room, approved):
    (job,) = room.jobs()
    with room.engine.database.reading() as session:
        queue = text("select task_name, args, lock from procrastinate_jobs")
        ((name, args, lock),) = session.execute(queue)
    assert (name, lock) == ("engine.run_job", "owner:c1")
    assert args == {"case_id": str(approved.case.id), "task_id": str(job.task_id)}


def test_a_step_that_fails_queues_nothing(room, monkeypatch):
    customer = room.customer()
    customer.submits()
    monkeypatch.setattr(room.engine.stepper, "tell", None)
    with pytest.raises(TypeError):
        room.reviewer().decides("approve")
    monkeypatch.undo()
    reviewer = room.reviewer()
    room.engine.cases.claim(reviewer.sees()[0].task_id, reviewer.actor)
    monkeypatch.setattr(room.engine.stepper, "tell", None)
    with pytest.raises(TypeError):
        room.engine.cases.complete(reviewer.sees()[0].task_id, reviewer.actor, {"decision": "approve"})
    assert room.jobs() == []
    assert queued(room) == 0


def test_a_job_that_runs_twice_delivers_once(room, approved):
    (job,) = room.jobs()
    assert room.engine.jobs.run(job.case_id, job.task_id) == "done"
    assert room.engine.jobs.run(job.case_id, job.task_id) == "gone"
    assert room.delivery.calls == [str(job.task_id)]
    assert approved.state == "in_effect"


def test_an_answer_that_comes_after_another_workers_is_dropped(room, approved):
    (job,) = room.jobs()

    def meanwhile(call) -> None:
        room.delivery.happens = lambda call: None
        assert room.engine.jobs.run(job.case_id, job.task_id) == "done"

    room.delivery.happens = meanwhile
    assert room.engine.jobs.run(job.case_id, job.task_id) == "late"
    assert room.delivery.arrived == {str(job.task_id): "a book"}
    assert room.kinds(approved.case).count("job.done") == 1


def test_a_late_answer_does_not_start_the_next_page_again(room):
    """Also when the case is still under way, and the task of the job still known."""
    drawing = Drawing("thanked", "谢", {"businessType": "94", "category": "thanked"})
    drawing.start()
    drawing.service("deliver", "parcel.deliver", parameters={"wish": "'x'"})
    drawing.user("thanks", form="wish")
    drawing.end()
    drawing.chain("begin", "deliver", "thanks", "finish")
    room.publishes({"thanked.bpmn": drawing.xml(), **errand.forms()})
    customer = room.customer()
    customer.starts("thanked")
    (job,) = room.jobs()

    def meanwhile(call) -> None:
        room.delivery.happens = lambda call: None
        assert room.engine.jobs.run(job.case_id, job.task_id) == "done"

    room.delivery.happens = meanwhile
    assert room.engine.jobs.run(job.case_id, job.task_id) == "late"
    assert [item.element for item in room.items(customer.case)] == ["thanks"]
    assert room.kinds(customer.case) == ["case.started", "job.done"]


def test_a_failure_that_comes_after_another_workers_success_is_dropped(room, approved):
    (job,) = room.jobs()

    def meanwhile(call) -> None:
        room.delivery.happens = lambda call: None
        assert room.engine.jobs.run(job.case_id, job.task_id) == "done"
        errand.refuses(call)

    room.delivery.happens = meanwhile
    assert room.engine.jobs.run(job.case_id, job.task_id) == "late"
    assert approved.state == "in_effect"


def test_a_refused_job_goes_its_own_way_and_a_person_sees_why(room, approved):
    room.delivery.happens = errand.refuses
    assert room.works() == ["error"]
    assert approved.state == "update_failed"
    assert room.jobs() == []
    clerk = room.staff("clerk", "operator")
    problem = room.data(approved.case)["problem"]
    assert (problem["code"], problem["text"]) == ("COUNTER", "account frozen")
    room.delivery.happens = lambda call: None
    room.engine.cases.complete(clerk.takes(), clerk.actor, {"remark": "thawed"})
    assert room.works() == ["done"]
    assert approved.state == "in_effect"


def test_a_job_without_an_answer_is_tried_again_with_the_same_key(room, approved, the_clock):
    (job,) = room.jobs()
    room.delivery.happens = errand.is_away
    assert room.works() == ["retry"]
    room.delivery.happens = lambda call: None
    assert room.works() == ["done"]
    assert room.delivery.calls == [str(job.task_id)] * 2


def test_a_job_without_an_answer_for_long_becomes_an_error(room, approved):
    room.delivery.happens = errand.is_away
    assert [*room.works(), *room.works(), *room.works()] == ["retry", "retry", "error"]
    assert approved.state == "update_failed"


def test_a_retry_waits_as_long_as_it_says(room, approved, the_clock):
    room.delivery.happens = errand.is_away
    room.works()
    (job,) = room.jobs()
    assert (job.attempts, job.problem) == (1, "no answer")
    assert (job.due_at - the_clock.moment).total_seconds() == 1
    with room.engine.database.reading() as session:
        later = text("select count(*) from procrastinate_jobs where scheduled_at > now()")
        assert session.scalar(later) == 1


def unheld() -> dict[str, bytes]:
    """Draw a delivery without a way out."""
    drawing = Drawing("unheld", "送", {"businessType": "91", "category": "unheld"})
    drawing.start()
    drawing.user("ask", form="wish")
    drawing.service("deliver", "parcel.deliver", parameters={"wish": "ask.wish"})
    drawing.end(state="in_effect")
    drawing.chain("begin", "ask", "deliver", "finish")
    return {"unheld.bpmn": drawing.xml(), **errand.forms()}


@pytest.fixture
def stuck(room):
    """Bring a case to a delivery that nobody can make and no diagram catches."""
    room.publishes(unheld())
    customer = room.customer()
    customer.starts("unheld")
    customer.answers(wish="a piano")
    room.delivery.happens = errand.breaks
    for _ in range(errand.RETRIES):
        (outcome,) = room.works()
    assert outcome == "incident"
    return customer


def test_a_job_nobody_catches_waits_for_a_person(room, stuck):
    (job,) = room.jobs()
    assert (job.state, job.problem) == ("incident", "ZeroDivisionError in parcel.deliver")
    assert "job.incident" in room.kinds(stuck.case)
    assert room.works() == []


def test_staff_try_an_incident_again(room, stuck):
    (job,) = room.jobs()
    room.delivery.happens = lambda call: None
    room.engine.jobs.retry(job.task_id, room.staff("clerk", "operator").actor)
    assert room.works() == ["done"]
    assert stuck.state == "in_effect"
    assert room.kinds(stuck.case)[-2:] == ["job.retried", "job.done"]
    assert room.breaks_chain(stuck.case) is None


def test_only_operators_of_the_company_try_an_incident_again(room, stuck):
    (job,) = room.jobs()
    for stranger in (room.reviewer(), room.staff("x", "operator", company="0009"), stuck):
        with pytest.raises(NotYours):
            room.engine.jobs.retry(job.task_id, stranger.actor)


def test_a_job_that_is_no_incident_is_not_tried_again(room, approved):
    (job,) = room.jobs()
    with pytest.raises(TaskGone):
        room.engine.jobs.retry(job.task_id, room.staff("clerk", "operator").actor)


def test_a_job_whose_operator_is_gone_waits_for_a_person(room, approved):
    room.engine.catalogue.operators.clear()
    assert room.works() == ["incident"]


def test_a_diagram_that_breaks_after_a_job_is_shown_to_a_person_and_not_run_for_ever(room, approved):
    """The step after the answer raises: the job is retried, then caught like any failure."""
    known = dict(room.engine.catalogue.operators)
    del room.engine.catalogue.operators["parcel.stamp"]
    outcomes = [room.works()[0] for _ in range(errand.RETRIES)]
    assert outcomes == ["retry", "retry", "error"]
    assert len(room.delivery.arrived) == 1
    room.engine.catalogue.operators.update(known)


def test_the_jobs_of_a_case_that_moved_on_are_forgotten(room):
    drawing = Drawing("hasty", "急", {"businessType": "92", "category": "hasty"})
    drawing.start()
    drawing.service("deliver", "parcel.deliver", parameters={"wish": "'x'"})
    drawing.on("deliver", "changed_mind", "message:withdraw")
    drawing.end("withdrawn", state="withdrawn")
    drawing.end(state="in_effect")
    drawing.chain("begin", "deliver", "finish")
    drawing.chain("changed_mind", "withdrawn")
    room.publishes({"hasty.bpmn": drawing.xml()})
    customer = room.customer()
    customer.starts("hasty")
    (job,) = room.jobs()
    room.engine.cases.message(customer.case.id, "withdraw", customer.actor)
    assert room.jobs() == []
    assert room.engine.jobs.run(job.case_id, job.task_id) == "gone"
    assert room.delivery.calls == []


# -- by itself ----------------------------------------------------------------------------------------


def test_a_job_that_left_the_queue_is_put_back(room, the_clock):
    customer = room.customer()
    customer.submits()
    room.reviewer().decides("approve")
    with room.engine.database.transaction() as session:
        session.execute(text("delete from procrastinate_jobs"))
    assert room.engine.jobs.sweep()["lost"] == 0
    the_clock.advance(seconds=30)
    assert room.engine.jobs.sweep()["lost"] == 1
    assert queued(room) == 1
    assert room.engine.jobs.sweep()["lost"] == 0


def timed() -> dict[str, bytes]:
    """Draw a page with a reminder and an end."""
    drawing = Drawing("timed", "限时", {"businessType": "93", "category": "timed"})
    drawing.start()
    drawing.user("wish", form="wish", state="'draft'")
    drawing.on("wish", "remind", "timer:PT4H", interrupting=False)
    drawing.service("stamp", "parcel.stamp")
    drawing.end("reminded")
    drawing.on("wish", "too_late", "timer:P1D")
    drawing.end("end_expired", state="expired")
    drawing.end(state="in_effect")
    drawing.chain("begin", "wish", "finish")
    drawing.chain("remind", "stamp", "reminded")
    drawing.chain("too_late", "end_expired")
    return {"timed.bpmn": drawing.xml(), **errand.forms()}


def test_timers_of_the_diagram_run_on_business_time(room, the_clock):
    room.publishes(timed())
    customer = room.customer()
    customer.starts("timed")
    the_clock.advance(hours=3, minutes=59)
    assert room.engine.jobs.sweep()["timers"] == 0
    the_clock.advance(minutes=1)
    assert room.engine.jobs.sweep()["timers"] == 1
    assert customer.page.element == "wish"
    assert room.engine.jobs.sweep()["timers"] == 0
    the_clock.advance(hours=20)
    assert room.engine.jobs.sweep()["timers"] == 1
    assert customer.state == "expired"
    assert room.kinds(customer.case) == ["case.started", "timer.fired", "timer.fired"]
    assert room.row(customer.case).next_due is None


def test_a_worker_that_slept_for_a_week_fires_what_came_due_once(room, the_clock):
    room.publishes(timed())
    customer = room.customer()
    customer.starts("timed")
    the_clock.advance(days=7)
    room.engine.jobs.sweep()
    assert customer.state == "expired"


def test_one_case_that_cannot_go_on_does_not_hold_up_the_timers_of_others(room, the_clock):
    room.publishes(timed())
    broken, well = room.customer("c1"), room.customer("c2")
    broken.starts("timed")
    the_clock.advance(minutes=1)
    well.starts("timed")
    with room.engine.database.transaction() as session:
        session.execute(update(CaseRow).where(CaseRow.id == broken.case.id).values(blob=b"not a seal"))
    the_clock.advance(days=2)
    assert room.engine.jobs.sweep()["timers"] == 1
    assert well.state == "expired"
    assert room.kinds(broken.case)[-1] == "step.broken"
    assert room.engine.jobs.sweep()["timers"] == 0


def test_a_page_that_cannot_expire_does_not_hold_up_those_that_can(room, the_clock, monkeypatch):
    deaf, well = room.customer("c1"), room.customer("c2")
    for customer in (deaf, well):
        customer.starts()
        customer.answers(paper="passport")
        the_clock.advance(minutes=1)
    with room.engine.database.transaction() as session:
        nothing = text("update work_item set idle_message = 'never_drawn' where case_id = :id")
        session.execute(nothing, {"id": deaf.case.id})
    monkeypatch.setattr("engine.sweep.SWEEP", 1)
    the_clock.advance(days=31)
    assert room.engine.jobs.sweep()["idle"] == 0
    assert room.engine.jobs.sweep()["idle"] == 1
    assert well.state == "expired"


def test_a_page_just_written_on_does_not_expire(room, the_clock, monkeypatch):
    """The sweep saw the page idle, and then somebody wrote on it before the message came."""
    customer = room.customer()
    customer.starts()
    customer.answers(paper="passport")
    the_clock.advance(days=31)
    send = room.engine.cases.message

    def writes_first(case_id, *args, **more):
        room.engine.desk.save(customer.task, customer.actor, {"wish": "wait"}, 0)
        return send(case_id, *args, **more)

    monkeypatch.setattr(room.engine.cases, "message", writes_first)
    assert room.engine.jobs.sweep()["idle"] == 0
    assert customer.state == "draft"


def test_a_diagram_that_breaks_under_a_customer_leaves_one_line_and_no_trace(room):
    customer = room.customer()
    customer.submits()
    room.reviewer().decides("approve")
    room.delivery.happens = errand.refuses
    room.works()
    clerk = room.staff("clerk", "operator")
    task = clerk.takes()
    before = room.row(customer.case)
    drop = room.engine.catalogue.operators.pop("parcel.deliver")
    assert drop
    with pytest.raises(Exception, match=r"parcel\.deliver"):
        room.engine.cases.complete(task, clerk.actor, {"remark": "x"})
    after = room.row(customer.case)
    assert (after.blob, after.steps) == (before.blob, before.steps)
    assert room.kinds(customer.case)[-1] in {"step.broken", "task.claimed"}
    assert room.breaks_chain(customer.case) is None


def test_no_job_row_outlives_its_case(room, approved):
    room.works()
    with room.engine.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(JobRow)) == 0


def test_a_worker_does_not_mind_a_case_that_was_erased(room, approved):
    (job,) = room.jobs()
    with room.engine.database.transaction() as session:
        session.execute(delete(JobRow))
    assert room.engine.jobs.run(job.case_id, job.task_id) == "gone"
    assert Actor("system", "worker").label == "system:worker"
