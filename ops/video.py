"""How the video witness is joined: who speaks to the media nodes, and what relays calls."""

from functools import lru_cache

from engine import Engine
from handlers.media import relays
from handlers.media.client import EmbeddedSfu
from handlers.video.calls import Calls, IceServers
from handlers.video.nodes import Node, Nodes
from handlers.video.sfu import Sfu
from web.settings import Settings


def calls(engine: Engine, settings: Settings) -> Calls:
    """Return what pages may do with calls."""
    secret = engine.keyring.derive("media.ticket")

    @lru_cache(maxsize=64)
    def speaking(url: str) -> Sfu:
        return EmbeddedSfu(url, secret)

    def sfu_of(node: Node) -> Sfu:
        return speaking(node.url)

    def ice() -> IceServers:
        return relays.ice_servers(settings.turn_addresses, settings.turn_secret.get_secret_value())

    return Calls(engine, Nodes(engine.database), sfu_of, ice)
