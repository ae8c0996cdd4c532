"""Find the files that training would stop at."""

import os

from augseq.errors import AugseqError
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.pixels.region import WHOLE
from augseq.pixels.source import ImageSource
from augseq.threaded_map import map_in_threads


def find_unreadable(
    manifest: Manifest, source: ImageSource, *, progress: bool = True
) -> list[AugseqError]:
    """Decode every image whole, and return the errors, in the order of the records.

    Args:
        manifest: Which images.
        source: Where they come from.
        progress: Whether long work shows a progress bar.
    """

    def find(record: Record) -> AugseqError | None:
        try:
            source.open(record).read(WHOLE)
        except AugseqError as error:
            return error
        return None

    errors = map_in_threads(
        find,
        manifest,
        num_items=len(manifest),
        num_threads=os.cpu_count() or 1,
        title="Checking",
        progress=progress,
    )
    return [error for error in errors if error is not None]
