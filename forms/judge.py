"""Judging a page: tidy every answer, drop what nobody asked, say everything that is to be corrected.

Answers are judged in reading order, and a condition or a rule sees the answers before it. A hidden
question is not judged and its answer is dropped, so a follow-up question disappears with the choice
that led to it (domain.md 3.10).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from forms.context import Asked, Context
from forms.errors import Accepted, AnswersRejected, CheckNotRun, Flag, Level, Problem
from forms.fields import Found, NotAnAnswer, is_empty
from forms.guard import guard
from forms.kinds import KINDS
from forms.rules import PAGE_RULES, RULES
from forms.schema import DISPLAY, Component, Form
from forms.tailor import for_company

_NONE: frozenset[str] = frozenset()
#: Most rows of a list that sets no ``most`` of its own.
MOST_ROWS = 20


def judge(form: Form, posted: Mapping[str, Any], context: Context) -> Accepted:
    """Return the answers of a page as they may be stored.

    Keys that the form does not ask for, read-only questions and what the server holds are never taken
    from ``posted``. ``posted["confirm"]`` names the warnings that the person has read.

    :param posted: the answers, nested as the form is.
    :raises AnswersRejected: something has to be corrected, or a warning confirmed.
    :raises CheckNotRun: mode ``complete``, and a check has no verdict.
    """
    guard(posted)
    run = _Run(context, confirmed_in(posted))
    tailored = for_company(form, context, posted)
    answers, shown = run.page(tailored.components, posted, "", context.variables())
    if context.mode == "typed":
        return Accepted(shown)
    for name in form.rules:
        run.note(PAGE_RULES[name](tailored, answers, context))
    run.note(run.verdicts(form.checks, ""))
    problems = run.problems
    if any(one.level == "error" or (one.level == "warning" and not one.confirmed) for one in problems):
        raise AnswersRejected(problems, shown)
    confirmed = [one.code for one in problems if one.level == "warning" and one.code]
    flags = tuple(dict.fromkeys([*run.flags, *confirmed]))
    if flags:
        answers["flags"] = list(flags)
    notices = tuple(one for one in problems if one.level == "notice")
    return Accepted(answers, flags, notices, tuple(dict.fromkeys(run.checks)))


def confirmed_in(posted: Mapping[str, Any]) -> frozenset[str]:
    given = posted.get("confirm") or []
    listed = [given] if isinstance(given, str) else given
    return (
        frozenset(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else frozenset()
    )


@dataclass
class _Run:
    """One judgement under way."""

    context: Context
    confirmed: frozenset[str]
    problems: list[Problem] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)

    def note(self, found: Iterable[Found]) -> list[Problem]:
        """Keep what was found; return the problems among it."""
        new = []
        for one in found:
            if isinstance(one, Flag):
                self.flags.append(one.code)
            else:
                known = one.level == "warning" and one.code in self.confirmed
                new.append(replace(one, confirmed=True) if known else one)
        self.problems += new
        return new

    def page(
        self, components: tuple[Component, ...], posted: Mapping[str, Any], prefix: str, scope: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Judge components that share one object; return it as stored, and as the page shows it."""
        answers: dict[str, Any] = {}
        shown: dict[str, Any] = {}
        for one in components:
            around = {**scope, **answers}
            if one.type in DISPLAY or (one.hide is not None and one.hide.evaluate(around)):
                continue
            if one.type == "group":
                self._group(one, posted, prefix, around, answers, shown)
            elif one.type == "dynamiclist":
                rows, typed = self._rows(one, posted.get(one.key), prefix, around)
                answers[one.key], shown[one.key] = rows, typed
            elif not one.readonly:
                self._question(one, posted, prefix, around, answers, shown)
        return answers, shown

    def _group(
        self,
        group: Component,
        posted: Mapping[str, Any],
        prefix: str,
        scope: dict[str, Any],
        answers: dict[str, Any],
        shown: dict[str, Any],
    ) -> None:
        if not group.key:
            inner, typed = self.page(group.components, posted, prefix, scope)
            answers |= inner
            shown |= typed
            return
        below = posted.get(group.key)
        answers[group.key], shown[group.key] = self.page(
            group.components, below if isinstance(below, Mapping) else {}, f"{prefix}{group.key}.", scope
        )

    def _rows(
        self, component: Component, posted: Any, prefix: str, scope: dict[str, Any]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Judge the rows of a list; rows on which nothing was written are left out."""
        path = prefix + component.key
        given = [row for row in posted if isinstance(row, Mapping)] if isinstance(posted, list) else []
        filled = [place for place, row in enumerate(given) if not _blank(row)]
        least = int(component.properties.get("least") or (1 if component.validate.required else 0))
        most = int(component.properties.get("most") or MOST_ROWS)
        asked = Asked(component, path, None, self.context, scope)
        if len(filled) > most:
            self.note([asked.error(f"{component.label}最多填写{most}项", "too_many")])
        if not filled and least:
            # The questions of one empty row say what is missing.
            given, filled = given or [{}], [0]
        elif len(filled) < least:
            self.note([asked.error(f"{component.label}请至少填写{least}项", "too_few")])
        rows: list[dict[str, Any]] = []
        shown: list[dict[str, Any]] = [{} for _ in given[: filled[-1] + 1]] if filled else []
        for place in filled[:most]:
            answers, shown[place] = self.page(component.components, given[place], f"{path}.{place}.", scope)
            rows.append(answers)
        if self.context.mode != "typed":
            for name in component.rules:
                self.note(RULES[name].judge(replace(asked, value=rows)))
        return rows, shown

    def _question(
        self,
        component: Component,
        posted: Mapping[str, Any],
        prefix: str,
        scope: dict[str, Any],
        answers: dict[str, Any],
        shown: dict[str, Any],
    ) -> None:
        kind = KINDS[component.type]
        value = posted.get(component.key)
        if kind.spread and not isinstance(value, Mapping):
            value = posted
        asked = Asked(component, prefix + component.key, value, self.context, scope)
        try:
            asked = replace(asked, value=kind.read(asked))
        except NotAnAnswer as ask:
            self.note([asked.error(str(ask), "not_an_answer")])
            shown[component.key] = posted.get(component.key)
            return
        for rule in (RULES[name] for name in component.rules):
            if rule.tidy and isinstance(asked.value, str) and asked.value:
                asked = replace(asked, value=rule.tidy(asked.value))
        said = self._judged(asked) if self.context.mode != "typed" else []
        if any(one.clears for one in said):
            asked = replace(asked, value=None)
        if self.context.mode != "typed":
            shown[component.key] = self._as_shown(asked)
        elif not kind.held:
            shown[component.key] = kind.finish(asked) if asked.value is not None else None
        stored = kind.finish(asked) if not is_empty(asked.value) else asked.value
        if (kind.spread or component.flag("spread")) and isinstance(stored, Mapping):
            answers |= stored
        else:
            answers[component.key] = stored

    @staticmethod
    def _as_shown(asked: Asked) -> Any:
        """Return an answer as the page shows it again: a typed code is for one try only."""
        if isinstance(asked.value, Mapping):
            return {name: part for name, part in asked.value.items() if name != "code"}
        return asked.value

    def _judged(self, asked: Asked) -> list[Problem]:
        """Judge one answer by its kind, its rules and its checks, as long as nothing is wrong with it."""
        kind, component = KINDS[asked.component.type], asked.component
        empty = is_empty(asked.value)
        said = self.note(kind.missing(asked) if empty else kind.judge(asked))
        for rule in (RULES[name] for name in component.rules):
            if (not empty or rule.empty) and not any(one.level == "error" for one in said):
                said += self.note(rule.judge(asked))
        if not empty and not any(one.level == "error" for one in said):
            within = kind.spread or component.flag("spread")
            said += self.note(self.verdicts(kind.checks(asked), asked.path, within=within))
        return said

    def verdicts(self, names: tuple[str, ...], path: str, *, within: bool = False) -> Iterable[Found]:
        """Take over what the checks found; in mode ``local`` only note that they are to be run.

        :param within: a check names a part of this question, as ``code``, rather than a question.
        """
        self.checks += names
        if self.context.mode != "complete":
            return
        for name in names:
            if name not in self.context.verdicts:
                raise CheckNotRun(name)
            verdict = self.context.verdicts[name]
            yield from (Flag(str(code)) for code in _part(verdict, "flags") or ())
            if not _part(verdict, "ok"):
                message = str(_part(verdict, "message") or "请核对后重试")
                key = str(_part(verdict, "key") or path)
                if within and key != path and not key.startswith(f"{path}."):
                    key = f"{path}.{key}"
                level: Level = "warning" if _part(verdict, "level") == "warning" else "error"
                yield Problem(key, message, level, str(_part(verdict, "code") or name))


def _part(verdict: Any, name: str) -> Any:
    return verdict.get(name) if isinstance(verdict, Mapping) else getattr(verdict, name, None)


def _blank(row: Mapping[str, Any]) -> bool:
    """Tell whether nothing was written on a row."""
    return all(is_empty(value) or (isinstance(value, Mapping) and _blank(value)) for value in row.values())
