"""Local copies of remote files: the same bits, few requests, and no partial files."""

import json
import os
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import numpy as np
import pytest

import augseq
from augseq.remote.folder import RemoteFolder
from augseq.remote.options import RemoteOptions

from .conftest import SECRET, Bucket
from .servers import Wire, web_server

SMALL = {"image_size": (24, 24), "batch_size": 10, "seed": 3}
NUM = 30


def images_of(manifest: augseq.Manifest, **options: object) -> list[bytes]:
    """Run an epoch, and wait until all fetches are done."""
    others = set(threading.enumerate())
    batches = augseq.ImageSequence(manifest, **{**SMALL, **options})  # type: ignore[arg-type]
    images = [batches[step][0].tobytes() for step in range(len(batches))]
    # Workers already load the next epoch: one of them may have missed the copy of a file just
    # before it was written, and fetch that file after this epoch is over.
    del batches
    for thread in set(threading.enumerate()) - others:
        if thread.name.startswith("augseq-"):
            thread.join(30)
            assert not thread.is_alive()
    return images


def copies_in(cache_dir: Path) -> list[Path]:
    return sorted(cache_dir.glob("copies-*/*/*"))


def leftovers(cache_dir: Path) -> list[str]:
    names = {path.name for path in cache_dir.iterdir()} if cache_dir.exists() else set()
    return sorted(name for name in names if name != "tally" and not name.startswith("copies-"))


@pytest.fixture
def cache_dir(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.mark.parametrize("kind", ["serial", "threads", "processes"])
def test_each_file_is_requested_from_a_bucket_only_once(
    bucket: Bucket, samples: augseq.Manifest, cache_dir: Path, kind: str
) -> None:
    expected = images_of(samples[:NUM])
    manifest = bucket.index(cache_dir=cache_dir)[:NUM]
    workers = {"workers": 0 if kind == "serial" else 2, "worker_kind": kind}
    asked = bucket.wire.requests
    asked.clear()
    assert images_of(manifest, **workers) == expected
    assert {line.rpartition(b" ")[0].decode() for line in asked} == {
        f"GET /photos/drawn/{record.path}" for record in manifest
    }
    # Workers can fetch a file that another one is already fetching.
    assert len(asked) == NUM or kind != "serial"
    asked.clear()
    assert images_of(manifest, **workers) == expected
    assert asked == []
    bucket.wire.cut()
    assert images_of(manifest, **workers) == expected
    assert len(copies_in(cache_dir)) == NUM
    assert leftovers(cache_dir) == []


def test_each_file_is_requested_from_a_web_server_only_once(
    sample_images: Path, samples: augseq.Manifest, cache_dir: Path
) -> None:
    with web_server(sample_images) as port, Wire(port) as wire:
        remote = augseq.RemoteOptions(cache_dir=cache_dir, num_tries=1)
        root = f"http://127.0.0.1:{wire.port}"
        manifest = augseq.index_folder(root, remote=remote, progress=False)[:NUM]
        wire.requests.clear()
        # In one thread: two can fetch a file at once.
        first = images_of(manifest, workers=0)
        assert first == images_of(manifest) == images_of(samples[:NUM])
        assert len(wire.requests) == NUM


def test_probing_fills_the_folder_and_training_sends_no_requests_even_with_decoded_pixels(
    bucket: Bucket, samples: augseq.Manifest, cache_dir: Path, tmp_path: Path
) -> None:
    manifest = augseq.probe_manifest(bucket.index(cache_dir=cache_dir)[:NUM], progress=False)
    bucket.wire.requests.clear()
    bucket.wire.cut()
    expected = images_of(samples[:NUM])
    for _ in range(2):
        assert images_of(manifest, cache=tmp_path / "pixels") == images_of(manifest) == expected
    assert bucket.wire.requests == []
    assert augseq.check_images(manifest, progress=False).severity != "error"


def memory_folder(images: Path, number: int = 6) -> str:
    """Put some images into an in-memory storage."""
    files = fsspec.filesystem("memory")
    if files.exists("/kept"):
        files.rm("/kept", recursive=True)
    for path in sorted(images.rglob("*.jpg"))[:number]:
        files.pipe_file(f"/kept/{path.relative_to(images).as_posix()}", path.read_bytes())
    return "memory://kept"


@pytest.mark.filterwarnings("ignore:.*single class:augseq.AugseqWarning")
def test_a_file_that_was_replaced_and_probed_again_is_never_read_from_an_old_copy(
    sample_images: Path, cache_dir: Path
) -> None:
    root = memory_folder(sample_images)
    remote = augseq.RemoteOptions(cache_dir=cache_dir)
    before = augseq.index_folder(root, remote=remote, probe=True, progress=False)
    old = images_of(before)
    files, other = fsspec.filesystem("memory"), before[1].path
    files.pipe_file(f"/kept/{before[0].path}", files.cat_file(f"/kept/{other}"))
    # The content recorded in the manifest is still available.
    assert images_of(before) == old
    after = augseq.index_folder(root, remote=remote, update=before, progress=False)
    assert images_of(after) == images_of(augseq.index_folder(root, progress=False)) != old
    # The copy now has the new content, and the old content is gone.
    with pytest.raises(augseq.errors.ChangedFileError, match=r"\(index 0\)"):
        images_of(before)
    assert images_of(after) != old


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "foreign", "folder"])
def test_a_damaged_copy_is_fetched_again(sample_images: Path, cache_dir: Path, damage: str) -> None:
    root = memory_folder(sample_images)
    folder = RemoteFolder(root, RemoteOptions(cache_dir=cache_dir))
    path = next(iter(fsspec.filesystem("memory").find("/kept"))).removeprefix("/kept/")
    data = folder.read(path)
    (copy,) = copies_in(cache_dir)
    whole = copy.read_bytes()
    spoilt = bytearray(whole)
    spoilt[len(whole) // 2] ^= 1
    content = {"empty": b"", "cut": whole[:-1], "flipped": bytes(spoilt), "foreign": data}
    if damage == "folder":
        copy.unlink()
        copy.mkdir()
        with pytest.warns(augseq.AugseqWarning, match="Cannot write to the cache"):
            assert folder.read(path) == data
        return
    copy.write_bytes(content[damage])
    assert folder.read(path) == data
    assert copy.read_bytes() == whole


def test_beyond_the_limit_files_are_fetched_each_time_with_one_warning(
    bucket: Bucket, samples: augseq.Manifest, cache_dir: Path
) -> None:
    manifest = bucket.index(cache_dir=cache_dir, cache_max_bytes=100_000)[:NUM]
    batches = augseq.ImageSequence(manifest, **SMALL, workers=0)  # type: ignore[arg-type]
    with pytest.warns(augseq.AugseqWarning, match=r"is full: its limit is 0\.1 MB.*cache_max_b"):
        first = [batches[step][0].tobytes() for step in range(3)]
    num_kept = len(copies_in(cache_dir))
    assert 3 < num_kept < NUM
    assert sum(path.stat().st_size for path in copies_in(cache_dir)) <= 100_000
    bucket.wire.requests.clear()
    assert [batches[step][0].tobytes() for step in range(3)] == first == images_of(samples[:NUM])
    assert len(bucket.wire.requests) == NUM - num_kept


def test_a_full_disk_causes_one_warning_and_costs_only_time(
    sample_images: Path, tiny_disk: Path
) -> None:
    root = memory_folder(sample_images, 20)
    files = fsspec.filesystem("memory")
    paths = [path.removeprefix("/kept/") for path in files.find("/kept")]
    folder = RemoteFolder(root, RemoteOptions(cache_dir=tiny_disk, cache_max_bytes=10**9))
    with pytest.warns(augseq.AugseqWarning, match=r"No space left on device.*`cache_dir`"):
        found = [folder.read(path) for path in paths]
    assert found == [files.cat_file(f"/kept/{path}") for path in paths]
    assert [folder.read(path) for path in paths] == found
    assert 1 <= len(copies_in(tiny_disk)) < 20
    assert leftovers(tiny_disk) == []


def test_threads_share_a_folder(sample_images: Path, cache_dir: Path) -> None:
    root = memory_folder(sample_images, 12)
    files = fsspec.filesystem("memory")
    content = {name.removeprefix("/kept/"): files.cat_file(name) for name in files.find("/kept")}
    folder = RemoteFolder(root, RemoteOptions(cache_dir=cache_dir))
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(folder.read, [*content] * 6)) == [*content.values()] * 6
    assert len(copies_in(cache_dir)) == 12
    assert leftovers(cache_dir) == []


def test_copies_are_identified_by_location_not_by_secrets(tmp_path: Path) -> None:
    """A different password is the same storage; a different server is not."""
    cache_dir = tmp_path / "cache"
    content = {"one": b"first", "two": b"second"}
    for name, data in content.items():
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.writestr("a.jpg", data)
    for name, token in [("one", "x"), ("two", "x"), ("one", SECRET)]:
        options = {"fo": str(tmp_path / f"{name}.zip"), "target_options": {"token": token}}
        if token == SECRET:
            # Can only be read from its copy.
            (tmp_path / "one.zip").unlink()
        remote = RemoteOptions(storage_options=options, cache_dir=cache_dir)
        assert RemoteFolder("zip://", remote).read("a.jpg") == content[name]
        assert SECRET not in repr(remote)
    assert len(copies_in(cache_dir)) == 2
    for path in cache_dir.rglob("*"):
        assert SECRET not in path.name
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()


def test_the_location_of_copies_does_not_affect_the_manifest(
    bucket: Bucket, samples: augseq.Manifest, cache_dir: Path, tmp_path: Path
) -> None:
    manifest = bucket.index(cache_dir=cache_dir)
    assert manifest.fingerprint() == samples.fingerprint()
    augseq.write_manifest(manifest, tmp_path / "m.parquet")
    augseq.write_manifest(bucket.index(), tmp_path / "n.parquet")
    assert (tmp_path / "m.parquet").read_bytes() == (tmp_path / "n.parquet").read_bytes()


# Two processes at a time read everything, in different orders, and are killed.
KILL_READERS = """
import collections, json, os, random, signal, sys, time
import fsspec
from augseq.remote.folder import RemoteFolder
from augseq.remote.options import RemoteOptions

cache_dir, count = sys.argv[1], int(sys.argv[2])
chance = random.Random(5)
content = {f"{number}.jpg": chance.randbytes(400_000) for number in range(10)}
files = fsspec.filesystem("memory")
for name, data in content.items():
    files.pipe_file(f"/kept/{name}", data)
remote = RemoteOptions(cache_dir=cache_dir, cache_max_bytes=10**9)

def copies():
    return [os.path.join(place, name) for place, _, names in os.walk(cache_dir)
            for name in names if "copies-" in place]

def read_all(ready):
    folder = RemoteFolder("memory://kept", remote)
    for name in chance.sample([*content], len(content)):
        os.write(ready, b".")
        folder.read(name)
    os._exit(0)

found = collections.Counter()
for number in range(count):
    for path in copies():
        if chance.random() < 0.6:
            os.unlink(path)
    readers = []
    for _ in range(2):
        progress, ready = os.pipe()
        chance.random()
        reader = os.fork()
        if not reader:
            read_all(ready)
        os.close(ready)
        readers.append((reader, progress))
    for reader, progress in readers:
        os.read(progress, chance.randrange(1, 10))
        time.sleep(chance.uniform(0, 0.002))
        os.kill(reader, signal.SIGKILL)
        found["killed"] += os.WIFSIGNALED(os.waitpid(reader, 0)[1])
        os.close(progress)
    found["half written"] += any(name.endswith(".unfinished") for name in os.listdir(cache_dir))
    # From the copies only, since the address is unreachable.
    folder = RemoteFolder("memory://kept", remote)
    for name, data in content.items():
        copy = folder._cache.find(name, None)
        assert copy in (None, data), name
        found["copies"] += copy is not None
    assert not any(name.endswith(".unfinished") for name in os.listdir(cache_dir))
    assert all(folder.read(name) == data for name, data in content.items())
print(json.dumps(found))
"""


@pytest.mark.skipif(os.name != "posix", reason="needs fork and flock")
def test_killed_readers_leave_no_partial_copy(cache_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILL_READERS, str(cache_dir), "40"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=100,
    )
    found = json.loads(done.stdout)
    # Otherwise nothing was tested.
    assert found["killed"] > 40
    assert found["half written"] >= 1
    assert 40 < found["copies"] < 400
    assert np.array_equal(leftovers(cache_dir), [])
