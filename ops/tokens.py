"""``kaihu token``: tokens of the REST API, made, listed and revoked by whoever runs this machine.

kaihu token create NAME --for LOGIN [--role R] [--branch B] [--days N]  of a person, with fewer rights or all
kaihu token create NAME --role integrator [--branch B] [--days N]       of a machine
kaihu token list
kaihu token revoke ID

A token is printed once and kept nowhere.
"""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID

from web.api.tokens import ApiTokenRow, TokenRefused, Tokens
from web.settings import Settings

BY = "system:command line"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="make a token and print it, once")
    create.add_argument("name", help="what it is for")
    create.add_argument("--for", dest="login", help="the member of staff it acts for; without: a machine")
    create.add_argument("--role", action="append", default=[], help="again for each")
    create.add_argument("--branch", action="append", default=[], help="again for each; none: all")
    create.add_argument("--days", type=int, default=90, help="how long it lasts (90)")
    actions.add_parser("list", help="show every token, never the secret")
    actions.add_parser("revoke", help="end a token at once").add_argument("id", type=UUID)


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Do it; return the exit code."""
    from ops.wiring import wire

    product = wire(settings)
    tokens = Tokens(product.engine, product.web.staff)
    try:
        if options.action == "create":
            return _create(tokens, options)
        if options.action == "revoke":
            return _revoke(tokens, options.id)
        for row in tokens.all():
            print(_line(row))
        return 0
    finally:
        product.engine.database.dispose()


def _create(tokens: Tokens, options: argparse.Namespace) -> int:
    try:
        made = tokens.create(
            options.name,
            by=BY,
            login=options.login,
            roles=frozenset(options.role),
            branches=frozenset(options.branch),
            lasts=timedelta(days=options.days),
        )
    except TokenRefused as refused:
        print(refused, file=sys.stderr)
        return 1
    print(made.token)
    print(f"id {made.id}, until {made.expires_at:%Y-%m-%d %H:%M} UTC; not shown again", file=sys.stderr)
    return 0


def _revoke(tokens: Tokens, token_id: UUID) -> int:
    if tokens.revoke(token_id, by=BY):
        print(f"{token_id} is revoked", file=sys.stderr)
        return 0
    print(f"there is no token {token_id} to revoke", file=sys.stderr)
    return 1


def _line(row: ApiTokenRow) -> str:
    state = "revoked" if row.revoked_at else "expired" if row.expires_at <= datetime.now(UTC) else "good"
    whose = f"staff:{row.staff_id}" if row.staff_id else f"api/{row.name}"
    used = f"{row.last_used_at:%Y-%m-%d %H:%M}" if row.last_used_at else "never"
    rights = ",".join([*row.roles, *row.branches]) or "all"
    return f"{row.id}  {state:7}  {row.name}  {whose}  {rights}  until {row.expires_at:%Y-%m-%d}  used {used}"
