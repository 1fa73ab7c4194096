"""The demonstration's telephone: SMS that arrived, this browser's captcha, one-time numbers of staff,
and specimen photos to upload.

In production these addresses do not exist.
"""

import json
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, render_template, request, url_for

from engine import clock
from forms import field_photo
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
        specimens=_pictures(),
    )


@demo.get("/pictures/<key>/<slot>.jpg")
def picture(key: str, slot: str) -> Response:
    """Give out a specimen photo of an invented customer's card, to upload: nobody has such a card in hand."""
    # Drawing brings image work along; only a demonstration needs it here.
    from handlers import specimens

    who = fixtures.CUSTOMERS.get(key)
    if who is None or slot not in field_photo.NAMES:
        abort(404)
    if new := "new" in request.args:
        who = fixtures.renewed(who, clock.today())
    answer = Response(specimens.of(slot, who), mimetype="image/jpeg")
    name = f"{key}-{slot}{'-new' if new else ''}.jpg"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _pictures() -> list[dict[str, Any]]:
    """Return the specimen photos on offer, for each customer who may sign in."""
    return [
        {
            "key": key,
            "name": who.name,
            "id_number": who.id_number,
            "pictures": [
                {"label": label, "url": url_for("demo.picture", key=key, slot=slot, new=new)}
                for slot, label, new in (
                    *((slot, label, None) for slot, label in field_photo.NAMES.items()),
                    ("back", "身份证反面照（新证）", 1),
                )
            ],
        }
        for key, who in fixtures.CUSTOMERS.items()
    ]


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
