"""Rare, damaged and hostile files: correct upright pixels, or an error that says why not."""

import functools
import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import augseq
from augseq.manifest.record import Record
from augseq.pixels.cache.source import make_source
from augseq.pixels.decode import open_image
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import WHOLE, Region
from augseq.pixels.source import FileSource

from .odd_files.corpus import hostile_files, odd_files
from .odd_files.odd_file import OddFile

# Pillow warns about odd metadata; the pixels are checked separately.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")
FILES = odd_files()
MANY_PIXELS = 5000 * 5000


@pytest.mark.timeout(10)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_odd_file_yields_its_pixels_or_the_reason_why_not(file: OddFile, tmp_path: Path) -> None:
    path = tmp_path / "odd.image"
    path.write_bytes(file.data)
    pixels, error = None, ""
    try:
        pixels = augseq.read_image(path)
    except augseq.errors.DecodeError as refused:
        error = str(refused)
    if pixels is None:
        assert file.pixels is None or file.may_fail, error
        assert re.match(rf"Cannot decode {re.escape(repr(str(path)))}: .{{10}}", error)
        assert re.search(file.cause, error), error
    else:
        assert file.pixels is not None, f"it gave {pixels.shape}"
        assert pixels.shape == file.pixels.shape
        np.testing.assert_allclose(pixels.astype(int), file.pixels, atol=file.tolerance)


@pytest.mark.parametrize("color_mode", ["grayscale", "rgba"])
def test_the_verdict_is_the_same_in_all_colour_modes(color_mode: str) -> None:
    options = DecodeOptions(color_mode=color_mode)  # type: ignore[arg-type]
    for file in FILES:
        assert _shape(file.data, options) == _plain_shape(file), file.name


def test_the_verdict_is_the_same_with_scaled_decoding() -> None:
    for file in FILES:
        scaled = _shape(file.data, DecodeOptions(), Region(covers=(1, 1)))
        assert (scaled is None) == (_plain_shape(file) is None), file.name


def test_the_verdict_is_the_same_with_a_cache(tmp_path: Path) -> None:
    """The first time, when an image is decoded and cached, and the second, when it is mapped."""
    folder = tmp_path / "images"
    folder.mkdir()
    cached = make_source(str(folder), DecodeOptions(), tmp_path / "cache", scaled_decode=False)
    plain = FileSource(root=str(folder), options=DecodeOptions())
    for index, file in enumerate(FILES[::3]):
        record = Record(index=index, path=f"{index}.image")
        (folder / record.path).write_bytes(file.data)
        expected = _read(plain, record)
        for _ in range(2):
            np.testing.assert_array_equal(_read(cached, record), expected, file.name)


def test_the_verdict_is_the_same_with_full_depth() -> None:
    """Except for floats, which have no fixed range in 8 bits."""
    for file in FILES:
        if "no fixed range" in file.cause and "integers" not in file.name:
            assert _shape(file.data, DecodeOptions(full_depth=True)) is not None, file.name
        else:
            deep = _shape(file.data, DecodeOptions(full_depth=True))
            assert deep == _plain_shape(file), file.name


DECODE_HOSTILE = """
import json, os, re, resource, sys, time, warnings
import augseq
warnings.simplefilter("ignore")
resource.setrlimit(resource.RLIMIT_AS, (1400 << 20,) * 2)
for name in sorted(os.listdir(sys.argv[1])):
    start = time.perf_counter()
    try:
        result = augseq.read_image(os.path.join(sys.argv[1], name)).shape
    except augseq.errors.DecodeError as error:
        result = str(error)
    # Not `ru_maxrss`, which a new process takes over from the one that started it.
    with open("/proc/self/status") as status:
        peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1])
    print(json.dumps([name, result, time.perf_counter() - start, peak]), flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on memory")
@pytest.mark.timeout(120)
def test_hostile_files_take_neither_a_gigabyte_nor_long(tmp_path: Path) -> None:
    files = {f"{number:03}": file for number, file in enumerate(hostile_files())}
    for name, file in files.items():
        (tmp_path / name).write_bytes(file.data)
    process = subprocess.run(
        [sys.executable, "-c", DECODE_HOSTILE, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.returncode == 0, process.stderr
    results = [json.loads(line) for line in process.stdout.splitlines()]
    assert [name for name, *_ in results] == sorted(files)
    for name, result, seconds, peak_kb in results:
        file = files[name]
        assert peak_kb < 1 << 20, file.name
        assert seconds < 10, file.name
        if file.pixels is not None:
            assert result == list(file.pixels.shape), file.name
        elif "megapixels" in file.name:
            assert result[0] * result[1] == MANY_PIXELS, file.name
        else:
            assert isinstance(result, str), file.name


@functools.cache
def _plain_shape(file: OddFile) -> tuple[int, ...] | None:
    return _shape(file.data, DecodeOptions())


def _shape(data: bytes, options: DecodeOptions, region: Region = WHOLE) -> tuple[int, ...] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return open_image(data, options).read(region).shape[:2]
    except augseq.errors.DecodeError:
        return None


def _read(source: object, record: Record) -> np.ndarray | None:
    try:
        return source.open(record).read(WHOLE)  # type: ignore[attr-defined]
    except augseq.errors.DecodeError:
        return None
