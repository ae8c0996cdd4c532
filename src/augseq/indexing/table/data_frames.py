"""Convert frames to Arrow: pandas, polars, and objects that export Arrow."""

import os
import sys
from typing import Any

import numpy as np
import pyarrow as pa

from augseq.errors import ArgumentError
from augseq.indexing.table.images_inside import check_no_images_inside, check_no_pictures
from augseq.indexing.table.not_a_table import TABLE_SUFFIXES
from augseq.indexing.table.source_table import Choose, check_names


def columns_of_frame(source: Any, choose: Choose) -> pa.Table:
    """Return the requested columns of a frame, with pathlib paths as strings.

    Args:
        source: A pandas frame, or any object with Arrow's `__arrow_c_stream__`.
        choose: Selects from the names of all columns, or raises an error.

    Raises:
        ArgumentError: It is not a frame, or a column is missing.
        ManifestError: Two columns have the same name, or a column contains the images themselves.
        pa.ArrowException: Values do not fit a column.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(source, pandas.DataFrame):
        return _columns_of_pandas(source, choose)
    is_series = hasattr(source, "to_frame")
    if hasattr(source, "__arrow_c_stream__") and not is_series:
        source = _with_text_paths_of_polars(source)
        table = pa.table(source)
        check_names(table.column_names, "the frame")
        check_no_images_inside(table.schema, "the frame", choose)
        return table.select(choose(table.column_names))
    hint = ""
    if is_series:
        hint = " Convert the series to a frame: source.to_frame('path')."
    elif hasattr(source, "to_pandas"):
        hint = " Pass it as a pandas frame: source.to_pandas()."
    elif hasattr(source, "collect"):  # A polars LazyFrame.
        hint = " Pass the collected frame: source.collect()."
    elif isinstance(source, dict):
        hint = " Convert it to a frame: pandas.DataFrame(source)."
    elif isinstance(source, list | tuple | np.ndarray):
        hint = ' Convert it to a frame: pandas.DataFrame(source, columns=["path", "label"]).'
    raise ArgumentError(
        f"A table must be a file ({', '.join(TABLE_SUFFIXES)}), a pandas frame, or have "
        f"`__arrow_c_stream__`, like polars frames. Received: {type(source).__name__}.{hint}"
    )


def _columns_of_pandas(frame: Any, choose: Choose) -> pa.Table:
    names = list(map(str, frame.columns))
    check_names(names, "the frame")
    check_no_pictures(frame, "the frame", choose)
    try:
        chosen = choose(names)
    except ArgumentError as error:
        levels = [name for name in frame.index.names if name is not None]
        if not levels and _is_text(frame.index):
            raise ArgumentError(
                f"{error} The paths seem to be the index of the frame: "
                'frame.reset_index(names="path") turns it into a column.'
            ) from error
        if not levels:
            raise
        raise ArgumentError(
            f"{error} The index of the frame is named {', '.join(map(repr, levels))}: "
            "frame.reset_index() turns it into a column."
        ) from error
    columns = frame.set_axis(names, axis=1)[chosen]
    texts = {
        name: columns[name].map(_as_text)
        for name in chosen
        if columns[name].dtype.kind == "O" and columns[name].map(_is_path).any()
    }
    # pandas' own Arrow export would add a column for an index other than 0, 1, 2, ...
    return pa.Table.from_pandas(columns.assign(**texts), preserve_index=False)


def _is_text(index: Any) -> bool:
    return len(index) > 0 and isinstance(index[0], str | os.PathLike)


def _with_text_paths_of_polars(frame: Any) -> Any:
    """Return a polars frame with path objects as strings, for Arrow."""
    polars = sys.modules.get("polars")
    if polars is None or not isinstance(frame, polars.DataFrame):
        return frame
    texts = []
    for name, kind in frame.schema.items():
        if kind == polars.Object and any(map(_is_path, frame[name])):
            texts.append(polars.Series(name, list(map(_as_text, frame[name])), polars.String))
    return frame.with_columns(texts)


def _is_path(value: Any) -> bool:
    return isinstance(value, os.PathLike)


def _as_text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value
