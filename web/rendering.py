"""What templates can say beyond plain Jinja: dates, masks, icons, words of states, fields.

Called once by the application; a template never formats a date or hides a number by itself.
"""

import hashlib
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app, url_for
from flask_babel import Babel
from markupsafe import Markup, escape
from werkzeug.wrappers import Response

from engine import clock
from forms import masks
from web import i18n, preferences, prose, qr, questions, shown, wording
from web.i18n import gettext
from web.security import YEAR

STATIC = Path(__file__).parent / "static"


def install(app: Flask) -> None:
    """Give ``app`` the filters, globals, languages and preferences that the templates use."""
    babel = Babel(
        app,
        default_locale=i18n.DEFAULT,
        default_timezone="Asia/Shanghai",
        locale_selector=preferences.language,
    )
    babel.domain_instance = i18n.Catalogues()
    app.register_blueprint(preferences.preferences)
    app.add_url_rule("/static/at/<mark>/<path:filename>", "static_at", static_at)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        day=day,
        moment=moment,
        clock_time=clock_time,
        span=span,
        translated=translated,
        label_of=shown.label_of,
        title_of=shown.title_of,
        choice_of=shown.choice_of,
        shown=shown.shown,
        prose=prose.prose,
        by_key=questions.by_key,
        field_id=questions.field_id,
        name_mask=masks.name,
        id_mask=masks.id_number,
        phone_mask=masks.phone,
    )
    app.jinja_env.globals.update(
        icon=icon,
        asset=asset,
        field=questions.field,
        questions_of=questions.of,
        described=questions.described,
        state_of=wording.state,
        flag_words=wording.flag,
        now=clock.now,
        qr=qr.qr,
    )
    app.context_processor(_choices)


def _choices() -> dict[str, Any]:
    """What the reader prefers, for the frame of every page."""
    chosen = preferences.language()
    return {
        "html_language": "en" if chosen == "en" else "zh-CN",
        "language": chosen,
        "languages": i18n.LANGUAGES,
        "letters": preferences.letters(),
    }


def day(value: date | datetime | str | None) -> str:
    """Return a date as ``2026-03-18``; nothing for None."""
    if isinstance(value, datetime):
        value = _local(value)
    if value is None or isinstance(value, str):
        return value or ""
    return value.strftime("%Y-%m-%d")


def moment(value: datetime | str | None) -> str:
    """Return a time on the company's wall clock as ``2026-03-18 10:00``; nothing for None."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return "" if value is None else _local(value).strftime("%Y-%m-%d %H:%M")


def clock_time(value: datetime | None) -> str:
    """Return the time of day as ``10:00:00``; nothing for None."""
    return "" if value is None else _local(value).strftime("%H:%M:%S")


def span(seconds: float) -> str:
    """Return how long ``seconds`` are, in one unit that a person would say."""
    minutes = int(abs(seconds)) // 60
    if minutes < 60:
        return gettext("%(n)s 分钟", n=minutes)
    if minutes < 48 * 60:
        return gettext("%(n)s 小时", n=minutes // 60)
    return gettext("%(n)s 天", n=minutes // (24 * 60))


def translated(words: Any) -> str:
    """Return the sentence ``words`` in the reader's language.

    For words that come as data (a label, a message): unlike ``_()`` in a template, the answer is not
    marked as safe, so it is escaped like any other data.
    """
    text = str(words) if words is not None else ""
    return gettext(text) if text else ""


def icon(name: str, label: str | None = None) -> Markup:
    """Return one of our own drawings; decorative unless it has a ``label``."""
    href = escape(f"{asset('icons.svg')}#{name}")
    told = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon" {} focusable="false"><use href="{}"></use></svg>').format(told, href)


def asset(path: str) -> str:
    """Return the address of a static file, with a mark that changes when the file does.

    Scripts name each other by relative addresses, which inherit the mark of them all from the path.
    """
    if path.startswith("js/"):
        return url_for("static_at", mark=scripts_mark(), filename=path)
    return url_for("static", filename=path, v=_mark(path, (STATIC / path).stat().st_mtime_ns))


def static_at(mark: str, filename: str) -> Response:
    """Return a file under the mark of all scripts; a page from before an update does not keep it."""
    answer = current_app.send_static_file(filename)
    if mark == scripts_mark():
        answer.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    return answer


def scripts_mark() -> str:
    """Return a mark that changes when any script does."""
    files = sorted((STATIC / "js").rglob("*.js"))
    return _mark_of_all(tuple((file, file.stat().st_mtime_ns) for file in files))


@cache
def _mark_of_all(changed: tuple[tuple[Path, int], ...]) -> str:
    digest = hashlib.sha256()
    for file, _ in changed:
        digest.update(file.relative_to(STATIC).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:10]


@cache
def _mark(path: str, changed: int) -> str:
    del changed  # part of the key only: a file edited while running gets a new mark
    return hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:10]


def _local(value: datetime) -> datetime:
    return clock.shanghai(value if value.tzinfo else value.replace(tzinfo=UTC))
