"""What an analyst is told about a diagram, shape by shape, before a customer meets it."""

import pytest

from engine.diagrams.findings import Finding, errors
from engine.diagrams.linter import lint
from engine.operators import Operator
from tests.diagram_writer import Drawing
from tests.test_decisions import GOOD


def _nothing() -> None:
    return None


OPERATORS = {
    "note.write": Operator("note.write", _nothing, {"text": False}),
    "counter.update": Operator("counter.update", _nothing, {"changes": True}, job=True, errors=("COUNTER",)),
}
FORMS = {"page": ("mobile", "decision"), "review": ("decision", "step")}


def findings(*drawings: Drawing, more: dict[str, bytes] | None = None) -> tuple[Finding, ...]:
    """Lint drawings together."""
    files = {f"{drawing.id}.bpmn": drawing.xml() for drawing in drawings}
    return lint({**files, **(more or {})}, forms=FORMS, operators=OPERATORS)


def told(*drawings: Drawing, more: dict[str, bytes] | None = None) -> set[tuple[str, str]]:
    """Return element and code of every finding."""
    return {(finding.element, finding.code) for finding in findings(*drawings, more=more)}


def page(name: str = "flow") -> Drawing:
    """A start, one page, an end; unconnected."""
    drawing = Drawing(name)
    drawing.start()
    drawing.user("ask")
    drawing.end()
    return drawing


def line(name: str = "flow") -> Drawing:
    """A start, one page, an end."""
    drawing = page(name)
    drawing.chain("begin", "ask", "finish")
    return drawing


def choice(condition: str | None = 'ask.decision == "approve"', *, default: str | None = "else") -> Drawing:
    """One page, then a gateway to either of two ends."""
    drawing = page()
    drawing.exclusive("which", default=default)
    drawing.end("other")
    drawing.chain("begin", "ask", "which")
    drawing.flow("which", "finish", condition, "then")
    drawing.flow("which", "other", None, "else")
    return drawing


def with_service(operator: str = "note.write", **given) -> Drawing:
    """A page, then a service task ``work``."""
    drawing = page()
    drawing.service("work", operator, **given)
    drawing.chain("begin", "ask", "work", "finish")
    return drawing


def journey() -> tuple[Drawing, Drawing]:
    """A full journey: subprocess, call, job with error, reminder, loop, fork and join."""
    inner = Drawing("inside")
    inner.start("inside_begin")
    inner.user(
        "fill", form="page", step="data", back="true", idle="P30D", idleMessage="expire", state="'draft'"
    )
    inner.end("inside_end")
    inner.chain("inside_begin", "fill", "inside_end")
    main = Drawing("main", "主流程", {"businessType": "17", "category": "phone"})
    main.start()
    main.subprocess("fill_in", inner, lane="customer")
    main.on("fill_in", "gone", "message:expire")
    main.parallel("fork")
    main.user("first", form="review", lane="reviewer", state="'submitted'", claimedState="'in_review'")
    main.on("first", "remind", "timer:PT4H", interrupting=False)
    main.service("reminder")
    main.end("reminded")
    main.user("second", form="review", lane="compliance", notBy="first", due="PT8H")
    main.parallel("join")
    main.exclusive("conclusion", default="again")
    main.call("apply", "apply_it")
    main.end("finish", state="'in_effect'")
    main.end("expired", state="'expired'")
    main.chain("begin", "fill_in", "fork", "first", "join", "conclusion")
    main.chain("fork", "second", "join")
    main.chain("remind", "reminder", "reminded")
    main.flow("gone", "expired")
    main.flow("conclusion", "apply", "first.decision == 'approve' and second.decision == 'approve'")
    main.flow("conclusion", "fill_in", None, "again")
    main.flow("apply", "finish")
    called = Drawing("apply_it", "更新柜台")
    called.start("apply_begin")
    called.service(
        "update", "counter.update", parameters={"changes": "fill"}, properties={"state": "'approved'"}
    )
    called.on("update", "refused", "error:COUNTER")
    called.user("handle", form="page", lane="operator")
    called.end("applied")
    called.chain("apply_begin", "update", "applied")
    called.chain("refused", "handle", "applied")
    return main, called


def test_a_full_journey_passes_without_a_word():
    assert findings(*journey()) == ()


def test_our_own_writer_draws_a_line_that_passes():
    assert findings(line()) == ()


def test_a_sentence_names_the_shape_and_says_what_to_do():
    found = findings(choice(default=None))
    (finding,) = [f for f in found if f.code == "gateway.no_default"]
    assert (finding.file, finding.element, finding.level) == ("flow.bpmn", "which", "error")
    assert (
        finding.sentence_zh == "排他网关“which”没有默认连线，条件都不满足时流程会停住；请把一条出线设为默认"
    )
    assert finding.sentence_en.startswith("the exclusive gateway “which” has no default flow")


# -- gateways and flows ------------------------------------------------------------------------------


def test_a_gateway_with_default_and_conditions_passes():
    assert findings(choice()) == ()


def test_a_flow_out_of_a_gateway_needs_a_condition():
    assert told(choice(None)) == {("then", "flow.no_condition")}


def test_a_default_that_belongs_to_another_shape_is_noticed():
    drawing = choice()
    drawing.shapes[-2].attributes = 'default="begin_to_ask"'
    assert ("which", "gateway.default") in told(drawing)


def test_a_condition_on_the_default_flow_is_said_to_have_no_effect():
    drawing = choice()
    drawing.lines[-1].condition = "ask.decision == 'x'"
    assert ("else", "flow.default_condition") in told(drawing)


def test_a_condition_behind_a_task_is_said_to_have_no_effect():
    drawing = page()
    drawing.flow("begin", "ask")
    drawing.flow("ask", "finish", "ask.decision == 'x'", "conditioned")
    assert told(drawing) == {("conditioned", "flow.condition")}


def test_two_flows_out_of_a_task_are_refused():
    drawing = line()
    drawing.end("other")
    drawing.flow("ask", "other")
    assert ("ask", "flow.several") in told(drawing)


def test_two_flows_between_the_same_shapes_are_merged_by_the_analyst():
    drawing = choice()
    drawing.flow("which", "finish", "ask.mobile == 'x'", "twin")
    assert told(drawing) == {("twin", "flow.twice")}


def test_a_flow_across_the_border_of_a_subprocess_is_refused():
    inner = Drawing("inside")
    inner.start("inside_begin")
    inner.end("inside_end")
    inner.chain("inside_begin", "inside_end")
    drawing = page()
    drawing.subprocess("part", inner)
    drawing.chain("begin", "ask", "part", "finish")
    drawing.flow("ask", "inside_end", key="crossing")
    assert ("crossing", "flow.loose") in told(drawing)


def test_a_shape_that_leads_nowhere_is_named():
    drawing = page()
    drawing.chain("begin", "ask")
    assert ("ask", "flow.none") in told(drawing)


def test_an_unreachable_shape_is_named():
    drawing = line()
    drawing.user("lost")
    drawing.flow("lost", "finish")
    assert told(drawing) == {("lost", "graph.unreached")}


def test_a_way_without_an_end_is_named():
    drawing = choice()
    drawing.user("round")
    drawing.user("about")
    drawing.lines[-1].target = "round"
    drawing.chain("round", "about", "round")
    assert {("round", "graph.endless"), ("about", "graph.endless")} <= told(drawing)


@pytest.mark.parametrize("count", [0, 2])
def test_a_process_has_exactly_one_start(count):
    drawing = Drawing("flow")
    for place in range(count):
        drawing.start(f"begin_{place}")
    drawing.end()
    for place in range(count):
        drawing.flow(f"begin_{place}", "finish")
    assert ("flow", "graph.start") in told(drawing)


def test_a_process_has_an_end():
    drawing = Drawing("flow")
    drawing.start()
    drawing.user("ask")
    drawing.chain("begin", "ask")
    assert ("flow", "graph.end") in told(drawing)


# -- loops ------------------------------------------------------------------------------------------


def test_a_loop_that_never_waits_is_refused():
    drawing = page()
    drawing.exclusive("again", default="back")
    drawing.exclusive("merge")
    drawing.chain("begin", "ask", "merge", "again")
    drawing.flow("again", "finish", "ask.decision == 'x'")
    drawing.flow("again", "merge", None, "back")
    assert {code for _, code in told(drawing)} == {"loop.busy"}


def test_a_loop_of_jobs_does_not_count_as_waiting():
    drawing = page()
    drawing.service("work", "counter.update", parameters={"changes": "ask"})
    drawing.exclusive("again", default="back")
    drawing.chain("begin", "ask", "work", "again")
    drawing.flow("again", "finish", "ask.decision == 'x'")
    drawing.flow("again", "work", None, "back")
    assert {code for _, code in told(drawing)} == {"loop.busy"}


def test_a_loop_without_a_gateway_to_leave_it_is_refused():
    drawing = page()
    drawing.user("more")
    drawing.on("ask", "late", "timer:P1D")
    drawing.chain("begin", "ask", "finish")
    drawing.chain("late", "more", "ask")
    assert {code for _, code in told(drawing)} == {"loop.closed"}


def test_a_loop_with_a_page_and_a_gateway_passes():
    drawing = page()
    drawing.exclusive("again", default="back")
    drawing.chain("begin", "ask", "again")
    drawing.flow("again", "finish", "ask.decision == 'approve'")
    drawing.flow("again", "ask", None, "back")
    assert findings(drawing) == ()


# -- parallel branches ------------------------------------------------------------------------------


def fork(join: str = "parallelGateway", second: str = "two") -> Drawing:
    """Two pages side by side, then ``meet``, then the end."""
    drawing = Drawing("flow")
    drawing.start()
    drawing.parallel("fork")
    drawing.user("one")
    drawing.user("two", variable=second)
    drawing.node(join, "meet")
    drawing.user("after")
    drawing.end()
    drawing.chain("begin", "fork", "one", "meet", "after", "finish")
    drawing.chain("fork", "two", "meet")
    return drawing


def test_a_fork_that_is_joined_passes():
    assert findings(fork()) == ()


def test_a_fork_that_meets_without_a_join_would_run_the_rest_twice():
    assert told(fork("exclusiveGateway")) == {("after", "parallel.meeting")}


def test_a_join_that_waits_for_a_branch_that_may_not_come_is_named():
    drawing = choice()
    drawing.shapes = [shape for shape in drawing.shapes if shape.id != "other"]
    drawing.parallel("join")
    drawing.user("left")
    drawing.user("right")
    drawing.lines = drawing.lines[:2]
    drawing.flow("which", "left", "ask.decision == 'x'")
    drawing.flow("which", "right", None, "else")
    drawing.chain("left", "join", "finish")
    drawing.flow("right", "join")
    assert told(drawing) == {("join", "parallel.stuck")}


def test_two_branches_that_write_one_variable_are_told_apart():
    assert {code for _, code in told(fork(second="one"))} == {"parallel.variable"}


def test_a_reminder_in_a_loop_may_run_beside_itself():
    assert findings(*journey()) == ()


def test_too_many_branches_are_not_waved_through():
    drawing = Drawing("flow")
    drawing.start()
    drawing.parallel("fork")
    drawing.parallel("join")
    drawing.end()
    drawing.chain("begin", "fork")
    drawing.flow("join", "finish")
    for place in range(20):
        drawing.chain("fork", drawing.user(f"task_{place}"), "join")
    assert ("flow", "parallel.unchecked") in told(drawing)


# -- expressions and variables ----------------------------------------------------------------------


def test_a_misspelt_variable_is_noticed_before_a_customer_waits_for_ever():
    assert told(choice('aks.decision == "approve"')) == {("then", "expression.unknown")}


def test_a_misspelt_key_of_a_known_form_is_a_warning():
    (finding,) = findings(choice('ask.decison == "approve"'))
    assert (finding.element, finding.code, finding.level) == ("then", "expression.key", "warning")


@pytest.mark.parametrize("text", ["${ask.decision == 1}", "ask.decision ===", "import os", "ask.upper()"])
def test_a_condition_of_another_language_is_refused(text):
    assert told(choice(text)) == {("then", "expression.refused")}


def test_the_variables_of_callers_and_their_other_calls_count():
    main, called = journey()
    assert "fill" in called.shapes[1].extensions
    assert findings(main, called) == ()
    assert ("update", "expression.unknown") in told(called)


# -- tasks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"form": None}, "task.no_form"),
        ({"form": "absent"}, "task.form"),
        ({"lane": None}, "task.lane"),
        ({"lane": "系统"}, "task.lane"),
        ({"variable": ""}, "task.variable"),
        ({"variable": "len"}, "variable.name"),
        ({"variable": "typename"}, "variable.name"),
        ({"variable": "a b"}, "variable.name"),
        ({"state": "'nowhere'"}, "property.state"),
        ({"state": "draft"}, "expression.unknown"),
        ({"claimedState": "'nowhere'"}, "property.state"),
        ({"step": "somewhere"}, "property.value"),
        ({"back": "yes"}, "property.value"),
        ({"due": "4h"}, "time.duration"),
        ({"due": "P1Y"}, "time.duration"),
        ({"due": "P99999999999999D"}, "time.duration"),
        ({"idle": "P1D"}, "task.idle"),
        ({"notBy": "nobody"}, "task.not_by"),
        ({"decidedBy": "agent"}, "task.decided"),
        ({"decidedBy": "agent", "decisionForm": "nowhere"}, "task.decided"),
        ({"decidedBy": "customer", "decisionForm": "page"}, "task.decided"),
        ({"formKey": "page"}, "property.unknown"),
    ],
)
def test_a_user_task_is_complete_or_says_what_is_missing(given, code):
    drawing = Drawing("flow")
    drawing.start()
    drawing.user("ask", **given)
    drawing.end()
    drawing.chain("begin", "ask", "finish")
    assert told(drawing) == {("ask", code)}


@pytest.mark.parametrize(
    ("operator", "given", "code"),
    [
        ("note.read", {}, "operator.unknown"),
        ("counter.update", {}, "operator.parameter"),
        ("note.write", {"parameters": {"words": "1"}}, "operator.parameter"),
        ("note.write", {"parameters": {"text": "a b"}}, "expression.refused"),
        ("note.write", {"parameters": {"text": "nobody.name"}}, "expression.unknown"),
        ("note.write", {"result": "in"}, "variable.name"),
        ("note.write", {"retry": '<spiffworkflow:retry retries="x"/>'}, "operator.retry"),
    ],
)
def test_a_service_task_calls_only_what_there_is(operator, given, code):
    assert ("work", code) in told(with_service(operator, **given))


def test_a_rule_task_needs_its_table_and_the_tables_inputs():
    drawing = page()
    drawing.rule("decide", "level")
    drawing.chain("begin", "ask", "decide", "finish")
    assert told(drawing) == {("decide", "decision.unknown")}
    assert told(drawing, more={"level.dmn": GOOD}) == {("decide", "decision.input")}


def test_a_call_to_nowhere_is_named():
    drawing = page()
    drawing.call("away", "absent")
    drawing.chain("begin", "ask", "away", "finish")
    assert told(drawing) == {("away", "call.unknown")}


@pytest.mark.parametrize(
    ("definition", "code"),
    [
        ("timer:4 hours", "time.duration"),
        ("timer:R/PT5S", "time.duration"),
        ("timer:PT0S", "time.duration"),
        ("error:OTHER", "error.code"),
        ("error:", "error.missing"),
        ("message:With Draw", "message.name"),
    ],
)
def test_a_boundary_event_can_happen(definition, code):
    drawing = page()
    drawing.service("work", "counter.update", parameters={"changes": "ask"})
    drawing.on("work", "event", definition)
    drawing.chain("begin", "ask", "work", "finish")
    drawing.flow("event", "finish")
    assert ("event", code) in told(drawing)


def test_an_error_of_a_called_process_may_be_caught_at_the_call():
    main, called = journey()
    main.on("apply", "failed", "error:COUNTER")
    main.end("over")
    main.flow("failed", "over")
    assert findings(main, called) == ()


# -- the process and its drawing --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"attributes": 'isExecutable="false"'}, "process.executable"),
        ({"attributes": ""}, "process.executable"),
        ({"name": "phone"}, "process.name"),
        ({"properties": {"businessType": "x"}}, "property.value"),
        ({"properties": {"owner": "x"}}, "property.unknown"),
    ],
)
def test_the_process_itself_is_complete(change, code):
    drawing = line()
    for name, value in change.items():
        setattr(drawing, name, value)
    assert told(drawing) == {("flow", code)}


def test_the_process_is_called_like_its_file():
    found = lint({"phone.bpmn": line().xml()}, forms=FORMS, operators=OPERATORS)
    assert [(f.element, f.code) for f in found] == [("flow", "process.id")]


def test_what_runs_is_also_drawn_so_that_the_second_person_sees_it():
    drawing = line()
    drawing.drawn = False
    assert ("ask", "drawing.missing") in told(drawing)
    assert ("ask_to_finish", "drawing.missing") in told(drawing)


def test_colours_pools_and_notes_of_a_modeler_are_no_matter():
    drawing = line()
    drawing.raw('<bpmn:textAnnotation id="note"><bpmn:text>请核对</bpmn:text></bpmn:textAnnotation>')
    drawing.raw('<bpmn:association id="tie" sourceRef="ask" targetRef="note"/>')
    drawing.beside.append(
        '<bpmn:collaboration id="pools"><bpmn:participant id="pool" name="池" processRef="flow"/>'
        "</bpmn:collaboration>"
    )
    xml = drawing.xml().replace(
        b'bpmnElement="ask"',
        b'bpmnElement="ask" xmlns:bioc="http://bpmn.io/schema/bpmn/biocolor/1.0" bioc:stroke="#0d4372"',
    )
    assert lint({"flow.bpmn": xml}, forms=FORMS, operators=OPERATORS) == ()


def test_a_warning_does_not_stop_publishing():
    assert errors(findings(choice('ask.decison == "approve"'))) == ()


def test_subprocesses_of_one_release_may_share_an_id_unless_they_run_together():
    def part(name: str) -> Drawing:
        inner = Drawing("inner")
        inner.start(f"{name}_in")
        inner.user(f"{name}_ask")
        inner.end(f"{name}_out")
        inner.chain(f"{name}_in", f"{name}_ask", f"{name}_out")
        drawing = Drawing(name)
        drawing.start()
        drawing.subprocess("inner", inner, lane="customer")
        drawing.end()
        drawing.chain("begin", "inner", "finish")
        return drawing

    one, two = part("one"), part("two")
    assert findings(one, two) == ()
    two.shapes = [shape for shape in two.shapes if shape.id != "finish"]
    two.lines = two.lines[:1]
    two.call("away", "one")
    two.end()
    two.chain("inner", "away", "finish")
    assert ("inner", "id.elsewhere") in told(one, two)


def test_a_parameter_named_like_an_element_is_named():
    drawing = page()
    drawing.service("note", parameters={"ask": "'x'"})
    drawing.chain("begin", "ask", "note", "finish")
    assert ("note", "id.parameter") in told(drawing)
