"""Diagrams run without a database: what the proofs of the engine's core need.

A ``Paper`` is one case kept the way the product keeps it: after every step it is compacted, written to
bytes and read again, so a test that passes here passes however often the process is restarted.
"""

from collections.abc import Callable, Mapping
from typing import Any

from SpiffWorkflow.bpmn.specs.defaults import ParallelGateway
from SpiffWorkflow.task import Task

from engine.diagrams import spiff, state
from engine.diagrams.driver import Run
from engine.diagrams.joins import Join
from tests.diagram_writer import Drawing

#: Result of an inline operator; None makes it a job.
Answer = Callable[[str, Mapping[str, Any]], Mapping[str, Any] | None]


class Operators:
    """A host whose operators answer at once with what ``answer`` says."""

    def __init__(self, answer: Answer = lambda name, data: {"by": name}) -> None:
        self._answer = answer

    def run_operator(self, spec: spiff.OperatorTask, task: Task) -> Mapping[str, Any] | None:
        return self._answer(spec.operation_name, task.data)


class JobsOnly:
    """A host that leaves the operators named to a worker; others answer at once with nothing."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def run_operator(self, spec: spiff.OperatorTask, task: Task) -> Mapping[str, Any] | None:
        return None if spec.operation_name in self._names else {}


def parsed(
    *drawings: Drawing,
    tables: Mapping[str, bytes] | None = None,
    stock_joins: bool = False,
    lookahead: int = 1,
) -> spiff.ParsedDiagram:
    """Return the first drawing, parsed with the others that it calls.

    :param stock_joins: leave parallel joins to the library, to show or compare what it does.
    :param lookahead: how far the library guesses ahead; ours is shorter than its own 2.
    """
    files = {f"{d.id}.bpmn": d.xml() for d in drawings} | dict(tables or {})
    diagram = spiff.parse(files, drawings[0].id)
    for process in (diagram.spec, *diagram.called.values()):
        for spec in process.task_specs.values():
            spec.lookahead = lookahead
            if stock_joins and isinstance(spec, Join):
                spec.__class__ = ParallelGateway
    return diagram


class Paper:
    """One case under way on a parsed diagram."""

    def __init__(self, diagram: spiff.ParsedDiagram, host: Any = None, **data: Any) -> None:
        self.diagram = diagram
        self.host = host or Operators()
        self.run = Run(diagram, self.host)
        self.run.task_tree.data.update(data)
        self.run.do_engine_steps()
        self.blob = b""
        self.keep()

    def keep(self) -> None:
        """Compact, write, and read again."""
        if not self.run.is_completed():
            state.compact(self.run)
            self.blob = state.dump(self.run)
            self.run = state.load(self.blob, self.diagram, self.host)

    @property
    def open(self) -> list[str]:
        """Ids of the elements that wait for a person, in order."""
        return sorted(t.task_spec.name for t in self.run.people())

    @property
    def over(self) -> bool:
        return bool(self.run.is_completed())

    def task(self, name: str) -> Task:
        """Return the open task of an element, of a person or of a job."""
        (found,) = [t for t in [*self.run.people(), *self.run.jobs()] if t.task_spec.name == name]
        return found

    def does(self, name: str, answers: Any = None, **more: Any) -> None:
        """Complete a task with ``answers`` under its own name, and ``more`` beside them."""
        task = self.task(name)
        task.data[name] = {} if answers is None else answers
        task.data.update(more)
        task.run()
        self.run.do_engine_steps()
        self.keep()

    def goes_back(self, path: list[str], **data: Any) -> None:
        """Take the token of the only open task to ``path``."""
        (task,) = self.run.people()
        state.move_token(self.run, task, path, {**task.data, **data})
        self.keep()

    def finishes(self, name: str, result: Any) -> None:
        """Hand a job its result."""
        task = self.task(name)
        task.data[task.task_spec.result_variable] = result
        task.complete()
        self.run.do_engine_steps()
        self.keep()

    @property
    def data(self) -> dict[str, Any]:
        """Data of the case that has ended."""
        return dict(self.run.data)
