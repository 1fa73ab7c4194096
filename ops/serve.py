"""The web process: pages, REST API and live events on one port."""

import asyncio
import os

import uvicorn

from ops.wiring import wire
from web.asgi import make_asgi
from web.settings import Settings


def serve(settings: Settings, port: int) -> None:
    """Serve until told to stop; requests under way are finished."""
    product = wire(settings)
    application = make_asgi(product.web)
    config = uvicorn.Config(
        application,
        host=settings.host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
        lifespan="on",
    )
    asyncio.run(uvicorn.Server(config).serve())
    product.engine.database.dispose()
    # Threads of the page server that wait for a slow counter would hold the process; everything
    # they did is committed or rolled back by now.
    os._exit(0)
