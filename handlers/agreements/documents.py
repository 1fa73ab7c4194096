"""The texts this product comes with, and which of them concern a case.

A text is a template (see ``templates``); its first line is ``title | version``. What the company makes for
itself stands in ``versions`` and goes before these.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from engine.parameters import Parameters

_TEXTS = Path(__file__).parent / "texts"

#: Documents that stand outside the list of agreements.
DUTIES = "certificate_duties"
PRIVACY = "privacy"
#: The tax self-certification, signed as its own document by those who have to give one (domain 3.10).
TAX = "tax_declaration"
#: Tax residences that ask for it, and the occupation that need not give it (军人).
_TAX_ABROAD, _SOLDIER = frozenset({"B", "C"}), "08"


@dataclass(frozen=True)
class Document:
    """One document in one version.

    :param sha256: of the template, hex.
    :param html: the template; ``templates.render`` fills it in.
    """

    code: str
    title: str
    version: str
    sha256: str
    html: str


class UnknownDocument(Exception):
    """There is no such document."""


@lru_cache(maxsize=64)
def document(code: str) -> Document:
    """Return a document as shipped, or raise UnknownDocument."""
    path = _TEXTS / f"{code}.html"
    if not code.isidentifier() or not path.is_file():
        raise UnknownDocument(code)
    head, _, html = path.read_text("utf-8").partition("\n")
    title, _, version = head.strip().removeprefix("<!--").removesuffix("-->").partition("|")
    return Document(code, title.strip(), version.strip(), fingerprint(html), html)


def fingerprint(html: str) -> str:
    """Return the hash by which a template is known, hex."""
    return sha256(html.encode()).hexdigest()


def shipped() -> tuple[str, ...]:
    """Return the code of every text this product comes with."""
    return tuple(sorted(path.stem for path in _TEXTS.glob("*.html")))


def wanted(parameters: Parameters, type: str, account_type: str) -> list[str]:
    """Return the codes of the company's agreements for a business, in order (R-150, A-14)."""
    return [
        need.code
        for need in parameters.agreements
        if (not need.types or type in need.types)
        and (not need.account_types or account_type in need.account_types)
    ]


def extra_codes(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the codes of documents that a case's answers call for besides the company's list (G-40)."""
    other = data.get("other")
    if not isinstance(other, Mapping) or not isinstance(other.get("tax"), Mapping):
        return ()
    due = other.get("tax_type") in _TAX_ABROAD and other.get("occupation") != _SOLDIER
    return (TAX,) if due else ()


def content_hash(data: Mapping[str, Any], listed: list[Document]) -> str:
    """Return a hash of what is agreed to: the case's answers and the documents, hex.

    A change of either asks for consent again (A-22).
    """
    answers = {k: data[k] for k in ("photos", str(data.get("category"))) if k in data}
    parts = [answers, [(d.code, d.version, d.sha256) for d in listed]]
    return sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
