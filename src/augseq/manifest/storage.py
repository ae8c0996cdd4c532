"""Keep a manifest in a Parquet file."""

import os
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from augseq.errors import ManifestError
from augseq.manifest.header import Header, checksum, write_header
from augseq.manifest.manifest import Manifest
from augseq.manifest.parquet_file import read_file
from augseq.manifest.schema import PROBE_FIELD, REASON_FIELD, join_parts, take_apart
from augseq.remote.options import RemoteOptions
from augseq.remote.url import absolute_root
from augseq.storage.atomic_file import atomic_write
from augseq.storage.path_encoding import from_system
from augseq.types import PathLike


def write_manifest(manifest: Manifest, path: PathLike) -> None:
    """Write a manifest as Parquet: the whole new file, or the old one untouched.

    Args:
        manifest: What to write.
        path: File to make or replace, usually ending in `.parquet`.

    Raises:
        MissingFileError: Its folder does not exist.
        ArgumentError: The path is a folder.
        OSError: The file cannot be written.
    """
    _write(manifest, path, is_checkpoint=False)


def write_checkpoint(manifest: Manifest, path: PathLike) -> None:
    """Write what `write_manifest` does, but marked as unfinished work.

    Raises:
        MissingFileError: Its folder does not exist.
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
    """Read a manifest that `write_manifest` wrote.

    A file from elsewhere can do no harm: nothing in it is run, its paths stay below the root,
    and one that would unpack to more than 256 MiB and 100 times its size is refused.

    Args:
        path: The Parquet file.
        root: Where the images are now, if their folder has moved since: a folder, or the
            address of a remote one.
        follow_links: Whether images may be symbolic links that lead out of the root; None for
            what the manifest says, which knows whether it was indexed so.
        remote: How to reach a remote root; no manifest file says that.

    Raises:
        MissingFileError: There is no such file.
        UnreadableError: The system refuses to read it.
        ManifestError: It is not a manifest, is damaged, or is of a newer schema.
    """
    header, manifest = _read(os.fspath(path))
    return replace(
        manifest,
        root=header.root if root is None else from_system(absolute_root(root)),
        follow_links=header.follow_links if follow_links is None else follow_links,
        remote=remote or RemoteOptions(),
    )


def read_checkpoint(path: PathLike) -> Manifest:
    """Read what `write_checkpoint` wrote.

    Raises:
        MissingFileError: There is no such file.
        UnreadableError: The system refuses to read it.
        ManifestError: It is not a checkpoint: no manifest, a damaged one, or one to be kept.
    """
    name = os.fspath(path)
    header, manifest = _read(name)
    if not header.is_checkpoint:
        raise ManifestError(
            f"{name!r} is a manifest, but no checkpoint, and would be written over; it was left as "
            "it is. Name another file, or none, as `checkpoint`."
        )
    return manifest


def _write(manifest: Manifest, path: PathLike, *, is_checkpoint: bool) -> None:
    # Excluded records follow in the same columns; a reason tells them from those that are served.
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
    # Files of the first schema know of no records that are excluded.
    has_reasons = REASON_FIELD.name in table.column_names
    served, excluded = take_apart(table) if has_reasons else (table, None)
    return Manifest(
        root=header.root,
        class_names=header.class_names,
        table=served,
        excluded=excluded,
        follow_links=header.follow_links,
    )


def _repeated(schema: pa.Schema) -> list[str]:
    """Return the columns, as Parquet names them, whose values often come again."""
    probed = [f"{PROBE_FIELD.name}.{field.name}" for field in PROBE_FIELD.type]
    # A dictionary of paths is given up as soon as it is full, and slows down reading.
    return [name for name in schema.names if name != "path"] + probed
