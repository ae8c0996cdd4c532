"""The samples that are written into shards: their keys, and the bytes of their files."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from augseq.errors import ArgumentError
from augseq.indexing.look import num_readers
from augseq.indexing.shards.dataset_file import json_values
from augseq.indexing.shards.read_shard import METADATA
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.manifest.schema import CORE_SCHEMA, own_names
from augseq.parallel_map.map_items import map_in_threads
from augseq.pixels.decoders.registry import HEAD_BYTES, find_format, readable_endings
from augseq.pixels.options import DecodeOptions
from augseq.pixels.source import files_of
from augseq.storage.member_path import parse_member
from augseq.terminal_text import listed
from augseq.types import Positions

# No limit: files are copied, not decoded.
_MAX_BYTES = 2**40


class WrittenSample(NamedTuple):
    """One image, with all that is written beside it.

    Attributes:
        record: Its record.
        path: Path of the image; in a tar file, only its name there.
        key: Folder and name of its members, without their extension.
        ending: Extension of the image, without a dot.
        image: The bytes of its file.
        files: Ending and bytes of further files, such as masks, by column.
        row: Values of all other columns, as JSON has them.
    """

    record: Record
    path: str
    key: str
    ending: str
    image: bytes
    files: Mapping[str, tuple[str, bytes]]
    row: Mapping[str, Any]


def written_samples(
    manifest: Manifest, path_columns: Sequence[str], positions: Positions, *, progress: bool
) -> Iterator[WrittenSample]:
    """Yield the samples of a manifest.

    Args:
        manifest: The images.
        path_columns: Columns of the files to write beside the images.
        positions: Positions in the manifest, in the order in which they are written.
        progress: Whether long work shows a progress bar.

    Raises:
        AugseqError: A file cannot be read; the message names it.
    """
    keys = sample_keys(manifest)
    names = [name for name in own_names(manifest.table) if name not in path_columns]
    values = [json_values(manifest.table.column(name)) for name in names]
    paths = {name: manifest.table.column(name).to_pylist() for name in path_columns}
    core = manifest.table.select(CORE_SCHEMA.names).to_pydict()
    files = files_of(manifest, DecodeOptions(max_file_bytes=_MAX_BYTES))

    def read(position: int) -> WrittenSample:
        record = Record(**{name: values[position] for name, values in core.items()})
        image, _ = files.read(record)
        further = {name: column[position] for name, column in paths.items()}
        return WrittenSample(
            record=record,
            path=_plain_path(record.path),
            key=keys[position],
            ending=_image_ending(record.path, image),
            image=image,
            files={
                name: (_ending(path), files.read(Record(index=record.index, path=path))[0])
                for name, path in further.items()
                if path is not None
            },
            row={name: column[position] for name, column in zip(names, values, strict=True)},
        )

    return map_in_threads(
        read,
        positions.tolist(),
        num_items=len(positions),
        num_threads=num_readers(manifest.root),
        title="Writing",
        progress=progress,
    )


def used_path_columns(manifest: Manifest, path_columns: Sequence[str] | None) -> list[str]:
    """Return the columns of the files to write beside the images.

    Raises:
        ArgumentError: There is no such column, it is not text, or its name cannot be an extension.
    """
    names = list(manifest.path_columns if path_columns is None else path_columns)
    taken = {".cls", ".json", ".txt", *readable_endings()}
    for name in names:
        kind = manifest.arrow_column(name, "`path_columns`").type
        if not pa.types.is_string(kind) and not pa.types.is_null(kind):
            raise ArgumentError(
                f"`path_columns` must be columns of paths, as text. Received: {name!r}, {kind}"
            )
        if name != name.lower() or set(name) & set("/\0") or f".{name}" in taken:
            raise ArgumentError(
                "A column of paths becomes an extension in shards, so its name must be in lower "
                "case, without a slash, and not an extension such as cls, json or png. Received: "
                f"{name!r}. Copy the column to another name with `with_column`."
            )
    # A column without any path has no files: it is written with the other columns.
    return [name for name in names if manifest.table.column(name).null_count < len(manifest)]


def sample_keys(manifest: Manifest) -> list[str]:
    """Return the key of each image: its path without extension, with dots of the name escaped.

    If two images would have the same key, such as 1.jpg and 1.png, all keys contain the extension.

    Raises:
        ArgumentError: Two images have the same name in different tar files.
    """
    paths = [_plain_path(path) for path in manifest.table.column("path").to_pylist()]
    for choice in (_stem_key, _name_key, _exact_key):
        keys = [choice(path) for path in paths]
        if len(set(keys)) == len(keys):
            return keys
    repeated = [path for path, count in Counter(paths).items() if count > 1]
    raise ArgumentError(
        "Each image must have a name of its own in the shards. Repeated in different tar files: "
        f"{listed(repeated)}. Write a manifest for each of them."
    )


def _plain_path(path: str) -> str:
    member = parse_member(path)
    return path if member is None else member.name


def _stem_key(path: str) -> str:
    return _name_key(path.removesuffix(f".{_ending(path)}"))


def _name_key(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    # The first dot of a name ends the key.
    key = f"{folder}{slash}{name.replace('.', '%2E')}"
    return f"%5F{key[1:]}" if METADATA.match(key) else key


def _exact_key(path: str) -> str:
    # Two names differ, even if one contains "%2E" already.
    return _name_key(path.replace("%", "%25"))


def _ending(path: str) -> str:
    return os.path.splitext(path)[1].removeprefix(".")


def _image_ending(path: str, data: bytes) -> str:
    """Return the extension of an image file, or of its format if it has an unusual one."""
    ending = _ending(path)
    if f".{ending.lower()}" in readable_endings():
        return ending
    image_format = find_format(data[:HEAD_BYTES])
    return ending if image_format is None else image_format.endings[0].removeprefix(".")


def json_text(row: Mapping[str, Any]) -> bytes:
    """Return a row as JSON, in which NaN and infinity are written as Python does."""
    return json.dumps(row, ensure_ascii=False).encode()
