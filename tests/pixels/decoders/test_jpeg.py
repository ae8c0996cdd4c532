"""The fast path for JPEG files: Pillow's pixels, but strict."""

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

import augseq
from augseq.pixels import native
from augseq.pixels.decode import decode_image, open_image
from augseq.pixels.decoders.jpeg import decode_with_pillow, open_jpeg
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import WHOLE, Region, cut
from augseq.types import Image

RGB = DecodeOptions()
GREY = DecodeOptions(color_mode="grayscale")


def jpeg(mode: str = "RGB", size: tuple[int, int] = (61, 45), **options: object) -> bytes:
    """Encode a picture of smooth shapes and noise."""
    channels = {"L": 1, "RGB": 3, "CMYK": 4}[mode]
    y, x, channel = np.mgrid[0 : size[1], 0 : size[0], 0:channels]
    noise = np.random.default_rng(4).normal(0, 12, y.shape)
    waves = 128 + 80 * np.sin(x / 9) * np.cos(y / (5 + 2 * channel)) + noise
    pixels = waves.clip(0, 255).astype(np.uint8)
    picture = PillowImage.fromarray(pixels[:, :, 0] if channels == 1 else pixels, mode)
    file = io.BytesIO()
    picture.save(file, "JPEG", **options)
    return file.getvalue()


def read_jpeg(data: bytes, options: DecodeOptions, region: Region = WHOLE) -> Image:
    opened = open_jpeg(data, options)
    assert opened is not None
    return opened.read(region)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("quality", [30, 75, 96])
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (61, 45), (16, 130)])
def test_pixels_equal_those_of_pillow_bit_for_bit(
    size: tuple[int, int], quality: int, progressive: bool, subsampling: int
) -> None:
    data = jpeg(size=size, quality=quality, progressive=progressive, subsampling=subsampling)
    fast = read_jpeg(data, RGB)
    assert np.array_equal(fast, decode_with_pillow(data, RGB))


@pytest.mark.parametrize("color_mode", ["rgb", "grayscale", "rgba"])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_all_colours_equal_those_of_pillow(mode: str, color_mode: str, orientation: int) -> None:
    options = DecodeOptions(color_mode=color_mode)  # type: ignore[arg-type]
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    data = jpeg(mode, exif=exif)
    fast = read_jpeg(data, options)
    assert np.array_equal(fast, decode_with_pillow(data, options))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_file_is_upright_new_and_contiguous(orientation: int) -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    data = jpeg(exif=exif)
    fast = read_jpeg(data, RGB)
    assert np.array_equal(fast, decode_with_pillow(data, RGB))
    assert fast.flags.c_contiguous
    assert fast.flags.writeable


def test_real_photographs_equal_those_of_pillow(photos: object) -> None:
    manifest = augseq.index_folder(str(photos), progress=False)
    for record in manifest[::40]:
        with open(f"{manifest.root}/{record.path}", "rb") as file:
            data = file.read()
        fast = read_jpeg(data, RGB)
        assert np.array_equal(fast, decode_with_pillow(data, RGB)), record


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (jpeg(), DecodeOptions(max_pixels=100)),
        (b"\x89PNG\r\n", RGB),
        (b"\xff\xd8 and then something else", RGB),
    ],
    ids=["too many pixels", "another format", "garbage"],
)
def test_unusual_files_are_left_to_pillow(data: bytes, options: DecodeOptions) -> None:
    assert open_jpeg(data, options) is None


def test_missing_data_before_an_end_marker_is_an_error_although_pillow_fills_in_grey() -> None:
    data = jpeg(size=(160, 160), quality=90)
    half = data[: len(data) // 2] + b"\xff\xd9"
    assert decode_with_pillow(half, RGB).shape == (160, 160, 3)
    with pytest.raises(augseq.errors.DecodeError, match="truncated or damaged"):
        decode_image(half, RGB)


def test_extraneous_bytes_before_a_marker_are_not_damage() -> None:
    data = jpeg()
    at = data.index(b"\xff\xdb")
    padded = data[:at] + b"\0\0\0\0" + data[at:]
    assert np.array_equal(decode_image(padded, RGB), decode_image(data, RGB))


def test_a_header_with_too_many_pixels_is_refused_before_they_are_decoded() -> None:
    data = bytearray(jpeg())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = (32000).to_bytes(2, "big") * 2
    with pytest.raises(augseq.errors.DecodeError, match="max_pixels"):
        decode_image(bytes(data), RGB)


@st.composite
def files_and_boxes(draw: st.DrawFn) -> tuple[bytes, tuple[int, int, int, int]]:
    width, height = draw(st.integers(1, 150)), draw(st.integers(1, 150))
    data = jpeg(
        draw(st.sampled_from(["RGB", "L"])),
        (width, height),
        quality=draw(st.sampled_from([40, 90, 97])),
        subsampling=draw(st.integers(0, 2)),
        progressive=draw(st.booleans()),
    )
    top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    return data, (top, left, draw(st.integers(1, height - top)), draw(st.integers(1, width - left)))


@pytest.fixture(params=["compiled", "plain"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "plain":
        monkeypatch.setattr(native, "module", None)
    elif not native.decodes_jpeg():
        pytest.skip("was not compiled: no C compiler, or no headers of libjpeg-turbo")
    return str(request.param)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files_and_boxes())
def test_a_part_equals_a_crop_of_the_whole_bit_for_bit(
    decoder: str, file: tuple[bytes, tuple[int, int, int, int]]
) -> None:
    data, box = file
    expected = cut(decode_with_pillow(data, RGB), box)
    np.testing.assert_array_equal(read_jpeg(data, RGB, Region(box=box)), expected)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files_and_boxes(), st.sampled_from([2, 4, 8]))
def test_scaled_parts_equal_those_of_pillow(
    decoder: str, file: tuple[bytes, tuple[int, int, int, int]], scale: int
) -> None:
    data, (top, left, height, width) = file
    covers = max(1, height // scale), max(1, width // scale)
    region = Region(box=(top, left, height, width), covers=covers)
    picture = PillowImage.open(io.BytesIO(data))
    scale = region.scale((picture.height, picture.width))
    # Pillow picks the largest scale that keeps at least this size.
    picture.draft("RGB", (picture.width // scale, picture.height // scale))
    picture.load()
    whole = np.asarray(picture.convert("RGB"))
    rows = slice(top // scale, -(-(top + height) // scale))
    columns = slice(left // scale, -(-(left + width) // scale))
    np.testing.assert_array_equal(read_jpeg(data, RGB, region), whole[rows, columns])


@pytest.mark.parametrize("height", range(1, 10))
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_images_of_a_few_pixels_are_scaled_alike_by_all_decoders(
    height: int, scale: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for width in range(1, 10):
        data = jpeg(size=(width, height), quality=90)
        region = Region(box=(0, 0, height, width), covers=(1, 1))
        found = read_jpeg(data, RGB, region)
        with monkeypatch.context() as patch:
            patch.setattr(native, "module", None)
            np.testing.assert_array_equal(read_jpeg(data, RGB, region), found)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("covers", [None, (10, 10)])
def test_parts_of_turned_files_are_parts_of_the_upright_image(
    decoder: str, orientation: int, covers: tuple[int, int] | None
) -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    data = jpeg(exif=exif, size=(64, 48))
    box = (8, 4, 20, 24)
    part = read_jpeg(data, RGB, Region(box=box, covers=covers))
    upright = decode_with_pillow(data, RGB)
    if covers is None:
        np.testing.assert_array_equal(part, cut(upright, box))
    else:
        assert part.shape == (10, 12, 3)
        halves = cut(upright, box).reshape(10, 2, 12, 2, 3).mean((1, 3))
        assert np.abs(part - halves).mean() < 6


@pytest.mark.parametrize("progressive", [False, True])
def test_a_part_of_a_file_without_its_end_is_an_error(decoder: str, progressive: bool) -> None:
    # A thumbnail in the header has its own end marker.
    thumbnail = jpeg(size=(16, 12))
    data = jpeg(size=(160, 160), progressive=progressive)
    data = data[:2] + b"\xff\xfe" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail + data[2:]
    part = Region(box=(0, 0, 24, 24))
    assert read_jpeg(data, RGB, part).shape == (24, 24, 3)
    for end in (1, 2, 100, len(data) // 3):
        with pytest.raises(augseq.errors.DecodeError, match="truncated"):
            read_jpeg(data[:-end], RGB, part)


def test_damage_in_a_part_is_an_error(decoder: str) -> None:
    data = jpeg(size=(160, 160), quality=90)
    hurt = data[: len(data) // 2] + data[len(data) // 2 + 500 :]
    with pytest.raises(augseq.errors.DecodeError, match="truncated or damaged"):
        read_jpeg(hurt, RGB, Region(box=(0, 0, 150, 150)))


def test_extraneous_bytes_do_not_change_a_part(decoder: str) -> None:
    data = jpeg()
    at = data.index(b"\xff\xdb")
    region = Region(box=(3, 4, 20, 30))
    padded = data[:at] + b"\0\0\0\0" + data[at:]
    part = open_image(padded, RGB).read(region)
    np.testing.assert_array_equal(part, read_jpeg(data, RGB, region))


@pytest.mark.skipif(not native.decodes_jpeg(), reason="was not compiled")
@pytest.mark.parametrize(
    ("box", "size", "message"),
    [
        ((0, 0, 10, 10), 299, "size of the part"),
        ((40, 0, 10, 10), 300, "within the image"),
        ((0, 2**32 - 5, 10, 10), 300, "within the image"),
        ((2**32 - 5, 0, 10, 10), 300, "within the image"),
        ((0, 0, 0, 10), 0, "within the image"),
    ],
)
def test_the_compiled_decoder_never_leaves_its_buffer(
    box: tuple[int, int, int, int], size: int, message: str
) -> None:
    assert native.module is not None
    with pytest.raises(ValueError, match=message):
        native.module.decode_jpeg(jpeg(), np.zeros(size, np.uint8), False, *box, 1)
