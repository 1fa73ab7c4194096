"""One step: one transaction under the case's lock.

    lock the case → load its state → (somebody acts) → run on → compact → save everything → commit

"Everything" is the state, the work items, the jobs, the journal and a notice to whoever listens, all in
the same transaction: either the step happened or it did not.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import structlog
from SpiffWorkflow.task import Task
from sqlalchemy import case as sql_case
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from engine import clock
from engine.diagrams import spiff, state
from engine.diagrams.driver import NoOperators, Run
from engine.errors import TaskGone, UnknownCase
from engine.operators import Actor, CaseFacts, Catalogue, Step, Surroundings
from engine.releases import Release, Releases
from engine.store.journal import Journal, JournalEntry
from engine.store.sealing import CaseKey
from engine.store.tables import CaseRow, JobRow, WorkItemRow
from forms.expressions import compile_expression

log = structlog.get_logger("engine")

BLOB = "case.blob"
#: The channel of live events; the payload holds ids only.
CHANNEL = "kaihu"

Defer = Callable[..., None]


def facts_of(row: CaseRow) -> CaseFacts:
    """Return what operators and checks may know of a case."""
    return CaseFacts(
        id=row.id,
        type=row.type,
        category=row.category,
        company=row.company,
        branch=row.branch,
        owner=row.owner,
        number=row.number,
        state=row.state,
        opened_at=row.opened_at,
        flags=list(row.flags),
    )


def seal_over(run: Run, data: Mapping[str, Any]) -> bytes:
    """Return the blob of a case that has ended: what was answered and who did it, and no tasks."""
    return orjson.dumps({"v": state.VERSION, "over": True, "doers": run.doers, "data": data})


def data_when_over(blob: bytes) -> dict[str, Any] | None:
    """Return the data of a case that has ended, or None for one under way."""
    stored = orjson.loads(blob)
    return dict(stored["data"]) if stored.get("over") else None


@dataclass
class OpenCase:
    """A case in the hands of one step."""

    session: Session
    row: CaseRow
    key: CaseKey
    release: Release
    run: Run
    actor: Actor
    now: datetime
    entries: list[JournalEntry] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    people_before: set[UUID] = field(default_factory=set)
    jobs_before: set[UUID] = field(default_factory=set)
    #: task done in this step: id → outcome
    done: dict[UUID, str] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """Return the data of the task that is furthest on."""
        live = self.run.people() or self.run.jobs() or self.run.live()
        return dict(live[0].data) if live else dict(self.run.data)


class _StepHost:
    """Runs inline operators inside the step they belong to."""

    def __init__(self, stepper: "Stepper", opened: OpenCase) -> None:
        self._stepper = stepper
        self._open = opened

    def run_operator(self, spec: spiff.OperatorTask, task: Task) -> Mapping[str, Any] | None:
        operator = self._stepper.catalogue.operator(spec.operation_name)
        if operator.job:
            return None
        opened = self._open
        facts = facts_of(opened.row)
        step = Step(
            opened.session, facts, opened.key, task.data, opened.actor, opened.now, self._stepper.around(),
            self._stepper.deferring(opened.session), task.id,
        )  # fmt: skip
        result = dict(operator.function(step, **spec.parameters(task)) or {})
        opened.row.number = facts.number
        opened.results[spec.name] = result
        return result


class Stepper:
    """Opens cases for a step and saves them after it.

    :param around: gives the surroundings of operators, with the parameters of the moment.
    :param defer: ``defer(session, task_name, lock=…, at=…, **ids)`` puts a job into the queue, in the
        session's transaction.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        releases: Releases,
        journal: Journal,
        around: Callable[[], Surroundings],
        defer: Defer,
    ) -> None:
        self.catalogue = catalogue
        self.releases = releases
        self.journal = journal
        self.around = around
        self._defer = defer

    def deferring(self, session: Session) -> Callable[..., None]:
        """Return a defer bound to one transaction."""

        def defer(task_name: str, **ids: Any) -> None:
            self._defer(session, task_name, **ids)

        return defer

    def open_row(self, session: Session, row: CaseRow, actor: Actor) -> OpenCase:
        """Open a case whose row the session has locked."""
        key = self.around().keyring.case_key(str(row.id), row.key)
        release = self.releases.get(row.release_id)
        blob = key.open(row.blob, BLOB)
        if data_when_over(blob) is not None:
            raise TaskGone("the case has ended")
        run = state.load(blob, release.diagram(row.type), NoOperators())
        opened = OpenCase(session, row, key, release, run, actor, clock.now())
        run.host = _StepHost(self, opened)
        opened.people_before = {t.id for t in run.people()}
        opened.jobs_before = {t.id for t in run.jobs()}
        return opened

    def open_new(
        self, session: Session, row: CaseRow, key: CaseKey, release: Release, actor: Actor
    ) -> OpenCase:
        """Open a case that is being started."""
        run = Run(release.diagram(row.type), NoOperators())
        opened = OpenCase(session, row, key, release, run, actor, clock.now())
        run.host = _StepHost(self, opened)
        return opened

    def lock(self, session: Session, case_id: UUID, actor: Actor) -> OpenCase:
        """Lock a case and open it, or raise UnknownCase."""
        row = session.scalar(select(CaseRow).where(CaseRow.id == case_id).with_for_update())
        if row is None:
            raise UnknownCase()
        return self.open_row(session, row, actor)

    def save(self, opened: OpenCase, kind: str, task: Task | None = None, **sealed: Any) -> None:
        """Write everything the step changed.

        :param kind: the journal's word for what happened.
        :param task: the task that was acted on.
        :param sealed: what the journal keeps sealed, besides the results of operators.
        """
        # One UPDATE of the case, at the end: its journal head is known only then.
        with opened.session.no_autoflush:
            self._write(opened, kind, task, sealed)
        opened.session.flush()
        lanes = sorted({str(self._lane(t)) for t in opened.run.people()})
        self.tell(opened.session, opened.row, lanes)

    def _write(self, opened: OpenCase, kind: str, task: Task | None, sealed: Mapping[str, Any]) -> None:
        run, row, session = opened.run, opened.row, opened.session
        people = {t.id: t for t in run.people()}
        jobs = {t.id: t for t in run.jobs()}
        row.steps += 1
        row.changed_at = opened.now
        over = run.is_completed()
        row.state = self._state(opened) or row.state
        row.flags = flags_in(opened.data())
        started = [
            t for i, t in (people | jobs).items() if i not in opened.people_before | opened.jobs_before
        ]
        if over:
            row.closed_at, row.open_key, row.next_due = opened.now, None, None
            row.blob = opened.key.seal(seal_over(run, dict(run.data)), BLOB)
        else:
            state.compact(run)
            row.next_due = self._next_due(run)
            row.blob = opened.key.seal(state.dump(run), BLOB)
        self._save_work_items(opened, people)
        self._save_jobs(opened, [jobs[i] for i in jobs.keys() - opened.jobs_before])
        if gone := opened.jobs_before - jobs.keys():
            session.execute(delete(JobRow).where(JobRow.task_id.in_(gone)))
        facts = {
            "ended": [s.name for s in run.trace if getattr(s, "bpmn_id", None)],
            "started": [t.task_spec.name for t in started],
            "state": row.state,
        }
        if task is not None:
            facts["element"] = task.task_spec.name
        kept = {k: v for k, v in sealed.items() if v is not None}
        if opened.results:
            kept["results"] = opened.results
        entry = JournalEntry(kind, opened.actor.label, facts, kept or None, None if task is None else task.id)
        self.journal.write(session, row, opened.key, [entry, *opened.entries], opened.now)
        log.info("step", case=str(row.id), kind=kind, task=facts.get("element"), state=row.state, over=over)

    def tell(self, session: Session, row: CaseRow, lanes: list[str]) -> None:
        """Wake whoever listens to this case, once the transaction is committed."""
        payload = {"case": str(row.id), "owner": row.owner, "branch": row.branch, "lanes": lanes}
        session.execute(select(func.pg_notify(CHANNEL, orjson.dumps(payload).decode())))

    def tell_page(self, session: Session, case: CaseFacts, task_id: UUID) -> None:
        """Wake the owner's open page of one task, once the transaction is committed."""
        payload = {"case": str(case.id), "owner": case.owner, "branch": case.branch, "task": str(task_id)}
        session.execute(select(func.pg_notify(CHANNEL, orjson.dumps(payload).decode())))

    def _state(self, opened: OpenCase) -> str | None:
        """Return the application state the diagram gives: of a live element, else of the end reached."""
        run = opened.run
        for task in [*run.people(), *run.jobs()]:
            text = spiff.properties(task.task_spec).get("state")
            if text:
                found = compile_expression(text).evaluate({**task.data, "number": opened.row.number})
                return str(found) if found else None
        if run.is_completed():
            for spec in reversed(run.trace):
                text = spiff.properties(spec).get("state")
                if text:
                    return text.strip("'\"")
        return None

    @staticmethod
    def _lane(task: Task) -> str:
        return spiff.properties(task.task_spec).get("lane") or task.task_spec.lane or "customer"

    @staticmethod
    def _next_due(run: Run) -> datetime | None:
        due = [
            datetime.fromisoformat(t.internal_data["event_value"])
            for t in run.event_manager.tasks.values()
            if isinstance(t.task_spec.event_definition, spiff.BusinessTimer)
            and "event_value" in t.internal_data
        ]
        return min(due, default=None)

    def _save_work_items(self, opened: OpenCase, people: Mapping[UUID, Task]) -> None:
        gone = opened.people_before - people.keys()
        if gone:
            outcome = sql_case(
                opened.done, value=WorkItemRow.id, else_="cancelled"
            ) if opened.done else "cancelled"  # fmt: skip
            opened.session.execute(
                update(WorkItemRow)
                .where(WorkItemRow.id.in_(gone))
                .values(closed_at=opened.now, closed_by=opened.actor.label, outcome=outcome)
            )
        fresh = [self._work_item(opened, t) for i, t in people.items() if i not in opened.people_before]
        if fresh:
            opened.session.execute(insert(WorkItemRow), fresh)

    def _work_item(self, opened: OpenCase, task: Task) -> dict[str, Any]:
        known = spiff.properties(task.task_spec)
        idle = known.get("idleStarted") if opened.row.state == "started" else None
        idle = idle or known.get("idle")
        due = known.get("due")
        return {
            "id": task.id,
            "case_id": opened.row.id,
            "element": task.task_spec.name,
            "lane": self._lane(task),
            "form": known.get("form", ""),
            "branch": opened.row.branch,
            "owner": opened.row.owner,
            "opened_at": opened.now,
            "due_at": self.around().due(opened.now, spiff.duration(due)) if due else None,
            "idle_at": opened.now + spiff.duration(idle) if idle else None,
            "idle_message": known.get("idleMessage", "expire") if idle else None,
        }

    def _save_jobs(self, opened: OpenCase, tasks: list[Task]) -> None:
        if not tasks:
            return
        rows = []
        for task in tasks:
            name = task.task_spec.operation_name
            rows.append(
                {
                    "task_id": task.id,
                    "case_id": opened.row.id,
                    "operator": name,
                    "state": "waiting",
                    "attempts": 0,
                    "due_at": opened.now,
                    "opened_at": opened.now,
                }
            )
        opened.session.execute(insert(JobRow), rows)
        for row in rows:
            self.defer_job(opened.session, opened.row, row["task_id"], row["operator"])

    def defer_job(
        self, session: Session, row: CaseRow, task_id: UUID, operator: str, seconds: float = 0
    ) -> None:
        """Put one service task into the queue, in the session's transaction."""
        known = self.catalogue.operators.get(operator)
        lock = f"owner:{row.owner}" if known is not None and known.lock == "owner" else None
        self._defer(
            session, "engine.run_job", lock=lock, seconds=seconds, case_id=str(row.id), task_id=str(task_id)
        )


def flags_in(data: Mapping[str, Any]) -> list[str]:
    """Collect the flags that answers and results carry, each once, in order."""
    found: dict[str, None] = {}
    for value in data.values():
        if isinstance(value, dict) and isinstance(value.get("flags"), list):
            found.update(dict.fromkeys(str(f) for f in value["flags"]))
    return list(found)


def as_json(facts: CaseFacts) -> dict[str, Any]:
    """Return case facts as plain JSON."""
    return {**asdict(facts), "id": str(facts.id), "opened_at": facts.opened_at.isoformat()}
