"""Rules by name: what a form may put into ``properties.rule`` and ``properties.rules``.

A rule of a question gets the question with its tidied answer; it is asked only when there is an answer,
unless it says ``empty=True``. A rule of a page gets all its answers.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from forms.context import Asked, Context
from forms.errors import Flag, Problem
from forms.schema import Form

Found = Problem | Flag
Judge = Callable[[Asked], Iterable[Found]]
PageJudge = Callable[[Form, Mapping[str, Any], Context], Iterable[Found]]


@dataclass(frozen=True)
class Rule:
    """One rule of a question."""

    name: str
    judge: Judge
    tidy: Callable[[str], str] | None = None
    """How the answer is written before it is judged and stored."""
    empty: bool = False
    """The rule also judges when nothing was answered."""


RULES: dict[str, Rule] = {}
PAGE_RULES: dict[str, PageJudge] = {}

J = TypeVar("J", bound=Judge)
P = TypeVar("P", bound=PageJudge)


def rule(name: str, *, tidy: Callable[[str], str] | None = None, empty: bool = False) -> Callable[[J], J]:
    """Offer a function to questions under ``name``."""

    def offer(judge: J) -> J:
        RULES[name] = Rule(name, judge, tidy, empty)
        return judge

    return offer


def page_rule(name: str) -> Callable[[P], P]:
    """Offer a function to pages under ``name``."""

    def offer(judge: P) -> P:
        PAGE_RULES[name] = judge
        return judge

    return offer
