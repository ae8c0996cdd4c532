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
            "file": [f"../masks/{name}.PNG" for name in "abcd"],
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
        (
            {"target": "kind", "mirror": "cat = dog"},
            augseq.Label("kind", classes=["cat", "dog"], mirror={"cat": "dog"}),
        ),
        (
            {"target": "day", "mirror": "0=1"},
            augseq.Label("day", classes=[0, 1], mirror={0: 1}),
        ),
        (
            {"target": "day,sea", "mirror": "day=sea"},
            augseq.MultiLabel(["day", "sea"], mirror={"day": "sea"}),
        ),
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
        ({"target": "age"}, {"mask": "m", "mask_classes": "a"}, ArgumentError, "Received: both"),
        ({"target": "file"}, {}, ArgumentError, "--mask file --mask-classes NAMES instead of"),
        ({"target": "age", "mirror": "a=b"}, {}, ArgumentError, "--mirror requires classes"),
        ({"target": "kind", "mirror": "cat"}, {}, ArgumentError, "--mirror must be pairs.*'cat'"),
        ({"target": "kind", "mirror": "cat=dgo"}, {}, ArgumentError, "'dgo'.*Did you mean 'dog'"),
        ({"target": "kind", "mirror": "cat=cat"}, {}, ArgumentError, "each class in one pair"),
        ({"mirror": "a=b,a=c"}, {}, ArgumentError, "--mirror must be pairs.*'a=c'"),
        ({}, {"mask": "m"}, ArgumentError, "--mask-classes must be given together"),
        ({}, {"mask": "m", "mask_classes": "a,"}, ArgumentError, "--mask-classes must be diff"),
    ],
)
def test_what_is_not_clear_is_refused(
    images: augseq.Manifest, options: Any, masks: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        TargetArguments(**options).option(images, TrainingMasks(**masks))


@pytest.mark.parametrize("name", ["kind", "target"])
def test_the_column_of_the_labels_is_predicted_without_an_option(name: str) -> None:
    table = pa.table({"path": list("ab"), "kind": ["cat", "dog"], "age": [1, 2]})
    images = augseq.index_table(table, root="/x", label_column="kind", check_files=False)
    assert TargetArguments().option(images, TrainingMasks()) is None
    with pytest.raises(ArgumentError, match=rf"{name}'.*age.*\(cat, dog\).*remove --target\."):
        TargetArguments(target=name).option(images, TrainingMasks())


def test_a_run_to_resume_has_its_own_target(run: Run, folder: Path) -> None:  # noqa: F811
    options = (["--target", "age"], ["--mask", "m"], ["--separator", ";"], ["--mirror", "a=b"])
    for option in options:
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


def test_the_network_is_named_after_the_data_is_found_right(
    run: Run,  # noqa: F811
    images: augseq.Manifest,
    tmp_path: Path,
) -> None:
    augseq.write_manifest(images, tmp_path / "images.parquet")
    outcome = run("fit", "images.parquet")
    assert outcome.code == 1
    assert "4 images without labels" in outcome.out
    assert "network" not in outcome.out
    assert "(at the shell: --target COLUMN, or --mask" in outcome.err


def test_split_images_without_labels_are_trained_on_a_column(
    run: Run,  # noqa: F811
    images: augseq.Manifest,
    tmp_path: Path,
) -> None:
    augseq.write_manifest(images, tmp_path / "images.parquet")
    out = run("split", "images.parquet", "-o", "parts.parquet", "--stratify", "none").out
    assert out.endswith("\n  augseq fit parts.parquet --target COLUMN\n")
