"""The exception of a sequence itself, where Keras raises another one."""

import contextlib
from collections.abc import Iterator

from augseq.training.sequence import ImageSequence


@contextlib.contextmanager
def own_failure(*sequences: ImageSequence) -> Iterator[None]:
    """If an exception arises from a sequence, raise what the sequence raised.

    TensorFlow passes on only its message, in an exception of another type.
    """
    try:
        yield
    except Exception:
        for sequence in sequences:
            if sequence.failure is not None:
                raise sequence.failure from None
        raise
