"""Everything that determines the batches of a sequence, as one immutable object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augseq.loading.load_samples import load_samples
from augseq.loading.mixed import Mixtures
from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import Sample
from augseq.loading.targets.target import Target
from augseq.loading.turns import RecordTurns, Turn
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.sampling.randomness import check_epoch
from augseq.sampling.schedule import Schedule, Step
from augseq.terminal_text import counted
from augseq.types import Positions
from augseq.validation import check_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """Everything needed to load any batch of any epoch; immutable and picklable.

    Attributes:
        manifest: The images.
        schedule: The order of the records and their batches.
        pipeline: How to load a record.
        sample_weight: The weight of each record; None if all are equal.
    """

    manifest: Manifest
    schedule: Schedule
    pipeline: Pipeline
    sample_weight: Target | None = None

    @property
    def target(self) -> Target | None:
        """The first target; None for prediction."""
        return next(iter(self.targets.values()), None)

    @property
    def targets(self) -> Mapping[str, Target]:
        """The targets by name; empty for prediction."""
        return self.pipeline.targets

    @property
    def size_text(self) -> str:
        """The number of images, and of those per epoch if sampling changes it."""
        order = self.schedule.order
        per_epoch = f", {order.length:,} per epoch" if order.frequency.text else ""
        return f"{counted(len(self.manifest), 'image')}{per_epoch}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the manifest that targets, inputs and weights read."""
        weights = [] if self.sample_weight is None else [self.sample_weight]
        loaded = [*self.targets.values(), *self.pipeline.inputs.values(), *weights]
        return tuple(dict.fromkeys(name for value in loaded for name in value.columns))

    def records(self, step: Step) -> list[Record]:
        """Return the records of a step, in the order of the batch, with the `columns`."""
        return self.turns(step).records

    def turns(self, step: Step) -> RecordTurns:
        """Return the records of a step, and those that they are mixed with."""
        return self._turns(self.schedule.places(step), step.epoch)

    def _turns(self, places: Positions, epoch: int) -> RecordTurns:
        """Return the records at some places of an epoch's order."""
        if self.pipeline.mix is None:
            return RecordTurns(self._turns_at(places, epoch))
        both = np.concatenate([places, self.schedule.partners(places)])
        # Each record once: in a batch of even size, all partners are in the batch.
        wanted, rows = np.unique(both, return_inverse=True)
        turns = self._turns_at(wanted, epoch)
        found = [turns[row] for row in rows.tolist()]
        return RecordTurns(found[: len(places)], found[len(places) :])

    def _turns_at(self, places: Positions, epoch: int) -> list[Turn]:
        positions, repeats = self.schedule.turns_at(places, epoch)
        records = self.manifest.records(positions, columns=self.columns)
        return list(map(Turn, records, repeats.tolist()))

    def mixtures(self, turns: RecordTurns, size: tuple[int, int], epoch: int) -> Mixtures | None:
        """Return how the samples of a batch are mixed; None if the pipeline mixes nothing.

        Args:
            turns: The records.
            size: (height, width) of the images in px.
            epoch: From 0.
        """
        if self.pipeline.mix is None:
            return None
        return Mixtures(self.pipeline.mix, turns, size, self.schedule.seed, epoch)

    def weights(
        self, step: Step, records: Sequence[Record], mixtures: Mixtures | None = None
    ) -> npt.NDArray[np.float32] | None:
        """Return the sample weights of a step, shape (batch,); None if all are equal.

        Args:
            step: The step.
            records: Its records.
            mixtures: How the records are mixed: their weights are too.
        """
        padding = self.schedule.weights(step)
        if self.sample_weight is None:
            return padding
        own = self._own_weights(records)
        for row, one in enumerate(mixtures.drawn() if mixtures else ()):
            if one is not None:
                own[row] = one.mix.numbers(own[row], self._own_weights([one.record])[0])
        return own if padding is None else own * padding

    def _own_weights(self, records: Sequence[Record]) -> npt.NDArray[np.float32]:
        assert self.sample_weight is not None
        own = np.array([self.sample_weight.load(record) for record in records], np.float32)
        return own.reshape(len(records))

    def record(self, index: int, epoch: int, repeat: int = 0) -> Record:
        """Return a record, after checking that it is used `repeat` times earlier in an epoch.

        Raises:
            ArgumentError: No record has this index, or it is not used that often.
        """
        position = self.manifest.position_of(index)
        check_whole("repeat", repeat, least=0)
        schedule = self.schedule
        schedule.order.place_of(position, repeat, seed=schedule.seed, epoch=check_epoch(epoch))
        return self.manifest[position]

    def sample(self, record: Record, epoch: int, repeat: int = 0) -> Sample:
        """Load the sample of a record in an epoch, which was used `repeat` times earlier."""
        turns = RecordTurns([Turn(record, repeat)])
        if self.pipeline.mix is not None:
            position = self.manifest.position_of(record.index)
            schedule = self.schedule
            place = schedule.order.place_of(position, repeat, seed=schedule.seed, epoch=epoch)
            turns = self._turns(np.array([place], np.int64), epoch)
        return next(load_samples(turns, self.pipeline, seed=self.schedule.seed, epoch=epoch))
