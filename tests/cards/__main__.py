"""Write labelled photos into a folder."""

import argparse
import json
from pathlib import Path

from PIL import Image

from tests.cards.scenes import CATEGORIES, scenes
from tests.cards.signatures import signatures


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(prog="python -m tests.cards")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=48)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--category", choices=sorted(CATEGORIES))
    parser.add_argument("--signatures", type=int, default=0, metavar="N", help="photos of signatures besides")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    labels = []
    for name, scene in scenes(options.count, options.seed, options.category):
        (options.folder / name).write_bytes(scene.jpeg())
        labels.append({"file": name, **scene.label})
    for name, made in signatures(options.signatures, options.seed):
        (options.folder / name).write_bytes(made.jpeg())
        mask = str(Path(name).with_suffix(".png"))
        Image.fromarray(made.mask).save(options.folder / mask)
        labels.append({"file": name, "mask": mask, **made.label})
    text = json.dumps({"photos": labels}, ensure_ascii=False, indent=1)
    (options.folder / "labels.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
