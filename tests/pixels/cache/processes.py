"""What cache tests run in other processes: python -m tests.pixels.cache.processes."""

import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from augseq.pixels.cache.source import CachedSource
from augseq.pixels.options import ResizeOptions
from augseq.pixels.region import Region

from .conftest import RECORDS, cached, check_pixels, entries, leftovers, num_bytes, pixels

RESIZED = ResizeOptions(image_size=(21, 34))

_PROJECT = Path(__file__).parents[3]


def start(action: str, *arguments: object) -> "subprocess.Popen[str]":
    """Run an action of this module in a separate process, which reads and prints lines."""
    command = [sys.executable, "-W", "error", "-m", __name__, action, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=_PROJECT, stdin=pipe, stdout=pipe, text=True)


def first_line(process: "subprocess.Popen[str]") -> str:
    """Wait until a process reports that it is ready."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def finish(process: "subprocess.Popen[str]") -> str:
    """Let a process continue to its end, and return what it prints."""
    output, _ = process.communicate("go on\n", timeout=100)
    assert process.returncode == 0
    return output


def fill(root: str, folder: str, resized: str = "") -> None:
    """Report readiness, wait for a line, and fill a cache."""
    source = cached(Path(root), folder, resize=RESIZED if resized else None)
    print(source.folder.root, flush=True)
    input()
    pixels(source)


def leave(root: str) -> None:
    """Fill a cache in memory, print its path, and wait for a line."""
    source = cached(Path(root), "memory")
    pixels(source)
    print(source.folder.root, flush=True)
    input()


def share(root: str) -> None:
    """Fill a cache in memory, print its path and its pickled source, and wait for a line."""
    source = cached(Path(root), "memory")
    pixels(source)
    print(source.folder.root, pickle.dumps(source).hex(), flush=True)
    input()


def join(root: str, pickled: str) -> None:
    """Use a source that another process pickled, report it, and wait for a line."""
    source = pickle.loads(bytes.fromhex(pickled))
    found = sum(source.find(record) is not None for record in RECORDS)
    print(source.folder.root, found, flush=True)
    input()
    check_pixels(Path(root), source)


def drop(root: str) -> None:
    """Delete the users of a cache in memory, which other tests of this process could use too."""
    first, second = cached(Path(root), "memory"), cached(Path(root), "memory", shorter_side_px=20)
    folder = Path(first.folder.root)
    assert second.folder.root == first.folder.root
    del first
    assert folder.exists()
    del second
    assert not folder.exists()


def outlive(root: str) -> None:
    """Use the pickle of a source whose folder was removed."""
    source = cached(Path(root), "memory")
    data, folder = pickle.dumps(source), source.folder.root
    del source
    assert not os.path.exists(folder)
    check_pixels(Path(root), pickle.loads(data))


def fork(root: str) -> None:
    """Let a forked child use a cache in memory and exit normally."""
    source = cached(Path(root), "memory")
    if os.fork() == 0:
        pixels(source)
        sys.exit(0)
    os.wait()
    assert all(source.find(record) is not None for record in RECORDS)
    print(source.folder.root)


def kill(root: str, folder: str, times: str, resized: str = "") -> None:
    """Kill processes that fill a cache at different moments, and check what they left."""
    resize = RESIZED if resized else None
    plain = pixels(cached(Path(root), Path(folder) / "apart", resize=resize))
    chance = random.Random(int(times))
    for number in range(int(times)):
        place = Path(folder) / str(number % 4)
        source = cached(Path(root), place, resize=resize)
        for path in entries(place):
            if chance.random() < 0.5:
                path.unlink()
        children = [_start_filling(source, chance) for _ in range(2)]
        for child, told in children:
            os.read(told, chance.randrange(1, 9))
            _spin(chance.uniform(0, 0.003))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(told)
        for record, expected in zip(RECORDS, plain, strict=True):
            image = source.find(record)
            assert image is None or np.array_equal(image, expected)
        print(len(entries(place)), len(leftovers(place)), flush=True)
        again = cached(Path(root), place, resize=resize)
        assert leftovers(place) == []
        check_pixels(Path(root), again)
        assert again.folder.usage.num_bytes >= num_bytes(place)


def _start_filling(source: CachedSource, chance: random.Random) -> tuple[int, int]:
    region = Region(resize=source.resize)
    told, tell = os.pipe()
    order = chance.sample(RECORDS, len(RECORDS))
    child = os.fork()
    if child == 0:
        for record in order:
            os.write(tell, b".")
            source.open(record).read(region)
        os._exit(0)
    os.close(tell)
    return child, told


def _spin(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
