"""Check the sample pictures, and that their script still draws the same ones."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import PIL
import pytest
from PIL import Image, ImageOps

import augseq

SAMPLES = Path(__file__).resolve().parent.parent / "sample_images"
SCRIPT = SAMPLES / "draw_sample_images.py"
CLASSES = ["butterfly", "fish", "leaf", "mushroom", "shell"]
PER_CLASS = 40
HELD_OUT = PER_CLASS // 5
ORIENTATION = 0x0112


def picture_names(folder: Path, *classes: str) -> list[str]:
    """List the files in class folders, by default all of them, relative to the folder."""
    paths = (path for name in classes or CLASSES for path in (folder / name).iterdir())
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def recorded_pillow() -> str:
    """Read from the script which version of Pillow drew the files."""
    recorded = re.search(r'^DRAWN_WITH_PILLOW = "(.+)"$', SCRIPT.read_text("utf-8"), re.MULTILINE)
    assert recorded is not None
    return recorded[1]


@pytest.fixture(scope="module", params=[8, pytest.param(1, marks=pytest.mark.long)])
def redrawn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw some or all pictures once more into a fresh folder."""
    folder = tmp_path_factory.mktemp("sample_images")
    script = runpy.run_path(str(SCRIPT))
    for name in CLASSES:
        script["draw_class"](name, folder / name, every=request.param)
    names = {name: picture_names(SAMPLES, name)[:: request.param] for name in CLASSES}
    assert {name: picture_names(folder, name) for name in CLASSES} == names
    return folder


@pytest.fixture(scope="module")
def mean_colours() -> np.ndarray:
    """Measure the mean colour of every picture, by class and number."""
    means = []
    for name in picture_names(SAMPLES):
        with Image.open(SAMPLES / name) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
        means.append(np.asarray(upright, np.float64).mean(axis=(0, 1)))
    return np.reshape(means, (len(CLASSES), PER_CLASS, 3))


def test_script_draws_the_same_pixels_again(redrawn: Path) -> None:
    for name in picture_names(redrawn):
        with Image.open(SAMPLES / name) as kept, Image.open(redrawn / name) as drawn:
            assert (kept.mode, kept.size) == (drawn.mode, drawn.size), name
            assert kept.getexif().get(ORIENTATION) == drawn.getexif().get(ORIENTATION), name
            difference = np.abs(np.asarray(kept, np.float64) - np.asarray(drawn, np.float64))
        # Some versions of Pillow draw a few edge pixels differently.
        assert difference.mean() <= (0 if recorded_pillow() == PIL.__version__ else 0.5), name


def test_script_writes_the_same_bytes_again_with_the_same_pillow(redrawn: Path) -> None:
    if recorded_pillow() != PIL.__version__:
        pytest.skip(f"drawn with Pillow {recorded_pillow()}, this is Pillow {PIL.__version__}")
    for name in picture_names(redrawn):
        assert (SAMPLES / name).read_bytes() == (redrawn / name).read_bytes(), name


def test_there_are_five_class_folders_of_forty_pictures() -> None:
    folders = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())
    assert [name for name in folders if not name.startswith(("_", "."))] == CLASSES
    for name in CLASSES:
        stems = sorted(path.stem for path in (SAMPLES / name).iterdir())
        assert stems == [f"{name}_{number:02}" for number in range(1, PER_CLASS + 1)]


def test_all_pictures_together_stay_under_four_megabytes() -> None:
    assert sum((SAMPLES / name).stat().st_size for name in picture_names(SAMPLES)) < 4_000_000


def test_sizes_formats_modes_and_orientations_are_mixed() -> None:
    kinds: Counter[tuple[str | None, str]] = Counter()
    orientations: Counter[int] = Counter()
    sizes = set()
    for name in picture_names(SAMPLES):
        with Image.open(SAMPLES / name) as image:
            kinds[image.format, image.mode] += 1
            orientations[image.getexif().get(ORIENTATION, 1)] += 1
            sizes.add(image.size)
    assert kinds == {("JPEG", "RGB"): 175, ("JPEG", "L"): 5, ("PNG", "RGB"): 15, ("PNG", "L"): 5}
    assert orientations == {1: 190, 2: 1, 3: 2, 4: 1, 5: 1, 6: 2, 7: 1, 8: 2}
    assert all(120 <= min(size) <= 240 and max(size) <= 320 for size in sizes)
    assert any(width > height for width, height in sizes)
    assert any(width < height for width, height in sizes)


@pytest.mark.parametrize("seed", range(5))
def test_mean_colour_does_not_tell_the_classes_apart(mean_colours: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shuffled = np.stack([colours[rng.permutation(PER_CLASS)] for colours in mean_colours])
    held_out, centres = shuffled[:, :HELD_OUT], shuffled[:, HELD_OUT:].mean(axis=1)
    distances = np.linalg.norm(held_out[:, :, None] - centres, axis=-1)
    right = distances.argmin(axis=-1) == np.arange(len(CLASSES))[:, None]
    assert right.mean() < 0.45


def test_drawing_scenes_leaves_nothing_among_the_sample_images(tmp_path: Path) -> None:
    for script in (SCRIPT, SAMPLES / "draw_scenes.py"):
        shutil.copy(script, tmp_path)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "draw_scenes.py", "scenes", "--count", "2"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=100)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"draw_sample_images.py", "draw_scenes.py", "scenes"}


def test_boxes_and_key_points_of_scenes_fit_their_masks(tmp_path: Path) -> None:
    command = [sys.executable, SAMPLES / "draw_scenes.py", tmp_path, "--count", "12"]
    subprocess.run(command, check=True, timeout=100)
    scenes = augseq.index_coco(tmp_path / "annotations.json", progress=False)
    assert scenes.box_class_names == ("fish", "leaf")
    num_visible = 0
    for record in scenes:
        with Image.open(tmp_path / f"masks/{Path(record.path).stem}.png") as image:
            mask = np.asarray(image)
        objects = record.columns["box_classes"]
        boxes = np.reshape(record.columns["boxes"], (-1, 4)).astype(int)
        points = np.reshape(record.columns["keypoints"], (-1, 2, 3))
        for name, (left, top, right, bottom), both in zip(objects, boxes, points, strict=True):
            # 255 is the edge of an object.
            shown = np.isin(mask, (1 + scenes.box_class_names.index(name), 255))
            part = shown[top:bottom, left:right]
            assert all(side.any() for side in (part[0], part[-1], part[:, 0], part[:, -1]))
            for x, y in both[both[:, 2] == 2, :2].astype(int):
                assert shown[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].any()
                num_visible += 1
    assert num_visible > 12
