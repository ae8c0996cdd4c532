"""The folder of a run: created, resumed, deleted if the run fails; and what it contains."""

import contextlib
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from augseq.errors import ArgumentError, NotAFolderError
from augseq.storage.atomic_file import atomic_write
from augseq.terminal_text import listed
from augseq.training.kinds.evaluation import Evaluation
from augseq.training.run_files import (
    BACKUPS,
    CLASS_NAMES,
    CONTACT_SHEET,
    DELETED_BACKUPS,
    HISTORY,
    MANIFEST,
    MODEL,
    PREDICTIONS,
    README,
    SETTINGS,
    VAL_MANIFEST,
    has_backups,
    is_interrupted,
    missing_files,
    resume_command,
)
from augseq.types import PathLike

# Before the first backup.
_WRITTEN_EARLY = (
    SETTINGS, CLASS_NAMES, MANIFEST, VAL_MANIFEST, CONTACT_SHEET, README, HISTORY, MODEL
)  # fmt: skip


@contextlib.contextmanager
def open_run_folder(folder: PathLike, images: Collection[str], *, resume: bool) -> Iterator[Path]:
    """Open the folder of a new run, or of an interrupted one.

    If a run fails before its first backup, its files are deleted, and the folder too if it is new.

    Args:
        folder: A new or empty folder.
        images: The folders of the images, which must not contain it.
        resume: Whether it can also be the folder of an interrupted run.

    Raises:
        ArgumentError: It contains other files or a complete run, or the images' folder contains it.
        NotAFolderError: It is a file.
    """
    path = Path(folder)
    for place in images:
        _check_place(path, place)
    is_new, is_resumed = not path.exists(), resume and is_interrupted(path)
    path.mkdir(parents=True, exist_ok=True)
    if not is_resumed and any(path.iterdir()):
        raise _not_empty(path, resume)
    (path / BACKUPS).mkdir(exist_ok=True)
    try:
        yield path
    except BaseException as error:
        if has_backups(path):
            kept = "the best model so far, and backups" if (path / MODEL).exists() else "backups"
            error.add_note(
                f"The run folder {str(path)!r} has {kept}. To continue: {resume_command(path)} "
                "(in Python: train(..., resume=True))."
            )
        elif not is_resumed:
            if isinstance(error, KeyboardInterrupt):
                error.add_note("Interrupted before the first backup, so nothing is kept.")
            _remove_files(path)
            # So that the next run can use this name.
            with contextlib.suppress(OSError):
                if is_new:
                    path.rmdir()
        raise
    _remove_backups(path)


def _check_place(path: Path, images: str) -> None:
    if path.resolve().is_relative_to(Path(images).resolve()):
        raise ArgumentError(
            f"The run folder must be outside the image folder, or its pictures would be indexed "
            f"next time; choose another folder (at the shell: -o FOLDER). "
            f"Received: {str(path)!r}, inside {images!r}"
        )
    if path.is_file():
        raise NotAFolderError(f"The run folder {str(path)!r} is a file.")


def _not_empty(path: Path, resume: bool) -> ArgumentError:
    if is_interrupted(path) and not (path / SETTINGS).exists():
        advice = " A run in it was interrupted before its training began: delete it."
    elif is_interrupted(path):
        advice = f" It has an interrupted run; to continue it: {resume_command(path)}"
    elif resume and (path / SETTINGS).exists():
        absent = listed(missing_files(path))
        state = f"is incomplete (no {absent}) and has no backups" if absent else "is complete"
        advice = f" Its run {state}, so there is nothing to resume."
    else:
        advice = ""
    return ArgumentError(
        f"The run folder must be new or empty, so that no earlier run is lost. "
        f"Received: {str(path)!r}.{advice}"
    )


def _remove_backups(path: Path) -> None:
    # Renamed, since a process that is killed while it deletes them must not leave some of them,
    # from which the complete run would be resumed.
    deleted = path / DELETED_BACKUPS
    shutil.rmtree(deleted, ignore_errors=True)
    (path / BACKUPS).rename(deleted)
    shutil.rmtree(deleted)


def _remove_files(path: Path) -> None:
    for name in _WRITTEN_EARLY:
        (path / name).unlink(missing_ok=True)
    # Last: until then it marks the folder as that of an interrupted run.
    shutil.rmtree(path / BACKUPS, ignore_errors=True)


def write_history(epochs: Sequence[Mapping[str, float]], folder: Path) -> None:
    """Write loss and metrics of each epoch as a table."""
    names = dict.fromkeys(name for values in epochs for name in values)
    columns = {name: [values.get(name) for values in epochs] for name in names}
    table = pa.table({"epoch": list(range(1, 1 + len(epochs))), **columns})
    with atomic_write(folder / HISTORY) as file:
        pyarrow.csv.write_csv(table, file)


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Write predictions and figures of the held-out images as tables and pictures."""
    evaluation.predictions.write_csv(folder / PREDICTIONS)
    for name, columns in evaluation.tables().items():
        with atomic_write(folder / name) as file:
            pyarrow.csv.write_csv(pa.table(columns), file)
    for name, picture in evaluation.pictures().items():
        picture.savefig(folder / name)
    evaluation.draw_history().savefig(folder / "history.png")
