"""A backup of a training run: one file with arrays and JSON, written atomically."""

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
    """Everything needed to resume a run.

    Attributes:
        state: Numbers and text that can be stored as JSON.
        arrays: Values of variables by name, any shape and numeric dtype.
    """

    state: Mapping[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]]


def write_backup(folder: Path, number: int, backup: Backup, *, keep: int) -> Path:
    """Write a backup atomically, then delete old ones.

    Args:
        folder: Created if it does not exist.
        number: Larger numbers are later. Existing backups with a larger number are deleted: they
            are damaged or of a different manifest, since the run did not resume from them.
        backup: What to write.
        keep: Number of backups to keep; the oldest ones are deleted.

    Raises:
        BackupError: It cannot be written; all earlier ones are unchanged.
    """
    path = folder / f"{_PREFIX}{number:012d}{_SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = np.frombuffer(json.dumps(backup.state).encode(), np.uint8)
        # Including partial backups with other numbers, left by a killed process.
        remove_abandoned(str(folder), f".{_PREFIX}")
        with atomic_write(path) as file:
            np.savez(file, **backup.arrays, **{_STATE: text})  # type: ignore[arg-type]
    except OSError as error:
        raise BackupError(
            f"Cannot write the backup {str(path)!r}: {error.strerror or error}. "
            "Earlier backups are intact."
        ) from error
    backups = list_backups(folder)
    num_until_now = backups.index(path) + 1
    for other in backups[num_until_now:] + backups[:num_until_now][:-keep]:
        other.unlink(missing_ok=True)
    return path


def read_latest_backup(folder: Path) -> Backup | None:
    """Read the latest intact backup; None if there is none.

    Damaged backups, such as a failing disk leaves, are skipped with a warning.
    """
    for path in reversed(list_backups(folder)):
        try:
            return _read(path)
        # Damaged archives raise many kinds of errors, from EOFError to NotImplementedError.
        except Exception as error:
            warnings.warn(
                f"The backup {str(path)!r} is damaged ({error}); trying the previous one.",
                AugseqWarning,
                stacklevel=2,
            )
    return None


def remove_backups(folder: Path, only: Collection[Path] | None = None) -> None:
    """Delete the backups in a folder, and the folder if it is then empty.

    Args:
        folder: Folder of the backups.
        only: Delete only these; None for all.
    """
    for path in list_backups(folder):
        if only is None or path in only:
            path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def list_backups(folder: Path) -> list[Path]:
    """Return the backups in a folder, oldest first."""
    return sorted(path for path in folder.glob(f"{_PREFIX}*{_SUFFIX}") if path.is_file())


def _read(path: Path) -> Backup:
    # Without pickles, so that a file cannot run code.
    with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    state = json.loads(arrays.pop(_STATE).tobytes())
    return Backup(state=state, arrays=arrays)
