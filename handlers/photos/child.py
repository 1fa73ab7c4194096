"""How a child gets ready for pictures."""

import cv2


def prepare() -> None:
    """Leave the processors to the other children."""
    cv2.setNumThreads(1)
