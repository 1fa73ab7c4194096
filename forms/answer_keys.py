"""Which keys the answers of a page have: what diagrams may read of them."""

from collections.abc import Iterable

from forms.kinds import KINDS
from forms.schema import DISPLAY, Component, Form

#: What the engine and a company's own questions put beside the answers of any page.
ALWAYS = frozenset({"flags", "confirm", "extras"})


def answer_keys(form: Form) -> frozenset[str] | None:
    """Return the keys of a page's answers; None when a kind's parts are not known."""
    found: set[str] = set(ALWAYS)
    for component in _questions(form.components):
        kind = KINDS.get(component.type)
        if kind is not None and (kind.spread or component.flag("spread")):
            if kind.parts is None:
                return None
            found |= kind.parts
        found.add(component.key)
    return frozenset(found)


def _questions(components: Iterable[Component]) -> Iterable[Component]:
    """Yield what has an answer of its own: a group without a key hands on the answers of its parts."""
    for component in components:
        if component.components and not component.key:
            yield from _questions(component.components)
        elif component.key and component.type not in DISPLAY:
            yield component
