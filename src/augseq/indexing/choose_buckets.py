"""Propose sizes for the aspect ratios of the images of a manifest."""

import numpy as np

from augseq.errors import ArgumentError
from augseq.indexing.image_sizes import image_sizes
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.pixels.buckets import Buckets
from augseq.validation import check_whole


def choose_buckets(
    manifest: Manifest,
    *,
    num_pixels: int = 224 * 224,
    count: int = 5,
    multiple: int = 32,
    progress: bool = True,
) -> Buckets:
    """Propose sizes of about equal area that fit the aspect ratios of the images.

    The images are divided by aspect ratio into groups of equal number; each size has the ratio in
    the middle of its group, up to rounding.

    Args:
        manifest: The images. Sizes are those of their probes, or read from the headers of local
            files.
        num_pixels: Number of pixels that each size should have.
        count: Maximum number of sizes; there are fewer if some are equal after rounding. A model
            that is compiled is compiled once for each.
        multiple: What heights and widths are rounded to, such as the total stride of the model.
        progress: Whether long work shows a progress bar.

    Raises:
        ArgumentError: An option is invalid, there are no images, or they are remote and not probed.
        AugseqError: The header of a file cannot be read.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> augseq.choose_buckets(images, num_pixels=96 * 96, count=3, multiple=16, progress=False)
        Buckets(sizes=((80, 112), (96, 96), (112, 80)))
    """
    check_manifest(manifest)
    check_whole("count", count, least=1)
    check_whole("multiple", multiple, least=1)
    check_whole("num_pixels", num_pixels, least=1)
    if num_pixels < multiple * multiple:
        raise ArgumentError(
            f"`num_pixels` must be at least {multiple * multiple}, since heights and widths are "
            f"multiples of {multiple}. Received: num_pixels={num_pixels}, multiple={multiple}. "
            "Pass a larger `num_pixels` or a smaller `multiple`."
        )
    if not len(manifest):
        raise ArgumentError("`choose_buckets` requires images. Received: a manifest of none")
    sizes = image_sizes(manifest, "`choose_buckets`", progress=progress)
    shares = (np.arange(count) + 0.5) / count
    # Of the images themselves, so that no logarithm is needed.
    ratios = np.quantile(sizes[:, 0] / sizes[:, 1], shares, method="nearest")
    found: dict[float, tuple[int, int]] = {}
    for ratio in ratios.tolist():
        height = max(1, round((num_pixels * ratio) ** 0.5 / multiple)) * multiple
        width = max(1, round(num_pixels / height / multiple)) * multiple
        found.setdefault(height / width, (height, width))
    return Buckets(list(found.values()))
