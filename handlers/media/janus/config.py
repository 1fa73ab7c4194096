"""The configuration a Janus needs to carry calls for us.

    python -m handlers.media.janus.config /etc/kaihu-janus --public 203.0.113.7

writes it, with a secret of its own, and says which settings the node beside it needs.
"""

import argparse
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("calls.lua")
#: Where Debian and upstream's default prefix put what Janus loads.
_PLACES = ("/usr/lib/x86_64-linux-gnu/janus", "/usr/lib/aarch64-linux-gnu/janus", "/opt/janus/lib/janus")
#: Janus ends connections this long after it last heard of the node, in seconds.
SESSION_SECONDS = 10


class NoJanus(Exception):
    """This machine has no Janus with the Lua plugin."""


@dataclass(frozen=True)
class Janus:
    """How one Janus is to run."""

    #: Folder of its configuration.
    folder: Path
    api_secret: str
    #: Address its HTTP transport listens on, and port.
    address: str = "127.0.0.1"
    port: int = 8088
    #: UDP ports of media, first and last.
    media_ports: tuple[int, int] = (20000, 29999)
    #: Addresses or interfaces that browsers are told; empty: all but loopback.
    enforce: str = ""
    #: The address that browsers see, where another one stands on this machine (1:1 NAT).
    public: str = ""


def write(janus: Janus) -> None:
    """Write the configuration; the folder must not be there yet.

    :raises NoJanus: there is nothing to configure.
    """
    for value in (janus.api_secret, janus.address, janus.enforce, janus.public):
        if not re.fullmatch(r"[\w.:,-]*", value):
            raise ValueError(f"{value!r} cannot stand in a configuration of Janus")
    library = next((Path(one) for one in _PLACES if (Path(one) / "plugins/libjanus_lua.so").exists()), None)
    if library is None:
        raise NoJanus(f"no libjanus_lua.so below {', '.join(_PLACES)}")
    janus.folder.mkdir(parents=True, mode=0o700)
    nat = [f'ice_enforce_list = "{janus.enforce}"'] if janus.enforce else []
    nat += [f'nat_1_1_mapping = "{janus.public}"'] if janus.public else []
    _file(
        janus.folder / "janus.jcfg",
        {
            "general": [
                f'configs_folder = "{janus.folder}"',
                f'plugins_folder = "{library / "plugins"}"',
                f'transports_folder = "{library / "transports"}"',
                f'events_folder = "{library / "events"}"',
                f'loggers_folder = "{library / "loggers"}"',
                "debug_level = 3",
                f'api_secret = "{janus.api_secret}"',
                f"session_timeout = {SESSION_SECONDS}",
                "candidates_timeout = 20",
                'protected_folders = ["/bin", "/etc", "/lib", "/proc", "/sbin", "/sys", "/usr"]',
            ],
            "media": [f'rtp_port_range = "{janus.media_ports[0]}-{janus.media_ports[1]}"'],
            "nat": nat,
            "plugins": [f'disable = "{_others(library / "plugins", "libjanus_lua.so")}"'],
            "transports": [f'disable = "{_others(library / "transports", "libjanus_http.so")}"'],
        },
    )
    _file(
        janus.folder / "janus.transport.http.jcfg",
        {
            "general": [
                'json = "compact"',
                'base_path = "/janus"',
                "http = true",
                f"port = {janus.port}",
                f'ip = "{janus.address}"',
                "https = false",
            ],
            "admin": ["admin_http = false"],
        },
    )
    _file(
        janus.folder / "janus.plugin.lua.jcfg",
        {"general": [f'path = "{SCRIPT.parent}"', f'script = "{SCRIPT}"']},
    )


def _file(path: Path, categories: dict[str, list[str]]) -> None:
    lines: list[str] = []
    for name, settings in categories.items():
        lines += [name + ": {", *(f"\t{one}" for one in settings), "}"]
    path.touch(mode=0o600)
    path.write_text("\n".join([*lines, ""]))


def _others(folder: Path, wanted: str) -> str:
    """Return what Janus would load from a folder besides the one thing we need."""
    return ",".join(sorted(file.name for file in folder.glob("*.so") if file.name != wanted))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the configuration that was asked for; return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m handlers.media.janus.config")
    parser.add_argument("folder", type=Path, help="must not be there yet")
    parser.add_argument("--address", default="127.0.0.1", help="address Janus takes commands at")
    parser.add_argument("--port", type=int, default=8088, help="TCP port of commands")
    parser.add_argument("--media-ports", default="20000-29999", help="UDP ports of media")
    parser.add_argument("--enforce", default="", help="interfaces or addresses that browsers are told")
    parser.add_argument("--public", default="", help="the address browsers see, behind 1:1 NAT")
    given = parser.parse_args(arguments)
    first, last = (int(part) for part in given.media_ports.split("-"))
    secret = secrets.token_hex(20)
    wanted = Janus(
        given.folder.absolute(), secret, given.address, given.port, (first, last), given.enforce, given.public
    )
    try:
        write(wanted)
    except (NoJanus, OSError, ValueError) as refused:
        parser.exit(1, f"{refused}\n")
    print(f"janus -F {wanted.folder}")
    print(f"KAIHU_MEDIA=janus KAIHU_JANUS_URL=http://{given.address}:{given.port}/janus")
    print(f"KAIHU_JANUS_SECRET={secret}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
