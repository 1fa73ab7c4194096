"""The key ring of an embedded run: made once, kept beside the database, readable by its user alone.

Production gives its own file; nothing makes keys there.
"""

import base64
import json
import os
import secrets
from pathlib import Path

from engine.store import Keyring


class NoKeys(Exception):
    """There is no key ring, and none may be made here."""


def load(path: Path, *, make: bool) -> Keyring:
    """Read a key ring.

    :param make: make one when there is none; two processes at once end with the same one.
    :raises NoKeys: there is none and ``make`` is off.
    """
    if not path.exists():
        if not make:
            raise NoKeys(f"no key ring at {path}")
        _make(path)
    stored = json.loads(path.read_text("utf-8"))
    keys = {int(number): base64.b64decode(key) for number, key in stored["keys"].items()}
    return Keyring(keys, base64.b64decode(stored["index"]))


def _make(path: Path) -> None:
    fresh = {
        "keys": {"1": base64.b64encode(secrets.token_bytes(32)).decode()},
        "index": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(part, "x", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, 0o600)) as out:
        json.dump(fresh, out)
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(part, path)
    except FileExistsError:
        pass  # another process was first; its ring is the one
    finally:
        part.unlink()
