"""Record the batches with the highest loss, for inspection."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from augseq.errors import ArgumentError
from augseq.inspection.drawing.grid import draw_samples
from augseq.inspection.drawing.picture import Picture
from augseq.inspection.drawing.sample_look import sample_title
from augseq.loading.sample import Sample
from augseq.terminal_text import call_text, first_lines, shortened
from augseq.training.sequence import ImageSequence
from augseq.training.trained_batches import TrainedBatches
from augseq.validation import check_whole, is_whole


@dataclass(frozen=True, slots=True)
class LossSpike:
    """A batch and its loss.

    Attributes:
        loss: Mean loss of its images; can be NaN or infinite.
        epoch: The epoch of the batch.
        indices: Indices of its records, in the batch's order.
        repeats: How many times each was used earlier in the epoch, as `sample` takes it.
    """

    loss: float
    epoch: int
    indices: tuple[int, ...]
    repeats: tuple[int, ...] = ()

    def __repr__(self) -> str:
        indices = shortened(", ".join(map(str, self.indices)), 30)
        records = f"{len(self.indices)} records: {indices}"
        return call_text("LossSpike", f"loss {self.loss:.4g}", f"epoch {self.epoch}", records)


class LossSpikes(TrainedBatches):
    """Records the batches with the highest loss: epoch, records and loss.

    Each sample can be reproduced as it was trained: `sequence.sample(epoch=..., index=...)`.
    The loss of a batch is computed from the running mean that Keras reports, so it has about
    four significant digits, and the mean is fetched from the device after each step. If an epoch
    is resumed in the middle, the mean includes its earlier batches, and spikes look smaller.

    NaN and infinite losses rank highest, the earliest first. Only the first one of each epoch is
    recorded, since the mean does not recover within the epoch.

    Args:
        sequence: The sequence that `fit` trains on, with `shuffle=False` and `EpochSync`.
        keep: Number of batches to keep.
        skip_epochs: Number of epochs to ignore at the beginning, when all losses are high; NaN
            and infinite losses count even then.

    Raises:
        ArgumentError: An option is invalid; while training, the model reports no "loss".

    Example:
        `spikes = augseq.LossSpikes(batches); model.fit(..., callbacks=[..., spikes]);
        spikes.draw()`
    """

    def __init__(self, sequence: ImageSequence, *, keep: int = 10, skip_epochs: int = 1) -> None:
        super().__init__(sequence)
        self._keep = check_whole("keep", keep, least=1)
        self._skip_epochs = check_whole("skip_epochs", skip_epochs, least=0)
        self._spikes: list[LossSpike] = []
        self._num_images = 0
        self._total = 0.0

    def __repr__(self) -> str:
        return first_lines("\n".join(["LossSpikes", *(f"  {spike!r}" for spike in self._spikes)]))

    @property
    def spikes(self) -> list[LossSpike]:
        """The recorded batches, highest loss first."""
        return list(self._spikes)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Reset the running mean, as Keras does."""
        super().on_epoch_begin(epoch, logs)
        self._num_images = 0
        self._total = 0.0

    def _note(self, trained: range, logs: dict[str, Any]) -> None:
        if "loss" not in logs:
            raise ArgumentError(
                'LossSpikes requires the running mean that `fit` reports as "loss", but this model '
                f"reports {', '.join(sorted(logs)) or 'nothing'}. Return a keras.metrics.Mean "
                'named "loss" from train_step, or remove LossSpikes.'
            )
        if not math.isfinite(self._total):
            return
        epochs: dict[int, tuple[tuple[int, int], ...]] = {}
        for number in trained:
            epoch = self._sequence.position.progress(number).epoch
            indices = (record.index for record in self._sequence.records(number))
            turns = tuple(zip(indices, self._sequence.repeats(number), strict=True))
            epochs[epoch] = epochs.get(epoch, ()) + turns
        num_new = sum(map(len, epochs.values()))
        mean, num_images = float(logs["loss"]), self._num_images + num_new
        loss = (mean * num_images - self._total) / num_new
        self._num_images, self._total = num_images, mean * num_images
        for epoch, trained_turns in epochs.items():
            found, repeats = zip(*trained_turns, strict=True)
            spike = LossSpike(loss=loss, epoch=epoch, indices=found, repeats=repeats)
            self._keep_worst(spike)

    def _keep_worst(self, spike: LossSpike) -> None:
        if spike.epoch >= self._skip_epochs or not math.isfinite(spike.loss):
            # The sort is stable: of equal losses, the earliest stays first.
            self._spikes = sorted([*self._spikes, spike], key=_rank)[: self._keep]

    def draw(self, number: int = 0, *, num_images: int = 12) -> Picture:
        """Draw the images of a recorded batch, as they were trained.

        Args:
            number: Rank of the batch: 0 for the highest loss.
            num_images: Maximum number of images.

        Raises:
            ArgumentError: Fewer batches were recorded, or `num_images` is less than 1.
        """
        check_whole("num_images", num_images, least=1)
        if not is_whole(number) or not 0 <= number < len(self._spikes):
            raise ArgumentError(
                f"`number` must be from 0 to below {len(self._spikes)}, the number of recorded "
                f"batches (the first {self._skip_epochs} epochs are skipped). Received: {number!r}"
            )
        spike = self._spikes[number]
        turns = list(zip(spike.indices, spike.repeats, strict=True))[:num_images]
        samples = [
            self._sequence.sample(epoch=spike.epoch, index=index, repeat=repeat)
            for index, repeat in turns
        ]
        titles = [_title(sample, self._sequence.class_names) for sample in samples]
        heading = f"loss {spike.loss:.3g}, epoch {spike.epoch}"
        return draw_samples(samples, titles, heading=heading)


def _rank(spike: LossSpike) -> float:
    return -spike.loss if math.isfinite(spike.loss) else -math.inf


def _title(sample: Sample, class_names: Sequence[str]) -> str:
    if not class_names or sample.record.target is None:
        return str(sample.record.index)
    return f"{sample.record.index}: {sample_title(sample, class_names)}"
