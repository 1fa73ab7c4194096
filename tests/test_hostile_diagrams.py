"""Diagrams that would run code, hang, lie or read files: each refused, at the shape, with a sentence.

Every case was once seen to do harm, or to be silently wrong, in SpiffWorkflow 3.2.0. Nothing an analyst
uploads may run, reach out, or never end (ASVS 1.3.2, 1.3.6, 1.3.7, 1.5.1).
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir

import pytest

from engine.diagrams import bounded, xml_gate
from engine.diagrams.findings import DiagramRefused, Finding, errors
from engine.diagrams.linter import lint
from tests.diagram_writer import Drawing
from tests.test_linter import FORMS, OPERATORS, findings, journey, line, page

#: Leaves a mark when it is run.
MARK = Path(gettempdir()) / f"kaihu_{os.getpid()}"
CODE = f"__import__('os').system('touch {MARK}')"


def with_shape(tag: str, body: str = "", attributes: str = "", extensions: str = "") -> Drawing:
    """A line with one more shape, ``it``, before its end."""
    drawing = page()
    drawing.node(tag, "it", body=body, attributes=attributes, extensions=extensions)
    drawing.chain("begin", "ask", "it", "finish")
    return drawing


def with_page(extensions: str = "", body: str = "", attributes: str = "") -> Drawing:
    """A line whose page, ``it``, carries something more."""
    drawing = Drawing("flow")
    drawing.start()
    drawing.user("it", extensions=extensions, body=body, attributes=attributes)
    drawing.end()
    drawing.chain("begin", "it", "finish")
    return drawing


def with_event(definition: str, tag: str = "intermediateCatchEvent") -> Drawing:
    """A line with an event ``it``."""
    return with_shape(tag, body=definition)


def with_end(definition: str) -> Drawing:
    """A line that ends at ``it``."""
    drawing = Drawing("flow")
    drawing.start()
    drawing.user("ask")
    drawing.node("endEvent", "it", body=definition)
    drawing.chain("begin", "ask", "it")
    return drawing


def with_gateway(condition: str) -> Drawing:
    """A line with a gateway whose flow ``it`` has a condition."""
    drawing = page()
    drawing.exclusive("which", default="else")
    drawing.end("other")
    drawing.chain("begin", "ask", "which")
    drawing.flow("which", "finish", condition, "it")
    drawing.flow("which", "other", None, "else")
    return drawing


def with_parameter(value: str) -> Drawing:
    """A line with a service task ``it`` that is given a parameter."""
    drawing = page()
    drawing.service("it", parameters={"text": value})
    drawing.chain("begin", "ask", "it", "finish")
    return drawing


def with_service(more: str) -> Drawing:
    """A line with a service task ``it`` that carries something more."""
    drawing = page()
    drawing.service("it", extensions=more)
    drawing.chain("begin", "ask", "it", "finish")
    return drawing


def beside(text: str) -> Drawing:
    """A line in a file that holds something more."""
    drawing = line()
    drawing.beside.append(text)
    return drawing


def inside(text: str) -> Drawing:
    """A line in a process that holds something more."""
    drawing = line()
    drawing.raw(text)
    return drawing


#: Where SpiffWorkflow's own engine runs Python out of a diagram.
SCRIPTS: dict[str, Callable[[], Drawing]] = {
    "script task": lambda: with_shape("scriptTask", f"<bpmn:script>{CODE}</bpmn:script>"),
    "gateway condition": lambda: with_gateway(CODE),
    "script before a page": lambda: with_page(f"<spiffworkflow:preScript>{CODE}</spiffworkflow:preScript>"),
    "script after a page": lambda: with_page(f"<spiffworkflow:postScript>{CODE}</spiffworkflow:postScript>"),
    "timer": lambda: with_event(
        f'<bpmn:timerEventDefinition id="d"><bpmn:timeDuration>({CODE}, "PT1H")[1]</bpmn:timeDuration>'
        "</bpmn:timerEventDefinition>"
    ),
    "number of instances": lambda: with_page(
        body=f"<bpmn:multiInstanceLoopCharacteristics><bpmn:loopCardinality>({CODE}, 1)[1]"
        "</bpmn:loopCardinality></bpmn:multiInstanceLoopCharacteristics>"
    ),
    "loop condition": lambda: with_page(
        body=f'<bpmn:standardLoopCharacteristics testBefore="true"><bpmn:loopCondition>{CODE}'
        "</bpmn:loopCondition></bpmn:standardLoopCharacteristics>"
    ),
    "parameter of a service task": lambda: with_parameter(CODE),
    "script before a service task": lambda: with_service(
        f"<spiffworkflow:preScript>{CODE}</spiffworkflow:preScript>"
    ),
    "signal payload": lambda: beside(
        '<bpmn:signal id="it" name="s"><bpmn:extensionElements><spiffworkflow:payloadExpression>'
        f"{CODE}</spiffworkflow:payloadExpression></bpmn:extensionElements></bpmn:signal>"
    ),
    "message payload": lambda: beside(
        '<bpmn:message id="it" name="m"><bpmn:extensionElements><spiffworkflow:messagePayload>'
        f"{CODE}</spiffworkflow:messagePayload></bpmn:extensionElements></bpmn:message>"
    ),
    "unit test": lambda: with_page("<spiffworkflow:unitTests/>"),
    "condition event": lambda: with_event(
        f'<bpmn:conditionalEventDefinition id="d"><bpmn:condition>{CODE}</bpmn:condition>'
        "</bpmn:conditionalEventDefinition>"
    ),
    "correlation": lambda: beside(
        '<bpmn:correlationProperty id="it"><bpmn:correlationPropertyRetrievalExpression messageRef="m">'
        f"<bpmn:messagePath>{CODE}</bpmn:messagePath></bpmn:correlationPropertyRetrievalExpression>"
        "</bpmn:correlationProperty>"
    ),
    "state of a page": lambda: _page_with_state(CODE),
}


def _page_with_state(text: str) -> Drawing:
    drawing = Drawing("flow")
    drawing.start()
    drawing.user("it", state=text)
    drawing.end()
    drawing.chain("begin", "it", "finish")
    return drawing


#: What SpiffWorkflow takes and gets wrong without a word, and other engines' ways.
WRONG: dict[str, Callable[[], Drawing]] = {
    "link throw": lambda: with_event('<bpmn:linkEventDefinition id="d"/>', "intermediateThrowEvent"),
    "link catch": lambda: with_event('<bpmn:linkEventDefinition id="d"/>'),
    "signal end": lambda: with_end('<bpmn:signalEventDefinition id="d"/>'),
    "error end": lambda: with_end('<bpmn:errorEventDefinition id="d"/>'),
    "message end": lambda: with_end('<bpmn:messageEventDefinition id="d"/>'),
    "compensation": lambda: with_end('<bpmn:compensateEventDefinition id="d"/>'),
    "escalation": lambda: with_end('<bpmn:escalationEventDefinition id="d"/>'),
    "event subprocess": lambda: with_shape("subProcess", attributes='triggeredByEvent="true"'),
    "ad-hoc subprocess": lambda: with_shape("adHocSubProcess"),
    "transaction": lambda: with_shape("transaction"),
    "inclusive gateway": lambda: with_shape("inclusiveGateway"),
    "complex gateway": lambda: with_shape("complexGateway"),
    "event gateway": lambda: with_shape("eventBasedGateway"),
    "plain task": lambda: with_shape("task"),
    "manual task": lambda: with_shape("manualTask"),
    "send task": lambda: with_shape("sendTask"),
    "receive task": lambda: with_shape("receiveTask"),
    "cycle timer": lambda: with_event(
        '<bpmn:timerEventDefinition id="d"><bpmn:timeCycle>R/PT5S</bpmn:timeCycle>'
        "</bpmn:timerEventDefinition>"
    ),
    "default flow of a task": lambda: with_page(attributes='default="it_to_finish"'),
    "compensating task": lambda: with_page(attributes='isForCompensation="true"'),
    "camunda form": lambda: with_page(attributes='camunda:formKey="embedded:app:forms/x.html"'),
    "camunda listener": lambda: with_page('<camunda:executionListener class="Evil" event="start"/>'),
    "zeebe task": lambda: with_page("<zeebe:userTask/>"),
    "java class": lambda: with_shape("serviceTask", attributes='camunda:class="java.lang.Runtime"'),
    "service without operator": lambda: with_shape("serviceTask"),
    "data object": lambda: inside('<bpmn:dataObject id="it"/>'),
    "data store": lambda: beside('<bpmn:dataStore id="it" name="it"/>'),
    "lane in a lane": lambda: inside(
        '<bpmn:laneSet id="l"><bpmn:lane id="it"><bpmn:childLaneSet id="x"/></bpmn:lane></bpmn:laneSet>'
    ),
    "dollar condition": lambda: with_gateway("${a == 1}"),
    "message by XPath": lambda: with_event(
        "<bpmn:messageEventDefinition id='d' messageRef='x&quot; or 1=1 or @id=&quot;'/>"
    ),
    "foreign element": lambda: inside('<evil xmlns="urn:evil" id="x"/>'),
    "include": lambda: inside('<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>'),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_python_in_a_diagram_is_refused_at_its_shape(name):
    found = errors(findings(SCRIPTS[name]()))
    assert "it" in {finding.element for finding in found}
    assert all(finding.sentence_zh and finding.sentence_en for finding in found)
    assert not MARK.exists()


@pytest.mark.parametrize("name", WRONG)
def test_what_would_silently_go_wrong_is_refused_at_its_shape(name):
    found = errors(findings(WRONG[name]()))
    assert {"it", "flow"} & {finding.element for finding in found}
    assert all("；" in f.sentence_zh or "：" in f.sentence_zh for f in found), "says what to do"


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("Start", "id.reserved"),
        ("End", "id.reserved"),
        ("Root", "id.reserved"),
        ("StartEventJoin", "id.reserved"),
        ("ask.BoundaryEventSplit", "id.form"),
        ("flow.EndJoin", "id.form"),
        ("ask [child]", "id.form"),
        ("1ask", "id.form"),
        ("x' or '1'='1", "id.form"),
        ("a" * 81, "id.form"),
        ("ask", "id.duplicate"),
        ("flow", "id.duplicate"),
    ],
)
def test_an_id_cannot_collide_with_the_engines_own_names(key, code):
    drawing = page()
    drawing.user(key, variable="it")
    drawing.chain("begin", "ask")
    drawing.flow("ask", key, key="to_it")
    drawing.flow(key, "finish", key="from_it")
    assert (key, code) in {(f.element, f.code) for f in findings(drawing)}


MINI = b'<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"/>'
LAUGHS = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>', "xml.doctype"),
        (f'<!DOCTYPE d [<!ENTITY a0 "lol">{LAUGHS}]><d>&a9;</d>'.encode(), "xml.doctype"),
        (b'<!DOCTYPE d SYSTEM "http://example.com/d.dtd"><d/>', "xml.doctype"),
        ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE d><d/>'.encode("utf-16"), "xml.encoding"),
        (b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE d><d/>', "xml.instruction"),
        (b'<?xml-stylesheet href="http://example.com/x.xsl"?>' + MINI, "xml.instruction"),
        (b"<a>" * 100_000 + b"</a>" * 100_000, "xml.broken"),
        (b"<a>" * 40 + b"</a>" * 40, "xml.too_deep"),
        (b"<a>" + b"<b/>" * 21_000 + b"</a>", "xml.too_many"),
        (b"<a " + b" ".join(b'x%d="1"' % i for i in range(200_000)) + b"/>", "xml.too_large"),
        (b"", "xml.broken"),
        (b"not xml", "xml.broken"),
        (b"<a>&nbsp;</a>", "xml.broken"),
        (b"\xff\xfe\x00", "xml.encoding"),
        (b"<a>\x00</a>", "xml.broken"),
    ],
)
def test_the_gate_lets_only_plain_xml_through(data, code):
    began = time.perf_counter()
    with pytest.raises(DiagramRefused) as refused:
        xml_gate.read("flow.bpmn", data)
    assert refused.value.findings[0].code == code
    assert time.perf_counter() - began < 2


def test_an_honest_file_with_a_byte_order_mark_passes_the_gate():
    assert findings(line()) == ()
    assert xml_gate.read("flow.bpmn", b"\xef\xbb\xbf" + line().xml()) is not None


@pytest.mark.parametrize("data", [b"<a/>", MINI, b"<definitions/>"])
def test_a_file_without_a_process_is_told_so(data):
    found = lint({"flow.bpmn": data}, forms=FORMS, operators=OPERATORS)
    assert [finding.code for finding in found] == ["file.empty"]


def test_a_comment_cannot_hide_half_of_a_condition():
    xml = with_gateway("ask.decision == 'x' or true").xml().replace(b"or true", b"<!-- --> or true")
    found = lint({"flow.bpmn": xml}, forms=FORMS, operators=OPERATORS)
    assert ("it", "text.comment") in {(f.element, f.code) for f in found}


def test_a_position_that_is_no_number_cannot_break_the_parser():
    xml = line().xml().replace(b'y="100"', b'y="nan"', 1)
    found = lint({"flow.bpmn": xml}, forms=FORMS, operators=OPERATORS)
    assert ("begin", "drawing.number") in {(f.element, f.code) for f in found}


def test_the_data_object_that_parses_for_ever_is_refused():
    inner = Drawing("it")
    inner.start("inner_begin")
    inner.user(
        "inner_ask",
        body='<bpmn:dataInputAssociation id="i"><bpmn:sourceRef>ref</bpmn:sourceRef>'
        "</bpmn:dataInputAssociation>",
    )
    inner.end("inner_end")
    inner.chain("inner_begin", "inner_ask", "inner_end")
    inner.raw('<bpmn:dataObjectReference id="ref" dataObjectRef="absent"/>')
    drawing = page()
    drawing.subprocess("it", inner, lane="customer")
    drawing.chain("begin", "ask", "it", "finish")
    assert {"ref", "inner_ask"} <= {finding.element for finding in errors(findings(drawing))}


def circle(*names: str) -> list[Drawing]:
    """Diagrams that call each other in a circle."""
    drawn = []
    for name, called in zip(names, (*names[1:], names[0]), strict=True):
        drawing = Drawing(name)
        drawing.start()
        drawing.call("next", called)
        drawing.end()
        drawing.chain("begin", "next", "finish")
        drawn.append(drawing)
    return drawn


@pytest.mark.parametrize("names", [["one"], ["one", "two"], ["one", "two", "three"]])
def test_diagrams_that_call_each_other_for_ever_are_refused(names):
    assert ("next", "call.circle") in {(f.element, f.code) for f in findings(*circle(*names))}


def test_calls_that_multiply_are_refused():
    drawn = []
    for level in range(6):
        drawing = Drawing(f"level_{level}")
        drawing.start()
        drawing.end()
        steps = [
            drawing.call(f"call_{place}", f"level_{level + 1}") if level < 5 else drawing.user(f"ask_{place}")
            for place in range(8)
        ]
        drawing.chain("begin", *steps, "finish")
        drawn.append(drawing)
    assert ("level_0", "call.too_large") in {(f.element, f.code) for f in findings(*drawn)}


def chain_of(count: int) -> Drawing:
    """A straight line of pages."""
    drawing = Drawing("flow")
    drawing.start()
    drawing.end()
    drawing.chain("begin", *(drawing.user(f"task_{place}") for place in range(count)), "finish")
    return drawing


def test_a_chain_that_would_exhaust_the_parsers_stack_is_refused():
    assert ("flow", "graph.too_large") in {(f.element, f.code) for f in findings(chain_of(500))}


def test_two_processes_in_one_file_are_refused():
    drawing = line()
    drawing.beside.append('<bpmn:process id="hidden" name="隐藏" isExecutable="true"/>')
    assert ("flow", "process.several") in {(f.element, f.code) for f in findings(drawing)}


def test_a_hundred_shapes_are_judged_within_a_second():
    drawing = chain_of(98)
    began = time.process_time()
    assert findings(drawing) == ()
    assert time.process_time() - began < 1


# -- the child process ------------------------------------------------------------------------------


def in_child(*drawings: Drawing) -> tuple[Finding, ...]:
    return bounded.check_in_child({f"{d.id}.bpmn": d.xml() for d in drawings}, FORMS, OPERATORS)


def test_a_good_journey_also_passes_in_the_child():
    assert in_child(*journey()) == ()


def test_the_largest_diagram_the_linter_allows_is_parsed_in_the_child():
    assert in_child(chain_of(298)) == ()


def test_the_child_tells_what_the_linter_found():
    assert ("it", "expression.refused") in {(f.element, f.code) for f in in_child(with_gateway(CODE))}


def test_a_file_that_is_no_text_is_told_without_a_child():
    found = bounded.check_in_child({"flow.bpmn": b"\xff\xfe"}, FORMS, OPERATORS)
    assert [finding.code for finding in found] == ["xml.encoding"]


def test_a_child_that_dies_is_a_finding(monkeypatch):
    monkeypatch.setattr(bounded, "WALL_SECONDS", 0.01)
    (finding,) = in_child(line())
    assert (finding.code, finding.level) == ("run.killed", "error")


@pytest.mark.parametrize(
    "harm",
    [
        "x = bytearray(3 * 1024**3)",
        "while True: pass",
        "import tempfile; tempfile.TemporaryFile(buffering=0).write(b'x')",
    ],
)
def test_the_childs_limits_hold(harm):
    program = (
        "from engine.diagrams import bounded\n"
        "bounded.CPU_SECONDS = 2\n"
        "bounded.limit()\n"
        f"{harm}\n"
        "print('survived')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "survived" not in done.stdout


def test_the_child_knows_no_secret_of_its_parent(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    seen = {}
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: seen.update(k) or run(*a, **k))
    assert in_child(line()) == ()
    assert "DATABASE_URL" not in seen["env"]
