"""Search for decoders that crash: valid files with changed bytes. Slow; `-m long` runs it.

What it found is in `docs/formats.md`.
"""

import io

import numpy as np
import pytest
from PIL import Image

from augseq.errors import DecodeError
from augseq.pixels.decode import _decode
from augseq.pixels.decoders.isolated.decoder_process import call_in_decoder_process
from augseq.pixels.options import DecodeOptions

from ..conftest import encoded, noise, photo
from ..odd_files.written_elsewhere import HEIC, HEIC_TURNED, JXL

OPTIONS = DecodeOptions(max_pixels=20_000_000)
WRITERS = {
    "AVIF": [{}, {"quality": 30}, {"subsampling": "4:4:4"}],
    "GIF": [{}],
    "JPEG": [{}, {"progressive": True}, {"subsampling": 0}],
    "JPEG2000": [{}, {"irreversible": True}, {"tile_size": (32, 32)}],
    "PNG": [{}],
    "TIFF": [{"compression": name} for name in (None, "tiff_lzw", "jpeg", "packbits", "zstd")],
    "WEBP": [{}, {"lossless": True}, {"quality": 20}],
}


def valid_files(kind: str) -> list[bytes]:
    """Return small files of a format; those of the extras were written elsewhere."""
    if kind == "HEIC":
        return [HEIC, HEIC_TURNED]
    if kind == "JPEG XL":
        codecs = pytest.importorskip("imagecodecs")
        shades = noise(40, 56, 4)
        deep = shades[:, :, :3].astype(np.uint16) * 257
        written = [codecs.jpegxl_encode(shades, level=80), codecs.jpegxl_encode(deep)]
        return [JXL, *map(bytes, written)]
    images = [photo(40, 56), Image.fromarray(noise(40, 56, 3))]
    return [encoded(image, kind, **how) for image in images for how in WRITERS[kind]]


def changed(data: bytes, rng: np.random.Generator) -> bytes:
    """Return a file with some bytes changed, or cut, or with a part of it copied elsewhere."""
    changed = io.BytesIO(data)
    how, start = rng.integers(10), int(rng.integers(len(data)))
    if how == 0:
        return data[:start]
    if how == 1:
        part = data[start : start + 64]
        start = int(rng.integers(len(data)))
        return (data[:start] + part + data[start + len(part) :])[: len(data)]
    for _ in range(1 if how < 7 else int(rng.integers(2, 12))):
        changed.seek(int(rng.integers(len(data))))
        changed.write(rng.bytes(1))
    return changed.getvalue()


def crashes_of(kind: str, num_files: int, seed: int) -> list[bytes]:
    """Return the changed files that crash the process that decodes them."""
    rng = np.random.default_rng(seed)
    files, found = valid_files(kind), []
    for _ in range(num_files):
        data = changed(files[rng.integers(len(files))], rng)
        try:
            call_in_decoder_process(kind, _decode, data, OPTIONS)
        except DecodeError as error:
            if "decoder crashes" in str(error):
                found.append(data)
    return found


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", [*WRITERS, "JPEG XL"])
def test_only_known_decoders_crash_on_changed_bytes(kind: str) -> None:
    """If one does, it belongs in `risky_kind`."""
    assert crashes_of(kind, 20_000, seed=1) == []


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_heic_with_changed_bytes_yields_pixels_or_an_error() -> None:
    pytest.importorskip("pi_heif")
    crashes_of("HEIC", 20_000, seed=1)
