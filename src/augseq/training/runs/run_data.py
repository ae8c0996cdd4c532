"""The images of a training run: those to train on, those to evaluate on, and their batches."""

import itertools
from dataclasses import dataclass
from typing import Any

from augseq.errors import ArgumentError, LabelError
from augseq.inspection.reports.cache_advice import choose_memory_cache
from augseq.loading.sampling_options import Balanced
from augseq.loading.targets.label import Label
from augseq.loading.targets.target import TargetOption
from augseq.manifest.concat import concat_manifests
from augseq.manifest.manifest import Manifest
from augseq.manifest.object_columns import BOXES
from augseq.manifest.schema import own_names
from augseq.manifest.split import split_kind
from augseq.terminal_text import listed
from augseq.training.kinds.kind import Kind
from augseq.training.kinds.kind_of import kind_of
from augseq.training.run_options import AUTO, NO_CACHE, RunOptions
from augseq.training.sequence import ImageSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """The batches of a run.

    Attributes:
        train: The batches to train on: shuffled, augmented.
        held_out: The batches to evaluate on, in the order of the manifest.
        kind: What the model is to predict.
        class_weight: Weight of the images of each class, by its number; None for equal ones.
        cache_gain: What caching the images in memory gains; None if that was not chosen here.
    """

    train: ImageSequence
    held_out: ImageSequence
    kind: Kind
    class_weight: dict[int, float] | None
    cache_gain: str | None


def make_run_data(
    manifest: Manifest,
    options: RunOptions,
    *,
    target: TargetOption,
    val: Manifest | None = None,
) -> RunData:
    """Split the images of a run, and return their batches.

    Args:
        manifest: The images.
        options: The options of the run.
        target: What the model is to predict.
        val: Images to evaluate on, instead of some of `manifest`.

    Raises:
        ArgumentError: There are fewer than two classes to train on, or no image to hold out, or an
            option is invalid.
        LabelError: A record has no value, or `val` has other classes.

    Warns:
        AugseqWarning: Classes have no held-out image.
    """
    if isinstance(target, Label) and target.column is None:
        _check_labels(manifest)
    # All images, so that an invalid value is found before the split, which depends on the kind.
    kind = kind_of(_sequence(manifest, target, options, None), "train")
    if val is None:
        train, val = _train_and_val(manifest, kind, options)
    else:
        train, val = manifest, _with_classes_of(manifest, val, options)
    if not len(val):
        raise ArgumentError(
            f"The validation split must have at least one image. Received: val={options.val} of "
            f"{len(manifest)} images. A class needs at least 2 images."
        )
    kind.check_parts(train, val)
    training: dict[str, Any] = {"augment": options.augment, "shuffle": True}
    if options.sampling == "balanced":
        training["sampling"] = Balanced()
    cache: Any = None if options.cache in (AUTO, NO_CACHE) else options.cache
    batches = _sequence(train, target, options, cache, **training)
    held_out = _sequence(val, target, options, cache)
    # A single epoch would decode each image only once anyway.
    chooses = options.cache == AUTO and options.epochs != 1
    gain = choose_memory_cache([batches._plan, held_out._plan]) if chooses else None
    if gain is not None:
        batches = _sequence(train, target, options, gain.choice, **training)
        held_out = _sequence(val, target, options, gain.choice)
    return RunData(
        train=batches,
        held_out=held_out,
        # Of the images to train on only: its numbers are scaled by them.
        kind=kind_of(batches, "train"),
        class_weight=kind.class_weight(train) if options.class_weight else None,
        cache_gain=None if gain is None else str(gain),
    )


def _check_labels(manifest: Manifest) -> None:
    if manifest.class_names and not manifest.table.column("target").null_count:
        return
    own = own_names(manifest.table)
    if BOXES in own:
        raise LabelError(
            f"The images in {manifest.root!r} have boxes but no labels. augseq.train and `augseq "
            "fit` train no detectors: train your own on ImageSequence(images, "
            "targets=augseq.Boxes()), as in docs/detect.md."
        )
    raise LabelError(
        f"{'Some' if manifest.class_names else 'The'} images in {manifest.root!r} have no label. "
        "Index them with labels: a sub-folder for each class, or a table with a column of classes "
        "(index_table(label_column=...); at the shell: augseq index --label-column). Or pass "
        "another target, such as augseq.Number(COLUMN) or augseq.Mask(COLUMN, classes=[...]) (at "
        "the shell: --target COLUMN, or --mask COLUMN --mask-classes NAMES). "
        f"Columns: {listed(own, 10) if own else 'none'}"
    )


def _with_classes_of(train: Manifest, val: Manifest, options: RunOptions) -> Manifest:
    """Return images to evaluate on, with the labels of the images to train on."""
    for name in ("split_column", "fold"):
        if getattr(options, name) is not None:
            raise ArgumentError(
                f"Only one of `val` and `{name}` can choose the held-out images. "
                f"Received: {name}={getattr(options, name)!r} and val={val.root!r}"
            )
    if not train.class_names:
        return val
    return concat_manifests([val], class_names=train.class_names)


def _train_and_val(
    manifest: Manifest, kind: Kind, options: RunOptions
) -> tuple[Manifest, Manifest]:
    if options.fold is not None:
        number, count = map(int, options.fold.split("/"))
        folds = manifest.k_fold(count, seed=options.seed, **kind.split_options(manifest))
        train, val = next(itertools.islice(folds, number - 1, None))
        return train, val
    if options.split_column is None:
        train, val = manifest.split(
            val=options.val, seed=options.seed, **kind.split_options(manifest)
        )
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
            f"Received: {listed(parts.names, 10)}. To hold out images at random, pass "
            "split_column=None (at the shell: --val 0.2)."
        )
    return by_kind["train"][0], held_out[0]


def _sequence(
    manifest: Manifest, target: TargetOption, options: RunOptions, cache: Any, **further: Any
) -> ImageSequence:
    return ImageSequence(
        manifest,
        targets=target,
        **options.pixel_options,
        full_depth=options.full_depth,
        batch_size=options.batch_size,
        seed=options.seed,
        cache=cache,
        workers=options.workers,
        **further,
    )
