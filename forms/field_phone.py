"""A phone number with the SMS code that proves it (R-120–R-128, domain.md 3.5).

Posted ``{"number", "code"}``, stored ``{"number", "kind": "mobile" | "landline", "verified"}``. The code is
judged by the check ``phone.code`` and never stored; a landline needs none, and one sent is ignored.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from forms.context import Asked, Context
from forms.errors import Flag
from forms.fields import Found, Kind, NotAnAnswer, Typed
from forms.rules import phone
from forms.schema import Component

#: The check that compares the typed SMS code with the one sent.
CODE_CHECK = "phone.code"


class PhoneWithCode(Kind):
    """A phone number and its SMS code."""

    name = "phone-with-code"
    parts = frozenset({"number", "kind", "verified"})

    def read(self, asked: Asked) -> Any:
        posted = asked.value
        if posted is None:
            return None
        if isinstance(posted, str):
            posted = {"number": posted}
        if not isinstance(posted, Mapping):
            raise NotAnAnswer("请输入联系电话！")
        typed, code = posted.get("number"), posted.get("code")
        if not isinstance(typed, str | None) or not isinstance(code, str | None):
            raise NotAnAnswer("请输入联系电话！")
        number = phone.normalise(typed or "")
        if not number:
            return None
        kind = phone.kind(number)
        answer = {"number": number, "kind": kind, "verified": False}
        if kind == "mobile":
            answer["verified"] = self._proved_before(asked.context, number)
            if code and asked.context.mode != "typed":
                answer["code"] = "".join(code.split())
        return answer

    @staticmethod
    def _proved_before(context: Context, number: str) -> bool:
        given = (context.previous, *context.previous.values())
        return any(
            isinstance(before, Mapping) and before.get("number") == number and before.get("verified") is True
            for before in given
        )

    def missing(self, asked: Asked) -> Iterable[Found]:
        if asked.component.validate.required:
            message = str(asked.component.properties.get("message") or "请输入联系电话！")
            yield asked.error(message, "required", "number")

    def judge(self, asked: Asked) -> Iterable[Found]:
        answer = asked.value
        pattern = str(asked.context.setting("mobile_pattern") or phone.MOBILE)
        if complaint := phone.complaint(answer["number"], pattern):
            yield asked.error(complaint, "phone", "number")
            return
        if answer["kind"] == "landline":
            yield Flag("PHONE_LANDLINE")
            return
        if phone.virtual(answer["number"], asked.context.setting("virtual_prefixes")):
            yield Flag("PHONE_VNO")
        if not answer["verified"] and not answer.get("code"):
            yield asked.error("请输入验证码！", "code_required", "code")

    def checks(self, asked: Asked) -> tuple[str, ...]:
        own = tuple(name for name in asked.component.checks if name != CODE_CHECK)
        needs_code = asked.value["kind"] == "mobile" and not asked.value["verified"]
        return (*own, CODE_CHECK) if needs_code else own

    def finish(self, asked: Asked) -> Any:
        answer = {name: asked.value[name] for name in ("number", "kind", "verified")}
        if asked.context.mode == "local" and "code" in asked.value:
            answer["code"] = asked.value["code"]
        # The judge gets here in mode "complete" only after ``phone.code`` said yes.
        if asked.context.mode == "complete" and answer["kind"] == "mobile":
            answer["verified"] = True
        return answer

    def html(self, component: Component, name: str, typed: Typed) -> Any:
        return {"number": typed.get(f"{name}.number"), "code": typed.get(f"{name}.code")}

    def schema(self, component: Component) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {
                "number": {"type": "string", "maxLength": 40},
                "code": {"type": "string", "maxLength": 10, "writeOnly": True},
            },
            "required": ["number"],
        }
