"""Everything a company may set without a programmer (R-222), and how a setting is changed.

The defaults stand here and are version 0. A change stores only what differs from them, as a new
version that a second person approved; nothing is ever overwritten, so that a decision of last year
can be read with the settings of last year.
"""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Literal
from weakref import WeakKeyDictionary

from pydantic import Field, ValidationError, model_validator
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from engine.company import (
    AGREEMENTS,
    BANKS,
    BUSINESSES,
    DECLARATIONS,
    MOBILE_PREFIXES,
    AgreementNeed,
    Branch,
    Business,
    Choice,
    Company,
    Days,
    ExtensionField,
    Hours,
    Limits,
    Mode,
    Part,
    Reason,
    Retention,
    Review,
    Shown,
    Video,
)
from engine.errors import EngineError, FourEyes
from engine.store.database import Database
from engine.store.tables import ParameterSetRow
from engine.wording import REQUIRED, SMS_TEXTS, WELCOME_TIPS, placeholders

#: Seconds for which a process may go on with settings another process has just changed.
REREAD_AFTER = 2.0
#: Any number, as long as nobody else locks by it: changes of the settings are made one after another.
_CHANGING = 2_220_001


class ParametersRefused(EngineError):
    """The settings do not fit together."""


class ParametersMoved(EngineError):
    """Other settings were approved in between; look at them and propose again."""


class Parameters(Part):
    """All settings of one company, at one version."""

    company: Company = Company()
    hours: Hours = Hours()
    enforce_hours: Literal["staffed", "all"] = "staffed"
    limits: Limits = Limits()
    mobile_prefixes: tuple[Annotated[str, Field(pattern=r"^1\d\d$")], ...] = MOBILE_PREFIXES
    virtual_prefixes: tuple[str, ...] = ("162", "165", "167", "170", "171")
    dictionaries: Mapping[str, tuple[Choice, ...]] = {}
    send_back_reasons: tuple[Reason, ...] = ()
    occupation_risk: tuple[str, ...] = ("36", "37", "39")
    agreements: tuple[AgreementNeed, ...] = AGREEMENTS
    review: Review = Review()
    retention: Retention = Retention()
    declaration_modes: Mapping[str, Mode] = dict.fromkeys(DECLARATIONS, "collect")
    id_address: bool = Field(default=False, description="身份证地址 is asked for (R-117)")
    pep_international: bool = Field(default=False, description="choice E of 政要人物关系")
    deal_type: bool = Field(default=False, description="the question 主要交易类型")
    field_modes: Mapping[str, Shown] = Field(default={}, description="by question, over the form (R-141)")
    extension_fields: tuple[ExtensionField, ...] = ()
    bad_record_required: bool = False
    id_expired_video_days: Days = 90
    id_expired_blocks: bool = Field(default=False, description="the other flows wait for the card (A-29)")
    expiry_notice_days: tuple[int, ...] = Field(
        default=(90, 30, 7, 0, -1, -30, -60, -90), description="days before the last day; minus: after it"
    )
    id_notice_days: Days = Field(default=30, description="a card ending sooner is advised on (domain 3.4)")
    id_restricted_days: Days = Field(default=90, description="after expiry (domain 3.4)")
    photos_on_file: bool = Field(default=True, description="pictures on file may be kept (R-101)")
    photo_limits: Mapping[str, float] = Field(default={}, description="thresholds of the gate")
    login_hide_existence: bool = False
    lost_phone: bool = True
    mobile_replaces_both: bool = True
    certificate_pin: Literal["standard", "digits6"] = "standard"
    video: Video = Video()
    businesses: tuple[Business, ...] = BUSINESSES
    banks: tuple[str, ...] = BANKS
    tips: tuple[str, ...] = WELCOME_TIPS
    sms: Mapping[str, str] = SMS_TEXTS
    privacy_version: str = "2026-01"

    @model_validator(mode="after")
    def _sensible(self) -> "Parameters":
        if set(self.sms) != set(SMS_TEXTS):
            raise ValueError("sms: every message needs a text, and there are no others")
        for key, wording in self.sms.items():
            allowed = placeholders(SMS_TEXTS[key])
            unknown, missing = placeholders(wording) - allowed, (allowed & REQUIRED) - placeholders(wording)
            if unknown or missing:
                raise ValueError(f"sms.{key}: unknown {sorted(unknown)}, missing {sorted(missing)}")
        if set(self.declaration_modes) != set(DECLARATIONS):
            raise ValueError(f"declaration_modes: name exactly {', '.join(DECLARATIONS)}")
        return self

    @cached_property
    def mobile(self) -> re.Pattern[str]:
        """The pattern of a mobile number, normalised to 11 digits (domain 3.5)."""
        return re.compile(f"^(?:{'|'.join(self.mobile_prefixes)})[0-9]{{8}}$")

    @cached_property
    def view(self) -> dict[str, Any]:
        """The settings as plain JSON values, for forms (``forms.context.SETTINGS``) and expressions."""
        return {
            **self.model_dump(mode="json"),
            "hotline": self.company.hotline,
            "mobile_pattern": self.mobile.pattern,
        }

    def branch(self, name: str) -> Branch | None:
        """Return the branch called ``name``."""
        return next((b for b in self.company.branches if b.name == name), None)

    def text(self, key: str, **values: object) -> str:
        """Return the SMS ``key`` with its places filled; company and hotline fill themselves."""
        known = {"company": self.company.name, "hotline": self.company.hotline, **values}
        return re.sub(r"\{([a-z_]+)\}", lambda place: str(known[place[1]]), self.sms[key])


@dataclass(frozen=True)
class ParameterVersion:
    """One version in the history."""

    version: int
    #: What differs from the defaults.
    values: Mapping[str, Any]
    changed_at: datetime
    changed_by: str
    #: None while it is only proposed.
    approved_by: str | None


@dataclass
class _Known:
    version: int
    parameters: Parameters
    until: float


_known: "WeakKeyDictionary[Database, _Known]" = WeakKeyDictionary()


def current(database: Database) -> Parameters:
    """Return the settings in force; read again at most every two seconds."""
    known = _known.get(database)
    if known is not None and time.monotonic() < known.until:
        return known.parameters
    with database.reading() as session:
        version = _version(session)
        if known is None or known.version != version:
            known = _Known(version, _made(_values(session, version)), 0.0)
    known.until = time.monotonic() + REREAD_AFTER
    _known[database] = known
    return known.parameters


def change(database: Database, values: Mapping[str, Any], by: str, approved_by: str, now: datetime) -> int:
    """Put a change in force that a second person has approved; return its version.

    :param values: a merge patch on what differs from the defaults: null puts a default back.
    """
    if not approved_by or approved_by == by:
        raise FourEyes
    with database.transaction() as session:
        version = _add(session, values, by, approved_by, now)
    _known.pop(database, None)
    return version


def propose(database: Database, values: Mapping[str, Any], by: str, now: datetime) -> int:
    """Store a change that waits for a second person; return its version."""
    with database.transaction() as session:
        return _add(session, values, by, None, now)


def approve(database: Database, version: int, approved_by: str) -> None:
    """Put a proposal in force; it must be another person's, and nothing newer may be in force."""
    with database.transaction() as session:
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHANGING})
        row = session.get(ParameterSetRow, version)
        if row is None or row.approved_by is not None or _version(session) > version:
            raise ParametersMoved
        if not approved_by or approved_by == row.changed_by:
            raise FourEyes
        _made(row.values)
        session.execute(
            update(ParameterSetRow).where(ParameterSetRow.version == version).values(approved_by=approved_by)
        )
    _known.pop(database, None)


def history(database: Database, limit: int = 100) -> list[ParameterVersion]:
    """Return the versions, newest first."""
    with database.transaction() as session:
        rows: Iterable[ParameterSetRow] = session.scalars(
            select(ParameterSetRow).order_by(ParameterSetRow.version.desc()).limit(limit)
        )
        return [
            ParameterVersion(r.version, r.values, r.changed_at, r.changed_by, r.approved_by) for r in rows
        ]


def at_version(database: Database, version: int) -> Parameters:
    """Return the settings as they were at ``version``; 0 are the defaults."""
    with database.transaction() as session:
        return _made(_values(session, version))


def _version(session: Session) -> int:
    approved = ParameterSetRow.approved_by.is_not(None)
    return session.scalar(select(func.max(ParameterSetRow.version)).where(approved)) or 0


def _values(session: Session, version: int) -> Mapping[str, Any]:
    row = session.get(ParameterSetRow, version) if version else None
    return row.values if row is not None else {}


def _made(values: Mapping[str, Any]) -> Parameters:
    try:
        return Parameters.model_validate(_merged(_DEFAULTS, values))
    except ValidationError as wrong:
        places = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in wrong.errors())
        raise ParametersRefused(places) from None


def _add(session: Session, values: Mapping[str, Any], by: str, approved_by: str | None, now: datetime) -> int:
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHANGING})
    merged = _merged(_values(session, _version(session)), values)
    _made(merged)
    version = (session.scalar(select(func.max(ParameterSetRow.version))) or 0) + 1
    row = ParameterSetRow(version=version, values=merged, changed_at=now, changed_by=by)
    row.approved_by = approved_by
    session.add(row)
    return version


def _merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a merge patch (RFC 7396)."""
    merged = dict(base)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            under = merged.get(key)
            merged[key] = _merged(under if isinstance(under, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


_DEFAULTS = Parameters().model_dump(mode="json")
