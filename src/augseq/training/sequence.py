"""The Keras data set: `ImageSequence`."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Self

import keras
import numpy.typing as npt

from augseq.augment.mixing import Method
from augseq.errors import ArgumentError, AugseqWarning
from augseq.foreign_names import ATTRIBUTES
from augseq.inspection.drawing.contact_sheet import draw_epochs
from augseq.inspection.drawing.grid import draw_batch
from augseq.inspection.drawing.picture import Picture
from augseq.inspection.html_displays.markup import without_failure
from augseq.inspection.html_displays.sequence_html import sequence_html
from augseq.inspection.reports.augmentation_stats import AugmentationStats, measure_augmentations
from augseq.inspection.reports.explanation import Explanation, explain_turn
from augseq.inspection.reports.profile import Profile, measure_profile
from augseq.inspection.reports.purity import PurityReport, check_purity
from augseq.loading.batch import Batch
from augseq.loading.make_plan import DEFAULT_SIZE, SampleOptions, make_plan
from augseq.loading.pipeline import Pipeline
from augseq.loading.plan import BatchPlan
from augseq.loading.sample import Sample
from augseq.loading.sampling_options import OrderOptions, Sampling
from augseq.loading.targets.label import LabelMode
from augseq.loading.targets.make_targets import TargetOptions
from augseq.loading.targets.target import TargetOption
from augseq.loading.write_augmented import AnnotationFormat, WrittenFiles, write_augmented
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.manifest.record import Record
from augseq.pixels.buckets import Buckets
from augseq.pixels.cache.image_cache import CacheChoice
from augseq.pixels.options import (
    MAX_FILE_BYTES,
    MAX_PIXELS,
    ColorMode,
    DecodeOptions,
    Interpolation,
    PixelDtype,
    ResizeMode,
)
from augseq.pixels.write_image import ImageFormat, WrittenImages
from augseq.sampling.randomness import check_epoch
from augseq.sampling.schedule import Padding, Progress
from augseq.training.array_source import ArrayData, Rows
from augseq.training.describe_plan import plan_hops, plan_text
from augseq.training.distributed import (
    require_even_batches,
    require_own_part,
    require_part_for_keras,
    shard_plan,
)
from augseq.training.epoch_tracking.keras_calls import find_method, is_inferring_shapes
from augseq.training.epoch_tracking.keras_order import shuffled_order
from augseq.training.epoch_tracking.pass_advice import EPOCH_SYNC, REPEATED
from augseq.training.model_checks.any_size import without_size
from augseq.training.model_checks.call_checks import CallChecks
from augseq.training.model_checks.fit_checks import check_class_weight
from augseq.training.other_loaders import grain_dataset, require_own_batches, tf_dataset
from augseq.training.position import Position
from augseq.training.resume_state import (
    Conditions,
    read_data_state,
    read_progress,
    run_conditions,
)
from augseq.training.tensorflow_iterators import destroy_iterator_in_background
from augseq.types import Images, PathLike
from augseq.validation import check_whole, explains_names
from augseq.workers.batch_list import BatchList
from augseq.workers.cache_filling import fill_cache
from augseq.workers.lazy import LazyWorkers
from augseq.workers.lookahead import Lookahead
from augseq.workers.make_workers import WorkerKind, WorkerOptions, make_workers
from augseq.workers.protocol import Workers

if TYPE_CHECKING:
    import grain
    import tensorflow as tf


class ImageSequence(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of an image folder for `fit`, `evaluate` and `predict`.

    `sequence[i]` is `(images, targets)`, `(images, targets, weights)`, or `images` alone with
    `label_mode=None`. It depends only on the manifest, the options, the seed, `sequence.epoch` and
    `i`, not on the order of the calls or the number of workers.

    The sequence has its own workers and prefetching. Keras always sees one worker and no
    multiprocessing, because Keras' own queue loses and repeats batches.

    Args:
        manifest: Images to load, from `index_folder`, `read_manifest`, `split` or `select`.
        image_size: Size to resize images to, (height, width) in pixels. `augseq.Buckets(sizes)`:
            one of several, by the aspect ratio of the image; each batch has images of one size.
            None: do not resize; all images must then have the same size, or `augment` must set it.
        batch_size: Number of images per batch. The last batch can be smaller.
        shuffle: Whether to shuffle the images in each epoch; pass True to train. Defaults to
            False, so that `predict` and `evaluate` follow the manifest's order. `fit` warns if
            the images are sorted by class.
        seed: Random seed for shuffling and augmentations, 0 to 2**64 - 1.
        sampling: How often each image is used in an epoch of training: `augseq.Balanced()` for
            classes of equal size, `augseq.Weighted(column)`, or `augseq.Sources(ratios)` for
            several sources at fixed ratios; requires `shuffle=True`. None: each image once.
        repeats: How many times in a row each image is used, in the same batch and augmented
            differently each time; an epoch is that many times as long. `batch_size` must be a
            multiple of it.
        views: Number of differently augmented versions of each image, for contrastive training.
            From 2, a batch has a dict of inputs: "image", "image_2", "image_3" and so on.
        augment: List of augmentations: albumentations transforms, a `Compose`, functions
            `f(image, rng)` or `Augmentation` objects, in any combination. Images are resized
            before augmentation, or after it if an element sets the size (such as a crop).
        mix: `augseq.MixUp(...)`, `augseq.CutMix(...)`, or a list of both: after augmentation, each
            image is mixed with its neighbour in the order of the epoch, with its targets, inputs
            and weight. Requires `shuffle=True`, and one-hot labels. None: images are not mixed.
        label_mode: "int": int32 labels, shape (batch,). "categorical": one-hot float32, shape
            (batch, num_classes). "binary": float32, shape (batch, 1). None: no targets.
        targets: What to predict, if not one label: `augseq.Label`, `MultiLabel`, `Number`, `Mask`,
            `ValueMap`, `PairedImage`, `InputImage`, `Boxes` or `KeyPoints`, or a dict of several by
            the names of the model's outputs. A dict of two or more gives a dict of arrays; a single
            target gives an array, and `Boxes` a dict of two.
        inputs: Further inputs from columns of the manifest, a dict by the names of the model's
            inputs: `augseq.Number`, `augseq.PairedImage` for another image, and the like. A batch
            then has a dict of inputs, in which the images are "image".
        weights: Name of a column of sample weights, at least 0, for `fit` and `evaluate`. They are
            float32, shape (batch,); (batch, height, width) for masks, maps and images; a dict by
            the names of the targets if these differ.
        dtype: "float32" or "uint8". Pixels range from 0 to 255 in both, with 8-bit precision,
            unless `full_depth=True` or `color_mode="bands"`.
        color_mode: "rgb", "grayscale" or "rgba". "bands": all channels of TIFF and .npy files, of
            any number, with the numbers as stored: uint8, or float32 for all other numbers. Every
            image must have as many as the first one of the manifest.
        bands: Which bands become the channels, in order, with `color_mode="bands"`: numbers from 0,
            such as [3, 2, 1]. None: all of them.
        resize_mode: "stretch", "crop" (keep the centre) or "pad" (with black).
        interpolation: "nearest", "bilinear", "bicubic", "area" or "lanczos3"; antialiased.
        exif_orientation: Whether to rotate images upright by their EXIF orientation.
        background: (red, green, blue), 0 to 255, to show behind transparent pixels.
        max_pixels: Maximum number of pixels that a file's header can declare. Larger images raise
            an error before they are decoded.
        max_file_bytes: Maximum file size. Larger files raise an error before they are read; remote
            ones soon after reading starts.
        full_depth: Whether to keep the precision of 16-bit and floating-point files. All pixels
            are then float32, with 0 for black and 1 for white (65535 in 16-bit files, 255 in 8-bit
            files); values of floating-point files are unchanged.
        scaled_decode: Whether to decode large JPEG files at 1/2, 1/4 or 1/8 of their size if that
            still covers the size they are resized to. Several times as fast, with slightly
            different pixels.
        cache: Where to store decoded images, masks and value maps, so that later epochs decode
            nothing: a folder, "memory", or an `ImageCache`, which can limit their size. They are
            stored resized if images are resized before augmentation, otherwise whole. None: no
            cache.
        drop_remainder: Whether to drop the last batch if it is smaller than the others.
        workers: Number of workers that load batches ahead. None: one for each core that this
            process may use. 0: load each batch when requested, to debug an augmentation.
        worker_kind: "auto": threads, and processes once a loop has proved long enough for their
            start to pay off. "processes", "threads" or "serial" (same as 0 workers) to choose
            yourself. "ray": on the nodes of a Ray cluster, each worker on one CPU; `workers` is
            then required. All give the same pixels; `repr` shows what is used, and why.
        max_queue_size: Maximum number of batches to load ahead. None: 10, or two per worker if
            that is more; fewer if batches are large.
        batch_timeout_s: Maximum seconds that a worker can spend on a batch. `BatchTimeoutError`
            then names the record and the transform that hangs, and a worker process is killed.
            A thread cannot be killed: it keeps running until the program ends. None: no limit.
            Without workers there is no limit, and Ctrl-C shows where it hangs.

    Attributes:
        failure: The last exception of `sequence[i]`; TensorFlow passes on only its message.
        position: Current epoch and batch; `EpochSync` and other callbacks update it.

    Raises:
        ArgumentError: An option is invalid.
        LabelError: `label_mode` requires labels, but the manifest has none; or a value of a
            target, input or weight is missing or does not fit.

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
        image_size: tuple[int, int] | Buckets | None = DEFAULT_SIZE,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
        sampling: Sampling | None = None,
        repeats: int = 1,
        views: int = 1,
        augment: Sequence[Any] | None = None,
        mix: Method | Sequence[Method] | None = None,
        label_mode: LabelMode | None = "int",
        targets: TargetOptions | None = None,
        inputs: Mapping[str, TargetOption] | None = None,
        weights: str | None = None,
        dtype: PixelDtype = "float32",
        color_mode: ColorMode = "rgb",
        bands: Sequence[int] | None = None,
        resize_mode: ResizeMode = "stretch",
        interpolation: Interpolation = "bilinear",
        exif_orientation: bool = True,
        background: tuple[int, int, int] = (255, 255, 255),
        max_pixels: int = MAX_PIXELS,
        max_file_bytes: int = MAX_FILE_BYTES,
        full_depth: bool = False,
        scaled_decode: bool = True,
        cache: CacheChoice = None,
        drop_remainder: bool = False,
        workers: int | None = None,
        worker_kind: WorkerKind = "auto",
        max_queue_size: int | None = None,
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
            bands=bands,
        )
        samples = SampleOptions(
            decode=decode,
            scaled_decode=scaled_decode,
            cache=cache,
            image_size=image_size,
            resize_mode=resize_mode,
            interpolation=interpolation,
            dtype=dtype,
            augment=augment,
            views=views,
            mix=mix,
            label_mode=label_mode,
            targets=targets,
            inputs=inputs,
            weights=weights,
        )
        order = OrderOptions(
            shuffle=shuffle,
            seed=seed,
            sampling=sampling,
            repeats=repeats,
            batch_size=batch_size,
            drop_remainder=drop_remainder,
        )
        plan = make_plan(manifest, samples, order)
        options = WorkerOptions(
            kind=worker_kind,
            number=workers,
            max_queue_size=max_queue_size,
            batch_timeout_s=batch_timeout_s,
        )
        self._start(plan, options)

    @classmethod
    def from_arrays(
        cls,
        x: Images | Mapping[str, Rows],
        y: Rows | Mapping[str, Rows] | None = None,
        *,
        sample_weight: npt.NDArray[Any] | None = None,
        **options: Any,
    ) -> "ImageSequence":
        """Create a sequence from images in an array, which can be memory-mapped.

        Args:
            x: Images, shape (n, height, width, channels); uint8, or numbers that are cast to
                float32. Values are never rescaled; albumentations transforms that change
                colours require uint8, or floats from 0 to 1. For a model with several inputs, a
                dict by their names: the images as "image", and arrays of shape (n, ...), passed
                to the model unchanged, or `augseq.PairedImage(array)` and the like.
            y: Targets, shape (n, ...), passed to the model unchanged; what moves with the images
                is `augseq.Mask(array, classes=[...])`, `augseq.ValueMap(array)`,
                `augseq.PairedImage(array)`, `augseq.InputImage()` or
                `augseq.Boxes(arrays={"boxes": ..., "labels": ...})`. A dict by the names of the
                model's outputs for several; None to predict.
            sample_weight: Weights for `fit` and `evaluate`, at least 0, shape (n,); None if all
                are equal.
            **options: Options of the constructor, except those about files and labels.
                `image_size` defaults to None.

        Raises:
            ArgumentError: `x` is not a stack of images, another array has a different length or
                looks like masks that would not move with the images, or an option is invalid.

        Example:
            >>> import augseq, numpy as np
            >>> x, y = np.zeros((10, 8, 8, 3), np.uint8), np.arange(10)
            >>> batches = augseq.ImageSequence.from_arrays(x, y, batch_size=4)
            >>> [len(labels) for _, labels in batches]
            [4, 4, 2]
        """
        arrays = ArrayData(x, y, sample_weight, options)
        blank = cls(arrays.manifest, **arrays.options, label_mode=None)
        return blank._with(arrays.plan(blank._plan))

    def repeat(self) -> Self:
        """Return an endless copy, to train with `steps_per_epoch`.

        Item `step` is batch `step % n` of epoch `step // n`, counted from the current epoch,
        where `n` is this sequence's length. The global step thus determines epoch and batch,
        whatever the length of Keras' epochs. With `EpochSync`, step 0 of Keras' epoch `e` is
        step `e * steps_per_epoch`, counted from epoch 0.

        Raises:
            ArgumentError: Only part of the current epoch is left after a resume, or a subclass
                returns a `num_batches` other than None.
        """
        whole = replace(self._plan, schedule=self._plan.schedule.whole_from(self.epoch))
        twin = self._with(whole, endless=True, epoch=self.epoch)
        if twin.num_batches is not None:
            raise ArgumentError(
                f"A repeated sequence is endless, so its num_batches must be None. In "
                f"{type(self).__name__}.num_batches, return super().num_batches if that is None. "
                f"Received: {twin.num_batches}"
            )
        return twin

    def shard(
        self,
        index: int | None = None,
        count: int | None = None,
        *,
        padding: Padding | None = None,
    ) -> Self:
        """Return a copy that yields one shard of every global batch.

        All shards together yield the same records, in the same order, as one sequence of batch
        size `count * batch_size`. All shards have the same number of batches.

        By default, `index` and `count` are detected: from `jax.distributed` and
        `keras.distribution`, from `torch.distributed`, or from a
        `tf.distribute.MultiWorkerMirroredStrategy` in whose scope this is called or whose workers
        are listed in `TF_CONFIG`. So call it after the processes have joined. A single process
        gets all images.

        Args:
            index: Index of the shard, from 0: the rank of this process.
            count: Number of shards: the number of processes. `shard(0, 1)` yields all images,
                even if several processes run.
            padding: How to fill up the last global batch of an epoch. "wrap", for training:
                repeat records from the beginning of the epoch's order. "zero_weight", for
                evaluation: the same, but each batch comes with sample weights, as of `weights`,
                which are 0 for the repeated records. None: "wrap" for several shards,
                and a smaller last batch for a single one. With `drop_remainder` nothing is padded.

        Raises:
            ArgumentError: There is no such shard.

        Example:
            >>> import augseq, numpy as np
            >>> x = np.zeros((10, 8, 8, 3), np.uint8)
            >>> part = augseq.ImageSequence.from_arrays(x, batch_size=3).shard(1, 2)
            >>> [[record.index for record in part.records(k)] for k in range(len(part))]
            [[3, 4, 5], [9, 0, 1]]
        """
        plan = shard_plan(self._plan, index, count, padding)
        # The rest of an epoch may not fill one global batch of all shards.
        is_rest = self.epoch == self._plan.schedule.done.epoch
        epoch = plan.schedule.done.epoch if is_rest else self.epoch
        return self._with(plan, endless=self.position.is_endless, epoch=epoch)

    @explains_names
    def to_torch(self, *, epochs: int = 1) -> BatchList:
        """Return the batches of several epochs as a dataset for a torch `DataLoader`.

        It is map-style: item `number` is batch `number % n` of epoch `number // n`, from epoch 0,
        where `n` is the number of batches in an epoch. Its arrays are those of this sequence, bit
        for bit; images are (batch, height, width, channels).

        Args:
            epochs: Number of epochs.

        Returns:
            The dataset, for `DataLoader(dataset, batch_size=None)`. The workers of the loader load
            the batches; those of this sequence are not used.

        Raises:
            ArgumentError: `epochs` is less than 1; several processes run, and this sequence is not
                this process's shard; or a subclass changes the batches.

        Example:
            >>> import augseq, numpy as np
            >>> x, y = np.zeros((10, 8, 8, 3), np.uint8), np.arange(10)
            >>> batches = augseq.ImageSequence.from_arrays(x, y, batch_size=4)
            >>> dataset = batches.to_torch(epochs=2)
            >>> len(dataset), dataset[5][1].tolist()
            (6, [8, 9])
        """
        changed = self._overridden("__getitem__", "__len__", "batch", "num_batches")
        require_own_batches(type(self).__name__, changed)
        require_own_part(self._plan.schedule.shard)
        return BatchList(self._plan, epochs)

    @explains_names
    def to_tf(self, *, epochs: int = 1) -> "tf.data.Dataset":
        """Return the batches of several epochs as a `tf.data.Dataset`.

        They come in the order of `to_torch`, with the arrays of this sequence, bit for bit, as
        tensors of known types and shapes. TensorFlow's threads load them ahead. The first batch
        is loaded immediately, to learn the types.

        Args:
            epochs: Number of epochs.

        Raises:
            ArgumentError: As `to_torch`.
            AugseqError: A file or an augmentation of the first batch failed; the message names it.
            ImportError: TensorFlow is not installed.
        """
        return tf_dataset(self.to_torch(epochs=epochs))

    @explains_names
    def to_grain(self, *, epochs: int = 1) -> "grain.MapDataset[Any]":
        """Return the batches of several epochs as a `grain.MapDataset`.

        Item `number` is that of `to_torch`, so that slices, and the state of Grain's iterators,
        determine epoch and batch.

        Args:
            epochs: Number of epochs.

        Raises:
            ArgumentError: As `to_torch`.
            MissingExtraError: Grain is not installed.
        """
        return grain_dataset(self.to_torch(epochs=epochs))

    if not TYPE_CHECKING:
        # A type checker would accept every name.
        def __getattr__(self, name: str) -> Any:
            if name in ATTRIBUTES:
                text = f"ImageSequence has no attribute `{name}`. {ATTRIBUTES[name]}"
                raise AttributeError(text, name=name, obj=self)
            # The usual error; or that of a property, which this call would replace.
            return object.__getattribute__(self, name)

    def _with(self, plan: BatchPlan, *, endless: bool = False, epoch: int = 0) -> Self:
        twin = type(self).__new__(type(self))
        # Keep the attributes of subclasses.
        added = {name: value for name, value in vars(self).items() if name != "_conditions"}
        twin.__dict__.update(added)
        twin._start(plan, self._worker_options, endless=endless)
        twin.position.epochs.start_at(epoch, epoch * plan.schedule.num_batches)
        return twin

    def _start(self, plan: BatchPlan, options: WorkerOptions, *, endless: bool = False) -> None:
        size = options.queue_size
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=size)
        self._worker_options = options
        self._call_checks = CallChecks()
        matters = plan.schedule.order.shuffle or bool(plan.pipeline.augment.steps)
        self.position = Position(plan.schedule, epoch_matters=matters, is_endless=endless)
        self.failure: Exception | None = None
        self._use(plan)

    def _use(self, plan: BatchPlan, former: Workers | None = None) -> None:
        self._plan = plan
        self.position.schedule = plan.schedule
        self._batch_workers = LazyWorkers(partial(make_workers, self._worker_options, plan), former)
        self._lookahead = Lookahead(
            self._batch_workers,
            plan.schedule,
            depth=self._worker_options.depth,
            endless=self.position.is_endless,
            beyond=self._worker_options.num_workers,
        )

    def _reschedule(self, done: Progress) -> None:
        """Continue after the given progress, with the same worker processes."""
        schedule = replace(self._plan.schedule, done=done)
        self._lookahead.give_up()
        self._use(replace(self._plan, schedule=schedule), self._batch_workers.retire())

    def __getitem__(self, index: int) -> Any:
        """Return batch `index` of the current epoch: `(images, targets)`, or `images` alone."""
        try:
            self.position.epochs.ask(self.position.number(index), self._num_asked)
            if self._plan.schedule.shard.count > 1:
                # Each process would shuffle differently, so steps would not get global batches.
                self.position.require_order()
            batch = self.batch(index)
            if self.pipeline.buckets is not None and is_inferring_shapes():
                return without_size(batch)
            return batch.arrays
        except Exception as error:
            self.failure = error
            raise

    def __iter__(self) -> Iterator[Any]:
        """Return an iterator over the batches of an epoch; endless for a repeated sequence.

        The first loop `for images, labels in batches` runs through the current epoch; each loop
        after a complete pass runs through the next epoch. Call `set_epoch` before a loop to
        choose its epoch.

        Warns:
            AugseqWarning: Two loops over an epoch ended early and yielded the same batches.
        """
        return self.position.loops.begin(self.__getitem__, lambda: self.length)

    def __len__(self) -> int:
        """Return the number of batches in the current epoch, or left in it after a resume."""
        length = self.position.num_batches
        if length is None:
            raise TypeError("A repeated sequence has no length; pass steps_per_epoch to fit.")
        self.position.epochs.count_length(length)
        return length

    @property
    def length(self) -> int | None:
        """Same as `len`, but None for a repeated sequence."""
        num_batches = self.position.num_batches
        if num_batches is None:
            return None
        # A subclass can override either of the two methods that Keras supports.
        if self._overridden("__len__"):
            return len(self)
        return self.num_batches if self._overridden("num_batches") else num_batches

    @property
    def num_batches(self) -> int | None:
        """Number of batches per epoch, as Keras reads it; None for a repeated sequence."""
        # Keras reads it at the start of a pass: see `EpochTracker`; before the first batch.
        self.position.epochs.count()
        method = find_method()
        if method is not None and method.data is self and not self._gives_own:
            check_class_weight(method.class_weight, self._plan)
        if self.position.is_endless:
            return None
        if self._overridden("__len__"):
            return len(self)
        # Keras keeps the first value for all epochs, so return the length of a shorter epoch only
        # if a callback handles that.
        schedule, is_told = self._plan.schedule, self.position.epochs.is_told
        return schedule.num_batches_of(self.epoch) if is_told else schedule.num_batches

    @property
    def _num_asked(self) -> int | None:
        """Number of batches of the current epoch that can be indexed; None if endless."""
        num_batches = self.position.num_batches
        if num_batches is None or not self._overridden("__len__"):
            return num_batches
        return min(num_batches, len(self))

    @property
    def workers(self) -> int:
        """Always 1, so that Keras never starts its own queue, which loses batches."""
        return 1

    @workers.setter
    def workers(self, value: int) -> None:
        raise ArgumentError(
            "`workers` cannot be changed after a sequence is created; create a new one with "
            f"ImageSequence(..., workers={value})."
        )

    def on_epoch_begin(self) -> None:
        """Handle Keras' start of an epoch, an evaluation, or a model build.

        Raises:
            ArgumentError: Several processes run, and this sequence is not this process's shard;
                the last batch cannot be divided evenly among the devices; or the model's inputs,
                outputs or loss, or `class_weight`, do not match the batches.

        Warns:
            AugseqWarning: `fit` trains on images that are sorted by class, or a sequence with
                `mix`, `sampling` or `repeats` is evaluated or predicts.
        """
        require_part_for_keras(self._plan.schedule.shard)
        require_even_batches(self._plan.schedule, self.epoch)
        method = find_method()
        if method is not None and not self._gives_own:
            self._call_checks.check(method, self._plan, is_own=method.data is self)
        self._recommend_epoch_sync()
        is_through_wrapper = method is not None and method.name == "fit" and method.data is not self
        self.position.epochs.begin(is_through_wrapper=is_through_wrapper)
        self.failure = None
        length = self.length
        self._lookahead.begin_pass([] if length is None else shuffled_order(length))

    @property
    def _gives_own(self) -> bool:
        """Whether a subclass may pass different arrays to Keras."""
        return bool(self._overridden("__getitem__", "batch"))

    def _overridden(self, *names: str) -> list[str]:
        """Return which of these methods a subclass overrides."""
        kind = type(self)
        return [name for name in names if getattr(kind, name) is not getattr(ImageSequence, name)]

    def on_epoch_end(self) -> None:
        """Handle Keras' end of an epoch."""
        # Here too, since it may be the last one.
        self._recommend_epoch_sync()
        self.position.epochs.end()
        self._lookahead.end_pass()
        destroy_iterator_in_background()

    def _recommend_epoch_sync(self) -> None:
        if self.position.epochs.wants_epoch_sync():
            text = REPEATED if self.position.is_endless else EPOCH_SYNC
            warnings.warn(text, AugseqWarning, stacklevel=3)

    @property
    def epoch(self) -> int:
        """The epoch that batch 0 belongs to."""
        return self.position.epoch

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next pass over the sequence.

        Loops `for images, labels in batches` count epochs automatically, and `EpochSync` sets the
        epoch in `fit`. Call it before each pass of an index loop, or of another library such as
        a torch `DataLoader`.

        Raises:
            ArgumentError: Several processes run, and this sequence is not this process's shard.
        """
        require_own_part(self._plan.schedule.shard)
        self.position.epochs.set(epoch)

    def finish_epoch(self) -> None:
        """Handle the end of an epoch, as `EpochSync` reports it."""
        if self._plan.schedule.done != Progress():
            self._reschedule(Progress())

    @cached_property
    def _conditions(self) -> Conditions:
        # Cached: the fingerprint of a million records takes 0.7 s.
        return run_conditions(self._plan)

    def state_dict(self, *, num_batches: int = 0) -> dict[str, Any]:
        """Return the position in the data as a dict for JSON, less than 4 kB.

        The position is counted in records, so batch size, shards and workers can change before a
        resume. With `fit`, `BackupAndResume` saves it together with the model.

        Args:
            num_batches: Number of batches of the current epoch that were trained, in the order
                0, 1, 2.

        Raises:
            ArgumentError: The epoch has fewer batches, or Keras shuffled them.
        """
        self.position.require_end()
        check_whole("num_batches", num_batches, least=0, most=len(self))
        if num_batches:
            self.position.require_order()
        return read_data_state(self._conditions, self.position.progress(num_batches))

    def load_state_dict(self, state: Mapping[str, Any], *, force: bool = False) -> None:
        """Resume from a `state_dict`, without loading any earlier batch.

        The current epoch then has only its remaining batches.

        Args:
            state: The result of `state_dict`, or the same after a round trip through JSON.
            force: Whether to resume even if the manifest, pipeline or seed changed.

        Raises:
            BackupError: The state belongs to a different run; the message lists the differences.
        """
        self.position.require_end()
        self._reschedule(read_progress(self._conditions, state, force=force))
        self.set_epoch(self._plan.schedule.done.epoch)

    def batch(self, index: int) -> Batch:
        """Return batch `index` of the current epoch: images, targets and records.

        Raises:
            IndexError: There is no such batch.
            AugseqError: A file or an augmentation failed; the message names it.
        """
        return self._lookahead.get(self.position.step(index))

    def records(self, index: int) -> list[Record]:
        """Return the records of batch `index` of the current epoch, in the batch's order."""
        return self._plan.records(self.position.step(index))

    def num_padding(self, index: int) -> int:
        """Return how many records at the end of batch `index` are padding."""
        return self._plan.schedule.num_padding(self.position.step(index))

    def repeats(self, index: int) -> list[int]:
        """Return how many times each record of batch `index` came before in the epoch.

        All 0, except with `sampling` or `repeats`.
        """
        return self._plan.turns(self.position.step(index)).repeats

    def sample(self, index: int, *, epoch: int, repeat: int = 0) -> Sample:
        """Load one sample alone: one record as it is in one epoch.

        Args:
            index: The record's index, as in errors and `records`.
            epoch: From 0.
            repeat: With `sampling` or `repeats`, how many times the record was used earlier in the
                epoch.

        Raises:
            ArgumentError: No record has this index, or it is not used that often.
        """
        return self._plan.sample(self._plan.record(index, epoch, repeat), epoch, repeat)

    @property
    def manifest(self) -> Manifest:
        """The images of this sequence."""
        return self._plan.manifest

    @property
    def pipeline(self) -> Pipeline:
        """How each image is loaded and augmented, as one immutable object."""
        return self._plan.pipeline

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names, indexed by label; empty without labels."""
        return self._plan.manifest.class_names

    @property
    def batch_size(self) -> int:
        """Number of images per batch; the last one can be smaller."""
        return self._plan.schedule.batch_size

    @property
    def seed(self) -> int:
        """Random seed for shuffling and augmentations."""
        return self._plan.schedule.seed

    def __repr__(self) -> str:
        workers = self._worker_options.text(self._batch_workers.text)
        return plan_text(self._plan, epoch=self.epoch, workers=workers)

    def __reduce__(self) -> tuple[Any, ...]:
        self.position.epochs.unknown.send(epoch=self.epoch)
        options = (self._plan, self._worker_options, self.position.is_endless)
        is_announced = self.position.epochs.unknown.is_announced
        where = (self.position.epochs.epoch, self.position.epochs.first_step, is_announced)
        # Only what a subclass has added, not the attributes of every sequence.
        bare = vars(_rebuild(ImageSequence, options, where))
        added = {name: value for name, value in vars(self).items() if name not in bare}
        added.pop("_conditions", None)
        return (_rebuild, (type(self), options, where), added or None)

    def show(self, batch: int = 0, *, num_images: int = 12) -> Picture:
        """Draw images of a batch, as the model sees them, with their targets.

        Masks, boxes and key points are drawn over their image, with a key to the colours; value
        maps and further images are below it. With `mix`, a line of text says which other image is
        in it, and the shares of both.

        Args:
            batch: Index of the batch in the current epoch, from 0.
            num_images: Maximum number of images.

        Returns:
            A matplotlib figure, to restyle or save; Jupyter shows it.

        Raises:
            ArgumentError: `num_images` is less than 1.
            IndexError: There is no such batch.
            AugseqError: A file or an augmentation failed; the message names it.
        """
        check_whole("num_images", num_images, least=1)
        return draw_batch(self.batch(batch), self.class_names, num_images=num_images)

    def show_augmentations(self, index: int | None = None, *, num_epochs: int = 8) -> Picture:
        """Draw an image next to its augmented versions in several epochs.

        They use the seed of the sequence, so these are the pixels that the model sees, before they
        are mixed by `mix`. Targets are drawn as by `show`.

        Args:
            index: The record's index, as in errors and `records`; None for the first record of
                the manifest.
            num_epochs: Number of epochs to draw, from epoch 0.

        Returns:
            A matplotlib figure, to restyle or save; Jupyter shows it.

        Raises:
            ArgumentError: No record has this index, or `num_epochs` is less than 1.
            AugseqError: A file or an augmentation failed; the message names it.
        """
        check_whole("num_epochs", num_epochs, least=1)
        record = self._record(index)
        return draw_epochs(record, self.pipeline, seed=self.seed, epochs=range(num_epochs))

    def show_steps(self, index: int | None = None, *, epoch: int | None = None) -> Picture:
        """Draw an image after each transform, with the parameters it drew.

        The first picture is the original image, upright, with a rectangle around the crop. Masks,
        boxes, key points and value maps are drawn as each transform has moved them. For the same as
        text, use `print(sequence.explain(index, epoch=epoch))`.

        Args:
            index: The record's index, as in errors and `records`; None for the first record of
                the manifest.
            epoch: Epoch to show; None for the current one.

        Returns:
            A matplotlib figure, to restyle or save; Jupyter shows it.

        Raises:
            ArgumentError: No record has this index.
            AugseqError: A file or an augmentation failed; the message names it.
        """
        epoch = self.epoch if epoch is None else check_epoch(epoch)
        record = self._record(index)
        return explain_turn(self._plan, record, epoch).draw()

    def _record(self, index: int | None) -> Record:
        return self.manifest[0] if index is None else self.manifest.record_of(index)

    def augmentation_stats(
        self, *, num_samples: int = 1000, progress: bool = True
    ) -> AugmentationStats:
        """Measure how often each transform fires, and the distribution of its parameters.

        A few images are decoded once and augmented as in this run, epoch after epoch. The same
        run gives the same report.

        Args:
            num_samples: Number of augmented images to create.
            progress: Whether to show a progress bar if it takes long.

        Returns:
            A report, as text or, with `draw()`, as a figure.
        """
        return measure_augmentations(
            self.manifest,
            self.pipeline,
            seed=self.seed,
            num_samples=num_samples,
            progress=progress,
        )

    def explain(self, index: int, *, epoch: int, repeat: int = 0) -> Explanation:
        """Replay how one record became a training sample.

        Args:
            index: The record's index, as in errors and `records`.
            epoch: From 0.
            repeat: With `sampling` or `repeats`, how many times the record was used earlier in the
                epoch.

        Returns:
            The image after each stage, and which transforms fired with which parameters, as
            text or, with `draw()`, as a figure.

        Raises:
            ArgumentError: No record has this index, or it is not used that often.
        """
        record = self._plan.record(index, epoch, repeat)
        return explain_turn(self._plan, record, epoch, repeat)

    def check_purity(self, *, num_images: int = 2) -> PurityReport:
        """Find the transforms of `augment` that are not pure, in a few seconds.

        Each runs twice, out of order, in threads, and in new processes with different hash seeds.

        Args:
            num_images: Number of images to test on.

        Returns:
            A report as text, with the name of each impure transform and the evidence.

        Raises:
            ArgumentError: `num_images` is less than 1.
            AugseqError: A file cannot be decoded; the message names it.
        """
        check_whole("num_images", num_images, least=1)
        records = self.manifest.records(range(min(num_images, len(self.manifest))))
        return check_purity(self.pipeline, records, seed=self.seed)

    def profile(self, *, num_images: int = 256) -> Profile:
        """Measure where the time of a batch goes, in one thread and in several.

        Args:
            num_images: Number of images in each of three rounds, in complete batches.

        Returns:
            A report as text: the cost of each stage in milliseconds, images per second of each
            kind of workers, and the bottleneck in one sentence.

        Raises:
            ArgumentError: `num_images` is less than 1.
            AugseqError: A file or an augmentation failed; the message names it.
        """
        check_whole("num_images", num_images, least=1)
        return measure_profile(self._plan, num_images=num_images)

    def _repr_html_(self) -> str:
        workers = self._worker_options.text(self._batch_workers.text)
        plan, step = self._plan, self.position.step(0)
        return without_failure(
            lambda: sequence_html(plan, hops=plan_hops(plan), step=step, workers=workers),
            repr(self),
        )

    def fill_cache(self, *, progress: bool = True) -> int:
        """Decode all images, masks and value maps that are not cached yet.

        With `worker_kind="ray"`, the nodes decode them into a folder that they all see.

        Args:
            progress: Whether to show a progress bar if it takes long.

        Returns:
            The number of images that are now cached, with all masks, value maps and paired images
            that belong to them.

        Raises:
            ArgumentError: There is no cache, or for Ray, only one in memory.
            AugseqError: A file cannot be decoded; the message names it.
            WorkerError: A node of the Ray cluster does not see the cache; the message names it.
        """
        return fill_cache(self._plan, self._worker_options.map_options(progress=progress))

    def write_augmented(
        self,
        folder: PathLike,
        *,
        copies: int = 1,
        annotations: AnnotationFormat | None = None,
        image_format: ImageFormat = "png",
        quality: int = 95,
        progress: bool = True,
    ) -> Manifest:
        """Write augmented images to a folder, with their labels, boxes or masks.

        For programs that cannot train on a sequence. Image number k of each record is the sample
        of epoch k, named after its file: "cats/7.jpg" becomes "cats/7_0.png", "cats/7_1.png", ...

        Labelled images are written to a folder for each class, masks as class numbers (255 where
        ignored) to a folder with the name of their column, value maps likewise as numpy files.
        "manifest.parquet" has your own columns, `source_path` and `epoch`. With
        `worker_kind="ray"`, the nodes of the cluster write, so all must see the folder.

        Args:
            folder: An empty folder, or one to create. It appears only when everything is written.
            copies: Number of augmented versions of each image.
            annotations: Format of boxes and key points: "coco" (annotations.json), "voc" (the
                folder annotations), or "yolo" (data.yaml, labels). Images are in `images`. None
                writes none.
            image_format: "png", which keeps the pixels exactly, or "jpeg".
            quality: Quality of JPEG, 1 to 100.
            progress: Whether long work shows a progress bar.

        Returns:
            The manifest of the written images.

        Raises:
            ArgumentError: The folder is not empty; pixels are not between 0 and 255, for example
                normalized; images are mixed; or `annotations` does not fit the targets.
            AugseqError: A file or an augmentation failed; the message names it.
            OSError: A file cannot be written. Nothing is left in the folder.
            WorkerError: A node of the Ray cluster does not see the folder; the message names it.

        Example:
            >>> batches.write_augmented("street-augmented", copies=3, annotations="coco")
            ...                                                            # doctest: +SKIP
        """
        files = WrittenFiles(
            images=WrittenImages(format=image_format, quality=quality),
            copies=copies,
            annotations=annotations,
            making=self._worker_options.map_options(progress=progress),
        )
        return write_augmented(self._plan, folder, files)


def check_sequence(sequence: Any, taker: object, *, also: str = "") -> None:
    """Raise `ArgumentError` if a callback received something other than a sequence.

    Args:
        sequence: What the callback received.
        taker: The callback.
        also: What else the callback accepts, for the message.
    """
    if not isinstance(sequence, ImageSequence):
        raise ArgumentError(
            f"{type(taker).__name__} takes an ImageSequence{also}. "
            f"Received: {type(sequence).__name__}"
        )


def _rebuild(
    kind: type[ImageSequence],
    options: tuple[BatchPlan, WorkerOptions, bool],
    where: tuple[int, int, bool],
) -> ImageSequence:
    plan, worker_options, endless = options
    epoch, first_step, is_announced = where
    sequence = kind.__new__(kind)
    sequence._start(plan, worker_options, endless=endless)
    sequence.position.epochs.start_at(epoch, first_step, is_announced=is_announced)
    return sequence
