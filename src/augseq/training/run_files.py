"""The names of the files of a run folder, and whether its run is complete. Does not load Keras."""

import shlex
from pathlib import Path

from augseq.types import PathLike

MODEL = "model.keras"
LAST_MODEL = "last_model.keras"
MANIFEST = "manifest.parquet"
VAL_MANIFEST = "val_manifest.parquet"
SETTINGS = "settings.json"
CLASS_NAMES = "class_names.json"
CONTACT_SHEET = "contact_sheet.png"
HISTORY = "history.csv"
PREDICTIONS = "predictions.csv"
README = "README.md"
BACKUPS = "backups"
"""A folder that exists until the run is complete."""

DELETED_BACKUPS = "backups.deleted"
"""What a process leaves that was killed while it deleted the backups of a complete run."""

_OF_COMPLETE_RUN = (SETTINGS, MANIFEST, MODEL, LAST_MODEL, README)


def is_interrupted(folder: PathLike) -> bool:
    """Return whether a folder has a run that is not complete."""
    return Path(folder, BACKUPS).is_dir()


def missing_files(folder: PathLike) -> list[str]:
    """Return the names of files that each complete run has, but not this folder."""
    return [name for name in _OF_COMPLETE_RUN if not Path(folder, name).is_file()]


def is_complete(folder: PathLike) -> bool:
    """Return whether a folder has a complete run."""
    return not is_interrupted(folder) and not missing_files(folder)


def has_backups(folder: Path) -> bool:
    """Return whether a run can be resumed from somewhere, not only started again."""
    return any((folder / BACKUPS).rglob("*.npz"))


def resume_command(folder: PathLike) -> str:
    """Return the command that continues an interrupted run."""
    return f"augseq fit --resume {shlex.quote(str(folder))}"
