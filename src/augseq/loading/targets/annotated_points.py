"""What a manifest says about its key points: their number, names and partners."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from augseq.errors import LabelError
from augseq.loading.targets.column_checks import files_at
from augseq.manifest.mirrored_points import check_mirror, fitting_mirror, partners_by_name

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest


def annotated_num_points(
    manifest: "Manifest", images_of: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> int:
    """Return the number of key points, which must be the same for all objects that have any.

    Raises:
        LabelError: It is not the same, or no object has any and the dataset does not state it.
    """
    numbers = np.unique(counts)
    if len(numbers) > 1:
        has_it = np.isin(np.arange(len(manifest)), images_of[counts == numbers[1]])
        raise LabelError(
            "KeyPoints requires the same number of points for all objects that have any. Received: "
            f"{numbers.tolist()} points; {numbers[1]} for {files_at(manifest, has_it)}. Select the "
            "images of one kind of objects."
        )
    if len(numbers):
        return int(numbers[0])
    named = {len(c["keypoints"]) for c in _categories(manifest) if c.get("keypoints")}
    named |= set((_info(manifest).get("kpt_shape") or ())[:1])
    if len(named) == 1:
        return int(named.pop())
    raise LabelError("KeyPoints requires objects with key points. Received: none in any image")


def annotated_mirror(
    wanted: Sequence[int] | None, manifest: "Manifest", num_points: int, names: Sequence[str]
) -> tuple[int, ...] | None:
    """Return the partner of each point; None if it is not known.

    Raises:
        ArgumentError: There is not one for each point.
    """
    mirror = wanted
    if mirror is None:
        mirror = _info(manifest).get("flip_idx")
        if mirror is not None:
            check_mirror(mirror, "`flip_idx` of the annotations")
    if mirror is None and not names:
        return None
    if mirror is None:
        return partners_by_name(names)
    return fitting_mirror(mirror, num_points)


def _info(manifest: "Manifest") -> dict[str, Any]:
    return json.loads(manifest.dataset_info) if manifest.dataset_info else {"categories": []}


def _categories(manifest: "Manifest") -> list[dict[str, Any]]:
    categories: list[dict[str, Any]] = _info(manifest)["categories"]
    return [c for c in categories if isinstance(c.get("keypoints", []), list)]
