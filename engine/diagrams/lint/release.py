"""Everything that is published together: diagrams, tables, forms and the operators they may use."""

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any, Protocol

from engine.diagrams.decisions import Decision
from engine.diagrams.lint.model import Diagram, Node, Scope
from engine.diagrams.lint.written import of_node

#: Variables that every case has from its start, and the ``problem`` that an error boundary leaves.
START_DATA = frozenset({"profile", "number", "origin", "category", "business", "problem"})


class OperatorInfo(Protocol):
    """What the linter asks of an operator (``engine.operators.Operator`` answers it)."""

    @property
    def parameters(self) -> Mapping[str, bool]:
        """Parameter name → required."""

    @property
    def errors(self) -> tuple[str, ...]:
        """The codes an error boundary may name."""

    @property
    def job(self) -> bool:
        """Whether it runs in the worker, so that its task waits."""

    @property
    def gives(self) -> Collection[str] | None:
        """Every key its result may have; None: not told."""


class Release:
    """What a diagram is judged together with.

    :param diagrams: process id → diagram; of two with one id, the first.
    """

    def __init__(
        self,
        diagrams: Mapping[str, Diagram],
        tables: Mapping[str, Decision],
        forms: Collection[str],
        operators: Mapping[str, OperatorInfo],
        start_data: frozenset[str] = START_DATA,
    ) -> None:
        self.diagrams = diagrams
        self.tables = tables
        self.forms = forms
        self.operators = operators
        self.start_data = start_data
        self._calls: dict[str, list[tuple[Node, Diagram]]] = {}
        self._below: dict[str, list[Diagram]] = {}

    @cached_property
    def user_tasks(self) -> frozenset[str]:
        """The ids of all user tasks."""
        return frozenset(n.id for d in self.diagrams.values() for n in d.nodes() if n.kind == "userTask")

    @cached_property
    def caught(self) -> frozenset[str]:
        """The names of all messages that some event waits for."""
        return frozenset(
            part.messages.get(definition.get("messageRef", ""), "")
            for part in self.diagrams.values()
            for event in part.nodes()
            if (definition := event.definition("message")) is not None
        )

    @cached_property
    def asked(self) -> Mapping[str, frozenset[str]]:
        """Variable → the keys its forms ask for and its operators give; left out when not all are known."""
        found: dict[str, set[str] | None] = {}
        for part in self.diagrams.values():
            for node in part.nodes():
                keys = self._keys(node)
                for variable in of_node(node):
                    before = found.setdefault(variable, {"flags"})
                    found[variable] = None if before is None or keys is None else before | set(keys)
        return {name: frozenset(keys) for name, keys in found.items() if keys is not None}

    def _keys(self, node: Node) -> Collection[str] | None:
        """Return the keys of what a task stores, as far as they are known."""
        if node.kind == "userTask":
            # What somebody else decides about a page becomes its answer.
            given = node.properties
            return keys_of(self.forms, given.get("decisionForm") or given.get("form", ""))
        element = node.extension("serviceTaskOperator") if node.kind == "serviceTask" else None
        info = self.operators.get(element.get("id", "")) if element is not None else None
        return info.gives if info is not None else None

    def calls(self, diagram: Diagram) -> list[tuple[Node, Diagram]]:
        """Return the calls of a diagram with what they call, as far as it is there."""
        if diagram.file not in self._calls:
            self._calls[diagram.file] = [
                (node, self.diagrams[called])
                for node in diagram.nodes()
                if (called := _called(node)) in self.diagrams
            ]
        return self._calls[diagram.file]

    def below(self, diagram: Diagram) -> list[Diagram]:
        """Return the diagram and everything it calls, directly or not."""
        if diagram.file not in self._below:
            found, waiting = {diagram.file: diagram}, [diagram]
            while waiting:
                for _, called in self.calls(waiting.pop()):
                    if called.file not in found:
                        found[called.file] = called
                        waiting.append(called)
            self._below[diagram.file] = list(found.values())
        return self._below[diagram.file]

    def variables(self, diagram: Diagram) -> frozenset[str]:
        """Return the variables that a case running through this diagram may hold.

        A called process shares the data of its callers, so theirs and their other calls' count.
        """
        family = {diagram.file: diagram}
        for top in self.diagrams.values():
            if diagram in self.below(top):
                family.update({part.file: part for part in self.below(top)})
        written = (of_node(node) for part in family.values() for node in part.nodes())
        return self.start_data.union(*written)

    def writes(self, diagram: Diagram) -> dict[str, frozenset[str]]:
        """Return the variables that each shape sets, those set inside of it included."""
        return {node.id: self._written(node) for node in diagram.nodes()}

    def _written(self, node: Node) -> frozenset[str]:
        found = set(of_node(node))
        scopes = [node.inner] if node.inner is not None else []
        while scopes:
            for inner in scopes.pop().nodes.values():
                found |= of_node(inner)
                if inner.inner is not None:
                    scopes.append(inner.inner)
                found |= self._inside(inner)
        return frozenset(found | self._inside(node))

    def _inside(self, node: Node) -> set[str]:
        called = self.diagrams.get(_called(node))
        if called is None:
            return set()
        return {name for part in self.below(called) for inner in part.nodes() for name in of_node(inner)}

    def waits(self, node: Node) -> bool:
        """Tell whether a case rests at ``node``, or can rest inside of it, for a person, moment or message.

        Only meant for releases whose calls have no cycle. A subprocess counts when some way through it
        waits; that the others cannot go round for ever is left to the budget of steps.
        """
        if node.kind == "userTask":
            return True
        if node.kind in ("intermediateCatchEvent", "boundaryEvent"):
            return node.event in ("timer", "message")
        inner: Scope | None = node.inner
        if _called(node) in self.diagrams:
            inner = self.diagrams[_called(node)].process
        return inner is not None and any(self.waits(part) for part in inner.nodes.values())


def _called(node: Node) -> str:
    return node.element.get("calledElement", "") if node.kind == "callActivity" else ""


def keys_of(forms: Collection[str], form: str) -> Collection[str] | None:
    """Return the answers' keys of a form, when ``forms`` maps names to them."""
    known: Any = forms.get(form) if isinstance(forms, Mapping) else None
    return known if isinstance(known, frozenset | set | list | tuple) else None
