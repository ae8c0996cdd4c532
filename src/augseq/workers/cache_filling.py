"""Fill a cache ahead of training, with a progress bar."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tqdm.auto import tqdm

from augseq.batch import BatchPlan
from augseq.errors import ArgumentError
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.pixels.cache.source import CachedSource

# Images in a task: a future for each of a million images would take a gigabyte.
_CHUNK = 16


def fill_cache(plan: BatchPlan, *, num_threads: int, progress: bool) -> int:
    """Decode and keep all images of a plan that are not kept yet.

    Args:
        plan: Which images, and where they come from.
        num_threads: Images that are decoded at the same time.
        progress: Whether long work shows a progress bar.

    Returns:
        How many of the images are kept now.

    Raises:
        ArgumentError: The plan has no cache.
        AugseqError: A file is at fault; the message names the record. What was kept stays.
    """
    source = plan.pipeline.source
    if not isinstance(source, CachedSource):
        raise ArgumentError(
            "There must be a cache to fill. Received: cache=None. "
            'Write ImageSequence(..., cache="memory"), or give a folder.'
        )

    def fill(records: list[Record]) -> list[bool]:
        return [source.fill(record) for record in records]

    num_images, num_kept = len(plan.manifest), 0
    with (
        ThreadPoolExecutor(num_threads) as pool,
        # The bar shows itself on long work only.
        tqdm(
            desc="Caching", unit=" images", total=num_images, delay=0.5, disable=not progress
        ) as bar,
    ):
        # Where one fails, `map` gives up all that wait.
        for kept in pool.map(fill, _chunks(plan.manifest)):
            num_kept += sum(kept)
            bar.update(len(kept))
    return num_kept


def _chunks(manifest: Manifest) -> Iterator[list[Record]]:
    for first in range(0, len(manifest), _CHUNK):
        yield manifest.records(range(first, min(first + _CHUNK, len(manifest))))
