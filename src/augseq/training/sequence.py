"""The Keras data set: `ImageSequence`."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from augseq.argument_names import explains_names
from augseq.augment.augmentation_list import make_augmentation_list
from augseq.errors import AugseqWarning
from augseq.inspection.augmentation_stats import AugmentationStats, measure_augmentations
from augseq.inspection.contact_sheet import draw_epochs
from augseq.inspection.explanation import Explanation, explain_sample
from augseq.inspection.grid import draw_batch
from augseq.inspection.markup import without_failure
from augseq.inspection.picture import Picture
from augseq.inspection.profile import Profile, measure_profile
from augseq.inspection.purity import PurityReport, check_purity
from augseq.inspection.sequence_html import sequence_html
from augseq.loading.pipeline import Pipeline, PixelDtype
from augseq.loading.plan import BatchPlan
from augseq.loading.targets.label import LabelMode, label_target
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.manifest.record import Record
from augseq.pixels.cache.image_cache import CacheChoice
from augseq.pixels.cache.source import make_source
from augseq.pixels.options import (
    MAX_FILE_BYTES,
    MAX_PIXELS,
    ColorMode,
    DecodeOptions,
    Interpolation,
    ResizeMode,
    check_batch_memory,
    check_full_depth,
    resize_options,
)
from augseq.sampling.randomness import check_epoch
from augseq.sampling.schedule import Schedule
from augseq.training.array_source import array_manifest, array_plan, array_source
from augseq.training.describe_plan import plan_hops
from augseq.training.planned_sequence import PlannedSequence
from augseq.types import Images
from augseq.validation import check_whole
from augseq.workers.cache_filling import fill_cache
from augseq.workers.make_workers import WorkerKind, WorkerOptions

_DEFAULT_SIZE = (256, 256)


class ImageSequence(PlannedSequence):
    """Batches of an image folder for `fit`, `evaluate` and `predict`.

    `sequence[i]` is `(images, targets)`, or `images` alone with `label_mode=None`. It is a
    function of manifest, options, seed, `sequence.epoch` and `i`, and of nothing else: not of
    the order of asking or the number of workers.

    Args:
        manifest: Which images: from `index_folder`, `read_manifest`, `split` or `select`.
        image_size: (height, width) in pixels; None where all images have one size already or
            `augment` gives them one.
        batch_size: Images in a batch; the last one may be smaller.
        shuffle: Whether each epoch has an order of its own: pass True to train. It is False by
            default, so that `predict` and `evaluate` follow the manifest's order; where `fit`
            is given images sorted by class, it warns.
        seed: Fixes order and augmentations, 0 to 2**64 - 1.
        augment: A list of augmentations: albumentations transforms, a `Compose`, functions
            `f(image, rng)` or `Augmentation` objects, also mixed. Images are resized before
            it, unless an element sets the size itself (a crop, say); then after it.
        label_mode: "int": int32 labels, shape (batch,). "categorical": one-hot float32, shape
            (batch, num_classes). "binary": float32, shape (batch, 1). None: no targets.
        dtype: "float32" or "uint8"; the range is 0 to 255 in both, and the values are those of
            8 bits, unless `full_depth` is on.
        color_mode: "rgb", "grayscale" or "rgba".
        resize_mode: "stretch", "crop" (keep the centre) or "pad" (with black).
        interpolation: "nearest", "bilinear", "bicubic", "area" or "lanczos3"; antialiased.
        exif_orientation: Whether images are turned upright as their EXIF data says.
        background: (red, green, blue), 0 to 255, behind transparent pixels.
        max_pixels: A file that claims more pixels is refused before it is decoded.
        max_file_bytes: A longer file is refused before it is read, or soon after it is begun if it
            is remote.
        full_depth: Whether files of 16 bits or of floats keep them. All pixels are then float32,
            in which 0 is black and 1 is white: 65535 of 16 bits, 255 of 8; numbers of
            floating-point files stay as they are. Not with a cache.
        scaled_decode: Whether large JPEG files are decoded at 1/2, 1/4 or 1/8 where that covers
            the size to which they are shrunk: quicker, with slightly other pixels.
        cache: A folder where decoded images are kept, "memory", or an `ImageCache`, which can
            limit their size; later epochs then decode nothing. None: no cache.
        drop_remainder: Whether to drop a last batch that is not full.
        workers: How many compute batches ahead; 0 computes each when asked for.
        worker_kind: "threads"; "processes", for augmentations in Python code, which hold the
            interpreter lock; "serial", as with 0 workers; or "auto", which measures some
            samples and chooses between the first two. `repr` shows the choice.
        max_queue_size: Batches that are held ready at most.
        batch_timeout_s: Seconds that a worker may take over a batch; then `BatchTimeoutError`
            names the record and the transform that it hangs in, and a worker process is killed.
            A thread cannot be: it is left behind until the program ends. None: no limit. Without
            workers there is none either, and Ctrl-C shows where it hangs.

    Attributes:
        failure: What `sequence[i]` last raised; TensorFlow hands on only its text.

    Raises:
        ArgumentError: An option is wrong.
        LabelError: `label_mode` needs labels that the manifest has not.

    Warns:
        AugseqWarning: `augment` crops or resizes to less than the default `image_size`.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> batches = augseq.ImageSequence(images, image_size=(64, 64), batch_size=8)
        >>> pixels, labels = batches[0]
        >>> pixels.shape, pixels.dtype, labels.dtype
        ((8, 64, 64, 3), dtype('float32'), dtype('int32'))
    """

    @explains_names
    def __init__(
        self,
        manifest: Manifest,
        *,
        image_size: tuple[int, int] | None = _DEFAULT_SIZE,
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
        max_file_bytes: int = MAX_FILE_BYTES,
        full_depth: bool = False,
        scaled_decode: bool = False,
        cache: CacheChoice = None,
        drop_remainder: bool = False,
        workers: int = 1,
        worker_kind: WorkerKind = "threads",
        max_queue_size: int = 10,
        batch_timeout_s: float | None = 600,
    ) -> None:
        check_manifest(manifest)
        decode = DecodeOptions(
            color_mode=color_mode,
            exif_orientation=exif_orientation,
            background=background,
            max_pixels=max_pixels,
            max_file_bytes=max_file_bytes,
            full_depth=full_depth,
        )
        check_full_depth(full_depth, dtype, cache)
        pipeline = Pipeline(
            source=make_source(
                manifest.root,
                decode,
                cache,
                scaled_decode=scaled_decode,
                follow_links=manifest.follow_links,
                remote=manifest.remote,
            ),
            augment=make_augmentation_list(augment),
            resize=resize_options(image_size, resize_mode, interpolation),
            dtype=dtype,
            scaled_decode=scaled_decode,
            targets={} if label_mode is None else {"label": label_target(manifest, label_mode)},
        )
        _warn_if_enlarged(pipeline)
        schedule = Schedule(
            num_records=len(manifest),
            batch_size=batch_size,
            shuffle=shuffle,
            drop_remainder=drop_remainder,
            seed=seed,
        )
        check_batch_memory(pipeline.resize, decode, dtype, min(batch_size, len(manifest)))
        plan = BatchPlan(manifest=manifest, schedule=schedule, pipeline=pipeline)
        options = WorkerOptions(
            kind=worker_kind,
            number=workers,
            max_queue_size=max_queue_size,
            batch_timeout_s=batch_timeout_s,
        )
        self._start(plan, options)

    @classmethod
    def from_arrays(
        cls, x: Images, y: npt.NDArray[Any] | None = None, **options: Any
    ) -> "ImageSequence":
        """Make batches of images that lie in an array, memory-mapped ones included.

        Args:
            x: Images, shape (n, height, width, channels); uint8, or numbers that are cast to
                float32. Values are never rescaled; transforms of albumentations that change
                colours take uint8, or floats from 0 to 1.
            y: Targets, shape (n, ...), given to the model as they are; None to predict.
            **options: As in the constructor, but for those about files and labels.
                `image_size` is None unless given.

        Raises:
            ArgumentError: `x` is not a stack of images, `y` has another length, or an option is
                wrong.

        Example:
            >>> import augseq, numpy as np
            >>> x, y = np.zeros((10, 8, 8, 3), np.uint8), np.arange(10)
            >>> batches = augseq.ImageSequence.from_arrays(x, y, batch_size=4)
            >>> [len(labels) for _, labels in batches]
            [4, 4, 2]
        """
        source = array_source(x)
        manifest = array_manifest(len(source.images), options)
        blank = cls(manifest, **{"image_size": None, **options}, label_mode=None)
        return blank._with(array_plan(blank._plan, source, y))

    def show(self, batch: int = 0, *, num_images: int = 12) -> Picture:
        """Draw some images of a batch, as the model sees them, with their labels.

        Args:
            batch: Number of the batch in the present epoch, from 0.
            num_images: At most so many.

        Returns:
            A matplotlib figure, to be restyled or saved; Jupyter shows it.

        Raises:
            ArgumentError: No image is asked for.
            IndexError: There is no such batch.
            AugseqError: A file or an augmentation is at fault; the message names it.
        """
        check_whole("num_images", num_images, least=1)
        return draw_batch(self.batch(batch), self.class_names, num_images=num_images)

    def show_augmentations(self, index: int | None = None, *, num_epochs: int = 8) -> Picture:
        """Draw an image beside what it becomes in several epochs of this run.

        What varies is the epoch; the seed is that of the sequence, so that the model sees these
        very pixels.

        Args:
            index: The record's index, as errors and `records` name it; that of the first record
                of the manifest if None.
            num_epochs: Epochs from 0; an image for each.

        Returns:
            A matplotlib figure, to be restyled or saved; Jupyter shows it.

        Raises:
            ArgumentError: No record has this index, or no epoch is asked for.
            AugseqError: A file or an augmentation is at fault; the message names it.
        """
        check_whole("num_epochs", num_epochs, least=1)
        record = self._record(index)
        return draw_epochs(record, self.pipeline, seed=self.seed, epochs=range(num_epochs))

    def show_steps(self, index: int | None = None, *, epoch: int | None = None) -> Picture:
        """Draw an image after each transform, with the parameters that this drew.

        It begins with the whole photograph, upright, with a rectangle around the crop. The same
        as text is `print(sequence.explain(index, epoch=epoch))`.

        Args:
            index: The record's index, as errors and `records` name it; that of the first record
                of the manifest if None.
            epoch: Whose draws to show; that of the sequence if None.

        Returns:
            A matplotlib figure, to be restyled or saved; Jupyter shows it.

        Raises:
            ArgumentError: No record has this index.
            AugseqError: A file or an augmentation is at fault; the message names it.
        """
        epoch = self.epoch if epoch is None else check_epoch(epoch)
        record = self._record(index)
        return explain_sample(record, self.pipeline, seed=self.seed, epoch=epoch).draw()

    def _record(self, index: int | None) -> Record:
        return self.manifest[0] if index is None else self.manifest.record_of(index)

    def augmentation_stats(
        self, *, num_samples: int = 1000, progress: bool = True
    ) -> AugmentationStats:
        """Find how often each transform fires, and how what it draws spreads.

        A few images are decoded once, and varied with the draws that they have in this run, in
        epoch after epoch. The same run gives the same report.

        Args:
            num_samples: How many images to make.
            progress: Whether long work shows a progress bar.

        Returns:
            A report as text, and with `draw()` as a figure.
        """
        return measure_augmentations(
            self.manifest,
            self.pipeline,
            seed=self.seed,
            num_samples=num_samples,
            progress=progress,
        )

    def explain(self, index: int, *, epoch: int) -> Explanation:
        """Replay how one record became what a step of training saw.

        Args:
            index: The record's index, as errors and `records` name it.
            epoch: From 0.

        Returns:
            The image after each stage, and which transforms fired with which parameters; as
            text, and with `draw()` as a figure.

        Raises:
            ArgumentError: No record has this index.
        """
        return explain_sample(
            self.manifest.record_of(index),
            self.pipeline,
            seed=self.seed,
            epoch=check_epoch(epoch),
        )

    def check_purity(self, *, num_images: int = 2) -> PurityReport:
        """Find the transforms of `augment` that are not pure, in a few seconds.

        Each runs twice, out of order, in threads, and in new processes with other hash seeds.

        Args:
            num_images: How many images to try them on.

        Returns:
            A report as text, with the impure transforms by name and what gave them away.

        Raises:
            ArgumentError: No image is asked for.
            AugseqError: A file cannot be decoded; the message names it.
        """
        check_whole("num_images", num_images, least=1)
        records = self.manifest.records(range(min(num_images, len(self.manifest))))
        return check_purity(self.pipeline, records, seed=self.seed)

    def profile(self, *, num_images: int = 256) -> Profile:
        """Measure where the time of a batch goes, in one thread and in several.

        Args:
            num_images: In each of three rounds, in whole batches.

        Returns:
            A report as text: the cost of each stage in milliseconds, images per second of each
            kind of workers, and the bottleneck in one sentence.

        Raises:
            ArgumentError: No image is asked for.
            AugseqError: A file or an augmentation is at fault; the message names it.
        """
        check_whole("num_images", num_images, least=1)
        return measure_profile(self._plan, num_images=num_images)

    def _repr_html_(self) -> str:
        workers = self._worker_options.text(self._lookahead.workers_text)
        plan = self._plan
        return without_failure(
            lambda: sequence_html(plan, hops=plan_hops(plan), step=self._step(0), workers=workers),
            repr(self),
        )

    def fill_cache(self, *, progress: bool = True) -> int:
        """Decode all images that the cache does not hold yet, ahead of the first epoch.

        Args:
            progress: Whether long work shows a progress bar.

        Returns:
            How many of the images the cache holds now.

        Raises:
            ArgumentError: There is no cache.
            AugseqError: A file is at fault; the message names it.
        """
        return fill_cache(
            self._plan, num_threads=max(1, self._worker_options.number), progress=progress
        )


def _warn_if_enlarged(pipeline: Pipeline) -> None:
    """Say so where a list that sets a size is followed by an enlargement that nobody asked for."""
    size = pipeline.augment.result_size
    if size is None or pipeline.resize is None or pipeline.resize.image_size != _DEFAULT_SIZE:
        return
    if size[0] < _DEFAULT_SIZE[0] and size[1] < _DEFAULT_SIZE[1]:
        warnings.warn(
            f"The augmentations give images of {size}, which are then enlarged to the default "
            f"image_size={_DEFAULT_SIZE}: extra work without extra detail. "
            f"Pass image_size={size}.",
            AugseqWarning,
            stacklevel=4,  # `explains_names` is between.
        )
