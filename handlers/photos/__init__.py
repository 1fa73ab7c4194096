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
    findings   the words and kinds of everything that may be found

This room owns no tables: pictures lie in the engine's file store, what was found lies on the task's desk.
"""

from handlers.photos.intake import LIMIT_BYTES, Photo, PhotoRefused, accept, accepted

__all__ = ["LIMIT_BYTES", "Photo", "PhotoRefused", "accept", "accepted"]
