"""Train and evaluate a classifier, and write the run folder with its results."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras

from augseq.inspection.contact_sheet import draw_contact_sheet
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.manifest.storage import write_manifest
from augseq.terminal_text import call_text
from augseq.training.classifier import build_classifier_of
from augseq.training.epoch_log import Epochs, best_epoch
from augseq.training.evaluation import evaluate
from augseq.training.own_model import check_classifier, with_own_model
from augseq.training.run_data import RunData, make_run_data
from augseq.training.run_files import (
    CONTACT_SHEET,
    LAST_MODEL,
    MANIFEST,
    MODEL,
    VAL_MANIFEST,
    has_backups,
)
from augseq.training.run_folder import open_run_folder, write_evaluation
from augseq.training.run_options import RunOptions
from augseq.training.run_readme import write_interrupted_readme, write_readme
from augseq.training.run_settings import write_settings
from augseq.training.stages import check_tensorboard, train_stages
from augseq.types import PathLike

_NUM_SHEET_SEEDS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """The result of `train_classifier`.

    Attributes:
        model: The model of the best epoch.
        history: For each metric, a list with one value per epoch.
        num_right: Number of held-out images that were classified correctly.
        num_held_out: Number of held-out images.
        seconds: Duration of training and evaluation.
        backend: Name of the Keras backend.
        cache: What caching the images in memory gained; None if they were not cached.
        best_epoch: Number of the epoch of `model`, from 1: the one with the best result on the
            held-out images.
    """

    model: keras.Model
    history: Mapping[str, Sequence[float]] = field(repr=False)
    num_right: int
    num_held_out: int
    seconds: float
    backend: str
    cache: str | None = None
    best_epoch: int | None = None

    def __repr__(self) -> str:
        right = f"{self.num_right} of {self.num_held_out} held-out images right"
        epochs = f"{max(map(len, self.history.values()), default=0)} epochs"
        return call_text("RunResult", right, epochs, f"{self.seconds:.1f} s", self.backend)

    @property
    def accuracy(self) -> float:
        """Fraction of held-out images that were classified correctly, 0 to 1."""
        return self.num_right / self.num_held_out


def train_classifier(
    manifest: Manifest,
    folder: PathLike,
    options: RunOptions,
    *,
    val: Manifest | None = None,
    model: keras.Model | None = None,
    resume: bool = False,
    verbose: int = 0,
) -> RunResult:
    """Train an image classifier and write a run folder.

    The folder contains the model of the best epoch (`model.keras`) and of the last one
    (`last_model.keras`), the images, the settings, the history, augmented images, and, about the
    held-out images, predictions, figures of each class, the confusion matrix and those classified
    wrongly. Its `README.md` describes all files. `load_run` loads it for prediction.

    After a crash or Ctrl-C, the folder has the best model so far. `resume=True`, or
    `augseq fit --resume`, continues from its last backup, which is written after each epoch and
    every five minutes, and ends with the weights of an uninterrupted run.

    If all images fit into a quarter of the free memory, they are cached there, with the same
    pixels, unless that saves too little time (`options.cache`).

    Args:
        manifest: Labelled images.
        folder: A new or empty folder.
        options: How to train.
        val: Labelled images to evaluate on, of the same classes. None: some of `manifest`, as
            `options` say.
        model: Your own classifier, instead of one of `options.architecture`. It must return a
            probability for each class. Without a `compile` of yours, it is compiled as others are.
            To resume, pass a model with the same initial weights.
        resume: Continue the run in `folder` if there is one that was interrupted, with the same
            images and options; `workers` can change.
        verbose: 0 silent, 1 progress bars, 2 one line per epoch.

    Raises:
        ArgumentError: The folder contains files, an option is invalid, or `model` does not fit.
        MissingFileError: There is no such file of weights.
        MissingExtraError: `options.tensorboard` requires a library that is not installed.
        LabelError: A record has no label.
        DecodeError: A file does not hold a usable image.
        BackupError: The run to resume had other images or options; or a backup cannot be written.
    """
    check_manifest(manifest)
    check_tensorboard(options)
    if val is not None:
        check_manifest(val)
    data = make_run_data(manifest, options, val)
    if model is None:
        classifier = build_classifier_of(options, num_classes=len(manifest.class_names))
    else:
        classifier, options = model, with_own_model(options, model)
        check_classifier(model, data.held_out, manifest.class_names)
    roots = {manifest.root, data.held_out.manifest.root}
    with open_run_folder(folder, roots, resume=resume) as run_folder:
        if not has_backups(run_folder):
            _begin(manifest, val, options, data, run_folder)
        start = time.perf_counter()
        epochs = train_stages(classifier, data, options, run_folder, verbose=verbose)
        classifier.save(run_folder / LAST_MODEL)
        classifier.load_weights(run_folder / MODEL)
        evaluation = evaluate(classifier, data.held_out, history=_history_of(epochs))
        result = RunResult(
            model=classifier,
            history=evaluation.history,
            num_right=evaluation.num_right,
            num_held_out=evaluation.num_images,
            best_epoch=1 + best_epoch(epochs),
            seconds=time.perf_counter() - start,
            backend=keras.backend.backend(),
            cache=data.cache_gain,
        )
        write_evaluation(evaluation, run_folder)
        write_readme(options, data.train.manifest, _sentence(result), run_folder)
    return result


def _begin(
    manifest: Manifest, val: Manifest | None, options: RunOptions, data: RunData, folder: Path
) -> None:
    """Write all that is needed to resume the run."""
    # First: it loads images, so it fails if an augmentation does.
    seeds = [data.train.seed + column for column in range(_NUM_SHEET_SEEDS)]
    contact_sheet = draw_contact_sheet(data.train.manifest, data.train.pipeline, seeds=seeds)
    contact_sheet.savefig(folder / CONTACT_SHEET)
    write_manifest(manifest, folder / MANIFEST)
    if val is not None:
        write_manifest(val, folder / VAL_MANIFEST)
    write_interrupted_readme(folder)
    backend = keras.backend.backend()
    write_settings(options, manifest, data.held_out.pipeline, folder, backend=backend, val=val)


def _history_of(epochs: Epochs) -> dict[str, list[float]]:
    return {name: [values[name] for values in epochs] for name in epochs[0]}


def _sentence(result: RunResult) -> str:
    return (
        f"Of {result.num_held_out} held-out images, {result.num_right} were classified correctly, "
        f"by the model of epoch {result.best_epoch}."
    )
