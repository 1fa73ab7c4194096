"""Agreements: which documents a customer agrees to, in which version, and that it happened.

document(code)       the text in force, with version and hash
documents(...)       the company's list for a business and account type
agreements.list      operator: the list for this case, and whether consent is needed (again)
agreements.record    operator: writes down what was agreed to

Until a certificate signs, consent is all there is, and the case says so to the reviewer (CONSENT_ONLY).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from engine import Step, operator
from engine.parameters import Parameters

_TEXTS = Path(__file__).parent / "texts"

#: Documents that stand outside the list of agreements.
DUTIES = "certificate_duties"
PRIVACY = "privacy"


@dataclass(frozen=True)
class Document:
    """One document in one version.

    :param sha256: of the text as shown, hex.
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
    """Return a document in force, or raise UnknownDocument.

    The first line of a text is ``title | version``.
    """
    path = _TEXTS / f"{code}.html"
    if not code.isidentifier() or not path.is_file():
        raise UnknownDocument(code)
    head, _, html = path.read_text("utf-8").partition("\n")
    title, _, version = head.strip().removeprefix("<!--").removesuffix("-->").partition("|")
    digest = sha256(html.encode()).hexdigest()
    return Document(code, title.strip(), version.strip(), digest, html)


def documents(parameters: Parameters, type: str, account_type: str) -> list[Document]:
    """Return the company's agreements for a business, in order (R-150, A-14)."""
    return [
        document(need.code)
        for need in parameters.agreements
        if (not need.types or type in need.types)
        and (not need.account_types or account_type in need.account_types)
    ]


def content_hash(data: Mapping[str, Any], listed: list[Document]) -> str:
    """Return a hash of what is agreed to: the case's answers and the documents, hex.

    A change of either asks for consent again (A-22).
    """
    answers = {k: data[k] for k in ("photos", str(data.get("category"))) if k in data}
    parts = [answers, [(d.code, d.version, d.sha256) for d in listed]]
    return sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


@operator("agreements.list")
def listing(step: Step, *, type: str, content: str) -> dict[str, Any]:
    """Return the documents of this case, and whether the customer has to agree (again).

    :param type: the list the decision table names.
    :param content: the category of what is agreed to.
    """
    account_type = str(
        (step.data.get("profile") or {}).get("account_type") or step.data.get("account_type") or ""
    )
    listed = documents(step.parameters, step.case.type, account_type)
    digest = content_hash(step.data, listed)
    review = step.data.get("review") or {}
    again = review.get("decision") == "return" and "sign" in (review.get("steps") or [review.get("step")])
    needed = again or (step.data.get("consented") or {}).get("content") != digest
    return {
        "list": type,
        "content": digest,
        "needed": needed,
        "how": "consent",
        "documents": [
            {"code": d.code, "title": d.title, "version": d.version, "sha256": d.sha256, "needed": needed}
            for d in listed
        ],
    }


@operator("agreements.record")
def record(step: Step) -> dict[str, Any]:
    """Write down which documents were agreed to for which content."""
    agreements = step.data.get("agreements") or {}
    return {"content": agreements.get("content"), "how": "consent", "at": step.now.isoformat()}
