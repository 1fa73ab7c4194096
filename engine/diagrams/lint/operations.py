"""What tasks call: operators with their parameters, decision tables, other processes."""

import re

from lxml import etree

from engine.diagrams.lint import grammar
from engine.diagrams.lint.model import Diagram, Node, called
from engine.diagrams.lint.release import Release
from engine.diagrams.lint.written import check_expression, check_name


def service_task(diagram: Diagram, node: Node, release: Release, known: frozenset[str]) -> None:
    """Judge the operator of a service task and what it is given."""
    operator = node.extension("serviceTaskOperator")
    name = operator.get("id", "") if operator is not None else ""
    if operator is None or not name:
        diagram.about(
            node, "operator.missing", "没有选择处理能力；请在属性面板选择", "names no operator; choose one"
        )
        return
    info = release.operators.get(name)
    if info is None:
        near = [other for other in sorted(release.operators) if other.split(".")[0] == name.split(".")[0]]
        diagram.about(
            node,
            "operator.unknown",
            f"的处理能力“{name}”不存在；请另选一个{'，例如 ' + '、'.join(near) if near else ''}",
            f"names the operator {name!r}, which nobody offers{'; near: ' + ', '.join(near) if near else ''}",
        )
        return
    check_name(diagram, node, "operator.result")
    given: set[str] = set()
    for item in operator.iter(f"{{{grammar.SPIFF}}}parameter"):
        key, value = item.get("id", ""), item.get("value")
        label_zh, label_en = called(node.kind, node.name or node.id)
        if key in given or value is None or not item.get("type"):
            diagram.about(
                node,
                "operator.parameter",
                f"的参数“{key}”写了两次，或缺少类型或值；请在属性面板重新填写",
                f"has the parameter {key!r} twice, or without a type or value; fill it in again",
            )
        given.add(key)
        if key not in info.parameters:
            diagram.about(
                node,
                "operator.parameter",
                f"的参数“{key}”是“{name}”没有的；可用：{'、'.join(info.parameters) or '无'}",
                f"has the parameter {key!r}, which {name} does not take; it takes "
                f"{', '.join(info.parameters) or 'none'}",
            )
        if value is not None:
            where = (f"{label_zh}的参数“{key}”", f"the parameter {key} of {label_en}")
            read_expression(diagram, node.id, where, value, known, release)
    for key in (key for key, needed in info.parameters.items() if needed and key not in given):
        diagram.about(
            node,
            "operator.parameter",
            f"缺少“{name}”必需的参数“{key}”；请在属性面板填写",
            f"lacks the parameter {key!r}, which {name} needs",
        )
    retry = operator.find(f"{{{grammar.SPIFF}}}retry")
    if retry is not None:
        _retry(diagram, node, retry, info.job)


def _retry(diagram: Diagram, node: Node, retry: etree._Element, job: bool) -> None:
    if not re.fullmatch(r"\d|1\d|20", retry.get("retries", "0")) or not re.fullmatch(
        r"[1-9]\d{0,3}", retry.get("backoff_base", "1")
    ):
        diagram.about(
            node,
            "operator.retry",
            "的重试次数应为 0 至 20 的整数，间隔应为 1 至 9999 秒",
            "retries 0 to 20 times, after 1 to 9999 seconds",
        )
    if not job:
        diagram.about(
            node,
            "operator.retry",
            "设置了重试，但它立即完成，不会重试；请删去",
            "has retries, but its operator runs at once and is never retried; remove them",
            "warning",
        )


def rule_task(diagram: Diagram, node: Node, release: Release, known: frozenset[str]) -> None:
    """Judge the decision table of a rule task and what it reads."""
    reference = node.extension("calledDecisionId")
    name = (reference.text or "").strip() if reference is not None else ""
    table = release.tables.get(name)
    check_name(diagram, node, "decision.result")
    if table is None:
        diagram.about(
            node,
            "decision.unknown",
            f"引用的决策表“{name}”不存在；请建立 {name or '决策表'}.dmn，或另选一个",
            f"refers to the decision table {name!r}, which does not exist",
        )
        return
    for variable in sorted(table.names - known):
        diagram.about(
            node,
            "decision.input",
            f"的决策表“{name}”用到变量“{variable}”，但没有任务保存它；请检查拼写",
            f"uses the table {name!r}, which reads “{variable}” that no task stores; check the spelling",
        )


def call(diagram: Diagram, node: Node, release: Release) -> None:
    """Judge what a call activity calls."""
    name = node.element.get("calledElement", "")
    if name not in release.diagrams:
        diagram.about(
            node,
            "call.unknown",
            f"调用的流程“{name}”不存在；请另选一个流程",
            f"calls the process {name!r}, which does not exist; choose another",
        )


def read_expression(
    diagram: Diagram, element: str, where: tuple[str, str], text: str, known: frozenset[str], release: Release
) -> None:
    """Judge an expression, and warn of keys that no form of that variable asks for."""
    expression = check_expression(diagram, element, where, text, known)
    if expression is None:
        return
    for path in sorted(path for path in expression.paths if len(path) > 1):
        asked = release.asked.get(path[0])
        if asked is not None and path[1] not in asked:
            diagram.report(
                element,
                "expression.key",
                f"{where[0]}用到“{path[0]}.{path[1]}”，但相应表单里没有“{path[1]}”；请检查拼写",
                f"{where[1]} reads “{path[0]}.{path[1]}”, but no such form asks for “{path[1]}”",
                "warning",
            )
