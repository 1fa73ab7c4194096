"""counter.update: what an approved application changes, written to the counter (R-207, R-208)."""

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from engine import JobCall, OperatorError, RetryLater, operator
from engine.parameters import Parameters
from forms.dictionaries import DECLARATIONS
from handlers.counter import wire
from handlers.counter.protocol import (
    CHANGEABLE,
    PHOTO_ROLES,
    Counter,
    CounterBusy,
    CounterConflict,
    CounterDown,
    CounterRefused,
    UnknownCustomer,
)

#: Error code of the diagrams for everything a person must decide.
ERROR = "COUNTER"
#: Seconds until a customer whose other update is under way is tried again.
BUSY_PAUSE = 30.0
#: Attempts at an answer "4 其他错误" before a person is asked (domain 3.15).
FAILED_ATTEMPTS = 4

_TEXTS = {
    wire.DATA_REFUSED: "柜台返回：客户资料检查失败",
    wire.NAME_REFUSED: "柜台返回：实名制检查失败",
    wire.FAILED: "柜台返回：其他错误",
}


#: What an approval is flagged with that was confirmed over values changed at the counter (R-208).
CHOSEN = "COUNTER_CHANGED"
#: Answers that are evidence of the case and no part of the record: why a declaration was made milder, and
#: that the customer does not work in the futures business.
_NOT_KEPT = frozenset({"flags", "confirm", "futures_staff", *(f"{name}_reason" for name in DECLARATIONS)})


def operators(counter: Counter) -> SimpleNamespace:
    """Return the operators that need a counter, for a Catalogue."""

    @operator("counter.update", job=True, lock="owner", errors=(ERROR,))
    def update(call: JobCall, *, kind: str) -> dict[str, Any]:
        """Write the answers of one part of the profile; the counter does it once for the task.

        :param kind: the case's category: identity, phone or other.
        """
        profile = call.data.get("profile") or {}
        changes = changes_of(kind, call.data, call.parameters)
        # Who has seen the conflict and decides for the customer's values says so: the reviewer by
        # confirming it, the operator by choosing to overwrite.
        chosen = CHOSEN in ((call.data.get("review") or {}).get("flags") or ())
        overwrite = chosen or (call.data.get("ops") or {}).get("decision") == "overwrite"
        expected = None if overwrite else {name: profile.get(name) for name in changes if name in profile}
        try:
            receipt = counter.update(call.key, str(profile["customer_no"]), changes, expected)
        except CounterDown as down:
            raise RetryLater(scrubbed(str(down), profile)) from None
        except CounterBusy as busy:
            raise RetryLater(str(busy), BUSY_PAUSE) from None
        except CounterConflict as conflict:
            raise OperatorError(ERROR, f"柜台资料在客户填写后已变更：{'、'.join(conflict.fields)}") from None
        except UnknownCustomer:
            raise OperatorError(ERROR, "柜台没有该客户号") from None
        except CounterRefused as refused:
            text = f"{_TEXTS.get(refused.code, _TEXTS[wire.FAILED])}：{scrubbed(refused.text, profile)}"
            if refused.code == wire.FAILED and call.attempt < FAILED_ATTEMPTS:
                raise RetryLater(text) from None
            raise OperatorError(ERROR, text) from None
        _put_on_file(counter, call, str(profile["customer_no"]))
        return {
            "receipt_no": receipt.receipt_no,
            "applied_at": receipt.applied_at.isoformat(),
            "mapped": [{"field": m.field, "typed": m.typed, "stored": m.stored} for m in receipt.mapped],
        }

    return SimpleNamespace(update=update)


def _put_on_file(counter: Counter, call: JobCall, customer_no: str) -> None:
    """Give the counter the pictures of an application in effect; the next one may keep them (R-101)."""
    photos = call.data.get("photos") or {}
    for role in PHOTO_ROLES:
        given = photos.get(role) or {}
        if given.get("on_file") or not given.get("file"):
            continue
        with call.around.database.transaction() as session:
            found = call.around.files.get(session, call.case_key, UUID(given["file"]))
        if found is None:
            continue
        try:
            counter.store_photo(f"{call.key}/{role}", customer_no, role, found[1])
        except CounterDown as down:
            raise RetryLater(str(down)) from None


def changes_of(kind: str, data: Mapping[str, Any], parameters: Parameters) -> dict[str, Any]:
    """Return what the answers of a part change, under the names of the profile."""
    profile = data.get("profile") or {}
    if kind == "identity":
        wanted = _identity(data.get("identity") or {})
    elif kind == "phone":
        wanted = _phone(data.get("phone") or {}, parameters)
    elif kind == "other":
        wanted = _other(data.get("other") or {}, parameters)
    else:
        # A type that an analyst drew: its page is kept under its category, and changes what it asks for.
        wanted = {name: value for name, value in (data.get(kind) or {}).items() if name in CHANGEABLE}
        if not wanted:
            raise OperatorError(ERROR, f"柜台没有这类资料：{kind}")
    return {name: value for name, value in wanted.items() if not same(value, profile.get(name))}


def _identity(answers: Mapping[str, Any]) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if "from" in answers:
        wanted["valid_from"] = answers["from"]
        wanted["valid_until"] = None if answers.get("long_term") else answers.get("until")
    if answers.get("id_address"):
        wanted["id_address"] = answers["id_address"]
    return wanted


def _phone(answers: Mapping[str, Any], parameters: Parameters) -> dict[str, Any]:
    number = answers.get("number")
    if not number:
        return {}
    both = answers.get("kind") == "mobile" and parameters.mobile_replaces_both
    return {"contact_phone": number, **({"mobile": number} if both else {})}


def _other(answers: Mapping[str, Any], parameters: Parameters) -> dict[str, Any]:
    own = {f.key for f in parameters.extension_fields}
    wanted: dict[str, Any] = {}
    extras: dict[str, Any] = {}
    details: dict[str, Any] = {}

    def sort(part: Mapping[str, Any]) -> None:
        for name, value in part.items():
            if name in _NOT_KEPT:
                continue
            if name in own:
                extras[name] = value
            elif name in CHANGEABLE and name not in ("extras", "details"):
                wanted[name] = value
            elif name == "extras" and isinstance(value, Mapping):
                extras.update(value)
            elif value not in (None, "", [], {}):
                details[name] = value

    sort(answers)
    if extras:
        wanted["extras"] = extras
    # The answers to follow-up questions of the day replace those of last time, also by nothing.
    wanted["details"] = details
    return wanted


def same(new: Any, old: Any) -> bool:
    """Whether two values are the same to the counter: lists in any order, nothing in any spelling."""
    if isinstance(new, list | tuple) and isinstance(old, list | tuple):
        return sorted(map(str, new)) == sorted(map(str, old))
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        return all(same(new.get(name), old.get(name)) for name in {*new, *old})
    return bool((new or None) == (old or None))


def scrubbed(text: str, profile: Mapping[str, Any]) -> str:
    """Return the counter's words without the customer's: a text for staff is kept unsealed."""
    for name in ("name", "id_number", "mobile", "contact_phone", "email"):
        if value := profile.get(name):
            text = text.replace(str(value), "***")
    return re.sub(r"[0-9Xx-]{5,}", "***", text)[:200]
