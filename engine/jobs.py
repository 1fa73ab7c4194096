"""Jobs: service tasks that take long or reach outside, and everything that happens by itself.

The queue (Procrastinate, on the same PostgreSQL) only wakes a worker; the ``job`` row says what is to be
done, and it is written and removed in the same transaction as the state. So a queue entry that comes
twice, late or for nothing does no harm, and one that is lost is found by the sweep.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import procrastinate
import structlog
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from engine import clock
from engine.access import may_see_case
from engine.cases import Cases
from engine.errors import EngineError, NotYours, TaskGone
from engine.operators import Actor, JobCall, Operator, OperatorError, RetryLater
from engine.steps import OpenCase, Stepper, facts_of
from engine.store.database import Database
from engine.store.journal import JournalEntry
from engine.store.tables import CaseRow, JobRow
from engine.sweep import Sweep

log = structlog.get_logger("engine.jobs")

#: Seconds a worker may be silent before its jobs are given to another.
STALLED_SECONDS = 30.0
WORKER = Actor("system", "worker")
#: Stands in for an operator that this worker does not know: the job waits for a person.
_UNKNOWN = Operator("unknown", lambda: None, {}, job=True, attempts=1)


class Queue:
    """The queue as seen by those who only put things into it."""

    def __init__(self, url: str) -> None:
        self._app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=url))

    def defer(
        self, session: Session, name: str, *, lock: str | None = None, seconds: float = 0, **ids: Any
    ) -> None:
        """Put a job into the queue in the session's own transaction.

        :param lock: jobs of one lock run one after another.
        :param seconds: real seconds from now before it runs.
        :param ids: ids only; nothing personal goes through the queue.
        """
        connection = session.connection().connection.driver_connection
        options: dict[str, Any] = {"queue": "cases", "connection": connection}
        if lock:
            options["lock"] = lock
        if seconds > 0:
            options["schedule_in"] = {"seconds": round(seconds, 3)}
        self._app.configure_task(name, **options).defer(**ids)

    @staticmethod
    def queued(session: Session, name: str, argument: str = "case_id") -> set[str]:
        """Return for which ids a job is in the queue or at work: what a sweep need not put there again."""
        waiting = text(
            "select q.args->>:argument from procrastinate_jobs q "
            "where q.status in ('todo', 'doing') and q.task_name = :name"
        )
        return set(session.scalars(waiting, {"name": name, "argument": argument}))


@dataclass
class _Failure:
    text: str
    code: str | None = None
    retry: bool = False
    seconds: float | None = None


class Jobs:
    """Runs jobs and sweeps; the worker's half of the engine."""

    def __init__(self, database: Database, stepper: Stepper, cases: Cases) -> None:
        self._database = database
        self._stepper = stepper
        self._sweep = Sweep(database, stepper, cases)

    # -- one job ------------------------------------------------------------------------------------

    def run(self, case_id: UUID, task_id: UUID) -> str:
        """Run the job of one service task; return what became of it, for the log.

        Safe to call twice: the operator gets the same key both times, and a task that is no longer
        waiting for its result is left alone.
        """
        with self._database.reading() as session:
            job = session.get(JobRow, task_id)
            if job is None or job.state != "waiting":
                return "gone"
            row = session.get(CaseRow, case_id)
            if row is None:
                return "gone"
            try:
                opened = self._stepper.open_row(session, row, WORKER)
            except TaskGone:
                return "gone"
            task = self._started(opened, task_id)
            if task is None:
                return "gone"
            call = JobCall(
                str(task_id),
                facts_of(row),
                opened.key,
                dict(task.data),
                job.attempts + 1,
                self._stepper.around(),
            )
            name = job.operator
        began = time.monotonic()
        try:
            operator = self._stepper.catalogue.operator(name)
            result = dict(operator.function(call, **task.task_spec.parameters(task)) or {})
            outcome = self._finish(case_id, task_id, result)
        except OperatorError as no:
            outcome = self._fail(case_id, task_id, _Failure(no.text, no.code))
        except RetryLater as later:
            outcome = self._fail(case_id, task_id, _Failure(later.text, retry=True, seconds=later.seconds))
        except Exception as broken:
            # A worker must outlive one bad job; the job is retried and then shown to a person.
            log.exception("job broke", case=str(case_id), task=str(task_id), operator=name)
            outcome = self._fail(case_id, task_id, _Failure(f"{type(broken).__name__} in {name}", retry=True))
        took = round(time.monotonic() - began, 3)
        log.info("job", case=str(case_id), task=str(task_id), operator=name, outcome=outcome, seconds=took)
        return outcome

    @staticmethod
    def _started(opened: OpenCase, task_id: UUID) -> Task | None:
        task = opened.run.get_task_from_id(task_id)
        return task if task is not None and task.state == TaskState.STARTED else None

    def _finish(self, case_id: UUID, task_id: UUID, result: dict[str, Any]) -> str:
        with self._database.transaction() as session:
            found = self._lock(session, case_id, task_id)
            if found is None:
                return "late"
            opened, task = found
            task.data[task.task_spec.result_variable] = result
            opened.results[task.task_spec.name] = result
            task.complete()
            opened.run.trace.append(task.task_spec)
            opened.run.do_engine_steps()
            self._stepper.save(opened, "job.done", task)
            return "done"

    def _lock(self, session: Session, case_id: UUID, task_id: UUID) -> tuple[OpenCase, Task] | None:
        try:
            opened = self._stepper.lock(session, case_id, WORKER)
        except EngineError:
            return None
        task = self._started(opened, task_id)
        return None if task is None else (opened, task)

    def _fail(self, case_id: UUID, task_id: UUID, failure: _Failure) -> str:
        with self._database.transaction() as session:
            found = self._lock(session, case_id, task_id)
            job = session.get(JobRow, task_id)
            if found is None or job is None:
                return "late"
            opened, task = found
            operator = self._stepper.catalogue.operators.get(job.operator, _UNKNOWN)
            attempts = job.attempts + 1
            if failure.retry and attempts < operator.attempts:
                pause = failure.seconds or operator.pause(attempts).total_seconds()
                job.attempts, job.problem = attempts, failure.text
                job.due_at = opened.now + timedelta(seconds=pause)
                self._stepper.defer_job(session, opened.row, task_id, operator.name, pause)
                return "retry"
            code = failure.code or (operator.errors[0] if operator.errors else None)
            if code is not None and self._catch(opened, task, code, failure.text):
                self._stepper.save(opened, "job.failed", task, problem={"code": code, "text": failure.text})
                return "error"
            job.state, job.attempts, job.problem = "incident", attempts, failure.text
            entry = JournalEntry(
                "job.incident", WORKER.label, {"element": task.task_spec.name}, None, task_id
            )
            self._stepper.journal.write(session, opened.row, opened.key, [entry], opened.now)
            self._stepper.tell(session, opened.row, ["operator"])
            log.error("incident", case=str(case_id), task=str(task_id), operator=job.operator)
            return "incident"

    @staticmethod
    def _catch(opened: OpenCase, task: Task, code: str, words: str) -> bool:
        """Hand an error to the boundary event that waits for it; False when none does."""
        at = clock.shanghai(opened.now).isoformat(timespec="seconds")
        if not opened.run.fail(task, code, {"code": code, "text": words, "at": at}):
            return False
        opened.run.do_engine_steps()
        return True

    def retry(self, task_id: UUID, actor: Actor) -> None:
        """Let a member of staff try a job again that became an incident."""
        with self._database.transaction() as session:
            row = session.scalar(
                select(CaseRow)
                .join(JobRow, JobRow.case_id == CaseRow.id)
                .where(JobRow.task_id == task_id)
                .with_for_update(of=CaseRow)
            )
            job = session.get(JobRow, task_id)
            if row is None or job is None or job.state != "incident":
                raise TaskGone()
            if "operator" not in actor.roles or not may_see_case(row, actor):
                raise NotYours()
            job.state, job.attempts, job.due_at = "waiting", 0, clock.now()
            key = self._stepper.around().keyring.case_key(str(row.id), row.key)
            entry = JournalEntry("job.retried", actor.label, {"operator": job.operator}, None, task_id)
            self._stepper.journal.write(session, row, key, [entry], job.due_at)
            self._stepper.defer_job(session, row, task_id, job.operator)

    def sweep(self) -> dict[str, int]:
        """Do what is due by itself; see ``engine.sweep``."""
        return self._sweep.run()


Run = Callable[..., Any]


def worker_app(
    url: str,
    jobs: Jobs,
    more: Mapping[str, Run] | None = None,
    sweeps: Mapping[str, Run] | None = None,
    *,
    stalled_seconds: float = STALLED_SECONDS,
    every: int = 5,
) -> procrastinate.App:
    """Return the queue's application for a worker.

    :param more: further jobs by name, such as ``notices.deliver``; called with their ids.
    :param sweeps: what else happens by itself, by name; called every minute.
    :param stalled_seconds: how long a worker may be silent before its jobs are given to another.
    :param every: seconds between two sweeps, a divisor of 60.
    """
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, min_size=2, max_size=8))

    @app.task(name="engine.run_job", queue="cases")
    def run_job(case_id: str, task_id: str) -> None:
        jobs.run(UUID(case_id), UUID(task_id))

    @app.periodic(cron=f"*/{every} * * * * *")
    @app.task(name="engine.sweep", queue="sweep", queueing_lock="engine.sweep", pass_context=False)
    def sweep(timestamp: int) -> None:
        jobs.sweep()

    @app.periodic(cron=f"*/{every} * * * * *")
    @app.task(name="engine.stalled", queue="sweep", queueing_lock="engine.stalled")
    async def stalled(timestamp: int) -> None:
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=stalled_seconds):
            log.warning("a worker died over a job; it is given to another", job=job.id, name=job.task_name)
            await app.job_manager.retry_job(job)

    for name, function in (sweeps or {}).items():

        def once(timestamp: int, function: Run = function) -> None:
            function()

        registered = app.task(name=name, queue="sweep", queueing_lock=name)(once)
        app.periodic(cron="* * * * *", periodic_id=name)(registered)

    for name, function in (more or {}).items():
        again = procrastinate.RetryStrategy(max_attempts=8, exponential_wait=3)
        app.task(name=name, queue="cases", retry=again)(function)
    return app
