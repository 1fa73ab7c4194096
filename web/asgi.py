"""One port for everything: live events natively, every other address through Flask's own threads.

A page waits for a thread, a stream does not: a thousand open pages leave the threads free.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvicorn
from a2wsgi import WSGIMiddleware
from flask import Flask

from engine import Actor
from web.app import create_app
from web.current import Web
from web.live import Live, Receive, Scope, Send, plain
from web.sessions import Known, ServerSide


class Site:
    """The ASGI application: ``/rt/events`` here, all else to Flask."""

    def __init__(self, pages: Flask, live: Live, threads: int) -> None:
        self.live = live
        self._pages = WSGIMiddleware(pages, workers=threads)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or begin and end with the server."""
        if scope["type"] == "lifespan":
            return await self._lifespan(receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1000})
        if not scope.get("query_string", b"").isascii():
            return await plain(send, 400)  # the bridge to Flask reads ASCII only
        path = scope["path"]
        if path == "/rt/events":
            return await self.live(scope, receive, send)
        if path.startswith("/rt/"):
            return await plain(send, 404)
        return await self._pages(_without_doubles(scope), receive, send)  # type: ignore[arg-type]

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.live.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.live.stop()
                self._executor.shutdown(wait=False, cancel_futures=True)
                await send({"type": "lifespan.shutdown.complete"})
                return

    @property
    def _executor(self) -> ThreadPoolExecutor:
        return self._pages.executor


def _without_doubles(scope: Scope) -> Scope:
    """Drop headers written with an underscore: Flask could not tell them from the real ones."""
    return {**scope, "headers": [(k, v) for k, v in scope["headers"] if b"_" not in k]}


class Server(uvicorn.Server):
    """A server that lets its streams end before it waits for requests to finish."""

    def __init__(self, config: uvicorn.Config, site: Site) -> None:
        super().__init__(config)
        self._site = site

    async def shutdown(self, sockets: Any = None) -> None:
        """Stop: streams first."""
        self._site.live.close_all()
        await super().shutdown(sockets)


def make_asgi(web: Web) -> Site:
    """Return the whole site: pages and live events."""
    pages = create_app(web)
    doors = pages.session_interface
    assert isinstance(doors, ServerSide)  # noqa: S101  # nosec B101

    def actor_of(known: Known) -> Actor | None:
        if known.kind == "staff":
            return web.staff.actor(known.subject, known.name)
        return Actor("customer", known.subject, frozenset({"customer"}), session=known.name)

    settings = web.settings
    live = Live(
        web.engine.database.url,
        doors,
        actor_of,
        settings.streams_per_session,
        frozenset({settings.address}),
        web.queue.places,
    )
    return Site(pages, live, settings.threads)
