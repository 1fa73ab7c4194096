"""Pictures of a task: put in, taken back, looked at (R-092 to R-105).

A picture lies sealed in the file store before the page is sent; the page's answer is what the server
holds. The same picture sent twice, as a retry on a bad line does, is kept once.
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
from handlers import photos
from web import current, tasks
from web.security import FILE_POLICY, wants_json

log = structlog.get_logger("web")
uploads = Blueprint("uploads", __name__, url_prefix="/me/tasks/<uuid:task_id>/files")

PHOTO_KINDS = frozenset({"idcard-photo", "signature-photo"})
CLOSED = "这张照片无需重新上传"
JPEG = "image/jpeg"
#: Most pictures that one task takes in, replaced ones included: a quota, so that nobody fills the disk.
MOST_PICTURES = 60
TOO_MANY = "上传次数过多，请稍后再试或联系期货公司"


@uploads.post("", defaults={"slot": None})
@uploads.post("/<slot>")
def upload(task_id: UUID, slot: str | None) -> AnyResponse | tuple[AnyResponse | str, int]:
    """Take in one picture; scripts get JSON, a page without scripts comes back with it."""
    try:
        view = tasks.open_task(task_id)
    except (TaskGone, NotYours):
        return _gone(task_id)
    component = _slot(view, slot or request.form.get("slot") or next(iter(request.files), ""))
    try:
        if field_photo.slot(component) not in forms.open_slots(view.data):
            raise photos.PhotoRefused("closed", CLOSED)
        if missing := _not_consented(view):
            raise photos.PhotoRefused("no_consent", missing)
        sent = request.files.get(component.key)
        held, revision = _take(view, component, _content(sent), (sent.filename if sent else "") or "")
    except photos.PhotoRefused as refused:
        log.info("picture refused", task=str(task_id), slot=component.key, why=refused.code)
        if wants_json():
            return jsonify({"message": refused.message}), 422
        problem = forms.Problem(component.key, refused.message, code=refused.code)
        return tasks.page(view, [problem]), 422
    except (TaskGone, NotYours):
        return _gone(task_id)
    url = url_for("customer.photo", case_id=view.case.id, file_id=held["file"])
    if wants_json():
        return jsonify({"url": url, "revision": revision, "width": held["width"], "height": held["height"]})
    return redirect(url_for("tasks.show", task_id=task_id) + f"#{component.key}", 303)


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
    return jsonify({"revision": laid.revision})


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


def file_of(case_id: UUID, file_id: UUID, actor: Actor) -> Response:
    """Return a file of a case to somebody who may see the case; 404 to everybody else.

    Whatever lies in it, a browser may only draw it.
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
    if found is None:
        abort(404)
    stored, plain = found
    return sealed_off(plain, stored.media_type)


def sealed_off(content: bytes, media_type: str) -> Response:
    """Return bytes that came from outside, so that nothing in them can do anything."""
    answer = Response(content, mimetype=media_type)
    answer.headers["Content-Security-Policy"] = FILE_POLICY
    answer.headers["Content-Disposition"] = "inline"
    return answer


def _consent(view: TaskView) -> Component | None:
    """Return the page's separate consent: an agreement whose words stand on the page (domain 3.13)."""
    return next((c for c in view.form.walk() if c.type == "agreement" and c.text), None)


def _not_consented(view: TaskView) -> str:
    """Return what to say to a customer who has not consented yet to pictures being taken in, or nothing."""
    consent = _consent(view)
    if consent is None or view.held.get(consent.key) or view.context.previous.get(consent.key):
        return ""
    return "" if request.form.get(f"{consent.key}.agreed") else consent.message


def _slot(view: TaskView, key: str) -> Component:
    """Return the question a picture is for, or 404."""
    for component in view.form.walk():
        if component.key == key and component.type in PHOTO_KINDS:
            return component
    raise NotFound


def _content(sent: FileStorage | None) -> bytes:
    """Read what was sent, one byte more than is allowed at most."""
    if sent is None or not sent.filename:
        raise photos.PhotoRefused("missing", "请选择图片")
    return sent.stream.read(photos.LIMIT_BYTES + 1)


def _take(view: TaskView, component: Component, content: bytes, name: str) -> tuple[dict[str, Any], int]:
    """Look at a picture and lay it on the desk; return what is held, and the desk's revision."""
    there = view.held.get(component.key)
    if isinstance(there, dict) and there.get("sha256") == sha256(content).hexdigest():
        return there, view.revision
    photo = photos.accept(content)
    engine = current.engine()
    held: dict[str, Any] = {}

    def lay(desk: Held) -> None:
        taken = int(desk.held.get("pictures_taken") or 0) + 1
        if taken > MOST_PICTURES:
            raise photos.PhotoRefused("too_many", TOO_MANY)
        slot, at = field_photo.slot(component), clock.now()
        original = engine.files.put(
            desk.session, desk.key, photo.original, role=f"{slot}.original", media_type=JPEG, at=at
        )
        copy = engine.files.put(desk.session, desk.key, photo.copy, role=slot, media_type=JPEG, at=at)
        held.update(
            file=str(copy.id),
            original=str(original.id),
            sha256=original.sha256,
            bytes=original.size,
            width=photo.width,
            height=photo.height,
            name=name[-100:],
        )
        desk.held[component.key] = held
        desk.held["pictures_taken"] = taken
        if (consent := _consent(view)) is not None:
            desk.held.setdefault(consent.key, {"agreed": True, "agreed_at": at.isoformat()})

    laid = engine.desk.hold(view.task_id, current.person(), lay)
    log.info("picture taken in", case=str(view.case.id), task=str(view.task_id), slot=component.key)
    return held, laid.revision


def _gone(task_id: UUID) -> AnyResponse | tuple[AnyResponse, int]:
    if wants_json():
        return jsonify({"message": tasks.MOVED}), 409
    return tasks.whereabouts(task_id)
