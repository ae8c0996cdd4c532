"""Several sizes to resize images to, each for images of a similar aspect ratio."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.terminal_text import options_text
from augseq.types import Positions
from augseq.validation import briefly, explains_arguments, is_whole


@explains_arguments
@dataclass(frozen=True, slots=True)
class Buckets:
    """Sizes for images of different aspect ratios; each batch has images of one size.

    Pass it as `image_size` of `ImageSequence`. Each image is resized to the size whose aspect ratio
    is nearest to its own, so it is distorted or cropped less than with one size for all. `print` of
    the sequence tells how many images each size has.

    Args:
        sizes: (height, width) in pixels of each bucket, with different aspect ratios.
            `choose_buckets` proposes some.

    Raises:
        ArgumentError: A size is invalid, or two have the same aspect ratio.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> sizes = augseq.Buckets([(96, 64), (80, 80), (64, 96)])
        >>> batches = augseq.ImageSequence(images, image_size=sizes, batch_size=16, shuffle=True)
        >>> len({pixels.shape[1:3] for pixels, labels in batches})
        3
    """

    sizes: Sequence[tuple[int, int]]
    _order: Positions = field(init=False, repr=False, compare=False)
    _limits: npt.NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sizes: Any = self.sizes
        is_list = isinstance(sizes, Sequence) and not isinstance(sizes, str) and len(sizes) > 0
        if not is_list or not all(map(_is_size, sizes)):
            raise ArgumentError(
                "Buckets requires a list of sizes, each (height, width) in pixels, both > 0, such "
                f"as [(192, 256), (224, 224), (256, 192)]. Received: {briefly(sizes)}"
            )
        pairs = tuple((int(height), int(width)) for height, width in sizes)
        ratios = np.array([height / width for height, width in pairs])
        order = np.argsort(ratios, kind="stable")
        if len(np.unique(ratios)) < len(ratios):
            raise ArgumentError(
                "The sizes of Buckets must have different aspect ratios, since that of an image "
                f"decides which one it gets. Received: {briefly(list(pairs))}"
            )
        object.__setattr__(self, "sizes", pairs)
        object.__setattr__(self, "_order", order)
        # Half-way between the logarithms of two ratios. Roots, products and comparisons of floats
        # are the same on every machine, which logarithms are not.
        object.__setattr__(self, "_limits", np.sqrt(ratios[order][1:] * ratios[order][:-1]))

    def __repr__(self) -> str:
        return options_text(self)

    def numbers_of(self, image_sizes: Positions) -> Positions:
        """Return the bucket of each image, from 0, shape (n,).

        Args:
            image_sizes: (height, width) of each image in pixels, shape (n, 2).
        """
        ratios = image_sizes[:, 0] / image_sizes[:, 1]
        return self._order[np.searchsorted(self._limits, ratios)]


def _is_size(size: Any) -> bool:
    is_pair = isinstance(size, tuple | list) and len(size) == 2
    return is_pair and all(is_whole(side) and side > 0 for side in size)
