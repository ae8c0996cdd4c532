"""The time limit of a batch, and the error when it is exceeded."""

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

Result = TypeVar("Result")


class Patience:
    """Remaining waiting time; time in which the program is suspended does not count.

    Args:
        limit_s: Seconds; None for no limit.
    """

    def __init__(self, limit_s: float | None) -> None:
        self._left_s = math.inf if limit_s is None else limit_s

    def wait(self, wait: Callable[[float], Result]) -> Result:
        """Wait in intervals of a second, until there is a result or no time is left.

        Args:
            wait: Waits for the given number of seconds; returns a true result or a false value.
        """
        while True:
            turn_s, start = min(_TURN_S, self._left_s), time.monotonic()
            result = wait(turn_s)
            # The program can be suspended for hours, as when a laptop is closed.
            self._left_s -= min(turn_s, time.monotonic() - start)
            if result or self._left_s <= 0:
                return result


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimit:
    """The time limit of each batch of a plan.

    Attributes:
        plan: The plan.
        seconds: Limit, from when a worker begins a batch, or from when it is awaited.
    """

    plan: BatchPlan
    seconds: float

    def error(self, step: Step, note: Sequence[int] | None, outcome: str) -> BatchTimeoutError:
        """Return the error for a batch that took too long.

        Args:
            step: The step of the batch.
            note: What its worker was working on, see `progress_note`; None if it does not say.
            outcome: What happened to the worker, as a sentence.
        """
        return BatchTimeoutError(
            f"Each batch must be loaded within batch_timeout_s={self.seconds:g} s, but batch "
            f"{step.batch} of epoch {step.epoch} was not. {self._culprit(step, note)}. {outcome} "
            "If it is slow but does not hang, increase batch_timeout_s, or use None for no limit."
        )

    def _culprit(self, step: Step, note: Sequence[int] | None) -> str:
        if note is None:
            return "Its worker does not say where; native code may hold the interpreter lock"
        index, number = note
        found = self.plan.turns(step).turn_of(index)
        if found is None:
            return "Its worker had not started it, but was still loading the pipeline"
        names = self.plan.pipeline.augment.names
        stage = (
            f"In augmentation {number}, {names[number - 1]!r}"
            if number
            else ("Outside the augmentations, while a file was read, decoded or resized")
        )
        seed = self.plan.schedule.seed
        return f"{stage}. {replay_text(found.record, seed, step.epoch, found.repeat)}"
