"""The whole site on a port of its own, served as in earnest, for those who come without a test client."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import uvicorn

from tests.waiting import wait_until
from web.asgi import Server, make_asgi
from web.current import Web


@contextlib.contextmanager
def serving(web: Web) -> Iterator[str]:
    """Serve a product on this machine and give its address."""
    application = make_asgi(web)
    config = uvicorn.Config(
        application, host="127.0.0.1", port=0, lifespan="on", log_config=None, timeout_graceful_shutdown=5
    )
    server = Server(config, application)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
