"""The linter: what an analyst must mend before a diagram may be published.

SpiffWorkflow accepts and silently ignores much of BPMN, runs Python wherever a diagram holds text,
and can be made to loop for ever while parsing. So it only ever sees diagrams that passed here: a
whitelist of elements and attributes first, then the graph, then what the tasks refer to. Every finding
names the shape and says what to do.
"""

from collections.abc import Collection, Mapping

from engine.diagrams import xml_gate
from engine.diagrams.decisions import Decision
from engine.diagrams.decisions import parse as parse_decision
from engine.diagrams.findings import DiagramRefused, Finding, errors
from engine.diagrams.lint import calls, elements, graph, model, tasks, times, tokens
from engine.diagrams.lint.release import START_DATA, OperatorInfo, Release
from engine.diagrams.lint.tables import lint_decision

#: Most files judged together.
MOST_FILES = 100


def lint(
    files: Mapping[str, bytes],
    *,
    forms: Collection[str],
    operators: Mapping[str, OperatorInfo],
    start_data: frozenset[str] = START_DATA,
) -> tuple[Finding, ...]:
    """Return everything wrong with diagrams and tables that are published together.

    :param files: contents by name; ``.bpmn`` are diagrams, ``.dmn`` tables; others are not looked at.
    :param forms: names of the forms; a mapping to the keys of their answers finds misspelt keys too.
    :param operators: the operators that service tasks may name.
    :param start_data: the variables a case has from its start.
    """
    findings: list[Finding] = []
    tables: dict[str, Decision] = {}
    diagrams: list[model.Diagram] = []
    for name in sorted(files)[:MOST_FILES]:
        if name.endswith(".dmn"):
            found = lint_decision(name, files[name])
            findings.extend(found)
            if not errors(found):
                table = parse_decision(files[name], name)
                tables[table.id] = table
        elif name.endswith(".bpmn"):
            diagram = _read(name, files[name], findings)
            if diagram is not None:
                diagrams.append(diagram)
    if len(files) > MOST_FILES:
        findings.append(
            Finding(
                "", "", "file.many", f"文件超过 {MOST_FILES} 个", f"there are more than {MOST_FILES} files"
            )
        )
    by_id: dict[str, model.Diagram] = {}
    for diagram in diagrams:
        by_id.setdefault(diagram.process.id, diagram)
    release = Release(by_id, tables, forms, operators, start_data)
    _judge(diagrams, release)
    for diagram in diagrams:
        findings.extend(diagram.findings)
    return tuple(dict.fromkeys(findings))


def _read(name: str, data: bytes, findings: list[Finding]) -> model.Diagram | None:
    try:
        diagram = model.read(name, xml_gate.read(name, data))
    except DiagramRefused as refused:
        findings.extend(refused.findings)
        return None
    if diagram is None:
        findings.append(
            Finding(
                name, "", "file.empty", "文件里没有流程；请画一个流程", "the file holds no process; draw one"
            )
        )
    return diagram


def _judge(diagrams: list[model.Diagram], release: Release) -> None:
    for diagram in diagrams:
        elements.check(diagram)
        graph.check(diagram)
    closed = calls.check(diagrams, release)
    for diagram in diagrams:
        tasks.check(diagram, release)
        times.check(diagram, release)
        # Loops and branches can only be followed where flows lead from shape to shape.
        if not closed and not any(f.code.startswith(("flow.", "graph.", "id.")) for f in diagram.findings):
            graph.loops(diagram, release.waits)
            for scope in diagram.scopes:
                tokens.check(diagram, scope, release.writes(diagram))
