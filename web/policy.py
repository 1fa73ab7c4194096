"""Who may ask for what: one table of every address, and nobody where it says nothing.

A new page that is not in this table answers 403 to everybody, and a test names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine import Actor
from handlers import roles

Who = Literal["anyone", "customer", "staff", "demo", "token"]
#: Nobody has to have signed in for these; a demonstration's pages and the API have doors of their own.
OPEN = frozenset({"anyone", "demo", "token"})


@dataclass(frozen=True)
class Policy:
    """Who may use one address.

    :param who: ``demo`` is anyone, but only in a demonstration; ``token`` is left to the API's own tokens.
    :param permission: what staff must be allowed to, of ``handlers.roles``; empty: anybody on the staff.
    """

    who: Who
    permission: str = ""

    def allows(self, actor: Actor | None) -> bool:
        """Tell whether this signed-in person may."""
        if self.who in OPEN:
            return True
        if actor is None or actor.kind != self.who:
            return False
        return not self.permission or roles.may(actor, self.permission)


ANYONE, CUSTOMER, STAFF, DEMO, TOKEN = (
    Policy("anyone"),
    Policy("customer"),
    Policy("staff"),
    Policy("demo"),
    Policy("token"),
)
EXPORT = Policy("staff", "case.export")
INBOX, CASES = Policy("staff", "inbox.see"), Policy("staff", "case.see")
AGREEMENTS = Policy("staff", "agreements.propose")
WITNESS = Policy("staff", "case.witness")

#: By endpoint; ``blueprint.*`` holds for a whole blueprint.
TABLE: Mapping[str, Policy] = {
    "static": ANYONE,
    "static_at": ANYONE,
    "preferences.choose": ANYONE,
    "public.home": ANYONE,
    "public.help": ANYONE,
    "public.flow": ANYONE,
    "public.privacy": ANYONE,
    "public.lost_phone": ANYONE,
    "public.divisions": ANYONE,
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
    "tasks.use_read": CUSTOMER,
    "uploads.upload": CUSTOMER,
    "uploads.remove": CUSTOMER,
    "uploads.look": CUSTOMER,
    "uploads.draw": CUSTOMER,
    "uploads.use": CUSTOMER,
    "uploads.turn": CUSTOMER,
    "uploads.crop": CUSTOMER,
    "uploads.state_of": CUSTOMER,
    "handover.offer": CUSTOMER,
    "handover.arrive": ANYONE,
    "handover.enter": ANYONE,
    "vendor.file": ANYONE,
    "verify.page": ANYONE,
    "verify.judge": ANYONE,
    "downloads.signed": CUSTOMER,
    "downloads.paper": CUSTOMER,
    "installing.*": CUSTOMER,
    "certificates.*": CUSTOMER,
    "signing.ticket": CUSTOMER,
    "signing.sign": CUSTOMER,
    "video.*": CUSTOMER,
    "video_media.*": CUSTOMER,
    "reading.read": CUSTOMER,
    "reading.finish": CUSTOMER,
    "reading.paper": CUSTOMER,
    "desk_login.page": ANYONE,
    "desk_login.enter": ANYONE,
    "desk_login.leave": ANYONE,
    "desk.inbox": STAFF,
    "desk.rows": INBOX,
    "desk.show": CASES,
    "desk.decide": CASES,
    "desk.claim": INBOX,
    "desk.release": INBOX,
    "desk.photo": CASES,
    "desk.on_file": CASES,
    "desk_papers.paper": CASES,
    "playback.*": CASES,
    "witness_desk.*": WITNESS,
    "witness_call.*": WITNESS,
    "witness_media.*": WITNESS,
    "queue_monitor.*": Policy("staff", "queue.watch"),
    "kits.find": EXPORT,
    "kits.give": EXPORT,
    "kits.evidence": CUSTOMER,
    "pki.*": ANYONE,
    "agreements_desk.every": AGREEMENTS,
    "agreements_desk.one": AGREEMENTS,
    "agreements_desk.propose": AGREEMENTS,
    "agreements_desk.version": AGREEMENTS,
    "agreements_desk.sample": AGREEMENTS,
    "agreements_desk.approve": Policy("staff", "agreements.approve"),
    "agreements_desk.withdraw": AGREEMENTS,
    "demo.phone": DEMO,
    "demo.picture": DEMO,
    "api.*": TOKEN,
    "openapi.*": TOKEN,
}


def policy(endpoint: str) -> Policy | None:
    """Return the policy of an endpoint; None when nobody wrote one."""
    return TABLE.get(endpoint) or TABLE.get(f"{endpoint.partition('.')[0]}.*")
