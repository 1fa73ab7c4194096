"""Parallel branches: played through as a game of tokens, every order and every choice.

A fork that is never joined, a join that waits for a branch that will not come, two branches that meet
at something other than a join, and two branches that write the same variable: each is found by
walking every marking a scope can be in. As when it runs, automatic steps come before anything that
waits. A reminder (what follows a non-interrupting event and never rejoins) may run beside itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from engine.diagrams.lint import grammar
from engine.diagrams.lint.model import Diagram, Node, Scope, called

#: Most markings looked at in one scope.
MOST_MARKINGS = 5_000
#: Most branches at the same time.
MOST_TOKENS = 16

#: What never waits; tasks may, since an operator may be a job.
_QUICK = grammar.GATEWAYS | {"endEvent", "businessRuleTask"}

Marking = frozenset[str]


class _Meeting(Exception):
    """A second token would come onto the flow with this id."""

    def __init__(self, flow: str) -> None:
        self.flow = flow


def check(diagram: Diagram, scope: Scope, writes: Mapping[str, frozenset[str]]) -> None:
    """Play the scope; ``writes`` names the variables that each node sets, by node id."""
    starts = scope.starts()
    if len(starts) != 1 or len(starts[0].outgoing) != 1:
        return
    targets = {flow.id: scope.nodes[flow.target] for flow in scope.flows if flow.target in scope.nodes}
    aside = _aside(scope)
    first: Marking = frozenset({starts[0].outgoing[0].id})
    seen, waiting = {first}, [first]
    told: set[str] = set()
    together: set[frozenset[str]] = set()
    while waiting:
        marking = waiting.pop()
        together.update(frozenset(pair) for pair in combinations(sorted(marking), 2))
        moved = False
        try:
            for after in _moves(marking, targets, aside):
                moved = True
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
        except _Meeting as meeting:
            node = targets[meeting.flow]
            _tell(diagram, told, node, "parallel.meeting")
            continue
        if marking and not moved:
            for key in sorted(marking):
                _tell(diagram, told, targets[key], "parallel.stuck")
        if len(seen) > MOST_MARKINGS or len(marking) > MOST_TOKENS:
            diagram.report(
                scope.id,
                "parallel.unchecked",
                "并行分支太多，无法逐一检查；请减少同时进行的分支",
                "there are too many parallel branches to check; draw fewer",
            )
            return
    _writers(diagram, together, targets, writes)


def _aside(scope: Scope) -> frozenset[str]:
    """Return the flows that only follow from non-interrupting events."""
    main = set(scope.starts())
    waiting = list(main)
    while waiting:
        node = waiting.pop()
        for after in scope.onward(node):
            if after not in main and after.interrupting:
                main.add(after)
                waiting.append(after)
    return frozenset(flow.id for flow in scope.flows if scope.nodes[flow.source] not in main)


def _moves(marking: Marking, targets: dict[str, Node], aside: frozenset[str]) -> Iterator[Marking]:
    """Yield every marking that one step can lead to."""
    quick = [key for key in marking if targets[key].kind in _QUICK]
    moved = False
    for after in _steps(quick, marking, targets, aside):
        moved = True
        yield after
    if not moved:
        yield from _steps([key for key in marking if key not in quick], marking, targets, aside)


def _steps(
    keys: Iterable[str], marking: Marking, targets: dict[str, Node], aside: frozenset[str]
) -> Iterator[Marking]:
    def put(rest: Marking, flows: list[str]) -> Marking:
        for key in flows:
            if key in rest and key not in aside:
                raise _Meeting(key)
        return rest | frozenset(flows)

    for key in sorted(keys):
        node = targets[key]
        rest = marking - {key}
        if node.kind == "parallelGateway":
            needed = frozenset(flow.id for flow in node.incoming)
            if needed <= marking:
                yield put(marking - needed, [flow.id for flow in node.outgoing])
        elif node.event == "terminate":
            yield frozenset()
        elif node.kind == "endEvent":
            yield rest
        elif node.kind == "exclusiveGateway":
            for flow in node.outgoing:
                yield put(rest, [flow.id])
        else:
            onward = [flow.id for flow in node.outgoing[:1]]
            yield put(rest, onward)
            for event in node.boundary:
                beside = [flow.id for flow in event.outgoing[:1]]
                yield put(rest, beside if event.interrupting else [*onward, *beside])


_SENTENCES = {
    "parallel.meeting": (
        "会被两个同时进行的分支各执行一次；请在前面用并行网关汇合",
        "is run once by each of two parallel branches; join them with a parallel gateway before it",
    ),
    "parallel.stuck": (
        "会一直等待不会到来的分支；请让每条分支都走到这里，或改用排他网关汇合",
        "waits for a branch that may never come; lead every branch here, or merge with an exclusive gateway",
    ),
}


def _tell(diagram: Diagram, told: set[str], node: Node, code: str) -> None:
    if node.id not in told:
        told.add(node.id)
        zh, en = _SENTENCES[code]
        diagram.about(node, code, zh, en)


def _writers(
    diagram: Diagram,
    together: set[frozenset[str]],
    targets: dict[str, Node],
    writes: Mapping[str, frozenset[str]],
) -> None:
    told: set[frozenset[str]] = set()
    for pair in sorted(together, key=sorted):
        one, other = (targets[key] for key in sorted(pair))
        shared = writes.get(one.id, frozenset()) & writes.get(other.id, frozenset())
        both = frozenset({one.id, other.id})
        if not shared or one is other or both in told:
            continue
        told.add(both)
        word_zh, word_en = called(other.kind, other.name or other.id)
        names = "、".join(sorted(shared))
        diagram.about(
            one,
            "parallel.variable",
            f"与{word_zh}同时进行，又都保存到变量“{names}”；请改用不同的变量",
            f"runs beside {word_en} and both write {names}; use different variables",
        )
