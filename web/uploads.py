"""Pictures of a task: put in, cut, turned, taken back, looked at (R-092 to R-105).

A picture lies sealed in the file store before the page is sent; the page's answer is what the server
holds. Every address answers scripts with the picture's state, and a page without scripts with itself.
"""

from hashlib import sha256
from typing import Any
from uuid import UUID

import structlog
from flask import Blueprint, Response, abort, jsonify, redirect, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

import forms
from engine import Actor, NotYours, TaskGone, TaskView, UnknownCase, clock
from engine.desk import Held
from engine.store import SealBroken
from forms import Component, field_photo
from handlers.photos import DRAWN, LIMIT_BYTES, Intake, PhotoRefused, state
from web import current, tasks
from web.questions import PHOTO_KINDS
from web.security import FILE_POLICY, wants_json

log = structlog.get_logger("web")
uploads = Blueprint("uploads", __name__, url_prefix="/me/tasks/<uuid:task_id>/files")

CLOSED = "这张照片无需重新上传"
NOT_RENEWED = "与被打回的照片相同，请重新拍摄"
#: Longest list of a drawn signature that is read, in bytes.
MOST_STROKES = 400_000

Answer = AnyResponse | tuple[AnyResponse | str, int]


@uploads.post("", defaults={"slot": None})
@uploads.post("/<slot>")
def upload(task_id: UUID, slot: str | None) -> Answer:
    """Take in one picture; scripts get its state, a page without scripts comes back with it."""

    def take(view: TaskView, component: Component) -> tuple[dict[str, Any], int]:
        sent = request.files.get(component.key)
        return _take(view, component, _content(sent), (sent.filename if sent else "") or "")

    return _with(task_id, slot or request.form.get("slot") or next(iter(request.files), ""), take)


@uploads.post("/<slot>/strokes")
def draw(task_id: UUID, slot: str) -> Answer:
    """Take in a signature drawn on the screen (R-104)."""

    def take(view: TaskView, component: Component) -> tuple[dict[str, Any], int]:
        if component.type != "signature-photo":
            raise NotFound
        if (request.content_length or MOST_STROKES + 1) > MOST_STROKES:
            raise PhotoRefused("too_large", "签名内容过大，请清除后重新签名")
        return _take(view, component, _drawn(request.get_json(silent=True)), DRAWN)

    return _with(task_id, slot, take)


@uploads.post("/<slot>/use")
def use(task_id: UUID, slot: str) -> Answer:
    """使用原图, or the straightened one again (R-096)."""
    which = _asked("use")
    return _with(task_id, slot, lambda view, c: _intake().choose(task_id, current.person(), c.key, which))


@uploads.post("/<slot>/turn")
def turn(task_id: UUID, slot: str) -> Answer:
    """旋转 (R-096)."""
    asked = _asked("turns") or "1"
    turns = int(asked) if asked in ("1", "2", "3") else 1

    def turned(view: TaskView, component: Component) -> tuple[dict[str, Any], int]:
        named = field_photo.slot(component)
        return _intake().turn(task_id, current.person(), component.key, named, turns)

    return _with(task_id, slot, turned)


@uploads.post("/<slot>/crop")
def crop(task_id: UUID, slot: str) -> Answer:
    """手动裁剪: along four corners in pixels of the upright original (R-096)."""
    sent = request.get_json(silent=True)
    quad = sent.get("quad") if isinstance(sent, dict) else None

    def cut(view: TaskView, component: Component) -> tuple[dict[str, Any], int]:
        if component.type != "idcard-photo":
            raise NotFound
        named = field_photo.slot(component)
        return _intake().crop(task_id, current.person(), component.key, named, quad or ())

    return _with(task_id, slot, cut)


@uploads.get("/<slot>/state")
def state_of(task_id: UUID, slot: str) -> AnyResponse | tuple[AnyResponse, int]:
    """Tell how far the examination of a picture has got."""
    try:
        view = tasks.open_task(task_id)
    except (TaskGone, NotYours):
        return jsonify({"message": tasks.MOVED}), 409
    component = _slot(view, slot)
    return jsonify({"slot": shown(view, component), "revision": view.revision})


@uploads.delete("/<slot>")
def remove(task_id: UUID, slot: str) -> AnyResponse | tuple[AnyResponse, int]:
    """Take a picture back before 下一步 (R-105)."""
    try:
        view = tasks.open_task(task_id)
        component = _slot(view, slot)

        def take_back(desk: Held) -> None:
            desk.held.pop(component.key, None)

        laid = current.engine().desk.hold(task_id, current.person(), take_back)
    except (TaskGone, NotYours):
        return jsonify({"message": tasks.MOVED}), 409
    return jsonify({"slot": state(None), "revision": laid.revision})


@uploads.get("/<slot>")
def look(task_id: UUID, slot: str) -> AnyResponse:
    """Show the picture that lies in a slot now."""
    try:
        view = tasks.open_task(task_id)
    except (TaskGone, NotYours):
        abort(404)
    held = view.held.get(_slot(view, slot).key)
    if not isinstance(held, dict) or not held.get("file"):
        abort(404)
    return file_of(view.case.id, UUID(held["file"]), current.person())


def shown(view: TaskView, component: Component) -> dict[str, Any]:
    """Return what a page shows of a picture, with addresses."""
    held = view.held.get(component.key)
    return with_addresses(state(held if isinstance(held, dict) else None), f"/me/cases/{view.case.id}/files")


def with_addresses(told: dict[str, Any], files: str) -> dict[str, Any]:
    """Return a picture's state with addresses where it has ids."""
    return {**told, **{name: f"{files}/{told[name]}" if told.get(name) else None for name in PICTURES}}


PICTURES = ("view", "result")


def file_of(case_id: UUID, file_id: UUID, actor: Actor) -> Response:
    """Return a file of a case to somebody who may see the case; 404 to everybody else.

    Whatever lies in it, a browser may only draw it. What came from outside is never given out as it came.
    """
    engine = current.engine()
    try:
        _, key, _ = engine.cases.data(case_id, actor)
        with engine.database.reading() as session:
            found = engine.files.get(session, key, file_id)
    except UnknownCase:
        abort(404)
    except SealBroken:
        log.error("a stored file does not open", case=str(case_id), file=str(file_id))
        abort(500)
    if found is None or found[0].role.endswith(".original"):
        abort(404)
    stored, plain = found
    return sealed_off(plain, stored.media_type)


def sealed_off(content: bytes, media_type: str) -> Response:
    """Return bytes that came from outside, so that nothing in them can do anything."""
    answer = Response(content, mimetype=media_type)
    answer.headers["Content-Security-Policy"] = FILE_POLICY
    answer.headers["Content-Disposition"] = "inline"
    return answer


def _with(task_id: UUID, slot: str, act: Any) -> Answer:
    """Do something with the picture of one slot, and answer scripts or the page."""
    try:
        view = tasks.open_task(task_id)
    except (TaskGone, NotYours):
        return _gone(task_id)
    component = _slot(view, slot)
    try:
        if field_photo.slot(component) not in forms.open_slots(view.data):
            raise PhotoRefused("closed", CLOSED)
        if missing := _not_consented(view):
            raise PhotoRefused("no_consent", missing)
        held, revision = act(view, component)
    except PhotoRefused as refused:
        log.info("picture refused", task=str(task_id), slot=component.key, why=refused.code)
        if wants_json():
            return jsonify({"message": refused.message, "code": refused.code}), 422
        problem = forms.Problem(component.key, refused.message, code=refused.code)
        return tasks.page(view, [problem]), 422
    except (TaskGone, NotYours):
        return _gone(task_id)
    if wants_json():
        told = with_addresses(state(held), f"/me/cases/{view.case.id}/files")
        return jsonify({"slot": told, "revision": revision})
    return redirect(url_for("tasks.show", task_id=task_id) + f"#{component.key}", 303)


def _intake() -> Intake:
    return current.web().intake


def _asked(name: str) -> str:
    """Return one short value, sent as a form or by a script."""
    sent = request.get_json(silent=True) if request.is_json else request.form
    found = sent.get(name, "") if hasattr(sent, "get") else ""  # type: ignore[union-attr]
    return str(found)[:10]


def _consent(view: TaskView) -> Component | None:
    """Return the page's separate consent: an agreement whose words stand on the page (domain 3.13)."""
    return next((c for c in view.form.walk() if c.type == "agreement" and c.text), None)


def _not_consented(view: TaskView) -> str:
    """Return what to say to a customer who has not consented yet to pictures being taken in, or nothing."""
    consent = _consent(view)
    if consent is None or view.held.get(consent.key) or view.context.previous.get(consent.key):
        return ""
    return "" if _agreed(consent.key) else consent.message


def note_consent(view: TaskView) -> None:
    """Keep the consent that was ticked on the posted page, for the phone that goes on with it."""
    consent = _consent(view)
    if consent is not None and _agreed(consent.key):
        current.engine().desk.hold(view.task_id, current.person(), lambda desk: lay_consent(view, desk))


def lay_consent(view: TaskView, desk: Held) -> None:
    """Lay the consent that was given on the desk, with the moment when it was."""
    if (consent := _consent(view)) is not None:
        desk.held.setdefault(consent.key, {"agreed": True, "agreed_at": clock.now().isoformat()})


def _agreed(key: str) -> bool:
    if request.is_json:
        sent = request.get_json(silent=True)
        return isinstance(sent, dict) and bool(sent.get(f"{key}.agreed"))
    return bool(request.form.get(f"{key}.agreed"))


def _slot(view: TaskView, key: str) -> Component:
    """Return the question a picture is for, or 404."""
    for component in view.form.walk():
        if component.key == key and component.type in PHOTO_KINDS:
            return component
    raise NotFound


def _content(sent: FileStorage | None) -> bytes:
    """Read what was sent, one byte more than is allowed at most."""
    if sent is None or not sent.filename:
        raise PhotoRefused("missing", "请选择图片")
    return sent.stream.read(LIMIT_BYTES + 1)


def _drawn(sent: Any) -> bytes:
    """Return a drawn signature as the picture it is."""
    given = sent if isinstance(sent, dict) else {}
    return _intake().drawn(given.get("strokes"), given.get("width"), given.get("height"))


def _take(view: TaskView, component: Component, content: bytes, name: str) -> tuple[dict[str, Any], int]:
    """Lay a picture on the desk, and with the first one the consent it needs."""

    def consented(desk: Held) -> None:
        lay_consent(view, desk)

    before = view.context.previous.get(component.key)
    before = before if isinstance(before, dict) else {}
    if (
        field_photo.renewal(component, view.data, before)
        and before.get("sha256") == sha256(content).hexdigest()
    ):
        raise PhotoRefused("not_renewed", NOT_RENEWED)
    slot = field_photo.slot(component)
    taken = _intake().take(view.task_id, current.person(), component.key, slot, content, name, consented)
    log.info("picture taken in", case=str(view.case.id), task=str(view.task_id), slot=component.key)
    return taken


def _gone(task_id: UUID) -> AnyResponse | tuple[AnyResponse, int]:
    if wants_json():
        return jsonify({"message": tasks.MOVED}), 409
    return tasks.whereabouts(task_id)
