"""The fill of areas that an image no longer covers, in all of its channels."""

from typing import Any

import numpy as np

from augseq.augment.point_moves import applying_class

# Classes whose `apply` passes `fill` to OpenCV as it is. All others extend a number to a tuple.
_PASS_FILL = frozenset({"BaseDistortion", "Perspective"})
# albumentations passes OpenCV at most so many channels at once.
_MOST_CHANNELS = 4


def fill_all_channels(transform: Any) -> None:
    """Set a transform that fills only some channels with a number to fill all of them.

    OpenCV takes a number as a tuple of four: the number, and three times 0. So `Perspective` and
    the distortions would fill RGB images with red instead of grey.

    Args:
        transform: A copy that only this package uses; its draws do not change.
    """
    fill = getattr(transform, "fill", None)
    is_number = fill is not None and not isinstance(fill, str) and np.ndim(fill) == 0
    if is_number and applying_class(type(transform)) in _PASS_FILL:
        transform.fill = (fill,) * _MOST_CHANNELS
