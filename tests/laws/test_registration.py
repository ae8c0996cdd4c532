"""Masks, value maps and paired images land where their image lands: coordinates, moved."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import augseq

SIDE, STEP, IGNORE = 64, 4, 9999
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]
# Red and green tell the place, in quarters of a pixel; blue tells what the image covers.
PICTURE = np.stack([STEP * ROWS, STEP * COLUMNS, np.full_like(ROWS, 255)], -1).astype(np.uint8)
LABELS = (SIDE * ROWS + COLUMNS).astype(np.uint16)
PLACES = np.stack([ROWS, COLUMNS], -1).astype(np.float32)
UNKNOWN = -1000.0
TARGET = augseq.Mask("mask", classes=[str(k) for k in range(SIDE * SIDE)], ignore=IGNORE)
TARGETS = {
    "target": TARGET,
    "places": augseq.ValueMap("places", channels=2, fill=UNKNOWN),
    "clean": augseq.InputImage(clean=True),
    "twin": augseq.PairedImage("pair"),
    "moved": augseq.PairedImage("pair", augment="geometry"),
}
STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
}  # fmt: skip
OWN = {"own": augseq.PairedImage("pair", augment="own")}


def manifest_of(folder: Path, pictures: dict[str, Any], **saving: Any) -> augseq.Manifest:
    """Save pictures with their masks and value maps, and index them."""
    for name in ("images", "masks", "places"):
        (folder / name).mkdir()
    for name, picture in pictures.items():
        picture.save(folder / "images" / name, **saving)
        Image.fromarray(LABELS).save(folder / "masks" / f"{Path(name).stem}.png")
        np.save(folder / "places" / f"{Path(name).stem}.npy", PLACES)
    found = augseq.index_folder(folder / "images", labels=None, progress=False)
    table = {"path": [f"images/{path}" for path in found.column("path")]}
    images = augseq.index_table(pa.table(table), root=folder, label_column=None)
    images = images.with_column("mask", pattern="masks/{stem}.png")
    images = images.with_column("places", pattern="places/{stem}.npy")
    # The same picture again, so that it must stay the same.
    return images.with_column("pair", images.column("path"))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """Two pictures of coordinates, as PNG."""
    picture = Image.fromarray(PICTURE)
    return manifest_of(tmp_path_factory.mktemp("photos"), {"a.png": picture, "b.png": picture})


def sequence_of(images: augseq.Manifest, augment: list[Any], **options: Any) -> Any:
    chosen = {"image_size": None, "targets": TARGETS, "seed": 3, "batch_size": 1, **options}
    return augseq.ImageSequence(images, augment=augment, **chosen)


def check_sample(sample: augseq.Sample, tolerance: float) -> float:
    """Fail if the mask is not at the image's place; return the share of pixels compared."""
    image, mask = sample.image.astype(float), sample.targets["target"]
    assert mask.shape == image.shape[:2]
    is_ignored = mask == IGNORE
    is_covered = image[:, :, 2] > 254
    # Uncovered areas are ignored, and covered ones are not.
    assert not (is_ignored & is_covered).any()
    assert not (~is_ignored & (image[:, :, 2] < 1)).any()
    known = is_covered & ~is_ignored
    rows, columns = np.divmod(mask[known], SIDE)
    for channel, place in ((0, rows), (1, columns)):
        distance = np.abs(image[:, :, channel][known] / STEP - place)
        assert distance.max(initial=0) <= tolerance
    check_places(sample)
    return float(known.mean())


def check_places(sample: augseq.Sample) -> None:
    """Fail if values are not within half a pixel of their place in the image."""
    image, places = sample.image.astype(float), sample.targets["places"]
    assert places.dtype == np.float32
    assert places.shape == (*image.shape[:2], 2)
    is_unknown = (places == UNKNOWN).any(2)
    assert np.array_equal(is_unknown, (places == UNKNOWN).all(2))
    # Blue is the share of a pixel that the image covers.
    assert (image[:, :, 2][is_unknown] < 135).all()
    assert (image[:, :, 2][~is_unknown] > 120).all()
    is_covered = image[:, :, 2] > 254
    distance = np.abs(image[:, :, :2][is_covered] / STEP - places[is_covered])
    assert distance.max(initial=0) <= 0.5
    # All else moves no pixels, so the clean image is the image, like both pairs.
    check_pairs(sample)


def check_pairs(sample: augseq.Sample) -> None:
    """Fail if another image is not exactly where the image is."""
    for name in ("clean", "twin", "moved"):
        assert np.array_equal(sample.targets[name], sample.image), name


def without_advice(make: Callable[[], Any]) -> Any:
    """Return a transform of a class that albumentations advises against."""
    with warnings.catch_warnings(action="ignore"):
        return make()


# Each with the largest enlargement or reduction of an image, which antialiasing smears.
MOVING: dict[str, tuple[Any, float]] = {
    "Affine": (
        A.Affine(rotate=(-40, 40), scale=(0.6, 1.4), shear=(-15, 15), p=1),
        1,
    ),
    "Affine, translated": (A.Affine(translate_percent=(-0.3, 0.3), p=1), 1),
    "Affine, output fitted": (A.Affine(rotate=30, fit_output=True, p=1), 1),
    "CenterCrop": (A.CenterCrop(40, 50), 1),
    "CenterCrop, padded": (A.CenterCrop(80, 90, pad_if_needed=True), 1),
    "Crop": (A.Crop(3, 4, 50, 44), 1),
    "CropAndPad": (A.CropAndPad(percent=(-0.2, 0.2), p=1), 1.5),
    "CropAndPad, new size": (A.CropAndPad(px=(-9, 9), keep_size=False, p=1), 1),
    "D4": (A.D4(p=1), 1),
    "ElasticTransform": (A.ElasticTransform(alpha=60, sigma=8, p=1), 1),
    "GridDistortion": (A.GridDistortion(distort_limit=0.3, p=1), 1),
    "GridElasticDeform": (A.GridElasticDeform(num_grid_xy=(4, 4), magnitude=4, p=1), 1),
    "HorizontalFlip": (A.HorizontalFlip(p=0.5), 1),
    "LongestMaxSize": (A.LongestMaxSize(33), 2),
    "SmallestMaxSize": (A.SmallestMaxSize(120), 1),
    "OpticalDistortion": (A.OpticalDistortion(distort_limit=0.3, p=1), 1),
    "Pad": (A.Pad(9, p=1), 1),
    "PadIfNeeded": (A.PadIfNeeded(100, 120, p=1), 1),
    "Perspective": (A.Perspective(scale=(0.05, 0.15), p=1), 1),
    "Perspective, output fitted": (A.Perspective(fit_output=True, p=1), 1),
    "RandomCrop": (A.RandomCrop(30, 41), 1),
    "RandomCropFromBorders": (A.RandomCropFromBorders(p=1), 1),
    "RandomGridShuffle": (A.RandomGridShuffle((3, 3), p=1), 1),
    "RandomResizedCrop, small": (A.RandomResizedCrop((20, 30)), 3.2),
    "RandomResizedCrop, large": (A.RandomResizedCrop((111, 131)), 1),
    "RandomRotate90": (A.RandomRotate90(p=1), 1),
    "RandomScale": (A.RandomScale((-0.5, 0.7), p=1), 2),
    "PiecewiseAffine": (without_advice(lambda: A.PiecewiseAffine(p=1)), 1),
    "RandomSizedCrop": (A.RandomSizedCrop((20, 55), (37, 53)), 1.5),
    "Resize": (A.Resize(31, 47), 2.1),
    "Rotate": (A.Rotate(45, p=0.8), 1),
    "Rotate, border cropped": (A.Rotate(60, crop_border=True, p=1), 1),
    "SafeRotate": (A.SafeRotate(60, p=1), 1),
    "ShiftScaleRotate": (without_advice(lambda: A.ShiftScaleRotate(p=1)), 1),
    "SquareSymmetry": (A.SquareSymmetry(p=1), 1),
    "ThinPlateSpline": (A.ThinPlateSpline(p=1), 1),
    "TimeReverse": (without_advice(lambda: A.TimeReverse(p=1)), 1),
    "Transpose": (A.Transpose(p=0.5), 1),
    "VerticalFlip": (A.VerticalFlip(p=0.5), 1),
    "several": (
        A.Compose(
            [A.OneOf([A.Rotate(30, p=1), A.HorizontalFlip(p=1)], p=0.8), A.RandomCrop(40, 40)]
        ),
        1,
    ),
}


@pytest.mark.parametrize(("transform", "scale"), MOVING.values(), ids=MOVING)
def test_a_mask_moves_with_its_image(images: augseq.Manifest, transform: Any, scale: float) -> None:
    sequence = sequence_of(images, [transform])
    # To the nearest pixel, an eighth of a pixel for the values of the picture, and the edge of an
    # antialiasing filter.
    tolerance = 0.5 + 0.13 + 0.15 * (scale - 1)
    shares = [check_sample(sequence.sample(0, epoch=epoch), tolerance) for epoch in range(6)]
    assert max(shares) > 0.3


# Refused with masks, or in any list since they need more than the image; see `test_mask.py` and
# `test_suitability.py`.
REFUSED = {
    "AtLeastOneBBoxRandomCrop", "BBoxSafeRandomCrop", "CropNonEmptyMaskIfExists", "Lambda",
    "MaskDropout", "Morphological", "Mosaic", "OverlayElements", "RandomCropNearBBox",
    "RandomSizedBBoxSafeCrop",
}  # fmt: skip
# Classes that others inherit from.
ABSTRACT = {"BaseCrop", "BaseCropAndPad", "BaseDistortion", "DualTransform", "MaxSizeTransform"}


def test_every_transform_that_can_move_pixels_is_tested_or_refused() -> None:
    kinds = {
        name: kind
        for name, kind in vars(A).items()
        if isinstance(kind, type) and issubclass(kind, A.DualTransform)
    }
    still = {"BaseDropout", "PixelDropout", "NoOp", "Transform3D"}
    moving = {
        name for name, kind in kinds.items() if not still & {base.__name__ for base in kind.__mro__}
    }
    # The name of a case begins with that of its class.
    assert moving - ABSTRACT - REFUSED == {name.split(",")[0] for name in MOVING} - {"several"}


# All that could make new values: interpolation, antialiasing, fills and reflections.
BLENDS = [
    A.Affine(rotate=(-40, 40), scale=(0.5, 1.5), shear=(-15, 15), p=0.7),
    A.ElasticTransform(alpha=60, sigma=8, p=0.5),
    A.Perspective(p=0.5),
    A.RandomResizedCrop((30, 41), scale=(0.2, 1), p=1),
]
BOXES = np.kron(np.random.default_rng(4).integers(0, 4, (8, 8)), np.ones((8, 8), int))
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")


def grey(dtype: Any) -> Callable[[np.ndarray], Any]:
    return lambda ids: Image.fromarray(ids.astype(dtype))


def palette_of(ids: np.ndarray) -> Image.Image:
    picture = Image.frombytes("P", ids.shape[::-1], ids.astype(np.uint8).tobytes())
    # Neighbouring indices have unlike colours.
    picture.putpalette([37 * k % 256 for k in range(3 * 256)])
    return picture


# Of each: ids, how they are stored, and the extension of their file, if it is none of an array.
STORED: dict[str, tuple[list[int], Callable[[np.ndarray], Any], str]] = {
    "1 bit": ([0, 1, 0, 1], grey(bool), "png"),
    "8 bits": ([0, 254, 127, 128], grey(np.uint8), "png"),
    "a palette": ([3, 9, 6, 250], palette_of, "png"),
    "a palette in a BMP": ([3, 9, 6, 7], palette_of, "bmp"),
    "16 bits": ([0, 2000, 1000, 65535], grey(np.uint16), "png"),
    "16 bits in a TIFF": ([9, 5, 7, 900], grey(np.uint16), "tif"),
    "32 bits": ([2**30, 0, 2**29, 5], grey(np.int32), "tif"),
    "bool": ([0, 1, 0, 1], lambda ids: ids.astype(bool), ""),
    **{
        dtype: ([0, 100, 50, 25], lambda ids, dtype=dtype: ids.astype(dtype), "")
        for dtype in INTEGERS
    },
    "large int64": ([2**31 - 1, 0, 2**30, 7], lambda ids: ids.astype(np.int64), ""),
}


@pytest.mark.parametrize(("ids", "make", "suffix"), STORED.values(), ids=STORED)
def test_no_values_come_out_of_a_mask_that_did_not_go_in(
    tmp_path: Path, ids: list[int], make: Callable[[np.ndarray], Any], suffix: str
) -> None:
    # Class numbers with gaps: interpolation would make the classes between them.
    coding = {one: f"class {60 * k}" for k, one in enumerate(dict.fromkeys(ids))}
    target: dict[str, Any] = {"classes": [f"class {k}" for k in range(200)], "coding": coding}
    options: dict[str, Any] = {
        "augment": BLENDS, "seed": 5, "interpolation": "bicubic", "image_size": (19, 23),
    }  # fmt: skip
    stored = make(np.array(ids)[BOXES])
    if suffix:
        for name in ("images", "masks"):
            (tmp_path / name).mkdir()
        Image.fromarray(PICTURE).save(tmp_path / "images/a.png")
        stored.save(tmp_path / f"masks/a.{suffix}")
        images = augseq.index_folder(tmp_path / "images", labels=None, progress=False)
        images = images.with_column("mask", pattern=f"../masks/{{stem}}.{suffix}")
        mask = augseq.Mask("mask", ignore=300, **target)
        sequence = augseq.ImageSequence(images, targets=mask, **options)
    else:
        mask = augseq.Mask(stored[None], ignore=300, **target)
        sequence = augseq.ImageSequence.from_arrays(PICTURE[None], mask, **options)
    found: set[int] = set()
    for epoch in range(5):
        found |= set(np.unique(sequence.sample(0, epoch=epoch).targets["target"]).tolist())
    assert found == {*range(0, 60 * len(coding), 60), 300}


@pytest.mark.parametrize("resize_mode", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(64, 64), (32, 48), (100, 70), (17, 90)])
@pytest.mark.parametrize("augment", [[], [A.Rotate(30, p=1), A.HorizontalFlip()]])
def test_a_mask_is_resized_with_its_image(
    images: augseq.Manifest, resize_mode: Any, size: tuple[int, int], augment: list[Any]
) -> None:
    sequence = sequence_of(images, augment, image_size=size, resize_mode=resize_mode)
    scale = max(SIDE / min(size), 1)
    tolerance = (0.5 + 0.13) * (2 if augment else 1) * scale
    sample = sequence.sample(0, epoch=1)
    image, mask = sample.image, sample.targets["target"]
    check_places(sample)
    if not augment:
        assert np.array_equal(mask == IGNORE, image[:, :, 2] == 0)
        known = mask != IGNORE
        rows, columns = np.divmod(mask[known], SIDE)
        assert np.abs(image[:, :, 0][known] / STEP - rows).max() <= tolerance
        assert np.abs(image[:, :, 1][known] / STEP - columns).max() <= tolerance
    else:
        assert check_sample(sample, tolerance) > 0.1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_belongs_to_the_upright_image(tmp_path: Path, orientation: int) -> None:
    saving = {"exif": exif_of(orientation), "quality": 100, "subsampling": 0}
    images = manifest_of(tmp_path, {"a.jpg": turned(orientation)}, **saving)
    # JPEG is off by a few of 255 values.
    assert check_jpeg(sequence_of(images, [A.RandomCrop(40, 30)]).sample(0, epoch=2), 1.5) == 1


def check_jpeg(sample: augseq.Sample, tolerance: float) -> float:
    image, mask = sample.image.astype(float), sample.targets["target"]
    rows, columns = np.divmod(mask, SIDE)
    assert np.abs(image[:, :, 0] / STEP - rows).max() <= tolerance
    assert np.abs(image[:, :, 1] / STEP - columns).max() <= tolerance
    places = sample.targets["places"]
    assert np.abs(image[:, :, :2] / STEP - places).max() <= tolerance
    check_pairs(sample)
    return float((mask != IGNORE).mean())


@pytest.mark.parametrize(
    ("augment", "options"),
    [
        ([], {"image_size": (16, 16)}),
        ([A.HorizontalFlip()], {"image_size": (13, 9), "resize_mode": "crop"}),
        ([A.RandomResizedCrop((9, 7), scale=(0.4, 1))], {}),
        ([A.RandomResizedCrop((8, 8), scale=(0.2, 0.9))], {"image_size": (8, 8)}),
        ([A.Resize(7, 12)], {}),
    ],
)
def test_a_mask_follows_a_jpeg_that_is_decoded_at_reduced_size(
    tmp_path: Path, augment: list[Any], options: dict[str, Any]
) -> None:
    # Sizes that 2, 4 and 8 do not divide have a last pixel that extends beyond the image.
    picture = Image.fromarray(PICTURE)
    images = manifest_of(tmp_path, {"a.jpg": picture}, quality=100, subsampling=0)
    plain, scaled = (
        sequence_of(images, augment, scaled_decode=flag, **options) for flag in (False, True)
    )
    for epoch in range(4):
        samples = [each.sample(0, epoch=epoch) for each in (plain, scaled)]
        assert samples[0].targets["target"].shape == samples[1].image.shape[:2]
        height, width = samples[0].image.shape[:2]
        for sample in samples:
            check_jpeg(sample, 0.75 * SIDE / min(height, width) + 1)


@pytest.mark.parametrize("augment", [[], [A.Rotate(20, p=1)], [A.RandomResizedCrop((24, 24))]])
@pytest.mark.parametrize(
    "options",
    [
        {"cache": "memory"},
        {"workers": 2, "worker_kind": "threads"},
        {"workers": 2, "worker_kind": "processes"},
    ],
)
def test_caches_and_processes_give_the_same_masks(
    images: augseq.Manifest, augment: list[Any], options: dict[str, Any]
) -> None:
    options = {"image_size": (24, 24), "targets": {**TARGETS, **OWN}, **options}
    plain = sequence_of(images, augment, **{**options, "workers": 0, "cache": None})
    other = sequence_of(images, augment, **options)
    expected = [plain[k] for k in range(2)]
    for epoch in range(2 if "cache" in options else 1):
        other.set_epoch(0)
        for k in range(2):
            x, y = other[k]
            assert np.array_equal(x, expected[k][0]), epoch
            for name in [*TARGETS, *OWN]:
                assert np.array_equal(y[name], expected[k][1][name]), (epoch, name)


def test_what_does_not_move_the_image_does_not_touch_its_mask(images: augseq.Manifest) -> None:
    still = [A.ColorJitter(p=1), A.CoarseDropout(p=1), A.GaussianBlur(p=1), darker, A.NoOp(p=1)]
    sample = sequence_of(images, [*still, A.PixelDropout(p=1)]).sample(0, epoch=3)
    assert np.array_equal(sample.targets["target"], LABELS)
    assert np.array_equal(sample.targets["places"], PLACES)
    assert np.array_equal(sample.targets["clean"], PICTURE)
    assert np.array_equal(sample.targets["moved"], PICTURE)
    assert np.array_equal(sample.targets["twin"], sample.image)
    assert not np.array_equal(sample.image, PICTURE)


@augseq.photometric
def darker(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image // 2


def test_an_image_is_the_same_with_and_without_its_mask(images: augseq.Manifest) -> None:
    transforms = [transform for transform, _ in MOVING.values()]
    for transform in transforms:
        sequences = [
            augseq.ImageSequence(
                images, image_size=None, seed=3, augment=[transform], label_mode=None, targets=t
            )
            for t in ({**TARGETS, **OWN}, None)
        ]
        first, second = (each.sample(1, epoch=2).image for each in sequences)
        assert np.array_equal(first, second)


# Of each: options of the sequence, and how the pictures are saved.
EVERYWHERE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "threads": ({"workers": 2, "worker_kind": "threads"}, {}),
    "processes": ({"workers": 2, "worker_kind": "processes"}, {}),
    "a cache in memory": ({"cache": "memory"}, {}),
    "a cache and processes": ({"cache": "memory", "workers": 1, "worker_kind": "processes"}, {}),
    **{f"orientation {k}": ({}, {"orientation": k}) for k in range(2, 9)},
}


@pytest.mark.long
@pytest.mark.parametrize("resize", [None, "stretch", "crop", "pad"])
@pytest.mark.parametrize(("options", "saving"), EVERYWHERE.values(), ids=EVERYWHERE)
def test_all_transforms_move_masks_alike_everywhere(
    tmp_path: Path, resize: Any, options: dict[str, Any], saving: dict[str, Any]
) -> None:
    plain = manifest_of(tmp_path, {"a.png": Image.fromarray(PICTURE)})
    other = plain
    if saving:
        (tmp_path / "other").mkdir()
        other = manifest_of(tmp_path / "other", {"a.png": turned(**saving)}, exif=exif_of(**saving))
    size = {} if resize is None else {"image_size": (40, 30), "resize_mode": resize}
    common = {"targets": {**TARGETS, **OWN}, **size}
    for name, (transform, _) in MOVING.items():
        expected = sequence_of(plain, [transform], workers=0, **common)
        tested = sequence_of(other, [transform], **common, **options)
        # Of the second pass, caches are full.
        for epoch in (0, 1, 0):
            expected.set_epoch(epoch)
            tested.set_epoch(epoch)
            (x, y), (image, targets) = expected[0], tested[0]
            assert np.array_equal(image, x), name
            for key, values in y.items():
                assert np.array_equal(targets[key], values), (name, key)


def turned(orientation: int) -> Image.Image:
    """Return the picture as a camera stores it with an orientation."""
    picture = Image.fromarray(PICTURE)
    return picture.transpose(STORED_AS[orientation]) if orientation in STORED_AS else picture


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif
