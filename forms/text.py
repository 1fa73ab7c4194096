"""Tidying what people type: domain.md 3, "Input is normalised first"."""

import re
import unicodedata

#: Full-width digits, letters and hyphen, to their half-width twins.
_HALF = {
    code: code - 0xFEE0
    for start, end in ((0xFF10, 0xFF19), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A))
    for code in range(start, end + 1)
} | {0xFF0D: 0x2D}
#: In numbers also other dashes and the full-width plus sign.
_NUMBER = _HALF | dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212), 0x2D) | {0xFF0B: 0x2B}
#: In e-mail addresses also the signs around the names.
_EMAIL = _NUMBER | {0xFF20: 0x40, 0xFF0E: 0x2E, 0xFF3F: 0x5F}

#: Chinese characters of all CJK blocks, rare ones included (GB 18030-2022).
CJK = (
    "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002a6df\U0002a700-\U0002ebef\U0002ebf0-\U0002ee5f\U0002f800-\U0002fa1f\U00030000-\U0003347f"
)


def tidy(text: str) -> str:
    """Trim, and make full-width digits, letters and hyphens half-width."""
    return text.translate(_HALF).strip()


def number(text: str) -> str:
    """Tidy a number: as ``tidy``, and no spaces inside."""
    return re.sub(r"\s+", "", text.translate(_NUMBER))


def email(text: str) -> str:
    """Tidy an e-mail address: as ``number``, and half-width signs."""
    return re.sub(r"\s+", "", text.translate(_EMAIL))


def unprintable(text: str, *, lines: bool = False) -> bool:
    """Tell whether ``text`` has control or direction characters; ``lines`` allows line breaks and tabs."""
    allowed = "\n\r\t" if lines else ""
    return any(unicodedata.category(one) in ("Cc", "Cf", "Cs") and one not in allowed for one in text)
