"""Options for training a classifier. Does not load Keras."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from augseq.augment.augmentation_list import AugmentationList, make_augmentation_list
from augseq.errors import ArgumentError
from augseq.pixels.options import MAX_FILE_BYTES, MAX_PIXELS, ResizeOptions
from augseq.sampling.randomness import check_seed
from augseq.terminal_text import options_text
from augseq.validation import check_number, check_whole

SMALL = "small"
"""The name of the built-in architecture."""

DEFAULT_EPOCHS = 50
DEFAULT_IMAGE_SIZE = (128, 128)
DEFAULT_BATCH_SIZE = 16
DEFAULT_VAL = 0.2
DEFAULT_SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of `train_classifier`.

    Attributes:
        architecture: "small", or the name of a model in `keras.applications`.
        augment: List of augmentations, as for `ImageSequence`; used for training images only.
        image_size: (height, width) in pixels.
        epochs: Number of epochs.
        batch_size: Number of images per training step.
        learning_rate: Peak learning rate, above 0. None uses 3e-3.
        val: Fraction of the images to hold out, above 0 and below 1.
        split_column: Column of the manifest with train, val or test for each image, or variants
            such as "Training" and "valid"; `val` is then ignored. Evaluates on val, or on test
            if no image is in val. None: split by `val` and `seed`.
        seed: Random seed of split, order, augmentations and initial weights.
        workers: Number of workers that load batches; None for one per core.
        max_pixels: Maximum number of pixels that a file's header can declare. Larger images raise
            an error before they are decoded.
        max_file_bytes: Maximum file size. Larger files raise an error before they are read.
        exif_orientation: Whether to rotate images upright by their EXIF orientation.

    Raises:
        ArgumentError: An option is invalid.
    """

    architecture: str = SMALL
    augment: Sequence[Any] | AugmentationList = ()
    image_size: tuple[int, int] = DEFAULT_IMAGE_SIZE
    epochs: int = DEFAULT_EPOCHS
    batch_size: int = DEFAULT_BATCH_SIZE
    learning_rate: float | None = None
    val: float = DEFAULT_VAL
    split_column: str | None = None
    seed: int = DEFAULT_SEED
    workers: int | None = None
    max_pixels: int = MAX_PIXELS
    max_file_bytes: int = MAX_FILE_BYTES
    exif_orientation: bool = True

    def __repr__(self) -> str:
        names = make_augmentation_list(self.augment).names
        return options_text(self, augment=f"[{', '.join(names)}]" * bool(names))

    def __post_init__(self) -> None:
        check_number("val", self.val, above=0)
        if self.val >= 1:
            raise ArgumentError(f"`val` must be below 1. Received: val={self.val!r}")
        # Converted to Python's own types, since the settings of a run are written as JSON.
        plain: dict[str, Any] = {
            "augment": make_augmentation_list(self.augment),
            "image_size": ResizeOptions(image_size=self.image_size).image_size,
            "epochs": check_whole("epochs", self.epochs, least=1),
            "batch_size": check_whole("batch_size", self.batch_size, least=1),
            "val": float(self.val),
            "seed": check_seed(self.seed),
            "max_pixels": check_whole("max_pixels", self.max_pixels, least=1),
            "max_file_bytes": check_whole("max_file_bytes", self.max_file_bytes, least=1),
            "exif_orientation": bool(self.exif_orientation),
        }
        if self.workers is not None:
            plain["workers"] = check_whole("workers", self.workers, least=0)
        if self.learning_rate is not None:
            plain["learning_rate"] = check_number("learning_rate", self.learning_rate, above=0)
        for name, value in plain.items():
            object.__setattr__(self, name, value)
