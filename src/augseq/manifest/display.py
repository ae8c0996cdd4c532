"""Functions that open the images of a manifest, set by the package from a higher layer.

Jupyter calls `_repr_html_` on a manifest without arguments. Drawing it opens its images, so the
drawing functions belong to a higher layer and cannot be imported here. `augseq/__init__` sets them
before a manifest can exist; their modules are imported on the first call, so that matplotlib is
only loaded when needed. They are global, since a manifest can also come from a pickle. The same
holds for samples and batches.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from augseq.manifest.box_statistics import BoxStatistics
from augseq.manifest.mask_counts import MaskCounts
from augseq.manifest.pixel_statistics import PixelStatistics

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class _DrawManifest(Protocol):
    def __call__(self, manifest: Any, *, class_name: str | None, num_images: int) -> "Figure": ...


count_classes: Callable[..., dict[Any, int] | MaskCounts]
draw_manifest: _DrawManifest
manifest_html: Callable[[Any], str]
sample_html: Callable[[Any], str]
batch_html: Callable[[Any], str]
measure_pixels: Callable[..., PixelStatistics]
measure_boxes: Callable[[Any], BoxStatistics]
