"""What every kind of target can say of itself."""

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from augseq.manifest.record import Record
from augseq.types import Array

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest


class Target(Protocol):
    """What a model is to predict of a record, as it is trained on; immutable and picklable."""

    def load(self, record: Record) -> Array:
        """Return the target of a record; of one shape and dtype for all records."""
        ...

    @property
    def text(self) -> str:
        """The target in a few words, as the plan of a sequence shows it."""
        ...

    @property
    def content(self) -> str:
        """What decides the values, as text that is compared when a run resumes."""
        ...

    @property
    def num_classes(self) -> int | None:
        """The number of classes; None where the target is another number."""
        ...

    @property
    def is_one_hot(self) -> bool:
        """Whether each class has a column of its own."""
        ...

    @property
    def as_one_hot(self) -> str:
        """What a user writes to get one-hot rows in place of class numbers."""
        ...

    @property
    def as_numbers(self) -> str:
        """What a user writes to get class numbers in place of one-hot rows."""
        ...

    def class_numbers(self, manifest: "Manifest") -> npt.NDArray[np.integer[Any]] | None:
        """Return the class of each record, shape (num_records,); None where there are none."""
        ...
