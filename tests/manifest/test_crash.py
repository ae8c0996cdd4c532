"""A process killed while writing a manifest leaves either the old or the new file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Forks, so that a thousand writers do not each import pyarrow. It never uses pyarrow
# itself after the first fork.
KILL_WRITERS = """
import collections, json, os, random, signal, sys, time
import augseq
from augseq.manifest.manifest import make_manifest

folder, count = sys.argv[1], int(sys.argv[2])
path, rng = os.path.join(folder, "m.parquet"), random.Random(7)

def manifest(kind):
    paths = [f"{kind}/{number:06}.jpg" for number in range(20_000)]
    return make_manifest("/photos", (kind,), paths=paths, targets=[0] * len(paths))

def content():
    with open(path, "rb") as file:
        return file.read()

manifests, contents = [manifest("old"), manifest("new")], []
for one in manifests:
    augseq.write_manifest(one, path)
    contents.append(content())

def write_for_ever(ready):
    os.write(ready, b"!")
    while True:
        for one in manifests:
            augseq.write_manifest(one, path)

found, most_files = collections.Counter(), 0
for _ in range(count):
    ready, started = os.pipe()
    writer = os.fork()
    if not writer:
        try:
            write_for_ever(started)
        finally:
            os._exit(1)
    os.read(ready, 1)
    time.sleep(rng.uniform(0, 0.05))
    os.kill(writer, signal.SIGKILL)
    status = os.waitpid(writer, 0)[1]
    assert os.WTERMSIG(status) == signal.SIGKILL, status
    os.close(ready), os.close(started)
    found[contents.index(content())] += 1
    names = os.listdir(folder)
    found["killed in the middle"] += len(names) > 1
    most_files = max(most_files, len(names))
augseq.write_manifest(manifests[0], path)
print(json.dumps([found, most_files, os.listdir(folder)]))
"""


def kill_writers(folder: Path, count: int) -> None:
    """Kill writers at random moments, and check the file that they leave."""
    if not hasattr(os, "fork"):
        pytest.skip("this system does not fork")
    done = subprocess.run(
        [sys.executable, "-c", KILL_WRITERS, str(folder), str(count)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found, most_files, left = json.loads(done.stdout)
    # Any other content would have failed the program.
    assert found.get("0", 0) + found.get("1", 0) == count
    assert found["killed in the middle"] > count / 4
    assert most_files == 2
    assert left == ["m.parquet"]
    print(found)


def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    kill_writers(tmp_path, 20)


@pytest.mark.long
def test_a_thousand_killed_writers_leave_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    kill_writers(tmp_path, 1000)
