"""Everything that determines the batches of a sequence, as one immutable object."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import Sample, load_sample
from augseq.loading.targets.target import Target
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.sampling.schedule import Schedule, Step


class RecordTurns(NamedTuple):
    """The records of a batch, and how many times each came before in the epoch."""

    records: list[Record]
    repeats: list[int]


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
        per_epoch = f", {order.length:,} per epoch" if order.text else ""
        return f"{len(self.manifest):,} images{per_epoch}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the manifest that targets, inputs and weights read."""
        weights = [] if self.sample_weight is None else [self.sample_weight]
        loaded = [*self.targets.values(), *self.pipeline.inputs.values(), *weights]
        return tuple(dict.fromkeys(name for value in loaded for name in value.columns))

    def records(self, step: Step) -> list[Record]:
        """Return the records of a step, in the order of the batch, with the `columns`."""
        return self.turns(step).records

    def turns(self, step: Step) -> "RecordTurns":
        """Return the records of a step, and how many times each came before in the epoch."""
        positions, repeats = self.schedule.turns(step)
        records = self.manifest.records(positions, columns=self.columns)
        return RecordTurns(records, repeats.tolist())

    def weights(self, step: Step, records: list[Record]) -> npt.NDArray[np.float32] | None:
        """Return the sample weights of a step, shape (batch,); None if all are equal.

        Args:
            step: The step.
            records: Its records.
        """
        padding = self.schedule.weights(step)
        if self.sample_weight is None:
            return padding
        own = np.array([self.sample_weight.load(record) for record in records], np.float32)
        own = own.reshape(len(records))
        return own if padding is None else own * padding

    def sample(self, record: Record, epoch: int, repeat: int = 0) -> Sample:
        """Load the sample of a record in an epoch, which came `repeat` times before."""
        seed = self.schedule.seed
        return load_sample(record, self.pipeline, seed=seed, epoch=epoch, repeat=repeat)
