"""The video witness of a case: does one hold, and until when (R-160, R-190, A-13, A-22).

witness.standing      operator: what an earlier witness of this case is still worth
witness.record        operator: writes down that the customer was witnessed
witness.sent_back     operator: writes down that the agent sent back or refused
lets_install_until    until when a certificate may be installed upon it
certificate.standing  operator: can the certificate this browser says it holds be signed with

What the agent decided is the page's answer, under ``video`` (``handlers.video.witnessing``).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import orjson

from engine import Step, operator
from engine.parameters import Parameters
from forms import last_return
from forms.reasons import REASONS
from handlers.certificates import Certificates


def operators(certificates: Certificates) -> SimpleNamespace:
    """Return what diagrams and forms may ask of the witness, for a Catalogue."""

    @operator("witness.standing", gives=("passed", "valid", "asked_again", "sent_back", "step"))
    def standing(step: Step) -> dict[str, Any]:
        """Say whether this case's customer was witnessed, and whether that still lets install a certificate.

        A witness holds for its case until a reviewer asks for another, an agent did not pass the customer, or
        the card's pictures change (A-22); one certificate may be installed upon it, for some hours only
        (R-182, R-190).
        """
        witnessed = step.data.get("witnessed") or {}
        asked_again = _asked_again(step.data, step.parameters, str(witnessed.get("at") or ""))
        passed = (
            witnessed.get("passed") is True
            and not asked_again
            and not _not_passed_since(step.data, str(witnessed.get("at") or ""))
            and witnessed.get("pictures") == pictures(step.data)
        )
        until = lets_install_until(step.data)
        in_time = passed and until is not None and step.now < until
        nobody = {"sent_back": "", "step": ""}
        return {"passed": passed, "valid": in_time, "asked_again": asked_again, **nobody}

    @operator("witness.record", gives=("passed", "at", "valid_until", "pictures", "agent", "licence", "call"))
    def record(step: Step) -> dict[str, Any]:
        """Write down that an agent passed the customer."""
        decided = step.data.get("video") or {}
        if decided.get("decision") != "approve" or not decided.get("call"):
            raise ValueError("nobody witnessed this customer")
        until = step.now + timedelta(hours=step.parameters.video.pass_hours)
        return {
            "passed": True,
            "at": step.now.isoformat(),
            "valid_until": until.isoformat(),
            "pictures": pictures(step.data),
            **{name: decided.get(name) for name in ("agent", "licence", "call")},
        }

    @operator("witness.sent_back", gives=("passed", "valid", "asked_again", "sent_back", "step"))
    def sent_back(step: Step) -> dict[str, Any]:
        """Say that the agent did not pass the customer: ``return`` to a step, or ``reject``."""
        decided = step.data.get("video") or {}
        if decided.get("decision") not in ("return", "reject"):
            raise ValueError("a witness ended without a decision")
        where = {"sent_back": decided["decision"], "step": str(decided.get("step") or "")}
        return {"passed": False, "valid": False, "asked_again": False, **where}

    @operator("certificate.standing", gives=("usable",))
    def certificate(step: Step, *, serial: str) -> dict[str, Any]:
        """Say whether the certificate a browser names is this customer's and can be signed with.

        :param serial: as the browser told it; empty when it holds none.
        """
        found = certificates.usable(step.session, step.case.owner) if serial else None
        return {"usable": found is not None and found.serial == serial}

    return SimpleNamespace(standing=standing, record=record, sent_back=sent_back, certificate=certificate)


def lets_install_until(data: Mapping[str, Any]) -> datetime | None:
    """Return until when a case's witness lets install a certificate; None when it does not, or no longer.

    An installation that succeeded uses it up: who has forgotten the password or is locked out is witnessed
    again (R-182, R-188). One that failed does not (重新安装).
    """
    witnessed = data.get("witnessed") or {}
    if witnessed.get("passed") is not True or not witnessed.get("valid_until"):
        return None
    installed = (data.get("certificate") or {}).get("certificate") or {}
    if installed.get("passed") is True and str(installed.get("at") or "") >= str(witnessed.get("at") or ""):
        return None
    return datetime.fromisoformat(witnessed["valid_until"])


def pictures(data: Mapping[str, Any]) -> str:
    """Return a digest of which pictures of the card a case has, hex."""
    photos = data.get("photos") or {}
    told = {
        side: {k: (photos.get(side) or {}).get(k) for k in ("file", "on_file")} for side in ("front", "back")
    }
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _asked_again(data: Mapping[str, Any], parameters: Parameters, witnessed_at: str) -> bool:
    """Whether the last return asks for a new witness, and none was held since."""
    last = last_return(data)
    if last is None:
        return False
    steps = {reason.code: reason.step for reason in (parameters.send_back_reasons or REASONS)}
    wanted = {steps.get(str(code)) for code in last.get("reasons") or ()} | {last.get("step")}
    return "video" in wanted and witnessed_at < str(last.get("decided_at") or "")


def _not_passed_since(data: Mapping[str, Any], witnessed_at: str) -> bool:
    """Whether an agent saw the customer after that witness, and did not pass them."""
    decided = data.get("video") or {}
    return decided.get("decision") in ("return", "reject") and witnessed_at < str(
        decided.get("decided_at") or ""
    )
