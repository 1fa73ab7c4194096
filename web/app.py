"""The pages as one Flask application.

create_app(web)   everything a browser asks for, but live events (``web.asgi``)
"""

from pathlib import Path
from typing import Any

from flask import Flask

from web import current, preferences, problems, rendering, security
from web.agreements_desk import agreements_desk
from web.api.app import mount
from web.certificates import certificates
from web.current import Web
from web.customer import customer
from web.demo import demo
from web.desk_papers import desk_papers
from web.downloads import downloads
from web.handover import handover
from web.installing import installing
from web.kits import kits
from web.login import login
from web.pki import pki
from web.playback import playback
from web.public import public
from web.queue_monitor import queue_monitor
from web.reading import reading
from web.sessions import ServerSide
from web.signing import signing
from web.staff import desk
from web.staff_login import desk_login
from web.tasks import tasks
from web.uploads import uploads
from web.vendor import vendor
from web.verify import verify
from web.video import video
from web.video_media import video_media
from web.witness_call import witness_call
from web.witness_desk import witness_desk
from web.witness_media import witness_media

HERE = Path(__file__).parent
#: Most parts of one posted form: fields and files.
MOST_PARTS = 2000


def create_app(web: Web) -> Flask:
    """Return the application on the parts it is given."""
    app = Flask("web", root_path=str(HERE), template_folder="templates", static_folder="static")
    app.extensions["kaihu"] = web
    app.config.update(
        SECRET_KEY=web.engine.keyring.derive("web.tokens"),
        MAX_CONTENT_LENGTH=web.settings.request_limit_bytes,
        MAX_FORM_MEMORY_SIZE=web.settings.text_limit_bytes,
        MAX_FORM_PARTS=MOST_PARTS,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.session_interface = ServerSide(web.sessions, web.engine.keyring, secure=web.settings.https)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    mount(app, web)
    security.install(app, web.settings)
    problems.install(app)
    rendering.install(app)
    # Language and letters are nobody's secret, and their form stands on pages of both kinds of session;
    # other sites are kept out by the check of origin.
    security.csrf.exempt(preferences.preferences)
    # A browser's own report carries no token; nothing but a log line comes of it.
    security.csrf.exempt("web.public.csp_report")
    # Software that verifies certificates has no page and no session; every answer is signed itself.
    security.csrf.exempt(pki)
    for pages in (
        public, login, customer, tasks, uploads, handover, reading, signing, downloads, installing, verify,
        video, video_media, certificates, desk_login, desk, desk_papers, kits, agreements_desk, demo,
        vendor, pki, playback, witness_desk, witness_call, witness_media, queue_monitor,
    ):  # fmt: skip
        app.register_blueprint(pages)
    app.context_processor(_frame)
    return app


def _frame() -> dict[str, Any]:
    """What every page shows round its content."""
    web = current.web()
    actor = current.actor()
    name = ""
    if actor is not None and actor.kind == "staff":
        member = web.staff.get(actor.id)
        name = member.name if member is not None else ""
    return {
        "company": web.engine.parameters().company,
        "actor": actor,
        "actor_name": name,
        "demo": web.settings.demo,
        "menu": web.engine.parameters().businesses,
    }
