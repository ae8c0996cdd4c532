"""Facts about the files that belong to images: masks, value maps and paired images."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.augment.moving_map import MovingMap
from augseq.errors import AugseqError, LabelError, MissingFileError
from augseq.indexing.look import cause_of, is_fault_of_storage
from augseq.inspection.reports.class_counts import mask_counts, pixels_by_code
from augseq.loading.targets.map_file import MapFiles
from augseq.loading.targets.mask import MaskTarget
from augseq.loading.targets.paired_image import PairedSource, PairedTarget
from augseq.loading.targets.value_map import ValueMapTarget
from augseq.manifest.mask_counts import MaskCounts
from augseq.manifest.record import Record
from augseq.pixels.region import WHOLE
from augseq.types import Image

MapTarget: TypeAlias = MaskTarget | ValueMapTarget | PairedTarget
"""A target with a file for each image."""

_OTHER_SIZE = re.compile(r"but its image has \d")


@dataclass(frozen=True, slots=True)
class MapLook:
    """What the file of one image contains.

    Attributes:
        problem: Kind of finding and reason; None if training can use the file.
        counts: Pixels of each class of a mask, and of ignored ones; None for other files.
    """

    problem: tuple[str, str] | None = None
    counts: npt.NDArray[np.int64] | None = None


@dataclass(slots=True)
class MapFacts:
    """What the files of one target contain, collected image by image.

    Attributes:
        target: The target.
        problems: Kind of finding and reason, by position of the image.
        counts: Pixels of each class in each usable mask.
    """

    target: MapTarget
    problems: dict[int, tuple[str, str]] = field(default_factory=dict)
    counts: list[npt.NDArray[np.int64]] = field(default_factory=list)

    def add(self, position: int, look: MapLook) -> None:
        """Add what the file of an image contains."""
        if look.problem is not None:
            self.problems[position] = look.problem
        if look.counts is not None:
            self.counts.append(look.counts)

    @property
    def mask_counts(self) -> MaskCounts | None:
        """Pixels and images of each class; None if the files are not masks."""
        if not isinstance(self.target, MaskTarget):
            return None
        return mask_counts(self.target.classes, self.counts)


def look_at_map(target: MapTarget, record: Record, image: Image) -> MapLook:
    """Read and decode the file of an image, by the rules of training.

    Args:
        target: What to read.
        record: The record of the image.
        image: The upright image.

    Raises:
        AugseqError: The remote storage as a whole fails.
    """
    try:
        if isinstance(target, PairedTarget) and target.own_source:
            # Of any size.
            target.source.open(record).read(WHOLE)
            return MapLook()
        found = target.read_map(record, image.shape, WHOLE, image)
    except AugseqError as error:
        if is_fault_of_storage(error, files_of_maps(target).files.root):
            raise
        return MapLook(problem=_problem(error, target, record))
    return MapLook(counts=_counts(target, found))


def _counts(target: MapTarget, found: MovingMap) -> npt.NDArray[np.int64] | None:
    if not isinstance(target, MaskTarget):
        return None
    return pixels_by_code(found.values, len(target.classes))


def _problem(error: AugseqError, target: MapTarget, record: Record) -> tuple[str, str]:
    files = files_of_maps(target)
    name = f"{files.kind} {files.path_of(record)!r}"
    if isinstance(error, MissingFileError):
        return "missing_map", f"there is no {name}"
    if isinstance(error, LabelError):
        # The report names the image; what remains is about the file.
        rest = str(error).partition(files.where(record))[2]
        return "map_values", f"{name}{rest.partition('. ')[0]}"
    reason = cause_of(error)
    is_size = _OTHER_SIZE.search(reason)
    return ("map_size" if is_size else "unusable_map"), f"{name}: {reason}"


def files_of_maps(target: MapTarget) -> MapFiles:
    """Return where the files of a target of a manifest are."""
    if isinstance(target, PairedTarget):
        assert isinstance(target.source, PairedSource)
        return target.source.names
    found = target.maps
    assert isinstance(found, MapFiles)
    return found


def maps_of(loaded: Iterable[object]) -> list[MapTarget]:
    """Return the targets and further inputs with a file for each image."""
    return [value for value in loaded if isinstance(value, MapTarget)]


def counts_by_column(maps: Iterable[MapFacts]) -> dict[str, MaskCounts]:
    """Return the counts of all masks, by the column of their paths."""
    found = ((files_of_maps(facts.target).column, facts.mask_counts) for facts in maps)
    return {column: counts for column, counts in found if counts is not None}
