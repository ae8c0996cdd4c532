"""One function over many items, in threads and with a progress bar."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from tqdm.auto import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")

# Items in a task: a task for each would cost 16 microseconds an item, not 1.4.
_CHUNK = 16
# Tasks of each thread, done or not, that nobody has taken: so a million items need no memory.
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
    """Yield what a function returns for each item, in their order.

    Args:
        function: Thread-safe. Where it raises, so does this, and what waits is given up.
        items: Taken one by one, only a little ahead of what is yielded.
        num_items: How many there are; for the bar alone.
        num_threads: Items that are worked on at the same time.
        title: What stands before the bar.
        progress: Whether long work shows a progress bar.
    """
    remaining = iter(items)
    waiting: deque[Future[list[Result]]] = deque()

    def submit() -> None:
        if chunk := list(islice(remaining, _CHUNK)):
            waiting.append(pool.submit(lambda: [function(item) for item in chunk]))

    with (
        ThreadPoolExecutor(num_threads) as pool,
        # The bar shows itself on long work only.
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
            pool.shutdown(cancel_futures=True)
