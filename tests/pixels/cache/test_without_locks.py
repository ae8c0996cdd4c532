"""A cache as on Windows: without file locks, and without moving open files."""

import gc
import os
import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest

from .conftest import RECORDS, cached, check_pixels, entries, leftovers

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="asks what is open")


def open_files() -> set[str]:
    """Return the paths of all files that this process has open."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{number}"))
        except FileNotFoundError:  # That of the listing.
            continue
    return found


@pytest.fixture(autouse=True)
def _no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Act as on Windows: without file locks, and without moving open files."""
    for module in ("file_lock", "atomic_file"):
        monkeypatch.setattr(f"augseq.storage.{module}.sys", SimpleNamespace(platform="win32"))
    move = {"replace": os.replace, "rename": os.rename}

    def refuse_open(kind: str, source: str, target: str) -> None:
        held = [path for path in open_files() if f"{path}/".startswith(f"{source}/")]
        if held:
            raise PermissionError(32, f"{held[0]} is open")
        move[kind](source, target)

    for kind in move:
        monkeypatch.setattr(os, kind, lambda *paths, kind=kind: refuse_open(kind, *paths))


def test_images_are_cached(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    source = cached(root, folder)
    check_pixels(root, source)
    assert len(entries(folder)) == source.folder.usage.num_files == len(RECORDS)
    assert leftovers(folder) == []


def test_a_folder_in_memory_is_removed_by_the_process_that_created_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other tests' processes have locks, and would remove a folder without one.
    monkeypatch.setattr("augseq.pixels.cache.memory_folder._SHARED_MEMORY", str(tmp_path))
    source = cached(root, "memory")
    folder = Path(source.folder.root)
    twin = pickle.loads(pickle.dumps(source))
    check_pixels(root, source)
    assert len(entries(folder)) == len(RECORDS)
    del source
    gc.collect()
    assert folder.exists()
    del twin
    gc.collect()
    assert not folder.exists()
    assert not Path(f"{folder}-gone").exists()
