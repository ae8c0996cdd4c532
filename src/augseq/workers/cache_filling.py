"""Fill a cache before training, with a progress bar."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from augseq.errors import ArgumentError
from augseq.loading.plan import BatchPlan
from augseq.parallel_map.map_items import NOTHING, map_items
from augseq.parallel_map.map_options import MapOptions
from augseq.pixels.cache.source import CachedSource
from augseq.runtime.cores import num_cores
from augseq.storage.visible_file import visible_file


def fill_cache(plan: BatchPlan, options: MapOptions) -> int:
    """Decode and cache all images, masks and value maps of a plan that are not cached yet.

    Args:
        plan: The images, and where they come from.
        options: Where they are decoded.

    Returns:
        The number of records of which all files are now cached.

    Raises:
        ArgumentError: The plan has no cache, or one in the memory of this machine, for Ray.
        AugseqError: A file cannot be decoded; the message names the record. Images already cached
            stay cached.
        WorkerError: A node of the Ray cluster does not see the folder of the cache.
    """
    if plan.pipeline.source.cache is None:
        raise ArgumentError(
            "There must be a cache to fill. Received: cache=None. "
            'Use ImageSequence(..., cache="memory"), or pass a folder.'
        )
    with _must_see(plan, options) as must_see:
        is_cached = map_items(
            plan.pipeline.fill_cache,
            plan.manifest,
            options,
            num_items=len(plan.manifest),
            num_threads=num_cores(),
            title="Caching",
            must_see=must_see,
        )
        return sum(is_cached)


@contextmanager
def _must_see(plan: BatchPlan, options: MapOptions) -> Iterator[Mapping[str, int]]:
    """Provide a file in the folder of the cache, which all nodes must share."""
    source = plan.pipeline.source
    if options.worker_kind == "threads" or not isinstance(source, CachedSource):
        yield NOTHING
        return
    check_cache_for_nodes(source)
    with visible_file(source.folder.root) as must_see:
        yield must_see


def check_cache_for_nodes(source: CachedSource) -> None:
    """Raise `ArgumentError` if a cache is in the memory of this machine."""
    if source.folder.in_memory:
        raise ArgumentError(
            'worker_kind="ray" requires a cache that each node can reach, but "memory" is that '
            'of this machine. Received: cache="memory". Pass a folder, or cache=None.'
        )
