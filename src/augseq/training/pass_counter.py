"""How far training has come in a pass over the data, which may last several of Keras' epochs."""

import operator


class PassCounter:
    """Counts the batches of a pass that were trained.

    With `steps_per_epoch`, Keras counts its steps from 0 in each of its epochs, but goes on with
    the data where the epoch before ended. With `steps_per_execution`, it names the last of several
    steps, also where the data ended before that one.

    Attributes:
        num_trained: Batches of the present pass that were trained.
        is_over: Whether these are all, so that Keras' next epoch begins a new pass.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin a new pass, as each `fit` does."""
        self.num_trained = self._num_before = 0
        self.is_over = False

    def begin_epoch(self) -> None:
        """Take Keras' word that an epoch begins; it may go on with a pass."""
        if self.is_over:
            self.begin()
        self._num_before = self.num_trained

    def count(self, batch: int, length: int | None) -> range:
        """Return the numbers, within the pass, of the batches that were trained just now.

        Args:
            batch: The number that Keras gives, within its epoch, to the last one.
            length: Batches of the whole pass; None without end.
        """
        stop = self._num_before + batch + 1
        if length is not None:
            stop = min(stop, length)
        trained = range(self.num_trained, stop)
        self.num_trained, self.is_over = stop, stop == length
        return trained


def batch_number(index: int, length: int | None) -> int:
    """Return which batch an index means, from 0; a negative one counts from the end.

    Args:
        index: An integer of any kind.
        length: How many batches there are; None without end.

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
