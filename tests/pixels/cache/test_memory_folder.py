"""How much memory a cache may take."""

import shutil
from pathlib import Path

import pytest

from augseq.pixels.cache.memory_folder import free_in_container, free_memory_bytes


def test_free_memory_is_no_more_than_the_mount_has() -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir():
        pytest.skip("no shared memory here")
    assert 0 < free_memory_bytes() <= shutil.disk_usage(shared).total


def test_the_limit_of_a_container_counts_cached_files_as_free(tmp_path: Path) -> None:
    # The format: Linux, Documentation/admin-guide/cgroup-v2.rst.
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 100000\nfile 500000\nshmem 200000\n")
    assert free_in_container(str(tmp_path)) == 600_000


def test_a_container_without_a_limit_sets_none(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    with pytest.raises(ValueError, match="max"):
        free_in_container(str(tmp_path))
