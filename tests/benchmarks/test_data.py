"""The drawn images of the benchmarks."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import data

TINY = replace(data.WORKLOADS["small-jpeg"], sizes=((80, 60),), field_side=128)


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_same_files_are_drawn_byte_for_byte(tmp_path: Path) -> None:
    for name in ("one", "two"):
        data.generate(tmp_path / name, TINY, num_images=12)
    assert len(_contents(tmp_path / "one")) == 12 + 1
    assert _contents(tmp_path / "one") == _contents(tmp_path / "two")


def test_an_image_does_not_depend_on_how_many_are_drawn() -> None:
    late = data.draw(7, TINY)
    assert np.array_equal(late, data.draw(7, TINY))
    assert not np.array_equal(late, data.draw(8, TINY))


def test_a_complete_folder_is_not_drawn_again(tmp_path: Path) -> None:
    data.generate(tmp_path, TINY, num_images=4)
    before = _contents(tmp_path)
    data.generate(tmp_path, replace(TINY, texture=50.0), num_images=4)
    assert _contents(tmp_path) == before


def test_small_jpegs_are_like_web_photographs_in_size_and_detail(tmp_path: Path) -> None:
    workload = data.WORKLOADS["small-jpeg"]
    data.generate(tmp_path, workload, num_images=60)
    found = json.loads((tmp_path / data.STATISTICS_NAME).read_text())
    assert (found["width_px"], found["height_px"]) == (500, 375)
    assert found["file_kb"] == pytest.approx(workload.real["file_kb"], rel=0.1)
    # The range that Tolhurst et al. (1992) found in photographs of natural scenes.
    assert -1.5 < found["amplitude_slope"] < -0.8


@pytest.mark.parametrize(("name", "kind"), [("png", "PNG"), ("photo", "JPEG")])
def test_every_workload_draws_files_of_its_kind(tmp_path: Path, name: str, kind: str) -> None:
    workload = replace(data.WORKLOADS[name], sizes=((60, 80),), field_side=128)
    data.generate(tmp_path, workload, num_images=3, num_classes=3)
    with Image.open(tmp_path / "class_002" / f"000002{workload.suffix}") as image:
        assert (image.format, image.size, image.mode) == (kind, (60, 80), "RGB")


def test_statistics_count_pixels_and_bytes_as_pillow_and_the_file_system_do(
    tmp_path: Path,
) -> None:
    data.generate(tmp_path, TINY, num_images=5, num_classes=5)
    sizes = [path.stat().st_size for path in tmp_path.glob("*/*.jpg")]
    found = data.statistics(tmp_path)
    assert found["num_images"] == 5
    assert found["file_kb"] == pytest.approx(np.median(sizes) / 1000, abs=0.05)
    assert found["bits_per_pixel"] == pytest.approx(8 * np.median(sizes) / 4800, abs=0.005)


def test_the_slope_of_a_known_spectrum_is_found(tmp_path: Path) -> None:
    field = data._fields(512)[0]
    (tmp_path / "one").mkdir()
    Image.fromarray((128 + 30 * field).clip(0, 255).astype(np.uint8)).save(tmp_path / "one/a.png")
    slope = data.statistics(tmp_path)["amplitude_slope"]
    assert slope == pytest.approx(data.AMPLITUDE_SLOPE, abs=0.15)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no images"):
        data.statistics(tmp_path)
