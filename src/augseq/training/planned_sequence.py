"""Any plan of batches as a data set of Keras."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Self

import keras

from augseq.at_exit import Turn, at_exit
from augseq.errors import ArgumentError, AugseqWarning
from augseq.loading.batch import Batch
from augseq.loading.pipeline import Pipeline
from augseq.loading.plan import BatchPlan
from augseq.loading.sample import Sample
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.sampling.randomness import check_epoch
from augseq.sampling.schedule import Padding, Progress, Step
from augseq.training.describe_plan import plan_text
from augseq.training.distributed import (
    make_shard,
    require_even_batches,
    require_own_part,
    require_part_for_keras,
)
from augseq.training.epochs import EpochTracker
from augseq.training.fit_checks import check_outputs, predicts_a_number, warn_if_sorted
from augseq.training.iterators_at_exit import leave_iterators_to_the_system
from augseq.training.keras_calls import find_method
from augseq.training.keras_order import shuffled_order
from augseq.training.loop_passes import LoopPasses
from augseq.training.pass_advice import EPOCH_SYNC
from augseq.training.pass_counter import batch_number
from augseq.training.resume_state import (
    Conditions,
    read_data_state,
    read_progress,
    run_conditions,
)
from augseq.validation import check_whole
from augseq.workers.lookahead import Lookahead
from augseq.workers.make_workers import WorkerOptions, make_workers
from augseq.workers.protocol import Workers


class PlannedSequence(keras.utils.PyDataset):  # type: ignore[misc]
    """Hands the batches of a plan to Keras; `ImageSequence` is the one that people make.

    Keras itself is told to use one worker and no queue, since its queue loses and repeats
    batches. Workers and look-ahead are this class's own.

    Attributes:
        failure: What `sequence[i]` last raised; TensorFlow hands on only its text.
    """

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
        """Return a twin that gives one part of every global batch of `count * batch_size` images.

        All shards together give what one sequence with the global batch size gives, in the
        same order, and each has the same number of batches.

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
        return self._with(plan, endless=self._endless, epoch=epoch)

    def _with(self, plan: BatchPlan, *, endless: bool = False, epoch: int = 0) -> Self:
        twin = type(self).__new__(type(self))
        # What a subclass has added comes along.
        added = {name: value for name, value in vars(self).items() if name != "_conditions"}
        twin.__dict__.update(added)
        twin._start(plan, self._worker_options, endless=endless)
        twin._epochs.start_at(epoch, epoch * plan.schedule.num_batches)
        return twin

    def _start(self, plan: BatchPlan, options: WorkerOptions, *, endless: bool = False) -> None:
        size = options.max_queue_size
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=size)
        self._worker_options = options
        self._endless = endless
        self._is_order_checked = False
        matters = plan.schedule.shuffle or bool(plan.pipeline.augment.steps)
        self._epochs = EpochTracker(
            plan.schedule.num_batches, epoch_matters=matters, endless=endless
        )
        # A loop over a repeated sequence that begins anew sees no more than its first batches.
        self._loops = LoopPasses(self._epochs, is_quiet=not matters and not endless)
        self.failure: Exception | None = None
        self._use(plan)

    def _use(self, plan: BatchPlan, former: Workers | None = None) -> None:
        self._plan = plan
        self._lookahead = Lookahead(
            partial(make_workers, self._worker_options, plan),
            plan.schedule,
            depth=self._worker_options.depth,
            endless=self._endless,
            beyond=self._worker_options.number,
            former=former,
        )

    def _reschedule(self, done: Progress) -> None:
        """Serve what comes after some progress, with the same worker processes."""
        schedule = replace(self._plan.schedule, done=done)
        self._use(replace(self._plan, schedule=schedule), self._lookahead.retire())

    def __getitem__(self, index: int) -> Any:
        """Return batch `index` of the present epoch: `(images, targets)`, or `images` alone."""
        try:
            self._epochs.ask(self._number(index), self._num_asked)
            if self._plan.schedule.shard.count > 1:
                # Each process would shuffle for itself, and no step would have its global batch.
                self.require_order()
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
        return self._loops.begin(self.__getitem__, lambda: self.length)

    def __len__(self) -> int:
        """Return the number of batches that the present epoch has, or still has after a resume."""
        if self._endless:
            raise TypeError("A repeated sequence has no length; pass steps_per_epoch to fit.")
        length = self._plan.schedule.num_batches_of(self.epoch)
        self._epochs.count_length(length)
        return length

    @property
    def length(self) -> int | None:
        """What `len` gives, but None for a repeated sequence."""
        if self._endless:
            return None
        # A subclass may have another length, in either of the two ways that Keras knows.
        kind = type(self)
        if kind.__len__ is PlannedSequence.__len__:
            if kind.num_batches is not PlannedSequence.num_batches:
                return self.num_batches
            return self._plan.schedule.num_batches_of(self.epoch)
        return len(self)

    @property
    def num_batches(self) -> int | None:
        """What Keras is told: batches in an epoch; None for a repeated sequence."""
        # That Keras asks for it tells that a pass begins: see `EpochTracker`.
        self._epochs.count()
        if self._endless:
            return None
        if type(self).__len__ is not PlannedSequence.__len__:
            return len(self)
        # Keras keeps the first answer for all epochs, so only a callback that knows of it may let
        # it hear of an epoch that is shorter.
        schedule = self._plan.schedule
        return schedule.num_batches_of(self.epoch) if self._epochs.is_told else schedule.num_batches

    @property
    def _num_asked(self) -> int | None:
        """How many batches of the present epoch are asked for by index; None without end."""
        if self._endless:
            return None
        num_batches = self._plan.schedule.num_batches_of(self.epoch)
        if type(self).__len__ is PlannedSequence.__len__:
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
        if self._epochs.wants_epoch_sync():
            warnings.warn(EPOCH_SYNC, AugseqWarning, stacklevel=2)
        self._epochs.begin()
        self.failure = None
        length = self.length
        self._lookahead.begin_pass([] if length is None else shuffled_order(length))

    def _check_call(self) -> None:
        """Say what is wrong with the model, or with the order of the images, before Keras does."""
        method = find_method()
        # A subclass may give Keras other targets than these, and so may an object around it.
        gives_own = any(
            getattr(type(self), name) is not getattr(PlannedSequence, name)
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
        self._epochs.end()
        self._lookahead.end_pass()

    @property
    def epoch(self) -> int:
        """The epoch that item 0 belongs to."""
        if self._endless:
            return self._plan.schedule.step_at(self._first_step).epoch
        return self._epochs.epoch

    @property
    def _first_step(self) -> int:
        return self._epochs.first_step

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch: the next pass over the sequence is this one.

        Loops `for images, labels in batches` count epochs without it, and with `fit`, `EpochSync`
        does it. Index loops and other libraries, such as a torch `DataLoader`, need it before each
        pass.

        Raises:
            ArgumentError: Several processes run, and this sequence is not this process's part.
        """
        require_own_part(self._plan.schedule.shard)
        self._epochs.set(epoch)

    @property
    def was_asked(self) -> bool:
        """Whether any batch was asked for since the epoch was last set."""
        return self._epochs.was_asked or self._epochs.unknown.was_asked_elsewhere

    def follow_keras(self, epoch: int, *, steps: int | None, goes_on: bool) -> None:
        """Take the epoch from `EpochSync`, just before Keras begins it.

        Args:
            epoch: Keras' epoch.
            steps: Steps in each of Keras' epochs.
            goes_on: Whether Keras goes on with a pass of an earlier epoch.
        """
        first_step = epoch * (steps or self._plan.schedule.num_batches)
        self._epochs.follow(epoch, first_step, goes_on=goes_on)

    def begin_training(self) -> None:
        """Take Keras' word, from `EpochSync`, that `fit` begins."""
        self._epochs.begin_training()

    def end_training(self) -> None:
        """Take Keras' word, from `EpochSync`, that `fit` ends."""
        self._epochs.end_training()

    def finish_epoch(self) -> None:
        """Take Keras' word, from `EpochSync`, that an epoch is over."""
        if self._plan.schedule.done != Progress():
            self._reschedule(Progress())

    def count_as_trained(self) -> None:
        """Take Keras' word, from `EpochSync`, that all of the present epoch was trained."""
        self._epochs.end_epoch()

    def watch_pass(self) -> None:
        """Follow the pass that `fit` is about to begin, for a callback that names its batches."""
        self._epochs.watch()

    def end_watch(self) -> None:
        """Follow it no more."""
        self._epochs.is_watched = False

    @property
    def is_inside_another(self) -> bool:
        """Whether the pass that is followed is one over another object than this one."""
        return self._epochs.is_watched

    @property
    def is_asked_in_order(self) -> bool:
        """Whether the batches of the present pass were asked for as 0, 1, 2."""
        return self._epochs.is_in_order

    @cached_property
    def _conditions(self) -> Conditions:
        # Once: the fingerprint of a million records takes 0.7 s.
        return run_conditions(self._plan)

    def progress(self, num_batches: int) -> Progress:
        """Return how far a run has come after some batches, counted from item 0."""
        step = Step(self.epoch, num_batches)
        if self._endless:
            step = self._plan.schedule.step_at(self._first_step + num_batches)
        return self._plan.schedule.progress_before(step)

    def require_order(self) -> None:
        """Make sure that Keras asks for the batches of the present pass as 0, 1, 2.

        Raises:
            ArgumentError: It shuffled them.
        """
        if not self.is_asked_in_order:
            raise ArgumentError(
                "Which batches were trained is known only if Keras asks for them in their order: "
                "pass shuffle=False to fit; the sequence shuffles by itself."
            )

    def _require_end(self) -> None:
        if self._endless:
            raise ArgumentError("A repeated sequence has no state; its step says everything.")

    def state_dict(self, *, num_batches: int = 0) -> dict[str, Any]:
        """Return where a run stands, as numbers and text for JSON, less than 4 kB.

        The place is counted in records: batch size, shards and workers may be others after a
        resume. With `fit`, `BackupAndResume` saves it together with the model.

        Args:
            num_batches: How many batches of the present epoch were trained, in the order 0, 1, 2.

        Raises:
            ArgumentError: There are not so many, or Keras shuffled them.
        """
        self._require_end()
        check_whole("num_batches", num_batches, least=0, most=len(self))
        if num_batches:
            self.require_order()
        return read_data_state(self._conditions, self.progress(num_batches))

    def load_state_dict(self, state: Mapping[str, Any], *, force: bool = False) -> None:
        """Go on where `state_dict` was called, without reading anything again.

        The present epoch then has only the batches that are left of it.

        Args:
            state: What `state_dict` returned, perhaps after JSON.
            force: Whether to go on although manifest, pipeline or seed are others now.

        Raises:
            BackupError: The state belongs to another run; the message spells out the difference.
        """
        self._require_end()
        self._reschedule(read_progress(self._conditions, state, force=force))
        self.set_epoch(self._plan.schedule.done.epoch)

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

    def num_padding(self, index: int) -> int:
        """Return how many of the records of batch `index`, the last ones, are padding."""
        return self._plan.schedule.num_padding(self._step(index))

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
        workers = self._worker_options.text(self._lookahead.workers_text)
        return plan_text(self._plan, epoch=self.epoch, workers=workers)

    def __reduce__(self) -> tuple[Any, ...]:
        self._epochs.unknown.send(epoch=self.epoch)
        options = (self._plan, self._worker_options, self._endless)
        is_announced = self._epochs.unknown.is_announced
        where = (self._epochs.epoch, self._first_step, is_announced)
        # What a subclass has added, but nothing that a new sequence has by itself.
        bare = vars(_rebuild(PlannedSequence, options, where))
        added = {name: value for name, value in vars(self).items() if name not in bare}
        added.pop("_conditions", None)
        return (_rebuild, (type(self), options, where), added or None)

    def _number(self, index: int) -> int:
        """Return which batch of the present epoch an index means."""
        length = None if self._endless else self._plan.schedule.num_batches_of(self._epochs.epoch)
        return batch_number(index, length)

    def _step(self, index: int) -> Step:
        """Return the step of batch `index` of the present epoch."""
        number = self._number(index)
        if self._endless:
            return self._plan.schedule.step_at(self._first_step + number)
        return Step(self._epochs.epoch, number)


at_exit(Turn.ITERATORS)(leave_iterators_to_the_system)


def _rebuild(
    kind: type[PlannedSequence],
    options: tuple[BatchPlan, WorkerOptions, bool],
    where: tuple[int, int, bool],
) -> PlannedSequence:
    plan, worker_options, endless = options
    epoch, first_step, is_announced = where
    sequence = kind.__new__(kind)
    sequence._start(plan, worker_options, endless=endless)
    sequence._epochs.start_at(epoch, first_step, is_announced=is_announced)
    return sequence
