"""Starting a case for a customer whom another system of the company sends here (R-214).

The counter says who the customer is, under the limits and refusals of a sign-in; the customer still
signs in before any page is shown, and agrees to the privacy policy then.
"""

from dataclasses import dataclass
from datetime import datetime

from engine import Actor, Case
from handlers.customers import Customer, SignInRefused
from handlers.sign_in_lock import SignInLocked
from web import current, starting
from web.api.models import ErrorAt, StartIn
from web.api.problems import Refused

#: The sign-in's refusals (``handlers.customers``) as the API's.
_REFUSALS = {"unknown": "unknown-customer", "hidden": "unknown-customer", "counter_down": "counter-down"}
#: Refusals of the ID number itself.
_NUMBER = frozenset({"id_number", "minor"})


@dataclass(frozen=True)
class Started:
    """A case; ``fresh`` unless it was open before."""

    case: Case
    fresh: bool


def start(asked: StartIn, actor: Actor, now: datetime) -> Started:
    """Start a case, or find the open one.

    :raises Refused: the counter does not know the customer, does not answer, or the customer may not now.
    :raises UnknownProcess: there is no such type.
    """
    engine = current.engine()
    customer = _customer(asked, now)
    if actor.branches and customer.branch not in actor.branches:
        raise Refused("unknown-customer")
    open_before = {c.id for c in engine.cases.of_owner(str(customer.id)) if c.closed_at is None}
    try:
        case = starting.begin(asked.type, customer, actor)
    except starting.CardFirst:
        raise Refused("customer-refused") from None
    return Started(case, case.id not in open_before)


def _customer(asked: StartIn, now: datetime) -> Customer:
    web, parameters = current.web(), current.parameters()
    try:
        found = web.customers.sign_in_lookup(asked.id_number, asked.account_type, parameters, now)
    except SignInLocked:
        raise Refused("customer-refused") from None
    except SignInRefused as refused:
        if refused.code in _NUMBER:
            error = ErrorAt(
                pointer="/id_number",
                field="id_number",
                message=refused.message,
                code=refused.code,
                level="error",
            )
            raise Refused("invalid", [error]) from None
        raise Refused(_REFUSALS.get(refused.code, "customer-refused")) from None
    with web.engine.database.transaction() as session:
        return web.customers.enter(session, found, parameters, now, agreed=False)
