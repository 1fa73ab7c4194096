"""A diagram as the rules see it: scopes with nodes and flows, read from XML that passed the gate.

Reading never fails: what is missing is empty, and the rules say so at the right shape.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from engine.diagrams.findings import Finding, Level
from engine.diagrams.lint import grammar


@dataclass(slots=True)
class Flow:
    """A sequence flow."""

    id: str
    source: str
    target: str
    condition: str | None
    name: str = ""


@dataclass(slots=True, eq=False)
class Node:
    """A shape that is run."""

    id: str
    kind: str
    name: str
    scope: "Scope"
    element: etree._Element
    incoming: list[Flow] = field(default_factory=list)
    outgoing: list[Flow] = field(default_factory=list)
    #: Boundary events on this activity.
    boundary: list["Node"] = field(default_factory=list)
    #: ``timer``, ``message``, ``error``, ``terminate`` or, without definition, empty.
    event: str = ""
    #: Set for subprocesses.
    inner: "Scope | None" = None

    @property
    def properties(self) -> Mapping[str, str]:
        """The ``spiffworkflow:properties``."""
        return properties(self.element)

    @property
    def attached_to(self) -> str:
        """The id of the activity a boundary event is attached to."""
        return self.element.get("attachedToRef", "")

    @property
    def interrupting(self) -> bool:
        """Whether a boundary event ends its activity."""
        return self.element.get("cancelActivity", "true") == "true"

    @property
    def splits(self) -> bool:
        """Whether an exclusive gateway chooses between ways."""
        return self.kind == "exclusiveGateway" and len(self.outgoing) > 1

    def extension(self, name: str) -> etree._Element | None:
        """Return a spiffworkflow extension element."""
        return self.element.find(f"{{{grammar.BPMN}}}extensionElements/{{{grammar.SPIFF}}}{name}")

    def definition(self, name: str) -> etree._Element | None:
        """Return an event definition, such as ``timer``."""
        return self.element.find(f"{{{grammar.BPMN}}}{name}EventDefinition")


@dataclass(slots=True, eq=False)
class Scope:
    """A process or an embedded subprocess."""

    id: str
    element: etree._Element
    parent: "Scope | None" = None
    nodes: dict[str, Node] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)

    def starts(self) -> list[Node]:
        """Return the start events."""
        return [node for node in self.nodes.values() if node.kind == "startEvent"]

    def ends(self) -> list[Node]:
        """Return the end events."""
        return [node for node in self.nodes.values() if node.kind == "endEvent"]

    def onward(self, node: Node) -> Iterator[Node]:
        """Yield the nodes that can follow ``node`` directly, its boundary events among them."""
        for flow in node.outgoing:
            if flow.target in self.nodes:
                yield self.nodes[flow.target]
        yield from node.boundary


@dataclass(slots=True, eq=False)
class Diagram:
    """One file with its one process."""

    file: str
    root: etree._Element
    process: Scope
    #: The process and every embedded subprocess.
    scopes: list[Scope]
    #: Node id → lane name, as drawn.
    lanes: dict[str, str]
    #: Message id → name; error id → code.
    messages: dict[str, str]
    errors: dict[str, str]
    findings: list[Finding] = field(default_factory=list)

    def nodes(self) -> Iterator[Node]:
        """Yield every node, of subprocesses too."""
        for scope in self.scopes:
            yield from scope.nodes.values()

    def lane(self, node: Node) -> str:
        """Return the role a task is for: its property, its lane, or the lane around its subprocess."""
        if "lane" in node.properties:
            return node.properties["lane"]
        found: Node | None = node
        while found is not None:
            if found.id in self.lanes:
                return self.lanes[found.id]
            scope = found.scope
            found = scope.parent.nodes.get(scope.id) if scope.parent is not None else None
        return ""

    def report(self, element: str, code: str, zh: str, en: str, level: Level = "error") -> None:
        """Note something to mend."""
        self.findings.append(Finding(self.file, element, code, zh, en, level))

    def about(self, node: Node, code: str, zh: str, en: str, level: Level = "error") -> None:
        """Note something to mend about a shape; the sentence begins with what it is called."""
        label_zh, label_en = called(node.kind, node.name or node.id)
        self.report(node.id, code, f"{label_zh}{zh}", f"{label_en} {en}", level)


def called(kind: str, name: str) -> tuple[str, str]:
    """Return how an analyst would call a shape, in Chinese and English."""
    zh, en = grammar.WORDS.get(kind, (kind, kind))
    return f"{zh}“{name}”", f"the {en} “{name}”"


def local(element: etree._Element) -> str:
    """Return an element's name without its namespace; empty for comments."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def namespace(element: etree._Element) -> str:
    """Return an element's namespace."""
    return (etree.QName(element).namespace or "") if isinstance(element.tag, str) else ""


def properties(element: etree._Element) -> dict[str, str]:
    """Return the ``spiffworkflow:properties`` of an element."""
    path = f"{{{grammar.BPMN}}}extensionElements/{{{grammar.SPIFF}}}properties/{{{grammar.SPIFF}}}property"
    return {item.get("name", ""): item.get("value", "") for item in element.findall(path)}


def read(file: str, root: etree._Element) -> Diagram | None:
    """Read a diagram, or return None when it holds no process at all."""
    process = root.find(f"{{{grammar.BPMN}}}process")
    if process is None:
        return None
    scopes: list[Scope] = []
    top = _scope(process, None, scopes)
    named = {
        kind: {item.get("id", ""): item for item in root.findall(f"{{{grammar.BPMN}}}{kind}")}
        for kind in ("message", "error")
    }
    lanes = {
        (ref.text or "").strip(): lane.get("name", "")
        for lane in process.iter(f"{{{grammar.BPMN}}}lane")
        for ref in lane.findall(f"{{{grammar.BPMN}}}flowNodeRef")
    }
    messages = {key: item.get("name", "") for key, item in named["message"].items()}
    codes = {key: item.get("errorCode", "") for key, item in named["error"].items()}
    return Diagram(file, root, top, scopes, lanes, messages, codes)


def _ends(flow: etree._Element) -> tuple[str, str]:
    return flow.get("sourceRef", ""), flow.get("targetRef", "")


def _scope(element: etree._Element, parent: Scope | None, found: list[Scope]) -> Scope:
    scope = Scope(element.get("id", ""), element, parent)
    found.append(scope)
    # A shape that is refused still holds its flows together, so that only it is complained about.
    ends = {end for flow in element.iterchildren(f"{{{grammar.BPMN}}}sequenceFlow") for end in _ends(flow)}
    for child in element:
        kind, key = local(child), child.get("id", "")
        if namespace(child) != grammar.BPMN:
            continue
        if kind in grammar.NODES or key in ends:
            node = Node(key, kind, child.get("name", "").strip(), scope, child)
            for event in ("timer", "message", "error", "terminate"):
                if node.definition(event) is not None:
                    node.event = event
            if kind == "subProcess":
                node.inner = _scope(child, scope, found)
            scope.nodes.setdefault(key, node)
        elif kind == "sequenceFlow":
            condition = child.find(f"{{{grammar.BPMN}}}conditionExpression")
            text = None if condition is None else (condition.text or "").strip()
            scope.flows.append(
                Flow(key, child.get("sourceRef", ""), child.get("targetRef", ""), text, child.get("name", ""))
            )
    for flow in scope.flows:
        if flow.source in scope.nodes:
            scope.nodes[flow.source].outgoing.append(flow)
        if flow.target in scope.nodes:
            scope.nodes[flow.target].incoming.append(flow)
    for node in scope.nodes.values():
        if node.kind == "boundaryEvent" and node.attached_to in scope.nodes:
            scope.nodes[node.attached_to].boundary.append(node)
    return scope
