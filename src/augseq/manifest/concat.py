"""Concatenate manifests."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError, LabelError
from augseq.manifest.categories import common_info
from augseq.manifest.manifest import Manifest, check_manifest, with_root_above
from augseq.manifest.schema import check_paths_differ
from augseq.manifest.windows import check_whole_images
from augseq.remote.url import absolute_root, is_remote
from augseq.types import PathLike


def concat_manifests(
    manifests: Sequence[Manifest],
    *,
    class_names: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    root: PathLike | None = None,
) -> Manifest:
    """Concatenate manifests, which can have different folders and classes.

    A manifest keeps its indices if none of them occurs in an earlier one, as for the parts of a
    split. Otherwise all its indices are raised by the same number, so that they are unique; the
    random streams of its records then differ from those in the original manifest.

    Args:
        manifests: At least one manifest. Missing user columns are filled with nulls.
        class_names: Names by label, which must include the classes of all manifests. If None, all
            manifests must have the same classes, and the first one sets the order.
        rename: New names for classes, such as {"Cats": "cat"}, applied before names are compared.
            Two classes of a manifest that get the same name are merged.
        root: Folder above all images; the deepest common folder of all roots if None.

    Returns:
        All records, including excluded ones, with paths relative to the common root. Links are
        followed if any of the manifests follows them.

    Raises:
        ArgumentError: An image occurs twice, the roots have no common folder, columns of the same
            name differ in type, categories of boxes differ, or `rename` contains an unknown class.
        LabelError: Class names do not match.
    """
    manifests = list(manifests)
    if not manifests:
        raise ArgumentError("`concat_manifests` requires at least one manifest. Received: none")
    for manifest in manifests:
        check_manifest(manifest)
        check_whole_images(manifest.table, "concat_manifests")
    rename = rename or {}
    names_of = [[rename.get(name, name) for name in m.class_names] for m in manifests]
    unknown = set(rename).difference(*(m.class_names for m in manifests))
    if unknown:
        raise ArgumentError(
            f"The keys of `rename` must be classes of the manifests. Unknown: {unknown}"
        )
    names = _common_names(names_of, class_names)
    home = _common_root([m.root for m in manifests], root)
    manifests = [with_root_above(manifest, home) for manifest in manifests]
    offsets = _offsets(manifests)
    served: list[pa.Table] = []
    excluded: list[pa.Table] = []
    for manifest, own_names, offset in zip(manifests, names_of, offsets, strict=True):
        targets = pa.array([names.index(name) for name in own_names], pa.int32())
        served.append(_renumbered(manifest.table, offset, targets))
        excluded.append(_renumbered(manifest.excluded, offset, targets))
    folders = {manifest.images_folder for manifest in manifests}
    check_paths_differ(_paths(served + excluded), "the manifests together")
    return Manifest(
        root=home,
        class_names=tuple(names),
        table=_stacked(served),
        excluded=_stacked(excluded),
        follow_links=any(manifest.follow_links for manifest in manifests),
        remote=manifests[0].remote,
        dataset_info=common_info([manifest.dataset_info for manifest in manifests]),
        images_folder=folders.pop() if len(folders) == 1 else "",
        path_columns=tuple(dict.fromkeys(n for m in manifests for n in m.path_columns)),
    )


def _common_names(
    names_of: Sequence[Sequence[str]], class_names: Sequence[str] | None
) -> list[str]:
    """Return the class names of the concatenated manifest."""
    # Renamed classes can repeat a name.
    names = list(dict.fromkeys(names_of[0])) if class_names is None else list(class_names)
    for number, own in enumerate(names_of):
        differing = set(own) - set(names) if class_names is not None else set(own) ^ set(names)
        if differing:
            raise LabelError(
                "Manifests must have the same classes, or `class_names` must list all. Manifest "
                f"{number} has {own}, which differ from {names} in {sorted(differing)}. Map names "
                "with `rename`, or list all in `class_names`."
            )
    return names


def _common_root(roots: Sequence[str], wanted: PathLike | None) -> str:
    home = roots[0] if wanted is None else absolute_root(wanted)
    if set(roots) == {home}:
        return home
    try:
        if any(map(is_remote, [home, *roots])):
            raise ValueError("remote roots have no common folder")
        if wanted is None:
            home = os.path.commonpath(roots)
        outside = [root for root in roots if os.path.commonpath([home, root]) != home]
    except ValueError:  # Different drives, remote roots or relative paths.
        outside = list(roots)
    if outside:
        raise ArgumentError(
            "The roots must have a common folder, which must be `root` if given. "
            f"Received: {sorted(set(roots))}, root={wanted!r}. If the images are in one folder "
            "tree, set their roots with read_manifest(..., root=...)."
        )
    return home


def _offsets(manifests: Sequence[Manifest]) -> list[int]:
    """Return the offset of each manifest's indices that makes all indices unique."""
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


def _renumbered(table: pa.Table, offset: int, targets: pa.Array) -> pa.Table:
    """Return a table with new indices and labels."""
    columns = {
        "index": pc.add(table.column("index"), offset),
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
            f"Columns of the same name must have the same type in all manifests: {error}"
        ) from error
