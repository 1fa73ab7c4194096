"""Agreements: which documents a customer agrees to, in which version, and as which papers.

Agreements         the company's versions: in_force, documents, exact, propose, approve, withdraw, history
Papers             one PDF a document and case, with a hole to sign in: of, pdf; for the worker: write, sweep
Paper              what signing has to know of one
Document           a template with title, version and hash; templates.render fills it in
document(code)     the text the product comes with; documents(...) its list for a business
agreements.list    operator: the list for this case, and whether consent is needed (again)
agreements.record  operator: writes down what was agreed to

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
    documents,
    extra_codes,
    extra_documents,
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
    "documents",
    "extra_codes",
    "extra_documents",
    "must_be_fit",
    "operators",
    "templates",
    "variables",
]
