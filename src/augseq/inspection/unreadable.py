"""Find the files that training would stop at."""

import os
from concurrent.futures import ThreadPoolExecutor

from tqdm.auto import tqdm

from augseq.errors import AugseqError
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.pixels.region import WHOLE
from augseq.pixels.source import ImageSource

# Images in a task: a future for each of a million images would take a gigabyte.
_CHUNK = 16


def find_unreadable(
    manifest: Manifest, source: ImageSource, *, progress: bool = True
) -> list[AugseqError]:
    """Decode every image whole, and return the errors, in the order of the records.

    Args:
        manifest: Which images.
        source: Where they come from.
        progress: Whether long work shows a progress bar.
    """

    def errors(first: int) -> list[AugseqError | None]:
        stop = min(first + _CHUNK, len(manifest))
        return [_error(record, source) for record in manifest.records(range(first, stop))]

    found: list[AugseqError] = []
    with (
        ThreadPoolExecutor(os.cpu_count()) as pool,
        # The bar shows itself on long work only.
        tqdm(
            desc="Checking", unit=" images", total=len(manifest), delay=0.5, disable=not progress
        ) as bar,
    ):
        for chunk in pool.map(errors, range(0, len(manifest), _CHUNK)):
            found += [error for error in chunk if error is not None]
            bar.update(len(chunk))
    return found


def _error(record: Record, source: ImageSource) -> AugseqError | None:
    try:
        source.open(record).read(WHOLE)
    except AugseqError as error:
        return error
    return None
