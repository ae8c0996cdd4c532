"""Write a manifest as tar files in WebDataset's layout."""

import io
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from augseq.indexing.shards.index_webdataset import index_webdataset
from augseq.indexing.shards.write_shards import (
    MAX_SHARD_BYTES,
    ShardOptions,
    check_writable,
    write_shards,
)
from augseq.indexing.shards.written_samples import WrittenSample, json_text
from augseq.manifest.manifest import Manifest
from augseq.types import PathLike


def write_webdataset(
    manifest: Manifest,
    folder: PathLike,
    *,
    path_columns: Sequence[str] | None = None,
    max_shard_bytes: int = MAX_SHARD_BYTES,
    max_shard_images: int | None = None,
    shuffle: bool = False,
    seed: int = 0,
    progress: bool = True,
) -> Manifest:
    """Write the images of a manifest into tar files, in WebDataset's layout.

    A sample has the key of its path without extension, and the members `.jpg` (or another
    extension: the bytes of the image file, unchanged), `.cls` (the label, an integer), `.json` (all
    other columns) and one for each file of `path_columns`, such as `.mask.png`. Dots in file names
    become `%2E`, since the first dot ends the key. `dataset.json` next to the tar files holds the
    class names and the types of columns, which samples do not have, so that
    `index_webdataset(folder)` returns an equal dataset. The same manifest and files give the same
    tar files, byte for byte.

    Args:
        manifest: Any manifest, also of a remote folder or of other shards. Excluded records and
            probes are not written.
        folder: An empty folder, or one to create. It appears only when everything is written.
        path_columns: Columns with the paths of further files to write, such as masks; if None,
            those that were made by a pattern of `with_column`, `manifest.path_columns`.
        max_shard_bytes: Size at which a tar file is complete and the next one begins.
        max_shard_images: Number of images at which a tar file is complete.
        shuffle: Whether to write the images in a random order instead of that of the manifest.
            Programs that read shards from beginning to end need it, since they can only shuffle
            within a buffer; for `ImageSequence`, which shuffles all images, it makes no difference.
        seed: Determines the random order.
        progress: Whether long work shows a progress bar.

    Returns:
        The manifest of the shards, as from `index_webdataset(folder)`.

    Raises:
        ArgumentError: The folder is not empty, there are no images, a column cannot be written, or
            an option is invalid.
        AugseqError: A file cannot be read; the message names it.
        OSError: A file cannot be written.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> shards = augseq.write_webdataset(images, "shards/train")  # doctest: +SKIP
    """
    check_writable(manifest, "write_webdataset")
    options = ShardOptions(
        path_columns=path_columns,
        max_shard_bytes=max_shard_bytes,
        max_shard_images=max_shard_images,
        shuffle=shuffle,
        seed=seed,
        progress=progress,
    )
    write_shards(manifest, folder, "tar", options, _open_tar)
    return index_webdataset(folder, progress=progress)


@contextmanager
def _open_tar(path: Path) -> Iterator[Callable[[WrittenSample], int]]:
    with tarfile.open(path, "x", format=tarfile.PAX_FORMAT) as archive:

        def write(sample: WrittenSample) -> int:
            for name, data in _members(sample):
                archive.addfile(_header(name, len(data)), io.BytesIO(data))
            return archive.offset

        yield write


def _members(sample: WrittenSample) -> Iterator[tuple[str, bytes]]:
    """Yield the name and bytes of each member."""
    yield f"{sample.key}.{sample.ending}", sample.image
    if sample.record.target is not None:
        yield f"{sample.key}.cls", str(sample.record.target).encode()
    if sample.row:
        yield f"{sample.key}.json", json_text(sample.row)
    for column, (ending, data) in sample.files.items():
        yield f"{sample.key}.{column}{ending and f'.{ending}'}", data


def _header(name: str, num_bytes: int) -> tarfile.TarInfo:
    # Time 0 and no owner, so that the same images give the same bytes.
    header = tarfile.TarInfo(name)
    header.size = num_bytes
    header.mode = 0o644
    return header
