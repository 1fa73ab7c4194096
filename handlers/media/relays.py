"""What browsers and nodes are told of the servers that relay calls.

TURN with passwords that are made for ten minutes out of a shared secret, as coturn's ``use-auth-secret`` and
Janus have it (draft-uberti-behave-turn-rest-00).
"""

import base64
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha1
from typing import Any

#: Seconds for which a password is good; a connection that stands is not cut by its end.
GOOD_FOR = 600


def ice_servers(
    urls: Sequence[str], secret: str, clock: Callable[[], float] = time.time
) -> tuple[Mapping[str, Any], ...]:
    """Return the servers as browsers take them, with a fresh user and password for those that relay."""
    plain = [url for url in urls if url.startswith("stun:")]
    relays = [url for url in urls if not url.startswith("stun:")]
    servers: list[Mapping[str, Any]] = [{"urls": plain}] if plain else []
    if relays:
        user = f"{int(clock()) + GOOD_FOR}:kaihu"
        password = base64.b64encode(hmac.new(secret.encode(), user.encode(), sha1).digest()).decode()
        servers.append({"urls": relays, "username": user, "credential": password})
    return tuple(servers)
