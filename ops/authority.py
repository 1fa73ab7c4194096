"""Which authority, which timestamps and which place for keys this installation has, by its settings."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from engine.store import Database, Keyring
from handlers.certificates import (
    Authority,
    Company,
    EmbeddedAuthority,
    EmbeddedTimestamps,
    Module,
    Timestamps,
    Upkeep,
)
from handlers.certificates.external import Elsewhere, HttpAuthority, HttpTimestamps, Line, Reports, read_chain
from handlers.certificates.external.chain import is_root
from handlers.signing.stamps import Rules
from web.settings import Settings, SettingsRefused


def module(settings: Settings) -> Module | None:
    """Return the hardware module for the units' keys, if there is one."""
    if settings.pkcs11_module is None or settings.pkcs11_pin_file is None:
        return None
    return _module(settings.pkcs11_module, settings.pkcs11_token, settings.pkcs11_pin_file)


@lru_cache
def _module(library: Path, token: str, pin_file: Path) -> Module:
    """Return the same one to all who ask: a process has one session in it."""
    return Module(library, token, pin_file)


def own(settings: Settings, keyring: Keyring, company: Company) -> EmbeddedAuthority:
    """Return our own authority; it is there also where another one certifies customers."""
    made = EmbeddedAuthority(keyring, company, module=module(settings))
    if dated_by := timestamp_roots(settings):
        made.elsewhere = Elsewhere(dated_by, made.now)
    return made


def certifying(
    settings: Settings, keyring: Keyring, company: Company, own: EmbeddedAuthority
) -> EmbeddedAuthority:
    """Return who certifies customers: our ``own`` authority, or the licensed one over HTTP."""
    if settings.certificates == "embedded" or settings.certificates_chain is None:
        return own
    try:
        chain = read_chain(settings.certificates_chain)
    except (OSError, ValueError) as broken:
        raise SettingsRefused(f"KAIHU_CERTIFICATES_CHAIN: {broken}") from None
    token = settings.certificates_token.get_secret_value()
    line = Line(settings.certificates_url, token, settings.certificates_seconds, chain)
    dated_by = timestamp_roots(settings)
    return HttpAuthority(keyring, company, line, module=module(settings), dated_by=dated_by)


def timestamp_roots(settings: Settings) -> tuple[x509.Certificate, ...]:
    """Return the certificates that dates from elsewhere may lead up to; none where our own unit dates."""
    if settings.timestamps == "embedded" or settings.timestamps_roots is None:
        return ()
    try:
        return read_chain(settings.timestamps_roots)
    except (OSError, ValueError) as broken:
        raise SettingsRefused(f"KAIHU_TIMESTAMPS_ROOTS: {broken}") from None


def stamp_rules(settings: Settings) -> Rules | None:
    """Return whose dates count; None: our own unit's, which changes with rotations."""
    roots = timestamp_roots(settings)
    if not roots:
        return None
    anchors = frozenset(one.public_bytes(Encoding.DER) for one in roots if is_root(one))
    return Rules(anchors, frozenset({settings.timestamps_policy} - {""}))


def dating(settings: Settings, database: Database, keyring: Keyring, company: Company) -> Timestamps:
    """Return who dates: our own unit, or services over HTTP."""
    if settings.timestamps == "embedded":
        return EmbeddedTimestamps(database, keyring, company, module=module(settings))
    return HttpTimestamps(
        settings.timestamp_addresses,
        timestamp_roots(settings),
        settings.timestamps_policy,
        settings.timestamps_seconds,
    )


def sweeps(
    database: Database, own: EmbeddedAuthority, authority: Authority
) -> dict[str, Callable[[], object]]:
    """Return what the worker does every minute for the authorities."""
    made: dict[str, Callable[[], object]] = {"certificates.keep": Upkeep(database, own).keep}
    if isinstance(authority, HttpAuthority):
        made["certificates.report"] = Reports(database, authority).report
    return made
