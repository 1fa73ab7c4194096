"""公安核验: does a name belong to an ID number, says the police data service (R-169).

PoliceData      what is asked; adapters: embedded_police (the counter's people), http_police (openapi.json)
PoliceDown …    what can go wrong, see ``protocol``
"""

from handlers.police.embedded import EmbeddedTransport, embedded_police
from handlers.police.http import http_police
from handlers.police.protocol import PoliceData, PoliceDown, PoliceFault, PoliceRefused, Said, Verified

__all__ = [
    "EmbeddedTransport",
    "PoliceData",
    "PoliceDown",
    "PoliceFault",
    "PoliceRefused",
    "Said",
    "Verified",
    "embedded_police",
    "http_police",
]
