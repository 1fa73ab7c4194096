"""What a page reaches: the parts of this product, and who asks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import current_app, g, session

from engine import Actor, Engine
from engine.parameters import Parameters
from handlers.video.agents import reaching

if TYPE_CHECKING:
    from handlers.agreements import Agreements, Papers
    from handlers.captchas import Captchas
    from handlers.certificates import Authority, Certificates, Publisher, Timestamps, Unlocking
    from handlers.codes import Codes
    from handlers.counter.protocol import Counter
    from handlers.customers import Customers
    from handlers.inspection import Inspection
    from handlers.photos import Intake
    from handlers.recordings import Recordings
    from handlers.signing import Signing
    from handlers.sms.protocol import SmsGateway
    from handlers.staff import StaffAccounts
    from handlers.verifier.house import House
    from handlers.video.agents import Agents
    from handlers.video.calls import Calls
    from handlers.video.police_checks import PoliceChecks
    from handlers.video.queue import Queue
    from handlers.video.witnessing import Witnessing
    from handlers.video.workplace import Workplace
    from web.sessions import Sessions, WebSession
    from web.settings import Settings


@dataclass(frozen=True)
class Web:
    """The parts that pages use; made once by ``ops.wiring``."""

    engine: Engine
    settings: "Settings"
    counter: "Counter"
    sms: "SmsGateway"
    captchas: "Captchas"
    codes: "Codes"
    customers: "Customers"
    staff: "StaffAccounts"
    sessions: "Sessions"
    intake: "Intake"
    authority: "Authority"
    certificates: "Certificates"
    unlocking: "Unlocking"
    timestamps: "Timestamps"
    agreements: "Agreements"
    papers: "Papers"
    signing: "Signing"
    inspection: "Inspection"
    recordings: "Recordings"
    publisher: "Publisher"
    verifier: "House"
    queue: "Queue"
    agents: "Agents"
    calls: "Calls"
    witnessing: "Witnessing"
    police_checks: "PoliceChecks"
    workplace: "Workplace"


def web() -> Web:
    """Return the parts of this product."""
    return cast(Web, current_app.extensions["kaihu"])


def engine() -> Engine:
    """Return the engine."""
    return web().engine


def parameters() -> Parameters:
    """Return what the company has set."""
    return web().engine.parameters()


def visit() -> "WebSession":
    """Return the session of this request, which is ours and not Flask's own."""
    return cast("WebSession", session)


def actor() -> Actor | None:
    """Return who asks, or None for a stranger; roles and branches are those of this moment."""
    if "actor" not in g:
        g.actor = _actor()
    return cast("Actor | None", g.actor)


def person() -> Actor:
    """Return who asks, on pages that only let in somebody."""
    found = actor()
    if found is None:
        raise LookupError("a page without a person")
    return found


def _actor() -> Actor | None:
    known = visit().known
    if known is None:
        return None
    settings = parameters()
    if known.kind == "customer":
        company = settings.company.number
        return Actor("customer", known.subject, frozenset({"customer"}), company=company, session=known.name)
    found = web().staff.actor(known.subject, known.name)
    return None if found is None else reaching(settings, found)
