"""What a reader likes: language and size of letters. Kept in two cookies, nothing else knows them."""

from urllib.parse import urlsplit

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from web.i18n import DEFAULT, LANGUAGES

preferences = Blueprint("preferences", __name__)

LANGUAGE_COOKIE = "kaihu_language"
LETTERS_COOKIE = "kaihu_letters"
ONE_YEAR = 365 * 24 * 3600


def language() -> str:
    """Return the language chosen, else the browser's first one that we speak, else Chinese."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    best = request.accept_languages.best_match(["zh", "zh-CN", "zh-Hans", "en"], default="zh")
    return "en" if best == "en" else DEFAULT


def letters() -> str:
    """Return ``large`` for somebody who asked for large letters, else ``normal``."""
    return "large" if request.cookies.get(LETTERS_COOKIE) == "large" else "normal"


@preferences.post("/preferences")
def choose() -> Response:
    """Remember a choice of language or letters and show the same page again."""
    answer = redirect(_here(request.form.get("next", "/")), 303)
    if (chosen := request.form.get("language")) in LANGUAGES:
        _remember(answer, LANGUAGE_COOKIE, str(chosen))
    if (size := request.form.get("letters")) in {"normal", "large"}:
        _remember(answer, LETTERS_COOKIE, str(size))
    return answer


def _here(target: str) -> str:
    """Return ``target`` when it is a path of this site, else the home page."""
    parts = urlsplit(target)
    ours = not parts.scheme and not parts.netloc and target.startswith("/") and target[1:2] not in ("/", "\\")
    return target if ours else "/"


def _remember(answer: Response, name: str, value: str) -> None:
    answer.set_cookie(name, value, max_age=ONE_YEAR, secure=request.is_secure, httponly=True, samesite="Lax")
