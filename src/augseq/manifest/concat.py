"""Several manifests as one."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError, LabelError
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.manifest.schema import check_paths_differ
from augseq.remote.url import absolute_root, is_remote
from augseq.types import PathLike


def concat_manifests(
    manifests: Sequence[Manifest],
    *,
    class_names: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    root: PathLike | None = None,
) -> Manifest:
    """Put manifests one after the other, also of other folders and classes.

    A manifest keeps its indices where none of them is taken by one before it, as the parts of a
    split do. Else all are raised by the same number, so that every record has its own; their
    random streams then differ from those in the manifest that they came from.

    Args:
        manifests: At least one. Where columns of your own differ, gaps are filled with nulls.
        class_names: Names by label, with those of all manifests among them. If None, all must
            have the same, and those of the first set the order.
        rename: Other names for classes, such as {"Cats": "cat"}, before names are compared.
            Two classes of a manifest that get one name become one class.
        root: Folder above all images; the deepest that holds the roots of all if None.

    Returns:
        The records of all, served or excluded, with paths relative to the common root. Links are
        followed if one of the manifests follows them.

    Raises:
        ArgumentError: An image is there twice, roots have no common folder, columns of one
            name differ in type, or `rename` names no class.
        LabelError: Class names do not agree.
    """
    manifests = list(manifests)
    if not manifests:
        raise ArgumentError("`concat_manifests` needs at least one manifest. Received: none")
    for manifest in manifests:
        check_manifest(manifest)
    rename = rename or {}
    names_of = [[rename.get(name, name) for name in m.class_names] for m in manifests]
    unknown = set(rename).difference(*(m.class_names for m in manifests))
    if unknown:
        raise ArgumentError(f"`rename` must name classes of the manifests. Not one: {unknown}")
    names = _agreed(names_of, class_names)
    home = _common_root([m.root for m in manifests], root)
    offsets = _offsets(manifests)
    served, excluded = [], []
    for manifest, own_names, offset in zip(manifests, names_of, offsets, strict=True):
        targets = pa.array([names.index(name) for name in own_names], pa.int32())
        prefix = _prefix(manifest.root, home)
        served.append(_moved(manifest.table, prefix, offset, targets))
        excluded.append(_moved(manifest.excluded, prefix, offset, targets))
    check_paths_differ(_paths(served + excluded), "the manifests together")
    return Manifest(
        root=home,
        class_names=tuple(names),
        table=_stacked(served),
        excluded=_stacked(excluded),
        follow_links=any(manifest.follow_links for manifest in manifests),
        remote=manifests[0].remote,
    )


def _agreed(names_of: Sequence[Sequence[str]], class_names: Sequence[str] | None) -> list[str]:
    """Return the names that hold for all manifests."""
    # A class that was renamed to another of its manifest is there once.
    names = list(dict.fromkeys(names_of[0])) if class_names is None else list(class_names)
    for number, own in enumerate(names_of):
        differing = set(own) - set(names) if class_names is not None else set(own) ^ set(names)
        if differing:
            raise LabelError(
                f"Manifests must have the same classes, or `class_names` those of all. Manifest "
                f"{number} has {own}, which differ from {names} in {sorted(differing)}. Map names "
                "with `rename`, or give all in `class_names`."
            )
    return names


def _common_root(roots: Sequence[str], wanted: PathLike | None) -> str:
    home = roots[0] if wanted is None else absolute_root(wanted)
    if set(roots) == {home}:
        return home
    try:
        if any(map(is_remote, [home, *roots])):
            raise ValueError("only paths of one machine have a folder above them")
        if wanted is None:
            home = os.path.commonpath(roots)
        outside = [root for root in roots if os.path.commonpath([home, root]) != home]
    except ValueError:  # Different drives, or not all of them absolute paths.
        outside = list(roots)
    if outside:
        raise ArgumentError(
            "The roots must be below one folder, `root` if that is given. "
            f"Received: {sorted(set(roots))}, root={wanted!r}. "
            "Say where the images are in the same tree with read_manifest(..., root=...)."
        )
    return home


def _prefix(root: str, home: str) -> str:
    below = os.path.relpath(root, home).replace(os.sep, "/") if root != home else "."
    return "" if below == "." else f"{below}/"


def _offsets(manifests: Sequence[Manifest]) -> list[int]:
    """Return what to add to the indices of each manifest, so that none comes twice."""
    taken = np.zeros(0, np.int64)
    offsets = []
    for manifest in manifests:
        parts = (manifest.table, manifest.excluded)
        index = np.concatenate([part.column("index").to_numpy() for part in parts])
        offset = int(taken.max()) + 1 if np.isin(index, taken).any() else 0
        if len(index) and int(index.max()) > np.iinfo(np.int64).max - offset:
            raise ArgumentError(f"Indices must fit 64 bits. Received: {index.max()} + {offset}")
        offsets.append(offset)
        taken = np.concatenate([taken, index + offset])
    return offsets


def _moved(table: pa.Table, prefix: str, offset: int, targets: pa.Array) -> pa.Table:
    """Return a table under another root, with other indices and labels."""
    columns = {
        "index": pc.add(table.column("index"), offset),
        "path": pc.binary_join_element_wise(prefix, table.column("path"), ""),
        "target": targets.take(table.column("target").combine_chunks()),
    }
    others = {name: table.column(name) for name in table.column_names if name not in columns}
    return pa.table(columns | others)


def _paths(tables: Sequence[pa.Table]) -> pa.ChunkedArray:
    chunks = [chunk for table in tables for chunk in table.column("path").chunks]
    return pa.chunked_array(chunks, pa.string())


def _stacked(tables: Sequence[pa.Table]) -> pa.Table:
    try:
        return pa.concat_tables(tables, promote_options="default")
    except pa.ArrowException as error:
        raise ArgumentError(
            f"Columns of one name must have one type in all manifests: {error}"
        ) from error
