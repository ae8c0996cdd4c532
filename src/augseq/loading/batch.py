"""The batch of a step, with the records it comes from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.loading.load_images import PIXELS, PartKey, load_arrays, named_values
from augseq.loading.mixed import Mixed, Mixtures
from augseq.loading.plan import BatchPlan
from augseq.loading.sample import IMAGE
from augseq.loading.targets.target import Target
from augseq.loading.turns import RecordTurns
from augseq.manifest import display
from augseq.manifest.record import Record
from augseq.pixels.options import Bands
from augseq.sampling.schedule import Step
from augseq.terminal_text import array_rows, counted, shortened, table_text
from augseq.types import Array, Images, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The arrays of one training step, and their records.

    Attributes:
        inputs: Arrays by name, each of shape (batch, ...); the pixels are "image".
        targets: Target arrays by name, each of shape (batch, ...), or a dict of several arrays
            for boxes; empty for prediction.
        records: The records, in the order of the arrays.
        weights: Sample weights, shape (batch,), float32; None if all are equal.
        class_names: Class names by label; empty without labels.
        kinds: What targets, and inputs other than the images, are: by name, to draw them.
        repeats: How many times each record was used earlier in the epoch, as `sample` takes it.
        bands: What images of bands are alike in, to draw them; None for colours.
        mixtures: How the images are mixed; None without `mix`. `mixed` returns it.
    """

    inputs: Mapping[str, Array]
    targets: Mapping[str, Value]
    records: list[Record]
    weights: npt.NDArray[np.float32] | None = None
    class_names: Sequence[str] = ()
    kinds: Mapping[str, Target] = field(default_factory=dict)
    repeats: list[int] = field(default_factory=list)
    bands: Bands | None = None
    mixtures: Mixtures | None = field(default=None, repr=False, compare=False)

    @property
    def images(self) -> Images:
        """Shape (batch, height, width, channels), float32 or uint8, usually 0 to 255."""
        return self.inputs[IMAGE]

    @property
    def mixed(self) -> list[Mixed | None]:
        """With which record each image was mixed, and how; None for one that was not."""
        return self.mixtures.drawn() if self.mixtures else [None] * len(self.records)

    @property
    def x(self) -> Any:
        """The inputs as Keras expects them: one array, or a dict of several by name."""
        return _as_keras_takes(self.inputs)

    @property
    def y(self) -> Any:
        """The targets as Keras expects them: one value, a dict of several, or None."""
        return _as_keras_takes(self.targets)

    @property
    def sample_weight(self) -> Any:
        """The weights as Keras expects them: one array, a dict of several, or None.

        Shape (batch,), or (batch, height, width) for a mask, map or image: Keras' losses return a
        number for each pixel, and Keras multiplies each with the weight at its place.
        """
        if self.weights is None:
            return None
        found = {name: self._weights_of(name, value) for name, value in self.targets.items()}
        is_same = len({array.shape for array in found.values()}) == 1
        return next(iter(found.values())) if is_same else found

    def _weights_of(self, name: str, value: Value) -> npt.NDArray[np.float32]:
        assert self.weights is not None
        num_axes = self.kinds[name].num_loss_axes
        if isinstance(value, Mapping) or not num_axes:
            return self.weights
        column = self.weights.reshape(-1, *(1,) * num_axes)
        # A copy: torch warns of arrays that cannot be written to, such as broadcast ones.
        return np.broadcast_to(column, value.shape[: 1 + num_axes]).copy()

    @property
    def arrays(self) -> Any:
        """`(x, y)`, or `(x, y, sample_weight)`, or `x` alone without targets."""
        if not self.targets:
            return self.x
        if self.weights is None:
            return self.x, self.y
        return self.x, self.y, self.sample_weight

    @property
    def num_bytes(self) -> int:
        """Size of the arrays in bytes."""
        values = (*self.inputs.values(), *self.targets.values())
        return sum(array.nbytes for value in values for array in _arrays_of(value))

    def __repr__(self) -> str:
        count = len(self.records)
        weights = {} if self.weights is None else {"weights": self.weights}
        rows = array_rows({**self.inputs, **self.targets, **weights})
        if count:
            others = f" and {count - 1:,} more" * (count > 1)
            rows["records"] = f"{shortened(str(self.records[0]), 60)}{others}"
        return table_text(f"Batch of {counted(count, 'image')}", rows)

    def _repr_html_(self) -> str:
        return display.batch_html(self)


def load_batch(plan: BatchPlan, step: Step) -> Batch:
    """Load the batch of a step, which depends only on the plan and the step.

    Raises:
        ArgumentError: The images have different sizes.
        AugseqError: A file or an augmentation failed; the message names the record.
        Exception: Any exception of an augmentation, with a note on how to replay it.
    """
    turns = plan.turns(step)
    arrays = load_arrays(turns, plan.pipeline, seed=plan.schedule.seed, epoch=step.epoch)
    return make_batch(plan, step, turns, arrays)


def make_batch(
    plan: BatchPlan, step: Step, turns: RecordTurns, arrays: Mapping[PartKey, Array]
) -> Batch:
    """Return the batch of a step, given its arrays, loaded here or in a worker process."""
    height, width = arrays[PIXELS].shape[1:3]
    mixtures = plan.mixtures(turns, (height, width), step.epoch)
    return Batch(
        inputs={name: array for (kind, name, _), array in arrays.items() if kind == "inputs"},
        targets=named_values(arrays, "targets"),
        records=turns.records,
        repeats=turns.repeats,
        weights=plan.weights(step, turns.records, mixtures),
        class_names=plan.manifest.class_names,
        kinds=plan.pipeline.kinds,
        bands=plan.pipeline.bands,
        mixtures=mixtures,
    )


def _arrays_of(value: Value) -> Iterable[Array]:
    return value.values() if isinstance(value, Mapping) else (value,)


def _as_keras_takes(arrays: Mapping[str, Value]) -> Any:
    if len(arrays) > 1:
        return dict(arrays)
    return next(iter(arrays.values()), None)
