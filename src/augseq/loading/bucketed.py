"""Which size the images of a manifest get, if there are several."""

from typing import TYPE_CHECKING

from augseq.errors import ArgumentError
from augseq.indexing.image_sizes import image_sizes
from augseq.loading.pipeline import Pipeline
from augseq.types import Positions

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest


def bucket_numbers(manifest: "Manifest", pipeline: Pipeline, *, upright: bool) -> Positions | None:
    """Return the bucket of each record, shape (num_records,); None if there are no buckets.

    Args:
        manifest: The records.
        pipeline: How they are loaded: the augmentations and a cache must not choose a size.
        upright: Whether images are turned upright.

    Raises:
        ArgumentError: An option does not fit several sizes, or the sizes of images are not known.
        AugseqError: The header of a file cannot be read.
    """
    if pipeline.buckets is None:
        return None
    augment = pipeline.augment
    if augment.sets_size:
        raise ArgumentError(
            "With Buckets, images are resized before they are augmented, each to the size of its "
            "bucket, so `augment` must not choose another. Received: "
            f"{', '.join(step.name for step in augment.details if step.sets_size)}. Remove it, use "
            "A.Affine or A.Rotate to zoom and shift, or pass one `image_size`."
        )
    cache = pipeline.source.cache
    if cache is not None and cache.shorter_side_px is not None:
        raise ArgumentError(
            "With Buckets, the size of a file decides the bucket of its image, so a cache must not "
            "shrink images before. Remove `shorter_side_px` from the cache. "
            f"Received: shorter_side_px={cache.shorter_side_px}"
        )
    sizes = image_sizes(manifest, "Buckets", upright=upright, progress=True)
    return pipeline.buckets.numbers_of(sizes)
