"""Write a manifest as TFRecord files of `tf.train.Example`s."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from augseq.errors import MissingExtraError, install_command
from augseq.indexing.shards.write_shards import (
    MAX_SHARD_BYTES,
    ShardOptions,
    check_writable,
    write_shards,
)
from augseq.indexing.shards.written_samples import WrittenSample
from augseq.manifest.manifest import Manifest
from augseq.types import PathLike


def write_tfrecord(
    manifest: Manifest,
    folder: PathLike,
    *,
    path_columns: Sequence[str] | None = None,
    max_shard_bytes: int = MAX_SHARD_BYTES,
    max_shard_images: int | None = None,
    shuffle: bool = False,
    seed: int = 0,
    progress: bool = True,
) -> list[str]:
    """Write the images of a manifest as TFRecord files, for `tf.data`.

    Each image is a `tf.train.Example` with the features `image` (the bytes of the image file,
    unchanged), `path` (relative to the manifest's root, or the name in a
    tar file) and, with labels, `label` (an integer).
    The feature `columns/NAME` is a column: text as bytes, whole numbers, booleans and times as
    integers, other numbers as float32; the values of a list, and none for a missing value. For a
    column in `path_columns`, it is the bytes of the file, unchanged. `dataset.json` holds the class
    names. The page docs/shards.md shows how to read them. augseq itself reads folders and tar
    files, not TFRecord files, in which images cannot be found without reading all before them.

    Args:
        manifest: Any manifest, also of a remote folder or of shards. Excluded records and probes
            are not written.
        folder: An empty folder, or one to create. It appears only when everything is written.
        path_columns: As for `write_webdataset`, like all further options.
        max_shard_bytes: Size at which a file is complete and the next one begins.
        max_shard_images: Number of images at which a file is complete.
        shuffle: Whether to write the images in a random order. `tf.data` can only shuffle within a
            buffer, so pass True for training.
        seed: Determines the random order.
        progress: Whether long work shows a progress bar.

    Returns:
        Paths of the files, in their order.

    Raises:
        MissingExtraError: TensorFlow is not installed.
        ArgumentError: The folder is not empty, there are no images, a column cannot be written, or
            an option is invalid.
        AugseqError: A file cannot be read; the message names it.
        OSError: A file cannot be written.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> paths = augseq.write_tfrecord(images, "records", shuffle=True)  # doctest: +SKIP
    """
    check_writable(manifest, "write_tfrecord")
    options = ShardOptions(
        path_columns=path_columns,
        max_shard_bytes=max_shard_bytes,
        max_shard_images=max_shard_images,
        shuffle=shuffle,
        seed=seed,
        progress=progress,
    )
    try:
        import tensorflow as tf
    except ImportError as error:
        raise MissingExtraError(
            "`write_tfrecord` requires TensorFlow, which is not installed: "
            f"{install_command('tensorflow')}. Without it, `write_webdataset` writes tar files."
        ) from error
    names = write_shards(manifest, folder, "tfrecord", options, partial(_open_file, tf))
    return [str(Path(folder, name)) for name in names]


@contextmanager
def _open_file(tf: Any, path: Path) -> Iterator[Callable[[WrittenSample], int]]:
    num_bytes = 0
    with tf.io.TFRecordWriter(str(path)) as file:

        def write(sample: WrittenSample) -> int:
            nonlocal num_bytes
            data = _example(tf, sample).SerializeToString(deterministic=True)
            file.write(data)
            num_bytes += len(data)
            return num_bytes

        yield write


def _example(tf: Any, sample: WrittenSample) -> Any:
    features = {
        "image": _feature(tf, [sample.image]),
        "path": _feature(tf, [sample.path]),
    }
    if sample.record.target is not None:
        features["label"] = _feature(tf, [sample.record.target])
    for name, value in sample.row.items():
        values = value if isinstance(value, list) else [value]
        features[f"columns/{name}"] = _feature(tf, [one for one in values if one is not None])
    for name, (_, data) in sample.files.items():
        features[f"columns/{name}"] = _feature(tf, [data])
    return tf.train.Example(features=tf.train.Features(feature=features))


def _feature(tf: Any, values: list[Any]) -> Any:
    """Return values of one type as a feature; without values, it has no type."""
    if not values:
        return tf.train.Feature()
    if isinstance(values[0], str | bytes):
        texts = [one.encode() if isinstance(one, str) else one for one in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=texts))
    if isinstance(values[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=map(int, values)))
