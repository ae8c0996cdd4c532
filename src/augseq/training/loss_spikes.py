"""Remember the batches with the highest loss, so that one can look at them."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from augseq.errors import ArgumentError
from augseq.inspection.grid import draw_grid
from augseq.inspection.picture import Picture
from augseq.manifest.record import Record
from augseq.training.planned_sequence import PlannedSequence
from augseq.training.trained_batches import TrainedBatches


@dataclass(frozen=True, slots=True, order=True)
class LossSpike:
    """A batch and its loss.

    Attributes:
        loss: The mean loss of its images.
        epoch: The epoch it belongs to.
        indices: Its records, in the batch's order.
    """

    loss: float
    epoch: int
    indices: tuple[int, ...]


class LossSpikes(TrainedBatches):
    """Keeps epoch, records and loss of the worst batches of a training run.

    Each can be made again exactly as it was trained: `sequence.sample(epoch=..., index=...)`.
    The loss of a batch is worked out from the running mean that Keras reports, so it has about
    four digits; the mean must be fetched from the device after each step.

    Args:
        sequence: The sequence that `fit` trains on, with `shuffle=False` and `EpochSync`.
        keep: How many batches to keep.
        skip_epochs: Epochs at the beginning, when all losses are high, that do not count.

    Example:
        `spikes = augseq.LossSpikes(batches); model.fit(..., callbacks=[..., spikes]);
        spikes.draw()`
    """

    def __init__(self, sequence: PlannedSequence, *, keep: int = 10, skip_epochs: int = 1) -> None:
        super().__init__(sequence)
        self._keep = keep
        self._skip_epochs = skip_epochs
        self._heap: list[LossSpike] = []
        self._num_images = 0
        self._total = 0.0

    @property
    def spikes(self) -> list[LossSpike]:
        """The batches that were kept, the worst one first."""
        return sorted(self._heap, reverse=True)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Begin a running mean, as Keras does."""
        super().on_epoch_begin(epoch, logs)
        self._num_images = 0
        self._total = 0.0

    def _note(self, trained: range, logs: dict[str, Any]) -> None:
        epochs: dict[int, tuple[int, ...]] = {}
        for number in trained:
            epoch = self._sequence.progress(number).epoch
            indices = tuple(record.index for record in self._sequence.records(number))
            epochs[epoch] = epochs.get(epoch, ()) + indices
        num_new = sum(map(len, epochs.values()))
        mean, num_images = float(logs["loss"]), self._num_images + num_new
        loss = (mean * num_images - self._total) / num_new
        self._num_images, self._total = num_images, mean * num_images
        for epoch, indices in epochs.items():
            self._keep_worst(LossSpike(loss=loss, epoch=epoch, indices=indices))

    def _keep_worst(self, spike: LossSpike) -> None:
        if spike.epoch >= self._skip_epochs:
            push = heapq.heappush if len(self._heap) < self._keep else heapq.heappushpop
            push(self._heap, spike)

    def draw(self, number: int = 0, *, num_images: int = 12) -> Picture:
        """Draw the images of a batch that was kept, as they were trained.

        Args:
            number: Which: 0 for the worst.
            num_images: At most so many.

        Raises:
            ArgumentError: Not so many were kept.
        """
        if not 0 <= number < len(self._heap):
            raise ArgumentError(
                f"{len(self._heap)} batches were kept, from 0; the first {self._skip_epochs} "
                f"epochs do not count. Received: {number}"
            )
        spike = self.spikes[number]
        samples = [
            self._sequence.sample(epoch=spike.epoch, index=index)
            for index in spike.indices[:num_images]
        ]
        titles = [_title(sample.record, self._sequence.class_names) for sample in samples]
        figure = draw_grid([sample.image for sample in samples], titles)
        figure.suptitle(f"loss {spike.loss:.3g}, epoch {spike.epoch}", fontsize=9)
        figure.tight_layout(pad=0.4)
        return figure


def _title(record: Record, class_names: Sequence[str]) -> str:
    if not class_names or record.target is None:
        return str(record.index)
    return f"{record.index}: {class_names[record.target]}"
