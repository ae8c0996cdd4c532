"""The files of a run folder, which say how a model was trained and how to use it."""

import contextlib
import json
import platform
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from augseq.augment.augmentation_list import make_augmentation_list
from augseq.errors import ArgumentError, MissingFileError, NotAFolderError
from augseq.inspection.confusion import count_confusion, draw_confusion
from augseq.inspection.curves import draw_history
from augseq.inspection.explorer.augment_code import code_of
from augseq.loading.pipeline import Pipeline
from augseq.manifest.manifest import Manifest
from augseq.pixels.cache.source import CachedSource
from augseq.pixels.source import FileSource
from augseq.training.classifier import DEFAULT_LEARNING_RATE
from augseq.training.predictions import Predictions
from augseq.training.run_options import RunOptions
from augseq.types import PathLike

MODEL = "model.keras"
MANIFEST = "manifest.parquet"
SETTINGS = "settings.json"
CLASS_NAMES = "class_names.json"

_LIBRARIES = ("augseq", "keras", "albumentations", "numpy", "opencv-python-headless", "pillow")

_README = """\
# A trained image classifier

It distinguishes {num_classes} classes: {classes}. Trained with augseq {version} on {num_images}
images in {root!r}. {result}

Classify images, at the shell:

    augseq predict {quoted_folder} FOLDER -o predictions.csv

In Python:

    import augseq

    run = augseq.load_run({folder!r})
    print(run.predict(["photo.jpg"]))

Both decode and resize images as in training.

| file | content |
|---|---|
| `{model}` | the model, for `keras.models.load_model`: takes pixels from 0 to 255 |
| `{class_names}` | the names of the classes, in the order of the model's outputs |
| `{settings}` | all settings and versions |
| `{manifest}` | the images |
| `predictions.csv` | what it predicts for the held-out images, which it was not trained on |
| `confusion_matrix.png` | how often each class was taken for another |
| `history.csv`, `history.png` | loss and accuracy of each epoch |
| `contact_sheet.png` | augmented training images |
"""


@contextlib.contextmanager
def empty_run_folder(folder: PathLike, root: str) -> Iterator[Path]:
    """Create a run folder; delete it if the run fails and it is new and empty.

    Args:
        folder: A new or empty folder.
        root: The folder of the images, which must not contain it.

    Raises:
        ArgumentError: It contains files, or the images' folder contains it.
        NotAFolderError: It is a file.
    """
    path = Path(folder)
    if path.resolve().is_relative_to(Path(root).resolve()):
        raise ArgumentError(
            f"The run folder must be outside the image folder, or its pictures would be indexed "
            f"next time; choose another folder (at the shell: -o FOLDER). "
            f"Received: {str(path)!r}, inside {root!r}"
        )
    if path.is_file():
        raise NotAFolderError(f"The run folder {str(path)!r} is a file.")
    is_new = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    if any(path.iterdir()):
        raise ArgumentError(
            f"The run folder must be new or empty, so that no earlier run is lost. "
            f"Received: {str(path)!r}"
        )
    try:
        yield path
    except BaseException:
        # So that the next run can use this name; unless it contains files already.
        with contextlib.suppress(OSError):
            if is_new:
                path.rmdir()
        raise


def write_settings(
    options: RunOptions, manifest: Manifest, pipeline: Pipeline, folder: Path
) -> None:
    """Write the settings of a run, its class names, and the versions of the libraries.

    Args:
        options: The options of the run.
        manifest: The images of the run.
        pipeline: How the held-out images were loaded.
        folder: The run folder.
    """
    split: dict[str, Any] = {"val": options.val}
    if options.split_column is not None:
        split = {"split_column": options.split_column}
    settings = {
        "architecture": options.architecture,
        "augment": [code_of(step) or repr(step) for step in _steps(options)],
        "pixels": pixel_options(pipeline),
        "epochs": options.epochs,
        "batch_size": options.batch_size,
        "learning_rate": options.learning_rate or DEFAULT_LEARNING_RATE,
        **split,
        "seed": options.seed,
        "fingerprint": manifest.fingerprint(),
        "backend": keras.backend.backend(),
        "versions": _versions(),
    }
    write_json(settings, folder / SETTINGS)
    write_json(list(manifest.class_names), folder / CLASS_NAMES)


def write_readme(manifest: Manifest, result: str, folder: Path) -> None:
    """Write how to use what is in a run folder."""
    names = manifest.class_names
    text = _README.format(
        num_classes=len(names),
        classes=", ".join(names[:20]) + (", ..." if len(names) > 20 else ""),
        version=version("augseq"),
        num_images=len(manifest),
        root=manifest.root,
        result=result,
        folder=str(folder),
        quoted_folder=shlex.quote(str(folder)),
        model=MODEL,
        class_names=CLASS_NAMES,
        settings=SETTINGS,
        manifest=MANIFEST,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def write_history(history: Mapping[str, Sequence[float]], folder: Path) -> None:
    """Write loss and metrics of each epoch, as a table and as a picture."""
    epochs = range(1, 1 + len(history["loss"]))
    table = pa.table(
        {"epoch": list(epochs), **{k: list(map(float, v)) for k, v in history.items()}}
    )
    pyarrow.csv.write_csv(table, folder / "history.csv")
    draw_history(history).savefig(folder / "history.png")


def write_predictions(
    predictions: Predictions, labels: npt.NDArray[np.integer[Any]], folder: Path
) -> int:
    """Write predictions and confusion matrix of labelled images; return how many are right."""
    predictions.write_csv(folder / "predictions.csv")
    names = predictions.class_names
    counts = count_confusion(labels, predictions.numbers, len(names))
    draw_confusion(counts, names).savefig(folder / "confusion_matrix.png")
    return int(np.trace(counts))


def pixel_options(pipeline: Pipeline) -> dict[str, Any]:
    """Return the options of an `ImageSequence` that determine unaugmented pixels.

    Raises:
        ArgumentError: The pipeline reads no files.
    """
    source = pipeline.source
    files = source.files if isinstance(source, CachedSource) else source
    if not isinstance(files, FileSource):
        raise ArgumentError("The images must be files. Received: an array")
    resize = {"image_size": None} if pipeline.resize is None else asdict(pipeline.resize)
    return {
        **asdict(files.options),
        **resize,
        "dtype": pipeline.dtype,
        "scaled_decode": pipeline.scaled_decode,
    }


def read_settings(folder: Path) -> dict[str, Any]:
    """Read the settings of a run folder.

    Raises:
        MissingFileError: The folder is not a run folder.
        ArgumentError: Another version wrote it.
    """
    try:
        settings: dict[str, Any] = json.loads((folder / SETTINGS).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(
            f"{str(folder)!r} is not a run folder: it has no {SETTINGS}. `augseq fit` and "
            "`train_classifier` write run folders."
        ) from None
    except ValueError as error:
        raise ArgumentError(f"{str(folder / SETTINGS)!r} is damaged: {error}") from error
    if "pixels" not in settings:
        raise ArgumentError(
            f"{str(folder / SETTINGS)!r} does not say how images were decoded: another version of "
            "augseq wrote it. Train again, or load the model with keras.models.load_model."
        )
    return settings


def given_pixels(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pixel options in settings, as `ImageSequence` takes them."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in settings["pixels"].items()
    }


def write_json(value: Any, path: Path) -> None:
    """Write a value as indented JSON."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _steps(options: RunOptions) -> list[Any]:
    steps = make_augmentation_list(options.augment).steps
    return [getattr(step, "transform", step) for step in steps]


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in (*_LIBRARIES, keras.backend.backend()):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            # Installed under another name, such as tensorflow-cpu.
            continue
    return found
