"""The graph: every shape connected, every way leads to an end, every loop waits and can be left."""

from collections.abc import Callable, Collection, Iterator

from engine.diagrams.lint import grammar
from engine.diagrams.lint.model import Diagram, Flow, Node, Scope

#: Most shapes in one diagram; SpiffWorkflow's parser recurses once or more a shape.
MOST_NODES = 300
#: Deepest nesting of subprocesses.
DEEPEST_SCOPE = 4
#: Says of a shape whether a case can rest there.
Waits = Callable[[Node], bool]


def check(diagram: Diagram) -> None:
    """Judge connections of one diagram; loops are judged when calls are known (``loops``)."""
    count = sum(1 for _ in diagram.nodes())
    if count > MOST_NODES:
        diagram.report(
            diagram.process.id,
            "graph.too_large",
            f"流程有 {count} 个图形，超过 {MOST_NODES} 个；请把一部分拆成另一个流程，用调用活动引用",
            f"the process has {count} shapes, more than {MOST_NODES}; move some to a called process",
        )
    for scope in diagram.scopes:
        _depth(diagram, scope)
        _flows(diagram, scope)
        _starts_and_ends(diagram, scope)
        for node in scope.nodes.values():
            _degree(diagram, node)
            if node.kind in grammar.GATEWAYS:
                _gateway(diagram, node)
        _reach(diagram, scope)


def _depth(diagram: Diagram, scope: Scope) -> None:
    depth, around = 0, scope.parent
    while around is not None:
        depth, around = depth + 1, around.parent
    if depth > DEEPEST_SCOPE:
        diagram.report(
            scope.id,
            "graph.too_deep",
            f"子流程嵌套超过 {DEEPEST_SCOPE} 层；请改用调用活动",
            f"subprocesses nest more than {DEEPEST_SCOPE} deep; use a call activity",
        )


def _flows(diagram: Diagram, scope: Scope) -> None:
    seen: set[tuple[str, str]] = set()
    for flow in scope.flows:
        name = flow.name or flow.id
        if flow.source not in scope.nodes or flow.target not in scope.nodes:
            diagram.report(
                flow.id,
                "flow.loose",
                f"连线“{name}”的两端要在同一个流程或子流程里；请重新连接",
                f"both ends of the flow “{name}” must be in the same process or subprocess; connect it again",
            )
            continue
        if (flow.source, flow.target) in seen:
            diagram.report(
                flow.id,
                "flow.twice",
                f"连线“{name}”与另一条连线起止相同；请合并成一条，条件用 or 连接",
                f"another flow joins the same shapes as “{name}”; merge them, joining conditions with or",
            )
        seen.add((flow.source, flow.target))
        if flow.condition is not None and not scope.nodes[flow.source].splits:
            diagram.report(
                flow.id,
                "flow.condition",
                f"连线“{name}”上的条件不会生效；条件只能写在排他网关的出线上，请加一个排他网关",
                f"the condition on “{name}” has no effect; put it behind an exclusive gateway",
            )


def _starts_and_ends(diagram: Diagram, scope: Scope) -> None:
    where_zh = "子流程" if scope.parent else "流程"
    where_en = "subprocess" if scope.parent else "process"
    if len(scope.starts()) != 1:
        diagram.report(
            scope.id,
            "graph.start",
            f"{where_zh}要有且只有一个开始事件，现有 {len(scope.starts())} 个；请补画，或删去多余的",
            f"the {where_en} has {len(scope.starts())} start events; draw exactly one",
        )
    if not scope.ends():
        diagram.report(
            scope.id,
            "graph.end",
            f"{where_zh}没有结束事件；请画出结束",
            f"the {where_en} has no end event; draw one",
        )


def _degree(diagram: Diagram, node: Node) -> None:
    if node.kind in ("startEvent", "boundaryEvent") and node.incoming:
        diagram.about(node, "flow.into", "不能有进线；请删去", "has a flow into it; remove it")
    if node.kind == "endEvent" and node.outgoing:
        diagram.about(node, "flow.from_end", "后面不能再有连线；请删去", "has a flow out of it; remove it")
    if node.kind not in grammar.GATEWAYS and len(node.outgoing) > 1:
        diagram.about(
            node,
            "flow.several",
            f"有 {len(node.outgoing)} 条出线；请在后面加排他网关（选一条）或并行网关（都走）",
            f"has {len(node.outgoing)} flows out of it; put an exclusive or parallel gateway behind it",
        )
    if node.kind != "endEvent" and not node.outgoing:
        diagram.about(node, "flow.none", "后面没有连线；请连到下一步或结束事件", "leads nowhere; connect it")
    if node.kind == "boundaryEvent":
        host = node.scope.nodes.get(node.attached_to)
        if host is None or host.kind not in grammar.ACTIVITIES - {"businessRuleTask"}:
            diagram.about(
                node,
                "boundary.host",
                "没有贴在任务、子流程或调用活动上；请拖到它的边框上",
                "is not attached to a task, subprocess or call; drag it onto one",
            )


def _gateway(diagram: Diagram, node: Node) -> None:
    default = node.element.get("default")
    if default is not None and default not in {flow.id for flow in node.outgoing}:
        diagram.about(
            node,
            "gateway.default",
            "的默认连线不是它的出线；请重新设置",
            "has a default flow that does not leave it; set it again",
        )
    if node.kind == "parallelGateway":
        if len(node.incoming) <= 1 and len(node.outgoing) <= 1:
            diagram.about(
                node,
                "gateway.idle",
                "既不分支也不汇合；请删去",
                "neither forks nor joins; remove it",
                "warning",
            )
        return
    if not node.splits:
        return
    if default is None:
        diagram.about(
            node,
            "gateway.no_default",
            "没有默认连线，条件都不满足时流程会停住；请把一条出线设为默认",
            "has no default flow and stops when no condition holds; make one flow the default",
        )
    for flow in node.outgoing:
        _way(diagram, node, flow, flow.id == default)


def _way(diagram: Diagram, node: Node, flow: Flow, default: bool) -> None:
    name = flow.name or flow.id
    if default and flow.condition is not None:
        diagram.report(
            flow.id,
            "flow.default_condition",
            f"默认连线“{name}”上的条件不会生效；请清除条件，或换一条默认连线",
            f"the condition on the default flow “{name}” has no effect; clear it",
        )
    if not default and not flow.condition and node.element.get("default") is not None:
        diagram.report(
            flow.id,
            "flow.no_condition",
            f"连线“{name}”没有条件；请写明什么情况下走这条线",
            f"the flow “{name}” has no condition; say when it is taken",
        )


def _reach(diagram: Diagram, scope: Scope) -> None:
    reached = _spread(scope.starts(), lambda node: scope.onward(node))
    backward: dict[str, list[Node]] = {key: [] for key in scope.nodes}
    for node in scope.nodes.values():
        for after in scope.onward(node):
            backward[after.id].append(node)
    ending = _spread(scope.ends(), lambda node: backward[node.id])
    for node in scope.nodes.values():
        if node not in reached and scope.starts() and (node.incoming or node.kind not in grammar.EVENTS):
            diagram.about(
                node,
                "graph.unreached",
                "从开始事件走不到；请连上，或删去",
                "cannot be reached from the start; connect or remove it",
            )
        elif node not in ending and scope.ends() and node.outgoing:
            diagram.about(
                node, "graph.endless", "走不到任何结束事件；请画出出路", "cannot reach an end; draw a way out"
            )


def _spread(first: Collection[Node], onward: Callable[[Node], Iterator[Node] | list[Node]]) -> set[Node]:
    found, waiting = set(first), list(first)
    while waiting:
        for node in onward(waiting.pop()):
            if node not in found:
                found.add(node)
                waiting.append(node)
    return found


def loops(diagram: Diagram, waits: Waits) -> None:
    """Refuse loops that never wait, and loops without an exclusive gateway to leave them by."""
    for scope in diagram.scopes:
        for node in _loop(scope, lambda node: not waits(node)):
            diagram.about(
                node,
                "loop.busy",
                "处在一个不会等待的循环里，会不停地执行；请在循环里加用户任务、定时或消息事件",
                "is in a loop that never waits; put a user task, timer or message into it",
            )
        for node in _loop(scope, lambda node: not node.splits):
            diagram.about(
                node,
                "loop.closed",
                "处在一个出不去的循环里；请在循环里加排他网关",
                "is in a loop without an exclusive gateway; add one to leave it by",
            )


def _loop(scope: Scope, kept: Callable[[Node], bool]) -> list[Node]:
    """Return one node of a loop among the ``kept`` nodes, or nothing."""
    inside = {node for node in scope.nodes.values() if kept(node)}
    degree = dict.fromkeys(inside, 0)
    for node in inside:
        for after in scope.onward(node):
            if after in inside:
                degree[after] += 1
    free = [node for node, count in degree.items() if count == 0]
    while free:
        node = free.pop()
        inside.discard(node)
        for after in scope.onward(node):
            if after in inside:
                degree[after] -= 1
                if degree[after] == 0:
                    free.append(after)
    # What is left lies on a loop or behind one; walking back from it ends on the loop itself.
    back = [node for node in scope.nodes.values() if node in inside]
    seen: list[Node] = []
    current = back[0] if back else None
    behind = {node: [b for b in back if node in scope.onward(b)] for node in back}
    while current is not None and current not in seen:
        seen.append(current)
        current = behind[current][0] if behind[current] else None
    return [] if current is None else [current]
