"""Filter the images of a manifest by class and path."""

import numpy as np

from augseq.inspection.drawing.positions import class_positions, is_labelled, positions_in_turn
from augseq.manifest.manifest import Manifest
from augseq.types import Positions


def find_positions(manifest: Manifest, *, class_name: str | None, text: str) -> Positions:
    """Return the positions of images by class and by text in the path, ignoring case.

    Args:
        manifest: The images to filter.
        class_name: None for all classes, which then alternate.
        text: Empty for all paths.
    """
    if class_name is None:
        positions = positions_in_turn(manifest)
    else:
        positions = class_positions(manifest, manifest.class_names.index(class_name))
    if not text:
        return positions
    wanted = text.casefold()
    paths = manifest.column("path")
    holds = (wanted in paths[position].casefold() for position in positions)
    found: Positions = positions[np.fromiter(holds, bool, len(positions))]
    return found


def shown_classes(manifest: Manifest) -> tuple[str, ...]:
    """Return the class names to choose from; empty without labels."""
    return manifest.class_names if is_labelled(manifest) else ()
