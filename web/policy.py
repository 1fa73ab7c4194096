"""Who may ask for what: one table of every address, and nobody where it says nothing.

A new page that is not in this table answers 403 to everybody, and a test names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine import Actor

Who = Literal["anyone", "customer", "staff", "demo", "token"]


@dataclass(frozen=True)
class Policy:
    """Who may use one address.

    :param who: ``demo`` is anyone, but only in a demonstration; ``token`` is left to the API's own tokens.
    :param roles: for staff: one of these; empty: any role.
    """

    who: Who
    roles: frozenset[str] = field(default_factory=frozenset)

    def allows(self, actor: Actor | None) -> bool:
        """Tell whether this signed-in person may."""
        if self.who in {"anyone", "demo", "token"}:
            return True
        return actor is not None and actor.kind == self.who and (not self.roles or bool(self.roles & actor.roles))


ANYONE, CUSTOMER, STAFF, DEMO, TOKEN = (Policy(w) for w in ("anyone", "customer", "staff", "demo", "token"))  # type: ignore[arg-type]
#: Those who take tasks out of the common inbox.
WORKING = Policy("staff", frozenset({"reviewer", "compliance", "agent", "operator"}))

#: By endpoint; ``blueprint.*`` holds for a whole blueprint.
TABLE: Mapping[str, Policy] = {
    "static": ANYONE,
    "preferences.choose": ANYONE,
    "public.home": ANYONE,
    "public.help": ANYONE,
    "public.flow": ANYONE,
    "public.privacy": ANYONE,
    "public.lost_phone": ANYONE,
    "public.divisions": ANYONE,
    "public.qr": ANYONE,
    "public.healthz": ANYONE,
    "public.csp_report": ANYONE,
    "login.page": ANYONE,
    "login.enter": ANYONE,
    "login.send_code": ANYONE,
    "login.other_captcha": ANYONE,
    "login.captcha_png": ANYONE,
    "login.captcha_wav": ANYONE,
    "login.leave": ANYONE,
    "customer.profile": CUSTOMER,
    "customer.reveal": CUSTOMER,
    "customer.start": CUSTOMER,
    "customer.case": CUSTOMER,
    "customer.submitted": CUSTOMER,
    "customer.withdraw": CUSTOMER,
    "customer.abandon": CUSTOMER,
    "customer.photo": CUSTOMER,
    "customer.on_file": CUSTOMER,
    "customer.agreed": CUSTOMER,
    "tasks.show": CUSTOMER,
    "tasks.answer": CUSTOMER,
    "tasks.back": CUSTOMER,
    "tasks.draft": CUSTOMER,
    "tasks.send_code": CUSTOMER,
    "uploads.upload": CUSTOMER,
    "uploads.remove": CUSTOMER,
    "uploads.look": CUSTOMER,
    "reading.read": CUSTOMER,
    "reading.finish": CUSTOMER,
    "desk_login.page": ANYONE,
    "desk_login.enter": ANYONE,
    "desk_login.leave": ANYONE,
    "desk.inbox": STAFF,
    "desk.rows": STAFF,
    "desk.show": WORKING,
    "desk.decide": WORKING,
    "desk.claim": WORKING,
    "desk.release": WORKING,
    "desk.photo": WORKING,
    "desk.on_file": WORKING,
    "desk.document": WORKING,
    "demo.phone": DEMO,
    "api.*": TOKEN,
    "openapi.*": TOKEN,
}


def policy(endpoint: str) -> Policy | None:
    """Return the policy of an endpoint; None when nobody wrote one."""
    return TABLE.get(endpoint) or TABLE.get(f"{endpoint.partition('.')[0]}.*")
