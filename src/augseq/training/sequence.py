"""The Keras data set: `ImageSequence`."""

import operator
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from augseq.augment.augmentation_list import make_augmentation_list
from augseq.batch import Batch, BatchPlan, LabelMode, array_targets, label_targets
from augseq.checks import check_whole
from augseq.errors import ArgumentError, AugseqWarning
from augseq.inspection.grid import draw_batch
from augseq.inspection.picture import Picture
from augseq.inspection.profile import Profile, measure_profile
from augseq.manifest.manifest import Manifest, make_manifest
from augseq.manifest.record import Record
from augseq.pixels.options import (
    MAX_PIXELS,
    ColorMode,
    DecodeOptions,
    Interpolation,
    ResizeMode,
    resize_options,
)
from augseq.pixels.source import ArraySource, FileSource
from augseq.sample import Pipeline, PixelDtype, Sample
from augseq.sampling.order import Schedule
from augseq.sampling.randomness import check_epoch
from augseq.training.epochs import ADVICE, EpochTracker
from augseq.training.keras_order import shuffled_order
from augseq.training.plan_text import plan_text
from augseq.types import Images
from augseq.workers.lookahead import Lookahead
from augseq.workers.threads import ThreadWorkers


class ImageSequence(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of an image folder for `fit`, `evaluate` and `predict`.

    `sequence[i]` is `(images, targets)`, or `images` alone with `label_mode=None`. It is a
    function of manifest, options, seed, `sequence.epoch` and `i`, and of nothing else: not of
    the order of asking or the number of workers.

    Keras itself is told to use one worker and no queue, since its queue loses and repeats
    batches. Workers and look-ahead are this class's own.

    Args:
        manifest: Which images: from `index_folder`, `read_manifest`, `split` or `select`.
        image_size: (height, width) in pixels; None where all images have one size already or
            `augment` gives them one.
        batch_size: Images in a batch; the last one may be smaller.
        shuffle: Whether each epoch has an order of its own.
        seed: Fixes order and augmentations, 0 to 2**64 - 1.
        augment: A list of augmentations: albumentations transforms, a `Compose`, functions
            `f(image, rng)` or `Augmentation` objects, also mixed. Images are resized before
            it, unless an element sets the size itself (a crop, say); then after it.
        label_mode: "int": int32 labels, shape (batch,). "categorical": one-hot float32, shape
            (batch, num_classes). "binary": float32, shape (batch, 1). None: no targets.
        dtype: "float32" or "uint8"; the range is 0 to 255 in both.
        color_mode: "rgb", "grayscale" or "rgba".
        resize_mode: "stretch", "crop" (keep the centre) or "pad" (with black).
        interpolation: "nearest", "bilinear", "bicubic", "area" or "lanczos3"; antialiased.
        exif_orientation: Whether images are turned upright as their EXIF data says.
        background: (red, green, blue), 0 to 255, behind transparent pixels.
        max_pixels: A file that claims more pixels is refused before it is decoded.
        drop_remainder: Whether to leave out a last batch that is not full.
        workers: Threads that compute batches ahead; 0 computes each when asked for.
        max_queue_size: Batches that are held ready at most.

    Attributes:
        failure: What `sequence[i]` last raised; TensorFlow hands on only its text.

    Raises:
        ArgumentError: An option is wrong.
        LabelError: `label_mode` needs labels that the manifest has not.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> batches = augseq.ImageSequence(images, image_size=(64, 64), batch_size=8)
        >>> pixels, labels = batches[0]
        >>> pixels.shape, pixels.dtype, labels.dtype
        ((8, 64, 64, 3), dtype('float32'), dtype('int32'))
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        image_size: tuple[int, int] | None = (256, 256),
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
        augment: Sequence[Any] | None = None,
        label_mode: LabelMode | None = "int",
        dtype: PixelDtype = "float32",
        color_mode: ColorMode = "rgb",
        resize_mode: ResizeMode = "stretch",
        interpolation: Interpolation = "bilinear",
        exif_orientation: bool = True,
        background: tuple[int, int, int] = (255, 255, 255),
        max_pixels: int = MAX_PIXELS,
        drop_remainder: bool = False,
        workers: int = 1,
        max_queue_size: int = 10,
    ) -> None:
        if not isinstance(manifest, Manifest):
            raise ArgumentError(
                "The first argument must be a Manifest, such as augseq.index_folder(folder) "
                f"gives. Received: {type(manifest).__name__}"
            )
        decode = DecodeOptions(
            color_mode=color_mode,
            exif_orientation=exif_orientation,
            background=background,
            max_pixels=max_pixels,
        )
        pipeline = Pipeline(
            source=FileSource(root=manifest.root, options=decode),
            augment=make_augmentation_list(augment),
            resize=resize_options(image_size, resize_mode, interpolation),
            dtype=dtype,
        )
        schedule = Schedule(
            num_records=len(manifest),
            batch_size=batch_size,
            shuffle=shuffle,
            drop_remainder=drop_remainder,
            seed=seed,
        )
        targets = label_targets(manifest, label_mode)
        plan = BatchPlan(manifest=manifest, schedule=schedule, pipeline=pipeline, targets=targets)
        self._start(plan, workers, max_queue_size)

    @classmethod
    def from_arrays(
        cls, x: Images, y: npt.NDArray[Any] | None = None, **options: Any
    ) -> "ImageSequence":
        """Make batches of images that lie in an array, memory-mapped ones included.

        Args:
            x: Images, shape (n, height, width, channels); uint8, or numbers that are cast to
                float32. Values are never rescaled; albumentations wants uint8, or 0 to 1.
            y: Targets, shape (n, ...), given to the model as they are; None to predict.
            **options: As in the constructor, but for those about files and labels.
                `image_size` is None unless given.

        Raises:
            ArgumentError: `x` is not a stack of images, or `y` has another length.

        Example:
            >>> import augseq, numpy as np
            >>> x, y = np.zeros((10, 8, 8, 3), np.uint8), np.arange(10)
            >>> batches = augseq.ImageSequence.from_arrays(x, y, batch_size=4)
            >>> [len(labels) for _, labels in batches]
            [4, 4, 2]
        """
        foreign = _FILE_OPTIONS.intersection(options)
        if foreign:
            raise ArgumentError(f"Arrays have no files or labels. Received: {sorted(foreign)}")
        x = x if hasattr(x, "dtype") else np.asarray(x)
        source, targets = ArraySource(x), array_targets(y, len(x))
        manifest = make_manifest("", (), paths=[f"x[{k}]" for k in range(len(x))], targets=None)
        blank = cls(manifest, **{"image_size": None, **options}, label_mode=None)
        pipeline = replace(blank.pipeline, source=source)
        plan = replace(blank._plan, pipeline=pipeline, targets=targets)
        return blank._with(plan, endless=False)

    def repeat(self) -> "ImageSequence":
        """Return an endless twin, to train with `steps_per_epoch`.

        Item `step` of it is batch `step % n` of epoch `step // n`, where `n` is this
        sequence's length: a global step fixes epoch and batch, however long Keras' epochs are.
        With `EpochSync`, step 0 of Keras' epoch `e` is step `e * steps_per_epoch`.
        """
        return self._with(self._plan, endless=True)

    def _with(self, plan: BatchPlan, *, endless: bool) -> "ImageSequence":
        twin = type(self).__new__(type(self))
        twin._start(plan, self._num_workers, self.max_queue_size, endless=endless)
        return twin

    def _start(
        self, plan: BatchPlan, workers: int, max_queue_size: int, *, endless: bool = False
    ) -> None:
        check_whole("workers", workers, least=0)
        check_whole("max_queue_size", max_queue_size, least=1)
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=max_queue_size)
        self._plan = plan
        self._num_workers = workers
        self._endless = endless
        self._first_step = 0
        epoch_matters = plan.schedule.shuffle or bool(plan.pipeline.augment.steps)
        self._epochs = EpochTracker(
            plan.schedule.num_batches, epoch_matters=epoch_matters and not endless
        )
        self.failure: Exception | None = None
        self._lookahead = Lookahead(
            plan.load,
            partial(ThreadWorkers, workers) if workers else None,
            depth=max_queue_size,
            num_batches=plan.schedule.num_batches,
            endless=endless,
        )

    def __getitem__(self, index: int) -> Any:
        """Return batch `index` of the present epoch: `(images, targets)`, or `images` alone."""
        self._epochs.ask(index)
        try:
            batch = self.batch(index)
        except Exception as error:
            self.failure = error
            raise
        return batch.images if batch.targets is None else (batch.images, batch.targets)

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        if self._endless:
            raise TypeError("A repeated sequence has no length; pass steps_per_epoch to fit.")
        return self._plan.schedule.num_batches

    @property
    def num_batches(self) -> int | None:
        """Number of batches in an epoch; None for a repeated sequence."""
        # That Keras asks for it tells that a pass begins: see `EpochTracker`.
        self._epochs.count()
        return None if self._endless else len(self)

    @property
    def workers(self) -> int:
        """What Keras is told: 1, so that it never starts the queue that loses batches."""
        return 1

    @workers.setter
    def workers(self, value: int) -> None:
        raise ArgumentError(
            "`workers` is fixed when a sequence is made; make another one with "
            f"ImageSequence(..., workers={value})."
        )

    def on_epoch_begin(self) -> None:
        """Note that Keras begins an epoch, an evaluation, or to build a model."""
        if self._epochs.wants_epoch_sync():
            warnings.warn(ADVICE, AugseqWarning, stacklevel=2)
        self._epochs.begin()
        foresees = self._num_workers and not self._endless
        self.failure = None
        self._lookahead.begin_pass(shuffled_order(len(self)) if foresees else [])

    def on_epoch_end(self) -> None:
        """Note that Keras ended it."""
        self._epochs.end()
        self._lookahead.end_pass()

    @property
    def epoch(self) -> int:
        """The epoch that item 0 belongs to."""
        return self._step(0) // self._plan.schedule.num_batches

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch, for loops of your own; with `fit`, `EpochSync` does it."""
        self._epochs.set(epoch)
        self._first_step = self._epochs.epoch * self._plan.schedule.num_batches

    @property
    def was_asked(self) -> bool:
        """Whether any batch was asked for since the epoch was last set."""
        return self._epochs.was_asked

    def follow_keras(self, epoch: int, *, steps: int | None, goes_on: bool) -> None:
        """Take the epoch from `EpochSync`, just before Keras begins it.

        Args:
            epoch: Keras' epoch.
            steps: Steps in each of Keras' epochs.
            goes_on: Whether Keras goes on with a pass of an earlier epoch.
        """
        self._epochs.announce()
        if not goes_on:
            self._epochs.set(epoch)
            self._first_step = epoch * (steps or self._plan.schedule.num_batches)

    def batch(self, index: int) -> Batch:
        """Return batch `index` of the present epoch: images, targets and records.

        Raises:
            IndexError: There is no such batch.
            AugseqError: A file or an augmentation is at fault; the message names it.
        """
        return self._lookahead.get(self._step(index))

    def records(self, index: int) -> list[Record]:
        """Return the records of batch `index` of the present epoch, in the batch's order."""
        return self._plan.records(self._step(index))

    def sample(self, *, epoch: int, index: int) -> Sample:
        """Make the image that one record has in one epoch, alone: the replay of a step.

        Args:
            epoch: From 0.
            index: The record's index, as errors and `records` name it.

        Raises:
            ArgumentError: No record has this index.
        """
        return self._plan.sample(self.manifest.record_of(index), check_epoch(epoch))

    def show(self, index: int = 0, *, num_images: int = 12) -> Picture:
        """Draw some images of a batch, as the model sees them, with their labels.

        Args:
            index: Batch of the present epoch.
            num_images: At most so many.

        Returns:
            A matplotlib figure, to be restyled or saved; Jupyter shows it.
        """
        return draw_batch(self.batch(index), self.class_names, num_images=num_images)

    def profile(self, *, num_images: int = 256) -> Profile:
        """Measure where the time of a batch goes, in one thread and in several.

        Args:
            num_images: In each of three rounds, in whole batches.
        """
        return measure_profile(self._plan, num_images=num_images)

    @property
    def manifest(self) -> Manifest:
        """The images that this sequence serves."""
        return self._plan.manifest

    @property
    def pipeline(self) -> Pipeline:
        """What is done to each image, as one immutable plan."""
        return self._plan.pipeline

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names by label; empty without labels."""
        return self._plan.manifest.class_names

    @property
    def batch_size(self) -> int:
        """Images in a batch, but perhaps for the last one."""
        return self._plan.schedule.batch_size

    @property
    def seed(self) -> int:
        """What fixes order and augmentations."""
        return self._plan.schedule.seed

    def __repr__(self) -> str:
        ahead = self.max_queue_size if self._num_workers else 0
        return plan_text(self._plan, epoch=self.epoch, threads=self._num_workers, ahead=ahead)

    def __reduce__(self) -> tuple[Any, ...]:
        options = (self._plan, self._num_workers, self.max_queue_size, self._endless)
        return (_rebuild, (type(self), options, self._epochs.epoch, self._first_step))

    def _step(self, index: int) -> int:
        """Return the number of a batch, counted on through the epochs."""
        index = operator.index(index)
        if self._endless and index >= 0:
            return self._first_step + index
        if self._endless:
            raise IndexError(f"A repeated sequence has batches from 0. Received: {index}")
        num_batches = len(self)
        if not -num_batches <= index < num_batches:
            raise IndexError(f"There are {num_batches} batches, from 0. Received: {index}")
        return self._epochs.epoch * num_batches + index % num_batches


_FILE_OPTIONS = frozenset(
    {"background", "color_mode", "exif_orientation", "label_mode", "max_pixels"}
)


def _rebuild(
    kind: type[ImageSequence],
    options: tuple[BatchPlan, int, int, bool],
    epoch: int,
    first_step: int,
) -> ImageSequence:
    plan, workers, max_queue_size, endless = options
    sequence = kind.__new__(kind)
    sequence._start(plan, workers, max_queue_size, endless=endless)
    sequence._epochs.set(epoch)
    sequence._first_step = first_step
    return sequence
