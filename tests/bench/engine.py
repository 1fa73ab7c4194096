"""Engine: CPU of one saved step, against the way SpiffWorkflow's documentation shows.

*Naive* keeps the full spec and the full state as JSON and reads and writes both at every step. *Ours* is
what ``engine.steps`` does: cached spec, own blob, compaction, flat driver. One step is: restore, complete
one user task, run on, save. Both run the same diagram with the same answers, in turn.
"""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import SpiffWorkflow.task as spiff_task
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from SpiffWorkflow.spiff.serializer.task_spec import ServiceTaskConverter
from SpiffWorkflow.spiff.specs.defaults import ServiceTask
from SpiffWorkflow.util.task import TaskState

from engine.diagrams import driver, spiff, state
from tests.bench import phone

BUDGET = {
    "cold_ratio": (">=", 6.0),
    "returns_20_ratio": (">=", 20.0),
    "nodes_400_ratio": (">=", 25.0),
    "flat_returns": ("<=", 1.2),
    "flat_nodes": ("<=", 1.2),
    "blob_bytes": ("<=", 5000),
}
PROCESS = "modify_phone"


class Inline:
    """A host that answers every operator at once."""

    def run_operator(self, spec: Any, task: Any) -> Mapping[str, Any]:
        return phone.result(spec.operation_name, task.data)


HOST = Inline()


def _serializer() -> BpmnWorkflowSerializer:
    config = {k: v for k, v in SPIFF_CONFIG.items() if k is not ServiceTask}
    config[spiff.OperatorTask] = ServiceTaskConverter
    return BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(config))


def _parse_stock(files: Mapping[str, bytes]) -> tuple[Any, Any]:
    parser = spiff._Parser({})
    for name, data in files.items():
        parser.add_bpmn_str(data, filename=name)
    return parser.get_spec(PROCESS), parser.get_subprocess_specs(PROCESS)


class Naive:
    """The documented way."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.spec, self.called = _parse_stock(files)
        self.serializer = _serializer()

    def begin(self, data: dict[str, Any]) -> Any:
        workflow = BpmnWorkflow(self.spec, self.called, script_engine=spiff.CLOSED_ENGINE)
        workflow.host = HOST
        workflow.task_tree.data.update(data)
        workflow.do_engine_steps()
        return workflow

    def save(self, workflow: Any) -> bytes:
        return str(self.serializer.serialize_json(workflow)).encode()

    def restore(self, blob: bytes) -> Any:
        workflow = self.serializer.deserialize_json(blob.decode())
        workflow.script_engine, workflow.host = spiff.CLOSED_ENGINE, HOST
        return workflow

    def ready(self, workflow: Any) -> Any:
        found = workflow.get_tasks(state=TaskState.READY, manual=True)
        return found[0] if found else None

    def __enter__(self) -> "Naive":
        spiff_task.Task._set_state = driver.library_set_state
        return self

    def __exit__(self, *_: object) -> None:
        spiff_task.Task._set_state = driver._set_state


class Ours:
    """What the product does."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.diagram = spiff.parse(files, PROCESS)

    def begin(self, data: dict[str, Any]) -> Any:
        run = driver.Run(self.diagram, HOST)
        run.task_tree.data.update(data)
        run.do_engine_steps()
        return run

    def save(self, run: Any) -> bytes:
        if run.is_completed():
            return b""
        state.compact(run)
        return state.dump(run)

    def restore(self, blob: bytes) -> Any:
        return state.load(blob, self.diagram, HOST)

    def ready(self, run: Any) -> Any:
        found = run.people()
        return found[0] if found else None

    def __enter__(self) -> "Ours":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def journey(way: Naive | Ours, *, certified: bool, returns: int) -> tuple[list[float], list[int]]:
    """Go through one case; return CPU seconds and bytes of each step."""
    times: list[float] = []
    sizes: list[int] = []
    clock = time.thread_time
    left = returns
    with way:
        workflow = way.begin({"certified": certified})
        blob = way.save(workflow)
        gc.collect()
        gc.disable()
        try:
            while True:
                began = clock()
                workflow = way.restore(blob)
                task = way.ready(workflow)
                name = task.task_spec.name
                task.data.update(phone.answers(name, len(times), left))
                if name == "judge" and left:
                    left -= 1
                task.run()
                workflow.do_engine_steps()
                blob = way.save(workflow)
                times.append(clock() - began)
                if workflow.is_completed():
                    return times, sizes
                sizes.append(len(blob))
        finally:
            gc.enable()


def _median_step(way: Naive | Ours, rounds: int, **how: Any) -> float:
    return statistics.median(statistics.mean(journey(way, **how)[0]) for _ in range(rounds))


def _ratio(files: Mapping[str, bytes], rounds: int, last: int = 0, **how: Any) -> float:
    naive, ours = Naive(files), Ours(files)
    for way in (naive, ours):
        journey(way, **{**how, "returns": min(1, how["returns"])})
    pairs = []
    for _ in range(rounds):
        one, other = journey(naive, **how)[0], journey(ours, **how)[0]
        pairs.append(statistics.mean(one[-last:]) / statistics.mean(other[-last:]))
    return statistics.median(pairs)


def measure(say: Callable[[str], None]) -> dict[str, float]:
    """Measure everything; about a minute."""
    base = {"modify_phone.bpmn": phone.phone(), "certificate.bpmn": phone.certificate()}
    figures: dict[str, float] = {}
    say("one step of the phone diagram")
    figures["cold_ratio"] = _ratio(base, 15, certified=True, returns=0)
    figures["cold_ratio_certificate"] = _ratio(base, 11, certified=False, returns=0)
    say("after 20 returns")
    figures["returns_20_ratio"] = _ratio(base, 3, certified=True, returns=20)
    say("at 400 elements")
    sized = {
        count: {
            "modify_phone.bpmn": phone.phone(count - 23, events=False),
            "certificate.bpmn": phone.certificate(),
        }
        for count in (25, 400)
    }
    figures["nodes_400_ratio"] = _ratio(sized[400], 5, certified=True, returns=0)
    say("flatness")
    ours = Ours(base)
    journey(ours, certified=True, returns=3)
    flat = []
    sizes: list[int] = []
    for _ in range(5):
        times, sizes = journey(ours, certified=True, returns=100)
        flat.append(statistics.median(times[-60:]) / statistics.median(times[4:64]))
    figures["flat_returns"] = statistics.median(flat)
    figures["blob_bytes"] = max(sizes + journey(ours, certified=False, returns=3)[1])
    small, large = Ours(sized[25]), Ours(sized[400])
    figures["flat_nodes"] = statistics.median(
        _median_step(large, 5, certified=True, returns=0) / _median_step(small, 5, certified=True, returns=0)
        for _ in range(5)
    )
    figures["step_cpu_ms"] = _median_step(ours, 11, certified=True, returns=0) * 1000
    return figures
