"""Pictures: the two sides of the ID card and the signature (R-092, R-099, R-101, R-103, G-22).

The picture itself is put on the server before the page is sent; the answer is what the server holds of it
(:data:`KEPT`), once it was examined. ``{"on_file": true}`` says that the picture which the counter has stays.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from forms.context import Asked, Context
from forms.errors import Flag
from forms.fields import Found, Kind, Typed
from forms.returns import last_return
from forms.schema import Component

NAMES = {"front": "身份证正面照", "back": "身份证反面照", "signature": "签名照"}

#: What of a picture becomes the answer: the files, what came, the reviewer's flags, and what was read.
KEPT = (
    *("file", "original", "view", "sha256", "width", "height", "bytes", "name"),
    *("flags", "ocr", "fields", "verified"),
)
CHECKING = "照片正在检查，请稍候再点下一步"


def slot(component: Component) -> str:
    """Return which picture a component asks for: front, back or signature."""
    return str(component.properties.get("slot") or component.key)


def open_slots(data: Mapping[str, Any]) -> frozenset[str]:
    """Return the pictures that may be put in now; after a send-back only those it names (R-103)."""
    sent_back = last_return(data)
    every = frozenset(NAMES)
    if sent_back is None:
        return every
    named = frozenset(sent_back.get("opens") or ()) & every
    return every if not named and sent_back.get("step") == "upload" else named


def renewal(component: Component, data: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """Return which send-back asks for a new picture here and has not got one yet; else nothing.

    :param before: the picture as it was last accepted.
    """
    sent_back = last_return(data) or {}
    if slot(component) not in (sent_back.get("opens") or ()):
        return ""
    which = str(sent_back.get("decided_at") or "send-back")
    return "" if before.get("renewed_for") == which else which


class Photo(Kind):
    """One picture."""

    held = True

    def read(self, asked: Asked) -> Any:
        key = asked.component.key
        before, held = asked.context.previous.get(key), asked.context.held.get(key)
        if before and slot(asked.component) not in open_slots(asked.context.data):
            return before
        if isinstance(held, Mapping) and held.get("file"):
            return {name: held[name] for name in KEPT if name in held}
        if isinstance(held, Mapping) and held.get("status"):
            return None  # examined right now, or refused
        # A picture of which the server holds None was taken out by the customer.
        return None if key in asked.context.held else before or self._on_file(asked)

    @staticmethod
    def _on_file(asked: Asked) -> Any:
        """Return the mark for a picture the counter has, where the flow lets it be kept (R-101)."""
        keep = asked.component.expression("keep")
        on_file = (asked.context.profile.get("photos") or {}).get(slot(asked.component))
        if not asked.context.setting("photos_on_file") or not on_file or not keep:
            return None
        if not keep.evaluate(asked.scope) or last_return(asked.context.data):
            return None
        return {"on_file": True, **({"file": on_file} if isinstance(on_file, str) else {})}

    def judge(self, asked: Asked) -> Iterable[Found]:
        which = slot(asked.component)
        before = asked.context.previous.get(asked.component.key) or {}
        digest = asked.value.get("sha256")
        if self._to_renew(asked) and (asked.value == before or (digest and digest == before.get("sha256"))):
            yield asked.error(f"请重新上传{NAMES[which]}！", "not_renewed")
            return
        for other, name in NAMES.items():
            there = asked.scope.get(other)
            if other != which and isinstance(there, dict) and digest and there.get("sha256") == digest:
                message = f"{NAMES[which]}与{name}是同一张图片，请重新上传{NAMES[which]}"
                yield asked.error(message, "same_picture")
                return
        yield from (Flag(str(code)) for code in asked.value.get("flags") or ())

    @staticmethod
    def _to_renew(asked: Asked) -> str:
        before = asked.context.previous.get(asked.component.key) or {}
        return renewal(asked.component, asked.context.data, before)

    def finish(self, asked: Asked) -> Any:
        which = self._to_renew(asked)
        return {**asked.value, "renewed_for": which} if which else asked.value

    def missing(self, asked: Asked) -> Iterable[Found]:
        held = asked.context.held.get(asked.component.key)
        status = held.get("status") if isinstance(held, Mapping) else None
        if status == "checking":
            yield asked.error(CHECKING, "checking")
            return
        if status == "refused" and isinstance(held, Mapping) and held.get("message"):
            yield asked.error(str(held["message"]), "refused")
            return
        if asked.component.validate.required:
            message = asked.component.properties.get("message") or f"请上传{NAMES[slot(asked.component)]}！"
            yield asked.error(str(message), "required")

    def prefill(self, component: Component, context: Context, scope: Mapping[str, Any]) -> Any:
        asked = Asked(component, component.key, None, context, scope)
        return self.read(asked)

    def html(self, component: Component, name: str, typed: Typed) -> Any:
        return None

    def schema(self, component: Component) -> dict[str, Any]:
        return {"readOnly": True, "description": "uploaded separately; never part of what is posted"}


class IdCardPhoto(Photo):
    """One side of the ID card."""

    name = "idcard-photo"


class SignaturePhoto(Photo):
    """The handwritten signature."""

    name = "signature-photo"
