"""The company's counter: who is a customer, what is on record, and how it is changed (R-010).

Counter         what is asked; two adapters: embedded_counter (our own tables) and http_counter (openapi.json)
CounterDown …   what can go wrong, see ``protocol``
operators       the operators that need a counter: counter.update
checks          the form check phone.free; conflict_checks, the reviews' counter.unchanged
conflicts       values that are no longer what the customer saw (R-208)
enrol           gives the embedded counter a customer; enrolled_name: whom it has under an ID number
"""

from handlers.counter.conflict import checks as conflict_checks
from handlers.counter.conflict import conflicts
from handlers.counter.embedded import EmbeddedTransport, embedded_counter, enrol, enrolled_name
from handlers.counter.http import http_counter
from handlers.counter.phone_free import checks
from handlers.counter.protocol import (
    Account,
    AccountType,
    Address,
    Counter,
    CounterBusy,
    CounterConflict,
    CounterCustomer,
    CounterDown,
    CounterFault,
    CounterRefused,
    Mapped,
    PhotoRole,
    Profile,
    Receipt,
    Status,
    UnknownCustomer,
)
from handlers.counter.update import operators

__all__ = [
    "Account",
    "AccountType",
    "Address",
    "Counter",
    "CounterBusy",
    "CounterConflict",
    "CounterCustomer",
    "CounterDown",
    "CounterFault",
    "CounterRefused",
    "EmbeddedTransport",
    "Mapped",
    "PhotoRole",
    "Profile",
    "Receipt",
    "Status",
    "UnknownCustomer",
    "checks",
    "conflict_checks",
    "conflicts",
    "embedded_counter",
    "enrol",
    "enrolled_name",
    "http_counter",
    "operators",
]
