"""Settings: everything the machine decides about one installation, read here and nowhere else.

What the company decides (service hours, limits, texts) is not here but in ``engine.parameters``.
Each setting is read from ``KAIHU_<NAME>``; the database also from ``DATABASE_URL``.
"""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Adapter = Literal["embedded", "http"]
#: Shortest secret for talking to another system, in characters.
SHORTEST_TOKEN = 20
#: RFC 5612: for examples; nobody's certificates may stand under it in earnest.
DOCUMENTATION_ARC = "1.3.6.1.4.1.32473"
#: Linters and old verifiers read no larger part of an arc.
_LARGEST_ARC = 2**32 - 1


class SettingsRefused(Exception):
    """The settings do not fit together; the text names each one and what to do."""


class Settings(BaseSettings):
    """One installation."""

    model_config = SettingsConfigDict(
        env_prefix="KAIHU_", frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True
    )

    mode: Literal["demo", "production"] = Field("demo", description="production refuses every demo part")
    database_url: str = Field(
        "",
        validation_alias=AliasChoices("DATABASE_URL", "KAIHU_DATABASE_URL"),
        description="address of the PostgreSQL, postgresql://…",
    )
    data: Path = Field(Path("var"), description="folder of keys, files and demo logins")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="TCP port of the pages")
    public_address: str = Field(
        "", description="how browsers reach the pages, https://…; empty: http://localhost and the port"
    )
    threads: int = Field(16, ge=1, le=256, description="requests answered at the same time")
    worker_jobs: int = Field(4, ge=1, le=64, description="jobs a worker runs at the same time")
    photo_processes: int = Field(
        1,
        ge=1,
        le=32,
        description="child processes of a worker that look at pictures, about 500 MB each",
    )
    api_per_minute: int = Field(600, ge=1, description="requests of one API token, a minute")
    pki_per_minute: int = Field(
        600, ge=1, description="requests for lists and status answers under /pki/ of one address, a minute"
    )
    trusted_proxies: int = Field(
        0, ge=0, le=5, description="proxies in front whose X-Forwarded-… headers are believed, a number"
    )
    keyring: Path | None = Field(None, description="key ring file; empty: keyring.json in the data folder")
    clock_offset: float = Field(0, description="demo: business time ahead of the machine's clock, in seconds")
    request_limit_bytes: int = Field(
        11 * 1024 * 1024, ge=1024, description="largest request accepted, in bytes: one picture and its form"
    )
    text_limit_bytes: int = Field(
        512 * 1024, ge=1024, description="most text accepted in one form or JSON document, in bytes"
    )
    verify_per_minute: int = Field(
        20, ge=1, description="files that one address may have verified in a minute, by one process"
    )
    streams_per_session: int = Field(6, ge=1, le=100, description="live event streams of one session")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level logged")

    counter: Adapter = Field("embedded", description="embedded (demo) or the company's counter over http")
    counter_url: str = Field("", description="address of the counter's interface, https://…")
    counter_token: SecretStr = Field(SecretStr(""), description="secret shown to the counter")
    counter_seconds: float = Field(5, gt=0, le=60, description="longest wait for the counter, in seconds")
    sms: Adapter = Field("embedded", description="embedded (demo phone) or a telephone company over http")
    sms_url: str = Field("", description="address of the SMS interface, https://…")
    sms_token: SecretStr = Field(SecretStr(""), description="secret shown to the SMS interface")
    sms_seconds: float = Field(5, gt=0, le=60, description="longest wait for the SMS interface, in seconds")

    police: Literal["auto", "embedded", "http", "off"] = Field(
        "auto",
        description="police data service that verifies names and ID numbers: embedded (demo), "
        "http or off; auto: http where an address is given, else embedded in a demonstration, else off",
    )
    police_url: str = Field("", description="address of the police data interface, https://…")
    police_token: SecretStr = Field(SecretStr(""), description="secret shown to the police data interface")
    police_seconds: float = Field(
        5, gt=0, le=60, description="longest wait for the police data interface, in seconds"
    )

    certificates: Adapter = Field(
        "embedded", description="who certifies customers: our own authority (kaihu ca), or one over http"
    )
    certificates_url: str = Field("", description="address of the licensed authority's interface, https://…")
    certificates_token: SecretStr = Field(SecretStr(""), description="secret shown to the licensed authority")
    certificates_seconds: float = Field(
        8, gt=0, le=60, description="longest wait for the licensed authority, in seconds"
    )
    certificates_chain: Path | None = Field(
        None, description="PEM file of the licensed authority's certificates, its root last"
    )
    timestamps: Adapter = Field("embedded", description="who dates: our own unit, or services over http")
    timestamps_urls: str = Field(
        "", description="addresses of RFC 3161 services, separated by spaces, tried in this order"
    )
    timestamps_roots: Path | None = Field(None, description="PEM file of the roots trusted for them")
    timestamps_policy: str = Field("", description="policy that their dates must be given under; empty: any")
    timestamps_seconds: float = Field(
        5, gt=0, le=60, description="longest wait for one of those services, in seconds"
    )
    policy_arc: str = Field(
        DOCUMENTATION_ARC,
        pattern=r"^[0-2](\.(0|[1-9]\d{0,9}))+$",
        description="arc of the certificate policies: 1.3.6.1.4.1 and the company's own number; "
        "the default is for demonstrations",
    )
    company_registration: str = Field(
        "", pattern=r"^([0-9A-Z]{18})?$", description="unified social credit code, for the company's seal"
    )
    pkcs11_module: Path | None = Field(
        None, description="library of a hardware module for our units' keys; empty: sealed in the database"
    )
    pkcs11_token: str = Field("", description="label of the token in that module")
    pkcs11_pin_file: Path | None = Field(None, description="file with the token's PIN, in its first line")

    media: Literal["embedded", "janus"] = Field(
        "embedded",
        description="what carries the calls of a media node: the node itself, or a Janus beside it",
    )
    janus_url: str = Field(
        "http://127.0.0.1:8088/janus", description="HTTP interface of the Janus that a node uses"
    )
    janus_secret: SecretStr = Field(SecretStr(""), description="api_secret of that Janus")
    janus_spool: Path = Field(
        Path("/run/kaihu-janus"),
        description="folder that Janus writes into and its node reads and clears, best one in memory",
    )
    media_host: str = Field("127.0.0.1", description="address at which a media node takes commands")
    media_port: int = Field(
        0, ge=0, le=65535, description="TCP port of a media node's commands; 0: any free one"
    )
    media_addresses: str = Field(
        "",
        description="addresses of this machine that browsers are told for calls, separated by spaces; "
        "empty: all of them",
    )
    media_capacity: int = Field(8, ge=1, le=1000, description="most calls at a time of one media node")
    media_drain_seconds: float = Field(
        5, ge=0, le=7200, description="how long calls may go on when a media node is told to stop, in seconds"
    )
    recordings: Path | None = Field(
        None, description="folder of the calls' recordings; empty: recordings in the data folder"
    )
    turn_urls: str = Field(
        "", description="servers that relay calls, turn:… or turns:… or stun:…, separated by spaces"
    )
    turn_secret: SecretStr = Field(
        SecretStr(""), description="secret shared with those servers, for passwords of ten minutes"
    )

    @property
    def demo(self) -> bool:
        """Whether the parts that only a demonstration has are there."""
        return self.mode == "demo"

    @property
    def address(self) -> str:
        """How browsers reach the pages, without a slash at the end."""
        return (self.public_address or f"http://localhost:{self.port}").rstrip("/")

    @property
    def https(self) -> bool:
        """Whether browsers come over TLS."""
        return self.address.startswith("https://")

    @property
    def police_adapter(self) -> Adapter | None:
        """How the police data service is reached; None: it is not connected."""
        if self.police in ("embedded", "http"):
            return self.police
        if self.police == "off" or not (self.police_url or self.demo):
            return None
        return "http" if self.police_url else "embedded"

    @property
    def timestamp_addresses(self) -> tuple[str, ...]:
        """Where dates are asked for, in this order."""
        return tuple(self.timestamps_urls.split())

    @property
    def keyring_file(self) -> Path:
        """Where the key ring lies."""
        return self.keyring or self.data / "keyring.json"

    @property
    def files(self) -> Path:
        """Where the sealed files lie."""
        return self.data / "files"

    @property
    def recordings_folder(self) -> Path:
        """Where the segments of calls lie."""
        return self.recordings or self.data / "recordings"

    @property
    def media_address_list(self) -> tuple[str, ...]:
        """Addresses that browsers are told for calls; none: all of this machine."""
        return tuple(self.media_addresses.split())

    @property
    def turn_addresses(self) -> tuple[str, ...]:
        """Servers that relay calls."""
        return tuple(self.turn_urls.split())

    @model_validator(mode="after")
    def _fits(self) -> Self:
        wrong = list(self._wrong_anywhere())
        if not self.demo:
            wrong += self._wrong_in_production()
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def _wrong_anywhere(self) -> list[str]:
        wrong = []
        for name in ("counter", "sms", "police", "certificates"):
            if getattr(self, name) == "http" and not getattr(self, f"{name}_url"):
                wrong.append(f"KAIHU_{name.upper()}_URL: name the address of the {name} interface")
        wrong += self._wrong_of_authority()
        parts = urlsplit(self.public_address)
        if self.public_address and (
            parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/")
        ):
            wrong.append(
                "KAIHU_PUBLIC_ADDRESS: write scheme and host only, such as https://kaihu.example.com"
            )
        return wrong

    def _wrong_of_authority(self) -> list[str]:
        wrong = []
        if self.certificates == "http" and self.certificates_chain is None:
            wrong.append("KAIHU_CERTIFICATES_CHAIN: name the PEM file of the authority's certificates")
        if self.timestamps == "http":
            # Without TLS is usual and does no harm: only a digest goes out, and the answer is signed.
            if not self.timestamp_addresses or not all(map(_is_address, self.timestamp_addresses)):
                wrong.append("KAIHU_TIMESTAMPS_URLS: name one or more addresses, http://… or https://…")
            if self.timestamps_roots is None:
                wrong.append("KAIHU_TIMESTAMPS_ROOTS: name the PEM file of the roots to trust")
        if any(int(part) > _LARGEST_ARC for part in self.policy_arc.split(".")):
            wrong.append(f"KAIHU_POLICY_ARC: no part may be larger than {_LARGEST_ARC}")
        if any(not url.startswith(("turn:", "turns:", "stun:")) for url in self.turn_addresses):
            wrong.append("KAIHU_TURN_URLS: write turn:host:port, turns:host:port or stun:host:port")
        if (
            any(url.startswith("turn") for url in self.turn_addresses)
            and not self.turn_secret.get_secret_value()
        ):
            wrong.append("KAIHU_TURN_SECRET: relaying needs the secret shared with its servers")
        if self.pkcs11_module is not None and not (self.pkcs11_token and self.pkcs11_pin_file):
            wrong.append("KAIHU_PKCS11_TOKEN, KAIHU_PKCS11_PIN_FILE: name the token and its PIN's file")
        return wrong

    def _wrong_in_production(self) -> list[str]:
        wrong = []
        if not self.database_url:
            wrong.append("DATABASE_URL: name the PostgreSQL to use")
        if not self.https:
            wrong.append("KAIHU_PUBLIC_ADDRESS: must begin with https://")
        if self.keyring is None:
            wrong.append("KAIHU_KEYRING: name the key ring file; it is not kept beside the database")
        if self.media == "janus" and len(self.janus_secret.get_secret_value()) < SHORTEST_TOKEN:
            wrong.append(f"KAIHU_JANUS_SECRET: {SHORTEST_TOKEN} characters or more, as Janus has it")
        if self.clock_offset:
            wrong.append("KAIHU_CLOCK_OFFSET: only a demonstration shifts the clock")
        for name in ("counter", "sms", "police"):
            if getattr(self, name) == "embedded":
                wrong.append(f"KAIHU_{name.upper()}: the embedded {name} is for demonstrations; use http")
        outward = {
            "counter": self.counter,
            "sms": self.sms,
            "police": self.police_adapter,
            "certificates": self.certificates,
        }
        for name in (one for one, adapter in outward.items() if adapter == "http"):
            if not getattr(self, f"{name}_url").startswith("https://"):
                wrong.append(f"KAIHU_{name.upper()}_URL: must begin with https://")
            elif len(getattr(self, f"{name}_token").get_secret_value()) < SHORTEST_TOKEN:
                wrong.append(f"KAIHU_{name.upper()}_TOKEN: needs at least {SHORTEST_TOKEN} characters")
        return wrong


def _is_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def read(**given: object) -> Settings:
    """Return the settings of this process; ``given`` goes before the environment.

    :raises SettingsRefused: with what to do about each.
    """
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as refused:
        words = [
            f"{'.'.join(str(p) for p in one['loc'])}: {one['msg']}".lstrip(": ") for one in refused.errors()
        ]
        raise SettingsRefused("\n".join(words)) from None
