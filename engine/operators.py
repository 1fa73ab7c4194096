"""Operators and checks: what handlers offer to the diagrams and forms, by name.

An *operator* does the work of a service task. Quick and pure ones run inside the step; anything slow
or outward is a job, run by a worker at least once and safe to run twice.
A *check* is a form's question that needs looking something up; it runs before the step, and what must
hold under a race is consumed again inside it.

OperatorFailed
├── OperatorError   the business says no: an error boundary of its code, else an incident
└── RetryLater      not now: the same job again after a while
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from engine.errors import UnknownOperator

if TYPE_CHECKING:
    from engine.parameters import Parameters
    from engine.store import CaseKey, Database, FileStore, Keyring


@dataclass(frozen=True)
class Actor:
    """Who acts.

    :param id: the customer's or member of staff's id, or the name of a system part.
    :param branches: the branches a member of staff may see; empty for all.
    :param session: tells devices of one person apart (A-37).
    """

    kind: Literal["customer", "staff", "system"]
    id: str
    roles: frozenset[str] = frozenset()
    branches: frozenset[str] = frozenset()
    company: str = ""
    session: str = ""

    @property
    def label(self) -> str:
        """How the journal names this person."""
        return f"{self.kind}:{self.id}"


SYSTEM = Actor("system", "engine")


class OperatorFailed(Exception):
    """An operator could not do its work."""


class OperatorError(OperatorFailed):
    """The business says no.

    :param code: names the diagram's error.
    :param text: for staff; holds nothing personal.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class RetryLater(OperatorFailed):
    """Try the same job again; ``seconds`` from now, or by its own schedule."""

    def __init__(self, text: str, seconds: float | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.seconds = seconds


@dataclass
class CaseFacts:
    """What an operator or check may know of a case besides its data."""

    id: UUID
    type: str
    category: str
    company: str
    branch: str
    owner: str
    number: str | None
    state: str
    opened_at: datetime
    flags: list[str] = field(default_factory=list)


@dataclass
class Surroundings:
    """What every operator may use: the store, the key ring and the company's parameters."""

    database: "Database"
    keyring: "Keyring"
    files: "FileStore"
    parameters: "Parameters"
    #: ``due(moment, duration)``: the moment when so much service time has passed
    due: Callable[[datetime, timedelta], datetime]


@dataclass
class Step:
    """The step an inline operator runs in: one transaction under the case's lock."""

    session: Session
    case: CaseFacts
    case_key: "CaseKey"
    data: Mapping[str, Any]
    actor: Actor
    now: datetime
    around: Surroundings
    #: ``defer("notices.deliver", notice_id=…)``: a job of the same transaction; ids only.
    defer: Callable[..., None]
    task_id: UUID

    @property
    def parameters(self) -> "Parameters":
        """The company's parameters."""
        return self.around.parameters


@dataclass(frozen=True)
class JobCall:
    """One run of a job; ``key`` is the same at every attempt."""

    key: str
    case: CaseFacts
    case_key: "CaseKey"
    data: Mapping[str, Any]
    attempt: int
    around: Surroundings

    @property
    def parameters(self) -> "Parameters":
        """The company's parameters."""
        return self.around.parameters


@dataclass(frozen=True)
class CheckQuery:
    """What a form asks a check.

    :param answers: what was typed, not yet judged.
    :param held: what the server holds for this page (files, reading progress).
    :param previous: the answers given before on this page of this case.
    """

    answers: Mapping[str, Any]
    held: Mapping[str, Any]
    previous: Mapping[str, Any]
    data: Mapping[str, Any]
    case: CaseFacts
    case_key: "CaseKey"
    task_id: UUID
    actor: Actor
    now: datetime
    around: Surroundings


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    :param key: the field the message stands at.
    :param level: a warning may be confirmed, and is then a flag; an error may not.
    :param consume: called inside the step; returns the verdict that counts under a race.
    """

    ok: bool
    key: str = ""
    message: str = ""
    code: str = ""
    flags: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    level: Literal["error", "warning"] = "error"
    consume: Callable[[Session], "Verdict"] | None = None


@dataclass(frozen=True)
class Operator:
    """One operator as diagrams see it."""

    name: str
    function: Callable[..., Mapping[str, Any] | None]
    #: parameter name → required
    parameters: Mapping[str, bool]
    job: bool = False
    #: ``owner``: jobs of one customer run one after another
    lock: Literal["owner"] | None = None
    errors: tuple[str, ...] = ()
    #: attempts before a person is asked, for jobs
    attempts: int = 8
    #: seconds before the second attempt; doubled each time, at most an hour
    backoff: float = 3.0
    #: every key its result may have; None: not told
    gives: frozenset[str] | None = None

    def pause(self, attempts: int) -> timedelta:
        """How long to wait after ``attempts`` attempts."""
        return timedelta(seconds=min(self.backoff * 2 ** max(0, attempts - 1), 3600))


Check = Callable[[CheckQuery], Verdict]
Checking = TypeVar("Checking", bound=Callable[..., Verdict])

_OPERATOR = "__kaihu_operator__"
_CHECK = "__kaihu_check__"


def operator(
    name: str,
    *,
    job: bool = False,
    lock: Literal["owner"] | None = None,
    errors: tuple[str, ...] = (),
    attempts: int = 8,
    backoff: float = 3.0,
    gives: Iterable[str] | None = None,
) -> Callable[[Callable[..., Mapping[str, Any] | None]], Callable[..., Mapping[str, Any] | None]]:
    """Offer a function to diagrams under ``name``; its keyword-only arguments are the parameters.

    :param gives: every key its result may have, so that a diagram's misspelt one is found.
    """

    def mark(function: Callable[..., Mapping[str, Any] | None]) -> Callable[..., Mapping[str, Any] | None]:
        parameters = {
            p.name: p.default is p.empty
            for p in inspect.signature(function).parameters.values()
            if p.kind is p.KEYWORD_ONLY
        }
        keys = None if gives is None else frozenset(gives)
        offered = MappingProxyType(parameters)
        made = Operator(name, function, offered, job, lock, errors, attempts, backoff, keys)
        setattr(function, _OPERATOR, made)
        return function

    return mark


def check(name: str) -> Callable[[Checking], Checking]:
    """Offer a function or method to forms under ``name``."""

    def mark(function: Checking) -> Checking:
        setattr(function, _CHECK, name)
        return function

    return mark


class Catalogue:
    """The operators and checks of a running product."""

    def __init__(self, operators: Iterable[Operator] = (), checks: Mapping[str, Check] | None = None) -> None:
        self.operators = {o.name: o for o in operators}
        self.checks = dict(checks or {})

    @classmethod
    def of(cls, *things: object) -> "Catalogue":
        """Collect what is marked in modules and in objects; two of one name are a mistake.

        An object's methods are offered bound: that is how an operator reaches the counter it was made with.
        """
        found = cls()
        for thing in things:
            for name in dir(thing):
                function = getattr(thing, name, None)
                made = getattr(function, _OPERATOR, None)
                if isinstance(made, Operator) and callable(function):
                    found._offer(replace(made, function=function))
                asked = getattr(function, _CHECK, None)
                if not isinstance(asked, str) or function is None:
                    continue
                if found.checks.setdefault(asked, function) != function:
                    raise ValueError(f"two checks are called {asked}")
        return found

    def _offer(self, made: Operator) -> None:
        if self.operators.setdefault(made.name, made).function != made.function:
            raise ValueError(f"two operators are called {made.name}")

    def operator(self, name: str) -> Operator:
        """Return the operator called ``name``, or raise UnknownOperator."""
        try:
            return self.operators[name]
        except KeyError:
            raise UnknownOperator(f"no handler offers the operator {name}") from None
