"""Index tar files in WebDataset's layout, without unpacking them."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import (
    ArgumentError,
    AugseqWarning,
    LabelError,
    ManifestError,
    MissingFileError,
)
from augseq.indexing.labels import check_class_names, class_findings, name_classes
from augseq.indexing.look import num_readers
from augseq.indexing.shards.dataset_file import NAME, DatasetFile, parse_dataset_file
from augseq.indexing.shards.read_shard import Shard, StoredSample, read_shard
from augseq.indexing.shards.sample_columns import (
    Fields,
    chosen_names,
    further_paths,
    image_paths,
    label_values,
    unused_extensions,
)
from augseq.indexing.shards.shard_files import ShardNames, Shards, find_shards
from augseq.indexing.table.index_table import MissingLabels
from augseq.manifest.manifest import Manifest
from augseq.manifest.schema import RESERVED_NAMES, standard_table
from augseq.parallel_map.map_items import map_in_threads
from augseq.remote.folder import RemoteFolder
from augseq.remote.options import RemoteOptions
from augseq.remote.url import is_remote
from augseq.terminal_text import first_few, listed
from augseq.validation import briefly, check_choice, explains_names, is_ordered

_INFERRED = "inferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """How to read samples; documented as the arguments of `index_webdataset`."""

    image: str | None = None
    label: str | None = _INFERRED
    class_names: Sequence[str] | None = None
    path_columns: Mapping[str, str] = field(default_factory=dict)
    columns: Sequence[str] | None = None
    missing_labels: MissingLabels = "error"

    def __post_init__(self) -> None:
        check_class_names(self.class_names)
        check_choice("missing_labels", self.missing_labels, ("error", "keep"))
        if self.class_names is not None and self.label is None:
            raise ArgumentError("`class_names` requires a `label`. Received: label=None")
        for name, value in (("image", self.image), ("label", self.label)):
            if not isinstance(value, str | None):
                raise ArgumentError(f"`{name}` must be text. Received: {name}={value!r}")
        if self.image is not None:
            object.__setattr__(self, "image", self.image.lower().removeprefix("."))
        paths = self.path_columns
        if not isinstance(paths, Mapping) or not all(
            isinstance(text, str) and text.strip(".") for row in paths.items() for text in row
        ):
            raise ArgumentError(
                "`path_columns` must be a dict from the name of a column to the extension of its "
                f"members, such as {{'mask': 'mask.png'}}. Received: path_columns={paths!r}"
            )
        endings = {name: text.lower().removeprefix(".") for name, text in paths.items()}
        object.__setattr__(self, "path_columns", endings)
        columns = self.columns
        if columns is not None and (
            not is_ordered(columns)
            or not all(isinstance(name, str) for name in columns)
            or len(set(columns)) != len(columns)
        ):
            raise ArgumentError(
                f"`columns` must be a list of different names. Received: columns={columns!r}"
            )


@explains_names
def index_webdataset(
    shards: ShardNames,
    *,
    image: str | None = None,
    label: str | None = _INFERRED,
    class_names: Sequence[str] | None = None,
    path_columns: Mapping[str, str] | None = None,
    columns: Sequence[str] | None = None,
    missing_labels: MissingLabels = "error",
    remote: RemoteOptions | None = None,
    progress: bool = True,
) -> Manifest:
    """Index the images in tar files in WebDataset's layout, without unpacking them.

    Consecutive members with the same folder and name up to the first dot are one sample, such as
    `cats/0001.jpg`, `cats/0001.cls` and `cats/0001.json`. Only headers, labels and metadata are
    read. The manifest can be used like that of a folder, with every kind of workers: an image is
    read from its position in the tar file, which its path contains, as in
    `train-000.tar@1536+10234.1a2b3c4d/cats/0001.jpg`. The number after the dot is a checksum of
    the member's header, so a replaced tar file is an error.

    Args:
        shards: A folder of tar files, in the order of their names; a pattern with braces or
            wildcards, such as "shards/train-{000..099}.tar"; the address of a remote folder or of
            remote tar files, such as "s3://bucket/train-{000..099}.tar"; or a list of these.
        image: Extension of the images, such as "jpg" or "input.png": the name from its first dot.
            None for the only member of each sample that has the extension of an image.
        label: "cls" for the member `.cls`; the name of a field of `.json`; "txt" for `.txt`; or
            None for no labels. "inferred" reads `.cls` if there are any. Integers are positions in
            `class_names` if that is known.
        class_names: Classes, in the order of the labels. If None, those that `write_webdataset`
            wrote into `dataset.json` next to the tar files; otherwise all that are found, sorted as
            in `index_table`.
        path_columns: Further files, such as masks: the extension of each by the name of its column,
            as in {"mask": "mask.png"}, for `augseq.Mask("mask")`. "mask" is for every extension
            that begins with it. If None, those in `dataset.json`.
        columns: Fields of `.json` and `.txt` members to keep; all if None. A sample without a field
            has a missing value.
        missing_labels: "error" refuses samples without a label; "keep" turns them into unlabelled
            records.
        remote: Options for a remote folder. The manifest holds them, but does not save them.
        progress: Whether long work shows a progress bar.

    Returns:
        All samples, in the order of the shards and of the samples in them, numbered from 0.

    Raises:
        MissingFileError: A shard does not exist, or a folder has none.
        UnreadableError: A shard is compressed, cut off, or no tar file, or access is denied.
        ManifestError: A sample has no image or several, a key or a member occurs twice, or fields
            do not fit.
        LabelError: Labels are missing, or not in `class_names`.
        ArgumentError: An option is invalid, or a shard is named twice.
        RemoteError: A remote folder does not answer.

    Warns:
        AugseqWarning: Members are not used, a class has no images, or there is only one class.

    Example:
        >>> import augseq
        >>> images = augseq.index_webdataset("shards/train-{000..099}.tar")  # doctest: +SKIP

    Source:
        https://github.com/webdataset/webdataset describes the layout.
    """
    remote = remote or RemoteOptions()
    options = _Options(
        image=image,
        label=label,
        class_names=class_names,
        path_columns=path_columns or {},
        columns=columns,
        missing_labels=missing_labels,
    )
    found = find_shards(shards, remote)
    folder = RemoteFolder(found.root, remote) if is_remote(found.root) else found.root
    contents = list(
        map_in_threads(
            partial(read_shard, folder),
            found.paths,
            num_items=len(found.paths),
            num_threads=num_readers(found.root),
            title="Indexing",
            progress=progress,
            unit="shards",
        )
    )
    samples = _all_samples(contents, found)
    known = _dataset_file(folder, found)
    if path_columns is None:
        options = replace(options, path_columns={name: name for name in known.path_columns})
    manifest = replace(_manifest(found.root, samples, options, known), remote=remote)
    for finding in chain(
        _skipped(contents),
        unused_extensions(samples, list(options.path_columns.values()), options.image),
        class_findings(manifest, repr(found.root)),
    ):
        warnings.warn(finding, AugseqWarning, stacklevel=3)  # `explains_names` is between.
    return manifest


def _all_samples(contents: Sequence[Shard], shards: Shards) -> list[StoredSample]:
    """Return the samples of all shards.

    Raises:
        MissingFileError: There are none.
        ManifestError: A key occurs twice.
    """
    samples = [sample for content in contents for sample in content.samples]
    if not samples:
        raise MissingFileError(
            f"The shards in {shards.root!r} have no samples, which are members with an extension: "
            f"{listed(shards.paths)}."
        )
    places: dict[str, str] = {}
    for sample in samples:
        before = places.setdefault(sample.key, sample.place)
        if before is not sample.place:
            raise ManifestError(
                "The members of a sample must be next to each other, and each key must occur once "
                f"in all shards. Received: {sample.key!r} {before}, and {sample.place}. If these "
                "are different samples, write one of the shards with other names."
            )
    return samples


def _dataset_file(folder: str | RemoteFolder, shards: Shards) -> DatasetFile:
    """Return the content of `dataset.json` next to the shards; an empty one if there is none.

    Raises:
        ManifestError: It is damaged.
        ArgumentError: There are different ones.
    """
    parents = sorted({path.rpartition("/")[0] for path in shards.paths})
    found = {}
    for parent in parents:
        path = f"{parent}/{NAME}".lstrip("/")
        name = f"{shards.root}/{path}"
        try:
            found[name] = parse_dataset_file(_bytes(folder, path), name)
        except FileNotFoundError:
            continue
    different = [name for name, content in found.items() if content != next(iter(found.values()))]
    if different:
        raise ArgumentError(
            f"All shards must be of one dataset, but {next(iter(found))!r} and {different[0]!r} "
            "differ. Index each folder, and join the manifests: augseq.concat_manifests."
        )
    return next(iter(found.values()), DatasetFile())


def _bytes(folder: str | RemoteFolder, path: str) -> bytes:
    if isinstance(folder, RemoteFolder):
        return folder.read(path, anew=True)
    with open(os.path.join(folder, path), "rb") as file:
        return file.read()


def _manifest(
    root: str, samples: Sequence[StoredSample], options: _Options, known: DatasetFile
) -> Manifest:
    fields = Fields(samples)
    label = options.label
    if label == _INFERRED:
        label = "cls" if any("cls" in sample.members for sample in samples) else None
    if label is None and options.class_names is not None:
        raise ArgumentError(
            "`class_names` requires labels, but no sample has a member .cls. Name the field of "
            f".json with the label: label='NAME'. Fields: {fields.names}"
        )
    names, targets = _classes(samples, fields, label, options, known)
    table = {
        "index": np.arange(len(samples)),
        "path": image_paths(samples, options.image, options.path_columns),
        "target": targets,
    }
    for name in _ordered(chosen_names(fields, options.columns, label), known):
        table[name] = fields.column(name, known.columns.get(name))
    for name, extension in options.path_columns.items():
        if name in table or name in RESERVED_NAMES:
            raise ArgumentError(
                "`path_columns` must have other names than the columns that exist. Received: "
                f"{name!r}, in addition to {list(table)}"
            )
        table[name] = pa.array(further_paths(samples, name, extension), pa.string())
    try:
        columns = standard_table(pa.table(table))
    except ArgumentError as error:
        raise ArgumentError(f"{error}. Choose the fields to keep with `columns`.") from error
    return Manifest(
        root=root,
        class_names=names,
        table=columns,
        dataset_info=known.dataset_info,
        path_columns=tuple(options.path_columns),
    )


def _ordered(names: Sequence[str], known: DatasetFile) -> list[str]:
    """Return the names of columns in the order of `dataset.json`, then as they are found."""
    return [*(name for name in known.columns if name in names),
            *(name for name in names if name not in known.columns)]  # fmt: skip


def _classes(
    samples: Sequence[StoredSample],
    fields: Fields,
    label: str | None,
    options: _Options,
    known: DatasetFile,
) -> tuple[tuple[str, ...], pa.Array]:
    """Return the class names, and the target of each sample."""
    class_names = options.class_names or known.class_names
    if label is None:
        # If `write_webdataset` was given classes, but no labels.
        names = known.class_names if options.label == _INFERRED else None
        return tuple(names or ()), pa.nulls(len(samples), pa.int32())
    # Samples that `write_webdataset` wrote without a label had none.
    keep = options.missing_labels == "keep" or known.class_names is not None
    values = label_values(samples, fields, label, keep_missing=keep)
    names, targets = name_classes(values, class_names)
    unknown = np.asarray(pc.fill_null(pc.equal(targets, -1), False))
    if unknown.any():
        first = samples[int(np.argmax(unknown))]
        found = pc.unique(values.filter(pa.array(unknown))).to_pylist()
        raise LabelError(
            f"Labels must be in `class_names`, or integers from 0 to {len(names) - 1}, but "
            f"{first_few(map(repr, found), 3)} are not, for example of {first.key!r} "
            f"{first.place}. Received: class_names={briefly(list(names))}"
        )
    return names, targets


def _skipped(contents: Sequence[Shard]) -> Iterator[str]:
    names = [name for content in contents for name in content.skipped]
    if names:
        yield (
            f"{len(names):,} members are no part of a sample, since they are links, or have no "
            f"extension or key: {listed(names)}"
        )
