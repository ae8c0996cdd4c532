"""HEIC and JPEG XL: read if their extras are installed, and otherwise named."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import augseq
from augseq.errors import install_command
from augseq.pixels.decoders import heif
from augseq.pixels.decoders.jxl import read_size

from ..conftest import decode
from ..odd_files.written_elsewhere import HEIC, HEIC_TURNED, JXL, SHADES


def test_heic_is_read() -> None:
    pytest.importorskip("pi_heif")
    assert np.abs(decode(HEIC).astype(int) - SHADES).mean() < 8
    assert decode(HEIC, color_mode="rgba").shape == (12, 18, 4)
    upright = np.rot90(SHADES, -1)
    assert np.abs(decode(HEIC_TURNED).astype(int) - upright).mean() < 8


def test_jpeg_xl_is_read_and_keeps_its_depth() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    np.testing.assert_array_equal(decode(JXL), SHADES)
    deep = SHADES.astype(np.uint16) * 256 + np.uint16(99)
    data = imagecodecs.jpegxl_encode(deep, lossless=True)
    np.testing.assert_array_equal(decode(data), deep >> 8)
    np.testing.assert_allclose(decode(data, full_depth=True), deep / 65535, rtol=1e-6)


@pytest.mark.parametrize("bits", [1, 4, 7, 8, 9, 10, 12, 16])
@pytest.mark.parametrize("shape", [(9, 11, 3), (9, 11, 4), (2, 9, 11, 3)])
def test_a_jpeg_xl_of_any_depth_has_its_white_at_white(bits: int, shape: tuple[int, ...]) -> None:
    """The last shape is an animation, which has more in its header."""
    imagecodecs = pytest.importorskip("imagecodecs")
    most = 2**bits - 1
    kind = np.uint8 if bits <= 8 else np.uint16
    values = np.random.default_rng(0).integers(0, most, shape, kind, endpoint=True)
    values[..., 0, 0, :] = most
    data = imagecodecs.jpegxl_encode(values, lossless=True, bitspersample=bits)
    first = values[0] if len(shape) == 4 else values
    mode = "rgba" if shape[-1] == 4 else "rgb"
    expected = first >> (bits - 8) if bits > 8 else first.astype(int) * 255 // most
    np.testing.assert_array_equal(decode(data, color_mode=mode), expected)
    deep = decode(data, color_mode=mode, full_depth=True)
    np.testing.assert_allclose(deep, first / most, rtol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (48, 64), (300, 200), (5, 700), (260, 256)])
def test_the_size_of_a_jpeg_xl_is_read_from_its_header(shape: tuple[int, int]) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = np.zeros((*shape, 3), np.uint8)
    data = imagecodecs.jpegxl_encode(pixels)
    start = data.find(b"\xff\x0a") + 2
    assert read_size(data[start:]) == shape
    assert decode(data).shape == (*shape, 3)


def test_a_jpeg_xl_that_declares_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    pytest.importorskip("imagecodecs")
    with pytest.raises(
        augseq.errors.DecodeError, match="declares 18 x 12 pixels, more than max_pixels=215"
    ):
        decode(JXL, max_pixels=215)


@pytest.mark.parametrize(("data", "module"), [(HEIC, "pi_heif"), (JXL, "imagecodecs")])
def test_every_cut_is_an_error(data: bytes, module: str) -> None:
    pytest.importorskip(module)
    for length in range(1, len(data) - 1, 7):
        with pytest.raises(augseq.errors.DecodeError):
            decode(data[:length])


@pytest.mark.parametrize(
    ("data", "module", "extra"), [(HEIC, "pi_heif", "heif"), (JXL, "imagecodecs", "jxl")]
)
def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: bytes, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    heif.load_heif_plugin.cache_clear()
    path = tmp_path / "photo.image"
    path.write_bytes(data)
    with pytest.raises(
        augseq.errors.DecodeError, match=f"photo.image.*{re.escape(install_command(extra))}"
    ):
        augseq.read_image(path)


WITHOUT_EXTRAS = """
import importlib.util, sys, warnings
find = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name in ("pi_heif", "imagecodecs") else find(name)
import augseq
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(len(augseq.index_folder(sys.argv[1], progress=False)))
print(*(warning.message for warning in caught))
"""


def test_indexing_lists_such_files_or_names_the_missing_extras(
    tmp_path: Path,
) -> None:
    pytest.importorskip("pi_heif")
    pytest.importorskip("imagecodecs")
    for name in ("a/1.heic", "a/2.jxl", "b/3.heif", "b/4.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert len(augseq.index_folder(tmp_path, progress=False)) == 4
    command = [sys.executable, "-c", WITHOUT_EXTRAS, str(tmp_path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.startswith("1\n")
    assert "1 x .heic, 1 x .heif, 1 x .jxl. To read them: " in output
    assert install_command("heif", "jxl") in output


def test_plug_ins_are_loaded_only_when_such_a_file_comes() -> None:
    root = Path(__file__).parents[3]
    path = next((root / "sample_images").rglob("*.jpg"))
    code = (
        f"import sys, augseq; augseq.read_image({str(path)!r});"
        "print({'pi_heif', 'imagecodecs', 'cv2'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"
