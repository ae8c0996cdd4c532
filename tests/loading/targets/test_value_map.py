"""Value maps of every depth, missing values, and what is wrong with them; and the clean image."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import albumentations as A
import cv2
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError, AugseqError, DecodeError, LabelError, MissingFileError

HEIGHT, WIDTH = 6, 9
BYTES = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH) * 4
DEEP = BYTES.astype(np.uint16) * 257
FLOATS = BYTES.astype(np.float32) / 7 - 3
COLORS = np.stack([BYTES, BYTES[::-1], 255 - BYTES], -1)
NAN, INFINITE = float("nan"), float("inf")


def images_with(folder: Path, name: str, save: Callable[[Path], Any]) -> augseq.Manifest:
    """Return a manifest of one image, with a value map saved under a name."""
    for part in ("images", "depth"):
        (folder / part).mkdir()
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(folder / "images" / "a.png")
    save(folder / "depth" / name)
    images = augseq.index_folder(folder / "images", labels=None, progress=False)
    return images.with_column("depth", pattern=f"../depth/{{stem}}{Path(name).suffix}")


def sequence_of(images: augseq.Manifest, *augment: Any, **options: Any) -> Any:
    chosen = {"image_size": None, "workers": 0, "seed": 1, **options}
    return augseq.ImageSequence(images, augment=list(augment), **chosen)


def values_of(images: augseq.Manifest, **options: Any) -> np.ndarray:
    sequence = sequence_of(images, targets=augseq.ValueMap("depth", **options))
    values: np.ndarray = sequence[0][1][0]
    return values


def picture(pixels: np.ndarray, mode: str | None = None) -> Callable[[Path], Any]:
    made = Image.fromarray(pixels)
    return (made if mode is None else made.convert(mode)).save


def palette_of_greys(path: Path) -> None:
    made = Image.frombytes("P", (WIDTH, HEIGHT), (255 - BYTES).tobytes())
    made.putpalette([255 - k for k in range(256) for _ in range(3)])
    made.save(path)


def deep_colors(path: Path) -> None:
    # OpenCV stores blue first.
    cv2.imwrite(str(path), COLORS.astype(np.uint16)[:, :, ::-1] * 257)


def array(values: np.ndarray) -> Callable[[Path], Any]:
    return lambda path: np.save(path, values)


STORED: dict[str, tuple[str, Callable[[Path], Any], np.ndarray, dict[str, Any]]] = {
    "8 bits": ("a.png", picture(BYTES), BYTES, {}),
    "16 bits": ("a.png", picture(DEEP), DEEP, {}),
    "1 bit": ("a.png", picture(BYTES > 99), BYTES > 99, {}),
    "16 bits, TIFF": ("a.tif", picture(DEEP), DEEP, {}),
    "32 bits, TIFF": ("a.tif", picture(DEEP.astype(np.int32) * 9), DEEP * 9.0, {}),
    "floats, TIFF": ("a.tif", picture(FLOATS), FLOATS, {}),
    "floats, compressed": (
        "a.tiff",
        lambda path: Image.fromarray(FLOATS).save(path, compression="tiff_deflate"),
        FLOATS,
        {},
    ),
    "BMP": ("a.bmp", picture(BYTES), BYTES, {}),
    "greys stored as colours": ("a.png", picture(BYTES, "RGB"), BYTES, {}),
    "greys with opaque alpha": ("a.png", picture(BYTES, "LA"), BYTES, {}),
    "greys in a palette": ("a.png", palette_of_greys, BYTES, {}),
    "three channels": ("a.png", picture(COLORS), COLORS, {"channels": 3}),
    "three channels of 16 bits": ("a.png", deep_colors, COLORS * 257.0, {"channels": 3}),
    "an array of float64": ("a.npy", array(FLOATS.astype(np.float64)), FLOATS, {}),
    "an array in column order": ("a.npy", array(np.asfortranarray(FLOATS)), FLOATS, {}),
    "an array of seven channels": (
        "a.npy",
        array(np.stack([FLOATS * k for k in range(7)], -1)),
        np.stack([FLOATS * k for k in range(7)], -1),
        {"channels": 7},
    ),
    "metres from millimetres": ("a.png", picture(DEEP), DEEP / 1000, {"scale": 0.001}),
    "missing zeros": (
        "a.png",
        picture(DEEP),
        np.where(DEEP, DEEP, -1.0),
        {"missing": 0, "fill": -1},
    ),
    "missing NaN": (
        "a.npy",
        array(np.where(FLOATS > 9, FLOATS, np.nan)),
        np.where(FLOATS > 9, FLOATS, 0),
        {"missing": NAN},
    ),
    "missing infinity": (
        "a.npy",
        array(np.where(FLOATS > 9, FLOATS, np.inf)),
        np.where(FLOATS > 9, FLOATS, 99),
        {"missing": INFINITE, "fill": 99},
    ),
}


@pytest.mark.parametrize(("name", "save", "truth", "options"), STORED.values(), ids=STORED)
def test_stored_numbers_are_kept(
    tmp_path: Path,
    name: str,
    save: Callable[[Path], Any],
    truth: np.ndarray,
    options: dict[str, Any],
) -> None:
    values = values_of(images_with(tmp_path, name, save), **options)
    assert values.dtype == np.float32
    assert values.shape == (HEIGHT, WIDTH, options.get("channels", 1))
    assert np.allclose(values, truth.reshape(values.shape), rtol=1e-6, atol=0)


def test_float_tiffs_of_several_channels_are_read(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    pytest.importorskip("imagecodecs")
    truth = np.stack([FLOATS, -FLOATS, FLOATS + 1], -1)
    save = lambda path: tifffile.imwrite(path, truth, photometric="rgb")  # noqa: E731
    assert np.array_equal(values_of(images_with(tmp_path, "a.tif", save), channels=3), truth)


@pytest.mark.parametrize("transform", [A.Rotate(35, p=1), A.Affine(scale=0.6, p=1), A.Pad(4, p=1)])
@pytest.mark.parametrize("image_size", [None, (11, 5)])
def test_values_are_mixed_neither_with_missing_ones_nor_with_the_fill(
    tmp_path: Path, transform: Any, image_size: Any
) -> None:
    stored = np.full((HEIGHT, WIDTH), 500, np.uint16)
    stored[:, :4] = 0
    images = images_with(tmp_path, "a.png", picture(stored))
    target = augseq.ValueMap("depth", scale=0.01, missing=0, fill=-9)
    values = sequence_of(images, transform, targets=target, image_size=image_size)[0][1]
    is_known = values != -9
    assert 0 < is_known.mean() < 1
    assert np.allclose(values[is_known], 5, rtol=1e-5)


WRONG: dict[str, tuple[str, Callable[[Path], Any], dict[str, Any], type[AugseqError], str]] = {
    "another size": ("a.png", picture(BYTES[:, 1:]), {}, DecodeError, "6 x 8.*6 x 9"),
    "not upright": ("a.tif", picture(DEEP.T.copy()), {}, DecodeError, "exif_orientation=False"),
    "an array of another size": ("a.npy", array(FLOATS[1:]), {}, DecodeError, "5 x 9.*6 x 9"),
    "an array of one axis": ("a.npy", array(FLOATS[0]), {}, DecodeError, r"\(height, width\)"),
    "an array of objects": (
        "a.npy",
        lambda path: np.save(path, BYTES.astype(object), allow_pickle=True),
        {},
        DecodeError,
        "object",
    ),
    "complex numbers": ("a.npy", array(FLOATS * 1j), {}, DecodeError, "complex"),
    "colours": ("a.png", picture(COLORS), {}, DecodeError, "coloured picture.*channels=3"),
    "too few channels": ("a.png", picture(BYTES), {"channels": 2}, DecodeError, "Pass channels=1"),
    "transparent pixels": (
        "a.png",
        picture(np.zeros((HEIGHT, WIDTH, 4), np.uint8)),
        {},
        DecodeError,
        "transparent",
    ),
    "NaN": (
        "a.npy",
        array(np.where(FLOATS > 9, FLOATS, np.nan)),
        {},
        LabelError,
        r"nan in row 0, column 0.*of 54 pixels.*missing=float\(\"nan\"\)",
    ),
    "infinity among missing NaN": (
        "a.npy",
        array(np.where(FLOATS > 9, np.inf, np.nan)),
        {"missing": NAN},
        LabelError,
        "inf in row",
    ),
    "a number beyond float32": (
        "a.npy",
        array(FLOATS.astype(np.float64) + 1e39),
        {},
        LabelError,
        "inf in row 0",
    ),
    "nothing": ("a.png", lambda path: path.write_bytes(b""), {}, DecodeError, "is empty"),
    "text": ("a.png", lambda path: path.write_text("depth"), {}, DecodeError, "5 bytes are"),
}


@pytest.mark.parametrize(("name", "save", "options", "kind", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_value_map_is_named_with_its_image(
    tmp_path: Path,
    name: str,
    save: Callable[[Path], Any],
    options: dict[str, Any],
    kind: type[AugseqError],
    text: str,
) -> None:
    images = images_with(tmp_path, name, save)
    with pytest.raises(kind, match=text) as caught:
        values_of(images, **options)
    for part in (f"depth/{name}", "images/a.png"):
        assert part in str(caught.value)


def test_a_missing_or_damaged_value_map_is_named_with_its_image(tmp_path: Path) -> None:
    images = images_with(tmp_path, "a.png", picture(DEEP))
    path = tmp_path / "depth" / "a.png"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DecodeError, match=r"value map .*depth/a\.png.*images/a\.png"):
        values_of(images)
    path.unlink()
    with pytest.raises(MissingFileError, match=r"value map .*depth/a\.png.*images/a\.png"):
        values_of(images)
    with pytest.raises(ArgumentError, match=r"ValueMap\('depth'\).*paths.*int64"):
        values_of(images.with_column("depth", [1]))
    with pytest.raises(LabelError, match=r"images/a\.png"):
        values_of(images.with_column("depth", [None]))


OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no column": ({"column": ""}, "name of the column"),
    "several columns": ({"column": ["a", "b"]}, "name of the column"),
    "scale is 0": ({"scale": 0}, "`scale` of ValueMap"),
    "scale is infinite": ({"scale": INFINITE}, "`scale` of ValueMap"),
    "scale is a text": ({"scale": "mm"}, "`scale` of ValueMap.*'mm'"),
    "scale is a flag": ({"scale": True}, "`scale` of ValueMap"),
    "missing is a list": ({"missing": [0]}, "`missing` of ValueMap"),
    "fill is None": ({"fill": None}, "`fill` of ValueMap"),
    "no channels": ({"channels": 0}, "`channels`"),
    "channels is a fraction": ({"channels": 1.5}, "`channels`"),
}


@pytest.mark.parametrize(("options", "text"), OPTIONS.values(), ids=OPTIONS)
def test_wrong_options_of_a_value_map_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        augseq.ValueMap(**{"column": "depth", **options})


def test_a_value_map_shows_its_options() -> None:
    assert repr(augseq.ValueMap("depth")) == "ValueMap(column='depth')"
    shown = repr(augseq.ValueMap("depth", scale=0.001, missing=0))
    assert shown == "ValueMap(column='depth', scale=0.001, missing=0)"


@augseq.photometric
def negative(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return 255 - image


PIXELS = np.random.default_rng(5).integers(0, 256, (2, 24, 30, 3), np.uint8)
MOVES: dict[str, list[Any]] = {
    "a flip": [A.HorizontalFlip(p=0.5)],
    "a rotation": [A.Rotate(40, p=1, fill=77)],
    "a crop": [A.RandomResizedCrop((13, 16))],
    "padding": [A.PadIfNeeded(40, 41, fill=(1, 2, 3))],
    "a distortion": [A.ElasticTransform(alpha=30, sigma=5, p=1)],
    "reflection": [A.Affine(translate_percent=0.3, border_mode=cv2.BORDER_REFLECT, p=1)],
    "one of several": [A.OneOf([A.Transpose(p=1), A.RandomRotate90(p=1)], p=0.7)],
    "several": [A.Perspective(p=1), A.RandomCrop(12, 12), A.VerticalFlip()],
}


@pytest.mark.parametrize("moves", MOVES.values(), ids=MOVES)
def test_a_clean_image_moves_with_the_augmented_one(moves: list[Any]) -> None:
    sequence = augseq.ImageSequence.from_arrays(
        PIXELS, augseq.InputImage(clean=True), augment=[*moves, negative], batch_size=1
    )
    for k in range(2):
        x, y = sequence[k]
        assert np.array_equal(x, 255 - y)


def test_a_clean_image_has_no_noise_dropout_or_colours() -> None:
    noise = [A.GaussNoise(p=1), A.ColorJitter(p=1), A.CoarseDropout(p=1), A.PixelDropout(p=1)]
    sequence = augseq.ImageSequence.from_arrays(
        PIXELS, augseq.InputImage(clean=True), augment=[*noise, A.HorizontalFlip(p=1)], batch_size=2
    )
    x, y = sequence[0]
    assert np.array_equal(y, PIXELS[:, :, ::-1])
    assert not np.array_equal(x, y)


def test_a_clean_image_requires_augmentations_that_say_whether_they_move_pixels() -> None:
    def unknown(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image

    with pytest.raises(ArgumentError, match=r"'unknown'.*photometric"):
        augseq.ImageSequence.from_arrays(
            PIXELS, augseq.InputImage(clean=True), augment=[unknown], batch_size=1
        )
    with pytest.raises(ArgumentError, match=r"`clean`.*'yes'"):
        augseq.InputImage(clean="yes")  # type: ignore[arg-type]
