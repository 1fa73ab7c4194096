"""SMS codes: six digits that prove a phone is in the customer's hand (domain 3.6, R-125).

A code is good for one purpose, one session, one number and, where there is one, one case; for five
minutes, five tries and one use. Only a keyed hash of it is stored. Judging a code (``check``) does not
use it up: ``consume`` does, inside the step it proves, so that two requests at once use it only once.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, DateTime, Index, Integer, LargeBinary, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from engine import CheckQuery, Verdict, check
from engine.company import Limits
from engine.parameters import Parameters
from engine.store import Base, Database, Keyring
from forms import masks
from handlers import limits
from handlers.refused import CodeRefused
from handlers.sign_in_lock import SignInLocked, count_wrong, forgive, locked_until
from handlers.sms.protocol import SmsGateway

Purpose = Literal["login", "phone_change"]

EMPTY = "请输入验证码！"
WRONG = "验证码错误，请重新输入"
TOO_OLD = "验证码已过期，请重新获取"
MOVED = "联系电话已更改，请重新获取短信验证码"

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


class CodeGone(CodeRefused):
    """Another request has used the code, or it grew too old meanwhile."""

    def __init__(self) -> None:
        super().__init__(TOO_OLD, "code_gone")


class NotYet(CodeRefused):
    """A code was sent a moment ago.

    :param seconds: until another may be asked for.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"请在{seconds}秒后重新获取验证码", "not_yet")
        self.seconds = seconds


class SmsCodeRow(Base):
    """A code that was sent; once it is used or too old only the fact is kept, for a day."""

    __tablename__ = "sms_code"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    session: Mapped[str] = mapped_column(String(64), doc="the browser session it was asked from")
    case_id: Mapped[UUID | None]
    number: Mapped[bytes] = mapped_column(LargeBinary, doc="blind index of the number it was sent to")
    code: Mapped[bytes] = mapped_column(LargeBinary, doc="keyed hash, bound to all of the above")
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    tries: Mapped[int] = mapped_column(Integer)
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), doc="used, or voided")
    outcome: Mapped[str | None] = mapped_column(String(10), doc="used, replaced, moved or tried")

    __table_args__ = (Index("ix_sms_code_asked", "session", "purpose", "issued_at"),)


@dataclass(frozen=True)
class Ask:
    """Who wants a code, for what and where from.

    :param subject: the ID number, at sign-in with the account type (``sign_in_lock.subject``); only counted.
    :param session: the browser session the code will be typed in.
    :param address: the asking machine's IP address; only counted.
    """

    purpose: Purpose
    subject: str
    number: str
    session: str
    address: str = ""
    case_id: UUID | None = None


@dataclass(frozen=True)
class Issued:
    """A code is on its way.

    :param masked: the number as the page may show it: 「验证码已发送至 138****1234」.
    :param resend_seconds: until the button works again.
    """

    masked: str
    resend_seconds: int
    expires_at: datetime


@dataclass(frozen=True)
class Judged:
    """What was found about a typed code; ``code_id`` is what ``consume`` needs."""

    ok: bool
    message: str = ""
    code_id: UUID | None = None


class Codes:
    """Sends and judges codes.

    :param gateway: carries them; a message is sent after the row that remembers it is committed.
    """

    def __init__(self, database: Database, keyring: Keyring, gateway: SmsGateway) -> None:
        self._database = database
        self._keyring = keyring
        self._gateway = gateway

    def issue(self, ask: Ask, parameters: Parameters, now: datetime) -> Issued:
        """Send a fresh code; the earlier ones of this session and purpose are void.

        :raises SignInLocked: too many wrong codes (login).
        :raises NotYet: within a minute of the last one.
        :raises TooOften: beyond a limit of domain 3.6.
        :raises SmsFault: the gateway does not take it; the attempt is counted all the same.
        """
        rules = parameters.limits
        code = f"{secrets.randbelow(1_000_000):06d}"
        code_id = uuid4()
        with self._database.transaction() as session:
            if ask.purpose == "login" and (until := locked_until(session, self._keyring, ask.subject, now)):
                raise SignInLocked(until, now)
            # Counted first: that makes others who ask for this number wait until this one is written.
            limits.admit(session, self._keyring, now, *_rules(ask, rules))
            self._pause(session, ask, rules, now)
            session.execute(
                update(SmsCodeRow)
                .where(*_same_place(ask), SmsCodeRow.ended_at.is_(None))
                .values(ended_at=now, outcome="replaced", code=b"")
            )
            row = SmsCodeRow(
                id=code_id,
                purpose=ask.purpose,
                session=ask.session,
                case_id=ask.case_id,
                number=self._number(ask.number),
                code=self._hash(ask, code_id, code),
                issued_at=now,
                expires_at=now + timedelta(minutes=rules.code_minutes),
                tries=0,
            )
            session.add(row)
        template = "login_code" if ask.purpose == "login" else "phone_code"
        text = parameters.text(template, code=code, minutes=rules.code_minutes)
        self._gateway.send(f"code:{code_id}", ask.number, text, ask.purpose)
        return Issued(masks.phone(ask.number), rules.resend_seconds, row.expires_at)

    def check(self, ask: Ask, typed: str, parameters: Parameters, now: datetime) -> Judged:
        """Judge a typed code without using it up; a wrong one is counted.

        :raises SignInLocked: at sign-in, when this was one wrong code too many, or it was so before.
        """
        typed = "".join(typed.split())
        if not typed:
            return Judged(False, EMPTY)
        with self._database.transaction() as session:
            judged, until = self._judge(session, ask, typed, parameters.limits, now)
        if until is not None:
            raise SignInLocked(until, now)
        return judged

    def _judge(
        self, session: Session, ask: Ask, typed: str, rules: Limits, now: datetime
    ) -> tuple[Judged, datetime | None]:
        login = ask.purpose == "login"
        if login and (until := locked_until(session, self._keyring, ask.subject, now)):
            return Judged(False), until
        row = session.scalar(
            select(SmsCodeRow)
            .where(*_same_place(ask), SmsCodeRow.ended_at.is_(None))
            .order_by(SmsCodeRow.issued_at.desc())
            .limit(1)
            .with_for_update()
        )
        if row is None or row.expires_at <= now:
            return Judged(False, TOO_OLD), None
        if row.number != self._number(ask.number):
            # Changing the number after asking for the code voids it (R-125, G-35).
            row.ended_at, row.outcome, row.code = now, "moved", b""
            return Judged(False, MOVED), None
        if hmac.compare_digest(row.code, self._hash(ask, row.id, typed)):
            return Judged(True, code_id=row.id), None
        row.tries += 1
        if row.tries >= rules.code_tries:
            row.ended_at, row.outcome, row.code = now, "tried", b""
        if not login:
            return Judged(False, WRONG), None
        most, minutes = rules.wrong_codes, rules.lock_minutes
        until = count_wrong(session, self._keyring, ask.subject, now, most=most, minutes=minutes)
        return Judged(False, WRONG), until

    def sign_in(self, session: Session, code_id: UUID, subject: str, now: datetime) -> None:
        """Use up a login code and forget the wrong ones before it, or raise CodeGone."""
        consume(session, code_id, now)
        forgive(session, self._keyring, subject)

    def _pause(self, session: Session, ask: Ask, rules: Limits, now: datetime) -> None:
        pause = timedelta(seconds=rules.resend_seconds)
        last = session.scalar(
            select(SmsCodeRow.issued_at)
            .where(
                SmsCodeRow.issued_at > now - pause,
                (SmsCodeRow.number == self._number(ask.number)) | (SmsCodeRow.session == ask.session),
                SmsCodeRow.purpose == ask.purpose,
            )
            .order_by(SmsCodeRow.issued_at.desc())
            .limit(1)
        )
        if last is not None:
            raise NotYet(max(1, round((last + pause - now).total_seconds())))

    def _number(self, number: str) -> bytes:
        return self._keyring.blind(number, "sms_code.number")

    def _hash(self, ask: Ask, code_id: UUID, code: str) -> bytes:
        bound = f"{code_id}/{ask.purpose}/{ask.session}/{ask.number}/{ask.case_id or ''}/{code}"
        return hmac.new(self._keyring.derive("sms_code"), bound.encode(), sha256).digest()


def consume(session: Session, code_id: UUID, now: datetime) -> None:
    """Use up a code that was judged right, or raise CodeGone if another request was faster."""
    used = session.execute(
        update(SmsCodeRow)
        .where(SmsCodeRow.id == code_id, SmsCodeRow.ended_at.is_(None), SmsCodeRow.expires_at > now)
        .values(ended_at=now, outcome="used", code=b"")
        .returning(SmsCodeRow.id)
    ).first()
    if used is None:
        raise CodeGone


def checks(codes: Codes) -> SimpleNamespace:
    """Return the form checks that need codes, for a Catalogue."""

    @check("phone.code")
    def code(query: CheckQuery) -> Verdict:
        """Judge the code typed for a new mobile number; it is used up inside the step."""
        at, answer = phone_answer(query.answers)
        number, key = str(answer.get("number") or ""), f"{at}code"
        ask = Ask("phone_change", "", number, query.actor.session, case_id=query.case.id)
        judged = codes.check(ask, str(answer.get("code") or ""), query.around.parameters, query.now)
        if not judged.ok or judged.code_id is None:
            return Verdict(False, key, judged.message, "code")
        code_id = judged.code_id

        def use(session: Session) -> Verdict:
            try:
                consume(session, code_id, query.now)
            except CodeGone as gone:
                return Verdict(False, key, gone.message, gone.code)
            return Verdict(True)

        return Verdict(True, consume=use)

    return SimpleNamespace(code=code)


def phone_answer(answers: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return where among a page's answers a phone number with its code stands, and the answer."""
    if "number" in answers:
        return "", answers
    for name, answer in answers.items():
        if isinstance(answer, Mapping) and "number" in answer:
            return f"{name}.", answer
    return "", {}


def forget_codes(database: Database, now: datetime) -> None:
    """Delete codes of yesterday, and the hashes of those too old to be typed."""
    with database.transaction() as session:
        session.execute(delete(SmsCodeRow).where(SmsCodeRow.issued_at < now - _DAY))
        session.execute(
            update(SmsCodeRow).where(SmsCodeRow.expires_at <= now, SmsCodeRow.code != b"").values(code=b"")
        )


def _same_place(ask: Ask) -> tuple[ColumnElement[bool], ...]:
    return (
        SmsCodeRow.session == ask.session,
        SmsCodeRow.purpose == ask.purpose,
        SmsCodeRow.case_id.is_not_distinct_from(ask.case_id),
    )


def _rules(ask: Ask, rules: Limits) -> tuple[limits.Rule, ...]:
    return (
        limits.Rule("sms.number.hour", ask.number, rules.number_per_hour, _HOUR),
        limits.Rule("sms.number.day", ask.number, rules.number_per_day, _DAY),
        limits.Rule("sms.identity", ask.subject.partition("|")[0], rules.identity_per_day, _DAY),
        limits.Rule("sms.address", ask.address, rules.address_per_hour, _HOUR),
    )
