"""One function over many items, in threads and with a progress bar."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Event
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
        function: Thread-safe. Where it raises, so does this, and what waits is given up, as it is
            where nobody wants more results.
        items: Taken one by one, only a little ahead of what is yielded.
        num_items: How many there are; for the bar alone.
        num_threads: Items that are worked on at the same time.
        title: What stands before the bar.
        progress: Whether long work shows a progress bar.
    """
    remaining = iter(items)
    waiting: deque[Future[list[Result]]] = deque()
    given_up = Event()

    def work_on(chunk: list[Item]) -> list[Result]:
        # Looked at before each item, so that nobody waits for a whole chunk after Ctrl-C.
        return [function(item) for item in chunk if not given_up.is_set()]

    def submit() -> None:
        if chunk := list(islice(remaining, _CHUNK)):
            waiting.append(pool.submit(work_on, chunk))

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
            given_up.set()
            pool.shutdown(cancel_futures=True)
