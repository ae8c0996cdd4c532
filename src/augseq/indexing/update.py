"""Update an earlier manifest of a folder; every record keeps its index."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError
from augseq.indexing.excluded import GONE, UNUSABLE
from augseq.indexing.labels import first_folders
from augseq.manifest.manifest import Manifest, with_root_above
from augseq.manifest.path_pattern import paths_below
from augseq.manifest.schema import PROBE_FIELD, REASON_FIELD, join_parts, take_apart, with_values


def update_manifest(earlier: Manifest, found: Manifest) -> Manifest:
    """Update an earlier manifest with the current files of a folder.

    Args:
        earlier: Its indices, labels, columns and probes are kept.
        found: The same folder, indexed again; its indices and labels are not used.

    Returns:
        Known records, unchanged; then new ones, in the order of `found`, with indices higher than
        all earlier ones. Records whose files are gone are excluded. New classes are appended, so
        no label changes.

    Raises:
        ArgumentError: They are not of the same folder, or only one of them has labels.
    """
    below = f"/{earlier.images_folder}"
    if earlier.images_folder and found.root.endswith(below):
        found = with_root_above(found, found.root.removesuffix(below))
    known = join_parts(earlier.table, earlier.excluded)
    is_there = pc.is_in(known.column("path"), value_set=found.table.column("path"))
    if len(known) and not pc.any(is_there).as_py():
        raise ArgumentError(
            f"`update` must be a manifest of this folder, but none of its {len(known):,} files is "
            f"in {found.root!r}. Received: update={earlier!r}. Index the folder without `update`."
        )
    if bool(earlier.class_names) != bool(found.class_names):
        raise ArgumentError(
            "`labels` must be the same as for `update` (at the shell: --labels or --no-labels). "
            f"Received: class_names={found.class_names}, before: {earlier.class_names}"
        )
    names = tuple(dict.fromkeys([*earlier.class_names, *found.class_names]))
    known = with_values(known, REASON_FIELD.name, _reasons_now(known, is_there))
    rows = join_parts(known, _new_rows(known, found, names))
    served, excluded = take_apart(rows)
    return replace(
        found,
        class_names=names,
        table=served,
        excluded=excluded,
        dataset_info=earlier.dataset_info,
        path_columns=earlier.path_columns,
    )


def check_same_splits(earlier: Manifest, splits: Sequence[str] | None) -> None:
    """Raise `ArgumentError` unless `splits` equal or extend those of `earlier`.

    More splits are allowed: one that was empty before is not in the manifest.
    """
    before = _splits_of(join_parts(earlier.table, earlier.excluded), earlier.images_folder)
    if before is None:
        # Any other column `split` is the user's own, and is kept.
        is_same = splits is None
    else:
        is_same = splits is not None and set(before) <= set(splits)
    if not is_same:
        way_out = "without them" if before is None else f"with splits={before}"
        shell = "no --splits" if before is None else f"--splits {','.join(before)}"
        raise ArgumentError(
            "`splits` must be the same as for `update`, or extend them. Received: splits="
            f"{None if splits is None else list(splits)}, before: {before}. Index {way_out} (at "
            f"the shell: {shell}), or index without `update`, which assigns new indices."
        )


def _splits_of(rows: pa.Table, images_folder: str) -> list[str] | None:
    """Return the splits that a manifest was indexed with; None if there were none.

    Splits are the first folders of its paths.
    """
    if "split" not in rows.column_names:
        return None
    column = rows.column("split")
    is_given = pc.is_valid(column)
    if not pa.types.is_string(column.type) or not pc.any(is_given).as_py():
        return None
    paths = paths_below(images_folder, rows.column("path")).filter(is_given)
    given = column.filter(is_given)
    if not pc.all(pc.equal(given, first_folders(paths))).as_py():
        return None
    return sorted(pc.unique(given).to_pylist())


def describe_update(earlier: Manifest, manifest: Manifest) -> str:
    """Return a summary of an update: "3 new, 1 gone or excluded, 96 unchanged"."""
    rows = join_parts(manifest.table, manifest.excluded)
    known = join_parts(earlier.table, earlier.excluded)
    # Records keep their index, so every earlier row is found.
    now = rows.take(pc.index_in(known.column("index"), value_set=rows.column("index")))
    excluded, was_excluded = _is_excluded(now), _is_excluded(known)
    changed = _has_changed(now, known) & ~(excluded | was_excluded)
    counts = {
        "new": len(rows) - len(known),
        "gone or excluded": np.count_nonzero(excluded & ~was_excluded),
        "back": np.count_nonzero(was_excluded & ~excluded),
        "changed": np.count_nonzero(changed),
        "unchanged": np.count_nonzero(~(excluded | was_excluded | changed)),
    }
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)


def in_order_of_index(manifest: Manifest) -> Manifest:
    """Return a manifest with its records sorted by index.

    A file that was missing or unusable for a while then returns to its old position, so the order
    of each epoch is the same as before.
    """
    index = manifest.table.column("index").to_numpy()
    if np.all(np.diff(index) > 0):
        return manifest
    return replace(manifest, table=manifest.table.take(pa.array(np.argsort(index))))


def _reasons_now(known: pa.Table, is_there: pa.ChunkedArray) -> pa.ChunkedArray:
    before = known.column(REASON_FIELD.name)
    # Records excluded for another reason, for example by the user, stay excluded.
    is_ours = pc.fill_null(pc.or_(pc.equal(before, GONE), pc.starts_with(before, UNUSABLE)), True)
    is_back = pc.and_(is_there, pc.fill_null(pc.equal(before, GONE), False))
    reasons = pc.if_else(is_back, pa.scalar(None, REASON_FIELD.type), before)
    is_gone = pc.and_(is_ours, pc.invert(is_there))
    return pc.if_else(is_gone, pa.scalar(GONE), reasons)


def _new_rows(known: pa.Table, found: Manifest, names: tuple[str, ...]) -> pa.Table:
    is_known = pc.is_in(found.table.column("path"), value_set=known.column("path"))
    new = found.table.filter(pc.invert(is_known))
    first = pc.max(known.column("index")).as_py()
    indices = np.arange(len(new)) + (0 if first is None else first + 1)
    new = with_values(new, "index", pa.array(indices, pa.int64()))
    if names:
        label_of = {name: label for label, name in enumerate(names)}
        labels = pa.array([label_of[name] for name in found.class_names], pa.int32())
        targets = labels.take(new.column("target").combine_chunks())
        new = with_values(new, "target", targets)
    return new


def _is_excluded(rows: pa.Table) -> npt.NDArray[np.bool_]:
    flags: npt.NDArray[np.bool_] = pc.is_valid(rows.column(REASON_FIELD.name)).to_numpy()
    return flags


def _has_changed(now: pa.Table, before: pa.Table) -> npt.NDArray[np.bool_]:
    """Return a mask of the rows in which both content hashes are known and differ."""
    if not all(PROBE_FIELD.name in rows.column_names for rows in (now, before)):
        return np.zeros(len(now), bool)
    hashes = [pc.struct_field(rows.column("probe"), "content_hash") for rows in (now, before)]
    flags: npt.NDArray[np.bool_] = pc.fill_null(pc.not_equal(*hashes), False).to_numpy()
    return flags
