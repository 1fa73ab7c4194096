"""Forms: the questions one page asks, and what counts as an answer.

A form is a ``<name>.form`` file in this folder, so an analyst can draw it in the same editor as the
diagram. Python here only reads the file and judges answers; it knows no HTTP, no database and no workflow.

What other rooms use:

* ``load(name)``, ``parse(data)``, ``names()`` and ``lint(source)``: forms, and what is wrong with one;
* ``for_company(form, context, answers)``: the form with the company's code lists, questions and options;
* ``prefill(form, context)``: the answers to show first; ``from_html(form, typed)``: what a page posted;
* ``judge(form, posted, context)``: the answers that may be stored, or ``AnswersRejected``;
* ``look_through(typed)``: refuses what no browser sends, also where nothing is judged yet;
* ``json_schema(form)``: the same for the REST API;
* ``KINDS``, ``RULES``, ``PAGE_RULES``: what a form may name; ``SETTINGS``: what a judgement reads of the
  company's parameters;
* ``dictionaries``, ``reasons``, ``divisions``, ``masks``, ``wording``, ``rules``: code lists, reasons of a
  send-back, places, masks, sentences and single rules.

Pages and stored answers have the same shape, with one exception: a question whose kind or property says
``spread`` puts its parts among the page's answers. So the stored answers are

========== ===================================================================================
photos     ``front``, ``back``, ``signature``, ``photo_consent``, ``certificate_duties``
identity   ``from``, ``until``, ``long_term``, ``id_address``
phone      ``number``, ``kind``, ``verified``
other      ``address`` {``province``, ``city``, ``district``, ``detail``}, ``postcode``, ``email`` …
consents   ``agreed``, ``documents``, ``how``
review     ``decision``, ``reasons``, ``step``, ``opens``, ``note``, ``internal_note``, ``decided_at``
========== ===================================================================================

and each may have ``flags``.
"""

from forms.answer_keys import answer_keys
from forms.context import SETTINGS, Asked, Context, Mode
from forms.errors import (
    Accepted,
    AnswersRejected,
    CheckNotRun,
    Finding,
    Flag,
    FormRefused,
    FormsError,
    Problem,
    UnknownForm,
)
from forms.field_photo import open_slots
from forms.fields import is_empty
from forms.guard import guard as look_through
from forms.guard import refused_key
from forms.html import from_html
from forms.json_schema import json_schema
from forms.judge import confirmed_in, judge
from forms.kinds import KINDS
from forms.lint import lint
from forms.prefill import prefill
from forms.returns import last_decision, last_return
from forms.rules import PAGE_RULES, RULES
from forms.schema import Choice, Component, Form, Validate, load, names, parse
from forms.tailor import for_company

__all__ = [
    "KINDS",
    "PAGE_RULES",
    "RULES",
    "SETTINGS",
    "Accepted",
    "AnswersRejected",
    "Asked",
    "CheckNotRun",
    "Choice",
    "Component",
    "Context",
    "Finding",
    "Flag",
    "Form",
    "FormRefused",
    "FormsError",
    "Mode",
    "Problem",
    "UnknownForm",
    "Validate",
    "answer_keys",
    "confirmed_in",
    "for_company",
    "from_html",
    "is_empty",
    "json_schema",
    "judge",
    "last_decision",
    "last_return",
    "lint",
    "load",
    "look_through",
    "names",
    "open_slots",
    "parse",
    "prefill",
    "refused_key",
]
