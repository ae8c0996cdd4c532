"""Train and evaluate a model, and write the run folder with its results."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras

from augseq.inspection.drawing.contact_sheet import draw_contact_sheet
from augseq.loading.targets.label import Label
from augseq.loading.targets.target import TargetOption
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.manifest.pixel_statistics import PixelStatistics
from augseq.manifest.storage import write_manifest
from augseq.terminal_text import call_text
from augseq.training.kinds.evaluation import Evaluation
from augseq.training.prediction.evaluate import evaluate_kind
from augseq.training.run_files import (
    CONTACT_SHEET,
    LAST_MODEL,
    MANIFEST,
    MODEL,
    VAL_MANIFEST,
    has_backups,
)
from augseq.training.run_options import RunOptions
from augseq.training.runs.build_model import build_model
from augseq.training.runs.epoch_log import Epochs, best_epoch
from augseq.training.runs.own_model import check_own_model, with_own_model
from augseq.training.runs.run_data import RunData, make_run_data
from augseq.training.runs.run_folder import open_run_folder, write_evaluation
from augseq.training.runs.run_readme import write_interrupted_readme, write_readme
from augseq.training.runs.run_settings import write_settings
from augseq.training.runs.stages import check_tensorboard, train_stages
from augseq.training.runs.target_settings import check_target
from augseq.types import PathLike

_NUM_SHEET_SEEDS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """The result of `train`.

    Attributes:
        model: The model of the best epoch.
        evaluation: What it predicts for the held-out images, and how good that is.
        seconds: Duration of training and evaluation.
        backend: Name of the Keras backend.
        cache: What caching the images in memory gained; None if they were not cached.
        best_epoch: Number of the epoch of `model`, from 1: the one with the best result on the
            held-out images.
    """

    model: keras.Model
    evaluation: Evaluation = field(repr=False)
    seconds: float
    backend: str
    cache: str | None = None
    best_epoch: int | None = None

    def __repr__(self) -> str:
        figures = [f"{name} {text}" for name, text in self.evaluation.summary.items()]
        epochs = f"{max(map(len, self.history.values()), default=0)} epochs"
        return call_text("RunResult", *figures, epochs, f"{self.seconds:.1f} s", self.backend)

    @property
    def history(self) -> Mapping[str, Sequence[float]]:
        """For each metric, a list with one value per epoch."""
        return self.evaluation.history


def train(
    manifest: Manifest,
    folder: PathLike,
    options: RunOptions | None = None,
    *,
    target: TargetOption | None = None,
    val: Manifest | None = None,
    model: keras.Model | None = None,
    resume: bool = False,
    verbose: int = 0,
) -> RunResult:
    """Train a model on images, and write a run folder.

    The target decides the last layer, the loss, and what is measured and drawn:

    - `Label`, the default: a probability for each class; cross-entropy; the best epoch is that of
      the highest accuracy.
    - `Number`: a number for each column; mean squared error of the standardized numbers; the lowest
      loss.
    - `MultiLabel`: a probability for each tag; binary cross-entropy; the highest mean F1.
    - `Mask`: a logit for each class of each pixel; cross-entropy; the highest mean IoU.

    The folder contains the model of the best epoch (`model.keras`) and of the last one
    (`last_model.keras`), the images, the settings, the history, augmented images, and, about the
    held-out images, predictions, figures and pictures. Its `README.md` describes all files.
    `load_run` loads it for prediction.

    After a crash or Ctrl-C, the folder has the best model so far. `resume=True`, or
    `augseq fit --resume`, continues from its last backup, which is written after each epoch and
    every five minutes, and ends with the weights of an uninterrupted run.

    If all images fit into a quarter of the free memory, they are cached there, with the same
    pixels, unless that saves too little time (`options.cache`).

    Args:
        manifest: The images, with a value of the target for each.
        folder: A new or empty folder.
        options: How to train; None for the defaults.
        target: What to predict: `Label()`, `Number("age")`, `MultiLabel("tags", ...)`,
            `Mask("mask", ...)`. None for the labels of the manifest.
        val: Images to evaluate on, with the same classes. None: some of `manifest`, as `options`
            say.
        model: Your own model, instead of one of `options.architecture`. Its output must be as in
            the table. Without a `compile` of yours, it is compiled as others are. To resume, pass
            a model with the same initial weights.
        resume: Continue the run in `folder` if there is one that was interrupted, with the same
            images and options; `workers` can change.
        verbose: 0 silent, 1 progress bars, 2 one line per epoch.

    Raises:
        ArgumentError: The folder contains files, an option is invalid, or `model` does not fit.
        MissingFileError: There is no such file of weights.
        MissingExtraError: `options.tensorboard` requires a library that is not installed.
        LabelError: A record has no value, or one that does not fit.
        DecodeError: A file does not hold a usable image.
        BackupError: The run to resume had other images or options; or a backup cannot be written.

    Example:
        >>> images = augseq.index_folder("photos")                         # doctest: +SKIP
        >>> augseq.train(images, "runs/photos")                            # doctest: +SKIP
        RunResult(accuracy 97.1% (102 of 105 images), 50 epochs, 61.2 s, tensorflow)
    """
    check_manifest(manifest)
    options = RunOptions() if options is None else options
    check_tensorboard(options)
    if val is not None:
        check_manifest(val)
    target = check_target(Label() if target is None else target)
    data = make_run_data(manifest, options, target=target, val=val)
    if model is None:
        model = build_model(data.kind, options, _band_statistics(data, options))
    else:
        options = with_own_model(options, model)
        check_own_model(model, data.held_out, data.kind)
    images = {
        # The root can be above, with folders of masks beside that of the images.
        os.path.join(part.root, part.images_folder)
        for part in (manifest, data.held_out.manifest)
    }
    with open_run_folder(folder, images, resume=resume) as run_folder:
        if not has_backups(run_folder):
            _begin(manifest, val, target, options, data, run_folder)
        start = time.perf_counter()
        epochs = train_stages(model, data, options, run_folder, verbose=verbose)
        model.save(run_folder / LAST_MODEL)
        model.load_weights(run_folder / MODEL)
        result = RunResult(
            model=model,
            evaluation=evaluate_kind(data.kind, model, data.held_out, history=_history_of(epochs)),
            best_epoch=1 + best_epoch(epochs, data.kind.score),
            seconds=time.perf_counter() - start,
            backend=keras.backend.backend(),
            cache=data.cache_gain,
        )
        write_evaluation(result.evaluation, run_folder)
        write_readme(options, data.train.manifest, data.kind, _sentence(result), run_folder)
    return result


def _begin(
    manifest: Manifest,
    val: Manifest | None,
    target: TargetOption,
    options: RunOptions,
    data: RunData,
    folder: Path,
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
    write_settings(
        options,
        manifest,
        data.held_out.pipeline,
        folder,
        target=target,
        class_names=data.kind.names if data.kind.has_classes else (),
        backend=keras.backend.backend(),
        val=val,
    )


def _band_statistics(data: RunData, options: RunOptions) -> PixelStatistics | None:
    """Return the mean and variance of each band of the images to train on; None for colours."""
    if options.color_mode != "bands":
        return None
    return data.train.manifest.statistics(**options.pixel_options, progress=False)


def _history_of(epochs: Epochs) -> dict[str, list[float]]:
    return {name: [values[name] for values in epochs] for name in epochs[0]}


def _sentence(result: RunResult) -> str:
    figures = "; ".join(f"{name} {text}" for name, text in result.evaluation.summary.items())
    return (
        f"On {result.evaluation.num_images} held-out images, the model of epoch "
        f"{result.best_epoch} has: {figures}."
    )
