"""Augmented images are written at the shell as Python writes them."""

from pathlib import Path

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from tests.cli.test_main import Run, folder, run  # noqa: F401
from tests.loading.test_write_augmented import coco, files_of, photos, read_back

FLIP = "import albumentations as A\naugment = [A.HorizontalFlip(p=0.5), A.Rotate((20, 20), p=1)]\n"
STEPS = [A.HorizontalFlip(p=0.5), A.Rotate((20, 20), p=1)]


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """A manifest with boxes and key points, and a file `mine.py` with augmentations."""
    augseq.write_manifest(coco(tmp_path / "photos"), tmp_path / "m.parquet")
    (tmp_path / "mine.py").write_text(FLIP)
    return tmp_path / "m.parquet"


def test_classes_become_folders_of_copies(run: Run, folder: Path) -> None:  # noqa: F811
    outcome = run(
        "augment", folder, "-o", "more", "--copies", 2, "--seed", 3, "--image-size", "16x24",
        "--image-format", "jpeg",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "wrote more: 40 images, 2 of each of 20\n  bright/\n  dark/\n" in outcome.out
    command = "augseq split more/manifest.parquet --group source_path -o more/manifest.parquet"
    assert command in outcome.out
    with Image.open("more/dark/0_1.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (24, 16))
    assert run(*command.split()[1:]).code == 0
    written = augseq.read_manifest("more/manifest.parquet")
    part_of: dict[str, set[str]] = {}
    for record in written:
        part_of.setdefault(record.columns["source_path"], set()).add(record.columns["split"])
    assert all(len(parts) == 1 for parts in part_of.values())


def test_images_without_labels_are_counted_not_listed(run: Run, tmp_path: Path) -> None:  # noqa: F811
    photos(tmp_path / "images", ["1.png", "2.png"])
    outcome = run("augment", "images", "--no-labels", "-o", "more", "--augment", "none")
    assert "wrote more: 2 images\n  manifest.parquet\n\n" in outcome.out, outcome.err


@pytest.mark.parametrize("command", [["augment", "-o", "more"], ["bench"], ["show"]])
def test_tiles_that_are_not_upright_are_refused(
    run: Run,  # noqa: F811
    tmp_path: Path,
    command: list[str],
) -> None:
    photos(tmp_path / "images", ["1.png"])
    images = augseq.index_folder(tmp_path / "images", labels=None, progress=False)
    augseq.write_manifest(
        augseq.tile_manifest(images, (10, 10), overlap=0), tmp_path / "tiles.parquet"
    )
    outcome = run(*command, "tiles.parquet", "--no-exif-orientation", "--augment", "none")
    assert outcome.code == 1
    assert "Tiles are parts of upright images" in outcome.err


@pytest.mark.parametrize("annotations", ["coco", "yolo", "voc"])
def test_boxes_are_those_of_python(
    run: Run,  # noqa: F811
    boxes: Path,
    tmp_path: Path,
    annotations: str,
) -> None:
    outcome = run(
        "augment", boxes, "-o", "more", "--annotations", annotations, "--copies", 2,
        "--augment", "mine.py:augment", "--min-visibility", 0.4, "--seed", 5,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert ("only boxes are written" in outcome.err) == (annotations == "voc")
    assert run("check", "more/manifest.parquet", "--fail-on", "never").code == 0
    points = None if annotations == "voc" else augseq.KeyPoints()
    batches = augseq.ImageSequence(
        augseq.read_manifest(boxes), image_size=None, augment=STEPS, workers=0, seed=5,
        targets=augseq.Boxes(min_visibility=0.4, key_points=points),
    )  # fmt: skip
    batches.write_augmented("same", copies=2, annotations=annotations, progress=False)
    assert files_of(tmp_path / "more") == files_of(tmp_path / "same")
    ours, theirs = (read_back(tmp_path / name, annotations).table for name in ("more", "same"))
    assert ours.equals(theirs)


def test_oriented_boxes_and_one_split_can_be_chosen(run: Run, boxes: Path) -> None:  # noqa: F811
    images = augseq.read_manifest(boxes).with_column("split", ["train", "val", "train"])
    augseq.write_manifest(images, boxes)
    arguments = ["augment", boxes, "--annotations", "yolo", "--augment", "mine.py:augment"]
    chosen = ["--split", "train", "--oriented"]
    outcome = run(*arguments, "-o", "more", *chosen)
    assert (outcome.code, "outside the image" in outcome.err) == (1, True)
    outcome = run(*arguments, "-o", "more", *chosen, "--min-visibility", 1)
    assert outcome.code == 0, outcome.err
    written = augseq.read_manifest("more/manifest.parquet")
    assert written.column("source_path").tolist() == ["a.png", "none.png"]
    assert written[0].columns["box_polygons"] == [1]
    outcome = run(*arguments, "-o", "other", "--split", "trian")
    assert (outcome.code, "Did you mean 'train'" in outcome.err) == (1, True)
    assert not Path("other").exists()


def test_oriented_boxes_stay_oriented(run: Run, boxes: Path) -> None:  # noqa: F811
    square, images = [8.0, 3, 14, 8, 9, 14, 3, 9], augseq.read_manifest(boxes)
    images = images.with_column("polygons", [square * 2, square, []])
    images = images.with_column("polygon_points", [[4, 4], [4], []])
    augseq.write_manifest(images.with_column("box_polygons", [[1, 1], [1], []]), boxes)
    arguments = ["augment", boxes, "--annotations", "coco", "--augment", "none"]
    found = []
    for number, options in enumerate(([], ["--upright"])):
        assert run(*arguments, *options, "-o", number).code == 0
        again = augseq.index_coco(f"{number}/annotations.json", progress=False)
        found.append(again[1].columns.get("polygons"))
    assert np.allclose(found[0], square)
    assert found[1] is None
    arguments[arguments.index("coco")] = "voc"
    outcome = run(*arguments, "-o", "voc")
    assert (outcome.code, "upright ones are written" in outcome.err) == (0, True)
    assert run(*arguments, "-o", "refused", "--oriented").code == 1


def test_masks_are_written_beside_the_images(run: Run, tmp_path: Path) -> None:  # noqa: F811
    photos(tmp_path / "images", ["1.png", "2.png"])
    (tmp_path / "masks").mkdir()
    for name in ("1.png", "2.png"):
        Image.fromarray(np.eye(20, 30, dtype=np.uint8)).save(tmp_path / "masks" / name)
    outcome = run(
        "augment", "images", "--no-labels", "-o", "more", "--augment", "none",
        "--with-column", "mask=../masks/{stem}.png", "--mask", "mask", "--mask-classes", "no,yes",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert files_of(tmp_path / "more") == [
        "images/1_0.png", "images/2_0.png", "manifest.parquet", "mask/1_0.png", "mask/2_0.png",
    ]  # fmt: skip
    with Image.open("more/mask/2_0.png") as picture:
        assert np.array_equal(np.asarray(picture), np.eye(20, 30))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--annotations coco, voc or yolo"),
        (["--annotations", "coco", "--split", "train"], "--split requires a column 'split'"),
        (["--annotations", "coco", "--mirror", "1;0"], "--mirror must be"),
        (["--annotations", "coco", "--mirror", "1,0,2"], "`mirror`"),
        (["--annotations", "coco", "-o", "photos"], "'photos' must be empty"),
    ],
)
def test_what_does_not_fit_is_an_error(
    run: Run,  # noqa: F811
    boxes: Path,
    options: list[str],
    message: str,
) -> None:
    outcome = run("augment", boxes, "-o", "more", "--augment", "mine.py:augment", *options)
    assert outcome.code == 1
    assert message in outcome.err
    assert not Path("more").exists()


def test_a_folder_without_boxes_has_no_annotations(run: Run, folder: Path) -> None:  # noqa: F811
    outcome = run("augment", folder, "-o", "more", "--annotations", "coco")
    assert (outcome.code, "augseq index FILE --annotations" in outcome.err) == (1, True)
