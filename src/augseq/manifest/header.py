"""The metadata of a manifest file, with a checksum to detect damage."""

import hashlib
import json
import shlex
from dataclasses import dataclass

import pyarrow as pa

from augseq.errors import ManifestError
from augseq.manifest.manifest import Manifest
from augseq.manifest.schema import is_list

SCHEMA_VERSION = 3
# Version 3 differs by columns of lists and the rare parts of the header, which an earlier augseq
# would call damage. Without them, manifests stay readable there.
_VERSION_BEFORE = 2
_METADATA_KEY = b"augseq"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The metadata of a manifest file.

    Attributes:
        root: Folder that all paths are relative to.
        class_names: Names by label.
        follow_links: Whether files can be links that point outside the root.
        dataset_info: What annotation files say about the whole dataset, as JSON text.
        images_folder: Folder of the images below the root.
        path_columns: Names of columns of paths below the root.
        checksum: Checksum of everything except the values in the rows, for which Parquet has its
            own; None in files of schema version 1.
        is_checkpoint: Whether the file is a checkpoint of unfinished work, which is overwritten.
    """

    root: str
    class_names: tuple[str, ...]
    follow_links: bool = False
    dataset_info: str = ""
    images_folder: str = ""
    path_columns: tuple[str, ...] = ()
    checksum: str | None = None
    is_checkpoint: bool = False

    def __post_init__(self) -> None:
        names = self.class_names
        if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
            raise TypeError("its class names must be a list of strings")
        if not isinstance(self.root, str) or "\0" in self.root:
            raise TypeError("its root must be the path of a folder")
        if not isinstance(self.follow_links, bool):
            raise TypeError("its `follow_links` must be true or false")
        if not isinstance(self.dataset_info, str) or not isinstance(self.images_folder, str):
            raise TypeError("its `dataset_info` and `images_folder` must be text")
        if not all(isinstance(name, str) for name in self.path_columns):
            raise TypeError("its `path_columns` must be a list of strings")
        "".join(names).encode()  # Raises for lone surrogates, which cannot be printed.


def write_header(manifest: Manifest, *, is_checkpoint: bool) -> dict[bytes, bytes]:
    """Return the metadata for the Parquet file of a manifest."""
    is_new = any(map(is_list, manifest.table.schema.types)) or bool(_rare(manifest))
    content: dict[str, object] = {
        "schema_version": SCHEMA_VERSION if is_new else _VERSION_BEFORE,
        "root": manifest.root,
        "class_names": list(manifest.class_names),
        "follow_links": manifest.follow_links,
        "checksum": checksum(manifest),
    }
    content |= _rare(manifest)
    if is_checkpoint:
        content["is_checkpoint"] = True
    return {_METADATA_KEY: json.dumps(content).encode()}


def read_header(schema: pa.Schema, path: str) -> Header:
    """Parse the metadata of a Parquet file.

    Raises:
        ManifestError: They were not written by augseq, or by a newer one, or are damaged.
    """
    text = (schema.metadata or {}).get(_METADATA_KEY)
    if text is None:
        raise ManifestError(
            f"{path!r} is a Parquet file, but not a manifest. If it is a table of images, index "
            f"it: augseq index {shlex.quote(path)} --path-column NAME --label-column NAME "
            "-o manifest.parquet (in Python: augseq.index_table)"
        )
    try:
        content = json.loads(text)
        version = content["schema_version"]
        if type(version) is not int or version < 1:
            raise TypeError(f"{version!r:.20} is not a version")
        if version <= SCHEMA_VERSION:
            return _parse(content, version)
    # Deeply nested brackets raise a RecursionError.
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        kind = type(error).__name__
        raise ManifestError(f"The manifest {path!r} has a damaged header: {kind}: {error}") from (
            error
        )
    raise ManifestError(
        f"The manifest {path!r} has schema version {version:.0f}, but this augseq reads up to "
        f"version {SCHEMA_VERSION}. Read it with the newer augseq that wrote it."
    )


def checksum(manifest: Manifest) -> str:
    """Return a checksum of all but the column values, as 32 hexadecimal digits."""
    columns = [f"{field.name}: {field.type}" for field in manifest.excluded.schema]
    counts = [len(manifest), manifest.excluded.num_rows]
    content = [manifest.root, list(manifest.class_names), manifest.follow_links, counts, columns]
    # Without them, the checksum is the one of manifests written before they existed.
    content += list(_rare(manifest).values())
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()


def _rare(manifest: Manifest) -> dict[str, object]:
    """Return what most manifests do not have."""
    values = {
        "dataset_info": manifest.dataset_info,
        "images_folder": manifest.images_folder,
        "path_columns": list(manifest.path_columns),
    }
    return {name: value for name, value in values.items() if value}


def _parse(content: dict[str, object], version: int) -> Header:
    names = content["class_names"]
    if not isinstance(names, list):
        raise TypeError("its class names must be a list of strings")
    return Header(
        root=content["root"],  # type: ignore[arg-type]
        class_names=tuple(names),
        follow_links=content.get("follow_links", False),  # type: ignore[arg-type]
        dataset_info=content.get("dataset_info", ""),  # type: ignore[arg-type]
        images_folder=content.get("images_folder", ""),  # type: ignore[arg-type]
        path_columns=tuple(content.get("path_columns", ())),  # type: ignore[arg-type]
        checksum=str(content["checksum"]) if version > 1 else None,
        is_checkpoint=content.get("is_checkpoint") is True,
    )
