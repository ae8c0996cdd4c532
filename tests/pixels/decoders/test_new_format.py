"""A format is one file and one row: with the row alone, a toy format is read everywhere.

The row exists in this process and its threads. Worker processes, and the processes in which
decoders that may crash run, import `registry` themselves: for them, the row must be in its source.
"""

import gzip
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augseq
from augseq.errors import DecodeError
from augseq.pixels.decoded_image import OpenImage
from augseq.pixels.decoders import registry
from augseq.pixels.decoders.color_modes import convert_bands
from augseq.pixels.decoders.image_format import ImageFormat, begins_with
from augseq.pixels.decoders.orientation import turn
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import Region, cut, scaled_box
from augseq.types import Image

from ..conftest import noise, photo

_HEADER = struct.Struct("<4sHHBI")


def toy_file(pixels: np.ndarray[Any, Any], orientation: int = 1) -> bytes:
    """Encode RGB pixels: magic, height, width, orientation, checksum, values."""
    body = pixels.tobytes()
    return _HEADER.pack(b"TOY1", *pixels.shape[:2], orientation, zlib.crc32(body)) + body


class ToyImage:
    """Decodes on demand, as JPEG does."""

    def __init__(self, data: bytes, options: DecodeOptions) -> None:
        if len(data) < _HEADER.size:
            raise DecodeError("its header is truncated")
        _, height, width, orientation, self._checksum = _HEADER.unpack_from(data)
        options.check_size(width, height, TOY.name, TOY.weight)
        self._stored = height, width, 3
        self._orientation = orientation if options.exif_orientation else 1
        self._body, self._options = data[_HEADER.size :], options

    @property
    def shape(self) -> tuple[int, ...]:
        height, width, _ = self._stored
        size = (height, width) if self._orientation < 5 else (width, height)
        return *size, self._options.num_channels

    @property
    def scales(self) -> bool:
        return False

    def read(self, region: Region) -> Image:
        if zlib.crc32(self._body) != self._checksum:
            raise DecodeError("its pixels are truncated or damaged")
        from PIL import Image as PillowImage

        stored = np.frombuffer(self._body, np.uint8).reshape(self._stored)
        upright = np.ascontiguousarray(turn(stored, self._orientation))
        pixels = convert_bands(
            upright.shape[:2],
            lambda top, bottom: PillowImage.fromarray(upright[top:bottom]),
            self._options,
            1,
        )
        return cut(pixels, scaled_box(region.box, self.shape, 1))


def _open(data: bytes, options: DecodeOptions) -> OpenImage:
    return ToyImage(data, options)


TOY = ImageFormat(
    name="TOY",
    title="Toy",
    endings=(".toy", ".toyx"),
    matches=begins_with(b"TOY1"),
    weight=3,
    open=_open,
    describe=lambda data, _: {
        "format": "TOY", "mode": "RGB", "orientation": data[8], "num_frames": 1,
    },
    find_losses=lambda data, _: frozenset({"16 bit"} if data[8] == 8 else ()),
)  # fmt: skip

PIXELS = {
    "cat/1.toy": np.asarray(photo(20, 30)),
    "cat/2.toyx": noise(25, 18, 3),
    "dog/3.TOY": noise(1, 1, 3),
    "dog/4.toy": np.asarray(photo(40, 16)),
}


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> ImageFormat:
    """Add the row of the toy format, and remove it again."""
    monkeypatch.setattr(registry, "FORMATS", (*registry.FORMATS, TOY))
    return TOY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes with two toy files each."""
    for name, pixels in PIXELS.items():
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(toy_file(pixels))
    return tmp_path / "photos"


def index(folder: Path, **options: Any) -> augseq.Manifest:
    return augseq.index_folder(folder, progress=False, **options)


def test_without_its_row_the_format_is_unknown(folder: Path) -> None:
    with pytest.raises(augseq.errors.MissingFileError):
        index(folder)
    with pytest.raises(augseq.errors.DecodeError, match="not an image of a known format"):
        augseq.read_image(folder / "cat/1.toy")


@pytest.mark.parametrize("name", PIXELS)
def test_one_file_is_read(toy: ImageFormat, folder: Path, name: str) -> None:
    np.testing.assert_array_equal(augseq.read_image(folder / name), PIXELS[name])
    deep = augseq.read_image(folder / name, full_depth=True)
    np.testing.assert_allclose(deep, PIXELS[name] / 255, rtol=1e-6)
    assert augseq.read_image(folder / name, color_mode="grayscale", image_size=(5, 6)).shape == (
        5, 6, 1,
    )  # fmt: skip


def test_a_folder_is_indexed_and_probed(toy: ImageFormat, folder: Path) -> None:
    (folder / "dog/3.TOY").write_bytes(toy_file(PIXELS["cat/1.toy"], orientation=6))
    images = index(folder, probe=True)
    assert images.class_names == ("cat", "dog")
    assert [record.path for record in images] == list(PIXELS)
    probes = [record.probe for record in images]
    assert [(p.format, p.mode, p.num_frames) for p in probes] == [("TOY", "RGB", 1)] * 4
    assert [(p.height, p.width, p.orientation) for p in probes] == [
        (20, 30, 1), (25, 18, 1), (30, 20, 6), (40, 16, 1),
    ]  # fmt: skip


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut": (lambda data: data[:-9], "truncated or damaged"),
    "changed": (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "truncated or damaged"),
    "header alone": (lambda data: data[:7], "header is truncated"),
    "empty": (lambda _: b"", "empty"),
    "all zero": (lambda data: bytes(len(data)), "all zero"),
    "another magic": (lambda data: b"TOY2" + data[4:], "known format"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_is_named_or_excluded(toy: ImageFormat, folder: Path, kind: str) -> None:
    damage, cause = DAMAGES[kind]
    path = folder / "dog/4.toy"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(augseq.errors.DecodeError, match=rf"dog/4\.toy.*{cause}"):
        index(folder, probe=True)
    with pytest.raises(augseq.errors.DecodeError, match=rf"dog/4\.toy.*{cause}"):
        augseq.ImageSequence(index(folder), image_size=(8, 8), batch_size=4)[0]
    with pytest.warns(augseq.AugseqWarning, match=cause):
        images = index(folder, unreadable="exclude")
    assert images.excluded.column("path").to_pylist() == ["dog/4.toy"]


def test_its_weight_counts_for_the_limit_of_pixels(
    toy: ImageFormat, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("augseq.pixels.options.MAX_PIXELS", 99)
    with pytest.raises(
        augseq.errors.DecodeError, match=r"more memory in TOY .*; to read it, pass max_pixels=1800 "
    ):
        augseq.read_image(folder / "cat/1.toy", max_pixels=1799)
    assert augseq.read_image(folder / "cat/1.toy", max_pixels=1800).shape == (20, 30, 3)


def test_the_check_knows_its_endings_and_what_it_loses(toy: ImageFormat, folder: Path) -> None:
    (folder / "cat/5.png").write_bytes(toy_file(PIXELS["cat/1.toy"]))
    (folder / "cat/6.toy").write_bytes(toy_file(PIXELS["cat/1.toy"], orientation=8))
    report = augseq.check_images(index(folder), progress=False)
    found = {f.kind: [file.path for file in f.files] for f in report.findings}
    assert found["wrong_extension"] == ["cat/5.png"]
    assert found["sixteen_bit"] == ["cat/6.toy"]
    assert "unreadable" not in found


def test_a_file_is_recognized_without_its_ending(toy: ImageFormat, folder: Path) -> None:
    (folder / "cat/hash").write_bytes(toy_file(PIXELS["cat/1.toy"]))
    (folder / "cat/1.toy_large").write_bytes(toy_file(PIXELS["cat/1.toy"]))
    with pytest.warns(augseq.AugseqWarning, match=r"2 files .* seem to be images.*toy_large"):
        index(folder)
    packed = folder / "packed.toy"
    packed.write_bytes(gzip.compress(toy_file(PIXELS["cat/1.toy"]), mtime=0))
    with pytest.raises(augseq.errors.DecodeError, match="a Toy file compressed with gzip"):
        augseq.read_image(packed)


def test_decoded_pixels_are_cached(toy: ImageFormat, folder: Path, tmp_path: Path) -> None:
    options = {"image_size": (12, 12), "batch_size": 4, "dtype": "uint8"}
    plain = augseq.ImageSequence(index(folder), **options)
    cached = augseq.ImageSequence(index(folder), cache=tmp_path / "cache", **options)
    assert cached.fill_cache(progress=False) == 4
    assert all(cached.pipeline.source.cache.find(record) is not None for record in index(folder))
    np.testing.assert_array_equal(cached[0][0], plain[0][0])


@pytest.mark.parametrize("worker_kind", ["serial", "threads"])
def test_a_model_trains_on_it(toy: ImageFormat, folder: Path, worker_kind: str) -> None:
    keras = pytest.importorskip("keras")
    images = index(folder, probe=True)
    options = {"image_size": (8, 9), "batch_size": 2, "seed": 3, "worker_kind": worker_kind}
    batches = augseq.ImageSequence(images, workers=2, shuffle=True, **options)
    pixels, _ = batches[0]
    assert pixels.shape == (2, 8, 9, 3)
    by_hand = augseq.ImageSequence(images, **options)
    for number, record in enumerate(images):
        expected = augseq.read_image(folder / record.path, image_size=(8, 9))
        np.testing.assert_array_equal(by_hand[number // 2][0][number % 2], expected)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss, run_eagerly=True, jit_compile=False)
    history = model.fit(batches, epochs=1, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
