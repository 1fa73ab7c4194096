"""Yardsticks for finding a card: what document scanners commonly do, and one whole pass of OCR."""

import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np

from handlers.photos.card import Picture, Quad


def opencv(photo: Picture) -> Quad | None:
    """Find a page as the common tutorials do: Canny 75/200, contours, the largest that is four-cornered."""
    scale = photo.shape[0] / 500
    small = cv2.resize(photo, (round(photo.shape[1] / scale), 500), interpolation=cv2.INTER_AREA)
    edges = cv2.Canny(cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (5, 5), 0), 75, 200)
    contours, _ = cv2.findContours(edges, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:5]:
        around = cv2.approxPolyDP(contour, 0.02 * cv2.arcLength(contour, True), True)
        if len(around) == 4:
            return np.asarray(around.reshape(4, 2) * scale, dtype=np.float64)
    return None


def jscanify(photo: Picture) -> Quad | None:
    """Find a page as jscanify 1.4.3 does: the largest contour, and its farthest point in each quadrant."""
    edges = cv2.GaussianBlur(cv2.Canny(photo, 50, 200), (3, 3), 0)
    _, black = cv2.threshold(edges, 0, 255, cv2.THRESH_OTSU)
    contours, _ = cv2.findContours(black, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    largest = max(contours, key=cv2.contourArea)
    centre = np.array(cv2.minAreaRect(largest)[0])
    points = largest.reshape(-1, 2).astype(np.float64)
    away = np.hypot(*(points - centre).T)
    left, above = points[:, 0] < centre[0], points[:, 1] < centre[1]
    quad = []
    for quadrant in (left & above, ~left & above, ~left & ~above, left & ~above):
        if not quadrant.any():
            return None
        quad.append(points[quadrant][away[quadrant].argmax()])
    return np.array(quad)


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "error",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def ocr_pass(card: Picture) -> None:
    """Read a whole straightened card: detection, direction and recognition, nothing known beforehand."""
    _engine()(card[..., ::-1])


def cpu_ms(work: Callable[[Picture], object], photos: Sequence[Picture]) -> list[float]:
    """Return the CPU time of each piece of work in milliseconds; once more before, to warm up."""
    if photos:
        work(photos[0])
    times = []
    for photo in photos:
        start = time.process_time()
        work(photo)
        times.append((time.process_time() - start) * 1000)
    return times
