"""Video witness and certificate: both happen elsewhere, and the server holds what came of them."""

from collections.abc import Iterable, Mapping
from typing import Any

from forms.context import Asked
from forms.fields import Found, Kind, Typed
from forms.schema import Component


class Held(Kind):
    """Something done outside the page; the answer is what the server holds of it, with ``passed``."""

    held = True
    unfinished = ""

    def read(self, asked: Asked) -> Any:
        held = asked.context.held.get(asked.component.key)
        return dict(held) if isinstance(held, Mapping) else None

    def judge(self, asked: Asked) -> Iterable[Found]:
        if asked.value.get("passed") is not True:
            yield asked.error(self.unfinished, "unfinished")

    def missing(self, asked: Asked) -> Iterable[Found]:
        if asked.component.validate.required:
            message = asked.component.properties.get("message") or self.unfinished
            yield asked.error(str(message), "required")

    def html(self, component: Component, name: str, typed: Typed) -> Any:
        return None

    def schema(self, component: Component) -> dict[str, Any]:
        return {"readOnly": True, "description": "done separately; never part of what is posted"}


class Video(Held):
    """The video witness (R-160)."""

    name = "video"
    unfinished = "请先完成视频见证"


class Certificate(Held):
    """The certificate on the customer's device (R-180)."""

    name = "certificate"
    unfinished = "请先申请并安装数字证书"
