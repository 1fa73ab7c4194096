"""``examine`` in bounded children, as a worker's jobs call it."""

from collections.abc import Mapping
from typing import Any

from handlers.photos.findings import Finding
from handlers.photos.pool import Bounded
from handlers.photos.seen import Examination, Field, Wishes
from handlers.photos.taking import Examiner


def pool_of(children: int) -> Examiner:
    """Return an examiner with so many children at most; they start when the first picture comes."""
    pool = Bounded(children)

    def examine(content: bytes, slot: str, limits: Mapping[str, float], wishes: Wishes) -> Examination:
        plain = pool.run("handlers.photos.examine.examine", content, slot, dict(limits), wishes)
        return examination(plain)

    return examine


def examination(plain: Mapping[str, Any]) -> Examination:
    """Return an examination from the plain data that came through a pipe."""
    return Examination(
        **{
            **plain,
            "quad": None if plain["quad"] is None else tuple((x, y) for x, y in plain["quad"]),
            "fields": {name: Field(**one) for name, one in plain["fields"].items()},
            "findings": tuple(Finding(**one) for one in plain["findings"]),
        }
    )
