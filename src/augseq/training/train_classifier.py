"""Train and evaluate a classifier, and write the run folder with its results."""

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from augseq.errors import ArgumentError, AugseqWarning
from augseq.inspection.cache_advice import choose_memory_cache
from augseq.inspection.contact_sheet import draw_contact_sheet
from augseq.inspection.picture import Picture
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.manifest.split import split_kind
from augseq.manifest.storage import write_manifest
from augseq.terminal_text import call_text, listed
from augseq.training.callbacks import EpochSync
from augseq.training.classifier import build_classifier, compile_classifier
from augseq.training.own_failure import own_failure
from augseq.training.predictions import Predictions
from augseq.training.run_folder import (
    MANIFEST,
    MODEL,
    empty_run_folder,
    write_history,
    write_predictions,
    write_readme,
    write_settings,
)
from augseq.training.run_options import RunOptions
from augseq.training.sequence import ImageSequence
from augseq.types import PathLike

_NUM_SHEET_SEEDS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """The result of `train_classifier`.

    Attributes:
        model: The trained model.
        history: For each metric, a list with one value per epoch.
        num_right: Number of held-out images that were classified correctly.
        num_held_out: Number of held-out images.
        seconds: Duration of training and evaluation.
        backend: Name of the Keras backend.
        cache: What caching the images in memory gained; None if they were not cached.
    """

    model: keras.Model
    history: Mapping[str, Sequence[float]] = field(repr=False)
    num_right: int
    num_held_out: int
    seconds: float
    backend: str
    cache: str | None = None

    def __repr__(self) -> str:
        right = f"{self.num_right} of {self.num_held_out} held-out images right"
        epochs = f"{max(map(len, self.history.values()), default=0)} epochs"
        return call_text("RunResult", right, epochs, f"{self.seconds:.1f} s", self.backend)

    @property
    def accuracy(self) -> float:
        """Fraction of held-out images that were classified correctly, 0 to 1."""
        return self.num_right / self.num_held_out


def train_classifier(
    manifest: Manifest, folder: PathLike, options: RunOptions, *, verbose: int = 0
) -> RunResult:
    """Train an image classifier and write a run folder.

    The folder contains `model.keras`, `manifest.parquet`, `settings.json`, `class_names.json`,
    `history.csv`, `history.png`, `contact_sheet.png`, `confusion_matrix.png` and
    `predictions.csv`, the last two about the held-out images; `README.md` describes them.
    `load_run` loads it for prediction.

    If all images fit into a quarter of the free memory, they are cached there, with the same
    pixels, unless that saves too little time.

    Args:
        manifest: Labelled images.
        folder: A new or empty folder.
        options: How to train.
        verbose: As in Keras' `fit`: 0 silent, 1 progress bars, 2 one line per epoch.

    Raises:
        ArgumentError: The folder contains files, or an option is invalid.
        LabelError: A record has no label.
        DecodeError: A file does not hold a usable image.
    """
    check_manifest(manifest)
    train, val = _train_and_val(manifest, options)
    _check_held_out(val, manifest, options)
    training: dict[str, Any] = {"augment": options.augment, "shuffle": True}
    batches, held_out = _sequence(train, options, **training), _sequence(val, options)
    plans = batches._plan, held_out._plan
    # A single epoch would decode each image only once anyway.
    cache = choose_memory_cache(plans) if options.epochs > 1 else None
    if cache is not None:
        batches = _sequence(train, options, cache=cache.choice, **training)
        held_out = _sequence(val, options, cache=cache.choice)
    model = build_classifier(
        options.architecture,
        image_size=options.image_size,
        num_classes=len(manifest.class_names),
        seed=options.seed,
    )
    compile_classifier(
        model, num_steps=options.epochs * len(batches), learning_rate=options.learning_rate
    )
    with empty_run_folder(folder, manifest.root) as run_folder:
        # Files are written at the end, so that a failed run leaves no partial results.
        contact_sheet = _draw_contact_sheet(batches)
        start = time.perf_counter()
        history = _fit(model, batches, held_out, epochs=options.epochs, verbose=verbose)
        probabilities = model.predict(held_out, verbose=0)
        seconds = time.perf_counter() - start

        write_manifest(manifest, run_folder / MANIFEST)
        write_settings(options, manifest, held_out.pipeline, run_folder)
        contact_sheet.savefig(run_folder / "contact_sheet.png")
        model.save(run_folder / MODEL)
        write_history(history, run_folder)
        predictions = Predictions(
            paths=tuple(val.table.column("path").to_pylist()),
            class_names=manifest.class_names,
            probabilities=probabilities,
            labels=val.targets,
        )
        num_right = write_predictions(predictions, val.targets, run_folder)
        result = f"Of {len(val)} held-out images, {num_right} were classified correctly."
        write_readme(manifest, result, run_folder)
    return RunResult(
        model=model,
        history=history,
        num_right=num_right,
        num_held_out=len(val),
        seconds=seconds,
        backend=keras.backend.backend(),
        cache=None if cache is None else str(cache),
    )


def _train_and_val(manifest: Manifest, options: RunOptions) -> tuple[Manifest, Manifest]:
    if options.split_column is None:
        train, val = manifest.split(val=options.val, seed=options.seed)
        return train, val
    parts = manifest.split_by(options.split_column)
    by_kind = {
        kind: [
            part for name, part in zip(parts.names, parts, strict=True) if split_kind(name) == kind
        ]
        for kind in ("train", "val", "test")
    }
    # The test set is not used, unless it is the only one held out.
    held_out = by_kind["val"] or by_kind["test"]
    if len(by_kind["train"]) != 1 or len(held_out) != 1:
        raise ArgumentError(
            f"The column {options.split_column!r} must contain train and val (or test, if no image "
            "is in val); images with other values are not used. "
            f"Received: {listed(parts.names, 10)}"
        )
    return by_kind["train"][0], held_out[0]


def _check_held_out(val: Manifest, manifest: Manifest, options: RunOptions) -> None:
    counts = val.class_counts()
    if not len(val):
        raise ArgumentError(
            f"The validation split must have at least one image. Received: val={options.val} of "
            f"{len(manifest)} images in {len(counts)} classes. A class needs at least 2 images."
        )
    absent = [name for name, count in counts.items() if not count]
    if absent:
        warnings.warn(
            f"{len(absent)} of {len(counts)} classes have no held-out image: {listed(absent, 5)}",
            AugseqWarning,
            stacklevel=3,
        )


def _sequence(manifest: Manifest, options: RunOptions, **further: Any) -> ImageSequence:
    return ImageSequence(
        manifest,
        image_size=options.image_size,
        batch_size=options.batch_size,
        seed=options.seed,
        workers=options.workers,
        max_pixels=options.max_pixels,
        max_file_bytes=options.max_file_bytes,
        exif_orientation=options.exif_orientation,
        **further,
    )


def _fit(
    model: keras.Model, batches: ImageSequence, held_out: ImageSequence, **how: Any
) -> dict[str, list[float]]:
    with own_failure(batches, held_out):
        history = model.fit(
            batches,
            validation_data=held_out,
            shuffle=False,
            callbacks=[EpochSync(batches)],
            **how,
        )
    epochs: dict[str, list[float]] = history.history
    return epochs


def _draw_contact_sheet(batches: ImageSequence) -> Picture:
    seeds = [batches.seed + column for column in range(_NUM_SHEET_SEEDS)]
    return draw_contact_sheet(batches.manifest, batches.pipeline, seeds=seeds)
