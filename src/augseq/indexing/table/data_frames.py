"""Frames in memory become columns of Arrow: pandas, polars, and what exports Arrow."""

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
    """Return the wanted columns of a frame; paths of pathlib are text in it.

    Args:
        source: A pandas frame, or any object with Arrow's `__arrow_c_stream__`.
        choose: From the names of all columns to those that are wanted, or an error.

    Raises:
        ArgumentError: It is no frame, or a column is missing.
        ManifestError: Two columns have one name, or the images themselves are inside.
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
        hint = " Make a frame of the series: source.to_frame('path')."
    elif hasattr(source, "to_pandas"):
        hint = " Pass its pandas frame: source.to_pandas()."
    elif hasattr(source, "collect"):  # A lazy frame of polars.
        hint = " Pass its frame: source.collect()."
    elif isinstance(source, dict):
        hint = " Make a frame of it: pandas.DataFrame(source)."
    elif isinstance(source, list | tuple | np.ndarray):
        hint = ' Make a frame of it: pandas.DataFrame(source, columns=["path", "label"]).'
    raise ArgumentError(
        f"A table must be a file ({', '.join(TABLE_SUFFIXES)}), a pandas frame, or have "
        f"`__arrow_c_stream__` as polars frames have. Received: {type(source).__name__}.{hint}"
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
                'frame.reset_index(names="path") makes a column of it.'
            ) from error
        if not levels:
            raise
        raise ArgumentError(
            f"{error} The index of the frame is called {', '.join(map(repr, levels))}: "
            "frame.reset_index() makes a column of it."
        ) from error
    columns = frame.set_axis(names, axis=1)[chosen]
    texts = {
        name: columns[name].map(_as_text)
        for name in chosen
        if columns[name].dtype.kind == "O" and columns[name].map(_is_path).any()
    }
    # Its own way to Arrow would make a column of the index, if that is not 0, 1, 2, ...
    return pa.Table.from_pandas(columns.assign(**texts), preserve_index=False)


def _is_text(index: Any) -> bool:
    return len(index) > 0 and isinstance(index[0], str | os.PathLike)


def _with_text_paths_of_polars(frame: Any) -> Any:
    """Return a frame of polars whose columns of paths, which Arrow does not take, are text."""
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
