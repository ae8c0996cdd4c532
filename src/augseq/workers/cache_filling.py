"""Fill a cache ahead of training, with a progress bar."""

from augseq.errors import ArgumentError
from augseq.loading.plan import BatchPlan
from augseq.threaded_map import map_in_threads


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
    cache = plan.pipeline.source.cache
    if cache is None:
        raise ArgumentError(
            "There must be a cache to fill. Received: cache=None. "
            'Write ImageSequence(..., cache="memory"), or give a folder.'
        )

    kept = map_in_threads(
        cache.fill,
        plan.manifest,
        num_items=len(plan.manifest),
        num_threads=num_threads,
        title="Caching",
        progress=progress,
    )
    return sum(kept)
