"""Map a function over many items in threads, with a progress bar."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Event
from typing import TypeVar

from tqdm.auto import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")

# Items per task: one task per item would cost 16 microseconds an item instead of 1.4.
_CHUNK = 16
# Tasks submitted ahead per thread; a limit, so that a million items need little memory.
_AHEAD = 4


def map_in_threads(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    num_items: int,
    num_threads: int,
    title: str,
    progress: bool,
) -> Iterator[Result]:
    """Yield the result of a function for each item, in the order of the items.

    Args:
        function: Thread-safe. If it raises, the error propagates and waiting items are cancelled,
            as they are when the generator is closed.
        items: Consumed lazily, slightly ahead of the results.
        num_items: Number of items, for the progress bar only.
        num_threads: Number of items processed at the same time.
        title: Label of the progress bar.
        progress: Whether long work shows a progress bar.
    """
    remaining = iter(items)
    waiting: deque[Future[list[Result]]] = deque()
    cancelled = Event()

    def process(chunk: list[Item]) -> list[Result]:
        # Checked before each item, so that Ctrl-C does not wait for a whole chunk.
        return [function(item) for item in chunk if not cancelled.is_set()]

    def submit() -> None:
        if chunk := list(islice(remaining, _CHUNK)):
            waiting.append(pool.submit(process, chunk))

    with (
        ThreadPoolExecutor(num_threads) as pool,
        # The delay hides the bar for short work.
        tqdm(desc=title, unit=" images", total=num_items, delay=0.5, disable=not progress) as bar,
    ):
        try:
            for _ in range(_AHEAD * num_threads):
                submit()
            while waiting:
                results = waiting.popleft().result()
                submit()
                bar.update(len(results))
                yield from results
        finally:
            cancelled.set()
            pool.shutdown(cancel_futures=True)
