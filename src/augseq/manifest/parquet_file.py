"""Read the Parquet file of a manifest, which may be damaged or malicious."""

import os
import shlex
import stat

import pyarrow as pa
import pyarrow.parquet as pq

from augseq.errors import ArgumentError, ManifestError, MissingFileError, UnreadableError
from augseq.manifest.header import Header, read_header
from augseq.manifest.parquet_guard import read_parquet
from augseq.manifest.schema import REASON_FIELD, standard_table


def read_file(path: str) -> tuple[Header, pa.Table]:
    """Return the header and the rows of a manifest's Parquet file.

    Raises:
        MissingFileError: There is no such file.
        UnreadableError: Access to the file is denied.
        ManifestError: It is not a regular file or not a Parquet file, is damaged, was not written
            by augseq or by a newer one, or would unpack to far more than a manifest does.
    """
    _check_is_regular(path)
    try:
        # Opened here, since Arrow accepts only UTF-8 paths.
        with open(path, "rb") as file:
            schema = pq.read_schema(file)
            header = read_header(schema, path)
            standard_table(schema.empty_table(), has_reasons=REASON_FIELD.name in schema.names)
            table = read_parquet(file, path)
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
            f"{path!r} is not the Parquet file of a manifest, or is damaged: {error}"
        ) from error
    return header, table


def _check_is_regular(path: str) -> None:
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise MissingFileError(
            f"There is no manifest {path!r}. Correct the path, or write one: "
            f"augseq index FOLDER -o {shlex.quote(path)} (in Python: augseq.write_manifest)."
        ) from error
    except OSError as error:
        raise UnreadableError(f"Cannot read {path!r}: {error.strerror}.") from error
    if not stat.S_ISREG(mode):
        # Not opened: opening a pipe without a writer would block forever.
        kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise ManifestError(f"A manifest must be a Parquet file, but {path!r} is {kind}.")
