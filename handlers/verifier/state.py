"""All objects of a file as they stand after one of its revisions."""

from typing import Any

from handlers.verifier.objects import Ref
from handlers.verifier.words import Refused


class State:
    """All objects as they stand after some revision."""

    def __init__(self, objects: dict[int, Any], root: Ref) -> None:
        self.objects = objects
        self.root = root

    def get(self, value: Any) -> Any:
        """Follow a reference."""
        if isinstance(value, Ref):
            if value.number not in self.objects:
                raise Refused("structure", f"object {value.number} is missing")
            value = self.objects[value.number]
            if isinstance(value, Ref):
                raise Refused("structure", "a reference to a reference")
        return value

    def dictionary(self, value: Any) -> dict[str, Any]:
        """Follow a reference to a dictionary."""
        found = self.get(value)
        if not isinstance(found, dict):
            raise Refused("structure", "no dictionary where one should be")
        return found

    def array(self, value: Any) -> list[Any]:
        """Follow a reference to an array."""
        found = self.get(value)
        if not isinstance(found, list):
            raise Refused("structure", "no array where one should be")
        return found

    @property
    def catalog(self) -> dict[str, Any]:
        """The document's catalogue."""
        return self.dictionary(self.root)

    @property
    def form(self) -> dict[str, Any]:
        """The form, empty when there is none."""
        return self.dictionary(self.catalog.get("AcroForm", {}))

    @property
    def fields(self) -> list[Any]:
        """The form's fields."""
        return self.array(self.form.get("Fields", []))
