"""Walks through a diagram as SpiffWorkflow really runs it, with made-up answers.

Before publishing, each process that a case may start with is walked several times at random: people
answer, jobs succeed or fail, moments pass, messages come. Answers are made of what the diagrams
compare them with, so that every way may be taken. A walk finds what no rule foresaw: a process that
gets stuck, runs on for ever, or makes the library fail.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from SpiffWorkflow.bpmn import BpmnEvent
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.spiff.specs.event_definitions import ErrorEventDefinition
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine import clock
from engine.diagrams import state
from engine.diagrams.decisions import DecisionFailed
from engine.diagrams.driver import Run
from engine.diagrams.findings import Finding
from engine.diagrams.lint.release import Release
from engine.diagrams.lint.times import LONGEST
from engine.diagrams.spiff import OperatorTask, ParsedDiagram
from engine.errors import Runaway
from forms.expressions import Expression, ExpressionRefused, compile_expression

#: Most things that happen in one walk.
MOST_HAPPENINGS = 80
#: Any moment will do, as long as every walk has the same.
_START = datetime(2026, 3, 18, 2, 0, tzinfo=UTC)

Path = tuple[str, ...]


class Answers:
    """Made-up values of variables, drawn from what the diagrams and tables compare them with."""

    def __init__(self, release: Release) -> None:
        self._choices: dict[Path, list[Any]] = {}
        for expression in _expressions(release):
            for path, value in expression.hints:
                self._offer(path, value)
            for path in expression.paths:
                self._choices.setdefault(path, [])
        for table in release.tables.values():
            for place, column in enumerate(table.columns):
                literals = [e for rule in table.rules for e in rule.cells[place].expressions if not e.names]
                for path in column.expression.paths:
                    for value in [*column.allowed, *(literal.evaluate({}) for literal in literals)]:
                        self._offer(path, value)

    def _offer(self, path: Path, value: Any) -> None:
        found = self._choices.setdefault(path, [])
        if value not in found:
            found.append(value)

    def make(self, variable: str, random: Random) -> Any:
        """Return a value for a variable: an object, or a plain value when it is compared itself."""
        made: dict[str, Any] = {}
        for path, offered in self._choices.items():
            if path[0] != variable:
                continue
            value = random.choice([*offered, None] if offered else [True, False])
            if len(path) == 1 and (offered or not made):
                return value
            inner = made
            for key in path[1:-1]:
                step = inner.get(key)
                if not isinstance(step, dict):
                    step = inner[key] = {}
                inner = step
            if len(path) > 1:
                inner[path[-1]] = value
        return made


def _expressions(release: Release) -> Iterator[Expression]:
    for diagram in release.diagrams.values():
        texts = [flow.condition for scope in diagram.scopes for flow in scope.flows]
        for node in diagram.nodes():
            operator = node.extension("serviceTaskOperator")
            texts += (
                [item.get("value") for item in operator.iter("{*}parameter")] if operator is not None else []
            )
        for text in texts:
            try:
                yield compile_expression(text or "")
            except ExpressionRefused:
                continue
    for table in release.tables.values():
        yield from (column.expression for column in table.columns)


class _Host:
    """Inline operators of a walk: each returns a made-up result."""

    def __init__(self, release: Release, answers: Answers, random: Random) -> None:
        self.release, self.answers, self.random = release, answers, random

    def run_operator(self, spec: OperatorTask, task: Task) -> Mapping[str, Any] | None:
        spec.parameters(task)
        if self.release.operators[spec.operation_name].job:
            return None
        made = self.answers.make(spec.result_variable, self.random)
        return made if isinstance(made, dict) else {"value": made}


def walk(file: str, diagram: ParsedDiagram, release: Release, answers: Answers, seed: int) -> Finding | None:
    """Walk once through a process; return what went wrong."""
    random = Random(seed)  # noqa: S311 - the same seed walks the same way
    host = _Host(release, answers, random)
    now, last = _START, diagram.process_id
    try:
        with clock.frozen(now):
            run = Run(diagram, host)
            # As a case begins, so that its data reach every task.
            run.task_tree.data = {name: answers.make(name, random) for name in sorted(release.start_data)}
            run.do_engine_steps()
        for _ in range(MOST_HAPPENINGS):
            if run.is_completed():
                return None
            state.compact(run)
            run = state.load(state.dump(run), diagram, host)
            going = [*run.people(), *run.jobs()]
            waiting = [t for t in run.live(TaskState.WAITING) if hasattr(t.task_spec, "event_definition")]
            if not going and not waiting:
                return _stuck(file, last)
            if waiting and (not going or random.random() < 0.2):
                task = random.choice(waiting)
                now += (
                    LONGEST
                    if isinstance(task.task_spec.event_definition, TimerEventDefinition)
                    else timedelta()
                )
                with clock.frozen(now):
                    _happens(run, task)
            else:
                task = random.choice(going)
                with clock.frozen(now):
                    _goes_on(run, task, answers, random)
            last = task.task_spec.name
    except DecisionFailed:
        # Made-up answers may well be decided by no rule; the table's own check tells of gaps.
        return None
    except Runaway:
        return Finding(
            file,
            last,
            "run.endless",
            "从这里继续执行时停不下来；请在循环里加用户任务、定时或消息事件",
            "runs on for ever from here; put a user task, timer or message into the loop",
        )
    return None


def _goes_on(run: Run, task: Task, answers: Answers, random: Random) -> None:
    if isinstance(task.task_spec, OperatorTask):
        made = answers.make(task.task_spec.result_variable, random)
        task.data = {**task.data, task.task_spec.result_variable: made}
        task.complete()
    else:
        task.data = {**task.data, task.task_spec.variable: answers.make(task.task_spec.variable, random)}
        task.run()
    run.do_engine_steps()


def _happens(run: Run, task: Task) -> None:
    definition = task.task_spec.event_definition
    if isinstance(definition, TimerEventDefinition):
        run.refresh_timers()
    elif isinstance(definition, ErrorEventDefinition):
        run.catch(BpmnEvent(definition, payload=None, target=task.workflow))
    else:
        run.send_event(BpmnEvent(definition, payload={}))
    run.do_engine_steps()


def _stuck(file: str, last: str) -> Finding:
    return Finding(
        file,
        last,
        "run.stuck",
        "走过这里以后流程停住了：没有人要办，也没有在等待什么；请检查后面的网关和汇合",
        "after this nothing goes on and nothing is waited for; look at the gateways behind it",
    )
