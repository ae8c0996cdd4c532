"""Save and load manifests as Parquet files."""

import os
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from augseq.errors import ManifestError
from augseq.manifest.header import Header, checksum, write_header
from augseq.manifest.manifest import Manifest
from augseq.manifest.parquet_file import read_file
from augseq.manifest.schema import REASON_FIELD, STRUCT_FIELDS, join_parts, take_apart
from augseq.remote.options import RemoteOptions
from augseq.remote.url import absolute_root
from augseq.storage.atomic_file import atomic_write
from augseq.storage.path_encoding import from_system
from augseq.types import PathLike


def write_manifest(manifest: Manifest, path: PathLike) -> None:
    """Write a manifest to a Parquet file atomically.

    Args:
        manifest: The manifest to save.
        path: File to create or replace, usually ending in `.parquet`.

    Raises:
        MissingFileError: The folder of the path does not exist.
        ArgumentError: The path is a folder.
        OSError: The file cannot be written; an existing file is unchanged.
    """
    _write(manifest, path, is_checkpoint=False)


def write_checkpoint(manifest: Manifest, path: PathLike) -> None:
    """Do the same as `write_manifest`, but mark the file as a checkpoint.

    Raises:
        MissingFileError: The folder of the path does not exist.
        ArgumentError: The path is a folder.
        OSError: The file cannot be written.
    """
    _write(manifest, path, is_checkpoint=True)


def read_manifest(
    path: PathLike,
    *,
    root: PathLike | None = None,
    follow_links: bool | None = None,
    remote: RemoteOptions | None = None,
) -> Manifest:
    """Read a manifest written by `write_manifest`.

    Untrusted files are safe to read: no code in them is run, their paths stay below the root, and
    a file that would unpack to more than both 256 MiB and 100 times its size is refused.

    Args:
        path: The Parquet file.
        root: New root if the images have moved: a folder, or the address of a remote one.
        follow_links: Whether images can be symbolic links that point outside the root; None for
            the setting with which the manifest was indexed.
        remote: Options for a remote root, which the manifest file does not contain.

    Raises:
        MissingFileError: There is no such file.
        UnreadableError: Access to the file is denied.
        ManifestError: It is not a manifest, is damaged, or has a newer schema version.
    """
    header, manifest = _read(os.fspath(path))
    return replace(
        manifest,
        root=header.root if root is None else from_system(absolute_root(root)),
        follow_links=header.follow_links if follow_links is None else follow_links,
        remote=remote or RemoteOptions(),
    )


def read_checkpoint(path: PathLike) -> Manifest:
    """Read a checkpoint written by `write_checkpoint`.

    Raises:
        MissingFileError: There is no such file.
        UnreadableError: Access to the file is denied.
        ManifestError: It is not a checkpoint but an ordinary manifest, or is damaged.
    """
    name = os.fspath(path)
    header, manifest = _read(name)
    if not header.is_checkpoint:
        raise ManifestError(
            f"{name!r} is a manifest, not a checkpoint, and would be overwritten; it was left "
            "unchanged. Pass another file, or none, as `checkpoint`."
        )
    return manifest


def _write(manifest: Manifest, path: PathLike, *, is_checkpoint: bool) -> None:
    # Excluded records follow in the same columns; they are the ones with a reason.
    everything = join_parts(manifest.table, manifest.excluded)
    header = write_header(manifest, is_checkpoint=is_checkpoint)
    table = everything.replace_schema_metadata(header)
    with atomic_write(path) as file:
        pq.write_table(
            table,
            file,
            compression="zstd",
            write_page_checksum=True,
            use_dictionary=_repeated(table.schema),
        )


def _read(path: str) -> tuple[Header, Manifest]:
    header, table = read_file(path)
    try:
        manifest = _manifest(header, table)
    except (ValueError, pa.ArrowException) as error:
        raise ManifestError(f"The manifest {path!r} is damaged: {error}") from error
    if header.checksum not in (None, checksum(manifest)):
        raise ManifestError(f"The manifest {path!r} is damaged: its checksum is wrong.")
    return header, manifest


def _manifest(header: Header, table: pa.Table) -> Manifest:
    # Files of schema version 1 have no excluded records.
    has_reasons = REASON_FIELD.name in table.column_names
    served, excluded = take_apart(table) if has_reasons else (table, None)
    return Manifest(
        root=header.root,
        class_names=header.class_names,
        table=served,
        excluded=excluded,
        follow_links=header.follow_links,
        dataset_info=header.dataset_info,
        images_folder=header.images_folder,
        path_columns=header.path_columns,
    )


def _repeated(schema: pa.Schema) -> list[str]:
    """Return the Parquet names of the columns with many repeated values."""
    parts = [f"{struct.name}.{part.name}" for struct in STRUCT_FIELDS for part in struct.type]
    # A dictionary of paths would overflow and be dropped, and slow down reading.
    lists = [f"{field.name}.list.element" for field in schema if pa.types.is_list(field.type)]
    return [name for name in schema.names if name != "path"] + parts + lists
