"""Sessions: who is signed in on which device, kept in a table of our own.

The browser holds a random token, the table its hash; whoever reads the table can sign in as nobody.
Before sign-in nothing is stored about a stranger: what a page must remember of one (the token against
forged requests, a word said after the last action) travels sealed in the cookie itself.

Customers and staff have cookies of their own, so that one browser can be both. Times are real time.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

import orjson
import structlog
from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from sqlalchemy import LargeBinary, String, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.datastructures import CallbackDict

from engine.store import Base, Database, Keyring, SealBroken
from engine.store.tables import Moment

log = structlog.get_logger("web")

Kind = Literal["customer", "staff"]

#: Bytes of randomness in a token.
TOKEN_BYTES = 32
#: A session's last use is written at most this often.
TOUCH = timedelta(minutes=1)
#: How long a stranger's cookie is believed.
STRANGER = timedelta(hours=2)
#: The channel of live events; told there, streams of an ended session close at once.
CHANNEL = "kaihu"
#: Addresses answered without looking at who asks.
PUBLIC = ("/static/", "/healthz", "/divisions.json", "/pki/")
STAFF_PREFIX = "/desk"


class SessionRow(Base):
    """One person signed in on one device."""

    __tablename__ = "web_session"

    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, doc="SHA-256 of the token in the cookie")
    kind: Mapped[str] = mapped_column(String(10), doc="customer or staff")
    subject: Mapped[str] = mapped_column(String(80), index=True, doc="the customer's or member of staff's id")
    data: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed JSON")
    began_at: Mapped[datetime] = mapped_column(Moment, doc="real time")
    seen_at: Mapped[datetime] = mapped_column(Moment, doc="real time, to the minute")


#: Where Flask keeps sentences for the next page.
SAID = "_flashes"


@dataclass(frozen=True)
class Lasting:
    """How long a session lasts.

    :param idle: without use, in seconds.
    :param longest: with use, in seconds.
    """

    idle: float
    longest: float


@dataclass(frozen=True)
class Known:
    """A session that was found."""

    id: bytes
    kind: Kind
    subject: str
    data: dict[str, Any]
    began_at: datetime
    seen_at: datetime

    @property
    def name(self) -> str:
        """How journal, logs and lists name it; it opens nothing."""
        return self.id.hex()[:16]


class Sessions:
    """The table of sessions.

    :param lasting: tells the limits of the moment.
    """

    def __init__(self, database: Database, keyring: Keyring, lasting: Callable[[], Lasting]) -> None:
        self._database = database
        self._keyring = keyring
        self._lasting = lasting

    def begin(self, kind: Kind, subject: str, data: dict[str, Any]) -> tuple[str, Known]:
        """Sign somebody in; return the token for the cookie."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = datetime.now(UTC)
        known = Known(_hash(token), kind, subject, data, now, now)
        with self._database.transaction() as session:
            session.execute(
                insert(SessionRow).values(
                    id=known.id,
                    kind=kind,
                    subject=subject,
                    data=self._seal(known.id, data),
                    began_at=now,
                    seen_at=now,
                )
            )
        return token, known

    def find(self, token: str, kind: Kind, *, touch: bool = True) -> Known | None:
        """Return the session of a token, or None when it ended or timed out.

        :param touch: note that it is in use.
        """
        with self._database.reading() as session:
            row = session.get(SessionRow, _hash(token))
        if row is None or row.kind != kind:
            return None
        now, lasting = datetime.now(UTC), self._lasting()
        unused, old = (now - row.seen_at).total_seconds(), (now - row.began_at).total_seconds()
        if unused > lasting.idle or old > lasting.longest:
            self.end(row.id)
            return None
        try:
            data = orjson.loads(self._keyring.open(row.data, _place(row.id)))
        except SealBroken:
            return None
        if touch and now - row.seen_at >= TOUCH:
            with self._database.transaction() as session:
                session.execute(update(SessionRow).where(SessionRow.id == row.id).values(seen_at=now))
        return Known(row.id, kind, row.subject, data, row.began_at, row.seen_at)

    def keep(self, known: Known, data: dict[str, Any]) -> None:
        """Store what a session remembers."""
        sealed = self._seal(known.id, data)
        with self._database.transaction() as session:
            session.execute(update(SessionRow).where(SessionRow.id == known.id).values(data=sealed))

    def end(self, id: bytes) -> None:
        """End one session, everywhere at once."""
        self._end(SessionRow.id == id)

    def end_all(self, kind: Kind, subject: str) -> int:
        """End every session of a person; return how many there were."""
        return self._end((SessionRow.kind == kind) & (SessionRow.subject == subject))

    def of(self, kind: Kind, subject: str) -> list[Known]:
        """Return a person's sessions, the latest first."""
        which = (SessionRow.kind == kind) & (SessionRow.subject == subject)
        with self._database.reading() as session:
            rows = session.scalars(select(SessionRow).where(which).order_by(SessionRow.began_at.desc()))
            return [Known(r.id, kind, r.subject, {}, r.began_at, r.seen_at) for r in rows]

    def sweep(self) -> int:
        """Delete what timed out; return how many."""
        now, lasting = datetime.now(UTC), self._lasting()
        unused = SessionRow.seen_at < now - timedelta(seconds=lasting.idle)
        return self._end(unused | (SessionRow.began_at < now - timedelta(seconds=lasting.longest)))

    def _end(self, which: Any) -> int:
        with self._database.transaction() as session:
            ended = session.scalars(delete(SessionRow).where(which).returning(SessionRow.id)).all()
            for one in ended:
                told = orjson.dumps({"session": one.hex()[:16]}).decode()
                session.execute(select(func.pg_notify(CHANNEL, told)))
        return len(ended)

    def _seal(self, id: bytes, data: dict[str, Any]) -> bytes:
        return self._keyring.seal(orjson.dumps(data), _place(id))


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _place(id: bytes) -> str:
    return f"web_session.data:{id.hex()}"


class WebSession(CallbackDict[str, Any], SessionMixin):
    """What Flask calls the session of a request.

    :param known: whose it is; None for a stranger.
    :param lost: a session was named that is no more (R-039).
    """

    modified = False

    def __init__(
        self,
        data: dict[str, Any],
        kind: Kind,
        known: Known | None = None,
        *,
        lost: bool = False,
        fresh: bool = False,
    ) -> None:
        def changed(_: object) -> None:
            self.modified = True

        super().__init__(data, changed)
        self.kind = kind
        self.known = known
        self.lost = lost
        self.new = fresh
        #: The database could not be asked.
        self.unavailable = False
        #: A token the browser is to be given.
        self.token: str | None = None
        self.ended = False
        #: What the database remembers of it.
        self.stored: dict[str, Any] = {}
        self.had_said = False

    @property
    def stranger(self) -> str:
        """A name for a browser before sign-in; captchas and codes are bound to it."""
        if "stranger" not in self:
            self["stranger"] = secrets.token_hex(16)
        return str(self["stranger"])


class ServerSide(SessionInterface):
    """Gives each request its session.

    :param secure: browsers come over TLS: the cookie is bound to this host and to TLS.
    """

    def __init__(self, sessions: Sessions, keyring: Keyring, *, secure: bool) -> None:
        self.sessions = sessions
        self._keyring = keyring
        self._secure = secure

    def cookie(self, kind: Kind) -> str:
        """Return the name of a kind's cookie."""
        plain = "kaihu" if kind == "customer" else "kaihu-desk"
        return f"__Host-{plain}" if self._secure else plain

    def open_session(self, app: Flask, request: Request) -> WebSession:
        """Find whose request this is; a stranger's gets an empty session."""
        kind = kind_of(request.path)
        if request.path.startswith(PUBLIC):
            return WebSession({}, kind)
        value = request.cookies.get(self.cookie(kind), "")
        if value.startswith("v."):
            return WebSession(self._stranger(value) or {}, kind, fresh=True)
        if not value:
            return WebSession({}, kind, fresh=True)
        try:
            known = self.sessions.find(value, kind)
        except (SQLAlchemyError, ValueError):
            # Whatever keeps a session from being read must not keep the page from saying so.
            log.exception("a session does not open", path=request.path)
            nobody = WebSession({}, kind)
            nobody.unavailable = True
            return nobody
        if known is None:
            return WebSession({}, kind, lost=True, fresh=True)
        made = WebSession({**known.data, **self._said(request, known)}, kind, known)
        made.stored = known.data
        made.had_said = self._said_cookie(kind) in request.cookies
        return made

    def save_session(self, app: Flask, session: MutableMapping[str, Any], response: Response) -> None:
        """Store what changed, and give the browser what it has to keep."""
        if not isinstance(session, WebSession) or session.unavailable:
            return
        if session.token is not None:
            self._give(response, session.kind, session.token)
        elif session.known is not None and not session.ended:
            if session.modified:
                self._keep(session, session.known, response)
        elif session.modified:
            told = orjson.dumps({**session, "_at": datetime.now(UTC).timestamp()})
            sealed = urlsafe_b64encode(self._keyring.seal(told, "web_session.stranger:"))
            self._give(response, session.kind, "v." + sealed.decode().rstrip("="))
        elif session.ended or session.lost:
            response.delete_cookie(self.cookie(session.kind), path="/", secure=self._secure, httponly=True)

    def _keep(self, session: WebSession, known: Known, response: Response) -> None:
        """Store what the session remembers; a sentence for the next page goes through the browser.

        It is shown once and lost without harm: not worth a transaction of every submit.
        """
        remembered = dict(session)
        said = remembered.pop(SAID, None)
        if remembered != session.stored:
            self.sessions.keep(known, remembered)
        name = self._said_cookie(session.kind)
        if said:
            sealed = urlsafe_b64encode(
                self._keyring.seal(orjson.dumps(said), f"web_session.said:{known.name}")
            )
            response.set_cookie(
                name,
                sealed.decode(),
                max_age=60,
                path="/",
                secure=self._secure,
                httponly=True,
                samesite="Lax",
            )
        elif session.had_said:
            response.delete_cookie(name, path="/", secure=self._secure, httponly=True)

    def _said(self, request: Request, known: Known) -> dict[str, Any]:
        value = request.cookies.get(self._said_cookie(known.kind), "")
        if not value:
            return {}
        try:
            sealed = urlsafe_b64decode(value)
            said = orjson.loads(self._keyring.open(sealed, f"web_session.said:{known.name}"))
        except (SealBroken, ValueError):
            return {}
        return {SAID: [tuple(one) for one in said]}

    def _said_cookie(self, kind: Kind) -> str:
        return f"{self.cookie(kind)}-said"

    def _stranger(self, value: str) -> dict[str, Any] | None:
        try:
            sealed = urlsafe_b64decode(value[2:] + "=" * (-len(value[2:]) % 4))
            data = orjson.loads(self._keyring.open(sealed, "web_session.stranger:"))
        except (SealBroken, ValueError):
            return None
        made = datetime.fromtimestamp(data.pop("_at", 0), UTC)
        return dict(data) if datetime.now(UTC) - made < STRANGER else None

    def _give(self, response: Response, kind: Kind, value: str) -> None:
        response.set_cookie(
            self.cookie(kind), value, path="/", secure=self._secure, httponly=True, samesite="Lax"
        )


def kind_of(path: str) -> Kind:
    """Return whose pages lie under ``path``."""
    return "staff" if path == STAFF_PREFIX or path.startswith(STAFF_PREFIX + "/") else "customer"


def sign_in(sessions: Sessions, session: WebSession, kind: Kind, subject: str, data: dict[str, Any]) -> Known:
    """Put somebody new into the session of this request, under a new token; the old one is dead."""
    if session.known is not None:
        sessions.end(session.known.id)
    fresh = {**data, "csrf_token": secrets.token_hex(20)}
    token, known = sessions.begin(kind, subject, fresh)
    session.clear()
    session.update(fresh)
    session.known, session.token, session.lost = known, token, False
    return known


def sign_out(sessions: Sessions, session: WebSession) -> None:
    """End the session of this request on the server and in the browser (R-042)."""
    if session.known is not None:
        sessions.end(session.known.id)
    session.clear()
    session.modified = False
    session.known, session.ended = None, True
