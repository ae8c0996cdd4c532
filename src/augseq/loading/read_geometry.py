"""Where the points of an image are after it was read and resized."""

from augseq.augment.geometry import Geometry
from augseq.manifest.record import Record
from augseq.pixels.decoders.jpeg import JPEG
from augseq.pixels.options import ResizeOptions
from augseq.pixels.region import Region, read_box, scaled_box
from augseq.pixels.resize import resized_place


def read_geometry(
    whole: Geometry, record: Record, region: Region, pixels: tuple[int, ...]
) -> Geometry:
    """Return where the points of a whole image are in the pixels that were read of it.

    Args:
        whole: The geometry of the whole image.
        record: The record of the image.
        region: What was to be read.
        pixels: (height, width, channels) of what was read.
    """
    size = (pixels[0], pixels[1])
    if region.resize is None or size != region.resize.image_size:
        scale, (top, left, *_) = read_box(region, whole.size, pixels)
        return whole.scaled(size, 1 / scale, 1 / scale, -left, -top)
    # Perhaps from a cache of resized images, which does not say at which scale a JPEG was decoded.
    scale = region.scale(whole.size) if record.path.lower().endswith(JPEG.endings) else 1
    _, _, height, width = scaled_box(None, whole.size, scale)
    decoded = whole.scaled((height, width), 1 / scale, 1 / scale)
    return resized_geometry(decoded, region.resize)


def resized_geometry(geometry: Geometry, options: ResizeOptions) -> Geometry:
    """Return where the points of an image are after it was resized."""
    return geometry.scaled(options.image_size, *resized_place(geometry.size, options))
