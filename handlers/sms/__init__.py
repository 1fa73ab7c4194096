"""Short messages: codes and notices to the customer's phone (R-011, R-209).

SmsGateway      what is asked; two adapters: embedded_gateway (a table) and http_gateway (openapi.json)
outbox          what the embedded gateway has carried, for the demonstration's phone
"""

from handlers.sms.embedded import EmbeddedTransport, SentSms, embedded_gateway, forget_outbox, outbox
from handlers.sms.http import http_gateway
from handlers.sms.protocol import Purpose, SmsDown, SmsFault, SmsGateway, SmsReceipt, SmsRefused

__all__ = [
    "EmbeddedTransport",
    "Purpose",
    "SentSms",
    "SmsDown",
    "SmsFault",
    "SmsGateway",
    "SmsReceipt",
    "SmsRefused",
    "embedded_gateway",
    "forget_outbox",
    "http_gateway",
    "outbox",
]
