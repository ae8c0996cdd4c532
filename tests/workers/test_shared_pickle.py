"""A pipeline in shared memory: the same values, and large arrays only once."""

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augseq.errors import SharedMemoryError
from augseq.workers.shared_pickle import SharedPickle, unpack

LARGE = np.arange(300_000, dtype=np.float32).reshape(100, 1000, 3)


def through(content: Any) -> tuple[Any, SharedPickle]:
    shared = SharedPickle(content)
    file = None if shared.descriptor is None else os.dup(shared.descriptor)
    return unpack(shared.pickled, shared.spans, file), shared


@pytest.mark.parametrize(
    "array",
    [
        LARGE,
        LARGE[::2],
        LARGE[:, ::-1],
        LARGE.T,
        np.asfortranarray(LARGE),
        np.moveaxis(LARGE, 2, 0)[1:],
        np.broadcast_to(LARGE[:1], (50, 1000, 3)),
    ],
)
def test_a_large_array_is_transferred_outside_the_pickle(array: np.ndarray) -> None:
    found, shared = through({"images": array})
    np.testing.assert_array_equal(found["images"], array)
    assert found["images"].dtype == array.dtype
    assert len(shared.pickled) < 1000


def test_many_arrays_are_transferred_in_order() -> None:
    arrays = [np.arange(n, dtype=np.uint8) for n in (0, 1, 70_001, 100, 65_536, 99_999)]
    found, shared = through(arrays)
    for array, expected in zip(found, arrays, strict=True):
        np.testing.assert_array_equal(array, expected)
    assert len(shared.spans) == 3


def test_an_array_is_as_writable_as_the_original() -> None:
    """Each process then has its own copy of the page, as it would of a pickled array."""
    found, _ = through(LARGE)
    found += 1
    np.testing.assert_array_equal(found, LARGE + 1)
    again, _ = through(LARGE)
    np.testing.assert_array_equal(again, LARGE)


@pytest.fixture
def mapped(tmp_path: Path) -> np.memmap[Any, Any]:
    path = tmp_path / "images.bin"
    path.write_bytes(bytes(100) + LARGE.tobytes())
    return np.memmap(path, np.float32, "r+", 100, LARGE.shape)


@pytest.mark.parametrize(
    "part",
    [
        lambda x: x,
        lambda x: x[7:],
        lambda x: x[10:90:3, 5:, 1:],
        lambda x: x.T,
        lambda x: x[:, 4],
        lambda x: np.asarray(x)[3:],
        lambda x: x[:0],
    ],
)
def test_a_memory_mapped_array_is_reopened_by_name(mapped: np.memmap[Any, Any], part: Any) -> None:
    found, shared = through(part(mapped))
    np.testing.assert_array_equal(found, part(LARGE))
    assert len(shared.pickled) < 1000
    assert shared.spans == []


def test_values_that_differ_from_the_file_are_not_read_from_it(tmp_path: Path) -> None:
    path = tmp_path / "images.npy"
    np.save(path, LARGE)
    changed = np.load(path, mmap_mode="c")
    changed[0] = -1
    for array in (changed, np.load(path, mmap_mode="r") * 2, np.load(path, mmap_mode="r")[::-1]):
        found, _ = through(array)
        np.testing.assert_array_equal(found, array)


def in_main(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image


def nested() -> Any:
    def inner(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image + 1

    return inner


@dataclass(frozen=True)
class Settings:
    by: int


@pytest.mark.parametrize(
    "make",
    [
        lambda: in_main,
        lambda: [functools.partial(in_main)],
        lambda: {"a": (in_main,)},
        nested,
        lambda: lambda image, _: image,
        lambda: Settings(3),
        lambda: (Settings, in_main),
    ],
)
def test_code_that_no_other_process_can_import_is_sent_by_value(
    make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_main, "__module__", "__main__")
    monkeypatch.setattr(Settings, "__module__", "__main__")
    content = make()
    shared = SharedPickle(content)
    assert shared.is_by_value
    assert shared.is_of(content)
    code = "import sys, pickle; print(pickle.load(sys.stdin.buffer))"
    subprocess.run([sys.executable, "-c", code], input=shared.pickled, check=True)


@pytest.mark.parametrize("content", [LARGE, {"a": [3]}, np.linalg.norm, Path("a"), print])
def test_what_other_processes_can_import_is_sent_by_name(content: Any) -> None:
    assert not SharedPickle(content).is_by_value


def test_a_changed_global_of_a_function_is_noticed() -> None:
    scope: dict[str, Any] = {"__name__": "__main__", "by": 1, "LARGE": LARGE}
    exec("def shift(image, rng):\n    return image + by + LARGE[0, 0, 0]", scope)
    shared = SharedPickle(scope["shift"])
    assert len(shared.spans) == 1
    assert shared.is_of(scope["shift"])
    scope["by"] = 2
    assert not shared.is_of(scope["shift"])


def test_more_large_arrays_than_allowed_are_refused_before_they_are_copied() -> None:
    SharedPickle(LARGE, max_bytes=LARGE.nbytes)
    with pytest.raises(SharedMemoryError, match=r"its arrays, 1\.2 MB, would be copied"):
        SharedPickle(LARGE, max_bytes=LARGE.nbytes - 1)
