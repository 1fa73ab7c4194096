"""How the rooms become one product: the only place that knows all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

from sqlalchemy import select

from engine import Catalogue, Engine, clock, files_of, parameters
from engine.diagrams.bounded import check_in_child
from engine.diagrams.findings import Finding, errors
from engine.errors import EngineError
from engine.operators import Operator
from engine.store import Database, Journal, Keyring
from engine.store.tables import CaseRow, StaffChainRow
from forms import FormRefused, answer_keys, parse
from forms import lint as lint_form
from handlers import agreements, flags, hours, notices, numbers, photos, reviews, witness
from handlers.captchas import Captchas
from handlers.certificates import Certificates, EmbeddedAuthority, Unlocking
from handlers.codes import Codes
from handlers.codes import checks as code_checks
from handlers.counter import Counter, conflict_checks, embedded_counter, http_counter
from handlers.counter import checks as counter_checks
from handlers.counter import operators as counter_operators
from handlers.customers import Customers
from handlers.inspection import Inspection
from handlers.police import PoliceData, embedded_police, http_police
from handlers.recordings import Recordings
from handlers.signing import Signing
from handlers.signing import operators as signing_operators
from handlers.sms import SmsGateway, embedded_gateway, http_gateway
from handlers.staff import StaffAccounts
from handlers.verifier import Verifier
from handlers.verifier.house import House
from handlers.video.agents import Agents
from handlers.video.police_checks import PoliceChecks
from handlers.video.queue import Queue
from handlers.video.witnessing import Witnessing
from handlers.video.workplace import Workplace
from ops import authority as authorities
from ops import ca, video
from ops.keys import load
from web.current import Web
from web.sessions import Lasting, Sessions
from web.settings import Settings

ROOT = Path(__file__).resolve().parent.parent


class ReleaseRefused(EngineError):
    """A release is not published as it is."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("; ".join(f"{f.file} {f.element}: {f.sentence_en}" for f in findings))
        self.findings = findings


@dataclass(frozen=True)
class Product:
    """Everything that runs in one process."""

    engine: Engine
    sms: SmsGateway
    web: Web
    #: The embedded authority, also where another one certifies customers: it has the seal.
    own_authority: EmbeddedAuthority


def catalogue(
    counter: Counter,
    codes: Codes,
    certificates: Certificates,
    versions: agreements.Agreements,
) -> Catalogue:
    """Return what diagrams and forms may name."""
    return Catalogue.of(
        agreements.operators(versions),
        flags,
        notices,
        numbers,
        photos,
        reviews,
        counter_operators(counter),
        counter_checks(counter),
        conflict_checks(counter),
        code_checks(codes),
        signing_operators,
        witness.operators(certificates),
    )


def operators() -> Mapping[str, Operator]:
    """Return what diagrams may name, for looking at them where no counter is near."""
    return catalogue(
        cast(Counter, None),
        cast(Codes, None),
        cast(Certificates, None),
        cast(agreements.Agreements, None),
    ).operators


@lru_cache(maxsize=1)
def shipped() -> dict[str, bytes]:
    """Return the diagrams, tables and forms this product comes with."""
    return files_of(ROOT / "bpmn", ROOT / "forms")


def findings(files: Mapping[str, bytes], operators: Mapping[str, Operator]) -> tuple[Finding, ...]:
    """Return everything wrong with a release: its forms, then its diagrams and tables."""
    found = []
    keys: dict[str, frozenset[str] | None] = {}
    for name, data in files.items():
        if name.endswith(".form"):
            keys[name.removesuffix(".form")] = _keys(data)
            found += [Finding(name, f.element, "form", f.sentence_zh, f.sentence_en) for f in lint_form(data)]
    return (*found, *check_in_child(files, keys, operators))


def _keys(form: bytes) -> frozenset[str] | None:
    """Return the keys a form's answers have, so that a diagram's misspelt one is found."""
    try:
        return answer_keys(parse(form))
    except FormRefused:
        return None


def wire(settings: Settings) -> Product:
    """Join the rooms for one process."""
    clock.set_offset(settings.clock_offset)
    keyring = load(settings.keyring_file, make=settings.demo)
    database = Database(settings.database_url, pool_size=settings.threads)
    counter = (
        embedded_counter(database, keyring, settings.counter_seconds)
        if settings.counter == "embedded"
        else http_counter(
            settings.counter_url, settings.counter_token.get_secret_value(), settings.counter_seconds
        )
    )
    sms = (
        embedded_gateway(database, keyring, settings.sms_seconds)
        if settings.sms == "embedded"
        else http_gateway(settings.sms_url, settings.sms_token.get_secret_value(), settings.sms_seconds)
    )
    codes = Codes(database, keyring, sms)
    versions = agreements.Agreements(Journal(keyring))
    company = ca.company(settings, parameters.current(database))
    ca.refuse_demonstration(settings, database)
    own_authority = authorities.own(settings, keyring, company)
    authority = authorities.certifying(settings, keyring, company, own_authority)
    certificates = Certificates(keyring, authority)
    offered = catalogue(counter, codes, certificates, versions)

    def check(files: Mapping[str, bytes]) -> None:
        bad = errors(findings(files, offered.operators))
        if bad:
            raise ReleaseRefused(bad)

    engine = Engine(database, keyring, offered, settings.files, check=check, due=hours.add_service_time)

    def lasting() -> Lasting:
        limits = engine.parameters().limits
        return Lasting(idle=limits.idle_minutes * 60, longest=limits.session_hours * 3600)

    timestamps = authorities.dating(settings, database, keyring, company)
    papers = agreements.Papers(engine, versions, counter)
    recordings = Recordings(engine, settings.recordings_folder)
    signing = Signing(
        engine,
        certificates,
        authority,
        timestamps,
        papers,
        rules=authorities.stamp_rules(settings),
        recordings=recordings,
    )
    police_checks = PoliceChecks(engine, _police(settings, database, keyring))
    queue = Queue(engine, police_checks.begin)
    calls, staff = video.calls(engine, settings), StaffAccounts(database, keyring)
    web = Web(
        engine=engine,
        settings=settings,
        counter=counter,
        sms=sms,
        captchas=Captchas(database, keyring, demo=settings.demo),
        codes=codes,
        customers=Customers(database, keyring, counter),
        staff=staff,
        sessions=Sessions(database, keyring, lasting),
        intake=photos.Intake(engine, photos.pool_of(settings.photo_processes)),
        authority=authority,
        certificates=certificates,
        unlocking=Unlocking(keyring, certificates),
        timestamps=timestamps,
        agreements=versions,
        papers=papers,
        signing=signing,
        inspection=Inspection(engine, signing, authority),
        recordings=recordings,
        publisher=own_authority,
        verifier=House(database, authority, Verifier()),
        queue=queue,
        agents=Agents(engine),
        calls=calls,
        witnessing=Witnessing(engine, queue, calls, staff, police_checks),
        police_checks=police_checks,
        workplace=Workplace(engine),
    )
    return Product(engine, sms, web, own_authority)


def _police(settings: Settings, database: Database, keyring: Keyring) -> PoliceData | None:
    """Return the police data service; None where none is connected."""
    adapter, seconds = settings.police_adapter, settings.police_seconds
    if adapter == "http":
        return http_police(settings.police_url, settings.police_token.get_secret_value(), seconds)
    return embedded_police(database, keyring, seconds) if adapter == "embedded" else None


def broken_chains(product: Product) -> list[tuple[str, str]]:
    """Return every journal chain that does not verify, and what is wrong with it."""
    broken = []
    with product.engine.database.reading() as session:
        cases = select(CaseRow.id, CaseRow.journal_seq, CaseRow.journal_head)
        chains = [(f"case:{i}", seq, head) for i, seq, head in session.execute(cases)]
        staff = select(StaffChainRow.subject, StaffChainRow.seq, StaffChainRow.head)
        chains += [(subject, seq, head) for subject, seq, head in session.execute(staff)]
        for subject, seq, head in chains:
            wrong = product.engine.journal.verify(session, subject, seq, head)
            if wrong:
                broken.append((subject, wrong))
    return broken
