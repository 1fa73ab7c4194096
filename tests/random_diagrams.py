"""Random diagrams, and random walks through them: the material of the equivalence fuzz.

A diagram is made of blocks inside blocks, so that it is always sound: whatever is chosen, it can end. A
walk chooses by its own random numbers among what is open, and writes down all that it saw. Two ways of
running the same diagram are equal when their walks from the same seed saw the same.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import orjson
from SpiffWorkflow.bpmn import BpmnEvent
from SpiffWorkflow.spiff.specs.event_definitions import MessageEventDefinition
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.diagrams import spiff
from tests.diagram_writer import Drawing
from tests.engine_room import MORNING, StoppedClock

#: Most things done in one walk.
LONGEST_WALK = 60

TABLE = b"""<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="definitions" name="level"
 namespace="test">
<decision id="level" name="level"><decisionTable id="table">
<input id="in1" label="a"><inputExpression id="e1"><text>pick.a</text></inputExpression></input>
<output id="out" name="levels"/>
<rule id="r1"><inputEntry id="i1"><text>0</text></inputEntry>
<outputEntry id="o1"><text>1</text></outputEntry></rule>
<rule id="r2"><inputEntry id="i2"><text>&gt;= 1</text></inputEntry>
<outputEntry id="o2"><text>2</text></outputEntry></rule>
</decisionTable></decision></definitions>"""

BLOCKS = (
    "user", "sequence", "sequence", "sequence", "sequence", "exclusive", "loop", "loop", "parallel",
    "parallel", "inline", "job", "job with error", "timer stops", "timer reminds", "message stops",
    "pause", "subprocess", "call", "decision",
)  # fmt: skip
LEAVES = ("user", "inline", "job", "user")


@dataclass
class Sketch:
    """Draws one random diagram."""

    seed: int
    chance: random.Random = field(init=False)
    count: int = 0
    loops: int = 0
    calls: int = 0
    joins: int = 0
    joins_in_loops: int = 0
    operators: set[str] = field(default_factory=set)
    #: what may be called; nothing while that itself is drawn
    called: Drawing | None = None

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - repeatable

    @property
    def library_joins(self) -> bool:
        """Whether the library's own joins are right: not where an element is come to more than once."""
        return not self.joins or not (self.joins_in_loops or self.calls > 1)

    def new(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def draw(self) -> list[Drawing]:
        """Return the main drawing and what it calls."""
        part, main = Drawing("part"), Drawing("main")
        self._whole(part, 1)
        self.called = part
        self._whole(main, 3)
        return [main, part]

    def _whole(self, drawing: Drawing, length: int) -> None:
        begin, finish = self.new("begin"), self.new("finish")
        drawing.start(begin)
        before = begin
        for _ in range(length):
            first, last = self._block(drawing, length)
            drawing.flow(before, first)
            before = last
        drawing.end(finish)
        drawing.flow(before, finish)

    def _block(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        kind = self.chance.choice(BLOCKS if depth else LEAVES)
        if kind == "call" and self.called is None:
            kind = "user"
        made: tuple[str, str] = getattr(self, "_" + kind.replace(" ", "_"))(drawing, depth - 1)
        return made

    def _user(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        key = drawing.user(self.new("user"))
        return key, key

    def _inline(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        key = drawing.service(self.new("inline"), "inline")
        return key, key

    def _job(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        key = drawing.service(self.new("job"), "job")
        return key, key

    def _decision(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        rule = drawing.rule(self.new("decision"), "level")
        fork, meet = self._exclusive_between(drawing, depth, f"{rule}.levels == 2")
        drawing.flow(rule, fork)
        return rule, meet

    def _pause(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        key = drawing.timer(self.new("pause"), self._duration())
        return key, key

    def _sequence(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        one, other = self._block(drawing, depth), self._block(drawing, depth)
        drawing.flow(one[1], other[0])
        return one[0], other[1]

    def _exclusive(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        if self.chance.random() < 0.5:
            return self._exclusive_between(drawing, depth, f"pick.{self.chance.choice('abc')} == 1")
        asked = drawing.user(self.new("user"))
        fork, meet = self._exclusive_between(drawing, depth, f"{asked}.go == 1")
        drawing.flow(asked, fork)
        return asked, meet

    def _exclusive_between(self, drawing: Drawing, depth: int, condition: str) -> tuple[str, str]:
        fork, meet, default = self.new("fork"), self.new("meet"), self.new("default")
        drawing.exclusive(fork, default=default)
        drawing.exclusive(meet)
        for given, name in ((condition, None), (None, default)):
            first, last = self._block(drawing, max(depth, 0))
            drawing.flow(fork, first, given, name)
            drawing.flow(last, meet)
        return fork, meet

    def _loop(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        enter, asked, decide, out = self.new("enter"), self.new("user"), self.new("decide"), self.new("out")
        drawing.exclusive(enter)
        drawing.user(asked)
        self.loops += 1
        first, last = self._block(drawing, depth)
        self.loops -= 1
        drawing.exclusive(decide, default=out)
        after = drawing.service(self.new("inline"), "inline")
        drawing.chain(enter, asked, first)
        drawing.flow(last, decide)
        drawing.flow(decide, enter, f"{asked}.go == 1")
        drawing.flow(decide, after, key=out)
        return enter, after

    def _parallel(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        self.joins += 1
        # What is called may be called from a loop.
        self.joins_in_loops += self.loops > 0 or self.called is None
        fork, meet = drawing.parallel(self.new("fork")), drawing.parallel(self.new("meet"))
        for _ in range(self.chance.choice((2, 2, 3))):
            first, last = self._block(drawing, depth)
            drawing.flow(fork, first)
            drawing.flow(last, meet)
        return fork, meet

    def _job_with_error(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        key = drawing.service(self.new("job"), "job")
        caught = drawing.on(key, self.new("refused"), f"error:E{self.count}")
        return key, self._beside(drawing, key, caught, depth)

    def _timer_stops(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        key = self._host(drawing, depth)
        caught = drawing.on(key, self.new("late"), f"timer:{self._duration()}")
        return key, self._beside(drawing, key, caught, depth)

    def _message_stops(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        key = self._host(drawing, depth)
        caught = drawing.on(key, self.new("told"), f"message:m{self.count}")
        return key, self._beside(drawing, key, caught, depth)

    def _timer_reminds(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        key = self._host(drawing, depth)
        caught = drawing.on(key, self.new("remind"), f"timer:{self._duration()}", interrupting=False)
        end = drawing.end(self.new("finish"))
        first, last = self._sequence(drawing, min(depth, 1)) if depth > 0 else self._block(drawing, 0)
        drawing.flow(caught, first)
        drawing.flow(last, end)
        return key, key

    def _host(self, drawing: Drawing, depth: int) -> str:
        """Draw what a boundary event stands on."""
        kind = self.chance.random()
        if kind < 0.5 or depth < 1:
            return drawing.user(self.new("user"))
        if kind < 0.7 and self.called is not None:
            return self._call(drawing, depth)[0]
        return self._subprocess(drawing, depth)[0]

    def _beside(self, drawing: Drawing, key: str, caught: str, depth: int) -> str:
        meet = self.new("meet")
        drawing.exclusive(meet)
        first, last = self._block(drawing, max(depth - 1, 0))
        drawing.flow(caught, first)
        drawing.flow(last, meet)
        drawing.flow(key, meet)
        return meet

    def _subprocess(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        key = self.new("within")
        inner = Drawing(key)
        self._whole(inner, max(depth, 1))
        drawing.subprocess(key, inner)
        return key, key

    def _call(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        self.calls += 1
        key = drawing.call(self.new("call"), "part")
        return key, key

    def _duration(self) -> str:
        return f"PT{self.chance.randrange(60, 400_000)}S"


class Way(Protocol):
    """One way of running a diagram."""

    #: the library's workflow
    flow: Any

    def keep(self) -> None:
        """Do what this way does between two steps."""

    def fails(self, task: Task, code: str) -> None:
        """Let a job fail with an error that a boundary event waits for."""


class Host:
    """Answers inline operators at once, leaves jobs, and writes down which ran."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.ran: list[str] = []

    def run_operator(self, spec: spiff.OperatorTask, task: Task) -> dict[str, Any] | None:
        if spec.operation_name == "job":
            return None
        # Branches side by side run in any order; what counts is that they run.
        self.ran.append(spec.name)
        return {"done": True}


def path_of(flow: Any, task: Task) -> str:
    """Return where a task stands, outermost element first."""
    names = [task.task_spec.name]
    part = task.workflow
    while part.parent_task_id is not None:
        parent = flow.get_task_from_id(part.parent_task_id)
        names.insert(0, parent.task_spec.name)
        part = parent.workflow
    return "/".join(names)


def _all(flow: Any) -> list[Task]:
    parts = [flow, *(s for s in flow.subprocesses.values() if not s.completed)]
    return [t for part in parts for t in part.tasks.values() if t.state & ~TaskState.FINISHED_MASK]


def _sorted(flow: Any, tasks: list[Task]) -> list[Task]:
    # Two tokens may stand at one element; what they carry tells them apart, if anything does.
    def key(task: Task) -> tuple[str, bytes]:
        return path_of(flow, task), orjson.dumps(task.data, option=orjson.OPT_SORT_KEYS)

    return sorted(tasks, key=key)


def _events(flow: Any, kind: type) -> list[Task]:
    return [t for t in _all(flow) if t.state == TaskState.WAITING and isinstance(_definition(t), kind)]


def _is_refusal(task: Task) -> bool:
    return task.state == TaskState.WAITING and bool(task.task_spec.name.startswith("refused"))


def _definition(task: Task) -> Any:
    return getattr(task.task_spec, "event_definition", None)


def walk(way: Way, host: Host, seed: int, time: StoppedClock) -> tuple[list[Any], bool, dict[str, Any]]:
    """Walk through a diagram; return what was seen, whether it ended, and its data."""
    choose = random.Random(seed * 7 + 1)  # noqa: S311 - repeatable
    log = host.log
    time.set(MORNING)
    way.flow.task_tree.data["pick"] = {letter: choose.randrange(2) for letter in "abc"}
    way.flow.do_engine_steps()
    way.keep()
    for number in range(LONGEST_WALK):
        flow = way.flow
        tasks = _sorted(flow, _all(flow))
        people = [t for t in tasks if t.state == TaskState.READY and t.task_spec.manual]
        jobs = [
            t for t in tasks if t.state == TaskState.STARTED and isinstance(t.task_spec, spiff.OperatorTask)
        ]
        timers = _events(flow, spiff.BusinessTimer)
        messages = _sorted(flow, _events(flow, MessageEventDefinition))
        log.append(("ran", *sorted(host.ran)))
        host.ran.clear()
        log.append(tuple(path_of(flow, t) for t in [*people, *jobs]))
        doable = ["do"] * 6 * bool(people) + ["job"] * 6 * bool(jobs)
        doable += ["time"] * 2 * bool(timers) + ["message"] * bool(messages)
        if not doable:
            break
        what = choose.choice(doable)
        if what == "do":
            task = choose.choice(people)
            task.data[task.task_spec.name] = {"n": number, "go": int(choose.random() < 0.5)}
            log.append(("did", path_of(flow, task)))
            task.run()
        elif what == "job":
            task = choose.choice(jobs)
            waiting = [t for t in task.parent.children if _is_refusal(t)]
            if waiting and choose.random() < 0.5:
                log.append(("failed", path_of(flow, task)))
                way.fails(task, waiting[0].task_spec.event_definition.code)
            else:
                log.append(("finished", path_of(flow, task)))
                task.data[task.task_spec.result_variable] = {"n": number}
                task.complete()
        elif what == "time":
            due = min(t.internal_data["event_value"] for t in timers)
            log.append(("time", due))
            time.set(datetime.fromisoformat(due))
            flow.refresh_timers()
        else:
            name = choose.choice(messages).task_spec.event_definition.name
            log.append(("told", name))
            flow.send_event(BpmnEvent(MessageEventDefinition(name), payload={}))
        flow.do_engine_steps()
        way.keep()
    return log, bool(way.flow.is_completed()), dict(way.flow.data)
