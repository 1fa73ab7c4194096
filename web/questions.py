"""Questions: a task's form made ready to be drawn, one macro of ``templates/fields/`` a kind.

Templates ask for a page with ``questions_of(view, problems, …)`` and draw each component with
``page.ask(component)``. A macro receives ``(component, name, value, problem, page)``; a macro that
holds others (group, list) calls ``page.ask`` in turn.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as having
from typing import Any

from flask import current_app
from markupsafe import Markup

from forms import (
    Component,
    Form,
    Problem,
    field_agreement,
    field_decision,
    field_photo,
    field_validity,
    for_company,
)
from forms.schema import words
from handlers import photos
from web import conditions
from web.i18n import gettext

#: Colour, shape and letter of each decision.
DECISION_LOOKS = {
    "approve": {"tone": "ok", "icon": "check", "letter": "A"},
    "return": {"tone": "warn", "icon": "return", "letter": "S"},
    "reject": {"tone": "danger", "icon": "cross", "letter": "D"},
    "retry": {"tone": "ok", "icon": "refresh", "letter": "A"},
    "overwrite": {"tone": "warn", "icon": "check", "letter": "O"},
}

#: Where the answers lie that a reason opens, as far as they are not named like it (domain.md 3.9).
ANSWERED_IN = {"validity": "identity", "declarations": "other", "follow_ups": "other"}
PHOTO_KINDS = frozenset({"idcard-photo", "signature-photo"})
#: Kinds without a file of their own, drawn like another.
ALIKE = {"agreements": "agreement"}


@dataclass
class Page:
    """One task's form as it is shown now."""

    form: Form
    answers: Mapping[str, Any]
    """What was typed, or what is stored, or what is prefilled; nested as the form is."""
    held: Mapping[str, Any]
    """What the server holds by question: pictures, reading progress."""
    data: Mapping[str, Any]
    """The case's data, for old values and conditions."""
    problems: Mapping[str, Problem]
    """The first problem of each question, by its HTML name."""
    previous: Mapping[str, Any] = having(default_factory=dict)
    """What was accepted on this page before, when the customer comes back to it."""
    readonly: bool = False
    urls: Mapping[str, str] = having(default_factory=dict)
    """Addresses that fields need: ``upload code photo on_file reading divisions``."""
    about: Mapping[str, Any] = having(default_factory=dict)
    """Anything else a field may show: ``hotline``, ``sent_to``, ``resend_in``, ``open_slots`` …"""

    @property
    def scope(self) -> dict[str, Any]:
        """What an expression of the form may read: case data, and over them the answers."""
        return {**self.data, **self.answers}

    @property
    def errors(self) -> list[Problem]:
        """What must be corrected."""
        return [one for one in self.problems.values() if one.level == "error"]

    @property
    def warnings(self) -> list[Problem]:
        """What must be corrected or confirmed, each code once."""
        found = {one.code: one for one in self.problems.values() if one.level == "warning"}
        return list(found.values())

    def ask(self, component: Component, within: str = "", container: Any = None) -> Markup:
        """Draw ``component``; ``container`` is the object its answer lies in, ``within`` that one's name."""
        if container is None and not within:
            container = self.answers
        name = ".".join(part for part in (within, component.key) if part)
        value = container
        if component.key:
            value = container.get(component.key) if isinstance(container, Mapping) else None
        if component.type in PHOTO_KINDS:
            value = {**(value if isinstance(value, Mapping) else {}), "state": self.picture_state(component)}
        drawn = field(component, name, value, self.problems.get(name), self)
        return self._conditional(component, within, container, drawn)

    def old(self, component: Component) -> Any:
        """Return the value that this answer changes, or None."""
        return component.old.evaluate(self.scope) if component.old else None

    def held_for(self, name: str, component: Component) -> Any:
        """Return what the server holds for this question."""
        return self.held.get(name, self.held.get(component.key))

    @property
    def profile(self) -> Mapping[str, Any]:
        """The counter's values when the case began."""
        return self.data.get("profile") or {}

    def picture(self, component: Component, value: Any = None) -> dict[str, Any] | None:
        """Return the picture in this slot as ``{"url", "on_file"}``, or None while it is empty."""
        held = self.held_for(component.key, component)
        found = held if isinstance(held, Mapping) and held.get("file") else value
        if isinstance(held, Mapping) and held.get("status") in ("checking", "refused"):
            return None
        if not isinstance(found, Mapping) or not (found.get("file") or found.get("on_file")):
            return None
        if found.get("on_file"):
            shown, name = self.urls.get("on_file"), field_photo.slot(component)
        else:
            shown, name = self.urls.get("photo"), str(found["file"])
        return {"url": f"{shown}/{name}" if shown else None, "on_file": bool(found.get("on_file"))}

    def picture_state(self, component: Component) -> dict[str, Any]:
        """Return how far the examination of the picture in this slot has got, with addresses."""
        held = self.held_for(component.key, component)
        told = photos.state(held if isinstance(held, Mapping) else None)
        files = self.urls.get("photo")
        return {**told, **{n: f"{files}/{told[n]}" if told.get(n) else None for n in ("view", "result")}}

    @property
    def checking(self) -> bool:
        """Whether a picture is being examined: a page without scripts comes again by itself."""
        return any(isinstance(one, Mapping) and one.get("status") == "checking" for one in self.held.values())

    def read_validity(self) -> dict[str, Any] | None:
        """Return the validity that was read from the card, as an answer (R-113); None when it was not."""
        return field_validity.read_answer(self.data)

    def may_upload(self, component: Component) -> bool:
        """Tell whether this slot takes a picture now; after a send-back only those it names (R-103)."""
        return field_photo.slot(component) in field_photo.open_slots(self.data)

    def to_renew(self, component: Component) -> bool:
        """Tell whether a send-back asks for another picture than the one that lies in this slot."""
        before = self.previous.get(component.key) or {}
        held = self.held_for(component.key, component)
        renewed = isinstance(held, Mapping) and held.get("sha256") not in (None, before.get("sha256"))
        return not renewed and bool(field_photo.renewal(component, self.data, before))

    def sample(self, component: Component) -> str:
        """Return the name of the drawing that shows what belongs in this slot."""
        slot = field_photo.slot(component)
        return {"front": "card-good", "back": "card-back"}.get(slot, "sign-good")

    def compared(self) -> list[dict[str, str]]:
        """Return the pictures to show beside the form, as its property ``beside`` names them (R-115)."""
        photos, shown = self.data.get("photos") or {}, self.urls.get("photo")
        pictures = []
        for slot in words(self.form.properties.get("beside")):
            file = (photos.get(slot) or {}).get("file")
            if file and shown:
                pictures.append({"url": f"{shown}/{file}", "label": field_photo.NAMES.get(slot, slot)})
        return pictures

    def guide_opens(self) -> bool:
        """Tell whether the photo guide opens by itself: no picture of the card is there yet (R-090).

        Once the customer has begun, by reading or by pressing 下一步, it stays out of the way.
        """
        if self.problems or self.held:
            return False
        cards = [one for one in self.form.walk() if one.type == "idcard-photo"]
        on_file = self.profile.get("photos") or {}
        return bool(cards) and not any(
            self.picture(one, self.answers.get(one.key)) or on_file.get(field_photo.slot(one))
            for one in cards
        )

    def documents(self, component: Component) -> list[dict[str, Any]]:
        """Return the documents to read here, each with its address and whether it was read to the end."""
        if component.text:
            return []
        content = field_agreement.content_of(self.data)
        progress = field_agreement.progress(component, self.held, self.previous, content)
        if component.type == "agreements":
            listed = [(str(one.get("code")), one) for one in self._needed()]
        else:
            code = str(component.properties.get("document") or component.key)
            listed = [(code, {"title": component.label})]
        reading = self.urls.get("reading")
        return [
            {
                "code": code,
                "title": str((read or {}).get("title") or document.get("title") or code).strip("《》"),
                "read": bool((read or {}).get("finished_at")),
                "url": f"{reading}/{code}" if reading else "#",
            }
            for code, document in listed
            for read in [progress.get(code)]
        ]

    def consent_words(self, component: Component) -> str:
        """Return what the customer agrees to by ticking."""
        if own := component.properties.get("consent"):
            return str(own)
        if component.type == "agreements":
            return gettext("我已阅读并同意 以上所有协议和业务规则内容")
        return gettext("我已阅读并同意%(title)s", title=f"《{component.label.strip('《》')}》")

    def decisions(self, component: Component) -> list[dict[str, str]]:
        """Return the decisions on offer, each with its letter on the keyboard."""
        return [
            {"code": code, "label": field_decision.WORDS[code], **DECISION_LOOKS[code]}
            for code in field_decision.decisions(component)
        ]

    def reasons(self, component: Component) -> list[Any]:
        """Return the reasons on offer; none where a note stands for them."""
        if not field_decision.asks_reasons(component):
            return []
        known = field_decision.known_reasons(component, self.about.get("reasons") or ()).values()
        return [one for one in known if self._concerns(one)]

    def _concerns(self, reason: Any) -> bool:
        """Whether a reason is about something that this case asked for: nobody searches among the others."""
        if reason.step != "data" or not reason.opens:
            return True
        answers = [v for k, v in self.data.items() if k != "profile" and isinstance(v, Mapping)]
        return any(
            ANSWERED_IN.get(name, name) in self.data or any(name in one for one in answers)
            for name in reason.opens
        )

    def _needed(self) -> Sequence[Mapping[str, Any]]:
        return field_agreement.needed(self.data)

    def _conditional(self, component: Component, within: str, container: Any, drawn: Markup) -> Markup:
        if component.hide is None:
            return drawn
        own = container if isinstance(container, Mapping) else {}
        scope = {**self.scope, **own}
        hidden = bool(component.hide.evaluate(scope))
        asked = {one.key for one in self.form.walk() if one.key}
        tree = conditions.tree(component.hide, asked, self.data)
        template = current_app.jinja_env.get_template("fields/_conditional.html")
        html = template.render(hidden=hidden, tree=tree, within=within, drawn=drawn)
        return Markup(html)  # noqa: S704  # the template escaped it


def of(
    view: Any,
    problems: Iterable[Problem] | None = None,
    *,
    readonly: bool = False,
    urls: Mapping[str, str] | None = None,
    about: Mapping[str, Any] | None = None,
) -> Page:
    """Return the page that ``view`` (an engine's view of a task) shows."""
    first: dict[str, Problem] = {}
    for problem in problems or ():
        first.setdefault(problem.key, problem)
    answers = view.answers or {}
    return Page(
        form=for_company(view.form, view.context, answers),
        answers=answers,
        held=view.held or {},
        data=view.context.variables(),
        previous=view.context.previous,
        problems=first,
        readonly=readonly,
        urls=urls or {},
        about=about or {},
    )


def field(component: Component, name: str, value: Any, problem: Problem | None, ctx: Page) -> Markup:
    """Draw one question with the macro of its kind."""
    kind = ALIKE.get(component.type, component.type).replace("-", "_")
    template = current_app.jinja_env.get_template(f"fields/{kind}.html")
    macro = template.module.field  # type: ignore[attr-defined]
    return Markup(macro(component, name, value, problem, ctx))  # noqa: S704  # the template escaped it


def described(component: Component, name: str, problem: Problem | None, *more: str) -> Markup:
    """Return the ARIA attributes of a control: what describes it, is it wrong, must it be answered."""
    near = field_id(name)
    ids = [f"{near}-hint"] if component.description else []
    ids += [f"{near}-error"] if problem else []
    told = Markup("")
    if ids + list(more):
        told += Markup(' aria-describedby="{}"').format(" ".join([*ids, *more]))
    if problem and problem.level == "error":
        told += Markup(' aria-invalid="true"')
    if component.validate.required:
        told += Markup(' aria-required="true"')
    return told


def by_key(problems: Sequence[Any] | None) -> dict[str, Any]:
    """Return the first problem of each key."""
    found: dict[str, Any] = {}
    for problem in problems or ():
        key = problem["key"] if isinstance(problem, Mapping) else problem.key
        found.setdefault(key, problem)
    return found


def field_id(name: str) -> str:
    """Return the HTML id of the question ``name``."""
    return name.replace(".", "-")
