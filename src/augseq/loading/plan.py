"""Everything that determines the batches of a sequence, as one immutable object."""

from dataclasses import dataclass

from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import Sample, load_sample
from augseq.loading.targets.target import Target
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.sampling.schedule import Schedule, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """Everything needed to load any batch of any epoch; immutable and picklable.

    Attributes:
        manifest: The images.
        schedule: The order of the records and their batches.
        pipeline: How to load a record.
    """

    manifest: Manifest
    schedule: Schedule
    pipeline: Pipeline

    @property
    def target(self) -> Target | None:
        """The one target; None for prediction."""
        return next(iter(self.pipeline.targets.values()), None)

    def records(self, step: Step) -> list[Record]:
        """Return the records of a step, in the order of the batch."""
        return self.manifest.records(self.schedule.positions(step))

    def sample(self, record: Record, epoch: int) -> Sample:
        """Load the sample of a record in an epoch."""
        return load_sample(record, self.pipeline, seed=self.schedule.seed, epoch=epoch)
