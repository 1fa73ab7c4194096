"""The recogniser and the detector of print: PP-OCRv6 small, as they lie in the wheel of rapidocr 3.10.0.

The model files are opened where the wheel put them. Rapidocr's own front door would fetch a file that is
missing or altered; here that is an error, and nothing is ever asked of the network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import as_file, files
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from handlers.photos.card import Picture, Quad

RECOGNISER, DETECTOR = "PP-OCRv6_rec_small.onnx", "PP-OCRv6_det_small.onnx"
TURNER = "ch_ppocr_mobile_v2.0_cls_mobile.onnx"
#: Height in pixels that lines are brought to, for the recogniser and for the turner; its width is fixed.
LINE_HEIGHT, TURNER_WIDTH = 48, 192
#: Longest side in pixels that the detector works with: labels of a card that fills a third of the photo are
#: then still 10 pixels high. Its thresholds are those of rapidocr's own ``config.yaml``.
DETECTOR_SIDE = 960
BOX_RULES: dict[str, Any] = {
    "thresh": 0.3,
    "box_thresh": 0.5,
    "unclip_ratio": 1.6,
    "use_dilation": True,
    "score_mode": "fast",
}
#: Boxes of print read in one photo, at most: a page of small print has hundreds, a card 20.
MOST_BOXES = 60


@dataclass(frozen=True)
class Line:
    """One line of print.

    :param scores: of each character, the recogniser's probability, from 0 to 1.
    :param places: of each character, its middle across the strip, from 0 to 1.
    """

    text: str
    scores: tuple[float, ...]
    places: tuple[float, ...]

    @property
    def least(self) -> float:
        """The probability of the least certain character; 0 for an empty line."""
        return min(self.scores, default=0.0)

    @property
    def mean(self) -> float:
        """The mean probability of its characters; 0 for an empty line."""
        return sum(self.scores) / len(self.scores) if self.scores else 0.0

    def part(self, start: int, end: int) -> "Line":
        """Return the characters from ``start`` up to ``end``."""
        return Line(self.text[start:end], self.scores[start:end], self.places[start:end])

    def within(self, share: float) -> "Line":
        """Return the line as a part at the beginning of a longer strip, of which it has a share."""
        return Line(self.text, self.scores, tuple(place * share for place in self.places))

    def without(self, unwanted: str) -> "Line":
        """Return the line without certain characters."""
        kept = [i for i, one in enumerate(self.text) if one not in unwanted]
        return Line(
            "".join(self.text[i] for i in kept),
            tuple(self.scores[i] for i in kept),
            tuple(self.places[i] for i in kept),
        )


class Models:
    """The models of one process, each loaded when first needed."""

    def load(self) -> None:
        """Load all of them now, and what they bring along, so that the first picture does not wait for it."""
        _ = (self._recogniser, self._turner)
        self.detect(np.zeros((LINE_HEIGHT, LINE_HEIGHT, 3), dtype=np.uint8))

    @cached_property
    def _recogniser(self) -> Any:
        return _session(RECOGNISER)

    @cached_property
    def _detector(self) -> Any:
        return _session(DETECTOR)

    @cached_property
    def _turner(self) -> Any:
        return _session(TURNER)

    @cached_property
    def _characters(self) -> list[str]:
        """What each output of the recogniser stands for; the first is "no character", the last a space."""
        known = self._recogniser.get_modelmeta().custom_metadata_map["character"].splitlines()
        return ["", *known, " "]

    def alphabet(self, characters: str) -> NDArray[np.intp]:
        """Return the outputs of the recogniser for ``characters``, and for none."""
        place = {character: index for index, character in enumerate(self._characters)}
        return np.array(sorted({0, *(place[one] for one in characters if one in place)}), dtype=np.intp)

    def recognise(self, strip: Picture, alphabet: NDArray[np.intp] | None = None) -> Line:
        """Read a strip that holds one upright line.

        :param alphabet: outputs of which the answer may consist. Probabilities stay those among all
            characters, so that what is forced into an alphabet shows as uncertain.
        """
        height, width = strip.shape[:2]
        if height < 4 or width < 4:
            return Line("", (), ())
        across = max(int(np.ceil(LINE_HEIGHT * width / height)), LINE_HEIGHT)
        line = cv2.resize(strip[..., ::-1], (across, LINE_HEIGHT))
        given = line.astype(np.float32).transpose(2, 0, 1)[None] / np.float32(127.5) - np.float32(1)
        [chances] = _run(self._recogniser, given)
        known = chances if alphabet is None else chances[:, alphabet]
        best = known.argmax(axis=1) if alphabet is None else alphabet[known.argmax(axis=1)]
        starts = np.flatnonzero(np.r_[True, best[1:] != best[:-1]])
        ends = np.r_[starts[1:], len(best)]
        text, scores, places = "", [], []
        for start, end in zip(starts, ends, strict=True):
            if best[start]:
                chance = chances[start:end, best[start]]
                text += self._characters[best[start]]
                scores.append(float(chance.max()))
                # Measured on labels: an output looks a little further to the left than its place says.
                places.append(float((start + end - 0.7) / 2 / len(best)))
        return Line(text, tuple(scores), tuple(places))

    def detect(self, photo: Picture) -> list[Quad]:
        """Return the boxes of print in a photo, in pixels: corners clockwise from the upper left."""
        # Imported where it is needed: a process that reads no card should not carry 100 MB for it.
        from rapidocr.ch_ppocr_det.utils import DBPostProcess, DetPreProcess

        prepared = DetPreProcess(DETECTOR_SIDE, "max", [0.5] * 3, [0.5] * 3)(photo[..., ::-1])
        if prepared is None:
            return []
        answer = self._detector.run(None, {self._detector.get_inputs()[0].name: prepared})[0]
        boxes, _ = DBPostProcess(**BOX_RULES)(answer, photo.shape[:2])
        found = [np.asarray(box, dtype=np.float64) for box in boxes]
        found.sort(key=lambda box: -float(np.linalg.norm(box[1] - box[0]) * np.linalg.norm(box[3] - box[0])))
        return found[:MOST_BOXES]

    def upside_down(self, strips: Sequence[Picture]) -> list[float]:
        """Return of each line the probability that it stands on its head."""
        chances = []
        for strip in strips:
            height, width = strip.shape[:2]
            across = min(max(int(np.ceil(LINE_HEIGHT * width / height)), 1), TURNER_WIDTH)
            line = np.zeros((1, 3, LINE_HEIGHT, TURNER_WIDTH), dtype=np.float32)
            small = cv2.resize(strip[..., ::-1], (across, LINE_HEIGHT)).astype(np.float32)
            line[0, :, :, :across] = small.transpose(2, 0, 1) / 127.5 - 1
            chances.append(float(_run(self._turner, line)[0][1]))
        return chances


def _run(session: Any, given: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(session.run(None, {session.get_inputs()[0].name: given})[0], dtype=np.float32)


def _session(name: str) -> Any:
    """Open a model of the wheel, with one thread and without memory held back between runs."""
    # Imported here for the same reason as in ``detect``.
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    with as_file(files("rapidocr") / "models" / name) as path:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
