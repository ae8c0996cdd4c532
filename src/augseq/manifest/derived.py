"""A manifest of new images that were made from those of another manifest."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from augseq.manifest.manifest import Manifest

_LISTS = {
    "boxes": pa.float64(),
    "box_classes": pa.string(),
    "box_polygons": pa.int32(),
    "polygon_points": pa.int32(),
    "polygons": pa.float64(),
    "box_keypoints": pa.int32(),
    "keypoints": pa.float64(),
}
_KINDS = {
    **{name: pa.list_(kind) for name, kind in _LISTS.items()},
    "path": pa.string(),
    "source_path": pa.string(),
    "epoch": pa.int32(),
    "box_frame": pa.string(),
    "image_height": pa.int32(),
    "image_width": pa.int32(),
}
# They describe the original image and its objects.
_STALE = {
    *("box_ids", "box_crowd", "box_difficult", "box_truncated", "box_areas", "box_attributes"),
    *("box_as_written", "box_masks", "image_id", "image_attributes", "probe", "window"),
}


def derived_manifest(
    source: Manifest,
    positions: Sequence[int],
    columns: Mapping[str, Sequence[Any]],
    *,
    root: str,
    dataset_info: str,
    images_folder: str,
    path_columns: Sequence[str],
) -> Manifest:
    """Return a manifest of images that were made from those of another.

    They keep their labels and your own columns, but no probes and no annotations.

    Args:
        source: The manifest of the original images.
        positions: Position there of each new image; can repeat.
        columns: Other values of each new image, with its `path`. Columns of objects are as
            `index_coco` makes them; others get the type that they have in the source.
        root: Folder of the new images.
        dataset_info: As in `Manifest`.
        images_folder: As in `Manifest`.
        path_columns: As in `Manifest`.
    """
    rows = source.table.take(pa.array(positions, pa.int64()))
    replaced = {"index", *_STALE, *_KINDS, *source.path_columns, *columns}
    kept = {name: rows.column(name) for name in rows.column_names if name not in replaced}
    schema = source.table.schema
    kinds = {**_KINDS, **{name: schema.field(name).type for name in schema.names}}
    added = {
        # First as they are: flags of a column of text are integers.
        name: pa.array(values, _KINDS[name])
        if name in _KINDS
        else pa.array(values).cast(kinds.get(name, pa.string()))
        for name, values in columns.items()
    }
    index = pa.array(range(len(positions)), pa.int64())
    return Manifest(
        root=root,
        class_names=source.class_names,
        table=pa.table({"index": index, **kept, **added}),
        dataset_info=dataset_info,
        images_folder=images_folder,
        path_columns=tuple(path_columns),
    )
