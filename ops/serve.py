"""The web process: pages, REST API and live events on one port."""

import os
from functools import partial

from engine import Actor
from ops.wiring import wire
from web.app import create_app
from web.asgi import Site, serve
from web.current import Web
from web.live import Live
from web.sessions import Known, ServerSide
from web.settings import Settings


def actor_of(web: Web, known: Known) -> Actor | None:
    """Return who a session's person is at this moment; None when they may no longer act."""
    if known.kind == "staff":
        return web.staff.actor(known.subject, known.name)
    company = web.engine.parameters().company.number
    return Actor("customer", known.subject, frozenset({"customer"}), company=company, session=known.name)


def site(web: Web) -> Site:
    """Return everything that is served on the port."""
    settings = web.settings
    pages = create_app(web)
    doors = ServerSide(web.sessions, web.engine.keyring, secure=settings.https)
    live = Live(settings.database_url, doors, partial(actor_of, web), settings.streams_per_session)
    return Site(pages, live, settings.threads)


def serve_pages(settings: Settings, port: int) -> None:
    """Serve until told to stop; requests under way are finished."""
    product = wire(settings)
    serve(site(product.web), settings.host, port)
    product.engine.database.dispose()
    # A thread that still waits for a slow counter would hold the process; whatever it did is
    # committed or will be rolled back by its closed connection.
    os._exit(0)
