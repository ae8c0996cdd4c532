"""What an epoch can be made of, once each, and the hardest combinations: the laws hold for all.

Programs import this module too, so it loads neither pytest nor Keras.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pyarrow as pa
from PIL import Image

import augseq
from tests.workers.transforms import add_noise

# 9, 4 and 2 images of three classes; 6 wide, 6 square and 3 tall ones.
CLASSES = "aaaaaaaaabbbbcc"
SIZES = [(20, 30), (24, 24), (20, 30), (24, 24), (30, 20)] * 3
NUM_IMAGES = len(CLASSES)
NUM_OWN = 4
WEIGHTS = np.linspace(0, 2.8, NUM_IMAGES)
BUCKETS = augseq.Buckets([(12, 18), (16, 16), (18, 12)])
BOTH = [augseq.MixUp(alpha=1.0, p=0.4), augseq.CutMix(p=0.4)]
FLIPS = [A.HorizontalFlip(), A.Affine(rotate=(-20, 20), p=0.6), A.GaussNoise(p=1)]

Part = tuple[int, int, str]
"""Index, repeat, and a digest of all arrays of a sample."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Options of a sequence, and how often each record then comes.

    Attributes:
        options: Options of `ImageSequence`.
        share: Returns how many times per epoch each record comes on average, given the images. It
            comes that often in each epoch, rounded down or up.
        times: Number of copies of each image in a row.
        images: The images to use, given all.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    share: Callable[[augseq.Manifest], np.ndarray] = lambda images: np.ones(len(images))
    times: int = 1
    images: Callable[[augseq.Manifest], augseq.Manifest] = lambda images: images

    @property
    def has_buckets(self) -> bool:
        """Whether the order of the epoch depends on batches and shards."""
        return self.options.get("image_size") is BUCKETS

    def sequence(self, images: augseq.Manifest, **options: Any) -> augseq.ImageSequence:
        """Return the sequence of all images, in batches of 6, or 4 with buckets."""
        defaults = {"image_size": (16, 18), "batch_size": 6, "augment": [add_noise], "workers": 0}
        chosen = {**defaults, "shuffle": True, "seed": 7, **self.options, **options}
        return augseq.ImageSequence(self.images(images), **chosen)

    def require_quotas(self, images: augseq.Manifest, counts: Counter[int]) -> None:
        """Raise unless each record of an epoch comes exactly its quota, given counts by index."""
        images = self.images(images)
        found = np.array([counts[record.index] for record in images])
        assert found.sum() == counts.total()
        assert (found % self.times == 0).all(), found
        shares = self.share(images)
        assert (np.floor(shares + 1e-9) <= found // self.times).all(), (shares, found)
        assert (found // self.times <= np.ceil(shares - 1e-9)).all(), (shares, found)


def _of_groups(column: str, quota: int) -> Callable[[augseq.Manifest], np.ndarray]:
    """Return how often each record comes if all values of a column have the same quota."""

    def shares(images: augseq.Manifest) -> np.ndarray:
        sizes = Counter(images.column(column))
        return np.array([quota / sizes[value] for value in images.column(column)])

    return shares


def _weights(images: augseq.Manifest) -> np.ndarray:
    weights = np.asarray(images.column("weight"), np.float64)
    return 20 * weights / weights.sum()


def _tiles(images: augseq.Manifest) -> augseq.Manifest:
    return augseq.tile_manifest(images.select([0, 1, 14]), (16, 18), overlap=4, progress=False)


_ONE_HOT = augseq.Label("kind", classes=["a", "b", "c"], label_mode="categorical")
_MASK = augseq.Mask("mask", classes=["ground", "thing"])
_BOXES = augseq.Boxes("rel_xyxy", classes=["thing"], max_boxes=8)

RECIPES: dict[str, Recipe] = {
    "mix": Recipe(options={"mix": BOTH, "label_mode": "categorical"}),
    "balanced": Recipe(options={"sampling": augseq.Balanced()}, share=_of_groups("kind", 5)),
    "weighted": Recipe(
        options={"sampling": augseq.Weighted("weight", num_images=20)}, share=_weights
    ),
    "sources": Recipe(
        options={"sampling": augseq.Sources({"own": 1, "public": 1})}, share=_of_groups("source", 8)
    ),
    "even batches": Recipe(
        options={"sampling": augseq.Balanced(even_batches=True)}, share=_of_groups("kind", 5)
    ),
    "repeats": Recipe(options={"repeats": 3}, times=3),
    "views": Recipe(options={"views": 2}),
    "buckets": Recipe(options={"image_size": BUCKETS, "batch_size": 4}),
    "trivial": Recipe(options={"augment": augseq.preset("trivial")}),
    "randaugment": Recipe(options={"augment": augseq.preset("randaugment", n=2, m=9)}),
    "random windows": Recipe(
        options={"augment": [A.RandomCrop(16, 18), A.GaussNoise(p=1)], "repeats": 3}, times=3
    ),
    "tiles": Recipe(options={"targets": _MASK, "augment": FLIPS}, images=_tiles),
}
_COMBINED: dict[str, Recipe] = {
    "balanced, mixed boxes": Recipe(
        options={
            "sampling": augseq.Balanced(),
            "mix": BOTH,
            "targets": {"kind": _ONE_HOT, "objects": _BOXES},
            "augment": FLIPS,
            "weights": "weight",
        },
        share=_of_groups("kind", 5),
    ),
    "even repeats, mixed": Recipe(
        options={
            "sampling": augseq.Balanced("kind", even_batches=True),
            "repeats": 2,
            "mix": BOTH,
            "label_mode": "categorical",
        },
        share=_of_groups("kind", 5),
        times=2,
    ),
    "views, repeats, mask": Recipe(
        options={"views": 2, "repeats": 3, "targets": _MASK, "augment": FLIPS}, times=3
    ),
    "buckets, mixed boxes": Recipe(
        options={
            "image_size": BUCKETS,
            "batch_size": 4,
            "targets": {"kind": _ONE_HOT, "objects": _BOXES},
            "mix": augseq.CutMix(p=0.6),
            "augment": FLIPS,
        }
    ),
    "buckets, pairs": Recipe(
        options={
            "image_size": BUCKETS,
            "batch_size": 4,
            "inputs": {"other": augseq.PairedImage("pair", augment="own")},
            "repeats": 2,
            "augment": FLIPS,
        },
        times=2,
    ),
    "weighted tiles, mixed masks": Recipe(
        options={
            "sampling": augseq.Weighted("weight", num_images=20),
            "mix": augseq.CutMix(p=0.7),
            "targets": _MASK,
            "augment": FLIPS,
        },
        share=_weights,
        images=_tiles,
    ),
}

COMBINATIONS = list(_COMBINED)
RECIPES |= _COMBINED


def make_images(folder: Path) -> augseq.Manifest:
    """Draw images of noise, with all columns that a recipe reads."""
    rng = np.random.default_rng(3)
    for number, (label, size) in enumerate(zip(CLASSES, SIZES, strict=True)):
        path = folder / "images" / label / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(path)
    images = augseq.index_folder(folder / "images", progress=False)
    columns: dict[str, list[Any]] = {"mask": [], "pair": [], "boxes": []}
    for number, (height, width) in enumerate(SIZES):
        things = {"mask": rng.integers(0, 2, (height, width), np.uint8)}
        things["pair"] = rng.integers(0, 256, (height, width, 3), np.uint8)
        for name, pixels in things.items():
            columns[name].append(f"{name}{number:02}.png")
            Image.fromarray(pixels).save(folder / "images" / columns[name][-1])
        corners = np.sort(rng.uniform(0, 1, (number % 4, 2, 2)), axis=1) * [width, height]
        columns["boxes"].append(corners.ravel())
    classes = pa.array([["thing"] * (number % 4) for number in range(NUM_IMAGES)])
    sources = ["own"] * NUM_OWN + ["public"] * (NUM_IMAGES - NUM_OWN)
    boxes = pa.array(columns.pop("boxes"), pa.list_(pa.float64()))
    for name, values in {
        **columns,
        "boxes": boxes,
        "box_classes": classes,
        "kind": list(CLASSES),
        "source": sources,
        "weight": WEIGHTS,
    }.items():
        images = images.with_column(name, values)
    return images


def digests(arrays: Any) -> list[str]:
    """Return a digest of each row of a batch: of names, types, shapes and values."""
    named = list(_named(arrays, ""))
    found = []
    for row in range(len(named[0][1])):
        digest = hashlib.sha256()
        for name, array in named:
            one = np.ascontiguousarray(array[row])
            digest.update(f"{name} {one.dtype} {one.shape}".encode() + one.tobytes())
        found.append(digest.hexdigest()[:16])
    return found


def _named(value: Any, name: str) -> Iterable[tuple[str, np.ndarray]]:
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _named(value[key], f"{name}/{key}")
    elif isinstance(value, tuple | list):
        for number, one in enumerate(value):
            yield from _named(one, f"{name}/{number}")
    elif value is not None:
        yield name, np.asarray(value)


def parts_of(batches: augseq.ImageSequence, number: int) -> list[Part]:
    """Return the samples of a batch, without padding."""
    batch = batches.batch(number)
    indices = [record.index for record in batch.records]
    found = list(zip(indices, batch.repeats, digests(batch.arrays), strict=True))
    return found[: len(found) - batches.num_padding(number)]


def epoch_of(batches: augseq.ImageSequence, epoch: int | None = None) -> list[Part]:
    """Return the samples of an epoch, or of what is left of the current one."""
    if epoch is not None:
        batches.set_epoch(epoch)
    return [part for number in range(len(batches)) for part in parts_of(batches, number)]
