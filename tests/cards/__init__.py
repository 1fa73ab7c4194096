"""Labelled photos of specimen ID cards and signatures, for tests and benchmarks.

    .venv/bin/python -m tests.cards DIR --count N --seed S [--category C] [--signatures N]

Writes JPEG photos and ``labels.json``. The same seed gives the same photos. Labels of a card: ``file``,
``kind``, ``side``, ``corners`` (sharp corners in the card's own order, in pixels of the upright photo),
``fields`` as printed, ``findings``, ``glare_share`` (share of the card that is burnt out), ``frame_share``
(share of the photo that the card covers) and ``category``. Labels of a signature: ``file``, ``kind``,
``mask`` (PNG, white where the pen went), ``findings`` and ``category``.
"""

from tests.cards.scenes import CATEGORIES, Scene, scene, scenes

__all__ = ["CATEGORIES", "Scene", "scene", "scenes"]
