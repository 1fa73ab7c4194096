"""Taking pictures in: from the upload to what the page shows (R-095 to R-098, R-105).

A picture is laid on the task's desk as it came, sealed, and examined by a job; the page follows. What is
held of it::

    {"status": "checking" | "done" | "refused",
     "job": name of the examination under way or done last; a late one of another name changes nothing,
     "original", "sha256", "bytes", "name", "width", "height": of what came, width and height upright,
     "view", "result": files people look at, uncropped and straightened; "chosen" names the one that counts,
     "file": that one's id; only there once it is done, and what forms take for an answer,
     "quad", "turns", "by_hand": how it was cut and turned,
     "findings": [{"code", "measure", "limit", "weight"}], "flags": [...], "fields": {...}, "ocr": {...},
     "side", "verified", "confidence", "message": why it was refused, "at": when it came}
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from itertools import pairwise
from math import dist, isfinite
from typing import Any, Protocol
from uuid import UUID, uuid4

import structlog

from engine import Actor, Engine, TaskGone, clock
from engine.desk import Held
from forms import field_photo
from handlers.photos import gate
from handlers.photos.account import differences
from handlers.photos.findings import KINDS, limits
from handlers.photos.gate import PhotoRefused
from handlers.photos.seen import Examination, Wishes

log = structlog.get_logger("photos")

JOB = "photos.examine"
JPEG = "image/jpeg"
#: Most pictures that one task takes in, replaced ones included: a quota, so that nobody fills the disk.
MOST_PICTURES = 60
#: Most times one task's pictures are looked at again for 旋转 and 手动裁剪.
MOST_WISHES = 200
TOO_MANY = "上传次数过多，请稍后再试或联系期货公司"
NOTHING_THERE = "请先上传照片"
DRAWN_IN_FULL = "请完整书写您的姓名"
EXPIRED = "身份证已过期！请上传新的身份证"
#: Business type of a change of the card's validity (R-213).
RENEWAL = "16"
#: Name of a drawn signature's picture.
DRAWN = "drawn.jpg"
#: Farthest that a corner drawn by hand may lie outside the picture, as a share of its longer side.
OUTSIDE = 0.02
#: Smallest piece of the picture that can be a card, as a share of its area.
SMALLEST = 0.02
#: Least length of a side against the one opposite: a card seen more slantingly could not be read.
NARROWEST = 0.4
BAD_CORNERS = "请把四个角拖到证件的四个角上"


class Examiner(Protocol):
    """Looks at a picture where a bad one harms nobody: a pool of bounded children."""

    def __call__(
        self, content: bytes, slot: str, limits: Mapping[str, float], wishes: Wishes
    ) -> Examination: ...


class Intake:
    """Takes pictures in and has them examined."""

    def __init__(self, engine: Engine, examiner: Examiner) -> None:
        self._engine = engine
        self._examiner = examiner

    # -- the page's side ----------------------------------------------------------------------------

    def take(
        self,
        task_id: UUID,
        actor: Actor,
        key: str,
        slot: str,
        content: bytes,
        name: str,
        also: Callable[[Held], None] = lambda held: None,
    ) -> tuple[dict[str, Any], int]:
        """Lay a picture on the desk and have it examined; return what is held, and the desk's revision.

        The same picture sent twice, as a retry on a bad line does, is kept once.

        :param key: the question it answers; ``slot``: front, back or signature.
        :param also: what else is laid down in the same transaction.
        :raises PhotoRefused: it is not taken in at all.
        """
        header = gate.look(content, name)
        digest = sha256(content).hexdigest()

        def lay(desk: Held) -> None:
            also(desk)
            for other, name_of_other in field_photo.NAMES.items():
                if other != slot and (desk.held.get(other) or {}).get("sha256") == digest:
                    own = field_photo.NAMES[slot]
                    same = f"{own}与{name_of_other}是同一张图片，请重新上传{own}"
                    raise PhotoRefused("same_picture", same)
            there = desk.held.get(key)
            if _is_kept(there, digest):
                return
            desk.held["pictures_taken"] = int(desk.held.get("pictures_taken") or 0) + 1
            if desk.held["pictures_taken"] > MOST_PICTURES:
                raise PhotoRefused("too_many", TOO_MANY)
            stored = self._engine.files.put(
                desk.session, desk.key, content, role=f"{slot}.original", media_type=JPEG, at=clock.now()
            )
            desk.held[key] = {
                "original": str(stored.id),
                "sha256": digest,
                "bytes": stored.size,
                "name": name[-100:],
                "width": header.upright[0],
                "height": header.upright[1],
                "at": clock.now().isoformat(),
            }
            self._have_examined(desk, task_id, key, slot)

        laid = self._engine.desk.hold(task_id, actor, lay)
        return laid.held[key], laid.revision

    def turn(
        self, task_id: UUID, actor: Actor, key: str, slot: str, turns: int
    ) -> tuple[dict[str, Any], int]:
        """旋转: show the picture turned clockwise by so many quarters more."""

        def wish(held: dict[str, Any]) -> None:
            held["turns"] = (int(held.get("turns") or 0) + turns) % 4

        return self._wish(task_id, actor, key, slot, wish)

    def crop(
        self, task_id: UUID, actor: Actor, key: str, slot: str, quad: Sequence[Sequence[float]]
    ) -> tuple[dict[str, Any], int]:
        """手动裁剪: cut along four corners, in pixels of the upright original.

        :raises PhotoRefused: the corners are not those of a card in the picture.
        """

        def wish(held: dict[str, Any]) -> None:
            held["by_hand"] = _corners(quad, int(held["width"]), int(held["height"]))
            held["turns"] = 0

        return self._wish(task_id, actor, key, slot, wish)

    def choose(self, task_id: UUID, actor: Actor, key: str, which: str) -> tuple[dict[str, Any], int]:
        """使用原图, or the straightened one again (R-096)."""

        def lay(desk: Held) -> None:
            held = _there(desk, key)
            if held["status"] == "done" and which in ("view", "result") and held.get(which):
                desk.held[key] = _chosen({**held, "chosen": which})

        laid = self._engine.desk.hold(task_id, actor, lay)
        return laid.held[key], laid.revision

    def _wish(
        self, task_id: UUID, actor: Actor, key: str, slot: str, wish: Callable[[dict[str, Any]], None]
    ) -> tuple[dict[str, Any], int]:
        def lay(desk: Held) -> None:
            held = dict(_there(desk, key))
            if held["status"] == "refused" and not held.get("view"):
                raise PhotoRefused("missing", NOTHING_THERE)
            desk.held["pictures_wished"] = int(desk.held.get("pictures_wished") or 0) + 1
            if desk.held["pictures_wished"] > MOST_WISHES:
                raise PhotoRefused("too_many", TOO_MANY)
            wish(held)
            desk.held[key] = held
            self._have_examined(desk, task_id, key, slot)

        laid = self._engine.desk.hold(task_id, actor, lay)
        return laid.held[key], laid.revision

    def _have_examined(self, desk: Held, task_id: UUID, key: str, slot: str) -> None:
        name = uuid4().hex
        held = {**desk.held[key], "status": "checking", "job": name}
        held.pop("file", None)
        held.pop("message", None)
        desk.held[key] = held
        self._engine.queue.defer(desk.session, JOB, task_id=str(task_id), key=key, slot=slot, job=name)

    @staticmethod
    def drawn(strokes: Any, width: Any, height: Any) -> bytes:
        """Return a signature drawn on the screen as a picture of the same kind as a photographed one (R-104).

        :raises PhotoRefused: it is no drawing, or hardly one.
        """
        # Drawing brings the whole of image work along; only who draws needs it here.
        from handlers.photos import signature

        drawing = signature.from_strokes(strokes, width, height)
        for one in drawing.findings:
            if one.weight == "hard":
                few = one.code == "too_few_strokes"
                raise PhotoRefused(one.code, one.sentence if few else DRAWN_IN_FULL)
        return drawing.jpeg

    # -- the worker's side --------------------------------------------------------------------------

    def examine(self, task_id: str, key: str, slot: str, job: str) -> str:
        """Examine a picture that lies on a desk; return what became of it, for the log.

        Safe to run twice: what it finds is laid down only where the same examination is still awaited.
        """
        try:
            facts, case_key, laid = self._engine.desk.look(UUID(task_id))
        except TaskGone:
            return "gone"
        held = laid.held.get(key)
        if not isinstance(held, dict) or held.get("job") != job or held["status"] != "checking":
            return "late"
        with self._engine.database.reading() as session:
            found = self._engine.files.get(session, case_key, UUID(held["original"]))
        wishes = Wishes(held.get("by_hand"), int(held.get("turns") or 0))
        company = self._engine.parameters().photo_limits
        try:
            if found is None:
                raise PhotoRefused("unreadable", gate.UNREADABLE)
            seen = self._examiner(found[1], slot, limits(company), wishes)
        except PhotoRefused as refused:
            message = refused.message
            outcome = self._lay(task_id, key, job, lambda desk: _refuse(desk.held[key], message))
        else:
            _, _, data = self._engine.cases.data(facts.id, SYSTEM)
            differs = differences(seen, slot, data.get("profile") or {}, limits(company))
            if not differs[0] and data.get("business") == RENEWAL and _expired(seen):
                differs = (EXPIRED, ())
            outcome = self._lay(
                task_id, key, job, lambda desk: self._examined(desk, key, slot, seen, differs)
            )
        log.info("picture examined", case=str(facts.id), task=task_id, slot=slot, outcome=outcome)
        return outcome

    def _lay(self, task_id: str, key: str, job: str, made: Callable[[Held], dict[str, Any]]) -> str:
        outcome = "late"

        def lay(desk: Held) -> None:
            nonlocal outcome
            held = desk.held.get(key)
            if isinstance(held, dict) and held.get("job") == job and held["status"] == "checking":
                desk.held[key] = made(desk)
                outcome = str(desk.held[key]["status"])
                self._engine.stepper.tell_page(desk.session, desk.case, UUID(task_id))

        try:
            self._engine.desk.work(UUID(task_id), lay)
        except TaskGone:
            return "gone"
        return outcome

    def _examined(
        self, desk: Held, key: str, slot: str, seen: Examination, differs: "tuple[str, tuple[str, ...]]"
    ) -> dict[str, Any]:
        # What an examination before this one read is not what this one reads.
        held = {name: value for name, value in desk.held[key].items() if name != "ocr"}

        def keep(picture: bytes | None, role: str) -> str | None:
            if picture is None:
                return None
            put = self._engine.files.put
            return str(put(desk.session, desk.key, picture, role=role, media_type=JPEG, at=clock.now()).id)

        held.update(
            width=seen.width,
            height=seen.height,
            view=keep(seen.view, f"{slot}.view"),
            result=keep(seen.result, slot),
            quad=[list(corner) for corner in seen.quad or ()] or None,
            findings=[asdict(one) for one in seen.findings],
            fields={name: asdict(field) for name, field in seen.fields.items()},
            side=seen.side,
            verified=seen.verified,
            confidence=seen.confidence,
        )
        refusal, flags = differs
        hard = next((one for one in seen.findings if one.weight == "hard"), None)
        if hard is not None or refusal:
            said = (
                DRAWN_IN_FULL if held.get("name") == DRAWN else hard.sentence if hard is not None else refusal
            )
            return _refuse(held, said)
        held["account_flags"] = list(flags)
        # A crop along edges that can hardly be seen is offered, not taken (R-095, domain 3.14).
        unsure = any(one.code == "low_contrast" for one in seen.findings)
        held["chosen"] = "result" if held["result"] and not unsure else "view"
        if ocr := _validity(seen):
            held["ocr"] = ocr
        return _chosen({**held, "status": "done"})


SYSTEM = Actor("system", "photos", frozenset())


def state(held: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a page shows of a picture: its status, words and findings; files by id."""
    if not held or not held.get("status"):
        return {"status": "empty", "message": "", "findings": [], "view": None, "result": None}
    findings = [
        {"code": one["code"], "sentence": KINDS[one["code"]].sentence, "weight": one["weight"]}
        for one in held.get("findings") or ()
        if one["code"] in KINDS
    ]
    return {
        "status": held["status"],
        "message": str(held.get("message") or ""),
        "findings": findings,
        "view": held.get("view"),
        "result": held.get("result"),
        "chosen": held.get("chosen") if held["status"] == "done" else None,
        "quad": held.get("quad"),
        "width": held.get("width"),
        "height": held.get("height"),
        "turns": int(held.get("turns") or 0),
    }


def _corners(quad: Any, width: int, height: int) -> list[list[float]]:
    """Return four corners that somebody drew, where they can be those of a card in the picture."""
    given = quad if isinstance(quad, list | tuple) else []
    points = [p for p in given if isinstance(p, list | tuple) and len(p) == 2 and all(map(_is_number, p))]
    margin = OUTSIDE * max(width, height)
    inside = all(-margin <= x <= width + margin and -margin <= y <= height + margin for x, y in points)
    if len(given) != 4 or len(points) != 4 or not inside or not _convex(points, width * height):
        raise PhotoRefused("bad_corners", BAD_CORNERS)
    return [[float(x), float(y)] for x, y in points]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _convex(points: Sequence[Sequence[float]], area: float) -> bool:
    """Whether four points go clockwise round a piece of some size."""
    ring = [*points, *points[:2]]
    turns = [
        (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])
        for (a, b), (_, c) in pairwise(pairwise(ring))
    ]
    sides = [dist(one, other) for one, other in pairwise([*points, points[0]])]
    even = all(min(a, b) >= NARROWEST * max(a, b) for a, b in (sides[::2], sides[1::2]))
    return all(turn > 0 for turn in turns) and sum(turns) / 4 >= SMALLEST * area and even


def _is_kept(there: Any, digest: str) -> bool:
    """Whether the same picture lies there already, untouched: a retry, and not a fresh start."""
    if not isinstance(there, dict) or there.get("sha256") != digest or there["status"] == "refused":
        return False
    return not there.get("by_hand") and not there.get("turns")


def _there(desk: Held, key: str) -> dict[str, Any]:
    held = desk.held.get(key)
    if not isinstance(held, dict) or not held.get("status"):
        raise PhotoRefused("missing", NOTHING_THERE)
    return held


def _refuse(held: Mapping[str, Any], message: str) -> dict[str, Any]:
    """Refuse a picture: its slot is empty again, but the customer may cut it by hand or see why."""
    kept = {name: value for name, value in held.items() if name not in ("file", "flags", "ocr", "chosen")}
    return {**kept, "status": "refused", "message": message}


def _chosen(held: dict[str, Any]) -> dict[str, Any]:
    """Name the file that counts, and what the reviewer should know of it."""
    flags = [KINDS[one["code"]].flag for one in held["findings"] if one["weight"] == "soft"]
    if (
        held["chosen"] == "view"
        and held.get("result")
        and held.get("quad")
        and "PHOTO_LOW_CONTRAST" not in flags
    ):
        flags.append("PHOTO_UNCROPPED")
    flags += held.get("account_flags") or []
    return {**held, "file": held[held["chosen"]], "flags": list(dict.fromkeys(filter(None, flags)))}


def _expired(seen: Examination) -> bool:
    """Whether the card in the picture has certainly ended: a new one is to be shown."""
    dates = _validity(seen)
    return (
        dates is not None and bool(dates["valid_until"]) and dates["valid_until"] < clock.today().isoformat()
    )


def _validity(seen: Examination) -> dict[str, Any] | None:
    """Return the validity as the next page is prefilled with it, where both dates are certain (R-113)."""
    start, end = seen.fields.get("valid_from"), seen.fields.get("valid_to")
    if seen.side != "back" or start is None or end is None or start.doubt or end.doubt:
        return None
    if not start.value or not end.value:
        return None
    long_term = end.value == "长期"
    return {
        "valid_from": start.value,
        "valid_until": None if long_term else end.value,
        "long_term": long_term,
    }
