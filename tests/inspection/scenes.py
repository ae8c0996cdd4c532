"""Images that show their own mask and depth, so that both can be compared after every stage."""

from pathlib import Path

import numpy as np
from PIL import Image

import augseq

CLASSES = ["background", "blob", "<b>sky & sea</b>"]
TAGS = ["day", "<i>night</i>"]

MASK = augseq.Mask("mask", classes=CLASSES)
DEPTH = augseq.ValueMap("depth", scale=0.5, missing=0)
AGE = augseq.Number("age")
TAGGED = augseq.MultiLabel("tags", classes=TAGS)


def scenes(folder: Path, *, size: tuple[int, int] = (24, 32), count: int = 2) -> augseq.Manifest:
    """Return images whose red is 80 times the class, and whose green is the stored depth.

    Args:
        folder: Where to save images and maps.
        size: (height, width).
        count: How many.
    """
    for name in ("images", "masks", "depth"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(5)
    for number in range(count):
        labels = rng.integers(0, 3, (2, 3)).repeat(-(-size[0] // 2), 0).repeat(-(-size[1] // 3), 1)
        labels = labels[: size[0], : size[1]].astype(np.uint8)
        depth = rng.integers(1, 250, size, np.uint8)
        pixels = np.stack([80 * labels, depth, np.full(size, 9, np.uint8)], axis=2)
        Image.fromarray(pixels).save(folder / f"images/{number}.png")
        Image.fromarray(labels).save(folder / f"masks/{number}.png")
        Image.fromarray(depth).save(folder / f"depth/{number}.png")
    images = augseq.index_folder(folder / "images", labels=None, progress=False)
    images = images.with_column("mask", pattern="../masks/{stem}.png")
    images = images.with_column("depth", pattern="../depth/{stem}.png")
    images = images.with_column("age", [1.5 + number for number in range(count)])
    return images.with_column("tags", [TAGS[: number % 3] for number in range(count)])
