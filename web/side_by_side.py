"""What is compared of a case: values before and after, pictures and what was read from them (R-203)."""

from collections.abc import Mapping
from typing import Any

from flask import url_for

from engine import CaseFacts, TaskView
from forms import field_photo
from forms.rules import name as names
from handlers.counter import CounterDown, UnknownCustomer
from web import comparison, current


def compared(view: TaskView) -> list[comparison.Row]:
    """Return old and new side by side, and what the counter has by now where that is another value."""
    release = current.engine().cases.release_of(view.case.id)
    found = comparison.rows(release, view.case, view.data)
    before = view.data.get("profile") or {}
    try:
        now = current.web().counter.profile(str(before.get("customer_no") or "")).model_dump(mode="json")
    except (CounterDown, UnknownCustomer):
        return found
    fresh = {**view.data, "profile": {**before, **now}}
    return comparison.with_counter(found, comparison.rows(release, view.case, fresh))


def photos(facts: CaseFacts, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a case's pictures with their addresses for staff, and what was read from each."""
    pictures = data.get("photos") or {}
    listed = []
    for slot, label in field_photo.NAMES.items():
        held = pictures.get(slot)
        if not isinstance(held, Mapping):
            continue
        if held.get("file") and not held.get("on_file"):
            url = url_for("desk.photo", case_id=facts.id, file_id=held["file"])
            original = url_for("desk.photo", case_id=facts.id, file_id=held.get("view") or held["file"])
        else:
            url = original = url_for("desk.on_file", case_id=facts.id, role=slot)
        listed.append(
            {
                "label": label,
                "url": url,
                "original_url": original,
                "flags": held.get("flags") or [],
                "printed": _printed(slot, held, data),
            }
        )
    return listed


def _printed(slot: str, held: Mapping[str, Any], data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what was read from a side of the card, beside what it should be (R-098, R-115).

    That is what the account has, or what the customer changes it to.
    """
    fields, entered = held.get("fields") or {}, data.get("identity") or {}
    profile = dict(data.get("profile") or {})
    if entered.get("from"):
        profile |= {"valid_from": entered["from"], "valid_until": entered.get("until")}
    listed = []
    for name, (label, known) in PRINTED.get(slot, {}).items():
        read = fields.get(name) or {}
        value, own = str(read.get("value") or ""), str(profile.get(known) or "") if known else ""
        if known == "valid_until" and known in profile and profile[known] is None:
            own = LONG_TERM
        same = names.same(value, own) if value and own else True
        listed.append(
            {
                "label": label,
                "read": value,
                "known": own,
                "differs": not same,
                "doubt": bool(read.get("doubt")),
            }
        )
    return listed if fields else []


#: What stands on each side of the card: words for staff, and which value of the account it should equal.
PRINTED: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "front": {
        "name": ("姓名", "name"),
        "id_number": ("公民身份号码", "id_number"),
        "address": ("住址", "id_address"),
    },
    "back": {
        "valid_from": ("有效期限自", "valid_from"),
        "valid_to": ("有效期限至", "valid_until"),
        "authority": ("签发机关", ""),
    },
}
LONG_TERM = "长期"
