"""`augseq fit` continues after it was killed, and ends with the model of an uninterrupted run."""

import os
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.training.runs.run_settings import write_settings
from tests.backends import BACKENDS, Server, is_installed, run_fork, server
from tests.cli.test_main import Run, folder, run  # noqa: F401

AUGMENT = """
import numpy as np


def brighten(image, rng):
    return np.clip(image + rng.normal(0, 9), 0, 255).astype(image.dtype)


mine = [brighten]
"""


class Shell:
    """Runs `augseq` in forks of one process, in a folder."""

    def __init__(self, forks: Server, place: Path) -> None:
        self._forks, self._place = forks, place

    def __call__(self, *arguments: object, moment: str = "-") -> tuple[int, str, str]:
        """Run a command, which gets a signal at a moment such as SIGKILL@7."""
        return run_fork(self._forks, self._place, moment, *arguments)

    def models(self, folder: Path) -> list[str]:  # noqa: F811
        """Return the digests of the weights of both models of a run."""
        paths = [folder / name for name in ("model.keras", "last_model.keras")]
        code, out, err = self("digest", *paths)
        assert code == 0, err
        return out.split()


# TensorFlow compiles for seconds; the state of a run is saved by the same code on all backends.
@pytest.mark.parametrize(
    ("backend", "options"),
    [
        ("torch", ""),
        pytest.param("tensorflow", "", marks=pytest.mark.long),
        pytest.param("jax", "", marks=pytest.mark.long),
        pytest.param("torch", "--mixed-precision", marks=pytest.mark.long),
        pytest.param("jax", "--mixed-precision", marks=pytest.mark.long),
        # With logs for TensorBoard, which is not installed with TensorFlow.
        pytest.param("tensorflow", "--mixed-precision --tensorboard", marks=pytest.mark.long),
    ],
)
def test_a_killed_fit_ends_with_the_weights_of_an_unbroken_one(
    backend: str, options: str, tmp_path: Path
) -> None:
    if not is_installed(backend):
        pytest.skip("not installed")
    if "--tensorboard" in options:
        pytest.importorskip("tensorboard")
    rng = np.random.default_rng(1)
    for number in range(24):
        kind = tmp_path / "photos" / "ab"[number % 2]
        kind.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 200, (8, 8, 3), np.uint8) + 50 * np.uint8(number % 2)
        Image.fromarray(pixels).save(kind / f"{number}.png")
    (tmp_path / "lists.py").write_text(AUGMENT)
    fit = ["fit", tmp_path / "photos", "--image-size", 8, "--batch-size", 4, "--workers", 0]
    fit += ["--augment", f"{tmp_path / 'lists.py'}:mine", *options.split()]
    first, whole, broken = (tmp_path / name for name in ("first", "whole", "broken"))
    with server(backend, "tests.cli.killable") as forks:
        shell = Shell(forks, tmp_path)
        # Pretrained weights, of a run that is killed before its first backup.
        assert shell(*fit, "--epochs", 1, "-o", first, moment="SIGKILL@2")[0] == -9
        code, out, err = shell("fit", "--resume", first)
        assert code == 0, err
        assert "best epoch           1 of 1\n" in out
        readme = (first / "README.md").read_text("utf-8")
        num_held_out = len((first / "predictions.csv").read_text("utf-8").splitlines()) - 1
        assert f"on {24 - num_held_out} images" in " ".join(readme.split())
        # The first 5 steps train the head, the next 10 all layers.
        fit += ["--epochs", 3, "--weights", first, "--early-stopping", 9]
        assert shell(*fit, "-o", whole)[0] == 0
        assert shell(*fit, "-o", broken, moment="SIGKILL@7")[0] == -9
        code, out, err = shell("fit", "--resume", broken, moment="SIGINT@8")
        assert code == 130, err
        assert "has the best model so far, and backups." in err
        command = err.partition("To continue: augseq ")[2].partition(" (")[0]
        code, out, err = shell(*shlex.split(command))
        assert code == 0, err
        assert "epoch 3 of 3  accuracy" in out
        assert "epoch 2 of 3" not in out
        assert shell.models(broken) == shell.models(whole)
    assert (broken / "history.csv").read_text() == (whole / "history.csv").read_text()
    assert sorted(os.listdir(broken)) == sorted(os.listdir(whole))
    assert not (whole / "backups").exists()
    assert (whole / "tensorboard").exists() == ("--tensorboard" in options)


@pytest.mark.long
@pytest.mark.parametrize(
    "target", ["--target level", "--target tags", "--mask mask --mask-classes a,b,c"]
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_killed_fit_of_each_target_ends_with_the_weights_of_an_unbroken_one(
    backend: str, target: str, tmp_path: Path
) -> None:
    if not is_installed(backend):
        pytest.skip("not installed")
    fit = ["fit", _images_with_targets(tmp_path), *target.split(), "--image-size", 16]
    fit += ["--batch-size", 4, "--workers", 0, "--epochs", 2]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    with server(backend, "tests.cli.killable") as forks:
        shell = Shell(forks, tmp_path)
        code, out, err = shell(*fit, "-o", whole)
        assert code == 0, err
        # Each epoch has 5 steps.
        assert shell(*fit, "-o", broken, moment="SIGKILL@7")[0] == -9
        code, out, err = shell("fit", "--resume", broken, moment="SIGINT@2")
        assert code == 130, err
        code, out, err = shell("fit", "--resume", broken)
        assert code == 0, err
        assert "epoch 1 of 2" not in out
        assert shell.models(broken) == shell.models(whole)
    assert (broken / "history.csv").read_text() == (whole / "history.csv").read_text()
    assert sorted(os.listdir(broken)) == sorted(os.listdir(whole))


def _images_with_targets(place: Path) -> Path:
    """Write images with masks, and a manifest of them with numbers and tags."""
    rng = np.random.default_rng(2)
    levels = rng.integers(0, 200, 24)
    for name in ("images", "masks"):
        (place / name).mkdir()
    for number, level in enumerate(levels):
        pixels = rng.integers(level, level + 50, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(place / "images" / f"{number:02}.png")
        Image.fromarray(pixels[:, :, 0] // 86).save(place / "masks" / f"{number:02}.png")
    images = augseq.index_folder(place / "images", labels=None, progress=False)
    images = images.with_column("mask", pattern="../masks/{stem}.png")
    images = images.with_column("level", levels.astype(float))
    tags = [["odd"] * (number % 2) + ["dark"] * (number < 12) for number in range(24)]
    augseq.write_manifest(images.with_column("tags", tags), place / "images.parquet")
    return place / "images.parquet"


@pytest.fixture
def begun(folder: Path) -> Path:  # noqa: F811
    """Return the folder of a run that was killed before its first backup."""
    return begin(folder)


def begin(folder: Path, color_mode: Any = "rgb") -> Path:  # noqa: F811
    images = augseq.index_folder(folder, progress=False)
    options = augseq.RunOptions(
        augment=augseq.preset("light"),
        augment_name="light",
        image_size=(8, 16),
        epochs=4,
        color_mode=color_mode,
    )
    batches = augseq.ImageSequence(images, image_size=(8, 16), color_mode=color_mode)
    place = folder.parent / "begun"
    (place / "backups").mkdir(parents=True)
    augseq.write_manifest(images, place / "manifest.parquet")
    write_settings(
        options,
        images,
        batches.pipeline,
        place,
        target=augseq.Label(),
        class_names=images.class_names,
        backend="jax",
    )
    return place


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("--epochs 5", "--epochs must be as in the run to resume: 4. Received: 5."),
        ("--seed 8", "--seed must be as in the run to resume: 7. Received: 8."),
        ("--image-size 8", "(8, 16). Received: (8, 8)."),
        ("--augment strong", "--augment must be as in the run to resume: light. Received: strong"),
        ("--architecture MobileNet", "small. Received: MobileNet"),
        ("--max-pixels 5", "--max-pixels must be as in the run to resume"),
        ("--no-exif-orientation", "--exif-orientation must be as in the run to resume: True"),
        ("--weights imagenet", "random. Received: imagenet"),
        ("--class-weight", "False. Received: True"),
        ("--sampling balanced", "none. Received: balanced"),
        ("--splits train,val", "Only for new runs: --splits"),
        (
            "-o elsewhere",
            "in its own folder, with its own images. Received: --output or --val-folder",
        ),
        ("photos", "Received: FOLDER 'photos'. If the images were moved, pass --root FOLDER."),
        ("--epochs 0", "at least 1"),
        ("--root nowhere", "nowhere"),
    ],
)
def test_options_that_contradict_the_run_are_refused(
    run: Run,  # noqa: F811
    begun: Path,
    given: str,
    text: str,
) -> None:
    before = sorted(path.name for path in begun.iterdir())
    outcome = run("fit", "--resume", begun, *shlex.split(given))
    assert outcome.code in (1, 2)
    assert text in " ".join(outcome.err.replace("│", " ").split())
    assert sorted(path.name for path in begun.iterdir()) == before


def test_an_option_is_checked_together_with_those_of_the_run(
    run: Run,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Not with the defaults of new runs: `--bands` alone would require `--color-mode bands`."""
    for name in ("cat", "dog"):
        (tmp_path / "scenes" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "scenes" / name / "0.tif")
    begun = begin(tmp_path / "scenes", "bands")
    outcome = run("fit", "--resume", begun, "--bands", "2,1,0")
    assert "--bands must be as in the run to resume: None. Received: (2, 1, 0)." in outcome.err


def test_a_run_of_a_program_is_resumed_by_that_program(
    run: Run,  # noqa: F811
    begun: Path,
) -> None:
    settings = (begun / "settings.json").read_text().replace('"augment_name": "light",', "")
    (begun / "settings.json").write_text(settings)
    outcome = run("fit", "--resume", begun)
    assert outcome.code == 1
    assert "Run that program again with augseq.train(..., resume=True)" in outcome.err


@pytest.fixture
def complete(begun: Path) -> Path:
    """Return the folder of a complete run, whose process was killed while it deleted backups."""
    (begun / "backups").rename(begun / "backups.deleted")
    for name in ("model.keras", "last_model.keras", "README.md"):
        (begun / name).touch()
    return begun


def test_a_complete_run_is_not_trained_again(run: Run, complete: Path) -> None:  # noqa: F811
    outcome = run("fit", "--resume", complete, "--epochs", 4)
    assert outcome.code == 0
    assert "is complete" in outcome.out
    assert not (complete / "backups.deleted").exists()


def test_a_complete_run_does_not_get_more_epochs(run: Run, complete: Path) -> None:  # noqa: F811
    outcome = run("fit", "--resume", complete, "--epochs", 9)
    assert outcome.code == 1
    assert "--epochs must be as in the run to resume: 4. Received: 9. The learning" in outcome.err
    assert f"Start a new run; --weights {complete} makes it start from" in outcome.err


def test_a_folder_that_lacks_files_of_a_run_is_not_complete(
    run: Run,  # noqa: F811
    complete: Path,
) -> None:
    (complete / "model.keras").unlink()
    outcome = run("fit", "--resume", complete)
    assert outcome.code == 1
    assert "is not a complete run: it has no 'model.keras'" in outcome.err


def test_a_folder_that_is_no_run_is_not_resumed(run: Run, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "x").mkdir()
    outcome = run("fit", "--resume", "x")
    assert outcome.code == 1
    assert "not a run folder" in outcome.err


def test_a_run_that_was_killed_before_its_settings_is_to_be_deleted(
    run: Run,  # noqa: F811
    folder: Path,  # noqa: F811
    begun: Path,
) -> None:
    (begun / "settings.json").unlink()
    for command in (("fit", "--resume", begun), ("fit", folder, "-o", begun)):
        outcome = run(*command)
        assert outcome.code == 1
        assert "interrupted before its training began" in outcome.err
        assert "elete" in outcome.err
        assert "--resume" not in outcome.err
    assert (begun / "backups").is_dir()


@pytest.mark.parametrize(
    "options", ["--val 0.3 --val-folder small", "--fold 1/3 --splits train,val"]
)
def test_only_one_option_chooses_the_held_out_images(
    run: Run,  # noqa: F811
    folder: Path,  # noqa: F811
    options: str,
) -> None:
    outcome = run("fit", folder, *options.split())
    assert outcome.code == 1
    assert " can choose the held-out images." in outcome.err


def test_fit_requires_a_folder_or_a_run(run: Run) -> None:  # noqa: F811
    outcome = run("fit")
    assert outcome.code == 2
    assert "is required, except with --resume" in " ".join(outcome.err.replace("│", " ").split())


def test_a_new_run_does_not_replace_an_interrupted_one(
    run: Run,  # noqa: F811
    folder: Path,  # noqa: F811
    begun: Path,
) -> None:
    outcome = run("fit", folder, "-o", begun)
    assert outcome.code == 1
    assert f"It has an interrupted run; to continue it: augseq fit --resume {begun}" in outcome.err


def test_an_interrupted_run_without_a_model_says_how_to_continue(
    run: Run,  # noqa: F811
    folder: Path,  # noqa: F811
    begun: Path,
) -> None:
    outcome = run("predict", begun, folder)
    assert outcome.code == 1
    assert f"to continue: augseq fit --resume {begun}" in outcome.err
