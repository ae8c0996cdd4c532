"""Every layout of TIFF, compared with the arrays that were written."""

import io
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augseq
from augseq.errors import install_command

from ..conftest import decode, encoded, exif, photo, tiff

tifffile = pytest.importorskip("tifffile")
imagecodecs = pytest.importorskip("imagecodecs")

# By name: the colours, how many samples they are, and what the extra samples are.
KINDS: dict[str, tuple[str, int, tuple[int, ...]]] = {
    "grey": ("minisblack", 1, ()),
    "grey with white as 0": ("miniswhite", 1, ()),
    "grey and another sample": ("minisblack", 1, (0,)),
    "grey and premultiplied alpha": ("minisblack", 1, (1,)),
    "grey and alpha": ("minisblack", 1, (2,)),
    "RGB": ("rgb", 3, ()),
    "RGB and another sample": ("rgb", 3, (0,)),
    "RGB and premultiplied alpha": ("rgb", 3, (1,)),
    "RGB and alpha": ("rgb", 3, (2,)),
    "RGB and two samples": ("rgb", 3, (0, 0)),
    "RGB, alpha, and another sample": ("rgb", 3, (2, 0)),
    "RGB, another sample, and alpha": ("rgb", 3, (0, 2)),
    "CMYK": ("separated", 4, ()),
    "CMYK and another sample": ("separated", 4, (0,)),
    "CMYK and alpha": ("separated", 4, (2,)),
}
DEEP_KINDS = [(kind, depth) for kind in KINDS for depth in ("u1", "u2")]
FLOAT_KINDS = [
    *((kind, "f4") for kind in KINDS if not kind.startswith("CMYK") and "white" not in kind),
    *itertools.product(("grey", "RGB"), ("f2", "f8")),
]
COMPRESSIONS = [
    (None, False), ("lzw", False), ("lzw", True), ("zlib", False), ("zlib", True),
    ("packbits", False), ("zstd", True), ("lzma", False),
]  # fmt: skip


def stored(kind: str, depth: str) -> np.ndarray:
    """Return samples of full range, shape (19, 23, samples)."""
    _, num_colors, extras = KINDS[kind]
    rng = np.random.default_rng(len(kind))
    shape = 19, 23, num_colors + len(extras)
    if depth.startswith("f"):
        values = rng.random(shape).astype(depth)
    else:
        most = np.iinfo(depth).max
        values = rng.integers(0, most, shape, depth, endpoint=True)
        values[0, 0] = most
    if 1 in extras:
        # Premultiplied colour cannot exceed alpha.
        at = num_colors + extras.index(1)
        values[..., :num_colors] = np.minimum(values[..., :num_colors], values[..., at : at + 1])
    return values


def shown(values: np.ndarray, kind: str) -> np.ndarray:
    """Return the expected pixels on white, from 0 to 1, shape (height, width, 3)."""
    colors, num_colors, extras = KINDS[kind]
    most = 1 if values.dtype.kind == "f" else np.iinfo(values.dtype).max
    parts = values.astype(float) / most
    rgb = parts[..., :num_colors]
    if colors == "miniswhite":
        rgb = 1 - rgb
    if colors == "separated":
        rgb = (1 - rgb[..., :3]) * (1 - rgb[..., 3:])
    for at, extra in enumerate(extras, start=num_colors):
        alpha = parts[..., at : at + 1]
        if extra:
            rgb = (rgb if extra == 1 else rgb * alpha) + 1 - alpha
    return np.broadcast_to(rgb, (*rgb.shape[:2], 3))


def written(values: np.ndarray, kind: str, *, is_planar: bool = False, **options: Any) -> bytes:
    """Return the bytes of a file that tifffile writes."""
    colors, _, extras = KINDS[kind]
    if values.shape[2] == 1:
        values = values[..., 0]
    else:
        values = np.moveaxis(values, 2, 0) if is_planar else values
        options["planarconfig"] = "separate" if is_planar else "contig"
    if not options.get("tile"):
        options.setdefault("rowsperstrip", 5)
    file = io.BytesIO()
    tifffile.imwrite(
        file, values, photometric=colors, extrasamples=extras or None, metadata=None, **options
    )
    return file.getvalue()


def layouts(kind: str, depth: str) -> Iterator[tuple[str, bytes]]:
    """Yield a file in every layout of planes, strips, tiles, byte orders and compressions."""
    values = stored(kind, depth)
    choices = itertools.product((False, True), "<>", COMPRESSIONS)
    for number, (is_planar, order, (compression, predictor)) in enumerate(choices):
        if is_planar and values.shape[2] == 1:
            continue
        # Every pair of options occurs, but not every combination of all.
        tile = (16, 16) if (number + number // 8 + len(kind)) % 2 else None
        name = f"planar={is_planar} {order} tile={tile} {compression} predictor={predictor}"
        options = {"byteorder": order, "compression": compression, "predictor": predictor}
        yield name, written(values, kind, is_planar=is_planar, tile=tile, **options)


@pytest.mark.parametrize(("kind", "depth"), DEEP_KINDS)
def test_integers_are_read_as_written_in_every_layout(kind: str, depth: str) -> None:
    expected = shown(stored(kind, depth), kind)
    tolerance = 1e-5 if depth == "u2" else 1.1 / 255
    for name, data in layouts(kind, depth):
        deep = decode(data, full_depth=True)
        np.testing.assert_allclose(deep, expected, atol=tolerance, err_msg=name)
        # The upper byte of colour and of alpha, and Pillow's rounding of what shows through.
        np.testing.assert_allclose(decode(data) / 255, expected, atol=2.3 / 255, err_msg=name)


@pytest.mark.parametrize(("kind", "depth"), FLOAT_KINDS)
def test_floats_are_read_as_written_in_every_layout(kind: str, depth: str) -> None:
    expected = shown(stored(kind, depth), kind)
    for name, data in layouts(kind, depth):
        deep = decode(data, full_depth=True)
        np.testing.assert_allclose(deep, expected, atol=1e-5, err_msg=name)
    with pytest.raises(
        augseq.errors.DecodeError, match=r"floating-point.*no fixed range.*full_depth"
    ):
        decode(data)


@pytest.mark.parametrize("bits", range(1, 17))
def test_white_is_white_at_every_number_of_bits(bits: int) -> None:
    most = 2**bits - 1
    values = np.append(stored("grey", "u2")[0, :, 0] >> (16 - bits), [0, most])
    ones = (values[:, None] >> np.arange(bits)[::-1]) & 1
    packed = np.packbits(ones.astype(np.uint8)).tobytes()
    for order, photometric in itertools.product("<>", (0, 1)):
        content = values.astype(f"{order}u2").tobytes() if bits == 16 else packed
        data = tiff(order, bits, content, width=len(values), photometric=photometric)
        expected = values / most if photometric else 1 - values / most
        pixels = decode(data, full_depth=True, color_mode="grayscale")
        np.testing.assert_allclose(pixels[0, :, 0], expected, atol=1e-5)
        in_8_bits = decode(data, color_mode="grayscale")[0, :, 0]
        np.testing.assert_allclose(in_8_bits / 255, expected, atol=1.1 / 255)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["grey", "RGB", "RGB and premultiplied alpha", "CMYK"])
def test_a_big_tiff_is_read_in_both_byte_orders(kind: str, order: str) -> None:
    for depth in ("u1", "u2"):
        values = stored(kind, depth)
        data = written(values, kind, bigtiff=True, byteorder=order)
        np.testing.assert_allclose(decode(data) / 255, shown(values, kind), atol=2.3 / 255)


@pytest.mark.parametrize("kind", KINDS)
def test_rgba_keeps_straight_alpha(kind: str) -> None:
    values = stored(kind, "u2")
    _, num_colors, extras = KINDS[kind]
    pixels = decode(written(values, kind, is_planar=True), full_depth=True, color_mode="rgba")
    marked = [at for at, extra in enumerate(extras, start=num_colors) if extra]
    alpha = values[..., marked[0]] / 65535 if marked else np.ones((19, 23))
    np.testing.assert_allclose(pixels[..., 3], alpha, atol=1e-6)
    composed = pixels[..., :3] * pixels[..., 3:] + 1 - pixels[..., 3:]
    np.testing.assert_allclose(composed, shown(values, kind), atol=1e-5)
    grey = decode(written(values, kind, is_planar=True), full_depth=True, color_mode="grayscale")
    luma = shown(values, kind) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(grey[..., 0], luma, atol=1e-5)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_files_come_upright(orientation: int) -> None:
    """As the same picture does in 8 bits, which Pillow decodes."""
    small = encoded(photo(10, 14), "TIFF", exif=exif(orientation))
    deep = np.asarray(photo(10, 14)).astype("u2") * 257
    tag = (274, 3, 1, orientation, True)
    data = written(deep, "RGB", is_planar=True, extratags=[tag])
    for upright in (True, False):
        expected = decode(small, exif_orientation=upright)
        np.testing.assert_array_equal(decode(data, exif_orientation=upright), expected)


@pytest.mark.parametrize("kind", ["BYTE", "SHORT", "LONG", "SBYTE", "SSHORT", "SLONG", "LONG8"])
@pytest.mark.parametrize("depth", ["u1", "u2"])
def test_an_orientation_may_have_any_integer_type(kind: str, depth: str) -> None:
    number = {"BYTE": 1, "SHORT": 3, "LONG": 4, "SBYTE": 6, "SSHORT": 8, "SLONG": 9, "LONG8": 16}
    values = stored("grey with white as 0", depth)
    tag = (274, number[kind], 1, 6, True)
    data = written(values, "grey with white as 0", extratags=[tag], bigtiff=True)
    expected = np.rot90(shown(values, "grey with white as 0"), -1)
    np.testing.assert_allclose(decode(data) / 255, expected, atol=1 / 255)


def lone(values: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, metadata=None, **options)
    return file.getvalue()


UNREAD = {
    "5 samples per pixel": lone(np.zeros((4, 5, 5), "f4"), planarconfig="contig"),
    "3 samples per pixel": lone(
        np.zeros((4, 5, 3), "u2"), photometric="minisblack", planarconfig="contig"
    ),
    "12 samples per pixel": lone(
        np.zeros((12, 4, 5), "u1"), photometric="minisblack", planarconfig="separate"
    ),
    "16-bit integers (signed)": lone(np.zeros((4, 5), "i2")),
    "8-bit integers (signed)": lone(np.zeros((4, 5, 3), "i1"), photometric="rgb"),
    "32-bit integers": lone(np.zeros((4, 5), "u4")),
    "64-bit integers": lone(np.zeros((4, 5, 3), "u8"), photometric="rgb"),
    "complex numbers": lone(np.zeros((4, 5), "c8")),
    "16-bit CIELab TIFF": lone(np.zeros((4, 5, 3), "u2"), photometric="cielab"),
    "8-bit CIELab TIFF with separate planes": lone(
        np.zeros((3, 4, 5), "u1"), photometric="cielab", planarconfig="separate"
    ),
    "8-bit YCbCr TIFF with separate planes": lone(
        np.zeros((3, 4, 5), "u1"), photometric="ycbcr", planarconfig="separate", subsampling=(1, 1)
    ),
    "camera raw": lone(np.zeros((4, 5), "u2"), photometric="cfa"),
    "32-bit floating-point CMYK TIFF": lone(np.zeros((4, 5, 4), "f4"), photometric="separated"),
    "compressed with JPEG 2000": lone(
        np.zeros((16, 16, 3), "u1"), photometric="rgb", compression="jpeg2000"
    ),
    "compressed with JPEG XL": lone(
        np.zeros((16, 16, 3), "u1"), photometric="rgb", compression="jpegxl"
    ),
    "compressed with LERC": lone(np.zeros((16, 16), "f4"), compression="lerc"),
}


@pytest.mark.parametrize("name", UNREAD)
@pytest.mark.parametrize("full_depth", [False, True])
def test_an_unsupported_layout_is_refused_by_its_name(name: str, full_depth: bool) -> None:
    if name in ("5 samples per pixel", "32-bit floating-point CMYK TIFF"):
        # For floats, the missing range is reported first.
        full_depth = True
    with pytest.raises(augseq.errors.DecodeError) as caught:
        decode(UNREAD[name], full_depth=full_depth)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "depth", "name"),
    [
        ("RGB", "u2", "it is a 16-bit colour TIFF with separate planes, which needs"),
        ("RGB and alpha", "u2", "16-bit colour TIFF with alpha and separate planes"),
        ("grey and premultiplied alpha", "u2", "16-bit grey TIFF with premultiplied alpha and"),
        ("CMYK", "u2", "16-bit CMYK TIFF with separate planes"),
        ("grey and alpha", "u1", "8-bit grey TIFF with alpha and separate planes"),
    ],
)
def test_without_the_extra_the_layout_and_the_extra_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, depth: str, name: str
) -> None:
    monkeypatch.setitem(sys.modules, "tifffile", None)
    path = tmp_path / "photo.tif"
    path.write_bytes(written(stored(kind, depth), kind, is_planar=True))
    with pytest.raises(augseq.errors.DecodeError) as caught:
        augseq.read_image(path)
    assert name in str(caught.value)
    assert install_command("tiff") in str(caught.value)


# Kind, depth, full_depth, and which of its layouts Pillow or OpenCV decodes correctly.
PACKED = r"planar=True .* (lzw|zlib|packbits|zstd|lzma) "
WITHOUT_EXTRA = [
    ("grey", "u2", False, ""),
    ("grey", "u2", True, ""),
    ("grey", "f4", True, "<| > .* None "),
    ("grey with white as 0", "u2", False, "<"),
    ("grey with white as 0", "u2", True, "<"),
    ("grey and another sample", "u1", False, f"planar=False|{PACKED}"),
    ("grey and another sample", "f4", True, f"{PACKED}".replace(" .*", " <.*")),
    ("RGB", "u2", False, f"planar=False|{PACKED}"),
    ("RGB", "u2", True, r"planar=False .* (None|lzw|zlib|packbits) "),
    ("RGB and alpha", "u2", False, f"planar=False|{PACKED}"),
    ("RGB and alpha", "u2", True, r"planar=False .* (None|lzw|zlib|packbits) "),
    ("RGB and another sample", "u1", True, f"planar=False|{PACKED}"),
    ("RGB and another sample", "u2", False, f"planar=False|{PACKED}"),
    ("RGB and premultiplied alpha", "u1", False, f"planar=False|{PACKED}"),
    ("RGB and two samples", "u2", False, PACKED),
    ("CMYK", "u2", False, f"planar=False|{PACKED}"),
    ("CMYK and another sample", "u2", False, PACKED),
]


@pytest.mark.parametrize(("kind", "depth", "full_depth", "pattern"), WITHOUT_EXTRA)
def test_without_the_extra_what_other_libraries_decode_correctly_is_read(
    monkeypatch: pytest.MonkeyPatch, kind: str, depth: str, full_depth: bool, pattern: str
) -> None:
    files = list(layouts(kind, depth))
    monkeypatch.setitem(sys.modules, "tifffile", None)
    expected = shown(stored(kind, depth), kind)
    tolerance = 1e-5 if full_depth and depth != "u1" else 2.1 / 255
    for name, data in files:
        if not re.search(pattern, name):
            with pytest.raises(augseq.errors.DecodeError):
                decode(data, full_depth=full_depth)
            continue
        pixels = decode(data, full_depth=full_depth)
        scaled = pixels if full_depth else pixels / 255
        np.testing.assert_allclose(scaled, expected, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("kind", ["RGB", "RGB and alpha", "grey with white as 0"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_without_the_extra_files_come_upright_too(
    monkeypatch: pytest.MonkeyPatch, kind: str, orientation: int
) -> None:
    tags = [(274, 3, 1, orientation, True)]
    files = [
        written(stored(kind, "u2"), kind, compression=compression, extratags=tags, tile=tile)
        for compression, tile in ((None, None), ("lzw", (16, 16)))
    ]
    choices = list(itertools.product(files, (False, True), (False, True)))

    def read_all() -> list[np.ndarray]:
        return [
            decode(data, full_depth=deep, exif_orientation=upright)
            for data, deep, upright in choices
        ]

    expected = read_all()
    monkeypatch.setitem(sys.modules, "tifffile", None)
    for pixels, right in zip(read_all(), expected, strict=True):
        np.testing.assert_array_equal(pixels, right)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits", "zstd", "lzma"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_a_cut_is_an_error_wherever_it_is(
    compression: str | None, tile: tuple[int, int] | None
) -> None:
    values = stored("RGB", "u2")
    data = written(values, "RGB", is_planar=True, compression=compression, tile=tile)
    assert decode(data).shape == (19, 23, 3)
    for length in range(0, len(data), len(data) // 30):
        with pytest.raises(augseq.errors.DecodeError):
            decode(data[:length])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits", "zstd", "lzma"])
def test_changed_bytes_give_an_error_or_the_same_pixels_each_time(compression: str | None) -> None:
    rng = np.random.default_rng(3)
    data = written(stored("RGB", "u2"), "RGB", is_planar=True, compression=compression)
    for _ in range(60):
        hurt = bytearray(data)
        for place in rng.integers(0, len(data), 3):
            # Mostly in the directory, which decides how much memory is taken.
            hurt[place if rng.random() < 0.3 else place % 300] = int(rng.integers(256))
        results = []
        for _ in range(2):
            try:
                results.append(decode(bytes(hurt), max_pixels=10**6).tobytes())
            except augseq.errors.DecodeError as error:
                results.append(str(error).encode())
        assert results[0] == results[1]


def test_lost_and_huge_parts_are_refused() -> None:
    values = stored("RGB", "u2")
    data = bytearray(written(values, "RGB", is_planar=True, rowsperstrip=19))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        at = file.pages[0].tags["StripByteCounts"].valueoffset
    # As in a sparse file of GDAL: tifffile alone fills in such strips.
    data[at : at + 4] = bytes(4)
    with pytest.raises(augseq.errors.DecodeError, match="strip 0 of its pixels is missing"):
        decode(bytes(data))
    tiled = written(values, "RGB", is_planar=True, tile=(16, 16))
    huge = bytearray(tiled)
    with tifffile.TiffFile(io.BytesIO(tiled)) as file:
        for name in ("TileWidth", "TileLength"):
            at = file.pages[0].tags[name].valueoffset
            huge[at : at + 2] = (65520).to_bytes(2, "little")
    with pytest.raises(augseq.errors.DecodeError, match="its samples take"):
        decode(bytes(huge))
    with pytest.raises(augseq.errors.DecodeError, match="max_pixels=100"):
        decode(tiled, max_pixels=100)


@pytest.mark.parametrize(
    ("kind", "dtype", "num_bytes"),
    [("RGB", "u2", 6), ("RGB and alpha", "u2", 8), ("CMYK", "u2", 8), ("RGB", "u1", 3)],
)
def test_the_limit_of_samples_names_the_smallest_number_that_reads_the_file(
    monkeypatch: pytest.MonkeyPatch, kind: str, dtype: str, num_bytes: int
) -> None:
    monkeypatch.setattr("augseq.pixels.options.MAX_PIXELS", 9)
    values = stored(kind, dtype)
    data = written(values, kind, is_planar=True)
    num_pixels = values.shape[0] * values.shape[1]
    needed = max(num_pixels, -(-num_pixels * num_bytes // 4))
    with pytest.raises(augseq.errors.DecodeError, match=rf"to read it, pass max_pixels={needed} "):
        decode(data, max_pixels=needed - 1)
    assert decode(data, max_pixels=needed).shape[:2] == values.shape[:2]


def test_probing_agrees_with_decoding(tmp_path: Path) -> None:
    deep = written(stored("RGB", "u2"), "RGB", is_planar=True, extratags=[(274, 3, 1, 6, True)])
    (tmp_path / "1.tif").write_bytes(deep)
    (tmp_path / "2.tif").write_bytes(written(stored("grey and alpha", "u2"), "grey and alpha"))
    images = augseq.index_folder(tmp_path, labels=None, probe=True, progress=False)
    turned, grey = (record.probe for record in images)
    assert turned is not None
    assert grey is not None
    assert (turned.height, turned.width, turned.format, turned.orientation) == (23, 19, "TIFF", 6)
    assert (grey.height, grey.width, grey.format, grey.mode) == (19, 23, "TIFF", "LA")
    assert turned.num_frames == grey.num_frames == 1


def test_pgm_written_as_text_keeps_its_depth() -> None:
    values = np.array([0, 1, 500, 1000])
    data = b"P2\n4 1\n1000\n" + b" ".join(b"%d" % value for value in values)
    pixels = decode(data, full_depth=True, color_mode="grayscale")
    np.testing.assert_allclose(pixels[0, :, 0], values / 1000, atol=1e-5)


def test_premultiplied_grey_of_8_bits_needs_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    values = stored("grey and premultiplied alpha", "u1")
    data = written(values, "grey and premultiplied alpha")
    monkeypatch.setitem(sys.modules, "tifffile", None)
    expected = shown(values, "grey and premultiplied alpha")
    np.testing.assert_allclose(decode(data) / 255, expected, atol=2.3 / 255)
