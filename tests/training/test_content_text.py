"""Only content distinguishes objects, not the address, the hash seed or use."""

import enum
import functools
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest

import augseq
from augseq.augment.albumentations_transform import AlbumentationsTransform
from augseq.training.content_text import describe_content

STRENGTH = 5
TABLE = np.arange(8)


class Mode(enum.Enum):
    SOFT = 1
    HARD = 2


class Plain:
    """Has Python's own `repr`, a set of texts and a lock."""

    def __init__(self, by: Any) -> None:
        self.by = by
        self.names = {"red", "green", "blue"}
        self.lock = threading.Lock()

    def __call__(self, image: Any, rng: Any) -> Any:
        return image + self.by


class Slotted:
    __slots__ = ("by",)

    def __init__(self, by: int) -> None:
        self.by = by


@dataclass
class Data:
    by: int
    steps: list[Any] = field(default_factory=list)


class Silent:
    """Its `repr` shows nothing."""

    def __init__(self, by: Any) -> None:
        self.by = by

    def __repr__(self) -> str:
        return "Silent()"


class Own(A.ImageOnlyTransform):
    def __init__(self, by: int) -> None:
        super().__init__(p=1)
        self.by = by

    def apply(self, image: Any, **_: Any) -> Any:
        return image + self.by


def closure(by: Any) -> Callable[..., Any]:
    def add(image: Any, rng: Any) -> Any:
        return image + by

    return add


def default(image: Any, rng: Any, by: int = 3) -> Any:
    return image + by


def with_global(image: Any, rng: Any) -> Any:
    return image + STRENGTH + TABLE[0]


def over_two(image: Any, rng: Any) -> Any:
    return with_global(image, rng)


def decorated(by: int) -> Any:
    @functools.lru_cache
    def cached(image: Any, rng: Any) -> Any:
        return image + by

    return cached


def recursive(by: int) -> Callable[..., Any]:
    def again(image: Any, depth: int = by) -> Any:
        return again(image, depth - 1) if depth else image

    return again


def holding_itself(by: int) -> Plain:
    plain = Plain([by])
    plain.by.append(plain)
    return plain


MAKERS: dict[str, Callable[[int], Any]] = {
    "attribute": Plain,
    "slot": Slotted,
    "field": Data,
    "field in a list": lambda k: Data(0, [Plain(k)]),
    "hidden by repr": Silent,
    "closure": closure,
    "closure over an object": lambda k: closure(Plain(k)),
    "constant": lambda k: (lambda image: image + 1) if k == 1 else (lambda image: image + 2),
    "partial": lambda k: functools.partial(default, by=k),
    "partial of a closure": lambda k: functools.partial(closure(k)),
    "method": lambda k: Plain(k).__call__,
    "under a decorator": decorated,
    "recursive": recursive,
    "holding itself": holding_itself,
    "member": lambda k: Plain(Mode(k)),
    "array": lambda k: Silent(np.arange(5000) == 4000 + k),
    "array of objects": lambda k: Plain(np.array([{}, Plain(k)], dtype=object)),
    "number of numpy": lambda k: Plain(np.float32(k)),
    "kind of number": lambda k: Plain(1 if k == 1 else 1.0),
    "mapping": lambda k: Plain({"a": {"b": (1, [k])}}),
    "set": lambda k: Plain({"x", "y", str(k)}),
    "pattern": lambda k: Plain(re.compile("a" * k)),
    "path": lambda k: Plain(Path("a", str(k))),
    "class": lambda k: Plain(Plain if k == 1 else Data),
    "library function": lambda k: Plain(np.sin if k == 1 else np.cos),
    "transform": lambda k: AlbumentationsTransform(A.HorizontalFlip(p=k / 10)),
    "transform of a user": lambda k: AlbumentationsTransform(Own(k)),
    "function in a transform": lambda k: AlbumentationsTransform(A.Lambda(image=closure(k))),
    "inside a Compose": lambda k: AlbumentationsTransform(
        A.Compose([A.OneOf([A.Blur(), A.ColorJitter(brightness=(0.1, k))])])
    ),
    "probability of a Compose": lambda k: AlbumentationsTransform(
        A.Compose([A.VerticalFlip()], p=k / 10)
    ),
}


def texts(by: int) -> dict[str, str]:
    return {name: describe_content(make(by)).text for name, make in MAKERS.items()}


@pytest.fixture(scope="module")
def elsewhere() -> dict[str, str]:
    """The results of another process with another hash seed."""
    program = f"import json; from {__name__} import texts; print(json.dumps(texts(1)))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", MAKERS)
def test_hashes_differ_exactly_if_the_content_differs(name: str, elsewhere: dict[str, str]) -> None:
    one, again, other = (describe_content(MAKERS[name](k)) for k in (1, 1, 2))
    hashes = [content.text.rpartition(" #")[2] for content in (one, again, other)]
    assert hashes[0] == hashes[1] == elsewhere[name].rpartition(" #")[2]
    assert hashes[0] != hashes[2]
    assert one.unknown == ()


@pytest.mark.parametrize("function", [with_global, over_two])
@pytest.mark.parametrize(("name", "value"), [("STRENGTH", 6), ("TABLE", np.arange(9))])
def test_a_global_that_code_refers_to_counts(
    function: Any, name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = describe_content(function).text
    monkeypatch.setitem(globals(), name, value)
    assert describe_content(function).text != before
    monkeypatch.undo()
    assert describe_content(function).text == before


def test_the_text_shows_the_options_of_the_user() -> None:
    shown = [describe_content(MAKERS[name](2)).text for name in ("attribute", "closure", "partial")]
    assert [text.rpartition(" #")[0] for text in shown] == [
        "Plain(by=2)",
        "add(by=2)",
        "partial(default(by=3), by=2)",
    ]


def test_use_does_not_change_content() -> None:
    transform = AlbumentationsTransform(A.Compose([A.GaussNoise(p=1), A.OneOf([A.Blur(p=1)])]))
    before = describe_content(transform).text
    transform(np.zeros((8, 8, 3), np.uint8), np.random.default_rng(0))
    assert describe_content(transform).text == before


def test_an_unreadable_part_is_reported_with_the_path_to_it(tmp_path: Path) -> None:
    x = np.zeros((4, 8, 8, 3), np.uint8)
    with open(tmp_path / "log", "w") as file:
        batches = augseq.ImageSequence.from_arrays(x, augment=[Plain({"log": file})])
        with pytest.warns(augseq.AugseqWarning, match=r"Plain.*\['log'\].*TextIOWrapper"):
            batches.state_dict()
