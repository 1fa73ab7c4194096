"""The demonstration's telephone: SMS that arrived, this browser's captcha, one-time numbers of staff.

In production these addresses do not exist.
"""

import json
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template

from handlers import fixtures
from handlers.roles import TITLES
from handlers.sms import outbox
from web import current

demo = Blueprint("demo", __name__, url_prefix="/demo")

#: Messages shown, newest first.
MOST = 30


@demo.get("/phone")
def phone() -> str:
    """Show the telephone."""
    web = current.web()
    given = current.visit().get("captcha")
    messages = []
    if web.settings.sms == "embedded":
        messages = [
            {"at": one.at, "to": one.number, "text": one.text}
            for one in outbox(web.engine.database, web.engine.keyring, MOST)
        ]
    return render_template(
        "demo_phone.html",
        messages=messages,
        captcha=web.captchas.answer_for_demo(UUID(given)) if given else None,
        totp=_staff(),
    )


def _staff() -> list[dict[str, Any]]:
    """Return the demo staff with password and the one-time number of this moment."""
    path = current.web().settings.data / "demo.json"
    try:
        told = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return []
    return [
        {
            "user": login,
            "role": " / ".join(TITLES.get(role, role) for role in one["roles"]),
            "code": fixtures.totp_now(one["totp"]),
            "password": one["password"],
        }
        for login, one in told.get("staff", {}).items()
    ]
