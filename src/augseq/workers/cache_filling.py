"""Fill a cache before training, with a progress bar."""

from augseq.errors import ArgumentError
from augseq.loading.plan import BatchPlan
from augseq.threaded_map import map_in_threads


def fill_cache(plan: BatchPlan, *, num_threads: int, progress: bool) -> int:
    """Decode and cache all images of a plan that are not cached yet.

    Args:
        plan: The images, and where they come from.
        num_threads: Number of images to decode at the same time.
        progress: Whether to show a progress bar if it takes long.

    Returns:
        The number of images that are now cached.

    Raises:
        ArgumentError: The plan has no cache.
        AugseqError: A file cannot be decoded; the message names the record. Images already cached
            stay cached.
    """
    cache = plan.pipeline.source.cache
    if cache is None:
        raise ArgumentError(
            "There must be a cache to fill. Received: cache=None. "
            'Use ImageSequence(..., cache="memory"), or pass a folder.'
        )

    is_cached = map_in_threads(
        cache.fill,
        plan.manifest,
        num_items=len(plan.manifest),
        num_threads=num_threads,
        title="Caching",
        progress=progress,
    )
    return sum(is_cached)
