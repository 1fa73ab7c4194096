"""What happens by itself: timers that come due, pages left lying, jobs that got lost.

Each sweep looks at what stands in the database and not at what was announced, so that nothing is missed
because a process was down. One case that cannot go on never holds up the others.
"""

from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError

from engine import clock
from engine.cases import Cases
from engine.operators import SYSTEM
from engine.steps import Stepper
from engine.store.database import Database
from engine.store.journal import JournalEntry
from engine.store.tables import CaseRow, WorkItemRow

log = structlog.get_logger("engine.sweep")

#: Seconds after which a job without a queue entry is put into the queue again.
LOST_SECONDS = 20.0
#: Cases taken in one sweep.
SWEEP = 100
#: How long a case whose diagram broke is left alone by the sweep.
PUT_OFF = timedelta(minutes=10)


class Sweep:
    """One look at everything that may be due."""

    def __init__(self, database: Database, stepper: Stepper, cases: Cases) -> None:
        self._database = database
        self._stepper = stepper
        self._cases = cases

    def run(self) -> dict[str, int]:
        """Fire timers, end what lay idle too long, and put lost jobs back into the queue."""
        return {"timers": self._fire_timers(), "idle": self._expire(), "lost": self._find_lost()}

    def _fire_timers(self) -> int:
        fired = 0
        due = (
            select(CaseRow.id).where(CaseRow.next_due <= clock.now()).order_by(CaseRow.next_due).limit(SWEEP)
        )
        with self._database.reading() as session:
            ids = list(session.scalars(due))
        for case_id in ids:
            try:
                fired += self._fire(case_id)
            except OperationalError:
                raise
            except Exception as broken:
                # One broken diagram must not hold up the timers of every other case.
                log.exception("a timer broke", case=str(case_id))
                self._put_off(case_id, broken)
        return fired

    def _fire(self, case_id: UUID) -> int:
        with self._database.transaction() as session:
            row = session.scalar(
                select(CaseRow)
                .where(CaseRow.id == case_id, CaseRow.next_due <= clock.now())
                .with_for_update(skip_locked=True)
            )
            if row is None:
                return 0
            opened = self._stepper.open_row(session, row, SYSTEM)
            opened.run.refresh_timers()
            opened.run.do_engine_steps()
            self._stepper.save(opened, "timer.fired")
            return 1

    def _put_off(self, case_id: UUID, error: Exception) -> None:
        with self._database.transaction() as session:
            row = session.scalar(select(CaseRow).where(CaseRow.id == case_id).with_for_update())
            if row is None:
                return
            row.next_due = clock.now() + PUT_OFF
            key = self._stepper.around().keyring.case_key(str(row.id), row.key)
            entry = JournalEntry("step.broken", SYSTEM.label, {"error": type(error).__name__})
            self._stepper.journal.write(session, row, key, [entry], clock.now())

    def _expire(self) -> int:
        idle = (
            select(WorkItemRow.case_id, WorkItemRow.idle_message)
            .where(WorkItemRow.idle_at <= clock.now(), WorkItemRow.closed_at.is_(None))
            .order_by(WorkItemRow.idle_at)
            .limit(SWEEP)
        )
        with self._database.reading() as session:
            found = [(case_id, name) for case_id, name in session.execute(idle)]
        expired = 0
        for case_id, name in found:
            try:
                self._cases.message(case_id, name or "expire", SYSTEM, if_idle=True)
                expired += 1
            except OperationalError:
                raise
            except Exception as refused:
                log.error("idle case stays", case=str(case_id), message=name, error=type(refused).__name__)
                self._ask_later(case_id)
        return expired

    def _ask_later(self, case_id: UUID) -> None:
        """Put off what a case refused, so that it does not stand before those that can expire."""
        with self._database.transaction() as session:
            session.execute(
                update(WorkItemRow)
                .where(
                    WorkItemRow.case_id == case_id,
                    WorkItemRow.closed_at.is_(None),
                    WorkItemRow.idle_at <= clock.now(),
                )
                .values(idle_at=clock.now() + PUT_OFF)
            )

    def _find_lost(self) -> int:
        """Level-triggered: whatever waits and is in no queue is put into the queue again."""
        lost = text(
            "select j.task_id, j.case_id, j.operator from job j "
            "where j.state = 'waiting' and j.due_at < :since and not exists ("
            "select 1 from procrastinate_jobs q where q.status in ('todo', 'doing') "
            "and q.task_name = 'engine.run_job' and q.args->>'task_id' = j.task_id::text) limit :most"
        )
        with self._database.transaction() as session:
            since = clock.now() - timedelta(seconds=LOST_SECONDS)
            rows = session.execute(lost, {"since": since, "most": SWEEP}).all()
            for task_id, case_id, operator in rows:
                row = session.get(CaseRow, case_id)
                if row is not None:
                    self._stepper.defer_job(session, row, task_id, operator)
                    log.warning("job put back into the queue", case=str(case_id), task=str(task_id))
        return len(rows)
