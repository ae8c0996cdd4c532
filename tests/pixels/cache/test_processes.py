"""Several processes with one cache, some of which are killed."""

import os
import subprocess
from pathlib import Path

import pytest

from augseq.errors import AugseqWarning
from tests.pixels.conftest import encoded, photo

from .conftest import RECORDS, cached, check_pixels, entries, leftovers, num_bytes
from .processes import RESIZED, finish, first_line, start

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and flock")


@pytest.mark.parametrize("resized", ["", "resized"])
def test_processes_that_fill_a_cache_together_store_each_image_once(
    root: Path, tmp_path: Path, resized: str
) -> None:
    folder = tmp_path / "cache"
    processes = [start("fill", root, folder, resized) for _ in range(3)]
    assert [first_line(process) for process in processes] == [str(folder)] * 3
    for process in processes:
        # All start before the first is waited for.
        assert process.stdin is not None
        process.stdin.write("go on\n")
        process.stdin.flush()
    for process in processes:
        finish(process)
    source = cached(root, folder, resize=RESIZED if resized else None)
    assert leftovers(folder) == []
    assert source.folder.usage.num_files == len(entries(folder)) == len(RECORDS)
    assert source.folder.usage.num_bytes == num_bytes(folder)
    check_pixels(root, source)


@pytest.mark.parametrize("resized", ["", "resized"])
def test_processes_that_are_killed_leave_no_wrong_pixels(
    root: Path, tmp_path: Path, resized: str
) -> None:
    for record in RECORDS:
        picture = photo(240 + record.index, 320)
        (root / record.path).write_bytes(encoded(picture, "JPEG"))
    killing = start("kill", root, tmp_path / "caches", 60, resized)
    found = [list(map(int, line.split())) for line in finish(killing).splitlines()]
    assert len(found) == 60
    # Otherwise nothing was tested: some were killed while writing, and most before the end.
    assert sum(half_written > 0 for _, half_written in found) >= 1
    assert sum(num_images < len(RECORDS) for num_images, _ in found) >= 10


def test_a_full_disk_is_reported_once_and_changes_no_pixels(root: Path, tiny_disk: Path) -> None:
    source = cached(root, tiny_disk, max_bytes=10**9)
    with pytest.warns(AugseqWarning, match=r"No space left on device.*another folder"):
        check_pixels(root, source)
    # No second warning, which would be an error here.
    check_pixels(root, source)
    assert leftovers(tiny_disk) == []
    assert 2 <= len(entries(tiny_disk)) < len(RECORDS)
    assert source.folder.usage.num_bytes >= num_bytes(tiny_disk)


def test_half_of_a_disk_is_used_by_default(root: Path, tiny_disk: Path) -> None:
    source = cached(root, tiny_disk)
    with pytest.warns(AugseqWarning, match="is full"):
        check_pixels(root, source)
    assert 10_000 < num_bytes(tiny_disk) <= 24_576
    assert cached(root, tiny_disk).folder.max_bytes <= 24_576


def test_a_cache_in_memory_is_removed_with_its_process(root: Path) -> None:
    process = start("leave", root)
    folder = Path(first_line(process))
    assert len(entries(folder)) == len(RECORDS)
    finish(process)
    assert not folder.exists()


def test_what_a_killed_process_left_in_memory_is_removed_at_the_next_start(root: Path) -> None:
    killed, alive = start("leave", root), start("leave", root)
    folders = [Path(first_line(process)) for process in (killed, alive)]
    killed.kill()
    killed.communicate(timeout=60)
    assert folders[0].exists()
    cached(root, "memory")
    assert [folder.exists() for folder in folders] == [False, True]
    finish(alive)


def test_processes_share_images_cached_in_memory(root: Path) -> None:
    owner = start("share", root)
    place, pickled = first_line(owner).split()
    folder = Path(place)
    workers = [start("join", root, pickled) for _ in range(2)]
    assert [first_line(worker) for worker in workers] == [f"{folder} 12"] * 2
    finish(workers[0])
    assert folder.exists()
    finish(owner)
    # The worker is its last user.
    assert folder.exists()
    finish(workers[1])
    assert not folder.exists()


def test_a_cache_in_memory_is_removed_with_its_last_user(root: Path) -> None:
    finish(start("drop", root))


def test_a_forked_child_removes_nothing_when_it_ends(root: Path) -> None:
    assert not Path(finish(start("fork", root)).strip()).exists()


def test_a_source_that_outlives_its_folder_in_memory_gets_another(root: Path) -> None:
    finish(start("outlive", root))


def test_a_read_only_folder_is_used(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    source = cached(root, folder)
    for record in RECORDS[:6]:
        source.open(record)
    mount = ["mount", "--bind", str(folder), str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("may not mount a folder")
    subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
    try:
        with pytest.warns(AugseqWarning, match="Read-only file system"):
            check_pixels(root, cached(root, folder))
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    assert len(entries(folder)) == 6
