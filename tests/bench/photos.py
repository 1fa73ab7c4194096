"""ID photos: how well cards are found, turned, read and judged over a folder with ``labels.json``.

Shares are from 0 to 1; a figure is null where the folder gives nothing to measure it by. Times are CPU
milliseconds of one thread. What each photo was got wrong is told on stderr.

*Harmful* is a crop that cuts off more than 1 % of the card as far as it is in the frame, handed on without
a warning. *Silent* is a field that is filled in, not marked for a second look, and wrong. *Readable* is a
photo without glare, finger and cut-off corner. A photo counts for glare when its label says so; one that is
burnt out by more than 1 % without such a label counts neither for nor against.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from handlers.photos import decoding, finder, findings
from handlers.photos.card import Picture, Quad, corners, warp
from handlers.photos.examine import examine, ready
from handlers.photos.reader import Reader
from handlers.photos.seen import Examination
from tests.bench import scanners, signed

#: The gates; see each figure above.
BUDGET = {
    "mean_iou": (">=", 0.985),
    "share_iou_95": (">=", 0.95),
    "harmful_crops": ("<=", 0.01),
    "orientation_errors": ("<=", 0.005),
    "side_errors": ("<=", 0.005),
    "exact_id_number": (">=", 0.99),
    "exact_name": (">=", 0.98),
    "exact_validity": (">=", 0.99),
    "silent_wrong": ("<=", 0.01),
    "glare_precision": (">=", 0.95),
    "glare_recall": (">=", 0.90),
    "blur_precision": (">=", 0.90),
    "blur_recall": (">=", 0.90),
    "cut_off_recall": (">=", 0.90),
    "peak_mb": ("<=", 250),
    "ocr_ratio_median": ("<=", 1.5),
    "ocr_ratio_p95": ("<=", 4.0),
    "jscanify_ratio": ("<=", 8.0),
    "page_mean_iou": (">=", 0.85),
    "page_share_iou_90": (">=", 0.75),
    "signature_f1_mean": (">=", 0.92),
    "signature_f1_worst": (">=", 0.70),
}
#: More of the card than this must not be cut off by a crop that is called good.
HARM = 0.01
#: Share of a card that is burnt out from which on it may be called glare, though its label does not.
_BURNT = 0.01
#: Findings that tell the customer and the reviewer that the crop is not to be trusted.
_WARNINGS = frozenset({"crop_risk", "cut_off", "low_contrast", "not_a_card"})
_UNREADABLE = frozenset({"glare", "occluded", "cut_off"})
_VALIDITY = ("valid_from", "valid_to")
#: Photos on which the yardsticks are timed, and the sides of a 12 megapixel photo.
_TIMED, _LARGE = 5, (4000, 3000)


@dataclass
class Looked:
    """One card: what is true, and what was seen."""

    label: Mapping[str, Any]
    seen: Examination
    iou: float
    lost: float
    turned: bool
    ms: float
    yardsticks: Mapping[str, float] = field(default_factory=dict)

    @property
    def truth(self) -> frozenset[str]:
        """Findings on the label."""
        return frozenset(self.label["findings"])

    @property
    def said(self) -> frozenset[str]:
        """Findings of the product; a hard one of the same matter counts as the soft one."""
        same = {"very_blurred": "blur", "very_dark": "dark"}
        return frozenset(same.get(one.code, one.code) for one in self.seen.findings)

    @property
    def harmful(self) -> bool:
        """Whether the crop hurts the card and nobody was warned."""
        return self.seen.result is not None and self.lost > HARM and not self.said & _WARNINGS

    def exact(self, *names: str) -> bool | None:
        """Whether fields were read exactly; none when they are not on this side or cannot be read."""
        if self.truth & _UNREADABLE or not all(name in self.label["fields"] for name in names):
            return None
        return all(
            name in self.seen.fields and self.seen.fields[name].value == self.label["fields"][name]
            for name in names
        )

    @property
    def silently_wrong(self) -> list[str]:
        """Fields that are filled in, not marked, and wrong."""
        return [
            name
            for name, read in self.seen.fields.items()
            if read.value and not read.doubt and read.value != self.label["fields"].get(name)
        ]


def overlap(one: Quad, other: Quad) -> float:
    """Return the area that two convex quads share, in square pixels."""
    shared, _ = cv2.intersectConvexConvex(one.astype(np.float32), other.astype(np.float32))
    return float(shared)


def _area(quad: Quad) -> float:
    return float(cv2.contourArea(quad.astype(np.float32)))


def iou(one: Quad | None, other: Quad) -> float:
    """Return the shared area of two quads over their joint area, whatever their order; 0 without one."""
    if one is None or not cv2.isContourConvex(one.astype(np.float32).reshape(-1, 1, 2)):
        return 0.0
    shared = overlap(one, other)
    return shared / max(1e-9, _area(one) + _area(other) - shared)


def lost(crop: Quad, truth: Quad, width: int, height: int) -> float:
    """Return the share of the visible card that a crop leaves out."""
    frame = corners(width, height)
    _, visible = cv2.intersectConvexConvex(truth.astype(np.float32), frame.astype(np.float32))
    if visible is None:
        return 0.0
    shared, _ = cv2.intersectConvexConvex(visible.astype(np.float32), crop.astype(np.float32))
    return max(0.0, 1 - float(shared) / max(1.0, float(cv2.contourArea(visible))))


def turned(quad: Quad, truth: Quad) -> bool:
    """Whether the first corner was taken for another."""
    away = [float(np.linalg.norm(np.roll(quad, -turn, axis=0) - truth)) for turn in range(4)]
    return int(np.argmin(away)) != 0


def _status(name: str) -> float | None:
    """Return a line of /proc/self/status in megabytes; none where there is no such file."""
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return None


def _forget_peak() -> None:
    """Let the kernel begin anew with the largest size of this process."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def look(content: bytes, label: Mapping[str, Any], limits: Mapping[str, float]) -> Looked:
    """Send one card through the product and compare."""
    start = time.process_time()
    seen = examine(content, label["side"], limits)
    ms = (time.process_time() - start) * 1000
    truth = np.array(label["corners"], dtype=np.float64)
    quad = None if seen.quad is None else np.array(seen.quad, dtype=np.float64)
    return Looked(
        label=label,
        seen=seen,
        iou=iou(quad, truth),
        lost=1.0 if quad is None else lost(quad, truth, seen.width, seen.height),
        turned=quad is not None and turned(quad, truth),
        ms=ms,
    )


def _share(answers: Iterable[bool | None]) -> float | None:
    """Return the share of true answers; none when there are no answers."""
    known = [answer for answer in answers if answer is not None]
    return sum(known) / len(known) if known else None


def _mean(numbers: Sequence[float]) -> float | None:
    return statistics.fmean(numbers) if numbers else None


def _p95(numbers: Sequence[float]) -> float | None:
    return float(np.percentile(numbers, 95)) if numbers else None


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _judged(cards: Sequence[Looked], code: str) -> tuple[float | None, float | None]:
    """Return precision and recall of one finding."""
    sure = [
        one
        for one in cards
        if code != "glare" or code in one.truth or one.label.get("glare_share", 0) <= _BURNT
    ]
    return (
        _share(code in one.truth for one in sure if code in one.said),
        _share(code in one.said for one in sure if code in one.truth),
    )


def accuracy(cards: Sequence[Looked]) -> dict[str, float | None]:
    """Return every figure that needs no clock."""
    whole = [one for one in cards if "cut_off" not in one.truth]
    found = [one for one in cards if one.iou > 0.5]
    known = [one for one in found if one.seen.side is not None]
    fields = sum(len(one.label["fields"]) for one in cards)
    figures: dict[str, float | None] = {
        "mean_iou": _mean([one.iou for one in cards]),
        "share_iou_90": _share(one.iou > 0.90 for one in cards),
        "share_iou_95": _share(one.iou > 0.95 for one in whole),
        "harmful_crops": _share(one.harmful for one in cards),
        "orientation_errors": _share(one.turned for one in found),
        "side_errors": _share(one.seen.side != one.label["side"] for one in known),
        "exact_id_number": _share(one.exact("id_number") for one in cards),
        "exact_name": _share(one.exact("name") for one in cards),
        "exact_validity": _share(one.exact(*_VALIDITY) for one in cards),
        "silent_wrong": sum(len(one.silently_wrong) for one in cards) / fields if fields else None,
    }
    for code in ("glare", "blur", "cut_off", "occluded", "dark", "grey_copy", "low_contrast"):
        precision, recall = _judged(cards, code)
        figures[f"{code}_precision"], figures[f"{code}_recall"] = precision, recall
    figures["verified"] = _share(one.seen.verified for one in cards)
    figures["silent_wrong_photos"] = _share(bool(one.silently_wrong) for one in cards)
    figures["lowcontrast_share_iou_90"] = _share(
        one.iou > 0.9 for one in cards if "low_contrast" in one.truth
    )
    return figures


def _tell(say: Callable[[str], None], one: Looked) -> None:
    """Name what went wrong with one card."""
    wrong = []
    if one.iou <= 0.95:
        wrong.append(f"IoU {one.iou:.3f}")
    if one.harmful:
        wrong.append(f"harmful crop ({one.lost:.1%})")
    if one.turned and one.iou > 0.5:
        wrong.append("turned")
    if one.seen.side not in (None, one.label["side"]):
        wrong.append("other side")
    if not one.seen.verified:
        wrong.append("not verified")
    wrong += [f"silent {name}: {one.seen.fields[name].value!r}" for name in one.silently_wrong]
    for names in (("id_number",), ("name",), _VALIDITY):
        if one.exact(*names) is False:
            read = [one.seen.fields[name].value if name in one.seen.fields else None for name in names]
            wrong.append(f"{names[0]} read as {read}")
    watched = {"glare", "blur", "cut_off", "occluded", "dark", "grey_copy"}
    wrong += [f"missed {code}" for code in sorted((one.truth & watched) - one.said)]
    wrong += [f"needless {code}" for code in sorted((one.said & watched) - one.truth)]
    if wrong:
        say(f"{one.label['file']}: {', '.join(wrong)}")


def measure(say: Callable[[str], None], folder: Path | None = None) -> dict[str, float | None]:
    """Measure a folder of labelled photos; about a second a photo."""
    if folder is None:
        raise SystemExit("python -m tests.bench photos DIR: name the folder that holds labels.json")
    cv2.setNumThreads(1)
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))["photos"]
    card_labels = [label for label in labels if label["kind"] == "card"]
    pages = [label for label in labels if label["kind"] == "page"]
    limits = findings.limits({})
    cards, peaks = [], []
    if card_labels:
        # The models are loaded before anything is measured.
        ready()
        look((folder / card_labels[0]["file"]).read_bytes(), card_labels[0], limits)
    _forget_peak()
    idle = _status("VmRSS")
    for label in card_labels:
        cards.append(look((folder / label["file"]).read_bytes(), label, limits))
        peaks.append(_status("VmHWM") or 0.0)
        _tell(say, cards[-1])
    figures = accuracy(cards)
    for category in sorted({one.label["category"] for one in cards}):
        these = [one.iou for one in cards if one.label["category"] == category]
        say(f"{category:12} {len(these):4}  IoU mean {_mean(these):.4f}  least {min(these):.4f}")
    times = [one.ms for one in cards]
    figures["ms_median"] = statistics.median(times) if times else None
    figures["ms_p95"] = _p95(times)
    figures["peak_mb"] = max(peaks) - idle if peaks and idle else None
    figures["idle_mb"] = idle
    figures |= _against_yardsticks(folder, card_labels, figures)
    figures |= _pages(say, folder, pages)
    figures |= signed.figures(
        say, folder, [label for label in labels if label["kind"] == "signature"], limits
    )
    return figures


def _photo(folder: Path, label: Mapping[str, Any]) -> Picture:
    return decoding.decode((folder / label["file"]).read_bytes(), 4000).pixels


def _against_yardsticks(
    folder: Path, labels: Sequence[Mapping[str, Any]], figures: Mapping[str, float | None]
) -> dict[str, float | None]:
    """Compare with common scanners, and times with one whole pass of OCR, in the same run."""
    of: dict[str, list[float]] = {"opencv": [], "jscanify": []}
    ms: dict[str, list[float]] = {"opencv": [], "jscanify": []}
    for label in labels:
        photo = _photo(folder, label)
        for name, scanner in (("opencv", scanners.opencv), ("jscanify", scanners.jscanify)):
            start = time.process_time()
            quad = scanner(photo)
            ms[name].append((time.process_time() - start) * 1000)
            of[name].append(iou(quad, np.array(label["corners"], dtype=np.float64)))
    out: dict[str, float | None] = {}
    for name, all_of in of.items():
        out[f"{name}_share_iou_90"] = _share(one > 0.9 for one in all_of)
        out[f"{name}_ms_median"] = statistics.median(ms[name]) if ms[name] else None
    some = labels[:: max(1, len(labels) // _TIMED)][:_TIMED]
    photos = [_photo(folder, label) for label in some]
    straight = [
        warp(photo, np.array(label["corners"], dtype=np.float64))
        for photo, label in zip(photos, some, strict=True)
    ]
    passes = scanners.cpu_ms(scanners.ocr_pass, straight)
    out["ocr_pass_ms_median"] = statistics.median(passes) if passes else None
    out["ocr_ratio_median"] = _ratio(figures["ms_median"], out["ocr_pass_ms_median"])
    out["ocr_ratio_p95"] = _ratio(figures["ms_p95"], out["ocr_pass_ms_median"])
    large = [
        np.asarray(cv2.resize(photo, _LARGE if photo.shape[1] > photo.shape[0] else _LARGE[::-1]), np.uint8)
        for photo in photos
    ]
    reader = Reader()
    ours = scanners.cpu_ms(finder.locate, large)
    whole = scanners.cpu_ms(lambda photo: finder.find(photo, reader), large)
    theirs = scanners.cpu_ms(scanners.jscanify, large)
    out["crop_12mp_ms"] = statistics.median(ours) if ours else None
    out["crop_and_read_12mp_ms"] = statistics.median(whole) if whole else None
    out["jscanify_ratio"] = _ratio(out["crop_12mp_ms"], statistics.median(theirs) if theirs else None)
    return out


def _pages(
    say: Callable[[str], None], folder: Path, labels: Sequence[Mapping[str, Any]]
) -> dict[str, float | None]:
    """Find sheets of any shape: a guard against knowing nothing but our own cards."""
    of = []
    for label in labels:
        found = finder.find_page(_photo(folder, label))
        of.append(iou(found.quad, np.array(label["corners"], dtype=np.float64)))
        say(f"{label['file']}: page, IoU {of[-1]:.3f}")
    return {"page_mean_iou": _mean(of), "page_share_iou_90": _share(one > 0.9 for one in of)}
