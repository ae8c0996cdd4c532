"""Draw images of a manifest in a grid, as stored in their files."""

from augseq.errors import ArgumentError
from augseq.inspection.grid import draw_grid
from augseq.inspection.picture import Picture
from augseq.inspection.positions import class_positions, evenly, spread_positions
from augseq.inspection.thumbnails import file_images, load_looks, record_title
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
        class_name: Only this class, with the names of the files; None for all classes in turn.
        num_images: Maximum number of images.

    Raises:
        ArgumentError: There is no such class, or no image.
    """
    check_whole("num_images", num_images, least=1)
    if class_name is None:
        positions = spread_positions(manifest, num_images)
    else:
        check_choice("class_name", class_name, manifest.class_names)
        label = manifest.class_names.index(class_name)
        positions = evenly(class_positions(manifest, label), num_images)
    if not len(positions):
        raise ArgumentError(
            f"There must be an image to show. Received: {manifest!r}, class_name={class_name!r}"
        )
    records = manifest.records(positions)
    image_of = file_images(manifest, side_px=_SIDE_PX)
    looks = load_looks(records, image_of, side_px=_SIDE_PX, limit_s=_LIMIT_S)
    names = () if class_name else manifest.class_names
    titles = [record_title(record, names) for record in records]
    return draw_grid(looks, titles)
