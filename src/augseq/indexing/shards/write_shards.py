"""Write a manifest into shards of any format."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from augseq.errors import ArgumentError
from augseq.indexing.shards.dataset_file import NAME, dataset_file
from augseq.indexing.shards.written_samples import (
    WrittenSample,
    used_path_columns,
    written_samples,
)
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.manifest.windows import check_whole_images
from augseq.sampling.permutation import epoch_order
from augseq.sampling.randomness import check_seed
from augseq.storage.new_folder import new_folder
from augseq.types import PathLike, Positions
from augseq.validation import check_bool, check_whole

# Most other programs expect shards of 0.1 to 1 GB.
MAX_SHARD_BYTES = 500_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardOptions:
    """How samples are written; documented as the arguments of `write_webdataset`."""

    path_columns: Sequence[str] | None
    max_shard_bytes: int
    max_shard_images: int | None
    shuffle: bool
    seed: int
    progress: bool

    def __post_init__(self) -> None:
        check_whole("max_shard_bytes", self.max_shard_bytes, least=1)
        if self.max_shard_images is not None:
            check_whole("max_shard_images", self.max_shard_images, least=1)
        check_bool("shuffle", self.shuffle)
        check_seed(self.seed)

    def is_full(self, num_images: int, num_bytes: int) -> bool:
        """Return whether a shard takes no more images."""
        most = self.max_shard_images
        return num_bytes >= self.max_shard_bytes or (most is not None and num_images >= most)

    def order(self, num_images: int) -> Positions:
        """Return the positions of the images in the order in which they are written."""
        places = np.arange(num_images)
        if not self.shuffle:
            return places
        return epoch_order(places, num_images, seed=self.seed, epoch=0)


def check_writable(manifest: Manifest, function: str) -> None:
    """Raise `ArgumentError` if a manifest has no images, or tiles of images."""
    check_manifest(manifest)
    check_whole_images(manifest.table, function)
    if not len(manifest):
        raise ArgumentError(f"`{function}` requires a manifest with images. Received: none")


def write_shards(
    manifest: Manifest,
    folder: PathLike,
    ending: str,
    options: ShardOptions,
    open_shard: Callable[[Path], AbstractContextManager[Callable[[WrittenSample], int]]],
) -> list[str]:
    """Write samples into one shard after the other, and return the names of the files.

    Args:
        manifest: The images.
        folder: Where to write the shards, and `dataset.json`.
        ending: Extension of the shards, without a dot.
        options: How they are written.
        open_shard: Creates the file of a path, and yields a function that writes a sample and
            returns how many bytes the shard then has.

    Raises:
        ArgumentError: The folder is not empty, or a column cannot be written.
        AugseqError: A file cannot be read; the message names it.
        OSError: A file cannot be written.
    """
    columns = used_path_columns(manifest, options.path_columns)
    about = dataset_file(manifest, columns)
    order = options.order(len(manifest))
    with new_folder(folder) as draft:
        samples = written_samples(manifest, columns, order, progress=options.progress)
        names = _fill_shards(samples, draft, ending, options, open_shard)
        (draft / NAME).write_bytes(about.write())
    return names


def _fill_shards(
    remaining: Iterator[WrittenSample],
    folder: Path,
    ending: str,
    options: ShardOptions,
    open_shard: Callable[[Path], AbstractContextManager[Callable[[WrittenSample], int]]],
) -> list[str]:
    names: list[str] = []
    sample = next(remaining, None)
    while sample is not None:
        names.append(f"shard-{len(names):06d}.{ending}")
        with open_shard(folder / names[-1]) as write:
            num_images = num_bytes = 0
            while sample is not None and not options.is_full(num_images, num_bytes):
                num_images, num_bytes = num_images + 1, write(sample)
                sample = next(remaining, None)
        # Before the folder gets its name: after a power failure, no file is incomplete.
        with open(folder / names[-1], "r+b") as file:
            os.fsync(file.fileno())
    return names
