"""How long making a batch may take, and what to say of one that takes longer."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from augseq.errors import BatchTimeoutError
from augseq.loading.plan import BatchPlan
from augseq.loading.sample import replay_text
from augseq.sampling.schedule import Step

_TURN_S = 1.0

Found = TypeVar("Found")


class Patience:
    """Seconds that may still be waited; those in which the program is suspended do not count.

    Args:
        limit_s: Seconds; None for no limit.
    """

    def __init__(self, limit_s: float | None) -> None:
        self._left_s = math.inf if limit_s is None else limit_s

    def wait(self, wait: Callable[[float], Found]) -> Found:
        """Wait in turns of a second, until there is something or no time is left.

        Args:
            wait: Waits for so many seconds, and returns what it found or something false.
        """
        while True:
            turn_s, start = min(_TURN_S, self._left_s), time.monotonic()
            found = wait(turn_s)
            # A batch system or a lid may stop the program in any turn, for hours.
            self._left_s -= min(turn_s, time.monotonic() - start)
            if found or self._left_s <= 0:
                return found


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimit:
    """How long each batch of a plan may take.

    Attributes:
        plan: What is made.
        seconds: From the moment a worker begins a batch, or somebody begins to wait for it.
    """

    plan: BatchPlan
    seconds: float

    def error(self, step: Step, note: Sequence[int], outcome: str) -> BatchTimeoutError:
        """Return the error over a batch that took too long.

        Args:
            step: Of the batch.
            note: Where its worker was, see `progress_note`.
            outcome: What became of the worker, as a sentence.
        """
        return BatchTimeoutError(
            f"Each batch must be made within batch_timeout_s={self.seconds:g} s, but batch "
            f"{step.batch} of epoch {step.epoch} was not. {self._culprit(step, note)}. {outcome} "
            "If it is slow and does not hang, allow more seconds, or None for no limit."
        )

    def _culprit(self, step: Step, note: Sequence[int]) -> str:
        index, number = note
        found = [record for record in self.plan.records(step) if record.index == index]
        if not found:
            return "Its worker had not begun: it was still loading the pipeline"
        names = self.plan.pipeline.augment.names
        stage = (
            f"In augmentation {number}, {names[number - 1]!r}"
            if number
            else ("Outside the augmentations, where files are read, decoded and resized")
        )
        return f"{stage}. {replay_text(found[0], self.plan.schedule.seed, step.epoch)}"
