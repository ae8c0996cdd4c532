"""The Keras data set: `ImageSequence`."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Self

import keras
import numpy.typing as npt

from augseq.at_exit import Turn, at_exit
from augseq.augment.augmentation_list import make_augmentation_list
from augseq.errors import ArgumentError, AugseqWarning
from augseq.inspection.augmentation_stats import AugmentationStats, measure_augmentations
from augseq.inspection.contact_sheet import draw_epochs
from augseq.inspection.explanation import Explanation, explain_sample
from augseq.inspection.grid import draw_batch
from augseq.inspection.markup import without_failure
from augseq.inspection.picture import Picture
from augseq.inspection.profile import Profile, measure_profile
from augseq.inspection.purity import PurityReport, check_purity
from augseq.inspection.sequence_html import sequence_html
from augseq.loading.batch import Batch
from augseq.loading.pipeline import Pipeline, PixelDtype
from augseq.loading.plan import BatchPlan
from augseq.loading.sample import Sample
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
from augseq.sampling.schedule import Padding, Progress, Schedule
from augseq.training.array_source import array_manifest, array_plan, array_source
from augseq.training.describe_plan import plan_hops, plan_text
from augseq.training.distributed import (
    make_shard,
    require_even_batches,
    require_own_part,
    require_part_for_keras,
)
from augseq.training.fit_checks import check_outputs, predicts_a_number, warn_if_sorted
from augseq.training.iterators_at_exit import leave_iterators_to_the_system
from augseq.training.keras_calls import find_method
from augseq.training.keras_order import shuffled_order
from augseq.training.pass_advice import EPOCH_SYNC
from augseq.training.position import Position
from augseq.training.resume_state import (
    Conditions,
    read_data_state,
    read_progress,
    run_conditions,
)
from augseq.types import Images
from augseq.validation import check_whole, explains_names
from augseq.workers.cache_filling import fill_cache
from augseq.workers.lazy import LazyWorkers
from augseq.workers.lookahead import Lookahead
from augseq.workers.make_workers import WorkerKind, WorkerOptions, make_workers
from augseq.workers.protocol import Workers

_DEFAULT_SIZE = (256, 256)


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
        position: Where the run stands; `EpochSync` and other callbacks move it.

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

    def repeat(self) -> Self:
        """Return an endless twin, to train with `steps_per_epoch`.

        Item `step` of it is batch `step % n` of epoch `step // n`, counted from the present
        epoch, where `n` is this sequence's length: a global step fixes epoch and batch, however
        long Keras' epochs are. With `EpochSync`, step 0 of Keras' epoch `e` is step
        `e * steps_per_epoch`, counted from epoch 0.

        Raises:
            ArgumentError: A resume has left a part of the present epoch, or a subclass names a
                `num_batches` for it too.
        """
        whole = replace(self._plan, schedule=self._plan.schedule.whole_from(self.epoch))
        twin = self._with(whole, endless=True, epoch=self.epoch)
        if twin.num_batches is not None:
            raise ArgumentError(
                f"A repeated sequence has no end, so its num_batches must be None. Return "
                f"super().num_batches from {type(self).__name__}.num_batches where that is None. "
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
        """Return a twin that gives one of several parts of every global batch.

        All shards together give what one sequence of `count * batch_size` gives, in the same
        order, and each has the same number of batches.

        Without `index` and `count`, they are found: from `jax.distributed` and
        `keras.distribution`, from `torch.distributed`, or from a
        `tf.distribute.MultiWorkerMirroredStrategy` in whose scope this is called or whose workers
        `TF_CONFIG` names. So take it after the processes have joined. A single process has it all.

        Args:
            index: Which part, from 0: the number of this process.
            count: How many parts: the number of processes. `shard(0, 1)` gives all images,
                also where several processes run.
            padding: What fills up the last global batch of an epoch. "wrap", for training:
                records from the beginning of the epoch's order, once more. "zero_weight", for
                evaluation: the same, but each batch comes with sample weights, shape (batch,),
                float32, which are 0 for them. None: "wrap" for several parts, and a smaller last
                batch for a single one. With `drop_remainder` nothing is filled up.

        Raises:
            ArgumentError: There is no such part.

        Example:
            >>> import augseq, numpy as np
            >>> x = np.zeros((10, 8, 8, 3), np.uint8)
            >>> part = augseq.ImageSequence.from_arrays(x, batch_size=3).shard(1, 2)
            >>> [[record.index for record in part.records(k)] for k in range(len(part))]
            [[3, 4, 5], [9, 0, 1]]
        """
        if padding == "zero_weight" and self._plan.target is None:
            raise ArgumentError('padding="zero_weight" needs targets that weights belong to.')
        shard = make_shard(index, count, padding)
        schedule = replace(self._plan.schedule, shard=shard)
        # What is left of an epoch may fill no batch of all the parts.
        epoch = schedule.done.epoch if self.epoch == self._plan.schedule.done.epoch else self.epoch
        plan = replace(self._plan, schedule=schedule)
        return self._with(plan, endless=self.position.is_endless, epoch=epoch)

    def _with(self, plan: BatchPlan, *, endless: bool = False, epoch: int = 0) -> Self:
        twin = type(self).__new__(type(self))
        # What a subclass has added comes along.
        added = {name: value for name, value in vars(self).items() if name != "_conditions"}
        twin.__dict__.update(added)
        twin._start(plan, self._worker_options, endless=endless)
        twin.position.epochs.start_at(epoch, epoch * plan.schedule.num_batches)
        return twin

    def _start(self, plan: BatchPlan, options: WorkerOptions, *, endless: bool = False) -> None:
        size = options.max_queue_size
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=size)
        self._worker_options = options
        self._is_order_checked = False
        matters = plan.schedule.shuffle or bool(plan.pipeline.augment.steps)
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
            beyond=self._worker_options.number,
        )

    def _reschedule(self, done: Progress) -> None:
        """Serve what comes after some progress, with the same worker processes."""
        schedule = replace(self._plan.schedule, done=done)
        self._lookahead.give_up()
        self._use(replace(self._plan, schedule=schedule), self._batch_workers.retire())

    def __getitem__(self, index: int) -> Any:
        """Return batch `index` of the present epoch: `(images, targets)`, or `images` alone."""
        try:
            self.position.epochs.ask(self.position.number(index), self._num_asked)
            if self._plan.schedule.shard.count > 1:
                # Each process would shuffle for itself, and no step would have its global batch.
                self.position.require_order()
            batch = self.batch(index)
        except Exception as error:
            self.failure = error
            raise
        if not batch.targets:
            return batch.x
        if batch.weights is None:
            return batch.x, batch.y
        return batch.x, batch.y, batch.weights

    def __iter__(self) -> Iterator[Any]:
        """Return an iterator over the batches of an epoch; without end for a repeated sequence.

        The first loop over the sequence is the present epoch, a further one the next: after a
        whole pass, `for images, labels in batches` counts the epochs itself. `set_epoch` before a
        loop names its epoch instead.

        Warns:
            AugseqWarning: Two loops over an epoch ended early, and gave the same batches.
        """
        return self.position.loops.begin(self.__getitem__, lambda: self.length)

    def __len__(self) -> int:
        """Return the number of batches that the present epoch has, or still has after a resume."""
        length = self.position.num_batches
        if length is None:
            raise TypeError("A repeated sequence has no length; pass steps_per_epoch to fit.")
        self.position.epochs.count_length(length)
        return length

    @property
    def length(self) -> int | None:
        """What `len` gives, but None for a repeated sequence."""
        num_batches = self.position.num_batches
        if num_batches is None:
            return None
        # A subclass may have another length, in either of the two ways that Keras knows.
        kind = type(self)
        if kind.__len__ is ImageSequence.__len__:
            if kind.num_batches is not ImageSequence.num_batches:
                return self.num_batches
            return num_batches
        return len(self)

    @property
    def num_batches(self) -> int | None:
        """What Keras is told: batches in an epoch; None for a repeated sequence."""
        # That Keras asks for it tells that a pass begins: see `EpochTracker`.
        self.position.epochs.count()
        if self.position.is_endless:
            return None
        if type(self).__len__ is not ImageSequence.__len__:
            return len(self)
        # Keras keeps the first answer for all epochs, so only a callback that knows of it may let
        # it hear of an epoch that is shorter.
        schedule, is_told = self._plan.schedule, self.position.epochs.is_told
        return schedule.num_batches_of(self.epoch) if is_told else schedule.num_batches

    @property
    def _num_asked(self) -> int | None:
        """How many batches of the present epoch are asked for by index; None without end."""
        num_batches = self.position.num_batches
        if num_batches is None or type(self).__len__ is ImageSequence.__len__:
            return num_batches
        return min(num_batches, len(self))

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
        """Note that Keras begins an epoch, an evaluation, or to build a model.

        Raises:
            ArgumentError: Several processes run, and this sequence is not this process's part;
                the devices that divide each batch cannot divide the last one evenly; or the
                model's outputs or loss do not fit the targets.

        Warns:
            AugseqWarning: `fit` trains on images that are sorted by class.
        """
        require_part_for_keras(self._plan.schedule.shard)
        require_even_batches(self._plan.schedule, self.epoch)
        self._check_call()
        if self.position.epochs.wants_epoch_sync():
            warnings.warn(EPOCH_SYNC, AugseqWarning, stacklevel=2)
        self.position.epochs.begin()
        self.failure = None
        length = self.length
        self._lookahead.begin_pass([] if length is None else shuffled_order(length))

    def _check_call(self) -> None:
        """Say what is wrong with the model, or with the order of the images, before Keras does."""
        method = find_method()
        # A subclass may give Keras other targets than these, and so may an object around it.
        gives_own = any(
            getattr(type(self), name) is not getattr(ImageSequence, name)
            for name in ("__getitem__", "batch")
        )
        if method is None or method.name == "predict" or self._plan.target is None or gives_own:
            return
        if method.data is self:
            check_outputs(method.model, self._plan.target)
        if method.name == "fit" and not self._is_order_checked:
            self._is_order_checked = True
            if not predicts_a_number(method.model, self._plan.target):
                warn_if_sorted(self._plan)

    def on_epoch_end(self) -> None:
        """Note that Keras ended it."""
        self.position.epochs.end()
        self._lookahead.end_pass()

    @property
    def epoch(self) -> int:
        """The epoch that batch 0 belongs to."""
        return self.position.epoch

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch: the next pass over the sequence is this one.

        Loops `for images, labels in batches` count epochs without it, and with `fit`, `EpochSync`
        does it. Index loops and other libraries, such as a torch `DataLoader`, need it before each
        pass.

        Raises:
            ArgumentError: Several processes run, and this sequence is not this process's part.
        """
        require_own_part(self._plan.schedule.shard)
        self.position.epochs.set(epoch)

    def finish_epoch(self) -> None:
        """Take Keras' word, from `EpochSync`, that an epoch is over."""
        if self._plan.schedule.done != Progress():
            self._reschedule(Progress())

    @cached_property
    def _conditions(self) -> Conditions:
        # Once: the fingerprint of a million records takes 0.7 s.
        return run_conditions(self._plan)

    def state_dict(self, *, num_batches: int = 0) -> dict[str, Any]:
        """Return where a run stands, as numbers and text for JSON, less than 4 kB.

        The place is counted in records: batch size, shards and workers may be others after a
        resume. With `fit`, `BackupAndResume` saves it together with the model.

        Args:
            num_batches: How many batches of the present epoch were trained, in the order 0, 1, 2.

        Raises:
            ArgumentError: There are not so many, or Keras shuffled them.
        """
        self.position.require_end()
        check_whole("num_batches", num_batches, least=0, most=len(self))
        if num_batches:
            self.position.require_order()
        return read_data_state(self._conditions, self.position.progress(num_batches))

    def load_state_dict(self, state: Mapping[str, Any], *, force: bool = False) -> None:
        """Go on where `state_dict` was called, without reading anything again.

        The present epoch then has only the batches that are left of it.

        Args:
            state: What `state_dict` returned, perhaps after JSON.
            force: Whether to go on although manifest, pipeline or seed are others now.

        Raises:
            BackupError: The state belongs to another run; the message spells out the difference.
        """
        self.position.require_end()
        self._reschedule(read_progress(self._conditions, state, force=force))
        self.set_epoch(self._plan.schedule.done.epoch)

    def batch(self, index: int) -> Batch:
        """Return batch `index` of the present epoch: images, targets and records.

        Raises:
            IndexError: There is no such batch.
            AugseqError: A file or an augmentation is at fault; the message names it.
        """
        return self._lookahead.get(self.position.step(index))

    def records(self, index: int) -> list[Record]:
        """Return the records of batch `index` of the present epoch, in the batch's order."""
        return self._plan.records(self.position.step(index))

    def num_padding(self, index: int) -> int:
        """Return how many of the records of batch `index`, the last ones, are padding."""
        return self._plan.schedule.num_padding(self.position.step(index))

    def sample(self, index: int, *, epoch: int) -> Sample:
        """Make the image that one record has in one epoch, alone: the replay of a step.

        Args:
            index: The record's index, as errors and `records` name it.
            epoch: From 0.

        Raises:
            ArgumentError: No record has this index.
        """
        return self._plan.sample(self.manifest.record_of(index), check_epoch(epoch))

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
        workers = self._worker_options.text(self._batch_workers.text)
        return plan_text(self._plan, epoch=self.epoch, workers=workers)

    def __reduce__(self) -> tuple[Any, ...]:
        self.position.epochs.unknown.send(epoch=self.epoch)
        options = (self._plan, self._worker_options, self.position.is_endless)
        is_announced = self.position.epochs.unknown.is_announced
        where = (self.position.epochs.epoch, self.position.epochs.first_step, is_announced)
        # What a subclass has added, but nothing that a new sequence has by itself.
        bare = vars(_rebuild(ImageSequence, options, where))
        added = {name: value for name, value in vars(self).items() if name not in bare}
        added.pop("_conditions", None)
        return (_rebuild, (type(self), options, where), added or None)

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
        workers = self._worker_options.text(self._batch_workers.text)
        plan, step = self._plan, self.position.step(0)
        return without_failure(
            lambda: sequence_html(plan, hops=plan_hops(plan), step=step, workers=workers),
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


at_exit(Turn.ITERATORS)(leave_iterators_to_the_system)


def check_sequence(sequence: Any, taker: object, *, also: str = "") -> None:
    """Raise `ArgumentError` where a callback was given something else than a sequence.

    Args:
        sequence: What was given.
        taker: The callback.
        also: What else it takes, for the message.
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
