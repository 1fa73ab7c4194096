"""Signatures: how exactly the pen's trace is kept, and what is sent back."""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from handlers.photos import decoding, signature


def ink_f1(png: bytes, trace: np.ndarray) -> float:
    """Return how well strokes agree with the pen's true trace: F1 over pixels, where they fit best.

    :param png: strokes on a transparent ground, cropped, at the scale of the photo; empty for none.
    :param trace: True where the pen went in the photo.
    """
    if not png:
        return 0.0
    with Image.open(BytesIO(png)) as picture:
        kept = (np.asarray(picture.convert("RGBA"))[..., 3] > 127).astype(np.float32)
    true = np.pad(trace.astype(np.float32), ((kept.shape[0],) * 2, (kept.shape[1],) * 2))
    # A fit on every fourth pixel says roughly where; the pixels around it say exactly.
    rough = cv2.matchTemplate(_quarter(true), _quarter(kept), cv2.TM_CCORR)
    y, x = (4 * int(at) for at in np.unravel_index(int(rough.argmax()), rough.shape))
    y, x = max(0, y - 6), max(0, x - 6)
    around = true[y : y + kept.shape[0] + 12, x : x + kept.shape[1] + 12]
    both = float(cv2.matchTemplate(np.ascontiguousarray(around), kept, cv2.TM_CCORR).max())
    return 2 * both / max(1.0, float(kept.sum()) + float(trace.sum()))


def _quarter(mask: np.ndarray) -> np.ndarray:
    size = (max(1, mask.shape[1] // 4), max(1, mask.shape[0] // 4))
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA))


def figures(
    say: Callable[[str], None],
    folder: Path,
    labels: Sequence[Mapping[str, Any]],
    limits: Mapping[str, float],
) -> dict[str, float | None]:
    """Clean every signature of a folder and compare."""
    scores, refused, told = [], [], []
    for label in labels:
        photo = decoding.decode((folder / label["file"]).read_bytes(), 4000).pixels
        clean = signature.clean(photo, limits)
        said = {one.code for one in clean.findings}
        if label["findings"]:
            told.append(bool(said & set(label["findings"])))
            if not told[-1]:
                say(f"{label['file']}: {label['findings']} not found, but {sorted(said)}")
            continue
        with Image.open(folder / label["mask"]) as mask:
            scores.append(ink_f1(clean.png, np.asarray(mask.convert("L")) > 127))
        refused.append(bool(said))
        if said or scores[-1] < 0.9:
            say(f"{label['file']}: F1 {scores[-1]:.3f}, found {sorted(said)}")
    return {
        "signature_f1_mean": sum(scores) / len(scores) if scores else None,
        "signature_f1_worst": min(scores) if scores else None,
        "signature_needless": sum(refused) / len(refused) if refused else None,
        "signature_told": sum(told) / len(told) if told else None,
    }
