"""Draw images of a manifest in a grid, as stored in their files."""

from augseq.errors import ArgumentError
from augseq.inspection.drawing.grid import draw_looks
from augseq.inspection.drawing.manifest_objects import (
    load_with_objects,
    positions_of_class,
    shown_classes,
)
from augseq.inspection.drawing.picture import Picture
from augseq.inspection.drawing.positions import evenly, spread_positions
from augseq.inspection.drawing.thumbnails import record_title
from augseq.manifest.manifest import Manifest
from augseq.validation import check_choice, check_whole

_SIDE_PX = 256
# About as long as a user will wait; images on a slow network drive take some seconds.
_LIMIT_S = 30.0


def draw_manifest(
    manifest: Manifest, *, class_name: str | None = None, num_images: int = 12
) -> Picture:
    """Draw some images of a manifest; for unreadable ones, a box with the reason.

    Args:
        manifest: The images to choose from.
        class_name: Only images of this class, or with boxes of it, with the names of the files;
            None for all classes in turn.
        num_images: Maximum number of images.

    Raises:
        ArgumentError: There is no such class, or no image.
    """
    check_whole("num_images", num_images, least=1)
    if class_name is None:
        positions = spread_positions(manifest, num_images)
    else:
        names = shown_classes(manifest)
        check_choice("class_name", class_name, names)
        positions = positions_of_class(manifest, names.index(class_name))
        positions = evenly(positions, num_images)
    if not len(positions):
        raise ArgumentError(
            f"There must be an image to show. Received: {manifest!r}, class_name={class_name!r}"
        )
    records = manifest.records(positions)
    looks = load_with_objects(manifest, positions, side_px=_SIDE_PX, limit_s=_LIMIT_S)
    titles = [
        record_title(record, () if class_name else manifest.class_names) for record in records
    ]
    return draw_looks(looks, titles)
