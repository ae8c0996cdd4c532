"""A backup of a training run: one file of arrays and a little JSON, written whole or not at all."""

import json
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.errors import AugseqWarning, BackupError
from augseq.storage.atomic_file import atomic_write, remove_abandoned

_PREFIX = "backup-"
_SUFFIX = ".npz"
_STATE = "state.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What a run needs to go on.

    Attributes:
        state: Plain numbers and text, as JSON keeps them.
        arrays: Values of variables by name, any shape and numeric dtype.
    """

    state: Mapping[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]]


def write_backup(folder: Path, number: int, backup: Backup, *, keep: int) -> Path:
    """Write a backup aside, bring it to the disk, then give it its name; then remove others.

    Args:
        folder: Made if it is not there.
        number: A larger one is a later one. Backups with one still larger are those of a future
            that was given up, since they are damaged or of another manifest, and are removed.
        backup: What to write.
        keep: How many backups may remain; the oldest ones are removed.

    Raises:
        BackupError: It cannot be written; all earlier ones are as they were.
    """
    path = folder / f"{_PREFIX}{number:012d}{_SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = np.frombuffer(json.dumps(backup.state).encode(), np.uint8)
        # Of backups with other numbers too, which a killed process left half written.
        remove_abandoned(str(folder), f".{_PREFIX}")
        with atomic_write(path) as file:
            np.savez(file, **backup.arrays, **{_STATE: text})  # type: ignore[arg-type]
    except OSError as error:
        raise BackupError(
            f"Cannot write the backup {str(path)!r}: {error.strerror or error}. "
            "Earlier backups are whole."
        ) from error
    backups = list_backups(folder)
    num_until_now = backups.index(path) + 1
    for other in backups[num_until_now:] + backups[:num_until_now][:-keep]:
        other.unlink(missing_ok=True)
    return path


def read_latest_backup(folder: Path) -> Backup | None:
    """Read the latest backup that is whole; None where there is none.

    A damaged one, as a failing disk may leave it, is passed over with a warning.
    """
    for path in reversed(list_backups(folder)):
        try:
            return _read(path)
        # Damaged archives raise all kinds of errors, from EOFError to NotImplementedError.
        except Exception as error:
            warnings.warn(
                f"The backup {str(path)!r} is damaged ({error}); the one before it is taken.",
                AugseqWarning,
                stacklevel=2,
            )
    return None


def remove_backups(folder: Path, only: Collection[Path] | None = None) -> None:
    """Remove backups of a folder, and the folder if nothing else is in it.

    Args:
        folder: Where they are.
        only: Which of them; None for all.
    """
    for path in list_backups(folder):
        if only is None or path in only:
            path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def list_backups(folder: Path) -> list[Path]:
    """Return the backups of a folder, the oldest first."""
    return sorted(path for path in folder.glob(f"{_PREFIX}*{_SUFFIX}") if path.is_file())


def _read(path: Path) -> Backup:
    # Without pickles: a file can say nothing but numbers.
    with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    state = json.loads(arrays.pop(_STATE).tobytes())
    return Backup(state=state, arrays=arrays)
