"""Runs a diagram: flat scans instead of walks over a tree, and a budget of steps.

The library walks its task tree at every turn, stops looking at depth 1000 and then calls a case
completed that still waits for somebody. After compaction (``engine.diagrams.state``) a case has few
tasks, so looking at all of them is both right and quick.
"""

import time
from collections.abc import Mapping
from typing import Any, Protocol

import SpiffWorkflow.task as spiff_task
from SpiffWorkflow.bpmn import BpmnEvent, BpmnWorkflow
from SpiffWorkflow.bpmn.specs.event_definitions import ErrorEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.diagrams.spiff import CLOSED_ENGINE, OperatorTask, ParsedDiagram
from engine.errors import Runaway

#: Automatic steps in one go; more is a diagram that never waits.
STEP_BUDGET = 2000

#: Processes called within each other; deeper is a diagram that calls itself.
DEEPEST = 30

LIVE = TaskState.READY | TaskState.WAITING | TaskState.STARTED
#: What the library only guesses will come.
UNSTORED = TaskState.PREDICTED_MASK | TaskState.FUTURE


class Host(Protocol):
    """What a running diagram needs from outside."""

    def run_operator(self, spec: OperatorTask, task: Task) -> Mapping[str, Any] | None:
        """Return an inline operator's result, or None when the operator is a job."""


class NoOperators:
    """A host for looking at a case without running it on."""

    def run_operator(self, spec: OperatorTask, task: Task) -> Mapping[str, Any] | None:
        """Leave every operator for later."""
        return None


#: The library's own bookkeeping of a state change; the benches put it back to measure against it.
library_set_state = spiff_task.Task._set_state


def _set_state(self: Task, value: int) -> None:
    if value != self._state:
        self.last_state_change = time.time()
        self._state = value


def _inherit_data(self: Task) -> None:
    if self.data:
        _library_inherit_data(self)
    else:
        self.data = dict(self.parent.data)


_library_inherit_data = spiff_task.Task._inherit_data
# Merging into nothing is copying; the library walks every value to find that out.
spiff_task.Task._inherit_data = _inherit_data
# The library builds a log record's extras at every state change, whatever the level: a fifth to a
# third of what a step costs.
spiff_task.Task._set_state = _set_state


class _Flat:
    """Scans of one (sub)process over a dict of few tasks."""

    tasks: dict[Any, Task]
    completed: bool

    def update_waiting_tasks(self) -> None:
        for task in [t for t in self.tasks.values() if t._state == TaskState.WAITING]:
            if task.id in self.tasks:
                task.task_spec._update(task)

    def is_completed(self) -> bool:
        if not self.completed and not any(
            t._state & TaskState.NOT_FINISHED_MASK for t in self.tasks.values()
        ):
            self.completed = True
        return self.completed

    def run_ready(self, trace: list[Any]) -> int:
        """Run every automatic task that is ready; return how many ran."""
        count = 0
        ready = [t for t in self.tasks.values() if t._state == TaskState.READY and not t.task_spec.manual]
        for task in ready:
            if task._state == TaskState.READY and task.id in self.tasks:
                if not task._children:
                    # The library has guessed nothing beyond an event that comes as soon as it is waited for.
                    task.task_spec._predict(task, mask=UNSTORED | TaskState.READY)
                task.run()
                count += 1
                if task._state == TaskState.COMPLETED:
                    trace.append(task.task_spec)
        return count


class SubRun(_Flat, BpmnSubWorkflow):  # type: ignore[misc]
    """A called or embedded process under way."""


class Run(_Flat, BpmnWorkflow):  # type: ignore[misc]
    """One case's diagram under way.

    Besides what the library keeps: ``trail``, the customer pages done, as paths of element ids (上一步
    goes back along it); ``doers``, who completed each user task last (four eyes); ``trace``, the specs
    that ended during this step, for the journal.
    """

    def __init__(self, diagram: ParsedDiagram, host: Host, *, deserializing: bool = False) -> None:
        self.diagram = diagram
        self.host = host
        self.trail: list[list[str]] = []
        self.doers: dict[str, str] = {}
        self.trace: list[Any] = []
        super().__init__(
            diagram.spec, dict(diagram.called), script_engine=CLOSED_ENGINE, deserializing=deserializing
        )

    def create_subprocess(self, my_task: Task, spec_name: str) -> SubRun:
        if my_task.workflow.depth >= DEEPEST:
            raise Runaway(f"{DEEPEST} processes called within each other")
        made = SubRun(self.subprocess_specs[spec_name], parent_task_id=my_task.id, top_workflow=self)
        self.subprocesses[my_task.id] = made
        return made

    def do_engine_steps(self, will_complete_task: Any = None, did_complete_task: Any = None) -> None:
        """Run on until only people, jobs and events are waited for, or raise Runaway."""
        done = 0
        while True:
            active = [s for s in self.subprocesses.values() if not s.completed]
            count = 0
            for sub in sorted(active, key=lambda s: -s.depth):
                while ran := sub.run_ready(self.trace):
                    count += ran
                    if done + count > STEP_BUDGET:
                        break
                parent = self.get_task_from_id(sub.parent_task_id)
                if parent is not None:
                    parent.task_spec._update(parent)
            count += self.run_ready(self.trace)
            done += count
            if done > STEP_BUDGET:
                raise Runaway(f"{done} automatic steps without waiting for anybody")
            if count or sum(not s.completed for s in self.subprocesses.values()) > len(active):
                continue
            if not self.refresh_timers():
                break

    def refresh_timers(self) -> int:
        """Let timers whose moment has come become ready; return how many did."""
        fired = 0
        for task in list(self.event_manager.tasks.values()):
            if (
                isinstance(task.task_spec.event_definition, TimerEventDefinition)
                and task.id in task.workflow.tasks
            ):
                task.task_spec._update(task)
                fired += task._state == TaskState.READY
        return fired

    def get_task_from_id(self, task_id: Any) -> Task | None:
        found = self.tasks.get(task_id)
        if found is None:
            for sub in self.subprocesses.values():
                found = sub.tasks.get(task_id)
                if found is not None:
                    break
        return found

    def parts(self) -> list[Any]:
        """Return this run and every called or embedded one that is not finished."""
        return [self, *(s for s in self.subprocesses.values() if not s.completed)]

    def live(self, state: int = LIVE) -> list[Task]:
        """Return the tasks that are ready, waiting or started, outermost first."""
        return [t for part in self.parts() for t in part.tasks.values() if t._state & state]

    def people(self) -> list[Task]:
        """Return the tasks that wait for a person."""
        return [t for t in self.live(TaskState.READY) if t.task_spec.manual]

    def jobs(self) -> list[Task]:
        """Return the tasks whose operator runs as a job."""
        return [t for t in self.live(TaskState.STARTED) if isinstance(t.task_spec, OperatorTask)]

    def fail(self, task: Task, code: str, problem: Mapping[str, Any] | None = None) -> bool:
        """Hand an error to the boundary event nearest around ``task``; False when none waits for it.

        The library would hand it to every boundary event of the same process that waits for this code,
        those of other tasks too.

        :param problem: what the way from the boundary event on finds under ``problem``.
        """
        around: Task | None = task
        while around is not None:
            for event in around.parent.children:
                definition = getattr(event.task_spec, "event_definition", None)
                if (
                    event._state == TaskState.WAITING
                    and isinstance(definition, ErrorEventDefinition)
                    and definition.code in (None, "", code)
                ):
                    if problem is not None:
                        event.data = {**event.data, "problem": dict(problem)}
                    event.task_spec.catch(event, BpmnEvent(type(definition)(definition.name, code=code)))
                    event.task_spec._update(event)
                    return True
            around = self.get_task_from_id(around.workflow.parent_task_id)
        return False

    def path(self, task: Task) -> list[str]:
        """Return where a task stands: ids of the elements around it, outermost first, and its own."""
        found = [task.task_spec.name]
        workflow = task.workflow
        while workflow.parent_task_id is not None:
            parent = self.get_task_from_id(workflow.parent_task_id)
            if parent is None:
                break
            found.insert(0, parent.task_spec.name)
            workflow = parent.workflow
        return found
