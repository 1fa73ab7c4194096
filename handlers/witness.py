"""The video witness of a case: does one hold, and until when (R-160, R-190, A-13, A-22).

witness.standing      operator: what an earlier witness of this case is still worth
witness.record        operator: writes down that the customer was witnessed
witness.demo          check: only a demonstration lets its stand-in pass
lets_install_until    until when a certificate may be installed upon it
certificate.standing  operator: can the certificate this browser says it holds be signed with

A demonstration has a stand-in until agents witness by video: it is called so on its page, and the case
carries WITNESS_DEMO to the reviewer.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import orjson

from engine import CheckQuery, Step, Verdict, check, operator
from engine.parameters import Parameters
from forms import last_return
from forms.reasons import REASONS
from handlers.certificates import Certificates

DEMO_FLAG = "WITNESS_DEMO"
NOT_OPEN = "视频见证尚未开通，请联系期货公司或临柜办理"


def operators(certificates: Certificates, *, demo: bool) -> SimpleNamespace:
    """Return what diagrams and forms may ask of the witness, for a Catalogue."""

    @operator("witness.standing", gives=("passed", "valid", "asked_again"))
    def standing(step: Step) -> dict[str, Any]:
        """Say whether this case's customer was witnessed, and whether that still lets install a certificate.

        A witness holds for its case until a reviewer asks for another, or the card's pictures change (A-22);
        one certificate may be installed upon it, for some hours only (R-182, R-190).
        """
        witnessed = step.data.get("witnessed") or {}
        asked_again = _asked_again(step.data, step.parameters, str(witnessed.get("at") or ""))
        passed = (
            witnessed.get("passed") is True
            and not asked_again
            and witnessed.get("pictures") == pictures(step.data)
        )
        until = lets_install_until(step.data)
        in_time = passed and until is not None and step.now < until
        return {"passed": passed, "valid": in_time, "asked_again": asked_again}

    @operator("witness.record", gives=("passed", "demo", "at", "valid_until", "pictures", "flags"))
    def record(step: Step) -> dict[str, Any]:
        """Write down a passed witness; today that is the demonstration's stand-in."""
        if not demo or not (step.data.get("witness_answer") or {}).get("demo"):
            raise ValueError("nobody witnessed this customer")
        until = step.now + timedelta(hours=step.parameters.video.pass_hours)
        return {
            "passed": True,
            "demo": True,
            "at": step.now.isoformat(),
            "valid_until": until.isoformat(),
            "pictures": pictures(step.data),
            "flags": [DEMO_FLAG],
        }

    @operator("certificate.standing", gives=("usable",))
    def certificate(step: Step, *, serial: str) -> dict[str, Any]:
        """Say whether the certificate a browser names is this customer's and can be signed with.

        :param serial: as the browser told it; empty when it holds none.
        """
        found = certificates.usable(step.session, step.case.owner) if serial else None
        return {"usable": found is not None and found.serial == serial}

    @check("witness.demo")
    def allowed(query: CheckQuery) -> Verdict:
        """Refuse the stand-in outside a demonstration."""
        return Verdict(demo, "" if demo else "demo", "" if demo else NOT_OPEN, "" if demo else "not_open")

    return SimpleNamespace(standing=standing, record=record, certificate=certificate, allowed=allowed)


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
