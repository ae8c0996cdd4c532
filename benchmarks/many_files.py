"""Folders with very many files, for indexing and memory benchmarks."""

import os
import tempfile
from itertools import cycle, islice
from pathlib import Path

from benchmarks import work

_DONE_NAME = ".complete"


def find_empty_files(num_folders: int, num_files: int) -> Path:
    """Return a folder with empty files in class folders; create them if needed.

    Indexing needs only names, so a million files use inodes but no blocks.
    """
    folder, is_new = _find(f"empty-{num_folders}x{num_files // num_folders}")
    if is_new:
        for path in _paths(folder, num_folders, num_files):
            os.close(os.open(path, os.O_CREAT))
        _finish(folder)
    return folder


def find_links(images: Path, num_folders: int, num_files: int) -> Path:
    """Return a folder with many hard links to a few images."""
    folder, is_new = _find(f"links-{num_folders}x{num_files // num_folders}")
    if is_new:
        sources = cycle(work.list_files(images)[0])
        for source, path in zip(sources, _paths(folder, num_folders, num_files), strict=False):
            os.link(source, path)
        _finish(folder)
    return folder


def _find(name: str) -> tuple[Path, bool]:
    folder = Path(tempfile.gettempdir()) / f"augseq-benchmark-{name}"
    return folder, not (folder / _DONE_NAME).exists()


def _finish(folder: Path) -> None:
    # Hidden, so that no index counts it. Written last: it marks the folder as complete.
    (folder / _DONE_NAME).touch()


def _paths(folder: Path, num_folders: int, num_files: int) -> list[str]:
    """Create the class folders, and return the paths that do not exist."""
    per_folder = num_files // num_folders
    class_dirs = [folder / f"class_{k:04d}" for k in range(num_folders)]
    for class_dir in class_dirs:
        class_dir.mkdir(parents=True, exist_ok=True)
    names = [f"{k:07d}.jpg" for k in range(per_folder)]
    paths = (os.path.join(class_dir, name) for class_dir in class_dirs for name in names)
    return [path for path in islice(paths, num_files) if not os.path.exists(path)]
