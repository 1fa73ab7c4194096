"""The web process: pages, REST API and live events on one port."""

import asyncio
import os

import uvicorn

from ops.wiring import wire
from web.asgi import Server, make_asgi
from web.settings import Settings

#: Seconds in which requests under way may finish when the process is told to stop.
FINISH_SECONDS = 10
#: Longest address line and header that is read, in bytes.
LONGEST_HEADER = 32 * 1024


def serve_pages(settings: Settings, port: int) -> None:
    """Serve until told to stop; requests under way are finished."""
    product = wire(settings)
    site = make_asgi(product.web)
    config = uvicorn.Config(
        site,
        host=settings.host,
        port=port,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=FINISH_SECONDS,
        h11_max_incomplete_event_size=LONGEST_HEADER,
    )
    asyncio.run(Server(config, site).serve())
    product.engine.database.dispose()
    # A thread that still waits for a slow counter would hold the process; whatever it did is
    # committed or will be rolled back with its connection.
    os._exit(0)
