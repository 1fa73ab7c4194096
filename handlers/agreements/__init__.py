"""Agreements: which documents a customer agrees to, in which version, and as which papers.

Agreements         the company's versions: in_force, documents, exact, propose, approve, withdraw, history
Papers             one PDF a document and case, with a hole to sign in: of, pdf; for the worker: write, sweep
Paper              what signing has to know of one
Document           a template with title, version and hash; templates.render fills it in
document(code)     the text the product comes with; extra_codes(data) what a case's answers call for
agreements.list    operator: the list for this case, and whether anything is to be signed (again)
agreements.record  operator: writes down what was signed

Tables owned here: agreement_version, agreement_paper.
"""

from handlers.agreements import templates, variables
from handlers.agreements.documents import (
    DUTIES,
    PRIVACY,
    TAX,
    Document,
    UnknownDocument,
    content_hash,
    document,
    extra_codes,
)
from handlers.agreements.glyphs import MissingGlyph
from handlers.agreements.operators import operators
from handlers.agreements.paper import Paper
from handlers.agreements.papers import JOB, PREVIEW, Papers
from handlers.agreements.templates import TemplateRefused
from handlers.agreements.versions import Agreements, Proposal, ProposalGone, Version, must_be_fit
from handlers.agreements.writing import PangoMissing

__all__ = [
    "DUTIES",
    "JOB",
    "PREVIEW",
    "PRIVACY",
    "TAX",
    "Agreements",
    "Document",
    "MissingGlyph",
    "PangoMissing",
    "Paper",
    "Papers",
    "Proposal",
    "ProposalGone",
    "TemplateRefused",
    "UnknownDocument",
    "Version",
    "content_hash",
    "document",
    "extra_codes",
    "must_be_fit",
    "operators",
    "templates",
    "variables",
]
