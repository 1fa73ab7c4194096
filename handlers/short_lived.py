"""What is kept for minutes or a day and then forgotten: captchas, codes, counts, carried messages (3.13)."""

from datetime import timedelta

from engine import clock
from engine.store import Database
from handlers.captchas import forget_captchas
from handlers.codes import forget_codes
from handlers.limits import forget_attempts
from handlers.sms import forget_outbox

#: How long the embedded telephone shows a message.
SHOWN_FOR = timedelta(days=7)


class ShortLived:
    """Forgets what has had its time; called every minute, and harmless when called twice."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def forget(self) -> None:
        """Forget all that is due by now."""
        now = clock.now()
        forget_captchas(self._database, now)
        forget_codes(self._database, now)
        forget_attempts(self._database, now)
        forget_outbox(self._database, now - SHOWN_FOR)
