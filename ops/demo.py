"""Demo data: the shipped release, people who do not exist, and how to sign in as them.

``<data>/demo.json`` (readable by this user alone) tells scripts the address, logins and secrets. Seeding
twice changes nothing: passwords that were told once stay valid and stay in the file.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from handlers import fixtures
from ops import ca
from ops.wiring import shipped, wire
from web.settings import Settings


class DemoOnly(Exception):
    """Demo data exist in demo mode only."""


def seed(settings: Settings) -> None:
    """Publish what is shipped and put demo people where they are missing."""
    if not settings.demo:
        raise DemoOnly("demo data exist in demo mode only")
    product = wire(settings)
    product.engine.releases.publish(shipped(), "set-up")
    ca.demo_init(settings, product.engine.database, product.engine.keyring)
    told = fixtures.seed(product.engine.database, product.engine.keyring)
    path = settings.data / "demo.json"
    before: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    staff = {**before.get("staff", {}), **told["staff"]}
    written = {
        "address": settings.address,
        "customers": told["customers"],
        "staff": staff,
        "logins": [*_customer_lines(told["customers"]), *_staff_lines(staff)],
    }
    _write(path, written)
    product.engine.database.dispose()


def _customer_lines(customers: dict[str, Any]) -> list[dict[str, str]]:
    shown = ("C01", "C02", "C06", "C09")
    return [
        {
            "who": f"{key} {customers[key]['name']}",
            "where": "/login",
            "login": customers[key]["id_number"],
            "password": "验证码见 /demo/phone",
        }
        for key in shown
    ]


def _staff_lines(staff: dict[str, Any]) -> list[dict[str, str]]:
    return [
        {
            "who": f"{'/'.join(person['roles'])} {person['name']}",
            "where": "/desk/login",
            "login": login,
            "password": person["password"],
        }
        for login, person in staff.items()
    ]


def _write(path: Path, contents: dict[str, Any]) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(part, "x", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, 0o600)) as out:
        json.dump(contents, out, ensure_ascii=False, indent=2)
    part.replace(path)
