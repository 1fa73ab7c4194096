"""A register of our own, for a machine that has no police data: demonstrations, development and tests.

It knows the people of the embedded counter, and can be told to be down, slow or forgetful
(``handlers.moods``, system "police"); in the mood ``doubt_name`` no name fits.
"""

import math
from hashlib import sha256

from engine import clock
from engine.store import Database, Keyring
from handlers import counter, moods
from handlers.police import wire
from handlers.police.protocol import PoliceDown
from handlers.police.spoken import Operation, SpokenPolice

#: What this register says otherwise than the counter, so that a demonstration shows each answer: C07 stands
#: here under another name, C10 not at all (domain 3.16; nobody has these numbers).
_OTHERWISE: dict[str, str | None] = {"420106199608090626": "欧阳娜", "110101200002290173": None}


class EmbeddedTransport:
    """Carries messages to our own register.

    The answer, but for its time, follows from key and question: asking twice is asking once.

    :param patience: seconds after which the asker thinks that a slow service is down.
    """

    def __init__(self, database: Database, keyring: Keyring, patience: float = 10.0) -> None:
        self._database = database
        self._keyring = keyring
        self._patience = patience

    def exchange(self, operation: Operation, message: bytes, key: str | None = None) -> bytes:
        """Answer one message, in the mood of the moment."""
        mood = moods.take(self._database, "police")
        if mood.mode == "down":
            raise PoliceDown
        asked = wire.VerifyRequest.model_validate_json(message)
        patient = mood.wait(self._patience)
        answer = self._answer(asked, key or "", mood.mode)
        if mood.mode == "lose_reply" or not patient:
            raise PoliceDown
        return answer.model_dump_json().encode()

    def _answer(self, asked: wire.VerifyRequest, key: str, mode: moods.Mode) -> wire.VerifyAnswer:
        if mode in ("refuse", "busy", "fail"):
            return wire.VerifyAnswer(result="refused")
        name = self._name(asked.id_number)
        fits = name == asked.name and mode != "doubt_name"
        return wire.VerifyAnswer(
            result="unknown" if name is None else "match" if fits else "mismatch",
            reference=f"P{sha256(key.encode()).hexdigest()[:19].upper()}",
            verified_at=clock.now().isoformat(),
        )

    def _name(self, id_number: str) -> str | None:
        if id_number in _OTHERWISE:
            return _OTHERWISE[id_number]
        return counter.enrolled_name(self._database, self._keyring, id_number)


def embedded_police(database: Database, keyring: Keyring, patience: float = math.inf) -> SpokenPolice:
    """Return the embedded register."""
    return SpokenPolice(EmbeddedTransport(database, keyring, patience))
