"""Who on the staff may do what: one table (R-002 to R-007).

A role is what a person is trusted with; a permission is what a page or operator asks for.
"""

from collections.abc import Mapping
from typing import Literal, get_args

from engine import Actor

Role = Literal["reviewer", "agent", "operator", "compliance", "analyst", "admin", "supervisor"]
ROLES: tuple[Role, ...] = get_args(Role)

#: What people read.
TITLES: Mapping[Role, str] = {
    "reviewer": "复核人员",
    "agent": "坐席人员",
    "operator": "公司管理台操作人员",
    "compliance": "合规/审计",
    "analyst": "业务分析员",
    "admin": "系统管理员",
    "supervisor": "营业部主管",
}

#: Those who decide about customers never draw the rules they decide by, nor give out rights (R-006).
DECIDING: frozenset[Role] = frozenset({"reviewer", "agent", "operator", "compliance"})
RULING: frozenset[Role] = frozenset({"analyst", "admin"})

PERMISSIONS: Mapping[str, frozenset[Role]] = {
    "inbox.see": frozenset({"reviewer", "agent", "operator", "compliance", "supervisor"}),
    "case.see": frozenset({"reviewer", "agent", "operator", "compliance", "supervisor"}),
    "case.review": frozenset({"reviewer"}),
    "case.review_second": frozenset({"reviewer", "compliance"}),
    "case.witness": frozenset({"agent"}),
    "case.repair": frozenset({"operator"}),
    "case.export": frozenset({"compliance"}),
    "case.search": frozenset({"reviewer", "operator", "compliance", "supervisor"}),
    "queue.watch": frozenset({"agent", "operator", "supervisor"}),
    "reports.see": frozenset({"operator", "compliance", "supervisor", "analyst"}),
    "campaigns.run": frozenset({"operator"}),
    "parameters.see": frozenset({"operator", "admin", "compliance", "analyst"}),
    "parameters.propose": frozenset({"operator", "admin"}),
    "parameters.approve": frozenset({"operator", "admin", "compliance"}),
    "agreements.propose": frozenset({"operator", "compliance"}),
    "agreements.approve": frozenset({"operator", "compliance"}),
    "releases.see": frozenset({"analyst", "compliance", "operator"}),
    "releases.draw": frozenset({"analyst"}),
    "releases.approve": frozenset({"analyst", "compliance"}),
    "cases.migrate": frozenset({"analyst"}),
    "staff.manage": frozenset({"admin"}),
    "sessions.end": frozenset({"admin"}),
    "journal.see": frozenset({"compliance"}),
}


class RolesRefused(Exception):
    """These roles may not belong to one person, or do not exist."""


def may(actor: Actor, permission: str) -> bool:
    """Tell whether this person may; a permission nobody wrote down is nobody's."""
    return actor.kind == "staff" and bool(PERMISSIONS.get(permission, frozenset()) & actor.roles)


def fitting(roles: frozenset[str]) -> frozenset[Role]:
    """Return the roles if one person may have them all, or raise RolesRefused."""
    known = frozenset(role for role in ROLES if role in roles)
    if not known or known != roles or (known & DECIDING and known & RULING):
        raise RolesRefused
    return known
