"""Agreements: read first, then agree (R-094, R-150–R-153, R-158; separate consent, domain.md 3.13).

How far each document was read is known to the server only; the page posts one tick.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from forms.context import Asked, Context
from forms.fields import Found, Kind, NotAnAnswer, Typed, ticked
from forms.schema import Component


class Agreement(Kind):
    """One document to read and agree to, or, with ``text`` in the form itself, words to consent to.

    Stored ``{"agreed", "code", "title", "version", "sha256", "agreed_at"}`` and, for a document, ``read_at``.
    """

    name = "agreement"
    held = True

    def read(self, asked: Asked) -> Any:
        posted = asked.value
        if isinstance(posted, Mapping):
            posted = posted.get("agreed")
        if not ticked(posted):
            return None
        document = self._document(asked)
        if document is None:
            return None
        held = asked.context.held.get(asked.component.key)
        # A consent counts from the moment it was first acted on, not from the page's 下一步.
        since = held.get("agreed_at") if isinstance(held, Mapping) else None
        return {"agreed": True, **document, "agreed_at": since or asked.context.now.isoformat()}

    @staticmethod
    def _document(asked: Asked) -> dict[str, Any] | None:
        component = asked.component
        code = str(component.properties.get("document") or component.key)
        if component.text:
            digest = hashlib.sha256(component.text.encode()).hexdigest()
            version = str(component.properties.get("version") or digest[:8])
            return {"code": code, "title": component.label, "version": version, "sha256": digest}
        held = asked.context.held.get(component.key)
        if not isinstance(held, Mapping):
            before = asked.context.previous.get(component.key)
            if not isinstance(before, Mapping) or before.get("agreed") is not True:
                return None
            return {name: before[name] for name in _DOCUMENT if name in before}
        if isinstance(held.get(code), Mapping):
            held = held[code]
        if not held.get("finished_at"):
            return None
        title = held.get("title") or component.label
        return {
            "code": code,
            "title": title,
            "version": held.get("version"),
            "sha256": held.get("sha256"),
            "read_at": held["finished_at"],
        }

    def html(self, component: Component, name: str, typed: Typed) -> Any:
        return ticked(typed.get(name) or typed.get(f"{name}.agreed"))

    def prefill(self, component: Component, context: Context, scope: Mapping[str, Any]) -> Any:
        held = context.held.get(component.key)
        # A consent that was acted on, by putting in a picture, stays ticked.
        if component.text and isinstance(held, Mapping) and held.get("agreed"):
            return {"agreed": True}
        return super().prefill(component, context, scope)

    def schema(self, component: Component) -> dict[str, Any]:
        return {"type": "boolean", **({"const": True} if component.validate.required else {})}


_DOCUMENT = ("code", "title", "version", "sha256", "read_at")


def needed(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the documents that have to be agreed to: the case's ``agreements`` that are needed."""
    listed = data.get("agreements")
    if isinstance(listed, Mapping):
        listed = listed.get("documents", listed.get("list"))
    every = listed if isinstance(listed, list) else []
    return [one for one in every if isinstance(one, Mapping) and one.get("needed", True)]


class Agreements(Kind):
    """The list of agreements of this business; the answer is the page's answer.

    Stored ``{"agreed", "documents", "how", "device"}``, each document with ``code``, ``title``, ``version``,
    ``sha256``, ``read_at`` and ``agreed_at``. With the property ``signing: certificate`` the customer signs
    before this is answered, and ``how`` is ``certificate``; or says that a certificate is needed first, and
    ``how`` is ``apply``; or goes for the newer version of an agreement, and ``how`` is ``changed`` (R-158).
    Without it agreeing is all, and ``how`` is ``consent``. ``device`` is the serial of the certificate this
    browser holds, if any; it is the browser's word only.
    """

    name = "agreements"
    held = True
    spread = True
    parts = frozenset({"agreed", "documents", "how", "device"})

    def read(self, asked: Asked) -> Any:
        posted = asked.value
        way = device = None
        if isinstance(posted, Mapping):
            way, device = posted.get("way"), posted.get("device")
            inner = posted.get(asked.component.key, posted.get("agreed"))
            posted = inner.get("agreed") if isinstance(inner, Mapping) else inner
        if posted is not None and not isinstance(posted, bool | str | list):
            raise NotAnAnswer("请阅读并同意以上所有协议和业务规则内容！")
        way = way if way in WAYS and not self._signed(asked) else ""
        named = device if isinstance(device, str) and _SERIAL.fullmatch(device) else ""
        return {"agreed": ticked(posted), "way": way, "device": named}

    def judge(self, asked: Asked) -> Iterable[Found]:
        if asked.value["way"] == CHANGED and by_certificate(asked.component):
            return
        held = self._held(asked)
        changed, unread = [], []
        for document in needed(asked.context.data):
            progress = held.get(str(document.get("code")))
            read = progress if isinstance(progress, Mapping) else {}
            if read and not same_version(read, document):
                changed.append(f"《{_bare(document)}》")
            elif not read.get("finished_at"):
                unread.append(f"《{_bare(document)}》")
        if "agreements" not in asked.context.data:
            yield asked.error("协议清单尚未准备好，请刷新页面后重试", "no_list")
        if changed:
            yield asked.error(f"{''.join(changed)}已更新，请重新阅读并同意", "agreement_changed")
        if unread:
            yield asked.error(f"请先阅读完{''.join(unread)}", "agreement_unread")
        elif not changed and not asked.value["agreed"]:
            yield asked.error(asked.component.message, "required")
        elif not (unread or changed or asked.value["way"] or self._signed(asked)) and by_certificate(
            asked.component
        ):
            yield asked.error(UNSIGNED, "unsigned")

    def finish(self, asked: Asked) -> Any:
        held, now = self._held(asked), asked.context.now.isoformat()
        if asked.context.mode == "typed":
            return asked.value
        content = content_of(asked.context.data) if by_certificate(asked.component) else ""
        documents = [
            {name: document.get(name) for name in ("code", "title", "version", "sha256")}
            | {"read_at": (held.get(str(document.get("code"))) or {}).get("finished_at"), "agreed_at": now}
            | ({"content": content} if content else {})
            for document in needed(asked.context.data)
        ]
        how = "consent"
        if by_certificate(asked.component):
            how = "certificate" if self._signed(asked) else asked.value["way"]
        return {
            "agreed": asked.value["agreed"],
            "documents": documents,
            "how": how,
            "device": asked.value["device"],
        }

    def prefill(self, component: Component, context: Context, scope: Mapping[str, Any]) -> Any:
        # Who agreed, and came back from the witness or the certificate, has agreed; what changed is unread.
        if by_certificate(component) and context.previous.get("agreed") is True:
            return {"agreed": True}
        return super().prefill(component, context, scope)

    @staticmethod
    def _signed(asked: Asked) -> bool:
        """Whether the server holds signatures for exactly what is to be signed."""
        return signed(asked.context.held, asked.context.data) is not None

    @staticmethod
    def _held(asked: Asked) -> Mapping[str, Any]:
        return progress(
            asked.component, asked.context.held, asked.context.previous, content_of(asked.context.data)
        )

    def html(self, component: Component, name: str, typed: Typed) -> Any:
        posted = typed.get(name) or typed.get(f"{name}.agreed") or typed.get("agreed")
        told = {part: typed.get(f"{name}.{part}") for part in ("way", "device")}
        return {"agreed": ticked(posted), **{part: word for part, word in told.items() if word}}

    def schema(self, component: Component) -> dict[str, Any]:
        asked: dict[str, Any] = {"agreed": {"const": True}}
        if by_certificate(component):
            asked["way"] = {"enum": ["", *WAYS], "description": "instead of signing: what is needed first"}
            asked["device"] = {"type": "string", "description": "serial of the certificate on this device"}
        return {"type": "object", "properties": asked, "required": ["agreed"]}


#: Where the server holds what was signed on this page: ``{"content", "serial", "at"}``.
SIGNED = "signed"
#: What a page may say instead of being signed: a certificate is needed first, an agreement has changed.
APPLY, CHANGED = WAYS = ("apply", "changed")
UNSIGNED = "请先输入证书密码完成签署"
_SERIAL = re.compile(r"[0-9a-f]{40}")


def by_certificate(component: Component) -> bool:
    """Whether these agreements are signed, not only agreed to."""
    return component.properties.get("signing") == "certificate"


def signed(held: Mapping[str, Any], data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what the server holds of a signature over what the case now asks to sign, or None."""
    found, listed = held.get(SIGNED), data.get("agreements")
    if not isinstance(found, Mapping) or not isinstance(listed, Mapping):
        return None
    return found if found.get("content") and found["content"] == listed.get("content") else None


def content_of(data: Mapping[str, Any]) -> str:
    """Return the digest of what the case asks to sign, hex; empty when there is nothing."""
    listed = data.get("agreements")
    return str(listed.get("content") or "") if isinstance(listed, Mapping) else ""


def progress(
    component: Component, held: Mapping[str, Any], previous: Mapping[str, Any], content: str = ""
) -> Mapping[str, Mapping[str, Any]]:
    """Return how far each document was read, here or on this page before, by code.

    :param content: digest of what is to be signed; the papers of another one were not seen.
    """
    if component.type == "agreements":
        listed = previous.get("documents")
        before = [one for one in (listed if isinstance(listed, list) else []) if isinstance(one, Mapping)]
    else:
        agreed = previous.get(component.key)
        before = [agreed] if isinstance(agreed, Mapping) and agreed.get("agreed") is True else []
    read = {str(one.get("code")): {**one, "finished_at": one.get("read_at")} for one in before}
    now = held.get(component.key)
    if isinstance(now, Mapping):
        read |= {str(code): dict(one) for code, one in now.items() if isinstance(one, Mapping)}
    if not by_certificate(component):
        return read
    return {
        code: one if one.get("content", content) == content else {**one, "finished_at": None}
        for code, one in read.items()
    }


def same_version(read: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """Tell whether what was read is what is to be signed (R-158)."""
    return all(read.get(name) == document.get(name) for name in ("version", "sha256"))


def _bare(document: Mapping[str, Any]) -> str:
    return str(document.get("title") or document.get("code")).strip("《》")
