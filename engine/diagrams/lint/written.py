"""Variables: what each shape stores, under which name, and what expressions may read."""

import keyword
import re

from engine.diagrams.lint.model import Diagram, Node
from forms.expressions import FUNCTIONS, Expression, ExpressionRefused, compile_expression

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
#: Names with a meaning inside SpiffWorkflow's own data.
_RESERVED = frozenset({"data_objects", "typename"})


def of_node(node: Node) -> set[str]:
    """Return the variable that a task itself stores its answer or result under."""
    found: str | None = None
    if node.kind == "userTask":
        element = node.extension("variableName")
        found = element.text if element is not None else None
    elif node.kind == "serviceTask":
        element = node.extension("serviceTaskOperator")
        found = element.get("resultVariable") if element is not None else None
    elif node.kind == "businessRuleTask":
        found = node.properties.get("result")
    return {found.strip()} if found and found.strip() else set()


def check_name(diagram: Diagram, node: Node, code: str) -> None:
    """Refuse a missing variable, and names that expressions could not read."""
    names = of_node(node)
    if not names:
        diagram.about(
            node,
            code,
            "没有设置“保存为”变量；请在属性面板填写英文变量名",
            "names no variable to store its result under; give it one",
        )
    for name in names:
        if not _NAME.fullmatch(name) or keyword.iskeyword(name) or name in FUNCTIONS | _RESERVED:
            diagram.about(
                node,
                "variable.name",
                f"的变量名“{name}”不能使用；请用英文字母开头、由字母数字和下划线组成的其他名称",
                f"stores under “{name}”, which is not usable; take letters, digits and underscores",
            )


def check_expression(
    diagram: Diagram, element: str, where: tuple[str, str], text: str, known: frozenset[str]
) -> Expression | None:
    """Refuse an expression that does not compile or reads what nobody stores.

    :param where: what the expression belongs to, in Chinese and English.
    """
    zh, en = where
    try:
        expression = compile_expression(text)
    except ExpressionRefused as refused:
        diagram.report(
            element,
            "expression.refused",
            f"{zh}的表达式“{text[:80]}”无法识别：{refused.why_zh}",
            f"the expression of {en} “{text[:80]}” {refused.why}",
        )
        return None
    for name in sorted(expression.names - known):
        near = [other for other in sorted(known) if other.lower() == name.lower()]
        hint_zh = f"；是不是“{near[0]}”？" if near else "；请检查拼写，文字要加引号"
        hint_en = f"; is it “{near[0]}”?" if near else "; check the spelling, and quote texts"
        diagram.report(
            element,
            "expression.unknown",
            f"{zh}用到变量“{name}”，但没有任务保存它{hint_zh}",
            f"{en} reads “{name}”, which no task stores{hint_en}",
        )
    return expression
