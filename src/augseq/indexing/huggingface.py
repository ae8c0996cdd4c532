"""Folders in Hugging Face's `imagefolder` layout, with a metadata table."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pyarrow.compute as pc

from augseq.errors import ArgumentError, AugseqWarning, ManifestError, MissingFileError
from augseq.indexing.existing_folder import existing_folder, existing_splits
from augseq.indexing.labels import class_findings
from augseq.indexing.scan import scan_folder
from augseq.indexing.table.index_table import TableOptions, manifest_of_table
from augseq.indexing.unicode_forms import check_unicode_forms
from augseq.manifest.classes import sorted_names
from augseq.manifest.concat import concat_manifests
from augseq.manifest.export import write_table
from augseq.manifest.manifest import Manifest
from augseq.manifest.windows import check_whole_images
from augseq.pixels.decoders.registry import readable_endings
from augseq.terminal_text import listed
from augseq.types import PathLike

_PATH_COLUMN = "file_name"
_SUFFIXES = (".csv", ".jsonl", ".parquet")


def index_huggingface(
    folder: PathLike,
    *,
    splits: Sequence[str] | None = None,
    label_column: str | None = "label",
    class_names: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    missing_labels: Literal["error", "keep"] = "error",
) -> Manifest:
    """Index a folder in Hugging Face's `imagefolder` layout, with a metadata table.

    The table is `metadata.csv`, `.jsonl` or `.parquet`; its column `file_name` holds paths
    relative to the metadata; everything else is as in `index_table`. For class folders without
    metadata, use `index_folder`.

    Args:
        folder: Folder that contains the metadata, or the split folders.
        splits: Sub-folders such as ["train", "test"], each with its own metadata. A column `split`
            holds the split of each image; the classes are those of all splits together.
        label_column: Column of the classes; None for no labels.
        class_names: Classes, in the order of the labels; sorted as in `index_table` if None.
        columns: Other columns to keep; all if None.
        missing_labels: "error" refuses blank labels; "keep" turns them into unlabelled records.

    Raises:
        MissingFileError: A folder, its metadata or an image does not exist.
        ArgumentError: There are several metadata files, or as in `index_table`.
        LabelError: As in `index_table`.
        ManifestError: As in `index_table`.

    Warns:
        AugseqWarning: Images are missing from the metadata, a class is empty, or there is only one.

    Source:
        https://huggingface.co/docs/datasets/image_dataset describes the layout.
    """
    root = existing_folder(folder)
    options = TableOptions(
        path_column=_PATH_COLUMN,
        label_column=label_column,
        class_names=class_names,
        columns=columns,
        missing_labels=missing_labels,
    )
    if splits is None:
        manifest, findings = _of_metadata(root, options)
    else:
        existing_splits(root, splits)
        manifest, findings = _of_splits(root, splits, options)
    classes = class_findings(manifest, repr(root))
    for finding in [*findings, *_unlisted(manifest, splits), *classes]:
        warnings.warn(finding, AugseqWarning, stacklevel=2)
    return manifest


def write_huggingface(
    manifest: Manifest, *, split_column: str | None = None, suffix: str = ".csv"
) -> list[str]:
    """Write Hugging Face `imagefolder` metadata next to the images of a manifest.

    `index_huggingface(manifest.root)` reads it back, as `write_table` describes.

    Args:
        manifest: The file is written to its root, or to the folder of each split.
        split_column: A column with the sub-folder of each image, such as the `split` column of
            `index_folder(..., splits=...)`; None for a single file.
        suffix: ".csv", ".jsonl" or ".parquet".

    Returns:
        The paths of the written files.

    Raises:
        ArgumentError: The suffix is not supported, or an image is not in its split's folder.
        OSError: A file cannot be written.
    """
    check_whole_images(manifest.table, "write_huggingface")
    if suffix not in _SUFFIXES:
        raise ArgumentError(f"`suffix` must be one of {', '.join(_SUFFIXES)}. Received: {suffix!r}")
    if split_column is None:
        parts = [manifest]
    else:
        split_of = manifest.column(split_column)
        parts = [
            _below(manifest.select(split_of == split), str(split), split_column)
            for split in dict.fromkeys(split_of)
        ]
    written = [os.path.join(part.root, f"metadata{suffix}") for part in parts]
    for part, path in zip(parts, written, strict=True):
        write_table(part, path, path_column=_PATH_COLUMN)
    return written


def _of_metadata(folder: str, options: TableOptions) -> tuple[Manifest, tuple[str, ...]]:
    metadata = _metadata_of(folder)
    try:
        return manifest_of_table(metadata, folder, options)
    except (ArgumentError, ManifestError, MissingFileError) as error:
        if not any(option in str(error) for option in ("path_column", "delimiter", "path_suffix")):
            raise
        # Options that `index_huggingface` does not have.
        raise type(error)(
            f"{error} `path_column`, `delimiter` and `path_suffix` are options of index_table, "
            f"not of index_huggingface: index_table({os.fspath(metadata)!r}, "
            f"path_column={_PATH_COLUMN!r}, ...)."
        ) from error


def _of_splits(
    root: str, splits: Sequence[str], options: TableOptions
) -> tuple[Manifest, tuple[str, ...]]:
    parts: list[Manifest] = []
    findings: tuple[str, ...] = ()
    for split in splits:
        folder = os.path.join(root, split)
        part, found = _of_metadata(folder, options)
        findings += found
        if "split" in part.table.column_names:
            raise ArgumentError(
                f"The metadata in {folder!r} already has a column 'split', which would be "
                "replaced. Choose the columns to keep with `columns`."
            )
        parts.append(part.with_column("split", [split] * len(part)))
    names = options.class_names or sorted_names({n for part in parts for n in part.class_names})
    check_unicode_forms(names)
    return concat_manifests(parts, class_names=names, root=root), findings


def _metadata_of(folder: str) -> Path:
    files = [path for s in _SUFFIXES if (path := Path(folder, f"metadata{s}")).is_file()]
    if len(files) > 1:
        raise ArgumentError(
            f"{folder!r} must contain a single metadata file. Received: {[p.name for p in files]}"
        )
    if files:
        return files[0]
    below = sorted(
        {path.parent.name for s in _SUFFIXES for path in Path(folder).glob(f"*/metadata{s}")}
    )
    raise MissingFileError(
        f"There is no metadata{', metadata'.join(_SUFFIXES)} in {folder!r}. "
        + (f"Did you mean splits={below}?" if below else "For class folders, use index_folder.")
    )


def _unlisted(manifest: Manifest, splits: Sequence[str] | None) -> list[str]:
    """Return a warning if images in the folder are missing from the metadata."""
    scan = scan_folder(
        manifest.root,
        splits=splits or (),
        suffixes=readable_endings(),
        follow_links=False,
        progress=False,
    )
    is_known = pc.is_in(scan.paths, value_set=manifest.table.column("path").combine_chunks())
    unlisted = scan.paths.filter(pc.invert(is_known)).to_pylist()
    if not unlisted:
        return []
    return [
        f"{len(unlisted)} images are not in the metadata, so they are not indexed: "
        f"{listed(unlisted)}"
    ]


def _below(part: Manifest, split: str, split_column: str) -> Manifest:
    """Return the records of a split, with paths relative to its folder."""
    paths = part.table.column("path")
    if not pc.all(pc.starts_with(paths, f"{split}/")).as_py():
        raise ArgumentError(
            f"Every image of the split {split!r} must be in the folder {split!r} of "
            f"{part.root!r}, where its metadata is written. The column {split_column!r} names a "
            "different folder for "
            f"{paths.filter(pc.invert(pc.starts_with(paths, split + '/')))[0].as_py()!r}."
        )
    place = part.table.column_names.index("path")
    table = part.table.set_column(
        place, "path", pc.utf8_slice_codeunits(paths, len(split) + 1, None)
    ).drop_columns([split_column])
    return replace(part, root=os.path.join(part.root, split), table=table, excluded=None)
