"""What a photo tells about edges: colour channels, distance to the background, gradients.

The photo is reduced first. Proposals look at 512 pixels, where text melts into greyness and the
sides of a card stay sharp; a picture of 12 million pixels is never held as floating point.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from handlers.photos.card import Picture

Map = NDArray[np.float32]

#: Long side in pixels of the picture proposals are sought in, and of that in which sides are refined.
SMALL, FINE = 512, 1400
#: Width of the ring along the frame that is taken for background, as a share of the shorter side.
RING = 0.04
#: Kinds of background told apart, and the least share of a side of the ring that must show one.
KINDS, LEAST_SHARE = 4, 0.04


@dataclass(frozen=True)
class Cues:
    """Edge cues of a reduced photo.

    :param channels: L, a, b (CIE 1976, ΔE units) and the distance to the background in its own noise.
    :param gx: x part of the strongest channel's gradient, in units of its noise.
    """

    channels: tuple[Map, ...]
    gx: Map
    gy: Map

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.gx.shape[1], self.gx.shape[0]


def reduced(photo: Picture, long_side: int) -> tuple[Picture, float]:
    """Return a photo at most ``long_side`` long, and its scale to the original."""
    height, width = photo.shape[:2]
    scale = min(1.0, long_side / max(height, width))
    if scale == 1.0:
        return photo, 1.0
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    whole = int(1 / scale)
    if whole > 1 and width % whole == 0 and height % whole == 0:
        # By a whole number first, which is several times faster.
        photo = np.asarray(cv2.resize(photo, (width // whole, height // whole), interpolation=cv2.INTER_AREA))
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), dtype=np.uint8), scale


def cues(small: Picture) -> Cues:
    """Return the edge cues of a small photo."""
    sharp = cv2.cvtColor(small.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)
    lab: Map = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 0.8), dtype=np.float32)
    channels: list[Map] = [np.ascontiguousarray(lab[..., i]) for i in range(3)]
    channels.append(distance_to_frame(lab))
    height, width = lab.shape[:2]
    best, strongest_x, strongest_y = (np.zeros((height, width), dtype=np.float32) for _ in range(3))
    for channel in channels:
        gx = cv2.Scharr(channel, cv2.CV_32F, 1, 0, scale=1 / 32)
        gy = cv2.Scharr(channel, cv2.CV_32F, 0, 1, scale=1 / 32)
        size = cv2.magnitude(gx, gy)
        # Noise is what most places show; its floor keeps flat pictures from making edges of nothing.
        noise = float(np.clip(2.5 * np.median(size[::2, ::2]), 0.25, 4.0))
        clear = np.asarray(size, dtype=np.float32) / np.float32(noise)
        stronger = clear > best
        np.copyto(best, clear, where=stronger)
        np.copyto(strongest_x, gx / np.float32(noise), where=stronger)
        np.copyto(strongest_y, gy / np.float32(noise), where=stronger)
    return Cues(tuple(channels), strongest_x, strongest_y)


def colours(photo: Picture, points: NDArray[np.float32]) -> Map:
    """Return the CIE Lab colours (rows, columns, 3) of a photo at points (rows, columns, 2), interpolated.

    :param points: counted from the centre of the first pixel; outside the frame its edge goes on.
    """
    x, y = np.ascontiguousarray(points[..., 0]), np.ascontiguousarray(points[..., 1])
    seen = cv2.remap(photo, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lab = cv2.cvtColor(seen.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)
    return np.asarray(lab, dtype=np.float32)


def distance_to_frame(lab: Map) -> Map:
    """Return each pixel's distance to the nearest kind of background, in standard deviations of that kind.

    The kinds are clusters of the ring along the frame. Where none runs along most of it, a card that touches
    the frame may be taken for one of them; the other channels then have to do.
    """
    height, width = lab.shape[:2]
    ring = max(2, round(min(height, width) * RING))
    sides = [lab[:ring], lab[-ring:], lab[:, :ring], lab[:, -ring:]]
    parts = [side.reshape(-1, 3)[::4] for side in sides]
    samples = np.concatenate(parts)
    owner = np.repeat(np.arange(4), [len(part) for part in parts])
    cv2.setRNGSeed(1)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 0.5)
    _, labels, _ = cv2.kmeans(samples, KINDS, np.empty(0), stop, 1, cv2.KMEANS_PP_CENTERS)
    labels = labels.ravel()
    best = np.full(lab.shape[:2], np.inf, dtype=np.float32)
    # Background shows along most of the frame; what touches it at one or two sides may be the card itself.
    share = np.array(
        [np.bincount(labels[owner == side], minlength=KINDS) / len(parts[side]) for side in range(4)]
    )
    ground = (share > LEAST_SHARE).sum(axis=0) >= 3
    if not ground.any():
        ground = share.mean(axis=0) >= LEAST_SHARE
    for kind in np.flatnonzero(ground):
        members = samples[labels == kind]
        spread = np.cov(members.T) + np.eye(3) * 1.0
        whiten = np.linalg.cholesky(np.linalg.inv(spread)).astype(np.float32)
        there = cv2.transform(lab, np.c_[whiten.T, -(members.mean(axis=0) @ whiten)].astype(np.float32))
        best = np.minimum(best, cv2.transform(cv2.multiply(there, there), np.ones((1, 3), dtype=np.float32)))
    return np.minimum(np.sqrt(best), np.float32(30)) if np.isfinite(best).all() else np.zeros_like(best)
