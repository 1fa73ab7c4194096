"""Joins that count tokens, instead of looking for branches in the tree.

The library asks which branches ever reached the join, and sorts out earlier rounds by who descends
from whom. While something else runs beside the loop, nothing can be compacted away and it counts a
branch of an earlier round: the second reviewer is skipped. Here a token that arrived is a waiting task
of the join, and the join fires when one waits on every incoming flow.

Where branches meet, each adds what it changed since they parted, every key whole. The library merges key
by key, list by list, and lets an old answer that one branch still carries win over another's new one.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from SpiffWorkflow.bpmn.specs.control import _EndJoin
from SpiffWorkflow.bpmn.specs.defaults import ParallelGateway
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState


class Join(ParallelGateway):  # type: ignore[misc]
    """A parallel gateway, forking or joining."""

    def _update_hook(self, my_task: Task) -> bool:
        if my_task.parent.state != TaskState.COMPLETED:
            return False
        arrived: dict[str, Task] = {my_task.parent.task_spec.name: my_task}
        for task in _waiting(my_task):
            # A second token on the same flow waits for the next round.
            arrived.setdefault(task.parent.task_spec.name, task)
        if not arrived.keys() >= set(self._inputs):
            my_task._set_state(TaskState.WAITING)
            return False
        branches = sorted((task.parent for task in arrived.values()), key=lambda task: task.last_state_change)
        my_task.data = _merge(_fork(list(arrived.values())).data, [task.data for task in branches])
        for task in arrived.values():
            if task is not my_task:
                task.cancel()
        return True

    def _run_hook(self, my_task: Task) -> bool:
        # The library would merge the data of earlier rounds into these, and lists element by element.
        return True


class EndJoin(_EndJoin):  # type: ignore[misc]
    """The end of a process, where one token waits for all that is still under way.

    The token that waits carries what every token changed that ended before it, so that branches which
    ended, such as a reminder of each round, need not be kept.
    """

    def _update_hook(self, my_task: Task) -> bool:
        if my_task._state != TaskState.WAITING:
            my_task.data = dict(my_task.parent.data)
            for other in _waiting(my_task):
                my_task.data = _merge(_fork([other, my_task]).data, [other.data, my_task.data])
                other.cancel()
        for task in my_task.workflow.tasks.values():
            if (
                task._state & TaskState.NOT_FINISHED_MASK
                and task is not my_task
                and task._parent != my_task.id
            ):
                my_task._set_state(TaskState.WAITING)
                return False
        return True

    def _run_hook(self, my_task: Task) -> bool:
        my_task.workflow.data.update(my_task.data)
        return True


def _waiting(my_task: Task) -> list[Task]:
    """Return the other tokens that wait at the same join."""
    return [
        task
        for task in my_task.workflow.tasks.values()
        if task.task_spec is my_task.task_spec and task._state == TaskState.WAITING and task is not my_task
    ]


def _merge(fork: Mapping[str, Any], branches: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the data from before the fork with what each branch changed, whole, in order of arrival."""
    merged = dict(fork)
    for data in branches:
        for key, value in data.items():
            if key not in fork or (fork[key] is not value and fork[key] != value):
                merged[key] = value
    return merged


def _fork(arrived: list[Task]) -> Task:
    """Return the task at which branches parted."""
    lines = [_ancestors(task) for task in arrived]
    return next(task for task in lines[0] if all(any(task is other for other in line) for line in lines))


def _ancestors(task: Task) -> list[Task]:
    """Return the tasks above ``task``, nearest first."""
    found = []
    step = task.parent
    while step is not None:
        found.append(step)
        step = step.parent
    return found
