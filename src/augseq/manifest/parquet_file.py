"""Read a Parquet file that anybody may have made: whole and within limits, or not at all."""

import os
import stat

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from augseq.errors import ArgumentError, ManifestError, MissingFileError, UnreadableError
from augseq.manifest.header import Header, read_header
from augseq.manifest.parquet_layout import read_layout
from augseq.manifest.schema import REASON_FIELD, standard_table

# A file of a few kilobytes can unpack to terabytes. Manifests of a million records unpack to
# about ten times their size; small ones of equal values to more, but not to much.
MAX_UNPACKED_BYTES = 2**28
MAX_RATIO = 100


def read_file(path: str) -> tuple[Header, pa.Table]:
    """Return what the Parquet file of a manifest says of itself, and its rows.

    Raises:
        MissingFileError: There is no such file.
        UnreadableError: The system refuses to read it.
        ManifestError: It is no ordinary file, no Parquet file, damaged, not of augseq or of a
            newer one, or would unpack to far more than a manifest does.
    """
    _check_ordinary(path)
    try:
        # Opened here, since Arrow takes no path that is not UTF-8.
        with open(path, "rb") as file:
            layout = read_layout(file)
            schema = pq.read_schema(file)
            header = read_header(schema, path)
            standard_table(schema.empty_table(), has_reasons=REASON_FIELD.name in schema.names)
            limit = max(MAX_UNPACKED_BYTES, MAX_RATIO * os.path.getsize(path))
            row_bytes = sum(map(_width, schema.types))
            _check_size(path, max(layout.num_bytes, layout.num_rows * row_bytes), limit)
            # One file, and no data set of many as with `pq.read_table`: a million records are
            # there after 0.05 s instead of 0.3, in one piece instead of eight.
            table = pq.ParquetFile(
                file, page_checksum_verification=True, read_dictionary=layout.dictionaries
            ).read()
        # A dictionary of one long text and a million references to it are small until each
        # reference becomes a text.
        _check_size(path, table.nbytes + sum(map(_text_bytes, table.columns)), limit)
        table.validate(full=True)
    except PermissionError as error:
        raise UnreadableError(f"Cannot read {path!r}: {error.strerror}.") from error
    except ManifestError:
        raise
    except ArgumentError as error:
        raise ManifestError(f"The manifest {path!r} is damaged: {error}") from error
    # Damaged files raise all kinds of errors, from UnicodeDecodeError to MemoryError.
    except Exception as error:
        raise ManifestError(
            f"{path!r} is not a Parquet file of a manifest, or is damaged: {error}"
        ) from error
    return header, table


def _check_ordinary(path: str) -> None:
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise MissingFileError(f"There is no manifest {path!r}.") from error
    except OSError as error:
        raise UnreadableError(f"Cannot read {path!r}: {error.strerror}.") from error
    if not stat.S_ISREG(mode):
        # Not opened: a pipe without a writer would wait for ever.
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, a device or the like"
        raise ManifestError(f"A manifest must be a Parquet file, but {path!r} is {kind}.")


def _check_size(path: str, num_bytes: int, limit: int) -> None:
    if num_bytes > limit:
        raise ManifestError(
            f"{path!r} would unpack to {num_bytes:,} bytes, but a manifest of its size unpacks to "
            f"{limit:,} at most. If it is yours and has very many equal rows, cut it in two."
        )


def _width(kind: pa.DataType) -> int:
    if pa.types.is_struct(kind):
        return sum(_width(field.type) for field in kind)
    try:
        return max(1, int(kind.bit_width) // 8)
    except ValueError:  # Text: its offset.
        return 4


def _text_bytes(column: pa.ChunkedArray) -> int:
    """Return the letters of all texts, where equal ones are held once now."""
    total = 0
    for piece in column.chunks:
        if pa.types.is_struct(piece.type):
            fields = (pa.chunked_array([field]) for field in piece.flatten())
            total += sum(map(_text_bytes, fields))
        elif pa.types.is_dictionary(piece.type) and len(piece.dictionary):
            lengths = pc.binary_length(piece.dictionary).cast(pa.int64())
            total += pc.sum(lengths.take(piece.indices)).as_py() or 0
    return total
