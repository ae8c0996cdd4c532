import os
import pickle
import re
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

import augseq
from augseq.errors import ArgumentError, ChangedFileError, DecodeError, MissingFileError
from augseq.manifest.record import Record
from augseq.pixels.cache.image_cache import ImageCache
from augseq.pixels.cache.source import make_source
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import WHOLE, Region
from augseq.pixels.source import ArraySource, FileSource

from .conftest import encoded, huge_file, noise, photo


def files(root: Path) -> FileSource:
    return FileSource(root=str(root), options=DecodeOptions())


def test_a_record_gives_the_pixels_of_its_file(tmp_path: Path) -> None:
    pixels = noise(5, 7, 3)
    (tmp_path / "cat").mkdir()
    Image.fromarray(pixels).save(tmp_path / "cat" / "a.png")
    image = files(tmp_path).open(Record(index=3, path="cat/a.png")).read(WHOLE)
    np.testing.assert_array_equal(image, pixels)


def test_content_takes_precedence_over_the_file_extension(tmp_path: Path) -> None:
    pixels = noise(5, 7, 3)
    Image.fromarray(pixels).save(tmp_path / "png.jpg", "PNG")
    image = files(tmp_path).open(Record(index=0, path="png.jpg")).read(WHOLE)
    np.testing.assert_array_equal(image, pixels)


def test_a_broken_file_is_named_with_its_index_and_the_cause(tmp_path: Path) -> None:
    (tmp_path / "half.jpg").write_bytes(encoded(photo(64, 64), "JPEG")[:-90])
    with pytest.raises(DecodeError, match=r"'half\.jpg' \(index 17\) in .* truncated") as caught:
        files(tmp_path).open(Record(index=17, path="half.jpg")).read(WHOLE)
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.path, error.index, str(error)) == ("half.jpg", 17, str(caught.value))
    assert isinstance(error, ValueError)
    assert isinstance(caught.value.__cause__, DecodeError)
    assert isinstance(caught.value.__cause__.__cause__, ValueError)


def test_a_file_that_is_gone_is_named_with_its_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"'gone\.jpg' \(index 4\) is not in .*Index"):
        files(tmp_path).open(Record(index=4, path="gone.jpg")).read(WHOLE)


def test_eight_threads_decode_the_same_as_one(tmp_path: Path) -> None:
    records = []
    for index in range(24):
        file_format = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")[index % 6]
        photo(40 + index, 60).save(tmp_path / str(index), file_format)
        records.append(Record(index=index, path=str(index)))
    source = files(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda record: source.open(record).read(WHOLE), records * 4))
    for record, image in zip(records * 4, together, strict=True):
        np.testing.assert_array_equal(image, source.open(record).read(WHOLE))


def test_real_photos_have_pillows_pixels(photos: Path) -> None:
    paths = sorted(photos.rglob("*.jpg"))[::26]
    assert len(paths) >= 15
    for index, path in enumerate(paths):
        record = Record(index=index, path=path.relative_to(photos).as_posix())
        expected = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        np.testing.assert_array_equal(files(photos).open(record).read(WHOLE), np.asarray(expected))


def test_a_file_source_survives_pickling(tmp_path: Path) -> None:
    assert pickle.loads(pickle.dumps(files(tmp_path))) == files(tmp_path)


def rows(dtype: str) -> np.ndarray:
    return np.arange(2 * 3 * 4 * 3).reshape(2, 3, 4, 3).astype(dtype)


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("uint8", "uint8"),
        ("int8", "float32"),
        ("uint16", "float32"),
        ("int64", "float32"),
        ("float16", "float32"),
        ("float32", "float32"),
        ("float64", "float32"),
        (">f4", "float32"),
        ("bool", "float32"),
    ],
)
def test_rows_stay_uint8_or_become_float32_with_their_values(given: str, made: str) -> None:
    image = ArraySource(rows(given)).open(Record(index=1, path="")).read(WHOLE)
    assert image.dtype == np.dtype(made)
    np.testing.assert_array_equal(image, rows(given)[1])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_row_is_a_copy(dtype: str) -> None:
    images = rows(dtype)
    images.flags.writeable = False
    image = ArraySource(images).open(Record(index=0, path="")).read(WHOLE)
    image[:] = 7
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(images, rows(dtype))


def test_rows_of_a_memory_map_come_as_plain_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", rows("uint8"))
    source = ArraySource(np.load(tmp_path / "x.npy", mmap_mode="r"))
    image = source.open(Record(index=1, path="")).read(WHOLE)
    assert type(image) is np.ndarray
    np.testing.assert_array_equal(image, rows("uint8")[1])


def test_grey_images_without_a_channel_axis_are_refused_with_a_hint() -> None:
    with pytest.raises(ArgumentError, match=r"shape=\(2, 3, 4\).*x\[\.\.\., None\]"):
        ArraySource(rows("uint8")[..., 0])


@pytest.mark.parametrize("dtype", ["object", "complex64", "U3", "M8[s]"])
def test_arrays_without_plain_numbers_are_refused(dtype: str) -> None:
    with pytest.raises(ArgumentError, match="integer or float"):
        ArraySource(np.zeros((2, 3, 4, 3), dtype))


def test_an_array_source_survives_pickling() -> None:
    source = pickle.loads(pickle.dumps(ArraySource(rows("float32"))))
    np.testing.assert_array_equal(source.images, rows("float32"))


def test_each_source_answers_for_itself(tmp_path: Path) -> None:
    """Displays, backups and advice ask a source, and do not check its type."""
    root = tmp_path / "photos"
    root.mkdir()
    Image.fromarray(noise(5, 7, 3)).save(root / "a.png")
    grey = DecodeOptions(color_mode="grayscale", exif_orientation=False)
    arrays = ArraySource(noise(2, 3, 3)[np.newaxis])
    plain = make_source(str(root), grey, None, scaled_decode=False)
    choice = ImageCache(folder=tmp_path / "cache", shorter_side_px=4)
    cached = make_source(str(root), grey, choice, scaled_decode=False)

    assert [source.reads_files for source in (arrays, plain, cached)] == [False, True, False]
    assert arrays.describe() == "arrays in memory"
    assert plain.describe() == cached.describe() == "files in 'photos', grayscale, as stored"
    assert arrays.content_text().startswith("array of uint8 (1, 2, 3, 3) #")
    assert arrays.content_text() != ArraySource(noise(2, 3, 3)[np.newaxis] // 2).content_text()
    assert plain.content_text() == cached.content_text() == repr(grey)
    assert arrays.cache is None
    assert plain.cache is None
    assert cached.cache is not None
    assert cached.cache.shorter_side_px == 4


def test_fetch_does_the_first_part_of_open(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    record, gone = Record(index=0, path="a.png"), Record(index=1, path="gone.png")
    plain = make_source(str(tmp_path), DecodeOptions(), None, scaled_decode=False)
    # It reads without decoding.
    plain.fetch(record)
    with pytest.raises(MissingFileError, match="gone"):
        plain.fetch(gone)
    choice = ImageCache(folder=tmp_path / ".cache")
    cached = make_source(str(tmp_path), DecodeOptions(), choice, scaled_decode=False)
    # A look into the cache opens no file.
    cached.fetch(record)
    cached.fetch(gone)
    ArraySource(noise(2, 3, 3)[np.newaxis]).fetch(record)


def test_a_cache_is_filled_once_and_reports_how_much_it_holds(tmp_path: Path) -> None:
    Image.fromarray(noise(5, 7, 3)).save(tmp_path / "a.png")
    record = Record(index=0, path="a.png")
    choice = ImageCache(folder=tmp_path / ".cache", shorter_side_px=4)
    cache = make_source(str(tmp_path), DecodeOptions(), choice, scaled_decode=False).cache
    assert cache is not None
    assert cache.find(record) is None
    assert "; 0 files, " in cache.describe_cache()
    assert cache.fill(record)
    assert cache.fill(record)
    kept = cache.find(record)
    assert kept is not None
    assert kept.shape == (4, 6, 3)
    assert re.search(r"shorter side at most 4 px; 1 files, .* of at most", cache.describe_cache())


@pytest.mark.parametrize("ending", ["tif", "npy"])
def test_only_the_window_of_a_huge_file_is_read(tmp_path: Path, ending: str) -> None:
    pytest.importorskip("tifffile")
    huge_file(tmp_path / f"x.{ending}")
    mode: Any = "bands" if ending == "npy" else "grayscale"
    limits = {"max_pixels": 2 << 30, "max_file_bytes": 2 << 30}
    source = FileSource(root=str(tmp_path), options=DecodeOptions(color_mode=mode, **limits))
    tracemalloc.start()
    image = source.open(Record(index=0, path=f"x.{ending}"))
    window = image.read(Region(box=(19_990, 29_950, 100, 100)))
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    assert image.shape == (30_000, 40_000, 1)
    assert np.argwhere(window).tolist() == [[10, 50, 0]]
    assert window.max() == 255


def test_a_large_file_that_changes_between_its_windows_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    pixels = noise(700, 700, 3)
    Image.fromarray(pixels).save(path)
    record = augseq.index_folder(tmp_path, labels=None, probe=True, progress=False)[0]
    source = files(tmp_path)
    image = source.open(record)
    window = Region(box=(600, 500, 90, 80))
    np.testing.assert_array_equal(image.read(window), pixels[600:690, 500:580])
    os.utime(path, ns=(0, 0))
    # The same bytes, as in a copy: they count.
    np.testing.assert_array_equal(source.open(record).read(window), pixels[600:690, 500:580])
    with pytest.raises(ChangedFileError, match=r"x\.tif' must not change while it is read"):
        image.read(Region(box=(0, 0, 5, 5)))
    Image.fromarray(pixels[::-1]).save(path)
    with pytest.raises(ChangedFileError, match="have other content"):
        source.open(record)
    path.unlink()
    with pytest.raises(MissingFileError, match=r"'x\.tif' \(index 0\) is not in .*Index"):
        source.open(record)


def test_a_large_file_with_another_ending_is_read_by_its_content(tmp_path: Path) -> None:
    pixels = noise(700, 700, 3)
    Image.fromarray(pixels).save(tmp_path / "x.tif", "PNG")
    image = files(tmp_path).open(Record(index=0, path="x.tif")).read(WHOLE)
    np.testing.assert_array_equal(image, pixels)
