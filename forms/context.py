"""What a judgement may look at besides the answers: the day, the case, the company's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from forms.errors import Level, Problem
from forms.schema import Component

#: What the forms read of the company's parameters: name, default, meaning.
SETTINGS: tuple[tuple[str, Any, str], ...] = (
    ("hotline", "", "service number named in messages"),
    ("mobile_pattern", "", "pattern of mobile numbers that may be entered; empty: the list of domain.md 3.5"),
    (
        "virtual_prefixes",
        ["162", "165", "167", "170", "171"],
        "prefixes of virtual operators (3.5)",
    ),
    ("photos_on_file", True, "pictures the counter has may be kept (R-101)"),
    ("pep_international", False, "option E of platform_type is offered (domain.md 3.8)"),
    ("declaration_modes", {}, "field code → collect | refer (domain.md 3.10); missing: collect"),
    ("id_address", False, "the address on the ID card is asked for (R-117)"),
    ("deal_type", False, "主要交易类型 is asked for (domain.md 3.8)"),
    ("bad_record_required", False, "不良诚信记录 must be answered (A-23)"),
    ("field_modes", {}, "path of a question → hidden | optional | required | shown (R-141)"),
    (
        "extension_fields",
        [],
        "company's own questions: key, label, values (empty: text), required (R-141)",
    ),
    ("occupation_risk", ["36", "37", "39"], "occupations that the reviewer is told of (domain.md 3.10)"),
    ("dictionaries", {}, "name → entries that replace the built-in code list (domain.md 3.8)"),
    ("send_back_reasons", [], "entries that replace the built-in list (domain.md 3.9)"),
    ("id_notice_days", 30, "days before a card's end from which its holder is advised to renew it"),
)

_DEFAULTS = {name: default for name, default, _ in SETTINGS}

Mode = Literal["complete", "local", "typed"]


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is known beside the answers."""

    today: date
    """Business day, Asia/Shanghai."""
    now: datetime
    """Business time, aware, UTC."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The case's data, plain JSON: ``profile``, ``photos``, ``review`` …"""
    held: Mapping[str, Any] = field(default_factory=dict)
    """What the server holds for this page by question: pictures, reading progress."""
    previous: Mapping[str, Any] = field(default_factory=dict)
    """The answers given to this page before in this case."""
    settings: Any = field(default_factory=dict)
    """The company's parameters: a mapping, or an object with these attributes (see SETTINGS)."""
    verdicts: Mapping[str, Any] = field(default_factory=dict)
    """Results of the checks by name."""
    mode: Mode = "complete"
    """``complete`` judges everything; ``local`` leaves the checks out, to see whether it is worth running
    them, and keeps a typed SMS code; ``typed`` only tidies what was typed, for drafts."""
    business: str = ""
    """Business type of R-213: ``16`` ID validity, ``17`` phone, ``18`` other information."""

    def setting(self, name: str) -> Any:
        """Return one of SETTINGS, or its default where the company set nothing."""
        default = _DEFAULTS[name]
        if isinstance(self.settings, Mapping):
            return self.settings.get(name, default)
        return getattr(self.settings, name, default)

    @property
    def profile(self) -> Mapping[str, Any]:
        """The counter's values when the case began."""
        found = self.data.get("profile")
        return found if isinstance(found, Mapping) else {}

    def variables(self) -> dict[str, Any]:
        """Return the names that expressions of a form may read beside its answers."""
        data = dict(self.data)
        business = self.business or str(data.get("business") or "")
        return {**data, "previous": dict(self.previous), "business": business}


@dataclass(frozen=True)
class Asked:
    """One question with its answer, as a kind or a rule sees it."""

    component: Component
    path: str
    """HTML name of the question."""
    value: Any
    """As posted while it is read, as normalised while it is judged."""
    context: Context
    scope: Mapping[str, Any]
    """The case's data and, over them, the answers given so far; nearest first."""

    @property
    def old(self) -> Any:
        """The value that this answer changes."""
        return self.component.old.evaluate(self.scope) if self.component.old else None

    def error(self, message: str, code: str = "", at: str = "", *, clears: bool = False) -> Problem:
        """Say what has to be corrected; ``at`` names a part of the question."""
        return self._problem("error", message, code, at, clears)

    def warning(self, message: str, code: str, at: str = "") -> Problem:
        """Say what has to be looked at again; confirmed, it becomes flag ``code``."""
        return self._problem("warning", message, code, at)

    def notice(self, message: str, code: str = "", at: str = "") -> Problem:
        """Say something that needs no answer."""
        return self._problem("notice", message, code, at)

    def _problem(self, level: Level, message: str, code: str, at: str, clears: bool = False) -> Problem:
        key = f"{self.path}.{at}" if at and self.path else at or self.path
        return Problem(key, message, level, code, clears=clears)
