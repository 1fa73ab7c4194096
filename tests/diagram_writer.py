"""Writes BPMN diagrams for tests: what an analyst would draw, in few lines.

    drawing = Drawing("two_pages")
    drawing.start()
    drawing.user("ask", variable="phone", form="phone")
    drawing.end()
    drawing.chain("begin", "ask", "finish")
    files = {"two_pages.bpmn": drawing.xml()}

Everything is drawn too, so that the result opens in a modeler and passes the linter. ``raw`` puts in
what an attacker or another modeler would.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape, quoteattr

NAMESPACES = (
    'xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"'
    ' xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI"'
    ' xmlns:dc="http://www.omg.org/spec/DD/20100524/DC"'
    ' xmlns:di="http://www.omg.org/spec/DD/20100524/DI"'
    ' xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core"'
    ' xmlns:camunda="http://camunda.org/schema/1.0/bpmn"'
    ' xmlns:zeebe="http://camunda.org/schema/zeebe/1.0"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)


@dataclass
class _Shape:
    tag: str
    id: str
    name: str
    attributes: str
    extensions: str
    body: str
    inner: "Drawing | None" = None


@dataclass
class _Line:
    id: str
    source: str
    target: str
    condition: str | None


@dataclass
class Drawing:
    """One process, or the inside of a subprocess."""

    id: str
    name: str = "测试流程"
    properties: Mapping[str, str] = field(default_factory=dict)
    #: Attributes of the process element; override to draw a broken one.
    attributes: str = 'isExecutable="true"'
    shapes: list[_Shape] = field(default_factory=list)
    lines: list[_Line] = field(default_factory=list)
    lanes: dict[str, list[str]] = field(default_factory=dict)
    #: XML inside the process, inside the definitions, and before the definitions.
    inside: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    before: str = ""
    drawn: bool = True

    def node(
        self,
        tag: str,
        key: str,
        *,
        name: str | None = None,
        lane: str | None = None,
        attributes: str = "",
        extensions: str = "",
        properties: Mapping[str, str] | None = None,
        body: str = "",
        inner: "Drawing | None" = None,
    ) -> str:
        """Draw any shape; return its id."""
        shown = _properties(properties or {}) + extensions
        self.shapes.append(_Shape(tag, key, key if name is None else name, attributes, shown, body, inner))
        if lane is not None:
            self.lanes.setdefault(lane, []).append(key)
        return key

    def start(self, key: str = "begin") -> str:
        return self.node("startEvent", key)

    def end(self, key: str = "finish", *, state: str | None = None, terminate: bool = False) -> str:
        body = f'<bpmn:terminateEventDefinition id="{key}_definition"/>' if terminate else ""
        return self.node("endEvent", key, properties={"state": state} if state else {}, body=body)

    def user(
        self,
        key: str,
        *,
        form: str | None = "page",
        lane: str | None = "customer",
        variable: str | None = None,
        extensions: str = "",
        body: str = "",
        attributes: str = "",
        **properties: str,
    ) -> str:
        stored = key if variable is None else variable
        given = {**({"form": form} if form else {}), **properties}
        saved = f"<spiffworkflow:variableName>{escape(stored)}</spiffworkflow:variableName>" if stored else ""
        return self.node(
            "userTask",
            key,
            lane=lane,
            properties=given,
            extensions=saved + extensions,
            body=body,
            attributes=attributes,
        )

    def service(
        self,
        key: str,
        operator: str = "note.write",
        *,
        result: str | None = None,
        parameters: Mapping[str, str] | None = None,
        retry: str = "",
        body: str = "",
        extensions: str = "",
        properties: Mapping[str, str] | None = None,
    ) -> str:
        given = "".join(
            f'<spiffworkflow:parameter id={quoteattr(name)} type="any" value={quoteattr(value)}/>'
            for name, value in (parameters or {}).items()
        )
        call = (
            f"<spiffworkflow:serviceTaskOperator id={quoteattr(operator)} resultVariable="
            f"{quoteattr(result or key)}><spiffworkflow:parameters>{given}</spiffworkflow:parameters>{retry}"
            "</spiffworkflow:serviceTaskOperator>"
        )
        return self.node("serviceTask", key, extensions=call + extensions, body=body, properties=properties)

    def rule(self, key: str, decision: str, *, result: str | None = None) -> str:
        called = f"<spiffworkflow:calledDecisionId>{decision}</spiffworkflow:calledDecisionId>"
        return self.node("businessRuleTask", key, extensions=called, properties={"result": result or key})

    def call(self, key: str, called: str) -> str:
        return self.node("callActivity", key, attributes=f"calledElement={quoteattr(called)}")

    def exclusive(self, key: str, *, default: str | None = None) -> str:
        return self.node("exclusiveGateway", key, attributes=f'default="{default}"' if default else "")

    def parallel(self, key: str) -> str:
        return self.node("parallelGateway", key)

    def subprocess(self, key: str, inner: "Drawing", *, lane: str | None = None, attributes: str = "") -> str:
        return self.node("subProcess", key, inner=inner, lane=lane, attributes=attributes)

    def timer(self, key: str, duration: str) -> str:
        return self.node("intermediateCatchEvent", key, body=_timer(key, duration))

    def on(
        self,
        host: str,
        key: str,
        definition: str,
        *,
        interrupting: bool = True,
        properties: Mapping[str, str] | None = None,
    ) -> str:
        """Draw a boundary event: ``timer:P1D``, ``message:name`` or ``error:CODE``."""
        kind, _, value = definition.partition(":")
        if kind == "timer":
            body = _timer(key, value)
        elif kind == "message":
            self.beside.append(f'<bpmn:message id="message_{key}" name={quoteattr(value)}/>')
            body = f'<bpmn:messageEventDefinition id="{key}_definition" messageRef="message_{key}"/>'
        else:
            self.beside.append(f'<bpmn:error id="error_{key}" name="e" errorCode={quoteattr(value)}/>')
            body = f'<bpmn:errorEventDefinition id="{key}_definition" errorRef="error_{key}"/>'
        cancel = "" if interrupting else ' cancelActivity="false"'
        attached = f'attachedToRef="{host}"{cancel}'
        return self.node("boundaryEvent", key, attributes=attached, body=body, properties=properties)

    def flow(self, source: str, target: str, condition: str | None = None, key: str | None = None) -> str:
        line = _Line(key or f"{source}_to_{target}", source, target, condition)
        self.lines.append(line)
        return line.id

    def chain(self, *keys: str) -> None:
        for source, target in pairwise(keys):
            self.flow(source, target)

    def raw(self, text: str) -> None:
        """Put XML into the process."""
        self.inside.append(text)

    def xml(self) -> bytes:
        """Return the file."""
        shapes = "".join(_drawn(self)) if self.drawn else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'{self.before}<bpmn:definitions {NAMESPACES} id="definitions_{self.id}"'
            ' targetNamespace="http://bpmn.io/schema/bpmn">'
            f'<bpmn:process id="{self.id}" name={quoteattr(self.name)} {self.attributes}>'
            f"{_extensions(_properties(self.properties))}{self._lanes()}{self._content()}</bpmn:process>"
            f"{''.join(_beside(self))}"
            f'<bpmndi:BPMNDiagram id="drawing"><bpmndi:BPMNPlane id="plane" bpmnElement="{self.id}">{shapes}'
            "</bpmndi:BPMNPlane></bpmndi:BPMNDiagram></bpmn:definitions>\n"
        ).encode()

    def _lanes(self) -> str:
        if not self.lanes:
            return ""
        lanes = "".join(
            f'<bpmn:lane id="lane_{place}" name={quoteattr(name)}>'
            + "".join(f"<bpmn:flowNodeRef>{key}</bpmn:flowNodeRef>" for key in keys)
            + "</bpmn:lane>"
            for place, (name, keys) in enumerate(self.lanes.items())
        )
        return f'<bpmn:laneSet id="lanes">{lanes}</bpmn:laneSet>'

    def _content(self) -> str:
        out = []
        for shape in self.shapes:
            ins = "".join(
                f"<bpmn:incoming>{x.id}</bpmn:incoming>" for x in self.lines if x.target == shape.id
            )
            outs = "".join(
                f"<bpmn:outgoing>{x.id}</bpmn:outgoing>" for x in self.lines if x.source == shape.id
            )
            inner = shape.inner._content() if shape.inner is not None else ""
            out.append(
                f'<bpmn:{shape.tag} id="{shape.id}" name={quoteattr(shape.name)} {shape.attributes}>'
                f"{_extensions(shape.extensions)}{ins}{outs}{shape.body}{inner}</bpmn:{shape.tag}>"
            )
        for line in self.lines:
            condition = (
                '<bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">'
                f"{escape(line.condition)}</bpmn:conditionExpression>"
                if line.condition is not None
                else ""
            )
            out.append(
                f'<bpmn:sequenceFlow id="{line.id}" sourceRef="{line.source}" targetRef="{line.target}">'
                f"{condition}</bpmn:sequenceFlow>"
            )
        return "".join(out) + "".join(self.inside)


def _beside(drawing: Drawing) -> Iterator[str]:
    yield from drawing.beside
    for shape in drawing.shapes:
        if shape.inner is not None:
            yield from _beside(shape.inner)


def _drawn(drawing: Drawing, top: int = 100) -> Iterator[str]:
    for place, shape in enumerate(drawing.shapes):
        x, y = 100 + 150 * (place % 12), top + 120 * (place // 12)
        yield (
            f'<bpmndi:BPMNShape id="{shape.id}_di" bpmnElement="{shape.id}">'
            f'<dc:Bounds x="{x}" y="{y}" width="100" height="80"/></bpmndi:BPMNShape>'
        )
        if shape.inner is not None:
            yield from _drawn(shape.inner, top + 1000)
    for line in drawing.lines:
        yield (
            f'<bpmndi:BPMNEdge id="{line.id}_di" bpmnElement="{line.id}">'
            '<di:waypoint x="0" y="0"/><di:waypoint x="1" y="1"/></bpmndi:BPMNEdge>'
        )


def _timer(key: str, duration: str) -> str:
    return (
        f'<bpmn:timerEventDefinition id="{key}_definition">'
        '<bpmn:timeDuration xsi:type="bpmn:tFormalExpression">'
        f"{escape(duration)}</bpmn:timeDuration></bpmn:timerEventDefinition>"
    )


def _properties(given: Mapping[str, Any]) -> str:
    if not given:
        return ""
    items = "".join(
        f'<spiffworkflow:property name="{name}" value={quoteattr(str(value))}/>'
        for name, value in given.items()
    )
    return f"<spiffworkflow:properties>{items}</spiffworkflow:properties>"


def _extensions(content: str) -> str:
    return f"<bpmn:extensionElements>{content}</bpmn:extensionElements>" if content else ""
