"""The state of a case: a small versioned blob, free of history and of the library's own format.

Only live tasks and what hangs between them are kept. History lies in the journal, specs in the
release; a task refers to its spec by name, so a library upgrade or a new release needs no conversion.
Predicted tasks are left out and predicted again on loading.

Without :func:`compact` the library's joins count a branch that finished in an earlier round, and a
second reviewer is skipped.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from SpiffWorkflow.bpmn.specs.control import BoundaryEventJoin, _EndJoin
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.specs.mixins.subworkflow_task import SubWorkflowTask
from SpiffWorkflow.specs.Join import Join as SpiffJoin
from SpiffWorkflow.spiff.specs.defaults import UserTask
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.diagrams.driver import LIVE, UNSTORED, Host, Run, SubRun
from engine.diagrams.spiff import OperatorTask, ParsedDiagram
from engine.errors import BlobRefused, NoWayBack

#: Version of the blob written now; ``load`` knows every one there ever was.
VERSION = 1

_SPLIT = ".BoundaryEventSplit"


def dump(run: Run) -> bytes:
    """Return a run as bytes; call :func:`compact` before."""
    return orjson.dumps(
        {
            "v": VERSION,
            "trail": run.trail,
            "doers": run.doers,
            "top": _dump_part(run),
            "subs": {
                str(task_id): {**_dump_part(sub), "spec": sub.spec.name}
                for task_id, sub in run.subprocesses.items()
                if not sub.completed
            },
        }
    )


def _dump_part(part: Any) -> dict[str, Any]:
    rows = []
    for task in part.tasks.values():
        if task._state & UNSTORED:
            continue
        parent = part.tasks.get(task._parent)
        changed, gone = _difference({} if parent is None else parent.data, task.data)
        rows.append(
            (
                str(task.id),
                None if parent is None else str(parent.id),
                task.task_spec.name,
                task._state,
                round(task.last_state_change, 3),
                task.triggered,
                task.internal_data,
                changed,
                gone,
            )
        )
    last = part.last_task
    return {
        "data": part.data,
        "done": part.completed,
        "ok": part.success,
        "last": None if last is None else str(last.id),
        "root": str(part.task_tree.id),
        "tasks": rows,
    }


def _difference(parent: dict[str, Any], data: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    changed = {k: v for k, v in data.items() if k not in parent or (parent[k] is not v and parent[k] != v)}
    return changed, [k for k in parent if k not in data]


def load(blob: bytes, diagram: ParsedDiagram, host: Host) -> Run:
    """Return the run that :func:`dump` wrote, on the diagram it belongs to.

    :raises BlobRefused: the version is unknown, or an element is not in the diagram.
    """
    stored = orjson.loads(blob)
    if stored.get("v") != VERSION:
        raise BlobRefused(f"a state of version {stored.get('v')!r}; this release reads {VERSION}")
    run = Run(diagram, host, deserializing=True)
    run.trail, run.doers = stored["trail"], stored["doers"]
    _load_part(run, stored["top"])
    waiting = dict(stored["subs"])
    stack: list[Any] = [run]
    while stack and waiting:
        part = stack.pop()
        for task in list(part.tasks.values()):
            if not isinstance(task.task_spec, SubWorkflowTask):
                continue
            row = waiting.pop(str(task.id), None)
            if row is None:
                continue
            spec = run.subprocess_specs.get(row["spec"])
            if spec is None:
                raise BlobRefused(f"the release has no process {row['spec']}")
            sub = SubRun(spec, task.id, run, deserializing=True)
            _load_part(sub, row)
            run.subprocesses[task.id] = sub
            sub.completed_event.connect(task.task_spec._on_subworkflow_completed, task)
            stack.append(sub)
    if waiting:
        raise BlobRefused("a called process belongs to no task")
    for part in [run, *run.subprocesses.values()]:
        for task in list(part.tasks.values()):
            if task._state & LIVE:
                _check_fit(task)
                task.task_spec._predict(task, mask=UNSTORED | task._state)
    return run


def _check_fit(task: Task) -> None:
    """Refuse a live task whose element is another kind of thing in this release, or has other events."""
    spec, part = task.task_spec, task.workflow
    kinds = {
        TaskState.READY: UserTask,
        TaskState.STARTED: OperatorTask | SubWorkflowTask,
        TaskState.WAITING: CatchingEvent | SpiffJoin,
    }
    if not isinstance(spec, kinds[task._state]):
        raise BlobRefused(f"in this release {spec.name} is another kind of element")
    split = part.spec.task_specs.get(spec.name + _SPLIT)
    if split is not None:
        events = {child.task_spec.name for child in task.parent.children}
        if task.parent.task_spec is not split or events != set(split._outputs):
            raise BlobRefused(f"in this release {spec.name} has other boundary events")


def _load_part(part: Any, row: Mapping[str, Any]) -> None:
    specs, tasks = part.spec.task_specs, part.tasks
    for task_id, parent_id, name, state, changed_at, triggered, internal, changed, gone in row["tasks"]:
        if name not in specs:
            raise BlobRefused(f"the release has no element {name}")
        task = Task.__new__(Task)
        task.id = UUID(task_id)
        task.workflow, task.task_spec = part, specs[name]
        task._children, task._state, task.triggered = [], state, triggered
        task.thread_id, task.last_state_change, task.internal_data = 0, changed_at, internal
        if parent_id is None:
            task._parent, task.data = None, changed
        else:
            task._parent = UUID(parent_id)
            parent = tasks[task._parent]
            parent._children.append(task.id)
            task.data = {k: v for k, v in parent.data.items() if k not in gone} | changed
        tasks[task.id] = task
        if state == TaskState.WAITING and isinstance(task.task_spec, CatchingEvent):
            part.top_workflow.event_manager.add_task(task)
    part.data, part.completed, part.success = row["data"], row["done"], row["ok"]
    part.last_task = tasks.get(UUID(row["last"])) if row["last"] else None
    part.task_tree = tasks[UUID(row["root"])]


def compact(run: Run) -> int:
    """Drop what is finished and no longer between live tasks; return how many tasks went."""
    dropped = 0
    for task_id in [i for i, sub in run.subprocesses.items() if sub.completed]:
        dropped += len(run.subprocesses.pop(task_id).tasks)
    for part in [run, *run.subprocesses.values()]:
        dropped += _compact_part(part)
    _forget_events(run)
    return dropped


def _compact_part(part: Any) -> int:
    tasks, root = part.tasks, part.task_tree
    live = [t for t in tasks.values() if t._state & LIVE]
    if not live:
        return 0
    # A task is on the way when something live hangs below it.
    on_the_way: set[UUID] = set()
    for task in live:
        step: Task | None = task
        while step is not None and step.id not in on_the_way:
            on_the_way.add(step.id)
            step = tasks.get(step._parent)
    keep, stack = {root.id}, [root]
    while stack:
        task = stack.pop()
        if task.id not in on_the_way or task._state & LIVE:
            kept = (
                [tasks[child] for child in task._children] if task._state & ~TaskState.FINISHED_MASK else []
            )
        else:
            kept = [_skip(tasks, on_the_way, tasks[c]) for c in task._children if c in on_the_way]
        task._children = [child.id for child in kept]
        for child in kept:
            child._parent = task.id
        keep.update(task._children)
        stack.extend(kept)
    before = len(tasks)
    part.tasks = {i: t for i, t in tasks.items() if i in keep}
    if part.last_task is not None and part.last_task.id not in keep:
        part.last_task = None
    return before - len(keep)


def _skip(tasks: Mapping[UUID, Task], on_the_way: set[UUID], task: Task) -> Task:
    """Go down from ``task`` to the last finished one before something parts or lives."""
    while not task._state & LIVE:
        below = [tasks[child] for child in task._children if child in on_the_way]
        if len(below) != 1 or below[0]._state != TaskState.COMPLETED:
            break
        task = below[0]
    return task


def _forget_events(run: Run) -> None:
    # The library leaves the boundary events of removed tasks with its event manager, and dies on
    # them at the next look at the timers.
    waiting = run.event_manager.tasks
    for task_id in [i for i, t in waiting.items() if i not in t.workflow.tasks]:
        del waiting[task_id]


def _forget_subprocesses(run: Run) -> None:
    while True:
        held = {i for part in [run, *run.subprocesses.values()] for i in part.tasks}
        orphans = [i for i in run.subprocesses if i not in held]
        if not orphans:
            return
        for task_id in orphans:
            del run.subprocesses[task_id]


def move_token(run: Run, task: Task, path: list[str], data: Mapping[str, Any]) -> None:
    """Take the token from ``task`` to the element at ``path``, with or without a drawn way.

    Where the paths part, the token enters the element of that level: a page inside a called process is
    reached by entering the call again, and going on inside it.

    :param data: the task data the element starts with, whole.
    :raises NoWayBack: another branch of the same process is under way, or the element is gone.
    """
    here = run.path(task)
    level = 0
    while level < min(len(here), len(path)) - 1 and here[level] == path[level]:
        level += 1
    if here[: level + 1] == path[: level + 1]:
        raise NoWayBack("the page is the one already open")
    start = task
    for _ in range(len(here) - 1 - level):
        parent = run.get_task_from_id(start.workflow.parent_task_id)
        if parent is None:
            raise NoWayBack("the call this page belongs to is gone")
        start = parent
    part = start.workflow
    name = path[level]
    spec = part.spec.task_specs.get(name + _SPLIT) or part.spec.task_specs.get(name)
    if spec is None:
        raise NoWayBack(f"the diagram has no element {name}")
    beside = set(start.parent._children) if start.parent.task_spec.name.endswith(_SPLIT) else set()
    for other in part.tasks.values():
        ended = isinstance(other.task_spec, BoundaryEventJoin | _EndJoin)
        if other._state & LIVE and other.id != start.id and other.id not in beside and not ended:
            raise NoWayBack("another branch is under way")
    anchor = start.parent
    while anchor._state != TaskState.COMPLETED or anchor.task_spec.name.endswith(_SPLIT):
        anchor = anchor.parent
    anchor._drop_children(force=True)
    _forget_subprocesses(run)
    _forget_events(run)
    # A task inherits by merging its parent's data into its own, so older answers would win over
    # newer ones unless the parent holds the newer ones too.
    anchor.data = dict(data)
    child = anchor._add_child(spec, TaskState.FUTURE)
    child.triggered = True
    spec._predict(child, mask=UNSTORED)
    child.data = dict(data)
    spec._update(child)
    run.do_engine_steps()
    if level < len(path) - 1:
        inside = [t for t in run.people() if run.path(t)[: level + 1] == path[: level + 1]]
        if len(inside) == 1 and run.path(inside[0]) != path:
            move_token(run, inside[0], path, data)
