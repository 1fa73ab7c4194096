"""Decision tables: do two rules overlap, and is something not decided?

The table is tried on values taken from its own cells: every literal, a number just below and just
above it, and a text that no rule names. An overlap is an error, since the hit policy is UNIQUE; a gap
is a warning, since the input may never have that value.
"""

from collections.abc import Iterator
from itertools import islice, product
from typing import Any

import orjson

from engine.diagrams.decisions import Column, Decision, parse
from engine.diagrams.findings import DiagramRefused, Finding

#: Most cells looked at while trying combinations of input values; about a second.
MOST_LOOKED_AT = 500_000
#: Stands for a text that no rule of the table names.
ANOTHER_TEXT = "其他"


def lint_decision(name: str, xml: bytes) -> tuple[Finding, ...]:
    """Return what is wrong with the table in file ``name``."""
    try:
        decision = parse(xml, name)
    except DiagramRefused as refused:
        return refused.findings
    stem = name.removesuffix(".dmn")
    if decision.id != stem:
        return (
            Finding(
                name,
                decision.id,
                "table.id",
                f"决策的编号“{decision.id}”与文件名“{stem}”不同；请把编号改成“{stem}”",
                f"the decision's id {decision.id!r} differs from the file's name {stem!r}",
            ),
        )
    return overlaps_and_gaps(name, decision)


def overlaps_and_gaps(file: str, decision: Decision) -> tuple[Finding, ...]:
    """Try the table; return at most one gap, and each pair of overlapping rules once."""
    found: dict[tuple[str, ...], Finding] = {}
    choices = [_candidates(decision, place, column) for place, column in enumerate(decision.columns)]
    most = MOST_LOOKED_AT // (len(decision.rules) * len(decision.columns))
    for inputs in islice(product(*choices), most):
        fitting = decision.matching(inputs, {})
        example = "，".join(
            f"{column.label} = {orjson.dumps(value).decode()}"
            for column, value in zip(decision.columns, inputs, strict=True)
        )
        rules = tuple(rule.element for rule in fitting)
        if not rules and () not in found:
            found[()] = Finding(
                file,
                decision.id,
                "table.gap",
                f"没有规则适用于：{example}；如会出现这种情况，请补一条规则",
                f"no rule fits {example}; add one if this can happen",
                "warning",
            )
        elif len(rules) > 1:
            numbers = "、".join(str(decision.rules.index(rule) + 1) for rule in fitting)
            found.setdefault(
                rules[:2],
                Finding(
                    file,
                    rules[1],
                    "table.overlap",
                    f"第 {numbers} 条规则同时适用于：{example}；请修改条件，使每种情况只有一条规则适用",
                    f"rules {numbers} fit {example} at once; change them so that one rule fits",
                ),
            )
    return tuple(found.values())


def _candidates(decision: Decision, place: int, column: Column) -> list[Any]:
    """Return the values of one input that the cells tell apart."""
    if column.allowed:
        return list(column.allowed)
    literals = list(_literals(decision, place))
    if any(isinstance(value, bool) for value in literals):
        return [True, False]
    texts = sorted({value for value in literals if isinstance(value, str)})
    numbers = {value for value in literals if isinstance(value, int | float)}
    around = sorted({value + step for value in numbers for step in (-1, 0, 1)})
    return [*texts, *([ANOTHER_TEXT] if texts else []), *around] or [None]


def _literals(decision: Decision, place: int) -> Iterator[Any]:
    for rule in decision.rules:
        for expression in rule.cells[place].expressions:
            if not expression.names:
                value = expression.evaluate({})
                yield from value if isinstance(value, list) else [value]
