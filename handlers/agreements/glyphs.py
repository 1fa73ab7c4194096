"""Which characters the agreements' font has: what it lacks would be an empty box over a signature."""

from functools import lru_cache
from pathlib import Path

#: Noto Sans SC under the Open Font License, as the registry's client installed it: every hanzi of GBK and
#: of Extension A.
FONTS = Path(__file__).resolve().parents[2] / "node_modules" / "@expo-google-fonts" / "noto-sans-sc"
FILES = {
    400: FONTS / "400Regular" / "NotoSansSC_400Regular.ttf",
    700: FONTS / "700Bold" / "NotoSansSC_700Bold.ttf",
}
#: Characters that are laid out, never drawn.
_LAYOUT = frozenset("\n\t ")


class MissingGlyph(Exception):
    """The agreements' font lacks a character, so that nothing with it can be signed.

    :param character: the one it lacks.
    """

    def __init__(self, character: str) -> None:
        super().__init__(f"the font has no U+{ord(character):04X}")
        self.character = character


class FontsMissing(Exception):
    """The agreements' fonts are not installed: ``npm ci`` brings them."""


@lru_cache(maxsize=1)
def _drawn() -> frozenset[int]:
    from fontTools.ttLib import TTFont

    try:
        with TTFont(FILES[400], lazy=True) as font:
            return frozenset(font.getBestCmap())
    except FileNotFoundError as missing:
        raise FontsMissing((FontsMissing.__doc__ or "").strip()) from missing


def missing(text: str) -> str | None:
    """Return the first character of ``text`` that the font lacks, or None."""
    drawn = _drawn()
    return next((c for c in text if ord(c) not in drawn and c not in _LAYOUT), None)


def must_have(text: str) -> None:
    """Raise MissingGlyph unless the font has every character of ``text``."""
    lacking = missing(text)
    if lacking is not None:
        raise MissingGlyph(lacking)
