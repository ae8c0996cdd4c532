"""The batches of several epochs as one list, for the data loaders of other libraries."""

from dataclasses import replace
from typing import Any

from augseq.errors import ArgumentError
from augseq.loading.batch import load_batch
from augseq.loading.plan import BatchPlan
from augseq.sampling.schedule import Progress
from augseq.validation import check_whole
from augseq.workers.shared_pickle import load_pickle, pack


class BatchList:
    """The batches of several epochs, by their number in the whole run.

    Batch `number % n` of epoch `number // n`, where `n` is the number of batches in an epoch. Each
    is loaded when it is requested, in the process or thread that requests it. Nothing is
    remembered, so copies in other processes return the same batches.

    Args:
        plan: The batches of each epoch; all epochs are complete, also after a resume.
        epochs: Number of epochs.

    Raises:
        ArgumentError: `epochs` is less than 1.
    """

    def __init__(self, plan: BatchPlan, epochs: int) -> None:
        self.plan = replace(plan, schedule=replace(plan.schedule, done=Progress()))
        self.epochs = check_whole("epochs", epochs, least=1)

    def __len__(self) -> int:
        return self.epochs * self.plan.schedule.num_batches

    def __getitem__(self, number: int) -> Any:
        """Return a batch: `(images, targets)`, with weights if there are any, or `images` alone.

        Raises:
            IndexError: There is no such batch.
            AugseqError: A file or an augmentation failed; the message names it.
        """
        try:
            number = range(len(self))[number]
        except IndexError:
            text = f"There are {self._numbers}. Received: {number}"
            raise IndexError(text) from None
        return load_batch(self.plan, self.plan.schedule.step_at(number)).arrays

    def __repr__(self) -> str:
        return f"<{self._numbers}: {self.plan.size_text}>"

    @property
    def _numbers(self) -> str:
        return (
            f"{len(self)} batch{'es' * (len(self) != 1)}, in {self.epochs} "
            f"epoch{'s' * (self.epochs != 1)}"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Other processes cannot import functions of a script or notebook.
        try:
            pickled, buffers, _ = pack(self.plan)
        except Exception as error:
            raise ArgumentError(
                "Worker processes require an `augment` list, and targets, that can be pickled. "
                f"Received: {error}. Use num_workers=0, or threads."
            ) from error
        return _rebuild, (pickled, [bytearray(buffer) for buffer in buffers], self.epochs)


def _rebuild(pickled: bytes, buffers: list[bytearray], epochs: int) -> BatchList:
    return BatchList(load_pickle(pickled, buffers), epochs)
