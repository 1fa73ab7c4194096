"""Parallel gateways that count tokens, instead of looking for branches in the tree.

The library asks which branches ever reached the join, and sorts out earlier rounds by who descends
from whom. While something else runs beside the loop, nothing can be compacted away and it counts a
branch of an earlier round: the second reviewer is skipped. Here a token that arrived is a waiting task
of the join, and the join fires when one waits on every incoming flow.
"""

from typing import Any

from SpiffWorkflow.bpmn.specs.defaults import ParallelGateway
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState


class Join(ParallelGateway):  # type: ignore[misc]
    """A parallel gateway, forking or joining."""

    def _update_hook(self, my_task: Task) -> bool:
        if my_task.parent.state != TaskState.COMPLETED:
            return False
        arrived: dict[str, Task] = {my_task.parent.task_spec.name: my_task}
        for task in my_task.workflow.tasks.values():
            if task.task_spec is self and task.state == TaskState.WAITING and task is not my_task:
                # A second token on the same flow waits for the next round.
                arrived.setdefault(task.parent.task_spec.name, task)
        if not arrived.keys() >= set(self._inputs):
            my_task._set_state(TaskState.WAITING)
            return False
        my_task.data = _merge(list(arrived.values()))
        for task in arrived.values():
            if task is not my_task:
                task.cancel()
        return True

    def _run_hook(self, my_task: Task) -> bool:
        # The library would merge the data of earlier rounds into these, and lists element by element.
        return True


def _merge(arrived: list[Task]) -> dict[str, Any]:
    """Return the data from before the fork with what each branch changed, whole, in order of arrival."""
    lines = [_ancestors(task) for task in arrived]
    fork = next(task for task in lines[0] if all(any(task is other for other in line) for line in lines))
    merged = dict(fork.data)
    for task in sorted((task.parent for task in arrived), key=lambda parent: parent.last_state_change):
        for key, value in task.data.items():
            if key not in fork.data or fork.data[key] != value:
                merged[key] = value
    return merged


def _ancestors(task: Task) -> list[Task]:
    """Return the tasks above ``task``, nearest first."""
    found = []
    step = task.parent
    while step is not None:
        found.append(step)
        step = step.parent
    return found
