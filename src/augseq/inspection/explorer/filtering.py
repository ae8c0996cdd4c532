"""Which images of a manifest a person looks at."""

import numpy as np

from augseq.inspection.positions import class_positions, is_labelled, positions_in_turn
from augseq.manifest.manifest import Manifest
from augseq.types import Positions


def find_positions(manifest: Manifest, *, class_name: str | None, text: str) -> Positions:
    """Return the positions of images of a class whose path holds a text, in any case of letters.

    Args:
        manifest: Of which images.
        class_name: None for all classes, which then come in turn.
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
    """Return the names of classes to choose from; none where there are no labels."""
    return manifest.class_names if is_labelled(manifest) else ()
