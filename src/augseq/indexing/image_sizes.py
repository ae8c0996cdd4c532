"""The sizes of the images of a manifest, without decoding them."""

import os
from functools import partial

import numpy as np

from augseq.errors import ArgumentError, AugseqError
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.parallel_map.map_items import map_in_threads
from augseq.pixels.image_size import read_image_size
from augseq.remote.url import is_remote
from augseq.runtime.cores import num_cores
from augseq.types import Positions


def image_sizes(
    manifest: Manifest, purpose: str, *, upright: bool = True, progress: bool
) -> Positions:
    """Return the size of the image of each record.

    It is that of its probe, or read from the header of its file.

    Args:
        manifest: The records.
        purpose: What needs the sizes, for the message.
        upright: Whether images are turned upright; otherwise their sizes are those as stored.
        progress: Whether long work shows a progress bar.

    Returns:
        (height, width) in pixels, shape (num_records, 2), int64.

    Raises:
        ArgumentError: The images are remote, and not probed.
        AugseqError: The header of a file cannot be read.
    """
    records = manifest.records(range(len(manifest)), columns=())
    is_probed = all(record.probe is not None and record.probe.height for record in records)
    if not is_probed and is_remote(manifest.root):
        raise ArgumentError(
            f"{purpose} requires the sizes of the images, and those of remote images are read only "
            "by augseq.probe_manifest. Probe the manifest first. "
            f"Received: a manifest without probes, root={manifest.root!r}"
        )
    sizes = map_in_threads(
        partial(_image_size, manifest.root, upright),
        records,
        num_items=len(records),
        num_threads=1 if is_probed else num_cores(),
        title="Reading sizes",
        progress=progress,
    )
    return np.array(list(sizes), np.int64).reshape(-1, 2)


def _image_size(root: str, upright: bool, record: Record) -> tuple[int, int]:
    if record.window is not None:
        return record.window.size
    probe = record.probe
    if probe is not None and probe.height and probe.width:
        is_turned = not upright and (probe.orientation or 1) > 4
        return (probe.width, probe.height) if is_turned else (probe.height, probe.width)
    try:
        found = read_image_size(os.path.join(root, record.path))
    except AugseqError as error:
        raise type(error)(f"Cannot read the size of {record} in {root!r}: {error}") from error
    return found.upright if upright else found.stored
