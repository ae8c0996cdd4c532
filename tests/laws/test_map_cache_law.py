"""A cache changes when masks, value maps and paired images are decoded, never what they are."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import DecodeError
from tests.loading.targets.test_mask import CODINGS, TRUTH, images_with
from tests.pixels.cache.conftest import entries

# No two alike; 8, 4 and 2 do not divide those of the JPEG files, which are decoded at such scales.
SIZES = {
    "a.jpg": (407, 301),
    "b.jpg": (335, 333),
    "c.png": (60, 81),
    "d.png": (24, 20),
    "e.jpg": (335, 301),
    "f.png": (301, 335),
}
# Both have the extension of the other format.
FORMATS = {"e.jpg": "PNG", "f.png": "JPEG"}
SIZE = (24, 20)
CLASSES = [str(number) for number in range(200)]
NUM_KINDS = 5


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images, and folders of their masks, value maps and paired images."""
    root = tmp_path_factory.mktemp("originals")
    rng = np.random.default_rng(3)
    for kind in ("images", "few", "many", "depth", "pair"):
        (root / kind).mkdir()
    for name, size in SIZES.items():
        stem = name[0]
        for kind in ("images", "pair"):
            image = Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8))
            image.save(root / kind / name, FORMATS.get(name))
        few = Image.frombytes("P", size[::-1], rng.choice([0, 1, 2, 255], size).astype("u1"))
        few.putpalette([37 * k % 256 for k in range(3 * 256)])
        few.save(root / f"few/{stem}.png")
        many = rng.integers(0, 200, size).astype(np.uint16)
        Image.fromarray(many * 300).save(root / f"many/{stem}.png")
        depth = rng.normal(size=size).astype(np.float32)
        depth[rng.random(size) < 0.1] = np.nan
        np.save(root / f"depth/{stem}.npy", depth)
    return root


@pytest.fixture
def root(originals: Path, tmp_path: Path) -> Path:
    """A copy of the files that a test can change."""
    return Path(shutil.copytree(originals, tmp_path / "files"))


def manifest_of(root: Path) -> augseq.Manifest:
    images = augseq.index_folder(root / "images", labels=None, progress=False)
    for column, end in {"few": "png", "many": "png", "depth": "npy"}.items():
        images = images.with_column(column, pattern=f"../{column}/{{stem}}.{end}")
    return images.with_column("pair", pattern="../pair/{name}")


def sequence_of(
    root: Path, cache: Any = None, *, tile: tuple[int, int] | None = None, **options: Any
) -> augseq.ImageSequence:
    images = manifest_of(root)
    if tile is not None:
        images = augseq.tile_manifest(images, tile, overlap=0, pad=True)
    coding = {300 * number: name for number, name in enumerate(CLASSES)}
    targets = {
        "few": augseq.Mask("few", classes=["sky", "road", "car"]),
        "many": augseq.Mask("many", classes=CLASSES, ignore=999, coding=coding),
        "depth": augseq.ValueMap("depth", scale=0.3, missing=float("nan"), fill=-1),
    }
    options = {"image_size": SIZE, "batch_size": 1, "seed": 2, "workers": 0, **options}
    pair = {"pair": augseq.PairedImage("pair", augment="geometry")}
    return augseq.ImageSequence(images, targets=targets, inputs=pair, cache=cache, **options)


def arrays(sequence: augseq.ImageSequence, epoch: int) -> list[np.ndarray]:
    sequence.set_epoch(epoch)
    batches = [sequence[k] for k in range(len(sequence))]
    return [array for x, y in batches for array in [*x.values(), *y.values()]]


def check_same(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for array, wanted in zip(found, expected, strict=True):
        assert array.dtype == wanted.dtype
        np.testing.assert_array_equal(array, wanted)


CROP = [A.RandomResizedCrop(SIZE), A.HorizontalFlip()]
TURN = [A.Rotate(30, p=1)]
THREADS, PROCESSES = ({"workers": 2, "worker_kind": kind} for kind in ("threads", "processes"))
BUCKETS = augseq.Buckets([SIZE, (20, 24)])


@pytest.mark.parametrize(
    ("in_memory", "options"),
    [
        (True, {"augment": TURN}),
        (False, {"augment": TURN, "resize_mode": "pad"} | THREADS),
        (False, {"augment": TURN, "resize_mode": "crop", "scaled_decode": False}),
        (False, {"augment": TURN} | PROCESSES),
        (False, {"augment": CROP} | THREADS),
        (True, {"augment": CROP} | PROCESSES),
        (True, {"image_size": None, "augment": TURN}),
        (False, {"image_size": BUCKETS, "augment": TURN}),
    ],
)
def test_all_arrays_are_those_without_a_cache(
    originals: Path, tmp_path: Path, in_memory: bool, options: dict[str, Any]
) -> None:
    cached = sequence_of(originals, "memory" if in_memory else tmp_path / "cache", **options)
    plain = sequence_of(originals, **{**options, "workers": 0})
    for epoch in (0, 0, 1):
        check_same(arrays(cached, epoch), arrays(plain, epoch))


@pytest.mark.parametrize("augment", [TURN, CROP], ids=["resized", "whole"])
def test_boxes_are_those_without_a_cache(
    originals: Path, tmp_path: Path, augment: list[Any]
) -> None:
    images, boxes = [], []
    for k, (name, (height, width)) in enumerate(SIZES.items()):
        images.append({"id": k, "file_name": name, "height": height, "width": width})
        bbox = [0.2 * width, 0.3 * height, 0.6 * width, 0.5 * height]
        boxes.append({"id": k, "image_id": k, "category_id": 1, "bbox": bbox, "iscrowd": 0})
    coco = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}]}
    (tmp_path / "boxes.json").write_text(json.dumps(coco))
    manifest = augseq.index_coco(tmp_path / "boxes.json", originals / "images", progress=False)
    options = {"image_size": SIZE, "targets": augseq.Boxes(), "augment": augment, "workers": 0}
    plain = augseq.ImageSequence(manifest, **options)
    cached = augseq.ImageSequence(manifest, cache=tmp_path / "cache", **options)
    for epoch in (0, 0, 1):
        for batches in (plain, cached):
            batches.set_epoch(epoch)
        (_, found), (_, expected) = cached[0], plain[0]
        assert (expected["labels"] >= 0).any()
        check_same(list(found.values()), list(expected.values()))


@pytest.mark.parametrize("augment", [TURN, CROP], ids=["resized", "whole"])
def test_filling_a_cache_with_tiles_changes_neither_them_nor_whole_images(
    originals: Path, tmp_path: Path, augment: list[Any]
) -> None:
    tile = (210, 160)
    tiles = sequence_of(originals, tmp_path, tile=tile, augment=augment)
    assert tiles.fill_cache(progress=False) == len(tiles)
    check_same(arrays(tiles, 0), arrays(sequence_of(originals, tile=tile, augment=augment), 0))
    whole = sequence_of(originals, tmp_path, augment=augment)
    check_same(arrays(whole, 0), arrays(sequence_of(originals, augment=augment), 0))


@pytest.mark.parametrize("room", [0, 1_200_000])
@pytest.mark.parametrize("augment", [TURN, CROP], ids=["resized", "whole"])
@pytest.mark.filterwarnings("ignore:The cache in")
def test_a_full_cache_gives_the_same_arrays(
    originals: Path, tmp_path: Path, augment: list[Any], room: int
) -> None:
    cache = augseq.ImageCache(folder=tmp_path, max_bytes=1 + room // (40 if augment is TURN else 1))
    cached = sequence_of(originals, cache, augment=augment)
    plain = sequence_of(originals, augment=augment)
    assert cached.fill_cache(progress=False) < len(SIZES)
    assert 0 < len(entries(tmp_path)) < NUM_KINDS * len(SIZES) or not room
    for epoch in (0, 1):
        check_same(arrays(cached, epoch), arrays(plain, epoch))


@pytest.mark.parametrize("augment", [TURN, CROP], ids=["resized", "whole"])
@pytest.mark.parametrize("fills", [False, True])
def test_only_the_first_epoch_reads_files(
    root: Path, tmp_path: Path, augment: list[Any], fills: bool
) -> None:
    options: dict[str, Any] = {"augment": augment, "scaled_decode": False}
    expected = [arrays(sequence_of(root, **options), epoch) for epoch in (0, 1)]
    cached = sequence_of(root, tmp_path / "cache", **options)
    if fills:
        assert cached.fill_cache(progress=False) == len(SIZES)
    else:
        arrays(cached, 0)
    num_files = NUM_KINDS * len(SIZES)
    assert len(entries(tmp_path / "cache")) == num_files
    assert f"; {num_files} files, " in repr(cached)
    for path in (path for path in root.rglob("*") if path.is_file()):
        # Of the same size and time, and so the same file as far as a cache can tell.
        status = path.stat()
        path.write_bytes(bytes(status.st_size))
        os.utime(path, ns=(0, status.st_mtime_ns))
    for epoch in (0, 1):
        check_same(arrays(cached, epoch), expected[epoch])
    assert len(entries(tmp_path / "cache")) == num_files


@pytest.mark.parametrize("augment", [TURN, CROP], ids=["resized", "whole"])
def test_files_that_change_are_decoded_again(
    root: Path, tmp_path: Path, augment: list[Any]
) -> None:
    cached = sequence_of(root, tmp_path / "cache", augment=augment)
    before = arrays(cached, 0)
    for kind in ("few", "many"):
        path = root / kind / "a.png"
        Image.fromarray(np.asarray(Image.open(path))[::-1]).save(path)
    np.save(root / "depth/a.npy", np.load(root / "depth/a.npy")[::-1])
    after = arrays(cached, 0)
    check_same(after, arrays(sequence_of(root, augment=augment), 0))
    num_changed = sum(not np.array_equal(*pair) for pair in zip(before, after, strict=True))
    assert num_changed == 3
    # The masks have not changed, but are of another size than their images now.
    for kind in ("images", "pair"):
        Image.fromarray(np.zeros((30, 30, 3), np.uint8)).save(root / kind / "c.png")
    with pytest.raises(DecodeError, match=r"'few/c\.png' of .*60 x 81 .* has 30 x 30"):
        cached.sample(epoch=0, index=2)


@pytest.mark.parametrize(("picture", "suffix", "options"), CODINGS.values(), ids=CODINGS)
def test_a_cache_holds_the_classes_of_one_coding(
    tmp_path: Path, picture: Any, suffix: str, options: dict[str, Any]
) -> None:
    images = images_with(tmp_path, picture(), suffix=suffix)
    classes = ["sky", "road", "car"]
    for names in (classes, classes, classes[::-1]):
        mask = augseq.Mask("mask", classes=names, **options)
        # A hidden folder: this one is inside that of the masks.
        cache = tmp_path / ".cache"
        batches = augseq.ImageSequence(images, image_size=None, targets=mask, cache=cache)
        # Without a coding, only the names of the classes differ.
        is_turned = names is not classes and "coding" in options
        expected = np.where(TRUTH == 255, 255, 2 - TRUTH) if is_turned else TRUTH
        np.testing.assert_array_equal(batches[0][1][0], expected)
