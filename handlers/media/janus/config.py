"""The configuration a Janus needs to carry calls for us; docs/video.md says what to change in production."""

import re
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
