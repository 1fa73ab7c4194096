"""Two in the same moment: exactly one wins, the other is told so, nothing is lost and nothing done twice."""

import multiprocessing
import threading
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from engine import AlreadyClaimed, TaskGone, clock
from engine.store import Keyring
from engine.store.tables import CaseRow, EffectRow
from forms import AnswersRejected
from tests.engine_room import Room

ROUNDS = 6


def together(*deeds):
    """Do several things in the same moment; return what each returned or raised."""
    ready = threading.Barrier(len(deeds))
    found: list[object] = [None] * len(deeds)

    def do(place, deed):
        ready.wait()
        try:
            found[place] = deed()
        except Exception as refused:
            found[place] = refused

    threads = [threading.Thread(target=do, args=pair) for pair in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def one_won(found, *losing) -> bool:
    lost = [f for f in found if isinstance(f, losing)]
    broken = [f for f in found if isinstance(f, Exception) and not isinstance(f, losing)]
    assert broken == []
    return len(lost) == len(found) - 1


def test_a_page_sent_twice_at_once_counts_once(shared):
    customer = shared.customer()
    customer.starts()
    for number in range(ROUNDS):
        task = customer.task
        posts = [{"paper": f"{number}{side}"} for side in "ab"]
        deeds = [partial(shared.engine.cases.complete, task, customer.actor, post) for post in posts]
        found = together(*deeds)
        assert one_won(found, TaskGone)
        won = posts[0] if isinstance(found[1], TaskGone) else posts[1]
        assert shared.data(customer.case)["papers"] == won
        customer.goes_back()
    assert shared.kinds(customer.case).count("task.completed") == ROUNDS
    assert shared.breaks_chain(customer.case) is None


def test_sending_and_going_back_at_once_is_one_or_the_other(shared):
    customer = shared.customer()
    customer.starts()
    customer.answers(paper="passport")
    for _ in range(ROUNDS):
        task = customer.task
        found = together(
            partial(shared.engine.cases.complete, task, customer.actor, {"wish": "a book"}),
            partial(shared.engine.cases.back, task, customer.actor, {"wish": "a bo"}),
        )
        assert one_won(found, TaskGone)
        if isinstance(found[0], TaskGone):
            customer.answers(paper="passport")
        else:
            shared.reviewer().decides("return", note="only the wish")
    assert shared.breaks_chain(customer.case) is None


def test_two_reviewers_who_claim_at_once_do_not_both_get_it(shared):
    customer = shared.customer()
    customer.submits()
    first, second = shared.reviewer("liufang"), shared.reviewer("chenjing")
    task = first.sees()[0].task_id
    for _ in range(ROUNDS):
        found = together(
            lambda: shared.engine.cases.claim(task, first.actor),
            lambda: shared.engine.cases.claim(task, second.actor),
        )
        assert one_won(found, AlreadyClaimed)
        winner = first if isinstance(found[1], AlreadyClaimed) else second
        assert first.sees()[0].claimed_by == winner.actor.label
        shared.engine.cases.release(task, winner.actor)


def test_withdrawing_and_claiming_at_once_is_one_or_the_other(shared):
    for number in range(ROUNDS):
        customer = shared.customer(f"c{number}")
        customer.submits()
        reviewer = shared.reviewer()
        task = reviewer.sees()[0].task_id
        found = together(
            partial(shared.engine.cases.message, customer.case.id, "withdraw", customer.actor),
            partial(shared.engine.cases.claim, task, reviewer.actor),
        )
        assert sum(isinstance(f, Exception) for f in found) == 1
        if customer.state == "in_review":
            shared.engine.cases.complete(task, reviewer.actor, {"decision": "no"})
        else:
            assert customer.state == "withdrawn"


def test_two_starts_at_once_are_one_case(shared):
    """R-211."""
    for number in range(ROUNDS):
        found = together(*[shared.customer(f"s{number}").starts] * 4)
        assert not [f for f in found if isinstance(f, Exception)]
        assert len({case.id for case in found}) == 1


def test_a_voucher_sent_by_two_at_once_counts_once(shared):
    """What a check found free is consumed again inside the step."""
    people = [shared.customer(f"v{number}") for number in range(4)]
    for person in people:
        person.starts()
        person.answers(paper="passport")
    voucher = f"V{shared.prefix}"
    posts = [lambda p=p: p.answers(wish="a book", voucher=voucher) for p in people]
    assert one_won(together(*posts), AnswersRejected)
    with shared.engine.database.reading() as session:
        used = select(func.count()).select_from(EffectRow).where(EffectRow.key == f"voucher:{voucher}")
        assert session.scalar(used) == 1


def test_a_rejected_page_consumes_nothing(shared):
    customer = shared.customer()
    customer.starts()
    customer.answers(paper="passport")
    with pytest.raises(AnswersRejected):
        customer.answers(wish="", voucher=f"W{shared.prefix}")
    customer.answers(wish="a book", voucher=f"W{shared.prefix}")


def test_a_job_run_by_two_workers_at_once_is_done_once(room):
    customer = room.customer()
    customer.submits()
    room.reviewer().decides("approve")
    (job,) = room.jobs()
    found = together(*[lambda: room.engine.jobs.run(job.case_id, job.task_id)] * 4)
    assert found.count("done") == 1
    assert set(found) <= {"done", "late", "gone"}
    assert len(room.delivery.arrived) == 1
    assert room.kinds(customer.case).count("job.done") == 1


def test_timers_swept_by_two_workers_at_once_fire_once(room):
    """Two workers in one second: the second passes over the case the first holds."""
    people = [room.customer(f"t{number}") for number in range(5)]
    for person in people:
        person.starts()
        person.answers(paper="passport")
    with room.engine.database.transaction() as session:
        session.execute(text("update work_item set idle_at = :at"), {"at": clock.now()})
    found = together(*[room.engine.jobs.sweep] * 3)
    assert sum(f["idle"] for f in found) == len(people)
    for person in people:
        assert room.kinds(person.case).count("message.expire") == 1


def test_many_steps_of_many_cases_at_once(shared):
    def go(number):
        def deed():
            customer = shared.customer(f"m{number}")
            customer.submits()
            for _ in range(3):
                customer.case = shared.engine.cases.of(customer.case.id, customer.actor)
                reviewer = shared.reviewer(f"r{number}")
                mine = [r for r in reviewer.sees() if r.case_id == customer.case.id]
                shared.engine.cases.claim(mine[0].task_id, reviewer.actor)
                shared.engine.cases.complete(
                    mine[0].task_id, reviewer.actor, {"decision": "return", "note": "only the wish"}
                )
                customer.answers(wish="another")
            return customer

        return deed

    found = together(*map(go, range(6)))
    assert not [f for f in found if isinstance(f, Exception)]
    for customer in found:
        assert customer.state == "submitted"
        assert shared.breaks_chain(customer.case) is None


# -- two processes ------------------------------------------------------------------------------------


def _submit(url: str, files: Path, keyring: Keyring, case_tasks, actor, ready, told) -> None:
    room = Room(url, files, keyring)
    for task in case_tasks:
        # Both processes have read release and case once before the race begins.
        ready.wait(60)
        try:
            room.engine.cases.complete(task, actor, {"paper": multiprocessing.current_process().name})
            told.put((task, "done"))
        except Exception as refused:
            told.put((task, type(refused).__name__))
    room.engine.database.dispose()


def test_a_page_sent_from_two_processes_counts_once(house, tmp_path):
    shared = house.guests()
    tasks, cases = [], []
    for number in range(ROUNDS):
        customer = shared.customer()
        cases.append(customer.starts(key=str(number)))
        tasks.append(customer.task)
    spawn = multiprocessing.get_context("spawn")
    ready, told = spawn.Barrier(2), spawn.Queue()
    url = shared.engine.database.url
    given = (url, tmp_path, shared.engine.keyring, tasks, customer.actor, ready, told)
    children = [spawn.Process(target=_submit, args=given) for _ in range(2)]
    for child in children:
        child.start()
    found = [told.get(timeout=60) for _ in range(2 * ROUNDS)]
    for child in children:
        child.join(30)
    for task, case in zip(tasks, cases, strict=True):
        assert sorted(what for which, what in found if which == task) == ["TaskGone", "done"]
        assert shared.kinds(case).count("task.completed") == 1
        with shared.engine.database.reading() as session:
            assert session.get_one(CaseRow, case.id).steps == 2
