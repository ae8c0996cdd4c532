"""A backup is whole or not there, whatever happens while it is written."""

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import augseq
from augseq.training.backup.backup_file import (
    Backup,
    read_latest_backup,
    remove_backups,
    write_backup,
)


def backup(number: int, size: int = 10) -> Backup:
    arrays = {"model 0 kernel": np.full((size, 3), number, np.float32), "scalar": np.array(number)}
    return Backup(state={"epoch": number, "text": "ä"}, arrays=arrays)


def latest(folder: Path) -> int | None:
    found = read_latest_backup(folder)
    return None if found is None else int(found.state["epoch"])


def test_a_backup_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_backup(tmp_path / "deep" / "er", 3, backup(3), keep=1)
    found = read_latest_backup(tmp_path / "deep" / "er")
    assert found is not None
    assert found.state == {"epoch": 3, "text": "ä"}
    assert found.arrays.keys() == {"model 0 kernel", "scalar"}
    for name, array in backup(3).arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype


def test_a_missing_or_empty_folder_has_no_backup(tmp_path: Path) -> None:
    assert read_latest_backup(tmp_path / "none") is None
    assert read_latest_backup(tmp_path) is None


def test_the_latest_ones_are_kept(tmp_path: Path) -> None:
    for number in (1, 9, 10, 200):
        write_backup(tmp_path, number, backup(number), keep=2)
    assert len(list(tmp_path.iterdir())) == 2
    assert latest(tmp_path) == 200


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_the_backup_just_written_is_the_latest_even_after_one_with_a_larger_number(
    tmp_path: Path, keep: int
) -> None:
    """A run that continues with a smaller manifest, or from before a damaged backup."""
    for number in (90, 100):
        write_backup(tmp_path, number, backup(number), keep=keep)
    for number in (50, 51, 52):
        write_backup(tmp_path, number, backup(number), keep=keep)
        assert latest(tmp_path) == number
    assert len(list(tmp_path.iterdir())) == keep


def test_a_damaged_backup_is_replaced_by_the_previous_one(tmp_path: Path) -> None:
    path = write_backup(tmp_path, 10, backup(10), keep=1)
    path.write_bytes(b"no archive")
    write_backup(tmp_path, 1, backup(1), keep=1)
    assert latest(tmp_path) == 1


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "text"])
def test_a_damaged_backup_is_skipped_with_a_warning(tmp_path: Path, damage: str) -> None:
    write_backup(tmp_path, 1, backup(1), keep=2)
    data = bytearray(write_backup(tmp_path, 2, backup(2), keep=2).read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 255
    changed = {"cut": data[:-40], "empty": b"", "flipped": data, "text": b"no archive"}[damage]
    (tmp_path / "backup-000000000002.npz").write_bytes(changed)
    with pytest.warns(augseq.AugseqWarning, match="000002.npz' is damaged"):
        assert latest(tmp_path) == 1


def test_pickles_are_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "backup-000000000002.npz", evil=np.array([{}], object))
    with pytest.warns(augseq.AugseqWarning, match="damaged"):
        assert latest(tmp_path) is None


def test_removing_keeps_other_files(tmp_path: Path) -> None:
    write_backup(tmp_path / "a", 1, backup(1), keep=2)
    write_backup(tmp_path / "b", 1, backup(1), keep=2)
    (tmp_path / "b" / "notes.txt").touch()
    remove_backups(tmp_path / "a")
    remove_backups(tmp_path / "b")
    assert [path.name for path in tmp_path.rglob("*")] == ["b", "notes.txt"]


_WRITER = """
import sys
from pathlib import Path
import numpy as np
from augseq.training.backup.backup_file import Backup, write_backup

for number in range(1, 100_000):
    print(number, flush=True)
    arrays = {"a": np.full(300_000, number), "b": np.full(10, number)}
    write_backup(Path(sys.argv[1]), number, Backup(state={"epoch": number}, arrays=arrays), keep=2)
"""


def test_a_writer_killed_at_any_time_leaves_intact_backups(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    numbers = []
    for trial in range(12):
        command = [sys.executable, "-c", _WRITER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            # Every second one has written a backup, however slow this machine is.
            for _ in range(1 + trial % 2):
                writer.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(rng.uniform(0, 0.1))
            writer.send_signal(signal.SIGKILL)
        found = read_latest_backup(tmp_path)
        if found is not None:
            assert (found.arrays["a"] == found.state["epoch"]).all()
            assert found.arrays["a"].shape == (300_000,)
            numbers.append(found.state["epoch"])
    assert len(numbers) >= 6
    # What the killed ones left is tidied away.
    write_backup(tmp_path, 10**6, backup(1), keep=2)
    assert not list(tmp_path.glob(".*"))


def test_a_full_disk_raises_an_error_and_keeps_the_earlier_backup(tmp_path: Path) -> None:
    write_backup(tmp_path, 1, backup(1), keep=2)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(augseq.errors.BackupError, match=os.strerror(errno.EFBIG)):
            write_backup(tmp_path, 2, backup(2, size=100_000), keep=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert [path.name for path in tmp_path.iterdir()] == ["backup-000000000001.npz"]
    assert latest(tmp_path) == 1
