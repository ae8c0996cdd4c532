"""The command line from the user's side: output, files and exit codes."""

import csv
import inspect
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyarrow.csv import write_csv

import augseq
from augseq.cli.check import check
from augseq.cli.main import main


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("warnings.showwarning", None)
    monkeypatch.setattr("sys.path", [*sys.path])

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["augseq", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capfd.readouterr()
        return Outcome(code, out, err)

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of ten small images, bright and dark."""
    rng = np.random.default_rng(3)
    for name, level in [("bright", 200), ("dark", 40)]:
        (tmp_path / "small" / name).mkdir(parents=True)
        for number in range(10):
            pixels = rng.integers(level - 30, level + 30, (16, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "small" / name / f"{number}.png")
    return tmp_path / "small"


FIT = ("--epochs", 1, "--image-size", 16, "--batch-size", 4, "--augment", "none")
# To draw the whole sheet takes 2 s.
ONE_IMAGE = ("--images", 1, "--seeds", 1)


def test_index_prints_the_classes_and_writes_a_manifest(run: Run, folder: Path) -> None:
    outcome = run("index", folder, "-o", "small.parquet")
    assert outcome.code == 0
    assert "20 images in 2 classes" in outcome.out
    assert augseq.read_manifest("small.parquet").class_counts() == {"bright": 10, "dark": 10}


def test_index_names_bad_files_and_excludes_them_on_request(run: Run, folder: Path) -> None:
    path = folder / "dark" / "3.png"
    path.write_bytes(path.read_bytes()[:-30])
    outcome = run("index", folder, "--probe", "-o", "small.parquet")
    assert outcome.code == 1
    assert "'dark/3.png' (index 13)" in outcome.err
    assert "--unreadable exclude" in outcome.err
    assert "small.parquet.unfinished; run the same command" in outcome.err
    assert not Path("small.parquet").exists()
    outcome = run("index", folder, "--unreadable", "exclude", "-o", "small.parquet")
    assert outcome.code == 0
    assert "19 images in 2 classes" in outcome.out
    assert re.search(r"1 excluded\n  'dark/3.png' \(index 13\): \S+", outcome.out)
    assert "1 of 20 images" in outcome.err
    assert len(augseq.read_manifest("small.parquet")) == 19
    assert list(Path().glob("*.unfinished")) == []
    Path("t.csv").write_text("path,label\nsmall/dark/3.png,d\nsmall/dark/4.png,d\n")
    outcome = run("index", "t.csv", "--unreadable", "exclude")
    assert re.search(r"1 excluded\n  'small/dark/3.png' \(index 0\): \S+", outcome.out)


def test_a_checkpoint_of_another_folder_is_refused_and_kept(run: Run, folder: Path) -> None:
    path = folder / "dark" / "3.png"
    path.write_bytes(path.read_bytes()[:-30])
    run("index", folder, "--probe", "-o", "m.parquet")
    unfinished = Path("m.parquet.unfinished").read_bytes()
    shutil.copytree(folder, "other")
    outcome = run("index", "other", "--probe", "-o", "m.parquet")
    assert outcome.code == 1
    assert "is a checkpoint of 20 images in" in outcome.err
    assert "Progress is saved" not in outcome.err
    assert Path("m.parquet.unfinished").read_bytes() == unfinished


def test_index_writes_a_manifest_even_if_no_file_is_usable(run: Run, folder: Path) -> None:
    for path in folder.rglob("*.png"):
        path.write_bytes(path.read_bytes()[:-30])
    outcome = run("index", folder, "--unreadable", "exclude", "-o", "small.parquet")
    assert outcome.code == 0
    assert "0 images in 2 classes" in outcome.out
    assert "20 excluded" in outcome.out
    assert len(augseq.read_manifest("small.parquet")) == 0


def test_index_updates_a_manifest(run: Run, folder: Path) -> None:
    run("index", folder, "--probe", "-o", "small.parquet")
    before = augseq.read_manifest("small.parquet")
    (folder / "bright" / "4.png").unlink()
    shutil.copy(folder / "dark" / "1.png", folder / "dark" / "0a.png")
    outcome = run("index", folder, "--update", "small.parquet")
    assert outcome.code == 0
    assert "1 new, 1 gone or excluded, 19 unchanged" in outcome.out
    after = augseq.read_manifest("small.parquet")
    assert after.record_of(20).path == "dark/0a.png"
    assert [record for record in after if record.index < 20] == [
        record for record in before if record.index != 4
    ]


def test_index_accepts_a_table_and_every_command_its_manifest(run: Run, folder: Path) -> None:
    rows = [f"{path.relative_to(folder)},{path.parent.name[0]}" for path in folder.rglob("*.png")]
    (folder.parent / "t.csv").write_text("\n".join(["file,kind", *rows]), encoding="utf-8")
    options = ("--path-column", "file", "--label-column", "kind", "--images-root", folder)
    outcome = run("index", "t.csv", *options, "-o", "m.parquet")
    assert outcome.code == 0, outcome.err
    assert augseq.read_manifest("m.parquet").class_counts() == {"b": 10, "d": 10}
    assert run("check", "m.parquet").out.startswith("20 images, ")
    for command in ("check", "show", "fit", "bench"):
        outcome = run(command, "t.csv")
        assert outcome.code == 1
        assert "'t.csv' is a table" in outcome.err
        assert "augseq index t.csv --path-column" in outcome.err


def test_index_accepts_splits_and_patterns_and_writes_tables(run: Run, folder: Path) -> None:
    outcome = run("index", folder.parent, "--splits", "small", "-o", "t.csv")
    assert "20 images in 2 classes" in outcome.out
    with open("t.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {
        "path": "small/bright/0.png", "label": "bright", "index": "0", "split": "small",
    }  # fmt: skip
    outcome = run("index", folder, "--label-pattern", r"(\d)\.png")
    assert "20 images in 10 classes" in outcome.out
    assert run("index", "t.csv", "--no-labels").out.startswith("20 images without labels\n")


def test_index_refuses_options_of_the_other_kind_of_source(run: Run, folder: Path) -> None:
    outcome = run("index", folder, "--label-column", "kind")
    assert (outcome.code, outcome.err.count("Only for tables: --label-column")) == (1, 1)
    outcome = run("index", "t.csv", "--splits", "a,b", "--follow-links")
    assert (outcome.code, outcome.err.count("Only for folders: --splits, --follow-links")) == (
        1,
        1,
    )
    assert "--label-pattern '(': missing )" in run("index", folder, "--label-pattern", "(").err


def test_a_parquet_file_that_is_not_a_manifest_shows_how_to_make_one(
    run: Run, folder: Path
) -> None:
    paths = [str(path.relative_to(folder)) for path in folder.rglob("*.png")]
    pq.write_table(pa.table({"path": paths, "label": [1, 0] * 10}), folder / "t.parquet")
    outcome = run("check", folder / "t.parquet")
    assert outcome.code == 1
    assert "--label-column NAME -o manifest.parquet" in outcome.err
    assert "20 images in 2 classes" in run("index", folder / "t.parquet").out


def test_show_writes_a_picture_with_one_row_per_image(run: Run, folder: Path) -> None:
    outcome = run("show", folder, "--images", 3, "--seeds", 2, "-o", "sheet.png")
    assert outcome.code == 0
    with Image.open("sheet.png") as sheet:
        assert sheet.height > sheet.width * 0.8
        assert np.asarray(sheet.convert("L")).std() > 20


def test_show_draws_one_record_of_one_epoch(run: Run, folder: Path) -> None:
    outcome = run("show", folder, "--epoch", 3, "--index", 12, "--seed", 5, "-o", "one.png")
    assert outcome.code == 0
    assert outcome.out.startswith("'dark/2.png' (index 12), epoch 3, seed 5\n  decoded ")
    assert outcome.out.endswith("\nwrote one.png\n")


def test_show_prints_and_draws_augmentation_statistics(run: Run, folder: Path) -> None:
    options = ("--augment", "light", "--image-size", 16)
    outcome = run("show", folder, "--stats", *options, "-o", "stats.png")
    assert outcome.code == 0
    assert "1,000 samples of 8 images" in outcome.out
    assert "2 RandomBrightnessContrast: fired in " in outcome.out
    with Image.open("stats.png") as picture:
        assert picture.format == "PNG"
    assert run("show", folder, "--stats", "--index", 3).code == 2


@pytest.mark.parametrize("name", ["epochs.webp", "epochs.gif"])
def test_show_animates_epochs(run: Run, folder: Path, name: str) -> None:
    size = ("--images", 1, "--seeds", 1, "--image-size", 16)
    outcome = run("show", folder, *size, "--epoch", 2, "--epochs", 3, "-o", name)
    assert outcome == (0, f"wrote {name}: 3 epochs\n", "")
    with Image.open(name) as animation:
        assert (animation.n_frames, animation.info["loop"]) == (3, 0)
        frames = [np.asarray((animation.seek(k), animation.convert("L"))[1]) for k in range(3)]
    assert run("show", folder, *size, "--epoch", 3, "-o", "third.png").code == 0
    with Image.open("third.png") as picture:
        third = np.asarray(picture.convert("L"))
    # Lossy, but each frame is much closer to the picture of its own epoch.
    difference = [np.abs(frame.astype(int) - third).mean() for frame in frames]
    assert np.argmin(difference) == 1


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("-o", "epochs.png"), "must end in '.gif', '.webp'. Received: 'epochs.png'"),
        (("-o", "epochs"), "Received: 'epochs'"),
        ((), "Received: 'contact_sheet.png'"),
        (("-o", "epochs.gif", "--index", 3), "--epochs without --index"),
        (("-o", "epochs.gif", "--stats"), "--epochs without --index"),
    ],
)
def test_show_explains_what_an_animation_needs(
    run: Run, folder: Path, options: tuple[object, ...], part: str
) -> None:
    outcome = run("show", folder, "--epochs", 2, *options)
    assert outcome.code == 2
    assert part in " ".join(outcome.err.replace("│", " ").split())


def test_show_accepts_a_flat_folder_without_labels(run: Run, folder: Path) -> None:
    outcome = run("show", folder / "dark", "--no-labels", "--images", 1, "--seeds", 1)
    assert outcome.code == 0
    assert Path("contact_sheet.png").is_file()


def test_fit_writes_a_complete_run_folder(run: Run, folder: Path) -> None:
    outcome = run("fit", folder, *FIT, "-o", "run", "--mirror", "bright=dark")
    assert outcome.code == 0, outcome.err
    assert "validation accuracy" in outcome.out
    assert {path.name for path in Path("run").iterdir()} == {
        "README.md", "class_names.json", "classes.csv", "confusion_matrix.png",
        "contact_sheet.png", "history.csv", "history.png", "last_model.keras",
        "manifest.parquet", "model.keras", "predictions.csv", "settings.json", "wrong_images.png",
    }  # fmt: skip
    with open("run/predictions.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert all(row["path"].startswith(row["label"] + "/") for row in rows)
    assert all(0.5 <= float(row["probability"]) <= 1 for row in rows)
    settings = json.loads(Path("run/settings.json").read_text(encoding="utf-8"))
    assert settings["fingerprint"] == augseq.read_manifest("run/manifest.parquet").fingerprint()

    assert (
        "random weights; for pretrained ones, pass weights (at the shell: --weights)" in outcome.out
    )
    assert "augseq predict run FOLDER" in outcome.out
    _expect_predictions(run, folder)


def _expect_predictions(run: Run, folder: Path) -> None:
    """Use the run folder: training again would take a quarter of a minute."""
    outcome = run("predict", "run", folder, "-o", "p.csv", "--all-classes")
    assert outcome.code == 0, outcome.err
    with open("p.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert outcome.out.startswith(f"wrote p.csv: {len(rows)} images\n")
    assert len(rows) == len(list(folder.rglob("*.png")))
    assert [row["path"] for row in rows] == sorted(row["path"] for row in rows)
    assert list(rows[0]) == ["path", "prediction", "probability", "bright", "dark"]
    run("index", folder, "-o", "labelled.parquet")
    assert "accuracy " in run("predict", "run", "labelled.parquet", "-o", "q.csv").out
    one = run("predict", "run", folder / rows[0]["path"])
    assert next(csv.DictReader(one.out.splitlines()))["prediction"] == rows[0]["prediction"]
    assert augseq.load_run("run").target == augseq.Label(mirror={"bright": "dark"})
    outcome = run("predict", "run", folder, "--views", 3, "--augment", "light", "-o", "views.csv")
    assert 'predict(["photo.jpg"], views=3, augment=[...])' in outcome.out
    found = augseq.load_run("run").predict(folder, views=3, augment=augseq.preset("light"))
    found.write_csv("expected.csv")
    assert Path("views.csv").read_bytes() == Path("expected.csv").read_bytes()
    assert Path("views.csv").read_bytes() != Path("p.csv").read_bytes()
    for options in (("--views", 3), ("--augment", "light")):
        _expect_error(run("predict", "run", folder, *options), "must be given together")
    _expect_error(run("predict", "labelled.parquet", folder), "not a run folder")
    _expect_error(run("predict", "run", "nowhere"), "nowhere")


def test_fit_does_not_write_to_a_folder_that_contains_files(run: Run, folder: Path) -> None:
    Path("run").mkdir()
    Path("run/notes.txt").touch()
    _expect_error(run("fit", folder, *FIT, "-o", "run"), "new or empty", "'run'")
    assert [path.name for path in Path("run").iterdir()] == ["notes.txt"]


def test_fit_does_not_write_to_the_folder_of_images(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(folder.rglob("*"))
    monkeypatch.chdir(folder)
    refusal = "must be outside the image folder"
    _expect_error(run("fit", ".", *FIT), refusal, "'runs/small'")
    _expect_error(run("fit", ".", *FIT, "-o", "dark/run"), refusal, "'dark/run'")
    _expect_error(run("fit", folder, *FIT, "-o", folder), refusal)
    assert sorted(folder.rglob("*")) == before


def test_a_failed_fit_leaves_no_files(run: Run, folder: Path) -> None:
    Path("mine.py").write_text(TRANSFORMS, encoding="utf-8")
    outcome = run("fit", folder, *FIT, "--architecture", "nonsense", "-o", "run")
    _expect_error(outcome, "'nonsense'", "small")
    assert not Path("run").exists()
    _expect_error(run("fit", folder, *FIT, "--augment", "mine.py:bad_raise", "-o", "run"))
    assert not Path("run").exists()


def test_fit_does_not_replace_a_file_with_a_run_folder(run: Run, folder: Path) -> None:
    Path("afile").write_text("mine", encoding="utf-8")
    _expect_error(run("fit", folder, *FIT, "-o", "afile"), "'afile' is a file")
    assert Path("afile").read_text(encoding="utf-8") == "mine"


def test_fit_requires_an_image_to_hold_out(run: Run, tmp_path: Path, folder: Path) -> None:
    for path in folder.rglob("*.png"):
        if path.stem != "0":
            path.unlink()
    _expect_error(
        run("fit", folder, *FIT), "val=0.2 of 2 images", "at least one", "at least 2 images"
    )
    assert not Path("runs").exists()


def test_fit_requires_two_classes(run: Run, folder: Path) -> None:
    shutil.rmtree(folder / "dark")
    outcome = run("fit", folder, *FIT)
    _expect_error(outcome, "at least two classes", "Received: 'bright' only")
    assert not Path("runs").exists()


def test_fit_warns_about_a_class_without_held_out_images(run: Run, folder: Path) -> None:
    (folder / "rare").mkdir()
    shutil.copy(folder / "dark" / "0.png", folder / "rare")
    # The warning comes first, so training is not needed.
    outcome = run("fit", folder, *FIT, "--architecture", "nonsense")
    assert "warning: 1 of 3 classes have no held-out image: 'rare'" in outcome.err


def test_index_names_the_path_it_cannot_write(run: Run, folder: Path) -> None:
    missing = Path("nowhere") / "small.parquet"
    _expect_error(run("index", folder, "-o", missing), "nowhere", "its folder does not exist")
    _expect_error(run("index", folder, "-o", folder), "Cannot write", "it is a folder")
    assert not Path("nowhere").exists()


# `tests/training/test_classifier.py` builds the same model without training it.
@pytest.mark.long
def test_fit_accepts_a_keras_architecture_by_name(run: Run, folder: Path) -> None:
    outcome = run("fit", folder, *FIT, "--architecture", "mobilenet", "--image-size", 32)
    assert outcome.code == 0, outcome.err


def test_bench_prints_stages_and_writes_results_and_a_plot(run: Run, folder: Path) -> None:
    outcome = run(
        "bench", folder, "--images", 8, "--batch-size", 32, "--json", "b.json", "--plot", "b.png"
    )
    assert outcome.code == 0, outcome.err
    assert all(part in outcome.out for part in ["decode", "resize", "images/s", "of the time"])
    assert json.loads(Path("b.json").read_text(encoding="utf-8"))["num_images"] == 20
    with Image.open("b.png") as plot:
        assert plot.width > plot.height


def test_help_lists_every_command_and_the_version_is_that_of_the_package(run: Run) -> None:
    outcome = run("--help")
    assert outcome.code == 0
    assert all(
        name in outcome.out for name in ["index", "check", "show", "augment", "fit", "bench"]
    )
    assert run("--version").out.splitlines()[0] == f"augseq {augseq.__version__}"


@pytest.mark.parametrize(
    "command", ["", "index", "split", "check", "show", "augment", "fit", "predict"]
)
def test_help_shows_flags_without_a_value(run: Run, command: str) -> None:
    lines = run(*command.split(), "--help").out.splitlines()
    assert any((" --splits " if command else " --version ") in line for line in lines)
    # Typer makes this one option itself.
    assert not any("bool" in line for line in lines if " --help " not in line)


def test_a_wrong_option_is_a_usage_error(run: Run, folder: Path) -> None:
    assert run("fit", folder, "--no-such-option").code == 2


def _expect_error(outcome: Outcome, *parts: str) -> None:
    """Expect one line that starts with "error:", and no traceback."""
    assert outcome.code == 1
    line = outcome.err.strip().splitlines()[-1]
    assert line.startswith("error: ")
    assert "Traceback" not in outcome.err
    for part in parts:
        assert part in line


@pytest.mark.parametrize("command", ["index", "show", "fit"])
def test_a_missing_folder_is_named(run: Run, command: str) -> None:
    _expect_error(run(command, "nowhere"), "There is no folder 'nowhere'")


def test_a_file_instead_of_a_folder_is_named(run: Run, folder: Path) -> None:
    _expect_error(run("fit", folder / "dark" / "0.png"), "0.png", "but is a file")


def test_a_folder_without_images_reports_what_it_contains(run: Run, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").touch()
    _expect_error(run("index", tmp_path / "texts"), "No images found", "1 x .txt")


def test_a_single_class_is_a_warning(run: Run, folder: Path) -> None:
    shutil.rmtree(folder / "dark")
    outcome = run("index", folder)
    assert outcome.code == 0
    assert "warning: " in outcome.err
    assert "single class, 'bright'" in outcome.err


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are not bits there")
def test_an_unreadable_folder_is_named(run: Run, folder: Path) -> None:
    (folder / "dark").chmod(0)
    for parent in [folder, *folder.parents]:
        if parent.owner() == folder.owner() and parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o55)
    # Root can read everything, so drop privileges while the command runs.
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        outcome = run("index", folder)
    finally:
        if is_root:
            os.seteuid(0)
    (folder / "dark").chmod(0o755)
    _expect_error(outcome, "Cannot list the folder", "dark")


def test_a_corrupt_file_is_named(run: Run, folder: Path) -> None:
    path = folder / "bright" / "4.png"
    path.write_bytes(path.read_bytes()[:200])
    _expect_error(run("fit", folder, *FIT), "Cannot decode 'bright/4.png' (index 4)")


@pytest.mark.parametrize("size", ["0", "-3", "12x0", "big", "1.5"])
def test_a_wrong_image_size_is_refused(run: Run, folder: Path, size: str) -> None:
    outcome = run("fit", folder, *FIT, f"--image-size={size}")
    _expect_error(outcome, "image", "size")


def test_a_negative_batch_size_is_refused(run: Run, folder: Path) -> None:
    _expect_error(run("fit", folder, *FIT, "--batch-size=-1"), "`batch_size`", "batch_size=-1")


GOOD_LIST = """
import albumentations as A

def unchanged(image, rng):
    return image

mine = [A.VerticalFlip(), unchanged]
"""

TRANSFORMS = """
def shape(image, rng):
    return image[:, :, :2]

def dtype(image, rng):
    return image.astype("float64")

def nothing(image, rng):
    image.sum()

def raising(image, rng):
    if rng.random() < 2:
        raise ZeroDivisionError("no such luck")

bad_shape, bad_dtype, bad_none, bad_raise = [shape], [dtype], [nothing], [raising]
"""


@pytest.mark.parametrize(
    ("attribute", "parts"),
    [
        ("bad_shape", ("'shape'", "shape=(16, 16, 2)")),
        ("bad_dtype", ("'dtype'", "float64")),
        ("bad_none", ("'nothing'", "None")),
        ("bad_raise", ("ZeroDivisionError: no such luck", "'raising'")),
    ],
)
def test_a_failing_transform_is_named_with_a_command_that_replays_it(
    run: Run, folder: Path, attribute: str, parts: tuple[str, ...]
) -> None:
    Path("mine.py").write_text(TRANSFORMS, encoding="utf-8")
    outcome = run("fit", folder, *FIT, "--augment", f"mine.py:{attribute}")
    replay = f"augseq show {folder} --augment mine.py:{attribute} --image-size 16 --seed 7 --epoch "
    _expect_error(outcome, *parts, replay)
    arguments = outcome.err.strip().splitlines()[-1].split("augseq show ")[1].split()
    _expect_error(run("show", *arguments), *parts)


def test_the_replay_command_runs_wherever_the_images_are(run: Run, folder: Path) -> None:
    Path("mine.py").write_text(TRANSFORMS, encoding="utf-8")
    run("index", folder, "-o", "my  $manifest.parquet")
    moved = folder.rename("moved (by me)")
    own = ("--augment", "mine.py:bad_raise")
    for images in [(moved,), ("my  $manifest.parquet", "--root", moved)]:
        outcome = run("fit", *images, *FIT, *own)
        _expect_error(outcome, "no such luck")
        _, *arguments = shlex.split(outcome.err.strip().splitlines()[-1].split("Or: ")[1])
        _expect_error(run(*arguments), "no such luck")


@pytest.mark.parametrize("name", ["my t.csv", "my t.parquet"])
def test_the_command_that_creates_a_manifest_from_a_table_runs(
    run: Run, folder: Path, name: str
) -> None:
    paths = [str(path.relative_to(folder)) for path in folder.rglob("*.png")]
    table = pa.table({"path": paths, "label": [1, 0] * 10})
    (write_csv if name.endswith("csv") else pq.write_table)(table, folder / name)
    outcome = run("show", folder / name)
    _, _, command = outcome.err.partition("augseq index ")
    for column in ("path", "label"):
        command = command.replace(f"--{column}-column NAME", f"--{column}-column {column}")
    assert run("index", *shlex.split(command.partition(" (in Python")[0])).code == 0
    assert len(augseq.read_manifest("manifest.parquet")) == 20


def test_a_valid_user_list_is_accepted(run: Run, folder: Path) -> None:
    Path("good.py").write_text(GOOD_LIST, encoding="utf-8")
    assert run("show", folder, *ONE_IMAGE, "--augment", "good.py:mine").code == 0


def test_a_file_with_the_name_of_a_module_does_not_replace_it(run: Run, folder: Path) -> None:
    Path("random.py").write_text(GOOD_LIST, encoding="utf-8")
    assert run("show", folder, *ONE_IMAGE, "--augment", "random.py:mine").code == 0
    assert random is sys.modules["random"]


def test_a_file_can_import_another_file_next_to_it(run: Run, folder: Path) -> None:
    Path("mine").mkdir()
    Path("mine/neighbour_of_augseq_test.py").write_text(GOOD_LIST, encoding="utf-8")
    Path("mine/lists.py").write_text(
        "from neighbour_of_augseq_test import mine, unchanged\nboth = [*mine, unchanged]\n",
        encoding="utf-8",
    )
    outcome = run("show", folder, *ONE_IMAGE, "--augment", "mine/lists.py:both")
    sys.modules.pop("neighbour_of_augseq_test", None)
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("loud", "standard"),
        ("none.py:mine", "no such file"),
        ("no_such_module:mine", "no_such_module"),
        (":mine", "or package.module:name. Received: ':mine'"),
        (".here:mine", "or package.module:name. Received: '.here:mine'"),
    ],
)
def test_an_unknown_augmentation_lists_the_available_ones(
    run: Run, folder: Path, name: str, part: str
) -> None:
    _expect_error(run("show", folder, "--augment", name), "--augment", part)


def test_fit_requires_labels(run: Run, folder: Path) -> None:
    _expect_error(run("fit", folder / "dark", *FIT), "no class")
    run("index", folder, "--no-labels", "-o", "flat.parquet")
    _expect_error(run("fit", "flat.parquet", *FIT), "label")


def test_a_manifest_of_a_newer_schema_is_refused(run: Run, folder: Path) -> None:
    run("index", folder, "-o", "small.parquet")
    table = pq.read_table("small.parquet")
    header = json.loads(table.schema.metadata[b"augseq"]) | {"schema_version": 999}
    newer: pa.Table = table.replace_schema_metadata({b"augseq": json.dumps(header)})
    pq.write_table(newer, "newer.parquet")
    _expect_error(run("fit", "newer.parquet", *FIT), "schema version 999", "newer augseq")


def test_a_manifest_with_missing_files_says_how_to_proceed(run: Run, folder: Path) -> None:
    run("index", folder, "-o", "small.parquet")
    moved = folder.rename(folder.with_name("moved"))
    _expect_error(run("fit", "small.parquet", *FIT), "is not in", "root=")
    assert run("show", "small.parquet", *ONE_IMAGE, "--root", moved).code == 0


def test_an_installed_command_runs_without_a_backend_if_it_needs_none(
    tmp_path: Path, folder: Path
) -> None:
    command = [Path(sys.executable).with_name("augseq"), "index", folder]
    environment = {**os.environ, "KERAS_BACKEND": "no_such_backend"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    command[1] = "fit"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: Keras cannot load its backend 'no_such_backend'" in done.stderr
    # Named in keras.json.
    (tmp_path / "keras.json").write_text('{"backend": "nonsense"}', encoding="utf-8")
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    environment.pop("KERAS_BACKEND", None)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nonsense" in done.stderr
    assert "tensorflow'" not in done.stderr


def test_check_exits_with_1_from_the_requested_severity_on(run: Run, folder: Path) -> None:
    outcome = run("check", folder)
    assert outcome.code == 0
    assert "warning  tiny images" in outcome.out
    assert "and 15 more files" in outcome.out
    assert run("check", folder, "--fail-on", "warning").code == 1
    broken = folder / "dark" / "3.png"
    broken.write_bytes(broken.read_bytes()[:60])
    outcome = run("check", folder, "--examples", 1)
    assert outcome.code == 1
    assert "error    truncated" in outcome.out
    assert "  - dark/3.png" in outcome.out
    assert run("check", folder, "--fail-on", "never").code == 0


def test_check_prints_only_json_and_writes_a_page(run: Run, folder: Path) -> None:
    outcome = run("check", folder, "--json", "-", "--html", "report.html")
    assert json.loads(outcome.out)["findings"][0]["kind"] == "tiny"
    assert Path("report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    outcome = run("check", folder, "--json", "report.json")
    assert outcome.out.endswith(
        f"\nwrote report.json\n\nTo train on these images:\n  augseq fit {folder}\n"
    )
    assert json.loads(Path("report.json").read_text())["num_images"] == 20


def test_check_finds_what_leaks_between_splits(run: Run, folder: Path) -> None:
    for split in ("train", "val"):
        shutil.copytree(folder, folder.parent / "parts" / split)
    outcome = run("check", "parts", "--splits", "train,val", "--no-near-duplicates")
    assert outcome.code == 1
    assert re.search(r"error    identical files in different splits +40 +20\n", outcome.out)
    run("index", "parts", "--splits", "train,val", "-o", "parts.parquet")
    assert run("check", "parts.parquet").code == 1
    _expect_error(run("check", "parts.parquet", "--split-column", "fold"), "no column 'fold'")


def test_check_accepts_every_threshold(run: Run, folder: Path) -> None:
    Image.new("RGB", (200, 40), "red").save(folder / "dark" / "long.png")
    assert "odd aspect ratios" in run("check", folder).out
    outcome = run(
        "check", folder, "--tiny-px", 10, "--huge-pixels", 300, "--aspect-ratio", 5,
        "--imbalance", 1, "--num-bits", 64, "--correlation", 0, "--json", "-",
    )  # fmt: skip
    report = json.loads(outcome.out)
    found = {finding["kind"]: finding for finding in report["findings"]}
    assert found["huge"]["num_files"] == 21
    assert found["imbalance"]["detail"] == "11 of dark, 10 of bright: 1.1 to 1"
    assert found["near_duplicates_with_other_labels"]["num_files"] >= 20
    assert not {"tiny", "odd_aspect_ratio"} & set(found)
    assert report["options"]["correlation"] == 0
    assert run("check", folder, "--num-bits", 65).code == 2


def test_check_has_the_options_and_defaults_of_the_package() -> None:
    options = augseq.CheckOptions().to_dict()
    parameters = inspect.signature(check).parameters
    assert {name: parameters[name].default for name in options} == options


def test_check_names_transforms_that_are_not_pure(run: Run, folder: Path) -> None:
    code = (
        "import random\n"
        "def jitter(image, rng):\n    return image + random.randrange(2)\n"
        "def keep(image, rng):\n    return image\n"
        "impure, pure = [keep, jitter], [keep]\n"
    )
    Path("mine.py").write_text(code)
    outcome = run("check", folder, "--purity", "--augment", "mine.py:impure")
    assert outcome.code == 1
    assert outcome.out.startswith("1 of 2 augmentations are not pure:")
    assert "augmentation 2, 'jitter': draws from a global generator" in outcome.out
    outcome = run("check", folder, "--purity", "--augment", "mine.py:pure")
    assert (outcome.code, outcome.out) == (0, "The augmentation is pure: keep.\n")


def test_split_writes_a_column_that_fit_uses_and_fit_numbers_its_runs(
    run: Run, folder: Path
) -> None:
    outcome = run("split", folder, "--val", 0.2, "--test", 0.1, "-o", "m.parquet")
    assert outcome.code == 0, outcome.err
    lines = [line.split() for line in outcome.out.splitlines()]
    assert lines[:3] == [["train", "14", "70.0%"], ["val", "4", "20.0%"], ["test", "2", "10.0%"]]
    assert outcome.out.endswith("evaluate on val:\n  augseq fit m.parquet\n")
    val = augseq.read_manifest("m.parquet").split_by("split").val
    Path("runs", "m").mkdir(parents=True)
    further = ("--class-weight", "--color-mode", "grayscale", "--cache", "none")
    outcome = run("fit", "m.parquet", *FIT, *further)
    assert outcome.code == 0, outcome.err
    assert "The images have splits (column 'split')" in outcome.out
    folder = Path("runs", "m-2")
    with (folder / "predictions.csv").open(encoding="utf-8") as file:
        assert [row["path"] for row in csv.DictReader(file)] == [record.path for record in val]
    settings = json.loads((folder / "settings.json").read_text("utf-8"))
    assert settings["split_column"] == "split"
    assert settings["pixels"]["color_mode"] == "grayscale"
    assert (settings["class_weight"], settings["cache"]) == (True, "none")
    assert sorted(path.name for path in Path("runs").iterdir()) == ["m", "m-2"]


def test_fit_splits_at_random_on_request(run: Run, folder: Path) -> None:
    images = augseq.index_folder(folder, progress=False)
    augseq.write_manifest(images.with_column("split", ["a", "b"] * 10), "m.parquet")
    # What is wrong with the column comes first, so training is not needed.
    stop = ("--architecture", "nonsense")
    _expect_error(run("fit", "m.parquet", *FIT, *stop), "must contain train and val", "--val 0.2")
    _expect_error(run("fit", "m.parquet", "--val", 0.2, *FIT, *stop), "architecture='nonsense'")


def test_split_keeps_groups_together_by_a_column(run: Run, folder: Path) -> None:
    images = augseq.index_folder(folder, progress=False)
    burst = [record.index // 5 for record in images]
    augseq.write_manifest(images.with_column("burst", burst), "m.parquet")
    assert run("split", "m.parquet", "--val", 0.25, "--group", "burst", "-o", "n.parquet").code == 0
    parts = augseq.read_manifest("n.parquet").split_by("split")
    assert [len(set(part.column("burst"))) for part in parts] == [3, 1]


def test_fit_requires_a_column_with_train_and_val(run: Run, folder: Path) -> None:
    images = augseq.index_folder(folder, progress=False)
    augseq.write_manifest(images.with_column("part", ["a"] * 10 + ["train"] * 10), "m.parquet")
    outcome = run("fit", "m.parquet", "--split-column", "part", "--epochs", 1)
    _expect_error(outcome, "'part' must contain train and val", "'train', 'a'")


def test_names_with_terminal_codes_are_printed_escaped(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / "dark", folder / "\x1b[2J[red]$x^{$")
    (folder / "dark" / "\x1b]0;owned\x07\n.jpg").write_bytes(b"none")
    for command in (["index"], ["show", "--image-size", 8], ["check", "--image-size", 8]):
        outcome = run(command[0], folder, *command[1:])
        text = outcome.out + outcome.err
        assert text.replace("\n", "").isprintable(), repr(text)
        if command == ["index"]:
            assert r"\x1b[2J[red]$x^{$" in text
        else:
            assert r"\x1b]0;owned\x07\n.jpg" in text or outcome.code == 0


def test_a_table_with_a_remote_root_is_indexed_without_checking_files(run: Run) -> None:
    Path("t.csv").write_text("path,label\nhttp://nowhere.invalid/a/1.jpg,a\nb/1.jpg,b\n")
    outcome = run("index", "t.csv", "--images-root", "http://nowhere.invalid", "-o", "t.parquet")
    assert outcome.code == 0, outcome.err
    assert [record.path for record in augseq.read_manifest("t.parquet")] == ["a/1.jpg", "b/1.jpg"]


def test_an_archive_is_indexed_and_checked_by_its_address(run: Run, folder: Path) -> None:
    shutil.make_archive("small", "zip", folder)
    outcome = run("index", "zip://::small.zip", "-o", "small.parquet")
    assert outcome.code == 0, outcome.err
    assert "20 images in 2 classes" in outcome.out
    for images in ("zip://::small.zip", "small.parquet"):
        assert run("check", images).out.startswith("20 images, 0.0 MB: 1 warning\n")
    outcome = run("index", "https://me:canary@host/photos")
    assert outcome.code == 1
    assert "must not contain a password" in outcome.err
    assert "canary" not in outcome.err
