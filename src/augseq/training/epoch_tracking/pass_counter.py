"""Training progress in a pass over the data, which can span several Keras epochs."""

import operator


class PassCounter:
    """Counts the trained batches of a pass.

    With `steps_per_epoch`, Keras counts steps from 0 in each epoch, but continues in the data
    where the previous epoch ended. With `steps_per_execution`, it reports the last of several
    steps, even if the data ended before that one.

    Attributes:
        num_trained: Number of trained batches of the current pass.
        is_over: Whether the pass is complete, so that Keras' next epoch begins a new pass.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin a new pass, as each `fit` does."""
        self.num_trained = self._num_before = 0
        self.is_over = False

    def begin_epoch(self) -> None:
        """Handle the start of a Keras epoch, which can continue a pass."""
        if self.is_over:
            self.begin()
        self._num_before = self.num_trained

    def count(self, batch: int, length: int | None) -> range:
        """Return the indices, within the pass, of the batches that were just trained.

        Args:
            batch: Keras' index of the last one, within its epoch.
            length: Number of batches in the pass; None if endless.
        """
        stop = self._num_before + batch + 1
        if length is not None:
            stop = min(stop, length)
        trained = range(self.num_trained, stop)
        self.num_trained, self.is_over = stop, stop == length
        return trained


def batch_number(index: int, length: int | None) -> int:
    """Return a batch index as a non-negative int; negative indices count from the end.

    Args:
        index: Any kind of integer.
        length: Number of batches; None if endless.

    Raises:
        IndexError: There is no such batch.
    """
    number = operator.index(index)
    if length is None:
        if number < 0:
            raise IndexError(f"A repeated sequence has batches from 0. Received: {number}")
        return number
    if not -length <= number < length:
        raise IndexError(f"There are {length} batches, from 0. Received: {number}")
    return number % length
