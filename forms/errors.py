"""What can go wrong with forms and answers.

FormsError
├── UnknownForm        no form has this name
├── FormRefused        the file is not a form of the closed subset
├── AnswersRejected    something on the page has to be corrected or confirmed
└── CheckNotRun        a check that the form asks for was not run before the answers were judged
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["error", "warning", "notice"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One sentence about one answer."""

    key: str
    """Where: the HTML name of the question, as ``tax.residences.0.tin``; empty for the whole page."""
    message: str
    """What to do, in Chinese."""
    level: Level = "error"
    """An error has to be corrected, a warning corrected or confirmed, a notice only read."""
    code: str = ""
    """Stable name; a confirmed warning leaves it on the case as a flag."""
    confirmed: bool = False
    """The customer ticked that this warning was read."""
    clears: bool = False
    """The answer is not kept: the page shows the question empty again."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A mark for the reviewer that needs no word to the customer."""

    code: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a form file, and where."""

    element: str
    """Key, id or position of the component; ``form`` for the file itself."""
    sentence_zh: str
    sentence_en: str


class FormsError(Exception):
    """Something is wrong with a form or with what was typed into it."""


class UnknownForm(FormsError):
    """No form has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no form is called {name!r}")
        self.name = name


class FormRefused(FormsError):
    """The file is not a form of the closed subset."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(f"{one.element}: {one.sentence_en}" for one in findings))
        self.findings = tuple(findings)


class AnswersRejected(FormsError):
    """Something on the page has to be corrected or confirmed."""

    def __init__(self, problems: Sequence[Problem], answers: Mapping[str, Any] | None = None) -> None:
        super().__init__("; ".join(f"{one.key or 'page'}: {one.code or one.level}" for one in problems))
        self.problems = tuple(problems)
        #: What was typed, normalised, for showing the page again; refused choices are empty here.
        self.answers = dict(answers or {})


class CheckNotRun(FormsError):
    """A check that the form asks for was not run before the answers were judged."""

    def __init__(self, name: str) -> None:
        super().__init__(f"check {name!r} has no verdict")
        self.name = name


@dataclass(frozen=True, slots=True)
class Accepted:
    """Answers that may be stored."""

    answers: dict[str, Any]
    """Only keys the form asks for; with ``flags`` when there are any."""
    flags: tuple[str, ...] = ()
    """Marks for the reviewer, each once."""
    notices: tuple[Problem, ...] = ()
    """What the customer should read and need not act on."""
    checks: tuple[str, ...] = field(default=())
    """Names of the checks that the questions on the page ask for."""
