"""Files of maps beside the images, such as masks: their column, and errors that name both files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from augseq.errors import ArgumentError, AugseqError, DecodeError, MissingFileError
from augseq.loading.targets.column_checks import check_no_missing
from augseq.manifest.record import Record
from augseq.pixels.cache.map_cache import MapCache
from augseq.pixels.map_part import cut_file
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import Box
from augseq.pixels.source import IN_PARTS, FileSource, files_of
from augseq.types import Array
from augseq.validation import briefly

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest


@dataclass(frozen=True, slots=True)
class MapFiles:
    """The files of one kind of map.

    Attributes:
        column: The column with their paths.
        kind: What they are, such as "mask".
        files: Where they are.
        cache: Where their values are cached; None if they are decoded each time.
    """

    column: str
    kind: str
    files: FileSource
    cache: MapCache | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The column; none if it is the path of the image, which every record has."""
        return () if self.column == "path" else (self.column,)

    @property
    def title(self) -> str:
        """The column."""
        return self.column

    @property
    def text(self) -> str:
        """The column, in quotes."""
        return repr(self.column)

    @property
    def content(self) -> str:
        """What decides which files these are."""
        return f"column={self.column!r}"

    def path_of(self, record: Record) -> str:
        """Return the path of the map of an image."""
        path: str = record.path if self.column == "path" else record.columns[self.column]
        return path

    def where(self, record: Record) -> str:
        """Return a text that names the map, its image and their folder."""
        path = self.path_of(record)
        return f"the {self.kind} {path!r} of the image {record} in {self.files.root!r}"

    def find_part(
        self, record: Record, whole: tuple[int, ...], box: Box
    ) -> tuple[bytes, Box] | None:
        """Return a file with a part of the map of a record, if it is a TIFF or .npy file.

        See `cut_file`.

        Args:
            record: The record, with at least the `column`.
            whole: (height, width, ...) that the map must have.
            box: The part that is needed.

        Raises:
            AugseqError: The file cannot be read.
        """
        path = self.path_of(record)
        if not path.lower().endswith(IN_PARTS):
            return None
        with self.naming(record):
            data, _ = self.files.content(Record(index=record.index, path=path))
            return cut_file(data, whole, box)

    def read(
        self, record: Record, decode: Callable[[bytes], Array], content: bytes | None = None
    ) -> Array:
        """Read and decode the map of a record.

        Args:
            record: The record, with at least the `column`.
            decode: Function from the bytes of the file to its values.
            content: A file with a part of the map, to decode in place of its own.

        Raises:
            MissingFileError: The file does not exist.
            DecodeError: It cannot be decoded.
            AugseqError: It cannot be read.
        """
        path = self.path_of(record)
        if content is None:
            with self.naming(record):
                content, _ = self.files.read(Record(index=record.index, path=path))
        try:
            return decode(content)
        except DecodeError as error:
            where = self.where(record)
            raise DecodeError(f"Cannot use {where}: {error}.", path, record.index) from error

    def with_cache(self, cache: MapCache) -> "MapFiles":
        """Return the same files with a cache of their values."""
        return replace(self, files=cache.files, cache=cache)

    @contextmanager
    def naming(self, record: Record) -> Iterator[None]:
        """Name the map and its image in errors."""
        try:
            yield
        except MissingFileError as error:
            raise MissingFileError(
                f"There is no file for {self.where(record)}. Add it, or select the images that "
                "have one."
            ) from error
        except AugseqError as error:
            raise type(error)(f"Cannot read {self.where(record)}: {error}") from error


def check_column_name(option: str, column: Any, kind: str) -> None:
    """Raise `ArgumentError` if this is not the name of a column of paths."""
    if not isinstance(column, str) or not column:
        raise ArgumentError(
            f"{option} requires the name of the column with the paths of the {kind}s. "
            f"Received: {briefly(column)}"
        )


def map_files(
    manifest: "Manifest", option: str, column: str, kind: str, decode: DecodeOptions
) -> MapFiles:
    """Return the files of the maps of a manifest.

    Args:
        manifest: The records; every one must have a path.
        option: The option in messages, such as "Mask('mask')".
        column: Name of the column with the paths.
        kind: What they are, such as "mask".
        decode: How images are decoded; the limit of the file size holds for maps too.

    Raises:
        ArgumentError: The manifest does not have the column, or it is not text.
        LabelError: A record has no path.
    """
    # The path of the image itself is not a column of the user's own.
    if column != "path":
        check_no_missing(manifest, option, column, "Select the records that have one.")
    found = str(manifest.arrow_column(column, option).type)
    if found != "string":
        raise ArgumentError(
            f"{option} requires a column of paths, as text. Received: a column of type {found}. "
            f'Add one with manifest.with_column({column!r}, pattern="{column}s/{{stem}}.png").'
        )
    return MapFiles(column=column, kind=kind, files=files_of(manifest, decode))
