"""Apply a function to many items, in order, with a progress bar."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from tqdm.auto import tqdm

from augseq.parallel_map import chunk_runner
from augseq.parallel_map.chunk_runner import ChunkRunner, LocalRunner
from augseq.parallel_map.map_options import MapOptions

Item = TypeVar("Item")
Result = TypeVar("Result")

# Items per task: one task per item would cost 16 microseconds an item instead of 1.4.
_CHUNK = 16
# A call of a Ray worker costs about a millisecond, which is little for so many images.
_CHUNK_ON_NODES = 64
# Tasks submitted ahead per thread; a limit, so that a million items need little memory.
_AHEAD = 4
NOTHING: Mapping[str, int] = {}


def map_items(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    options: MapOptions,
    *,
    num_items: int,
    num_threads: int,
    title: str,
    must_see: Mapping[str, int] = NOTHING,
) -> Iterator[Result]:
    """Yield the result of a function for each image, in threads or on the nodes of a Ray cluster.

    Args:
        function: As for `map_in_threads`; for the nodes, it must be possible to pickle it.
        items: Consumed lazily, slightly ahead of the results.
        options: Where it runs.
        num_items: Number of items.
        num_threads: Number of threads if `options` give none.
        title: Label of the progress bar.
        must_see: Files that every node must be able to see, with their size in bytes.

    Raises:
        MissingExtraError: Ray is not installed.
        WorkerError: There is no cluster, or it has too few CPUs; or a node has other versions of
            the software, or does not see a file. The message names the node.
    """
    number = options.workers or num_threads
    if options.worker_kind == "threads":
        yield from map_in_threads(
            function,
            items,
            num_items=num_items,
            num_threads=number,
            title=title,
            progress=options.progress,
        )
        return
    runner = chunk_runner.start_on_nodes(function, num_workers=number, must_see=must_see)
    # All workers get several chunks, so that none is left with the last one for long.
    chunk_size = max(1, min(_CHUNK_ON_NODES, num_items // (_AHEAD * number)))
    with _bar(title, "images", num_items, options.progress) as bar:
        yield from _map_chunks(runner, items, chunk_size, number, bar)


def map_in_threads(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    num_items: int,
    num_threads: int,
    title: str,
    progress: bool,
    unit: str = "images",
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
        unit: What the items are. A thread takes several images at a time, but single other items.
    """
    chunk_size = _CHUNK if unit == "images" else 1
    with _bar(title, unit, num_items, progress) as bar:
        yield from _map_chunks(LocalRunner(function), items, chunk_size, num_threads, bar)


def _bar(title: str, unit: str, num_items: int, progress: bool) -> "tqdm[None]":
    # The delay hides the bar for short work.
    return tqdm(desc=title, unit=f" {unit}", total=num_items, delay=0.5, disable=not progress)


def _map_chunks(
    run: ChunkRunner[Item, Result],
    items: Iterable[Item],
    chunk_size: int,
    num_threads: int,
    bar: "tqdm[None]",
) -> Iterator[Result]:
    remaining = iter(items)
    waiting: deque[Future[list[Result]]] = deque()

    def submit() -> None:
        if chunk := list(islice(remaining, chunk_size)):
            waiting.append(pool.submit(run, chunk))

    with ThreadPoolExecutor(num_threads) as pool:
        try:
            for _ in range(_AHEAD * num_threads):
                submit()
            while waiting:
                results = waiting.popleft().result()
                submit()
                bar.update(len(results))
                yield from results
        finally:
            run.cancel()
            pool.shutdown(cancel_futures=True)
