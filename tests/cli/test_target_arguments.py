"""`augseq fit --target` finds out what a column contains, and refuses what is not clear."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import augseq
from augseq.cli.target_arguments import TargetArguments, TrainingMasks, print_target
from augseq.errors import ArgumentError, LabelError
from tests.cli.test_main import Run, folder, run  # noqa: F401


@pytest.fixture(scope="module")
def images() -> augseq.Manifest:
    table = pa.table(
        {
            "path": list("abcd"),
            "age": [1.5, 2.0, 3.0, 4.0],
            "count": [1, 2, 3, 2],
            "written": ["1", "2.5", "-3", "1e2"],
            "vectors": [[0.5, 1.0]] * 4,
            "names": [["x", "y"], [], ["y"], ["x"]],
            "text": ["x; y", "y", "x", "y"],
            "gaps": ["x; y", None, "x", "y"],
            "kind": ["cat", "dog", "cat", "dog"],
            "day": [0, 1, 0, 1],
            "sea": ["1", "0", "0", "1"],
            "flag": [True, False, True, False],
        }
    )
    return augseq.index_table(table, root="/nowhere", label_column=None, check_files=False)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, None),
        ({"target": "age"}, augseq.Number("age")),
        ({"target": "count"}, augseq.Number("count")),
        ({"target": "written"}, augseq.Number("written")),
        ({"target": "vectors"}, augseq.Number("vectors")),
        ({"target": "age, written"}, augseq.Number(["age", "written"])),
        ({"target": "age,day"}, augseq.Number(["age", "day"])),
        ({"target": "names"}, augseq.MultiLabel("names", classes=["x", "y"])),
        (
            {"target": "text", "separator": ";"},
            augseq.MultiLabel("text", classes=["x", "y"], separator=";"),
        ),
        (
            {"target": "gaps", "separator": ";", "missing_tags": "empty"},
            augseq.MultiLabel("gaps", classes=["x", "y"], separator=";", missing="empty"),
        ),
        ({"target": "day,sea"}, augseq.MultiLabel(["day", "sea"])),
        ({"target": "kind"}, augseq.Label("kind", classes=["cat", "dog"])),
        ({"target": "day"}, augseq.Label("day", classes=[0, 1])),
        ({"target": "sea"}, augseq.Label("sea", classes=["0", "1"])),
        ({"target": "flag"}, augseq.Label("flag", classes=[False, True])),
    ],
    ids=lambda value: str(value.get("target")) if isinstance(value, dict) else "",
)
def test_the_content_of_columns_decides_what_is_predicted(
    images: augseq.Manifest, options: dict[str, Any], expected: Any, capsys: Any
) -> None:
    found = TargetArguments(**options).option(images, TrainingMasks())
    assert repr(found) == repr(expected)
    if found is not None:
        print_target(images, found)
        assert capsys.readouterr().out.startswith("4 images; to predict: ")


@pytest.mark.parametrize(
    ("options", "masks", "error", "text"),
    [
        ({"target": "absent"}, {}, ArgumentError, "absent"),
        ({"separator": ";"}, {}, ArgumentError, "--separator requires --target"),
        ({"target": "text"}, {}, ArgumentError, r"pass --separator ';'.*--label-column text"),
        ({"target": "gaps", "separator": ";"}, {}, LabelError, r"1 of 4 .*--missing-tags empty"),
        ({"target": "age"}, {"mask": "m", "mask_classes": "a"}, ArgumentError, "Only one of"),
        ({}, {"mask": "m"}, ArgumentError, "--mask-classes must be given together"),
    ],
)
def test_what_is_not_clear_is_refused(
    images: augseq.Manifest, options: Any, masks: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        TargetArguments(**options).option(images, TrainingMasks(**masks))


def test_a_run_to_resume_has_its_own_target(run: Run, folder: Path) -> None:  # noqa: F811
    for option in (["--target", "age"], ["--mask", "m"], ["--separator", ";"]):
        outcome = run("fit", "--resume", folder, *option)
        assert outcome.code == 1
        assert f"Only for new runs: {option[0]}" in outcome.err


def test_what_is_no_number_is_left_to_the_error_that_names_its_image(
    images: augseq.Manifest, capsys: pytest.CaptureFixture[str]
) -> None:
    print_target(images, augseq.Number(["kind", "age"]))
    assert capsys.readouterr().out.splitlines()[1:] == ["  age: 1.5 to 4, mean 2.625"]
    with pytest.raises(LabelError, match=r"'a'.*kind|kind.*'a'"):
        augseq.ImageSequence(images, targets=augseq.Number(["kind", "age"]))


def test_split_images_without_labels_are_trained_on_a_column(
    run: Run,  # noqa: F811
    images: augseq.Manifest,
    tmp_path: Path,
) -> None:
    augseq.write_manifest(images, tmp_path / "images.parquet")
    out = run("split", "images.parquet", "-o", "parts.parquet", "--stratify", "none").out
    assert out.endswith("\n  augseq fit parts.parquet --target COLUMN\n")
