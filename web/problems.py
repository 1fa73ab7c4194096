"""What a reader sees when something went wrong: what to do next, and an id to name on the telephone.

No traceback reaches a page. Each answer that is not simply "not found" leaves one line in the log.
"""

import structlog
from flask import Flask, current_app, g, jsonify, make_response, redirect, render_template, request
from flask_wtf.csrf import CSRFError
from markupsafe import escape
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from engine import EngineError, UnknownCase
from web.security import FORGED, wants_json

log = structlog.get_logger("web")

KEPT = "您已填写的内容不会丢失。请稍后再试，或联系期货公司。"
#: By status: title and what to do.
WORDS = {
    400: ("请求有误", "请返回上一页刷新后重试。"),
    403: ("您没有权限进行该操作", "如需办理，请联系期货公司。"),
    404: ("没有找到这个页面", "地址可能有误，或该业务不属于当前登录的账户。请从我的基本资料重新进入。"),
    405: ("请求有误", "请返回上一页刷新后重试。"),
    409: ("该业务已在其他设备上继续办理", "请重新载入页面，以最新内容继续。"),
    413: ("提交的内容过大", "图片大小不能超过10M，文字请适当缩短后重试。"),
    415: ("请求有误", "请返回上一页刷新后重试。"),
    429: ("操作过于频繁", "请稍后再试。"),
    500: ("页面暂时无法显示", KEPT),
    503: ("系统暂时无法连接", KEPT),
}


def install(app: Flask) -> None:
    """Answer errors of every page."""
    app.register_error_handler(CSRFError, stale_page)
    app.register_error_handler(HTTPException, refused)
    app.register_error_handler(UnknownCase, unknown_case)
    app.register_error_handler(EngineError, engine_refused)
    app.register_error_handler(OperationalError, no_database)
    app.register_error_handler(Exception, broken)


def stale_page(error: CSRFError) -> Response:
    """A page too old to post, or a request somebody forged."""
    log.info("page without a valid token", path=request.path, why=error.description)
    if wants_json():
        return answer(400, FORGED, FORGED)
    if request.path in {"/login", "/login/code", "/login/captcha", "/desk/login"}:
        return redirect("/desk/login" if request.path.startswith("/desk") else "/login", 303)
    return answer(400, FORGED, "页面打开的时间过长，请返回刷新页面后重新提交。您已保存的内容不会丢失。")


def refused(error: HTTPException) -> Response:
    """Something the web itself refuses: no such page, too large, not allowed."""
    if error.response is not None:
        return error.get_response()
    code = error.code or 500
    if code == 405 and request.method == "GET" and not wants_json() and (page := _page_above()):
        return redirect(page, 303)
    if code >= 500:
        log.error("request failed", path=request.path, status=code)
    title, text = WORDS.get(code, WORDS[400 if code < 500 else 500])
    said = answer(code, title, text)
    for name, value in error.get_headers():
        if name != "Content-Type":
            said.headers[name] = value
    return said


def _page_above() -> str:
    """Return the page whose form is answered at this address, which has no page itself; or nothing.

    A browser's Back, reload and typed addresses lead to pages, never to an error (R-036).
    """
    adapter = current_app.create_url_adapter(request)
    path = request.path
    while adapter is not None and path.count("/") > 1 and not path.startswith("/api/"):
        path = path.rpartition("/")[0]
        if adapter.test(path, "GET"):
            return path
    return ""


def unknown_case(error: UnknownCase) -> Response:
    """Somebody else's case looks exactly like one that never was."""
    return answer(404, *WORDS[404])


def engine_refused(error: EngineError) -> Response:
    """The engine refused and no page knew better."""
    log.warning("engine refused", path=request.path, why=type(error).__name__)
    return answer(409, "当前不能进行该操作", "该业务的状态已变化，请从我的基本资料重新进入。")


def no_database(error: OperationalError) -> Response:
    """The database does not answer; nothing was accepted."""
    log.error("database unreachable", path=request.path)
    return answer(503, *WORDS[503])


def broken(error: Exception) -> Response:
    """A mistake of ours."""
    log.exception("request broke", path=request.path, method=request.method)
    return answer(500, *WORDS[500])


def answer(status: int, title: str, text: str) -> Response:
    """Return a page or, for scripts, a word; plain HTML where even the page fails."""
    reference = g.get("request_id", "")
    if wants_json() or request.path.startswith("/api/"):
        said = make_response(jsonify({"message": title, "text": text, "reference": reference}), status)
        said.headers["Cache-Control"] = "no-store"
        return said
    shown = reference if status >= 500 else ""
    try:
        page = render_template("error.html", code=status, title=title, text=text, reference=shown)
    except Exception:
        # Whatever broke the page may break the page that says so; the reader gets the words all the same.
        log.exception("error page broke")
        page = (
            f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>{escape(title)}</title>'
            f"<h1>{escape(title)}</h1><p>{escape(text)}</p><p>{escape(shown)}</p></html>"
        )
    return make_response(page, status)


def message(
    title: str, text: str | list[str], *, status: int = 200, symbol: str = "info", **more: object
) -> Response:
    """Return a page with one message and what to do next."""
    page = render_template("message.html", title=title, text=text, symbol=symbol, **more)
    return make_response(page, status)
