"""Annotation files at the shell."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.inspection.drawing.overlays import class_color
from tests.cli.test_main import Run, run  # noqa: F401
from tests.indexing.annotations.scenes import COCO, write_coco_scene
from tests.indexing.annotations.test_yolo import write_dataset


def test_a_coco_file_becomes_a_manifest(run: Run, tmp_path: Path) -> None:  # noqa: F811
    path = write_coco_scene(tmp_path / "data")
    outcome = run("index", str(path), "--annotations", "coco", "-o", str(tmp_path / "m.parquet"))
    assert outcome.code == 0, outcome.err
    assert "3 images with 3 boxes in 3 classes" in outcome.out
    assert "never        0" in outcome.out
    images = augseq.read_manifest(tmp_path / "m.parquet")
    assert images == augseq.index_coco(path, progress=False)


def test_show_draws_the_boxes_of_a_manifest(run: Run, tmp_path: Path) -> None:  # noqa: F811
    images = augseq.index_coco(write_coco_scene(tmp_path / "data"), progress=False)
    augseq.write_manifest(images, "m.parquet")
    arguments = ["show", "m.parquet", "--augment", "none", "--seeds", "1", "--image-size", "40x60"]
    assert run(*arguments).code == 0
    color = bytes.fromhex(class_color(images.box_class_names.index("zebra"))[1:])
    with Image.open("contact_sheet.png") as sheet:
        is_line = (np.asarray(sheet.convert("RGB")) == list(color)).all(axis=2)
    # The images are black; each row has one plain and one with a seed.
    assert is_line.sum() > 100


def test_fit_says_that_it_trains_no_detectors(run: Run, tmp_path: Path) -> None:  # noqa: F811
    images = augseq.index_coco(write_coco_scene(tmp_path / "data"), progress=False)
    augseq.write_manifest(images, "m.parquet")
    outcome = run("fit", "m.parquet", "-o", str(tmp_path / "run"))
    assert outcome.code == 1
    assert "targets=augseq.Boxes()), as in docs/detect.md" in outcome.err


def test_errors_name_the_options_that_solve_them(run: Run, tmp_path: Path) -> None:  # noqa: F811
    wrong = [{**COCO["annotations"][0], "bbox": [1, 2, 0, 4]}]
    path = write_coco_scene(tmp_path / "data", annotations=wrong)
    outcome = run("index", str(path))
    assert "--annotations coco" in outcome.err
    outcome = run("index", str(path), "--annotations", "coco")
    assert (outcome.code, "--invalid exclude" in outcome.err) == (1, True)
    outcome = run("index", str(path), "--annotations", "coco", "--invalid", "exclude")
    assert outcome.code == 0
    assert "2 images with 0 boxes" in outcome.out
    assert "1 excluded" in outcome.out


def test_a_folder_of_voc_files_becomes_a_manifest(run: Run, tmp_path: Path) -> None:  # noqa: F811
    path = write_coco_scene(tmp_path / "data")
    (tmp_path / "voc").mkdir()
    augseq.write_voc(augseq.index_coco(path, progress=False), tmp_path / "voc", first_pixel=0)
    arguments = ["index", str(tmp_path / "voc"), "--annotations", "voc"]
    assert "--images-root" in run(*arguments).err
    arguments += ["--images-root", str(path.parent)]
    assert "--first-pixel 0" in run(*arguments).err
    outcome = run(*arguments, "--first-pixel", "0")
    assert outcome.code == 0, outcome.err
    assert "3 images with 3 boxes in 2 classes" in outcome.out


def test_a_yolo_dataset_becomes_a_manifest(run: Run, tmp_path: Path) -> None:  # noqa: F811
    data = write_dataset(tmp_path / "data", labels={"train/a": "1 0.5 0.5 0.25 0.5"})
    arguments = ["index", str(data), "--annotations", "yolo", "--splits", "train"]
    assert "--missing-labels keep" in run(*arguments).err
    outcome = run(*arguments, "--missing-labels", "keep")
    assert outcome.code == 0, outcome.err
    assert "2 images with 1 box in 2 classes" in outcome.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--annotations", "coco", "--columns", "a"], "Only for tables: --columns"),
        (["--annotations", "coco", "--follow-links"], "Only for folders: --follow-links"),
        (["--annotations", "coco", "--splits", "a"], "--splits is only for --annotations yolo"),
        (["--annotations", "coco", "--first-pixel", "0"], "only for --annotations voc"),
        (["--annotations", "coco", "--class-names", "a"], "--class-names is for classes of images"),
        (["--frame", "stored"], "Only for annotations: --frame"),
    ],
)
def test_options_of_other_sources_are_refused(
    run: Run,  # noqa: F811
    tmp_path: Path,
    options: list[str],
    message: str,
) -> None:
    path = write_coco_scene(tmp_path / "data")
    outcome = run("index", str(path.parent if "--frame" in options else path), *options)
    assert outcome.code == 1
    assert message in outcome.err
