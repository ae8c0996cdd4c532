"""Predict batches, and keep the targets that they have."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.loading.targets.image_view import check_views
from augseq.pixels.source import ArraySource
from augseq.sampling.order import EachOnce
from augseq.sampling.schedule import Schedule, Shard
from augseq.terminal_text import listed
from augseq.training.kinds.kind import Predicted
from augseq.training.kinds.predictions import Predictions
from augseq.training.own_failure import own_failure
from augseq.training.prediction.mirrored_views import (
    check_classes_stay,
    exchanged,
    split_flags,
    with_mirror_flags,
)
from augseq.training.sequence import ImageSequence


def predict_kind(
    kind: Predicted,
    model: keras.Model,
    batches: ImageSequence,
    *,
    views: int = 1,
    paths: tuple[str, ...] | None = None,
    verbose: int = 0,
) -> Predictions:
    """Return what a model predicts for images, averaged over several views of each.

    Args:
        kind: What the model predicts.
        model: The model.
        batches: The images, each once and in order; if there are several views, a result of
            `each_in_order`.
        views: Number of views, which are the samples of the first epochs.
        paths: Path of each image; None for those of the manifest.
        verbose: As in Keras' `predict`: 1 shows a progress bar for each view.

    Raises:
        ArgumentError: The model returns something else, or NaN; or it cannot be known which images
            are mirrored, in which classes change places.
        DecodeError: A file does not hold a usable image.
    """
    if kind.mirror is None:
        check_classes_stay(batches)
    elif batches.pipeline.augment.steps:
        batches = with_mirror_flags(batches)
    outputs, loaded = _predict_pass(kind, model, batches, verbose=verbose)
    if views > 1:
        total = outputs.astype(np.float64)
        for epoch in range(1, views):
            batches.set_epoch(epoch)
            total += _predict_pass(kind, model, batches, verbose=verbose)[0]
        outputs = (total / views).astype(outputs.dtype)
    truth = kind.truth(loaded, batches.manifest)
    return kind.predictions(paths or _paths(batches), outputs, truth, batches)


def each_in_order(batches: ImageSequence, views: int) -> ImageSequence:
    """Return a sequence with each image once an epoch, in the manifest's order, not mixed.

    Args:
        batches: The sequence, which is not changed.
        views: Number of epochs to load, as views of each image.

    Raises:
        ArgumentError: It is a shard, or all views would be equal.
    """
    plan = batches._plan
    check_one_size(batches, "predict")
    check_views(plan.pipeline, views)
    if plan.schedule.shard.count > 1:
        raise ArgumentError(
            "Predictions are made for all images of a sequence, not for a shard. Received: shard "
            f"{plan.schedule.shard.index} of {plan.schedule.shard.count}. Pass the sequence "
            "before `shard`; to predict in several processes, give each its part of the manifest: "
            "images.select(range(rank, len(images), count))."
        )
    schedule = Schedule(
        order=EachOnce(len(plan.manifest), shuffle=False),
        batch_size=plan.schedule.batch_size,
        drop_remainder=False,
        seed=plan.schedule.seed,
        # All images, however many processes run.
        shard=Shard(is_given=True),
    )
    pipeline = replace(plan.pipeline, mix=None)
    return batches._with(replace(plan, schedule=schedule, pipeline=pipeline))


def check_one_size(batches: ImageSequence, function: str) -> None:
    """Raise `ArgumentError` if batches have images of several sizes, so that order differs.

    Args:
        batches: The sequence.
        function: What needs the order of the manifest.
    """
    if batches.pipeline.buckets is not None:
        raise ArgumentError(
            f"`{function}` requires the images in the order of the manifest, and with Buckets, "
            f"they come in batches of one size. Received: image_size={batches.pipeline.buckets}. "
            f"Pass one `image_size`; or call model.{function}(batches), in the order of "
            "batches.records(i)."
        )


def moves_with_image(target: str, views: int) -> ArgumentError:
    """Return the error for several views of what moves with the image.

    Args:
        target: What the model predicts.
        views: Number of views.
    """
    return ArgumentError(
        "`views` averages predictions, which must be the same wherever things are in the image: "
        "classes, tags or numbers. Those of masks, maps, images, boxes and key points move with "
        "the image, so those of different views do not fit each other. "
        f"Received: views={views}, for {target}. Pass views=1; or predict flipped images with "
        "model.predict, and flip the results back before you average them."
    )


def _paths(batches: ImageSequence) -> tuple[str, ...]:
    """Return the path of each image; its position for images in an array."""
    if isinstance(batches.pipeline.source, ArraySource):
        return tuple(map(str, range(len(batches.manifest))))
    return tuple(batches.manifest.table.column("path").to_pylist())


def _predict_pass(
    kind: Predicted, model: keras.Model, batches: ImageSequence, *, verbose: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Return what a model returns for all images, and their targets; None without targets."""
    watched = _Watched(kind, batches)
    with own_failure(batches):
        found = kind.prediction_model(model).predict(watched, verbose=verbose)
    if isinstance(found, Mapping | list | tuple):
        names = list(found) if isinstance(found, Mapping) else list(model.output_names)
        raise ArgumentError(
            "The model must have one output, since the predictions become one table. Received: "
            f"the outputs {listed(names)}. Pass a model of one of them: "
            "keras.Model(model.inputs, model.outputs[0])."
        )
    outputs = np.asarray(found)
    flags, targets = _joined(watched.flags), _joined(watched.targets)
    if kind.mirror is not None and flags is not None and outputs.ndim == 2:
        outputs = outputs.copy()
        outputs[flags] = exchanged(outputs[flags], kind.mirror)
    return outputs, targets


def _joined(by_number: Mapping[int, npt.NDArray[Any]]) -> npt.NDArray[Any] | None:
    """Return the arrays of all batches as one; None if there are none."""
    arrays = [by_number[number] for number in sorted(by_number)]
    return np.concatenate(arrays) if arrays else None


def predicted_batches(
    kind: Predicted, model: keras.Model, batches: ImageSequence, *, verbose: int = 0
) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any] | None]]:
    """Yield what a model returns for each batch, and its targets; keeps neither.

    Args:
        kind: As in `predict_kind`, likewise `model` and `batches`.
        model: The model.
        batches: The images, in order.
        verbose: 1 shows a progress bar.
    """
    predicting, watched = kind.prediction_model(model), _Watched(kind, batches)
    bar = keras.utils.Progbar(len(batches), verbose=verbose)
    for number in range(len(batches)):
        outputs = np.asarray(predicting.predict_on_batch(watched[number]))
        yield outputs, watched.targets.pop(number, None)
        bar.update(number + 1)


class _Watched(keras.utils.PyDataset):  # type: ignore[misc]
    """The images of a sequence; keeps its targets, and which images are mirrored."""

    def __init__(self, kind: Predicted, batches: ImageSequence) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._kind = kind
        self._batches = batches
        self.targets: dict[int, npt.NDArray[Any]] = {}
        self.flags: dict[int, npt.NDArray[Any]] = {}

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, number: int) -> Any:
        batch = self._batches[number]
        if not isinstance(batch, tuple):
            return batch
        targets, flags = split_flags(self._batches, batch[1])
        # By number: Keras requests some batches twice.
        if targets is not None:
            self.targets[number] = self._kind.compact(targets)
        if flags is not None:
            self.flags[number] = flags
        return batch[0]
