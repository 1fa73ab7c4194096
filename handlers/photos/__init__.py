"""Photos: from what a customer photographed to an upright, straight, judged and read picture.

    gate       what is taken in at all: the header decides, before anything is decoded (3.14, A-33, A-34)
    decoding   pixels of a picture, upright and without metadata; runs in a bounded child only
    card       the card's measures and layout in millimetres; quads, warps
    finder     four corners of the card in a photo, with side and orientation, verified by content
    reader     the fields of a straightened card, each with its confidence; text anchors in a photo
    judging    blur, glare, darkness, what is cut off or covered: measure, limit, hard or soft
    signature  a photographed or drawn signature as dark strokes on white
    examine    all of it for one picture: bytes in, an ``Examination`` out
    pool       bounded child processes in which ``examine`` runs
    children   ``examine`` in them, as the worker's jobs call it
    seen       what was seen: plain data
    account    what stands on the card, compared with the account
    findings   the words and kinds of everything that may be found
    taking     from the upload to the desk: lays down, has examined by a job, cuts and turns on wish

This room owns no tables: pictures lie in the engine's file store, what was found lies on the task's desk.
"""

from typing import Any

from engine import Step, operator
from handlers.photos.children import pool_of
from handlers.photos.gate import LIMIT_BYTES, PhotoRefused
from handlers.photos.taking import DRAWN, JOB, Intake, state

__all__ = ["DRAWN", "JOB", "LIMIT_BYTES", "Intake", "PhotoRefused", "accepted", "pool_of", "state"]


@operator("photos.accept")
def accepted(step: Step) -> dict[str, Any]:
    """Note which pictures the customer gave, for everything that follows in the diagram."""
    photos = step.data.get("photos") or {}
    return {"slots": sorted(slot for slot in ("front", "back", "signature") if photos.get(slot))}
