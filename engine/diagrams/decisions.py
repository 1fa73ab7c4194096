"""Decision tables: DMN files as dmn-js draws them, read and evaluated by ourselves.

Only what an analyst needs and we can promise: one table a file, hit policy UNIQUE, cells in the
closed language with DMN's unary tests around it (``engine.diagrams.cells``). A table answers as a
whole: no rule, or more than one, is a mistake and raises.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from engine.diagrams import xml_gate
from engine.diagrams.cells import Cell, read_cell, split
from engine.diagrams.findings import DiagramRefused, Finding, errors
from engine.errors import EngineError
from forms.expressions import Expression, ExpressionRefused, compile_expression

#: DMN 1.3, which dmn-js 17 writes.
DMN = "https://www.omg.org/spec/DMN/20191111/MODEL/"
#: Most rules, and most columns, of one table.
MOST_RULES, MOST_COLUMNS = 500, 20

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class DecisionFailed(EngineError):
    """A decision table does not decide this."""


class NoRuleMatched(DecisionFailed):
    """No rule of the decision table fits."""


class SeveralRulesMatched(DecisionFailed):
    """More than one rule of the decision table fits."""

    def __init__(self, decision: str, rules: tuple[str, ...]) -> None:
        super().__init__(f"{decision}: rules {', '.join(rules)} fit at once")
        self.rules = rules


@dataclass(frozen=True, slots=True)
class Column:
    """One input column."""

    element: str
    label: str
    expression: Expression
    #: The values an analyst listed as possible; empty when not listed.
    allowed: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One row."""

    element: str
    cells: tuple[Cell, ...]
    results: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision table, ready to decide."""

    id: str
    name: str
    columns: tuple[Column, ...]
    outputs: tuple[str, ...]
    rules: tuple[Rule, ...]

    @property
    def names(self) -> frozenset[str]:
        """The variables of the case that the table reads."""
        found = [column.expression for column in self.columns]
        for rule in self.rules:
            found.extend(rule.results)
            for cell in rule.cells:
                found.extend(cell.expressions)
        return frozenset().union(*(expression.names for expression in found))

    def matching(self, inputs: tuple[Any, ...], data: Mapping[str, Any]) -> list[Rule]:
        """Return the rules that fit these input values."""
        return [
            rule
            for rule in self.rules
            if all(cell.test(value, data) for cell, value in zip(rule.cells, inputs, strict=True))
        ]

    def decide(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return every output of the one rule that fits.

        :raises NoRuleMatched: when none does.
        :raises SeveralRulesMatched: when more than one does.
        """
        fitting = self.matching(tuple(column.expression.evaluate(data) for column in self.columns), data)
        if not fitting:
            raise NoRuleMatched(f"{self.id}: no rule fits")
        if len(fitting) > 1:
            raise SeveralRulesMatched(self.id, tuple(rule.element for rule in fitting))
        results = fitting[0].results
        return {name: result.evaluate(data) for name, result in zip(self.outputs, results, strict=True)}


def parse(xml: bytes, name: str = "") -> Decision:
    """Read a decision table.

    :raises DiagramRefused: with what to change.
    """
    return _Reading(name, xml_gate.read(name, xml)).decision()


class _Reading:
    """Reads one file; remembers what is wrong with it."""

    #: Elements beside the table that draw it or describe it, and decide nothing.
    IDLE = frozenset({"description", "inputData", "informationRequirement", "variable", "annotation"})

    def __init__(self, file: str, root: etree._Element) -> None:
        self.file = file
        self.root = root
        self.findings: list[Finding] = []

    def report(self, element: str, code: str, zh: str, en: str) -> None:
        self.findings.append(Finding(self.file, element, code, zh, en))

    def decision(self) -> Decision:
        if self.root.tag != f"{{{DMN}}}definitions":
            self.report("", "table.kind", "这不是 DMN 1.3 决策表文件", "this is not a DMN 1.3 file")
            raise DiagramRefused(self.findings)
        decisions = self.children(self.root, "decision")
        tables = self.children(decisions[0], "decisionTable") if len(decisions) == 1 else []
        for element in self.root.iter():
            if not isinstance(element.tag, str) or (element.tail and element.tail.strip()):
                self.report(
                    "", "table.comment", "文件含有注释或多余文字；请删去", "remove comments and stray text"
                )
                break
        if len(tables) != 1:
            self.report(
                "", "table.one", "一个文件里要有且只有一张决策表", "a file holds exactly one decision table"
            )
            raise DiagramRefused(self.findings)
        self.elements(decisions[0], tables[0])
        decision = self.table(decisions[0], tables[0])
        if errors(self.findings):
            raise DiagramRefused(self.findings)
        return decision

    def children(self, parent: etree._Element, name: str) -> list[etree._Element]:
        return parent.findall(f"{{{DMN}}}{name}")

    def elements(self, decision: etree._Element, table: etree._Element) -> None:
        """Refuse what would decide something elsewhere: invocations, functions, other decisions."""
        for parent, known in ((self.root, {"decision"}), (decision, {"decisionTable"})):
            for child in parent:
                tag = etree.QName(child).localname if isinstance(child.tag, str) else ""
                ours = isinstance(child.tag, str) and child.tag.startswith(f"{{{DMN}}}")
                if ours and tag not in known | self.IDLE:
                    self.report(
                        child.get("id", ""),
                        "table.element",
                        f"不支持“{tag}”；请只用一张决策表",
                        f"{tag!r} is not supported; use one decision table",
                    )
        for child in decision.iter(f"{{{DMN}}}requiredDecision"):
            self.report(
                child.getparent().get("id", ""),  # type: ignore[union-attr]
                "table.element",
                "决策表不能依赖另一个决策；请在流程图中先后使用两个业务规则任务",
                "a table cannot require another decision; use two rule tasks one after the other",
            )
        policy = table.get("hitPolicy", "UNIQUE")
        if policy != "UNIQUE" or table.get("aggregation"):
            self.report(
                table.get("id", ""),
                "table.policy",
                f"命中策略“{policy}”不支持；请选“唯一”（UNIQUE），并让各规则互不重叠",
                f"hit policy {policy!r} is not supported; use UNIQUE and let no rules overlap",
            )

    def table(self, decision: etree._Element, table: etree._Element) -> Decision:
        inputs, outputs = self.children(table, "input"), self.children(table, "output")
        rules = self.children(table, "rule")
        if not inputs or not outputs or not rules:
            self.report(
                table.get("id", ""),
                "table.empty",
                "决策表至少要有一个输入、一个输出和一条规则",
                "a table needs an input, an output and a rule",
            )
        if len(rules) > MOST_RULES or len(inputs) + len(outputs) > MOST_COLUMNS:
            self.report(
                table.get("id", ""),
                "table.too_large",
                f"决策表最多 {MOST_RULES} 条规则、{MOST_COLUMNS} 列；请拆成几张表",
                f"a table has at most {MOST_RULES} rules and {MOST_COLUMNS} columns; split it",
            )
            raise DiagramRefused(self.findings)
        columns = [column for item in inputs if (column := self.column(item)) is not None]
        names = [self.output(item) for item in outputs]
        for name in {name for name in names if names.count(name) > 1}:
            self.report(
                table.get("id", ""),
                "table.output",
                f"有两个输出都叫“{name}”",
                f"two outputs are called {name!r}",
            )
        rows = [row for rule in rules if (row := self.rule(rule, len(inputs), len(outputs))) is not None]
        return Decision(
            decision.get("id", ""), decision.get("name", ""), tuple(columns), tuple(names), tuple(rows)
        )

    def column(self, item: etree._Element) -> Column | None:
        element, label = item.get("id", ""), item.get("label") or ""
        written = item.find(f"{{{DMN}}}inputExpression")
        text = self.text(written)
        expression = self.expression(element, text)
        listed = self.text(item.find(f"{{{DMN}}}inputValues"))
        allowed: list[Any] = []
        for part in split(listed) if listed else ():
            value = self.expression(element, part)
            if value is not None:
                allowed.append(value.evaluate({}))
        if expression is None:
            return None
        return Column(element, label or text, expression, tuple(allowed))

    def output(self, item: etree._Element) -> str:
        name = item.get("name") or ""
        if not _WORD.fullmatch(name):
            self.report(
                item.get("id", ""),
                "table.output",
                f"输出名称“{name}”只能用英文字母、数字和下划线，并以字母开头",
                f"the output name {name!r} must be letters, digits and underscores",
            )
        return name

    def rule(self, item: etree._Element, inputs: int, outputs: int) -> Rule | None:
        element = item.get("id", "")
        entries, results = self.children(item, "inputEntry"), self.children(item, "outputEntry")
        if len(entries) != inputs or len(results) != outputs:
            self.report(
                element,
                "table.rule",
                "规则的格数与列数不一致；请用建模工具重新导出",
                "the rule has another number of cells than the table has columns",
            )
            return None
        cells, given = [], []
        for entry in entries:
            name = entry.get("id", element)
            try:
                cells.append(read_cell(name, self.text(entry)))
            except ExpressionRefused as refused:
                self.refused(name, refused)
        for entry in results:
            result = self.expression(entry.get("id", element), self.text(entry) or "null")
            if result is not None:
                given.append(result)
        return Rule(element, tuple(cells), tuple(given))

    def expression(self, element: str, text: str) -> Expression | None:
        try:
            return compile_expression(text)
        except ExpressionRefused as refused:
            self.refused(element, refused)
            return None

    def refused(self, element: str, refused: ExpressionRefused) -> None:
        self.report(
            element,
            "table.expression",
            f"单元格“{refused.text[:80]}”无法识别：{refused.why_zh}",
            f"the cell {refused.text[:80]!r} {refused.why}",
        )

    def text(self, element: etree._Element | None) -> str:
        found = None if element is None else element.findtext(f"{{{DMN}}}text")
        return (found or "").strip()
