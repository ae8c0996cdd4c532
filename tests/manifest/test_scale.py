"""Speed and memory with very many files."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import augseq
from tests.folders import fill

# Names like those of ImageNet: sorted, with non-consecutive numbers.
A_MILLION_RECORDS = """
import json, os, pickle, sys
import numpy as np
import pyarrow as pa, pyarrow.compute as pc
import augseq
from augseq.manifest.manifest import make_manifest

def peak_mb():
    # Not ru_maxrss, which in a new process includes the memory of its parent.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))

def million_paths():
    rng = np.random.default_rng(0)
    for label in range(1000):
        numbers = np.sort(rng.choice(np.arange(10_000, 40_000), 1000, replace=False)).astype(str)
        names = pc.binary_join_element_wise(f"n{label:08}", pa.array(numbers), "_")
        yield pc.binary_join_element_wise(f"n{label:08}/", names, ".JPEG", "")

path, names = sys.argv[1], [f"n{label:08}" for label in range(1000)]
paths, targets = pa.concat_arrays(list(million_paths())), np.repeat(np.arange(1000), 1000)
manifest = make_manifest("/photos", names, paths=paths, targets=targets)
augseq.write_manifest(manifest, path)
again = augseq.read_manifest(path)
assert again == manifest
parts = again.split(val=0.2)
assert [len(part) for part in parts] == [800_000, 200_000]
peak = peak_mb() if sys.platform == "linux" else None
print(json.dumps({
    "size_bytes": os.path.getsize(path), "peak_mb": peak, "pickled_bytes": len(pickle.dumps(again))
}))
"""


def test_many_files_are_indexed_as_by_a_plain_walk(tmp_path: Path) -> None:
    """Some folder names sort differently with a `/` after them."""
    folders = ["a", "a b", "a!", "b/2019", "b/2019/07", "ö", "z.jpg", ".hidden"]
    names = [f"{n * 7 % 2500}.{kind}" for n in range(625) for kind in ("jpg", "PNG", "txt", "JPEG")]
    fill(tmp_path, *(f"{folder}/{name}" for folder in folders for name in names))
    manifest = augseq.index_folder(tmp_path, progress=False)
    walked = (
        Path(folder, name).relative_to(tmp_path).as_posix()
        for folder, _, files in os.walk(tmp_path)
        for name in files
    )
    paths = sorted(
        path for path in walked if not path.endswith(".txt") and not path.startswith(".")
    )
    assert len(paths) == 7 * 3 * 625
    assert [record.path for record in manifest] == paths
    assert [record.index for record in manifest] == list(range(len(paths)))
    assert manifest.class_names == ("a", "a b", "a!", "b", "z.jpg", "ö")
    classes = [manifest.class_names[label] for label in manifest.targets]
    assert classes == [path.split("/")[0] for path in paths]
    assert manifest.class_counts() == Counter(classes)


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Return what it costs a new process to write, read, split and pickle a million records."""
    path = tmp_path_factory.mktemp("scale") / "m.parquet"
    command = [sys.executable, "-c", A_MILLION_RECORDS, str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=120)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def test_a_million_records_take_less_than_40_bytes_each_in_a_file(
    figures: dict[str, float],
) -> None:
    assert figures["size_bytes"] < 40 * 1_000_000


def test_a_million_records_from_a_file_are_pickled_once(figures: dict[str, float]) -> None:
    """A path takes 30 bytes, its offset 4, the index 8, and the target 4."""
    assert figures["pickled_bytes"] < 1.1 * 46 * 1_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc/self/status")
def test_a_million_records_fit_into_400_mb(figures: dict[str, float]) -> None:
    assert figures["peak_mb"] < 400
