"""Which of a document's versions stands on a day, and what has become of the others."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from handlers.agreements.tables import VersionRow

State = Literal["proposed", "withdrawn", "coming", "in_force", "replaced"]


def standing(rows: Sequence[VersionRow], on: date, type: str, account_type: str) -> VersionRow | None:
    """Return the version that stands on a day; of two with the same day the one approved later."""
    fitting = [
        row
        for row in rows
        if (not row.types or type in row.types)
        and (not row.account_types or account_type in row.account_types)
    ]
    return _newest(fitting, on)


def state(row: VersionRow, rows: Sequence[VersionRow], on: date) -> State:
    """Return what has become of a version by a business day."""
    if row.withdrawn_at is not None:
        return "withdrawn"
    if row.approved_at is None:
        return "proposed"
    if row.effective_from > on:
        return "coming"
    # A version for some businesses leaves the one for all of them in force beside it.
    over = [one for one in rows if _covers(one, row)]
    return "in_force" if _newest(over, on) is row else "replaced"


def _covers(one: VersionRow, other: VersionRow) -> bool:
    """Whether one version holds wherever another does."""
    types = not one.types or (bool(other.types) and set(other.types) <= set(one.types))
    accounts = not one.account_types or (
        bool(other.account_types) and set(other.account_types) <= set(one.account_types)
    )
    return types and accounts


def _newest(rows: Sequence[VersionRow], on: date) -> VersionRow | None:
    begun = [one for one in rows if one.approved_at is not None and one.effective_from <= on]
    return max(begun, key=lambda one: (one.effective_from, one.approved_at), default=None)
