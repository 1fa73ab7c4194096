"""The process and its tasks: names, lanes, forms, states and properties."""

import re
from collections.abc import Collection
from typing import Any

from lxml import etree

from engine.diagrams.lint import grammar, operations
from engine.diagrams.lint.model import Diagram, Node, called, properties
from engine.diagrams.lint.release import Release
from engine.diagrams.lint.times import check_duration
from engine.diagrams.lint.written import check_expression, check_name

ROLES = ("customer", "reviewer", "compliance", "agent", "operator")
#: Who may decide a page that the customer waits on.
DECIDERS = ROLES[1:]
STEPS = ("upload", "data", "video", "certificate", "sign")
#: Application states of a case (domain 1.13).
STATES = frozenset(
    {"started", "draft", "await_video", "queued", "in_call", "returned_video", "await_cert", "await_sign"}
    | {"submitted", "in_review", "returned_review", "rejected", "approved", "update_failed", "in_effect"}
    | {"withdrawn", "abandoned", "expired"}
)
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U000323af]")


def check(diagram: Diagram, release: Release) -> None:
    """Judge the process and every shape by itself."""
    known = release.variables(diagram)
    _process(diagram)
    for node in diagram.nodes():
        _properties(diagram, node)
        _states(diagram, node, known)
        match node.kind:
            case "userTask":
                _user_task(diagram, node, release)
            case "serviceTask":
                operations.service_task(diagram, node, release, known)
            case "businessRuleTask":
                operations.rule_task(diagram, node, release, known)
            case "callActivity":
                operations.call(diagram, node, release)
    for scope in diagram.scopes:
        for flow in scope.flows:
            if flow.condition:
                where = (f"连线“{flow.name or flow.id}”", f"the flow “{flow.name or flow.id}”")
                operations.read_expression(diagram, flow.id, where, flow.condition, known, release)


def _process(diagram: Diagram) -> None:
    process, stem = diagram.process.element, diagram.file.removesuffix(".bpmn")
    key, name = process.get("id", ""), process.get("name", "")
    if len(diagram.root.findall(f"{{{grammar.BPMN}}}process")) > 1:
        diagram.report(
            key,
            "process.several",
            "一个文件里只能有一个流程；请把另一个泳池移到单独的文件",
            "a file holds one process; move the other pool to its own file",
        )
    if key != stem:
        diagram.report(
            key,
            "process.id",
            f"流程编号“{key}”与文件名“{stem}”不同；请把流程编号改成“{stem}”",
            f"the process id {key!r} differs from the file name {stem!r}; make them the same",
        )
    if not _HAN.search(name):
        diagram.report(
            key,
            "process.name",
            "流程没有中文名称；请填写办理人看得懂的名称",
            "the process has no Chinese name; name it for those who use it",
        )
    if process.get("isExecutable") != "true":
        diagram.report(
            key,
            "process.executable",
            "流程没有勾选“可执行”；请在属性面板勾选",
            "the process is not marked executable; tick it in the properties",
        )
    for participant in diagram.root.iter(f"{{{grammar.BPMN}}}participant"):
        if participant.get("processRef") != key:
            diagram.report(
                participant.get("id", ""),
                "process.pool",
                "这个泳池没有流程；请删去，只保留一个泳池",
                "this pool has no process; keep one pool only",
            )
    _known_properties(diagram, key, "process", called("process", name or key), process)
    business = properties(process).get("businessType")
    if business is not None and not re.fullmatch(r"\d{2}", business):
        diagram.report(
            key,
            "property.value",
            f"业务类型“{business}”应为两位数字，例如 17",
            f"the business type {business!r} is two digits, such as 17",
        )
    lanes: dict[str, int] = {}
    for ref in diagram.process.element.iter(f"{{{grammar.BPMN}}}flowNodeRef"):
        text = (ref.text or "").strip()
        lanes[text] = lanes.get(text, 0) + 1
        if lanes[text] == 2 or text not in diagram.process.nodes:
            diagram.report(
                text,
                "lane.member",
                f"图形“{text}”不在这个流程里，或同时属于两条泳道；请重新拖入一条泳道",
                f"{text!r} is in two lanes, or not in this process; drag it into one lane",
            )


def _known_properties(
    diagram: Diagram, element: str, kind: str, label: tuple[str, str], owner: etree._Element
) -> None:
    known = grammar.PROPERTIES.get(kind, frozenset())
    path = f"{{{grammar.BPMN}}}extensionElements/{{{grammar.SPIFF}}}properties/{{{grammar.SPIFF}}}property"
    seen: set[str] = set()
    for item in owner.findall(path):
        name = item.get("name", "")
        listed = "、".join(sorted(known))
        if name not in known:
            diagram.report(
                element,
                "property.unknown",
                f"{label[0]}的属性“{name}”不起作用；可用的属性：{listed or '无'}",
                f"{label[1]} has the property {name!r}, which does nothing; known are {listed or 'none'}",
            )
        if name in seen or item.get("value") is None:
            diagram.report(
                element,
                "property.twice",
                f"{label[0]}的属性“{name}”没有值，或写了两次；请只保留一个",
                f"{label[1]} has the property {name!r} twice or without a value; keep one",
            )
        seen.add(name)


def _properties(diagram: Diagram, node: Node) -> None:
    _known_properties(diagram, node.id, node.kind, called(node.kind, node.name or node.id), node.element)


def _one_of(diagram: Diagram, node: Node, name: str, allowed: Collection[str]) -> None:
    value = node.properties.get(name)
    if value is not None and value not in allowed:
        listed = "、".join(allowed)
        diagram.about(
            node,
            "property.value",
            f"的属性“{name}”不能是“{value}”；请填写：{listed}",
            f"has {name} = {value!r}; use one of {listed}",
        )


def _states(diagram: Diagram, node: Node, known: frozenset[str]) -> None:
    """Judge what names an application state: expressions of tasks, plain words elsewhere."""
    for name in ("state", "claimedState", "when"):
        text = node.properties.get(name)
        if text is None:
            continue
        value: Any = text.strip("'\"")
        if name == "when" or (name == "state" and node.kind != "endEvent"):
            label_zh, label_en = called(node.kind, node.name or node.id)
            where = (f"{label_zh}的属性“{name}”", f"the property {name} of {label_en}")
            # A message may also ask what state the case is in.
            may_read = known | {"state"} if name == "when" else known
            expression = check_expression(diagram, node.id, where, text, may_read)
            value = expression.evaluate({}) if expression is not None and name == "state" else None
        if isinstance(value, str) and value not in STATES:
            diagram.about(
                node,
                "property.state",
                f"的状态“{value}”不存在；可用的状态：{'、'.join(sorted(STATES))}",
                f"names the state {value!r}, which does not exist; states are {', '.join(sorted(STATES))}",
            )


def _user_task(diagram: Diagram, node: Node, release: Release) -> None:
    given = node.properties
    if not node.name:
        diagram.about(node, "task.name", "没有名称；请填写办理人看得懂的名称", "has no name; give it one")
    form = given.get("form")
    if form is None:
        diagram.about(node, "task.no_form", "没有选择表单；请在属性面板选择", "has no form; choose one")
    elif form not in release.forms:
        diagram.about(
            node,
            "task.form",
            f"的表单“{form}”不存在；请先建立表单，或另选一个",
            f"has the form {form!r}, which does not exist; make it, or choose another",
        )
    lane = diagram.lane(node)
    if lane not in ROLES:
        diagram.about(
            node,
            "task.lane",
            f"所在泳道“{lane}”不是办理角色；请放进名为 {'、'.join(ROLES)} 的泳道",
            f"is in the lane {lane!r}; put it into one called {', '.join(ROLES)}",
        )
    check_name(diagram, node, "task.variable")
    _one_of(diagram, node, "back", ("true", "false"))
    _one_of(diagram, node, "step", STEPS)
    for name in ("idle", "idleStarted", "due"):
        if name in given:
            label_zh, label_en = called(node.kind, node.name or node.id)
            check_duration(diagram, node.id, (f"{label_zh}的{name}", f"{name} of {label_en}"), given[name])
    _idle(diagram, node, release)
    _decided(diagram, node, release)
    for other in (part.strip() for part in given.get("notBy", "").split(",") if part.strip()):
        if other not in release.user_tasks or other == node.id:
            diagram.about(
                node,
                "task.not_by",
                f"的 notBy 写了“{other}”，它不是另一个用户任务的编号；请改正",
                f"has notBy {other!r}, which is not the id of another user task",
            )


def _decided(diagram: Diagram, node: Node, release: Release) -> None:
    """A page that others decide names who they are and their form."""
    given = node.properties
    if not {"decidedBy", "decisionForm"} & given.keys():
        return
    if given.get("decidedBy") not in DECIDERS or given.get("decisionForm") not in release.forms:
        diagram.about(
            node,
            "task.decided",
            f"要同时填写 decidedBy（{'、'.join(DECIDERS)} 之一）和已有的 decisionForm 表单",
            f"needs decidedBy, one of {', '.join(DECIDERS)}, and a decisionForm that exists",
        )


def _idle(diagram: Diagram, node: Node, release: Release) -> None:
    given = node.properties
    if not {"idle", "idleStarted", "idleMessage"} & given.keys():
        return
    if "idle" not in given or given.get("idleMessage", "expire") not in release.caught:
        diagram.about(
            node,
            "task.idle",
            "要填写 idle（多久没有操作），并且要有边界事件接收它的 idleMessage 消息",
            "needs idle, and a boundary event that catches its idleMessage",
        )
