"""Languages: pages are written in Chinese; another language is a catalogue beside this file.

``<language>/LC_MESSAGES/messages.po`` is read when it is first asked for and kept in memory, so there
is nothing to compile and a corrected sentence needs only a restart. To collect new sentences:

    pybabel extract -F web/i18n/babel.cfg -o messages.pot .
    pybabel update -i messages.pot -d web/i18n -l en --no-fuzzy-matching
"""

from functools import cache
from io import BytesIO
from pathlib import Path

import flask_babel
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask_babel import Domain

FOLDER = Path(__file__).parent

#: The language of the templates themselves, and the languages that have a catalogue.
DEFAULT = "zh_Hans_CN"
LANGUAGES = {DEFAULT: "简体中文", "en": "English"}


class Catalogues(Domain):  # type: ignore[misc]
    """The catalogues of this folder, read from their ``.po`` files."""

    def get_translations(self) -> NullTranslations:
        """Return the sentences of the language this request wants."""
        return catalogue(language())


def language() -> str:
    """Return the language this request wants."""
    return str(flask_babel.get_locale() or DEFAULT)


def gettext(words: str, **values: object) -> str:
    """Return a sentence in the reader's language, with its gaps filled."""
    return str(flask_babel.gettext(words, **values))


@cache
def catalogue(language: str) -> NullTranslations:
    """Return the catalogue of ``language``; one without a file leaves every sentence as it is."""
    source = FOLDER / language / "LC_MESSAGES" / "messages.po"
    if not source.is_file():
        return NullTranslations()
    compiled = BytesIO()
    with source.open("rb") as lines:
        write_mo(compiled, read_po(lines, locale=language))
    compiled.seek(0)
    return Translations(compiled)
