"""The pool: bounded children in which pictures are decoded and examined, so that a bad one harms nobody."""

from handlers.bounded import pool
from handlers.photos.gate import UNREADABLE, PhotoRefused

BUSY = "上传的人较多，请稍后再试"


class Bounded(pool.Bounded):
    """Children that know pictures."""

    rooms = ("handlers.photos",)
    prepare = "handlers.photos.child.prepare"
    refused = PhotoRefused
    busy = BUSY
    unreadable = UNREADABLE
