"""What the decoders do with damaged, rotated, deep and oversized images.

Images are made here, by Pillow. OpenCV and simplejpeg are optional: their tests skip without.
"""

import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps

from .conftest import RunPython

ORIENTATION = 0x0112
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


@pytest.fixture(scope="module")
def cv2() -> Any:
    """The module of OpenCV."""
    return pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def simplejpeg() -> Any:
    """The module of simplejpeg."""
    return pytest.importorskip("simplejpeg")


@pytest.fixture(scope="module")
def keras() -> Any:
    """Keras, on the backend that this process has."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return pytest.importorskip("keras")


@pytest.fixture(scope="module")
def tensorflow(keras: Any) -> Any:
    """TensorFlow, for its own decoders."""
    return pytest.importorskip("tensorflow")


def photo(height: int, width: int, channels: int = 3) -> Image.Image:
    """Return an image that is smooth and colourful, as photographs are."""
    shape = (height // 8 + 1, width // 8 + 1, channels)
    coarse = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return Image.fromarray(coarse.squeeze()).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, file_format: str = "JPEG", **options: Any) -> bytes:
    """Return the bytes of an image file."""
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def turned(file_format: str) -> bytes:
    """Return an image file of 20 x 30 pixels whose EXIF block says: turn it by 90 degrees."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    return encoded(photo(20, 30), file_format, exif=exif.tobytes())


def with_pillow(data: bytes) -> np.ndarray:
    """Decode to RGB with Pillow."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def with_opencv(cv2: Any, data: bytes) -> np.ndarray | None:
    """Decode to RGB with OpenCV."""
    decoded: np.ndarray | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    return decoded


@pytest.fixture
def truncated() -> bytes:
    """The first half of a JPEG file."""
    data = encoded(photo(64, 64))
    return data[: len(data) // 2]


def test_opencv_fills_a_truncated_jpeg_file_with_grey_and_prints_a_line(
    cv2: Any, truncated: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "half.jpg").write_bytes(truncated)
    image = cv2.imread(str(tmp_path / "half.jpg"))
    assert image.shape == (64, 64, 3)
    assert (image[-8:] == 128).all()
    assert "Premature end of JPEG file" in capfd.readouterr().err


def test_opencv_returns_none_for_the_bytes_of_a_truncated_jpeg(cv2: Any, truncated: bytes) -> None:
    """Unlike `imread`, `imdecode` cannot be mistaken."""
    assert with_opencv(cv2, truncated) is None


def test_simplejpeg_raises_on_a_truncated_jpeg_only_when_strict(
    simplejpeg: Any, truncated: bytes
) -> None:
    with pytest.raises(ValueError, match="Premature end of JPEG file"):
        simplejpeg.decode_jpeg(truncated, strict=True)
    assert (simplejpeg.decode_jpeg(truncated, strict=False)[-8:] == 128).all()


def test_pillow_raises_on_a_truncated_jpeg_unless_a_global_says_otherwise(
    truncated: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The global holds for all threads and all libraries in the process."""
    with pytest.raises(OSError, match="truncated"):
        with_pillow(truncated)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert (with_pillow(truncated)[-8:] == 128).all()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("quality", [30, 75, 100])
@pytest.mark.parametrize("channels", [1, 3])
def test_all_decoders_give_the_same_pixels_for_plain_jpegs(
    cv2: Any, simplejpeg: Any, progressive: bool, subsampling: str, quality: int, channels: int
) -> None:
    options = {"progressive": progressive, "quality": quality, "subsampling": subsampling}
    for height, width in ((37, 53), (64, 64), (101, 17)):
        data = encoded(photo(height, width, channels), **options)
        expected = with_pillow(data)
        np.testing.assert_array_equal(with_opencv(cv2, data), expected)
        np.testing.assert_array_equal(simplejpeg.decode_jpeg(data, "RGB", strict=True), expected)


def test_strict_simplejpeg_refuses_a_jpeg_with_stray_bytes_that_pillow_reads(
    simplejpeg: Any,
) -> None:
    data = encoded(photo(64, 64))
    stray = data[:-2] + b"stray" + data[-2:]
    np.testing.assert_array_equal(with_pillow(stray), with_pillow(data))
    with pytest.raises(ValueError, match="extraneous bytes"):
        simplejpeg.decode_jpeg(stray, "RGB", strict=True)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF"])
def test_opencv_turns_images_upright_by_their_exif_block(cv2: Any, file_format: str) -> None:
    assert with_opencv(cv2, turned(file_format)).shape == (30, 20, 3)


def test_opencv_turns_webp_images_upright_since_version_5(cv2: Any) -> None:
    """So the same file gives other pixels with another OpenCV."""
    upright = int(cv2.__version__.split(".")[0]) >= 5
    shape = with_opencv(cv2, turned("WEBP")).shape
    assert shape == ((30, 20, 3) if upright else (20, 30, 3))


def test_opencv_ignores_the_orientation_of_an_avif_image(cv2: Any) -> None:
    pytest.importorskip("PIL._avif")
    data = turned("AVIF")
    assert ImageOps.exif_transpose(Image.open(io.BytesIO(data))).size == (20, 30)
    image = with_opencv(cv2, data)
    if image is None:
        pytest.skip("this OpenCV reads no AVIF")
    assert image.shape == (20, 30, 3)


def test_opencv_ignores_an_orientation_that_stands_in_xmp(cv2: Any) -> None:
    data = encoded(photo(20, 30), xmp=XMP)
    assert ImageOps.exif_transpose(Image.open(io.BytesIO(data))).size == (20, 30)
    assert with_opencv(cv2, data).shape == (20, 30, 3)


def test_simplejpeg_ignores_the_orientation(simplejpeg: Any) -> None:
    assert simplejpeg.decode_jpeg(turned("JPEG")).shape == (20, 30, 3)


def test_pillow_turns_an_image_only_when_asked_to() -> None:
    image = Image.open(io.BytesIO(turned("JPEG")))
    assert image.size == (30, 20)
    assert ImageOps.exif_transpose(image).size == (20, 30)


def test_tensorflows_decoders_ignore_the_orientation(tensorflow: Any) -> None:
    data = turned("JPEG")
    assert tensorflow.io.decode_jpeg(data).shape == (20, 30, 3)
    assert tensorflow.io.decode_image(data).shape == (20, 30, 3)


def test_keras_load_img_ignores_the_orientation(keras: Any, tmp_path: Path) -> None:
    (tmp_path / "turned.jpg").write_bytes(turned("JPEG"))
    assert keras.utils.load_img(tmp_path / "turned.jpg").size == (30, 20)


DEEP = np.array([[0, 255, 256, 1000, 65535]], np.uint16)
SATURATED = [0, 255, 255, 255, 255]
HIGH_BYTES = [0, 0, 1, 3, 255]


def test_pillow_saturates_16_bit_images_when_it_converts_them() -> None:
    image = Image.open(io.BytesIO(encoded(Image.fromarray(DEEP), "PNG")))
    assert image.mode == "I;16"
    for mode in ("RGB", "L"):
        assert np.asarray(image.convert(mode)).reshape(5, -1)[:, 0].tolist() == SATURATED


@pytest.fixture
def deep_folder(tmp_path: Path) -> Path:
    """A class folder with one grey 16-bit image of 1 x 5 pixels."""
    (tmp_path / "class").mkdir()
    Image.fromarray(DEEP).save(tmp_path / "class" / "deep.png")
    return tmp_path


def test_keras_load_img_saturates_16_bit_images_in_colour_and_keeps_them_in_grey(
    keras: Any, deep_folder: Path
) -> None:
    path = deep_folder / "class" / "deep.png"
    colour = keras.utils.img_to_array(keras.utils.load_img(path))
    grey = keras.utils.img_to_array(keras.utils.load_img(path, color_mode="grayscale"))
    assert colour[0, :, 0].tolist() == SATURATED
    assert grey[0, :, 0].tolist() == DEEP[0].tolist()


def folder_batches(keras: Any, folder: Path) -> Any:
    """Read a folder of 1 x 5 pixel images with Keras."""
    return keras.utils.image_dataset_from_directory(
        folder, label_mode=None, image_size=(1, 5), batch_size=1, shuffle=False, verbose=False
    )


def test_keras_folder_reader_keeps_the_high_byte_of_16_bit_images(
    keras: Any, tensorflow: Any, deep_folder: Path
) -> None:
    """So the two loaders of one library disagree on the same file."""
    (batch,) = folder_batches(keras, deep_folder)
    assert np.asarray(batch)[0, 0, :, 0].tolist() == HIGH_BYTES


def test_keras_folder_reader_names_no_file_when_one_is_corrupt(
    keras: Any, tensorflow: Any, deep_folder: Path
) -> None:
    (deep_folder / "class" / "bad.png").write_bytes(b"\x89PNG and nothing else")
    with pytest.raises(tensorflow.errors.InvalidArgumentError) as caught:
        list(folder_batches(keras, deep_folder))
    assert "bad" not in str(caught.value)


@pytest.mark.parametrize("damage", ["empty", "no image", "truncated"])
def test_keras_load_img_names_no_file_when_it_is_corrupt(
    keras: Any, tmp_path: Path, truncated: bytes, damage: str
) -> None:
    """A truncated file even passes, and fails where the image is made an array."""
    contents = {"empty": b"", "no image": b"\x89PNG and nothing else", "truncated": truncated}
    path = tmp_path / "bad.jpg"
    path.write_bytes(contents[damage])
    with pytest.raises(OSError, match=r"cannot identify|truncated") as caught:
        keras.utils.img_to_array(keras.utils.load_img(path))
    assert "bad.jpg" not in str(caught.value)


def bomb() -> bytes:
    """Return a small JPEG file whose header claims 32000 x 32000 pixels."""
    data = encoded(photo(16, 16))
    frame = data.index(b"\xff\xc0")
    return data[: frame + 5] + (32000).to_bytes(2, "big") * 2 + data[frame + 9 :]


# The limit lets the attempt fail where it would take 3 GB.
DECODE_A_BOMB = """
import resource, sys
import {module}
import numpy as np
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
data = open(sys.argv[1], "rb").read()
try:
    {call}
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on memory")
@pytest.mark.parametrize(
    ("module", "call", "message"),
    [
        ("simplejpeg", "simplejpeg.decode_jpeg(data)", "MemoryError"),
        ("cv2", "cv2.imdecode(np.frombuffer(data, np.uint8), 1)", "Failed to allocate 3072000000"),
    ],
)
def test_the_fast_decoders_allocate_what_a_small_files_header_claims(
    run_python: RunPython, tmp_path: Path, module: str, call: str, message: str
) -> None:
    pytest.importorskip(module)
    (tmp_path / "bomb.jpg").write_bytes(bomb())
    assert (tmp_path / "bomb.jpg").stat().st_size < 2000
    code = DECODE_A_BOMB.format(module=module, call=call)
    process = run_python(code, str(tmp_path / "bomb.jpg"), env={"OMP_NUM_THREADS": "1"})
    assert message in process.stdout, process.stderr


def test_simplejpeg_tells_the_claimed_size_before_it_decodes(simplejpeg: Any) -> None:
    assert simplejpeg.decode_jpeg_header(bomb())[:2] == (32000, 32000)


def test_pillow_refuses_a_bomb_unless_a_global_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It warns above `MAX_IMAGE_PIXELS` and raises above twice that."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 32000 * 32000 - 1)
    with pytest.warns(Image.DecompressionBombWarning):
        Image.open(io.BytesIO(bomb()))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 32000 * 32000 // 2 - 1)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(bomb()))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert Image.open(io.BytesIO(bomb())).size == (32000, 32000)


@pytest.fixture
def unforced_switching() -> Iterator[None]:
    """Let no thread take the interpreter lock that its holder does not give away."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(interval)


def releases_the_lock(function: Callable[[], Any]) -> bool:
    """Tell whether this thread runs while another one is inside `function`."""
    states = ["idle"]

    def work() -> None:
        states.append("busy")
        function()
        states.append("done")

    thread = threading.Thread(target=work)
    thread.start()
    seen_busy = False
    while states[-1] != "done":
        seen_busy = seen_busy or states[-1] == "busy"
        time.sleep(0)  # Gives the lock away, and takes no time.
    thread.join()
    return seen_busy


@pytest.mark.usefixtures("unforced_switching")
def test_python_code_does_not_release_the_interpreter_lock_here() -> None:
    """The control for the tests below."""
    assert not releases_the_lock(lambda: sum(range(1_000_000)))


@pytest.mark.usefixtures("unforced_switching")
def test_pillow_releases_the_interpreter_lock_while_it_decodes() -> None:
    data = encoded(photo(1500, 2000))
    assert releases_the_lock(lambda: Image.open(io.BytesIO(data)).load())


@pytest.mark.usefixtures("unforced_switching")
def test_opencv_releases_the_interpreter_lock_while_it_decodes(cv2: Any) -> None:
    data = encoded(photo(1500, 2000))
    assert releases_the_lock(lambda: with_opencv(cv2, data))


@pytest.mark.usefixtures("unforced_switching")
def test_simplejpeg_releases_the_interpreter_lock_while_it_decodes(simplejpeg: Any) -> None:
    data = encoded(photo(1500, 2000))
    assert releases_the_lock(lambda: simplejpeg.decode_jpeg(data))
