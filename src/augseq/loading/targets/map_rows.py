"""Maps of images in the rows of an array, such as masks; they move like those in files."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.manifest.record import Record
from augseq.pixels.region import Box
from augseq.pixels.source import ArraySource
from augseq.storage.array_content import array_text
from augseq.types import Array

_DTYPES = {"biu": "integers or booleans", "biuf": "numbers"}


@dataclass(frozen=True, slots=True)
class MapRows:
    """The maps of one kind, in the rows of an array; a record's index is its row.

    Attributes:
        rows: Shape (n, height, width) or (n, height, width, channels).
        name: Name of the argument in messages, such as "y".
        kind: What they are, such as "mask".
    """

    rows: npt.NDArray[Any]
    name: str
    kind: str

    @property
    def columns(self) -> tuple[str, ...]:
        """None: arrays have no columns."""
        return ()

    @property
    def title(self) -> str:
        """What they are."""
        return self.kind

    @property
    def text(self) -> str:
        """Where they are, in a few words."""
        return "in an array"

    @property
    def content(self) -> str:
        """What decides the values: a hash of all of them."""
        return f"array of {array_text(self.rows)}"

    @property
    def cache(self) -> None:
        """None: there is nothing to decode."""

    def where(self, record: Record) -> str:
        """Return a text that names the map."""
        return f"the {self.kind} {self.name}[{record.index}]"

    def find_part(self, record: Record, whole: tuple[int, ...], box: Box) -> None:
        """Return None: there is no file."""

    def read(
        self, record: Record, decode: Callable[[bytes], Array], content: bytes | None = None
    ) -> Array:
        """Return the row of a record; a view.

        Args:
            record: The record.
            decode: Not used: there is no file.
            content: Not used.
        """
        return np.asarray(self.rows[record.index])


def map_rows(
    option: Any, rows: Any, source: ArraySource, *, name: str, kind: str, dtypes: str
) -> MapRows:
    """Return the maps in an array.

    Args:
        option: The option, for messages.
        rows: The array.
        source: The images that the maps belong to.
        name: Name of the argument in messages.
        kind: What they are, such as "mask".
        dtypes: Allowed kinds of dtypes, as one letter each.

    Raises:
        ArgumentError: It is not an array of maps, or they have another size than the images.
    """
    if isinstance(rows, str):
        raise ArgumentError(
            f"`{name}` must be a {type(option).__name__} of an array, not of a column: arrays have "
            f"no columns. Received: {option}"
        )
    size = tuple(source.images.shape[:3])
    is_fitting = rows.ndim in (3, 4) and tuple(rows.shape[:3]) == size
    if not is_fitting or np.dtype(rows.dtype).kind not in dtypes:
        raise ArgumentError(
            f"`{name}` must contain a {kind} of {_DTYPES[dtypes]} for each image of `x`, of the "
            f"same height and width: shape {size}. "
            f"Received: shape {tuple(rows.shape)}, dtype {rows.dtype}"
        )
    return MapRows(rows, name, kind)


def needs_column(option: Any) -> ArgumentError:
    """Return the error for an option with an array, used with a manifest."""
    return ArgumentError(
        f"{type(option).__name__} requires the name of the column with the paths of the files; "
        f"only ImageSequence.from_arrays takes arrays. Received: {option}"
    )
