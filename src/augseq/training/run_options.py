"""Options for training a model. Does not load Keras."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from augseq.augment.augmentation_list import AugmentationList, make_augmentation_list
from augseq.errors import ArgumentError
from augseq.pixels.options import MAX_FILE_BYTES, MAX_PIXELS, ResizeOptions, check_bands
from augseq.sampling.randomness import check_seed
from augseq.terminal_text import options_text
from augseq.types import PathLike
from augseq.validation import check_bool, check_choice, check_number, check_whole

SMALL = "small"
"""The name of the built-in architecture."""

RANDOM = "random"
IMAGENET = "imagenet"
"""The name of the weights that Keras downloads."""

GIVEN = "given"
"""Stands for the weights of a user's own model."""

AUTO = "auto"
NO_CACHE = "none"

DEFAULT_EPOCHS = 50
# Pretrained weights need fewer.
DEFAULT_EPOCHS_OF_FINE_TUNING = 20
DEFAULT_LEARNING_RATE = 3e-3
# For the new head, which a few epochs must train.
DEFAULT_LEARNING_RATE_OF_FINE_TUNING = 1e-2
DEFAULT_IMAGE_SIZE = (128, 128)
DEFAULT_BATCH_SIZE = 16
DEFAULT_VAL = 0.2
DEFAULT_SEED = 7
_SHARE_OF_HEAD = 0.25
_FOLD = re.compile(r"([0-9]{1,9})/([0-9]{1,9})").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of `train`.

    With pretrained `weights`, only the new head is trained in the first `head_epochs` epochs; then
    all layers are, with a twentieth of the learning rate. Batch normalization keeps its pretrained
    statistics.

    Attributes:
        architecture: "small", or the name of a model in `keras.applications`.
        weights: "random"; "imagenet", which Keras downloads; or a file: a model (`.keras`), weights
            (`.weights.h5`, `.h5`) or a run folder. The head always starts from random weights.
        augment: List of augmentations, as for `ImageSequence`; used for training images only.
        augment_name: Where `augseq fit --resume` finds this list: as for `--augment`, such as
            "mine.py:augment". None for a list of a program.
        image_size: (height, width) in pixels.
        color_mode: "rgb", "grayscale", or "bands" for images of any number of channels. The "small"
            network then begins with the mean and variance of the images to train on; others, and
            pretrained weights, are for colours.
        bands: Which bands become the channels, in order, from 0, with the colour mode "bands"; None
            for all.
        full_depth: Whether to keep the precision of 16-bit and floating-point files.
        epochs: Number of epochs. None: 50, or 20 with pretrained weights.
        head_epochs: Number of these in which only the head is trained, with pretrained weights.
            None: a quarter. 0: none; the same as `epochs`: all.
        batch_size: Number of images per training step.
        learning_rate: Peak learning rate, above 0. None: 3e-3, or 1e-2 with pretrained weights.
        early_stopping: Stop after this number of epochs without a better result on the held-out
            images. None: train all epochs. The best epoch is kept in either case.
        class_weight: Whether images of rare classes count more, so that each class has the same
            weight in total.
        sampling: "balanced": each class is used equally often in each epoch. "none": each image
            is used once.
        mixed_precision: Whether to compute in 16-bit floats, which is faster on most GPUs and
            slower on CPUs.
        val: Fraction of the images to hold out, above 0 and below 1.
        split_column: Column of the manifest with train, val or test for each image, or variants
            such as "Training" and "valid"; `val` is then ignored. Evaluates on val, or on test
            if no image is in val. None: split by `val` and `seed`.
        fold: "2/5" holds out the second of five folds, into which `seed` divides the images; `val`
            is then ignored. Each image is in one fold. None: split by `val`.
        seed: Random seed of split, order, augmentations and initial weights.
        cache: "auto": in memory, if all images fit into a quarter of the free memory and it saves
            time. "none", "memory", or a folder.
        workers: Number of workers that load batches; None for one per core.
        tensorboard: Whether to write logs for TensorBoard; requires tensorflow.
        max_pixels: Maximum number of pixels that a file's header can declare. Larger images raise
            an error before they are decoded.
        max_file_bytes: Maximum file size. Larger files raise an error before they are read.
        exif_orientation: Whether to rotate images upright by their EXIF orientation.

    Raises:
        ArgumentError: An option is invalid.
    """

    architecture: str = SMALL
    weights: PathLike = RANDOM
    augment: Sequence[Any] | AugmentationList = ()
    augment_name: str | None = None
    image_size: tuple[int, int] = DEFAULT_IMAGE_SIZE
    color_mode: Literal["rgb", "grayscale", "bands"] = "rgb"
    bands: Sequence[int] | None = None
    full_depth: bool = False
    epochs: int | None = None
    head_epochs: int | None = None
    batch_size: int = DEFAULT_BATCH_SIZE
    learning_rate: float | None = None
    early_stopping: int | None = None
    class_weight: bool = False
    sampling: Literal["none", "balanced"] = "none"
    mixed_precision: bool = False
    val: float = DEFAULT_VAL
    split_column: str | None = None
    fold: str | None = None
    seed: int = DEFAULT_SEED
    cache: PathLike = AUTO
    workers: int | None = None
    tensorboard: bool = False
    max_pixels: int = MAX_PIXELS
    max_file_bytes: int = MAX_FILE_BYTES
    exif_orientation: bool = True

    def __repr__(self) -> str:
        names = make_augmentation_list(self.augment).names
        return options_text(self, augment=f"[{', '.join(names)}]" * bool(names))

    @property
    def is_fine_tuning(self) -> bool:
        """Whether training starts from pretrained weights."""
        return self.weights not in (RANDOM, GIVEN)

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate, or its default."""
        if self.learning_rate is not None:
            return self.learning_rate
        if self.is_fine_tuning:
            return DEFAULT_LEARNING_RATE_OF_FINE_TUNING
        return DEFAULT_LEARNING_RATE

    @property
    def pixel_options(self) -> dict[str, Any]:
        """How images are read, as arguments of `ImageSequence` and `Manifest.statistics`."""
        names = ("image_size", "color_mode", "bands")
        limits = ("exif_orientation", "max_pixels", "max_file_bytes")
        return {name: getattr(self, name) for name in (*names, *limits)}

    def __post_init__(self) -> None:
        check_number("val", self.val, above=0)
        if self.val >= 1:
            raise ArgumentError(f"`val` must be below 1. Received: val={self.val!r}")
        if self.color_mode not in ("rgb", "grayscale", "bands"):
            raise ArgumentError(
                '`color_mode` must be "rgb", "grayscale" or "bands". '
                f"Received: color_mode={self.color_mode!r}"
            )
        if self.color_mode == "bands":
            self._check_bands()
        self._check_fold()
        check_choice("sampling", self.sampling, ("none", "balanced"))
        if self.class_weight and self.sampling == "balanced":
            raise ArgumentError(
                "Only one of `class_weight` and `sampling` can balance the classes (at the shell: "
                "--class-weight, --sampling). Received: class_weight=True, sampling='balanced'"
            )
        # Converted to Python's own types, since the settings of a run are written as JSON.
        plain: dict[str, Any] = {
            "weights": GIVEN
            if self.weights == GIVEN
            else _path_or_word("weights", self.weights, (RANDOM, IMAGENET)),
            "cache": _path_or_word("cache", self.cache, (AUTO, NO_CACHE, "memory")),
            "augment": make_augmentation_list(self.augment),
            "image_size": ResizeOptions(image_size=self.image_size).image_size,
            "bands": check_bands(self.bands, self.color_mode),
            "batch_size": check_whole("batch_size", self.batch_size, least=1),
            "val": float(self.val),
            "seed": check_seed(self.seed),
            "max_pixels": check_whole("max_pixels", self.max_pixels, least=1),
            "max_file_bytes": check_whole("max_file_bytes", self.max_file_bytes, least=1),
        }
        for name in _FLAGS:
            check_bool(name, getattr(self, name))
            plain[name] = bool(getattr(self, name))
        for name, least in (("workers", 0), ("early_stopping", 1)):
            if getattr(self, name) is not None:
                plain[name] = check_whole(name, getattr(self, name), least=least)
        if self.learning_rate is not None:
            plain["learning_rate"] = check_number("learning_rate", self.learning_rate, above=0)
        for name, value in plain.items():
            object.__setattr__(self, name, value)
        self._set_epochs()

    def _check_bands(self) -> None:
        if self.architecture.lower() != SMALL or self.weights not in (RANDOM, GIVEN):
            raise ArgumentError(
                'color_mode="bands" requires the architecture "small" with random weights: those '
                "of keras.applications, and pretrained weights, are for three colours. Remove "
                "`architecture` and `weights`, or pass `model` to train: your own network (in "
                f"Python). Received: architecture={self.architecture!r}, weights={self.weights!r}"
            )

    def _check_fold(self) -> None:
        if self.fold is None:
            return
        match = _FOLD(self.fold) if isinstance(self.fold, str) else None
        if match is None or not 1 <= int(match[1]) <= int(match[2]) or int(match[2]) < 2:
            raise ArgumentError(
                "`fold` (at the shell: --fold) must be the number of a fold, from 1, and of all "
                f'folds, such as "2/5". Received: fold={self.fold!r}'
            )
        if self.split_column is not None:
            raise ArgumentError(
                "Only one of `fold` and `split_column` (at the shell: --fold, --split-column, "
                "--splits) can choose the held-out images. "
                f"Received: fold={self.fold!r}, split_column={self.split_column!r}"
            )

    def _set_epochs(self) -> None:
        is_pretrained = self.is_fine_tuning
        default = DEFAULT_EPOCHS_OF_FINE_TUNING if is_pretrained else DEFAULT_EPOCHS
        given = default if self.epochs is None else self.epochs
        epochs = check_whole("epochs", given, least=1)
        if self.head_epochs is not None and not is_pretrained:
            raise ArgumentError(
                "`head_epochs` requires pretrained `weights` (at the shell: --weights). "
                f"Received: head_epochs={self.head_epochs!r}, weights={self.weights!r}"
            )
        if is_pretrained:
            # At least one epoch of each kind, if there are two.
            share = max(1, round(_SHARE_OF_HEAD * epochs)) if epochs > 1 else 0
            head = share if self.head_epochs is None else self.head_epochs
            head = check_whole("head_epochs", head, least=0, most=epochs)
            object.__setattr__(self, "head_epochs", head)
        object.__setattr__(self, "epochs", epochs)


_FLAGS = ("full_depth", "class_weight", "mixed_precision", "tensorboard", "exif_orientation")


def _path_or_word(name: str, value: Any, words: Sequence[str]) -> str:
    """Return a word as it is, and a path as absolute, so that a run can be resumed anywhere."""
    if isinstance(value, str | os.PathLike) and os.fspath(value):
        text = str(os.fspath(value))
        return text if text in words else os.path.abspath(text)
    raise ArgumentError(
        f"`{name}` must be {', '.join(map(repr, words))}, or a path. Received: {name}={value!r}"
    )
