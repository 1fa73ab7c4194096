"""Beginning a change for a customer, from a page or for another system of the company (R-211, R-214)."""

from engine import Actor, Case, UnknownProcess, clock
from handlers.counter import CounterDown
from handlers.customers import Customer, SeenProfile
from web import current
from web import profile as contents


class CardFirst(Exception):
    """The ID card on file has expired and must be renewed before this change (A-29)."""


def begin(type: str, who: Customer, actor: Actor) -> Case:
    """Begin a change with the counter's values of this moment, or return the one that is open.

    :raises UnknownProcess: no change of this type can be begun.
    :raises CounterDown: nobody can say what is on record.
    :raises CardFirst: another change comes first.
    """
    engine = current.engine()
    process = engine.releases.current().processes.get(type)
    if process is None or not process.business_type:
        raise UnknownProcess(f"no case can be started as {type}")
    seen = current.web().customers.profile_of(who, clock.now())
    if seen.stale:
        raise CounterDown
    if _blocked(type, seen):
        raise CardFirst
    return engine.cases.start(
        type,
        owner=str(who.id),
        branch=who.branch,
        actor=actor,
        data={"profile": seen.data, "account_type": who.account_type},
        open_key=f"{who.company}:{who.id}:{process.category}",
    )


def _blocked(type: str, seen: SeenProfile) -> bool:
    """Tell whether an expired card must be renewed before this change (A-29)."""
    settings = current.parameters()
    if not settings.id_expired_blocks or type == contents.TYPES["identity"]:
        return False
    ends = contents.expiry(seen.data, clock.today(), settings)
    return ends is not None and ends.days < 0
