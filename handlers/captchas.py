"""Captchas: four characters as a picture or spoken, before anything costs money (domain 3.6, R-012).

No answer is stored, not even hashed: it is derived with a key from the captcha's id, so that the
picture and its spoken twin can be made when they are asked for. A captcha is good for one try.
"""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

from captcha.audio import AudioCaptcha
from captcha.image import ImageCaptcha
from sqlalchemy import DateTime, Integer, String, delete, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.company import Limits
from engine.store import Base, Database, Keyring
from handlers.refused import CodeRefused

EMPTY = "请先输入图形验证码！"
WRONG = "图形验证码错误，请重新输入"

#: Characters that neither eye nor ear takes for another: no 0 O, 1 I, 2 Z, 5 S, 6 G, 8 B, 9.
ALPHABET = "ACDEFHJKLMNPQRTUVWXY347"
LENGTH = 4
#: How often one captcha is drawn or spoken: many pictures of one answer are easier to read by machine.
MOST_SHOWN = 6


class CaptchaRow(Base):
    """A captcha that was offered."""

    __tablename__ = "captcha"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    session: Mapped[str] = mapped_column(String(64), doc="the browser session it was offered to")
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    shown: Mapped[int] = mapped_column(Integer)
    tried_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class _Drawer(ImageCaptcha):
    """Letters that stand beside each other, and lean little: they are to stop programs, not people."""

    word_offset_dx = 0.0
    word_space_probability = 1.0
    character_rotate = (-16, 16)
    character_offset_dy = (0, 3)


class Captchas:
    """Offers captchas and judges answers.

    :param demo: True tells answers to whoever asks ``answer_for_demo``.
    """

    def __init__(self, database: Database, keyring: Keyring, *, demo: bool = False) -> None:
        self._database = database
        self._key = keyring.derive("captcha")
        self._demo = demo
        self._drawer = _Drawer(width=160, height=60, font_sizes=(38, 44))
        self._speaker = AudioCaptcha()

    def issue(self, session_name: str, limits: Limits, now: datetime) -> UUID:
        """Offer a captcha to a browser session; return its id."""
        row = CaptchaRow(
            id=uuid4(),
            session=session_name,
            expires_at=now + timedelta(minutes=limits.captcha_minutes),
            shown=0,
        )
        with self._database.transaction() as session:
            session.add(row)
        return row.id

    def png(self, captcha_id: UUID, session_name: str, now: datetime) -> bytes | None:
        """Draw a captcha as PNG; None when there is nothing to draw any more."""
        if not self._show(captcha_id, session_name, now):
            return None
        return self._drawer.generate(self._answer(captcha_id)).getvalue()

    def wav(self, captcha_id: UUID, session_name: str, now: datetime) -> bytes | None:
        """Speak a captcha as WAV; None when there is nothing to speak any more."""
        if not self._show(captcha_id, session_name, now):
            return None
        return bytes(self._speaker.generate(self._answer(captcha_id)))

    def check(self, captcha_id: UUID | None, session_name: str, typed: str, now: datetime) -> None:
        """Use up a captcha; return only if what was typed is right, else raise CodeRefused."""
        typed = "".join(typed.split()).upper()
        if not typed:
            raise CodeRefused(EMPTY, "captcha_empty")
        if captcha_id is None or not self._use(captcha_id, session_name, now):
            raise CodeRefused(WRONG, "captcha")
        if not hmac.compare_digest(typed.encode(), self._answer(captcha_id).encode()):
            raise CodeRefused(WRONG, "captcha")

    def answer_for_demo(self, captcha_id: UUID) -> str | None:
        """Return the answer in a demonstration; None in every other run."""
        return self._answer(captcha_id) if self._demo else None

    def _show(self, captcha_id: UUID, session_name: str, now: datetime) -> bool:
        with self._database.transaction() as session:
            shown = session.execute(
                update(CaptchaRow)
                .where(
                    CaptchaRow.id == captcha_id,
                    CaptchaRow.session == session_name,
                    CaptchaRow.tried_at.is_(None),
                    CaptchaRow.expires_at > now,
                    CaptchaRow.shown < MOST_SHOWN,
                )
                .values(shown=CaptchaRow.shown + 1)
                .returning(CaptchaRow.id)
            ).first()
        return shown is not None

    def _use(self, captcha_id: UUID, session_name: str, now: datetime) -> bool:
        with self._database.transaction() as session:
            used = session.execute(
                update(CaptchaRow)
                .where(
                    CaptchaRow.id == captcha_id,
                    CaptchaRow.session == session_name,
                    CaptchaRow.tried_at.is_(None),
                    CaptchaRow.expires_at > now,
                )
                .values(tried_at=now)
                .returning(CaptchaRow.id)
            ).first()
        return used is not None

    def _answer(self, captcha_id: UUID) -> str:
        # Four times 64 bits against 23 characters: the remainder favours none to speak of.
        digest = hmac.new(self._key, captcha_id.bytes, sha256).digest()
        parts = (int.from_bytes(digest[i * 8 : i * 8 + 8], "big") for i in range(LENGTH))
        return "".join(ALPHABET[part % len(ALPHABET)] for part in parts)


def forget_captchas(database: Database, now: datetime) -> None:
    """Delete captchas that are too old to be answered."""
    with database.transaction() as session:
        session.execute(delete(CaptchaRow).where(CaptchaRow.expires_at <= now))
