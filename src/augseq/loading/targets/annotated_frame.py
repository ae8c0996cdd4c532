"""The frame of annotations: where their coordinates are in the image as it is loaded."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from augseq.augment.geometry import Geometry, Points, Size
from augseq.errors import ArgumentError, LabelError
from augseq.loading.targets.column_checks import check_no_missing
from augseq.loading.targets.target import ImageOptions
from augseq.manifest.record import Record
from augseq.parallel_map.map_items import map_in_threads
from augseq.pixels.decoders.orientation import turn_back
from augseq.pixels.image_size import read_image_size
from augseq.pixels.resize import shrunk_size
from augseq.remote.url import is_remote
from augseq.runtime.cores import num_cores
from augseq.storage.array_content import array_text

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

FRAME, HEIGHT, WIDTH = "box_frame", "image_height", "image_width"
_UPRIGHT, _STORED = "upright", "stored"


@dataclass(frozen=True, slots=True)
class AnnotatedFrame:
    """How annotated coordinates become those of the image as it is loaded.

    Attributes:
        columns: The columns of the manifest that it reads.
        turns: By index of the record, the EXIF orientation by which its points are turned; other
            records are annotated as they are loaded.
        shorter_side_px: Shorter side that a cache downscales images to; None for full size.
    """

    columns: tuple[str, ...]
    turns: dict[int, int]
    shorter_side_px: int | None = None

    def __repr__(self) -> str:
        # What decides the values, as `Target.content` needs it, for any number of images.
        turns = array_text(np.array(sorted(self.turns.items()))) if self.turns else None
        return f"AnnotatedFrame(turns={turns}, shorter_side_px={self.shorter_side_px})"

    def geometry(self, record: Record, shape: tuple[int, ...]) -> Geometry:
        """Return the geometry of an image before it has moved, except into its window.

        Args:
            record: The record, with the `columns`.
            shape: (height, width, channels) of the whole image as it is loaded.

        Raises:
            LabelError: The image was annotated with another size.
        """
        shape = record.whole_shape(shape)
        height, width = record.columns.get(HEIGHT), record.columns.get(WIDTH)
        if self.turns.get(record.index, 1) > 4:
            height, width = width, height
        if self.shorter_side_px is not None and height and width:
            expected = shrunk_size((height, width), self.shorter_side_px)
            if expected == shape[:2]:
                whole = Geometry((height, width))
                return whole.scaled(expected, expected[1] / width, expected[0] / height)
        if height is not None and (height, width) != shape[:2]:
            raise LabelError(
                f"The size of {record} must be that of its annotations. Received: an image of "
                f"{shape[0]} x {shape[1]} pixels, annotated as {height} x {width} (height x "
                "width). If the file has changed, correct its annotations, and index them again."
            )
        whole, window = Geometry((shape[0], shape[1])), record.window
        if window is not None:
            whole = whole.scaled(window.size, 1, 1, -window.left, -window.top)
        return whole

    def placed(self, points: Points, record: Record, size: Size) -> Points:
        """Return annotated points of a record in the image as it is loaded.

        Args:
            points: Shape (..., 2).
            record: The record.
            size: Size of the image as it is loaded.
        """
        turn = self.turns.get(record.index)
        if turn is None:
            return points
        height, width = size
        stored_x, stored_y = np.moveaxis(points, -1, 0)
        x, y = (stored_x, stored_y) if turn < 5 else (stored_y, stored_x)
        x = width - x if turn in (2, 3, 6, 7) else x
        y = height - y if turn in (3, 4, 7, 8) else y
        return np.stack([x, y], axis=-1)


def annotated_frame(manifest: "Manifest", images: ImageOptions) -> AnnotatedFrame:
    """Return the frame of the annotations of a manifest.

    If images are loaded in another frame than they were annotated in, their orientation is that of
    their probes, or read from their files.

    Args:
        manifest: The records.
        images: How they are loaded: upright, or as stored.

    Raises:
        ArgumentError: The orientation of remote images is needed, but not known.
        AugseqError: The header of a file cannot be read.
    """
    names = manifest.table.column_names
    sizes = tuple(name for name in (HEIGHT, WIDTH) if name in names)
    loaded = _UPRIGHT if images.decode.exif_orientation else _STORED
    shorter_side_px = images.shorter_side_px
    if shorter_side_px is not None:
        for name in (HEIGHT, WIDTH):
            way_out = (
                "A cache of shrunk images requires the annotated sizes of all images. Remove "
                "`shorter_side_px` from the cache."
            )
            check_no_missing(manifest, "The size of an image", name, way_out)
    if FRAME not in names:
        return AnnotatedFrame(sizes, {}, shorter_side_px)
    frames = manifest.column(FRAME)
    others = np.flatnonzero((frames != loaded) & (frames != np.array(None)))
    records = manifest.records(others, columns=()) if len(others) else []
    turns = {}
    for record, orientation in zip(records, _orientations(manifest, records), strict=True):
        turn = orientation if loaded == _UPRIGHT else turn_back(orientation)
        if turn != 1:
            turns[record.index] = turn
    return AnnotatedFrame(sizes, turns, shorter_side_px)


def _orientations(manifest: "Manifest", records: Sequence[Record]) -> Iterator[int]:
    if all(record.probe is not None for record in records):
        return (record.probe.orientation or 1 for record in records if record.probe)
    if is_remote(manifest.root):
        raise ArgumentError(
            "The images are annotated in another frame than they are loaded in, upright or as "
            "stored, so that their orientation is required, but those of remote images are read "
            "only by augseq.probe_manifest. Probe the manifest first. "
            f"Received: a manifest without probes, root={manifest.root!r}"
        )
    return map_in_threads(
        partial(_orientation, manifest.root),
        records,
        num_items=len(records),
        num_threads=num_cores(),
        title="Reading orientations",
        progress=True,
    )


def _orientation(root: str, record: Record) -> int:
    return read_image_size(os.path.join(root, record.path)).orientation
