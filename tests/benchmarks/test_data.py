"""The drawn images of the benchmarks."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.file_statistics import decode_ms, measure_files
from PIL import Image

from benchmarks import data, many_files

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
    assert found["bits_per_pixel"] == pytest.approx(workload.real["bits_per_pixel"], rel=0.1)
    # Most ImageNet files have full-resolution chroma, but not all.
    assert 0.5 < found["whole_chroma_share"] < 0.9
    # The range that Tolhurst et al. (1992) found in photographs of natural scenes.
    assert -1.5 < found["amplitude_slope"] < -0.8


@pytest.mark.parametrize(("name", "kind"), [("png", "PNG"), ("photo-12mp", "JPEG")])
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
    found = measure_files(tmp_path)
    assert found["num_images"] == 5
    assert found["file_kb"] == pytest.approx(np.median(sizes) / 1000, abs=0.05)
    assert found["bits_per_pixel"] == pytest.approx(8 * np.median(sizes) / 4800, abs=0.005)


def test_the_decoding_time_is_plausible(tmp_path: Path) -> None:
    data.generate(tmp_path, TINY, num_images=3)
    assert 0 < decode_ms(tmp_path) < 1000


def test_a_changed_workload_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data.tempfile, "gettempdir", lambda: str(tmp_path))
    folders = []
    for texture in (1.0, 2.0):
        monkeypatch.setitem(data.WORKLOADS, "small-jpeg", replace(TINY, texture=texture))
        folders.append(data.find_images("small-jpeg", 3))
    assert _contents(folders[0]) != _contents(folders[1])


def test_the_slope_of_a_known_spectrum_is_found(tmp_path: Path) -> None:
    field = data._fields(512)[0]
    (tmp_path / "one").mkdir()
    Image.fromarray((128 + 30 * field).clip(0, 255).astype(np.uint8)).save(tmp_path / "one/a.png")
    slope = measure_files(tmp_path)["amplitude_slope"]
    assert slope == pytest.approx(data.AMPLITUDE_SLOPE, abs=0.15)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no images"):
        measure_files(tmp_path)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files, empty."""
    monkeypatch.setattr(many_files.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path


def test_empty_files_are_in_class_folders(scratch: Path) -> None:
    folder = many_files.find_empty_files(num_folders=3, num_files=12)
    sizes = [path.stat().st_size for path in folder.glob("class_*/*.jpg")]
    assert sizes == [0] * 12
    assert len(list(folder.glob("class_*"))) == 3


def test_files_missing_after_an_interruption_are_created_later(scratch: Path) -> None:
    folder = many_files.find_empty_files(num_folders=2, num_files=4)
    (folder / ".complete").unlink()
    (folder / "class_0001" / "0000001.jpg").unlink()
    assert len(list(many_files.find_empty_files(2, 4).glob("*/*.jpg"))) == 4


def test_links_give_few_images_many_names(scratch: Path) -> None:
    data.generate(scratch / "images", TINY, num_images=3)
    folder = many_files.find_links(scratch / "images", num_folders=2, num_files=8)
    assert measure_files(folder)["num_images"] == 8
    assert len({path.stat().st_ino for path in folder.glob("*/*.jpg")}) == 3
