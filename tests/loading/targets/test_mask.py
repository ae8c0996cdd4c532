"""Masks in every coding, and what is wrong with them: the error names mask, image and pixel."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError, AugseqError, DecodeError, LabelError, MissingFileError

HEIGHT, WIDTH = 6, 9
CLASSES = ["sky", "road", "car"]
# Class numbers; 255 is ignored.
TRUTH = np.array([[0, 1, 2, 255, 1, 0, 2, 2, 255]] * 5 + [[1] * 9])
COLORS = {0: (10, 20, 30), 1: (0, 0, 0), 2: (255, 0, 7), 255: (1, 2, 3)}


def stored(value_of: dict[int, Any], dtype: Any = np.uint8) -> np.ndarray:
    flat = [value_of[number] for number in TRUTH.ravel().tolist()]
    return np.array(flat, dtype).reshape(HEIGHT, WIDTH, *np.shape(flat[0]))


def palette_of(values: np.ndarray) -> Image.Image:
    picture = Image.frombytes("P", (WIDTH, HEIGHT), values.tobytes())
    # Colours that have nothing to do with the indices, some of them equal.
    picture.putpalette([37 * k % 256 for k in range(3 * 256)])
    return picture


def images_with(folder: Path, mask: Any, *, suffix: str = "png", **saving: Any) -> augseq.Manifest:
    """Return a manifest of one image, with a mask saved as a file of this type."""
    for name in ("images", "masks"):
        (folder / name).mkdir()
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(folder / "images" / "a.png")
    if mask is not None:
        mask.save(folder / "masks" / f"a.{suffix}", **saving)
    images = augseq.index_folder(folder / "images", labels=None, progress=False)
    return images.with_column("mask", pattern=f"../masks/{{stem}}.{suffix}")


def mask_of(images: augseq.Manifest, **options: Any) -> np.ndarray:
    target = augseq.Mask("mask", **{"classes": CLASSES, **options})
    sequence = augseq.ImageSequence(images, image_size=None, targets=target, workers=0)
    labels: np.ndarray = sequence[0][1][0]
    return labels


IDS = {0: 7, 1: 11, 2: 26, 255: 0}
CITY = {7: "sky", 11: "road", 26: "car", 0: None}
SAME = {0: 0, 1: 1, 2: 2, 255: 255}

CODINGS: dict[str, tuple[Callable[[], Any], str, dict[str, Any]]] = {
    "grey class numbers": (lambda: Image.fromarray(stored(SAME)), "png", {}),
    "palette indices": (lambda: palette_of(stored(SAME)), "png", {}),
    "a TIFF": (lambda: Image.fromarray(stored(SAME)), "tiff", {}),
    "a BMP": (lambda: Image.fromarray(stored(SAME)), "bmp", {}),
    "ids with gaps": (lambda: Image.fromarray(stored(IDS)), "png", {"coding": CITY}),
    "16-bit ids": (
        lambda: Image.fromarray(stored({0: 1000, 1: 26001, 2: 65535, 255: 300}, np.uint16)),
        "png",
        {"coding": {1000: "sky", 26001: "road", 65535: "car", 300: None}},
    ),
    "32-bit ids": (
        lambda: Image.fromarray(stored({0: 70000, 1: 5, 2: 2**30, 255: 0}, np.int32)),
        "tiff",
        {"coding": {70000: "sky", 5: "road", 2**30: "car", 0: None}},
    ),
    "colours": (
        lambda: Image.fromarray(stored(COLORS)),
        "png",
        {"coding": {COLORS[0]: "sky", COLORS[1]: "road", COLORS[2]: "car", COLORS[255]: None}},
    ),
    "colours without transparency": (
        lambda: Image.fromarray(stored(COLORS)).convert("RGBA"),
        "png",
        {"coding": {COLORS[0]: "sky", COLORS[1]: "road", COLORS[2]: "car", COLORS[255]: None}},
    ),
    "several ids for a class": (
        lambda: Image.fromarray(stored({**SAME, 255: 9})),
        "png",
        {"coding": {0: "sky", 1: "road", 2: "car", 9: None, 200: "car"}},
    ),
}


@pytest.mark.parametrize(("make", "suffix", "options"), CODINGS.values(), ids=CODINGS)
def test_each_coding_gives_class_numbers(
    tmp_path: Path, make: Callable[[], Any], suffix: str, options: dict[str, Any]
) -> None:
    labels = mask_of(images_with(tmp_path, make(), suffix=suffix), **options)
    assert labels.dtype == np.int32
    assert np.array_equal(labels, TRUTH)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_values_of_few_bits_are_not_stretched(tmp_path: Path, bits: int) -> None:
    import struct
    import zlib

    values = TRUTH % 2 if bits == 1 else np.where(TRUTH == 255, 3, TRUTH)
    packed = b""
    for row in values:
        digits = "".join(f"{value:0{bits}b}" for value in row)
        digits += "0" * (-len(digits) % 8)
        packed += b"\0" + int(digits, 2).to_bytes(len(digits) // 8, "big")
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(packed)), (b"IEND", b"")):
        content += struct.pack(">I", len(data)) + kind + data
        content += struct.pack(">I", zlib.crc32(kind + data))
    images = images_with(tmp_path, Image.fromarray(stored(SAME)))
    (tmp_path / "masks" / "a.png").write_bytes(content)
    labels = mask_of(images, coding={0: "sky", 1: "road", 2: "car", 3: None})
    assert np.array_equal(labels, TRUTH % 2 if bits == 1 else TRUTH)


def test_two_classes_can_be_0_and_255(tmp_path: Path) -> None:
    mask = Image.fromarray(np.where(TRUTH == 1, 255, 0).astype(np.uint8))
    options = {"classes": ["background", "cell"], "coding": {0: "background", 255: "cell"}}
    assert np.array_equal(mask_of(images_with(tmp_path, mask), **options), TRUTH == 1)


def test_one_hot_masks_have_rows_of_zeros_where_ignored(tmp_path: Path) -> None:
    labels = mask_of(images_with(tmp_path, Image.fromarray(stored(SAME))), one_hot=True)
    expected = np.eye(256)[TRUTH][:, :, :3]
    assert labels.dtype == np.float32
    assert np.array_equal(labels, expected)


@pytest.mark.parametrize("ignore", [3, 255, 1000, -1])
def test_ignored_pixels_get_the_number_of_the_loss(tmp_path: Path, ignore: int) -> None:
    images = images_with(tmp_path, Image.fromarray(stored(IDS)))
    labels = mask_of(images, coding=CITY, ignore=ignore)
    assert np.array_equal(labels, np.where(TRUTH == 255, ignore, TRUTH))


@pytest.mark.parametrize("num_classes", [1, 127, 128, 129, 254])
def test_all_values_of_a_byte_can_be_classes(tmp_path: Path, num_classes: int) -> None:
    values = np.minimum(np.arange(256), num_classes - 1).astype(np.uint8)
    values[-1] = 255
    picture = np.resize(values, (HEIGHT, WIDTH * 5))
    images = images_with(tmp_path, Image.fromarray(picture))
    Image.fromarray(np.zeros((*picture.shape, 3), np.uint8)).save(tmp_path / "images" / "a.png")
    found = mask_of(images, classes=[str(k) for k in range(num_classes)])
    assert np.array_equal(found, picture)


def grey(values: Any = None) -> Image.Image:
    return Image.fromarray(stored(SAME) if values is None else np.asarray(values))


WRONG: dict[str, tuple[Callable[[], Any], dict[str, Any], type[AugseqError], list[str]]] = {
    "a JPEG": (
        lambda: (grey(), "jpg"),
        {},
        DecodeError,
        ["masks/a.jpg", "images/a.png", "lossless", "PNG"],
    ),
    "another size": (
        lambda: (grey(np.zeros((HEIGHT, WIDTH + 1), np.uint8)), "png"),
        {},
        DecodeError,
        ["masks/a.png", "images/a.png", "6 x 10", "6 x 9"],
    ),
    "not upright": (
        lambda: (grey(np.zeros((WIDTH, HEIGHT), np.uint8)), "png"),
        {},
        DecodeError,
        ["9 x 6", "exif_orientation=False"],
    ),
    "a value beyond the classes": (
        lambda: (grey(stored({**SAME, 2: 3})), "png"),
        {},
        LabelError,
        ["masks/a.png", "images/a.png", "3 in row 0, column 2", "15 of 54 pixels", "`coding`"],
    ),
    "an unknown 16-bit value": (
        lambda: (Image.fromarray(stored({**SAME, 2: 40000}, np.uint16)), "png"),
        {},
        LabelError,
        ["40000 in row 0, column 2"],
    ),
    "an unknown colour": (
        lambda: (grey(stored({**COLORS, 2: (9, 9, 9)})), "png"),
        {"coding": {COLORS[0]: "sky", COLORS[1]: "road", COLORS[255]: None}},
        LabelError,
        ["(9, 9, 9) in row 0, column 2"],
    ),
    "colours without a table": (
        lambda: (grey(stored(COLORS)), "png"),
        {},
        LabelError,
        ["has colours (RGB)", "`coding`"],
    ),
    "numbers for a table of colours": (
        lambda: (grey(), "png"),
        {"coding": {(0, 0, 0): "sky"}},
        LabelError,
        ["coding has colours", "grey values"],
    ),
    "transparent pixels": (
        lambda: (Image.fromarray(np.zeros((HEIGHT, WIDTH, 4), np.uint8)), "png"),
        {"coding": {(0, 0, 0): "sky"}},
        DecodeError,
        ["transparent"],
    ),
}


@pytest.mark.parametrize(("make", "options", "kind", "texts"), WRONG.values(), ids=WRONG)
def test_a_wrong_mask_is_named_with_its_image(
    tmp_path: Path,
    make: Callable[[], Any],
    options: dict[str, Any],
    kind: type[AugseqError],
    texts: list[str],
) -> None:
    mask, suffix = make()
    images = images_with(tmp_path, mask, suffix=suffix)
    with pytest.raises(kind) as caught:
        mask_of(images, **options)
    for text in texts:
        assert text in str(caught.value)


def test_a_damaged_mask_is_named_with_its_image(tmp_path: Path) -> None:
    images = images_with(tmp_path, grey())
    path = tmp_path / "masks" / "a.png"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DecodeError, match=r"masks/a\.png.*images/a\.png"):
        mask_of(images)
    path.unlink()
    with pytest.raises(MissingFileError, match=r"masks/a\.png.*images/a\.png"):
        mask_of(images)


NO_MASKS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "the file is empty (0 bytes)"),
    "a failed copy": (bytes(90), "all zero"),
    "a note": (b"to do: draw the car\n", "20 bytes are"),
    "a web page": (b"<!doctype html><html><body>404</body></html>", "a web page (HTML)"),
    "an array": (b"\x93NUMPY\x01\0v\0" + bytes(99), "numpy"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
    "a link of Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
    "an unknown format": (b"\x01\x02\xf3\xf4" * 9, "36 bytes are not an image of a known format"),
    "half a signature": (b"\x89PNG", "4 bytes are not an image"),
    "a ZIP": (b"PK\3\4" + bytes(60), "a ZIP archive"),
}


@pytest.mark.parametrize(("data", "text"), NO_MASKS.values(), ids=NO_MASKS)
def test_a_mask_that_is_no_image_is_described_like_an_image(
    tmp_path: Path, data: bytes, text: str
) -> None:
    images = images_with(tmp_path, grey())
    (tmp_path / "masks" / "a.png").write_bytes(data)
    with pytest.raises(DecodeError, match=re.escape(text)) as caught:
        mask_of(images)
    assert "masks/a.png" in str(caught.value)
    assert not str(caught.value).endswith("..")


@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH + 1), (WIDTH, HEIGHT), (1, 1)])
def test_the_error_of_a_mask_of_another_size_ends_with_one_full_stop(
    tmp_path: Path, shape: tuple[int, int]
) -> None:
    images = images_with(tmp_path, grey(np.zeros(shape, np.uint8)))
    with pytest.raises(DecodeError, match=r"[^.]\.$"):
        mask_of(images)


def test_a_mask_must_exist_when_its_column_is_made(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"'masks/a\.png' for 'a\.png'"):
        images_with(tmp_path, None)


OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no classes": ({"classes": []}, "`classes` of Mask"),
    "classes as numbers": ({"classes": [0, 1]}, "a list of names"),
    "classes twice": ({"classes": ["a", "a"]}, "different"),
    "ignore is a class": ({"ignore": 1}, "must not be the number of a class"),
    "ignore is a text": ({"ignore": "void"}, "`ignore`"),
    "coding is a list": ({"coding": ["sky", "road"]}, "must be a dict"),
    "coding is empty": ({"coding": {}}, "must be a dict"),
    "a class that is not there": ({"coding": {0: "raod"}}, "mean 'road'"),
    "colours and numbers": ({"coding": {0: "sky", (1, 1, 1): "car"}}, "not both"),
    "a colour of two values": ({"coding": {(1, 1): "sky"}}, "colours"),
    "a negative value": ({"coding": {-1: "sky"}}, "at least 0"),
}


@pytest.mark.parametrize(("options", "text"), OPTIONS.values(), ids=OPTIONS)
def test_wrong_options_of_a_mask_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        augseq.Mask("mask", **{"classes": CLASSES, **options})


def test_a_column_of_masks_must_be_text_and_complete(tmp_path: Path) -> None:
    images = images_with(tmp_path, grey())
    with pytest.raises(ArgumentError, match=r"no column 'masks'.*Did you mean 'mask'"):
        augseq.ImageSequence(images, targets=augseq.Mask("masks", classes=CLASSES))
    with pytest.raises(ArgumentError, match=r"column of paths.*int64"):
        mask_of(images.with_column("mask", [1]))
    with pytest.raises(LabelError, match=r"images/a\.png"):
        mask_of(images.with_column("mask", [None]))


def plain(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image


class Still:
    """Declares that it moves no pixels."""

    moves_pixels = False

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image


class Cropping(augseq.DetailedAugmentation):
    """Names no part that moves pixels, but chooses the size."""

    sets_size = True
    moving_parts = frozenset()

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image[1:]


def refused() -> dict[str, Any]:
    import albumentations as A

    return {
        "a plain function": plain,
        "a crop that claims not to move": Cropping(),
        "Morphological": A.Morphological(p=1),
        "inside a Compose": A.Compose([A.HorizontalFlip(), A.Morphological(p=1)]),
        "inside a OneOf": A.OneOf([A.Rotate(30), A.Morphological(p=1)]),
        "Lambda": A.Lambda(image=plain, p=1),
        "a dropout that fills masks": A.CoarseDropout(fill_mask=0),
        "a fill of masks": A.Perspective(fill_mask=1),
        "pixels dropped from masks": A.PixelDropout(mask_drop_value=0),
        "some channels": A.SelectiveChannelTransform([A.HorizontalFlip(p=1)], channels=[0]),
    }


@pytest.mark.parametrize("name", refused())
def test_what_cannot_move_a_mask_is_refused_when_the_list_is_made(
    tmp_path: Path, name: str
) -> None:
    images = images_with(tmp_path, grey())
    target = augseq.Mask("mask", classes=CLASSES)
    step = refused()[name]
    with pytest.raises(ArgumentError, match=r"Element 2 of `augment`.*masks"):
        augseq.ImageSequence(images, targets=target, augment=[Still(), step])
    # It is only refused with a mask.
    augseq.ImageSequence(images, label_mode=None, augment=[Still(), step])


def test_a_cache_of_shrunk_images_is_refused(tmp_path: Path) -> None:
    images = images_with(tmp_path, grey())
    cache = augseq.ImageCache(folder="memory", shorter_side_px=4)
    with pytest.raises(ArgumentError, match="shorter_side_px"):
        augseq.ImageSequence(images, targets=augseq.Mask("mask", classes=CLASSES), cache=cache)


@pytest.mark.parametrize("target", [augseq.Mask("mask", classes=CLASSES), augseq.ValueMap("mask")])
@pytest.mark.parametrize("cache", [None, "memory"])
def test_the_limit_of_the_file_size_holds_for_maps_too(
    tmp_path: Path, target: Any, cache: str | None
) -> None:
    images = images_with(tmp_path, Image.fromarray(stored(SAME)), suffix="bmp")
    num_bytes = (tmp_path / "masks" / "a.bmp").stat().st_size
    assert (tmp_path / "images" / "a.png").stat().st_size < num_bytes

    def load(max_file_bytes: int) -> None:
        limits = {"max_file_bytes": max_file_bytes, "cache": cache, "workers": 0}
        augseq.ImageSequence(images, image_size=None, targets=target, **limits)[0]  # type: ignore[arg-type]

    with pytest.raises(augseq.DecodeError, match=rf"a\.bmp.* max_file_bytes={num_bytes - 1}"):
        load(num_bytes - 1)
    load(num_bytes)
