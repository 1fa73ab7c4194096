"""Decision tables: one rule decides, and a table that cannot decide says so."""

from xml.sax.saxutils import escape

import pytest

from engine.diagrams.cells import read_cell
from engine.diagrams.decisions import NoRuleMatched, SeveralRulesMatched, parse
from engine.diagrams.findings import DiagramRefused
from engine.diagrams.lint.tables import lint_decision

Row = tuple[str, str, str]


def table(
    *rows: Row, policy: str = "", decision: str = "level", extra: str = "", first: str = "kind"
) -> bytes:
    """Write a table of two inputs, ``kind`` and ``count``, and the output ``levels``."""
    rules = "".join(
        f'<rule id="rule_{place}">'
        f'<inputEntry id="a{place}"><text>{escape(one)}</text></inputEntry>'
        f'<inputEntry id="b{place}"><text>{escape(two)}</text></inputEntry>'
        f'<outputEntry id="c{place}"><text>{escape(result)}</text></outputEntry></rule>'
        for place, (one, two, result) in enumerate(rows, start=1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="definitions" name="n"'
        ' namespace="http://camunda.org/schema/1.0/dmn">'
        f'<decision id="{decision}" name="几级复核">{extra}<decisionTable id="table"{policy}>'
        '<input id="in1" label="类型">'
        f'<inputExpression id="e1"><text>{escape(first)}</text></inputExpression></input>'
        '<input id="in2" label="数量">'
        '<inputExpression id="e2"><text>count</text></inputExpression></input>'
        f'<output id="out" name="levels"/>{rules}</decisionTable></decision></definitions>'
    ).encode()


GOOD = table(('"a"', "-", "0"), ('not("a")', "< 3", "1"), ('not("a")', ">= 3", "count - 1"))


@pytest.mark.parametrize(
    ("kind", "count", "levels"), [("a", 9, 0), ("b", 2, 1), ("b", 3, 2), ("anything", 3.5, 2.5)]
)
def test_the_one_fitting_rule_gives_the_whole_result(kind, count, levels):
    assert parse(GOOD).decide({"kind": kind, "count": count}) == {"levels": levels}


def test_a_case_that_no_rule_fits_is_not_decided_silently():
    with pytest.raises(NoRuleMatched):
        parse(GOOD).decide({"kind": "b"})


def test_two_fitting_rules_are_named():
    overlapping = parse(table(('"a"', "-", "1"), ("-", "1", "2")))
    with pytest.raises(SeveralRulesMatched) as refused:
        overlapping.decide({"kind": "a", "count": 1})
    assert refused.value.rules == ("rule_1", "rule_2")


@pytest.mark.parametrize(
    ("cell", "yes", "no"),
    [
        ('"a"', ["a"], ["b", None, 1]),
        ('"a","b"', ["a", "b"], ["c", "a,b"]),
        ('"a,b"', ["a,b"], ["a", "b"]),
        ('not("a","b")', ["c", None], ["a", "b"]),
        ("5", [5, 5.0], [4, "5", True]),
        ("true", [True], [False, 1, None]),
        (">= 5", [5, 6], [4, None, "9"]),
        ("<5", [4], [5]),
        ('!= "x"', ["y", None], ["x"]),
        ("[1..60]", [1, 60], [0, 61, None]),
        ("(1..60)", [2, 59], [1, 60]),
        ("[1..3],[7..9]", [2, 8], [5]),
        ("limit", [4], [5]),
        ('["a", "b"]', ["a", ["a", "b"]], ["c"]),
        ("null", [None], ["x"]),
        ("", ["x", None], []),
    ],
)
def test_a_cell_means_what_dmn_says(cell, yes, no):
    test = read_cell("cell", cell).test
    assert all(test(value, {"limit": 4}) for value in yes)
    assert not any(test(value, {"limit": 4}) for value in no)


@pytest.mark.parametrize(
    "cell",
    [
        "__import__('os').system('id')",
        "? * 2",
        'date("2026-01-01")',
        "for x in y return x",
        "[1..",
        "a" * 1001,
        "[" + ".." * 400,
        "9" * 400,
    ],
)
def test_code_in_a_cell_is_refused_with_the_cells_id(cell):
    with pytest.raises(DiagramRefused) as refused:
        parse(table((cell, "-", "1")))
    assert refused.value.findings[0].element == "a1"


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (table(("-", "-", "1"), policy=' hitPolicy="FIRST"'), "table.policy"),
        (table(("-", "-", "1"), policy=' hitPolicy="COLLECT" aggregation="SUM"'), "table.policy"),
        (table(), "table.empty"),
        (table(("-", "-", "os.system('x')")), "table.expression"),
        (table(("-", "-", "1"), first="().__class__"), "table.expression"),
        (table(("-", "-", "1"), decision="other"), "table.id"),
        (
            table(("-", "-", "1"), extra='<literalExpression id="l"><text>1</text></literalExpression>'),
            "table.element",
        ),
        (
            table(
                ("-", "-", "1"),
                extra='<informationRequirement id="i"><requiredDecision href="#x"/></informationRequirement>',
            ),
            "table.element",
        ),
        (b"<a/>", "table.kind"),
        (b"<!DOCTYPE a><a/>", "xml.doctype"),
        (table(('"a"', "-", "1"), ('"a"', "1", "2")), "table.overlap"),
        (table(("-", "[1..3]", "1"), ("-", "[3..5]", "2")), "table.overlap"),
        (table(('"a"', "-", "1")), "table.gap"),
    ],
)
def test_the_analyst_is_told_what_the_table_cannot_do(xml, code):
    assert code in {finding.code for finding in lint_decision("level.dmn", xml)}


def test_a_complete_table_has_no_findings():
    assert lint_decision("level.dmn", GOOD) == ()


def test_a_gap_is_only_a_warning_and_shows_an_example():
    (gap,) = lint_decision("level.dmn", table(('"a"', "-", "1")))
    assert gap.level == "warning"
    assert "类型 = " in gap.sentence_zh


def test_the_variables_a_table_reads_are_known():
    assert parse(table(("limit", "-", "fee"), first="profile.kind")).names == {
        "profile",
        "count",
        "limit",
        "fee",
    }
