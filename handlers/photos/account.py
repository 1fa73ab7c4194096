"""What stands on the card, compared with the account (R-098): a product that edits never overwrites."""

from collections.abc import Mapping
from typing import Any

from forms.rules import id_number
from forms.rules import name as names
from handlers.photos.seen import Examination

#: R-098, wording of the existing platform, and what to do.
DIFFERENT = "证件照姓名或号码识别有误，请重新上传。请使用本人的身份证，姓名或号码有变更请联系期货公司"


def differences(
    seen: Examination, slot: str, profile: Mapping[str, Any], limits: Mapping[str, float]
) -> tuple[str, tuple[str, ...]]:
    """Return why the picture is refused (nothing: it is not), and flags for the reviewer.

    A number whose check character holds, or a name read with more confidence than the setting, is
    believed; of anything less the reviewer is told.
    """
    if slot != "front" or not seen.verified or seen.side != "front":
        return "", ()
    flags = []
    number, name = seen.fields.get("id_number"), seen.fields.get("name")
    if number is not None and number.value:
        own = str(profile.get("id_number") or "")
        if number.value != own:
            if not number.doubt and id_number.check_character_holds(number.value):
                return DIFFERENT, ()
            flags.append("ID_NUMBER_UNREAD")
    if name is not None and name.value and not names.same(name.value, str(profile.get("name") or "")):
        if not name.doubt and name.confidence >= limits["name_sure"]:
            return DIFFERENT, ()
        flags.append("ID_NAME_UNREAD")
    return "", tuple(flags)
