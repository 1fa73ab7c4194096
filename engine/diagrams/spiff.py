"""SpiffWorkflow, as we use it: its parser, its specs, and an engine that cannot run code.

Nothing outside ``engine/diagrams`` knows this library. What we change, and why:

* Service tasks never call out inside the library: a job stays STARTED until its result comes, an
  inline operator runs through a hook of the workflow it belongs to.
* Decision tables are ours (``engine.diagrams.decisions``): the library's merge results and overlook
  rules that overlap.
* Parallel joins count tokens (``engine.diagrams.joins``): the library's count branches of earlier rounds.
* Timers read business time and unquoted ISO text; the library's read the server's clock and zone.
* Expressions are the closed language; scripts raise.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from SpiffWorkflow.bpmn.parser.task_parsers import GatewayParser
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.script_engine.python_environment import BasePythonScriptEngineEnvironment
from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.bpmn.util import PendingBpmnEvent
from SpiffWorkflow.spiff.parser import SpiffBpmnParser
from SpiffWorkflow.spiff.parser.task_spec import ServiceTaskParser, SpiffTaskParser
from SpiffWorkflow.spiff.specs.defaults import ServiceTask, UserTask
from SpiffWorkflow.spiff.specs.spiff_task import SpiffBpmnTask
from SpiffWorkflow.task import Task

from engine import clock
from engine.diagrams.decisions import Decision
from engine.diagrams.decisions import parse as parse_decision
from engine.diagrams.joins import EndJoin, Join
from forms.expressions import compile_expression

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)


class ScriptRefused(Exception):
    """A diagram tried to run code."""


def duration(text: str) -> timedelta:
    """Read an ISO 8601 duration of weeks, days, hours, minutes and seconds.

    Years and months are refused: how long they last depends on the day they begin.
    """
    found = _DURATION.fullmatch(text.strip().strip("\"'"))
    parts = {k: int(v) for k, v in found.groupdict().items() if v} if found else {}
    if not parts:
        raise ValueError(f"not a duration: {text!r}")
    return timedelta(**parts)


class _ClosedEnvironment(BasePythonScriptEngineEnvironment):  # type: ignore[misc]
    def evaluate(self, expression: str, context: dict[str, Any], external_context: Any = None) -> Any:
        return compile_expression(expression).evaluate(context)

    def execute(self, script: str, context: dict[str, Any], external_context: Any = None) -> bool:
        raise ScriptRefused("diagrams cannot run scripts")

    def call_service(self, context: dict[str, Any], **kwargs: Any) -> Any:
        raise ScriptRefused("diagrams cannot call services")


class ClosedEngine(PythonScriptEngine):  # type: ignore[misc]
    """Evaluates the closed language and nothing else; set on every workflow, at every load."""

    def __init__(self) -> None:
        super().__init__(_ClosedEnvironment())

    def validate(self, expression: str) -> None:
        compile_expression(expression)

    def execute(self, task: Task, script: str, external_context: Any = None) -> bool:
        raise ScriptRefused("diagrams cannot run scripts")

    def call_service(self, task: Task, **kwargs: Any) -> Any:
        raise ScriptRefused("diagrams cannot call services")


CLOSED_ENGINE = ClosedEngine()


class OperatorTask(ServiceTask):  # type: ignore[misc]
    """A service task: its operator runs at once inside the step, or later as a job."""

    def parameters(self, task: Task) -> dict[str, Any]:
        """Evaluate the parameters over the task's data."""
        return {
            name: compile_expression(given["value"]).evaluate(task.data)
            for name, given in self.operation_params.items()
        }

    def _execute(self, task: Task) -> bool | None:
        result = task.workflow.top_workflow.host.run_operator(self, task)
        if result is None:
            return None
        task.data[self.result_variable] = result
        return True


class DecisionTask(SpiffBpmnTask):  # type: ignore[misc]
    """A business rule task: the whole result of one table, under one key."""

    def __init__(self, wf_spec: Any, name: str, decision: Decision, result: str, **kwargs: Any) -> None:
        super().__init__(wf_spec, name, **kwargs)
        self.decision = decision
        self.result = result

    def _run_hook(self, my_task: Task) -> bool:
        my_task.data[self.result] = self.decision.decide(my_task.data)
        return True


class _DecisionParser(SpiffTaskParser):  # type: ignore[misc]
    @staticmethod
    def get_decision_ref(node: Any) -> str | None:
        found: str | None = SpiffTaskParser._parse_extensions(node).get("calledDecisionId")
        return found

    def create_task(self) -> DecisionTask:
        extensions = self.parse_extensions()
        decision_id = extensions["calledDecisionId"]
        decisions: Mapping[str, Decision] = self.process_parser.parser.decisions
        return DecisionTask(
            self.spec,
            self.bpmn_id,
            decision=decisions[decision_id],
            result=extensions.get("properties", {}).get("result", decision_id),
            **self.bpmn_attributes,
        )


class _Parser(SpiffBpmnParser):  # type: ignore[misc]
    OVERRIDE_PARSER_CLASSES: ClassVar[dict[str, Any]] = {
        **SpiffBpmnParser.OVERRIDE_PARSER_CLASSES,
        full_tag("serviceTask"): (ServiceTaskParser, OperatorTask),
        full_tag("businessRuleTask"): (_DecisionParser, DecisionTask),
        full_tag("parallelGateway"): (GatewayParser, Join),
    }

    def __init__(self, decisions: Mapping[str, Decision]) -> None:
        super().__init__()
        self.decisions = decisions


class BusinessTimer(TimerEventDefinition):  # type: ignore[misc]
    """A timer on business time: an ISO duration from when it starts to wait, or an ISO moment."""

    def has_fired(self, my_task: Task) -> bool:
        value = my_task.internal_data.get("event_value")
        if value is None:
            value = self._due().isoformat()
            my_task.internal_data["event_value"] = value
        if datetime.fromisoformat(value) <= clock.now():
            my_task.internal_data["event_fired"] = True
        return bool(my_task.internal_data.get("event_fired", False))

    def details(self, my_task: Task) -> PendingBpmnEvent:
        return PendingBpmnEvent(self.name, type(self).__name__, my_task.internal_data.get("event_value"))

    def _due(self) -> datetime:
        text = self.expression.strip().strip("\"'")
        if text.startswith("P"):
            return clock.now() + duration(text)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=clock.SHANGHAI)).astimezone(UTC)


@dataclass(frozen=True)
class ParsedDiagram:
    """One process with everything it calls, ready to run; shared by all its cases and threads."""

    process_id: str
    spec: BpmnProcessSpec
    called: Mapping[str, BpmnProcessSpec]

    def element(self, workflow_spec: str, name: str) -> Any:
        """Return a task spec by the (sub)process it stands in and its id."""
        return (self.spec if workflow_spec == self.spec.name else self.called[workflow_spec]).task_specs[name]


def parse(files: Mapping[str, bytes], process_id: str) -> ParsedDiagram:
    """Parse one process out of diagrams and decision tables that passed the linter.

    :param files: contents by file name; ``.dmn`` are tables, the rest diagrams.
    """
    decisions = [parse_decision(data) for name, data in files.items() if name.endswith(".dmn")]
    parser = _Parser({d.id: d for d in decisions})
    for name, data in files.items():
        if name.endswith(".bpmn"):
            parser.add_bpmn_str(data, filename=name)
    spec = parser.get_spec(process_id)
    called = parser.get_subprocess_specs(process_id)
    for process in (spec, *called.values()):
        for task_spec in process.task_specs.values():
            # How far ahead the library guesses tasks that may never come; nobody looks at the guesses.
            task_spec.lookahead = 1
            if task_spec is process.end:
                # The library makes this one by itself; its parser cannot be told of another class.
                task_spec.__class__ = EndJoin
            event = getattr(task_spec, "event_definition", None)
            if isinstance(event, TimerEventDefinition):
                task_spec.event_definition = BusinessTimer(event.name, event.expression)
    return ParsedDiagram(process_id, spec, called)


def properties(task_spec: Any) -> Mapping[str, str]:
    """Return the ``spiffworkflow:properties`` of an element."""
    found: Mapping[str, str] = (getattr(task_spec, "extensions", None) or {}).get("properties") or {}
    return found


def is_user_task(task: Task) -> bool:
    """Whether a task waits for a person."""
    return isinstance(task.task_spec, UserTask)
