from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.manifest.record import Record
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import WHOLE
from augseq.pixels.source import FileSource

from .conftest import encoded, exif, noise, photo


@pytest.fixture
def turned(tmp_path: Path) -> Path:
    path = tmp_path / "turned.jpg"
    path.write_bytes(encoded(photo(20, 30), "JPEG", exif=exif(6)))
    return path


@pytest.mark.parametrize("color_mode", ["rgb", "grayscale", "rgba"])
@pytest.mark.parametrize("exif_orientation", [True, False])
def test_one_file_read_alone_has_the_pixels_that_training_gets(
    turned: Path, color_mode: str, exif_orientation: bool
) -> None:
    chosen = {"color_mode": color_mode, "exif_orientation": exif_orientation}
    source = FileSource(root=str(turned.parent), options=DecodeOptions(**chosen))
    alone = augseq.read_image(turned, **chosen)
    np.testing.assert_array_equal(alone, source.open(Record(index=0, path=turned.name)).read(WHOLE))


def test_an_image_size_resizes_the_image(turned: Path) -> None:
    options = {"image_size": (8, 9), "interpolation": "bicubic"}
    image = augseq.read_image(turned, scaled_decode=False, **options)
    upright = Image.open(turned).transpose(Image.Transpose.ROTATE_270)
    np.testing.assert_array_equal(image, upright.resize((9, 8), Image.Resampling.BICUBIC))


def test_without_an_image_size_the_image_keeps_its_own(turned: Path) -> None:
    assert augseq.read_image(str(turned)).shape == (30, 20, 3)


def test_the_background_shows_through(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 1)).save(tmp_path / "clear.png")
    image = augseq.read_image(tmp_path / "clear.png", background=(1, 2, 3))
    assert image.tolist() == [[[1, 2, 3]] * 2]


def test_a_broken_file_is_named_and_has_no_index(tmp_path: Path) -> None:
    path = str(tmp_path / "broken.png")
    Path(path).write_bytes(encoded(Image.fromarray(noise(9, 9, 3)))[:100])
    with pytest.raises(
        augseq.errors.DecodeError, match=r"Cannot decode '.*broken\.png': .+\.$"
    ) as caught:
        augseq.read_image(path)
    assert (caught.value.path, caught.value.index) == (path, None)


def test_a_file_above_the_limit_is_refused(turned: Path) -> None:
    assert augseq.read_image(turned, max_pixels=600).size == 1800
    with pytest.raises(augseq.errors.DecodeError, match="30 x 20 pixels, more than max_pixels=599"):
        augseq.read_image(turned, max_pixels=599)


def test_a_missing_file_is_reported_as_missing(tmp_path: Path) -> None:
    with pytest.raises(augseq.errors.MissingFileError, match=r"gone\.jpg"):
        augseq.read_image(tmp_path / "gone.jpg")


@pytest.mark.parametrize("name", ["color_mode", "resize_mode", "interpolation"])
def test_a_wrong_option_is_refused(turned: Path, name: str) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=f"`{name}` must be one of"):
        augseq.read_image(turned, image_size=(4, 4), **{name: "nonsense"})
