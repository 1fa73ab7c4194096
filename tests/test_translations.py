"""The English catalogue says everything that the pages say."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

import forms

ROOT = Path(__file__).resolve().parent.parent
#: Sentences of these places make up the catalogue (web/i18n/babel.cfg).
PLACES = ("web", "forms")
GAPS = re.compile(r"%\((\w+)\)s|\{(\w+)\}")


@pytest.fixture(scope="module")
def english() -> Catalog:
    with (ROOT / "web/i18n/en/LC_MESSAGES/messages.po").open("rb") as lines:
        return read_po(lines, locale="en")


@pytest.fixture(scope="module")
def said() -> set[str]:
    """Every sentence of the templates, the room's Python and the forms."""
    with (ROOT / "web/i18n/babel.cfg").open(encoding="utf-8") as lines:
        methods, options = parse_mapping_cfg(lines)
    found: set[str] = set()
    for place in PLACES:
        here = [
            (pattern.removeprefix(f"{place}/"), how)
            for pattern, how in methods
            if pattern.startswith(f"{place}/")
        ]
        choices = {pattern.removeprefix(f"{place}/"): choice for pattern, choice in options.items()}
        for _, _, words, _, _ in extract_from_dir(ROOT / place, here, choices):
            found |= {words} if isinstance(words, str) else set(words)
    return found


def test_everything_said_is_in_the_catalogue(said: set[str], english: Catalog) -> None:
    assert sorted(words for words in said if words not in english) == []


def test_everything_in_the_catalogue_is_translated(english: Catalog) -> None:
    assert [one.id for one in english if one.id and (not one.string or one.fuzzy)] == []


def test_an_english_sentence_is_english(english: Catalog) -> None:
    assert [one.string for one in english if one.id and re.search(r"[\u3400-\u9fff]", str(one.string))] == []


def test_what_is_filled_in_keeps_its_name(english: Catalog) -> None:
    wrong = [
        one.id
        for one in english
        if one.id and set(GAPS.findall(str(one.id))) != set(GAPS.findall(str(one.string)))
    ]
    assert wrong == []


def test_every_choice_of_a_form_has_english(english: Catalog) -> None:
    choices = {
        choice.label
        for name in forms.names()
        for one in forms.load(name).walk()
        for choice in one.values
        if not choice.label_en
    }
    assert sorted(label for label in choices if label not in english) == []
