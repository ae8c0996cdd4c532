"""Ten old programs, moved over: their data is the same, and the new ones train."""

import ast
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

import augseq
from tests.augment.old_generator import without_warnings_of_scipy

tensorflow = pytest.importorskip("tensorflow")

# Of steps that are not compiled; `tf.data` always compiles what it calls.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning")

TEXT = (Path(__file__).parent / "scripts.md").read_text("utf-8")
SCRIPTS = {
    part.splitlines()[0]: re.findall(r"^```python\n(.*?)^```$", part, re.M | re.S)
    for part in TEXT.split("\n## ")[1:]
}
Pair = Callable[[dict[str, Any]], Any]

# What must be the same in both programs: in the old one, and in the new one.
SAME: dict[str, tuple[Pair, Pair]] = {
    "cats and dogs": (
        lambda old: scaled(next(old["validation_generator"])),
        lambda new: (new["validation_generator"][0][0], new["validation_generator"][0][1][:, 0]),
    ),
    "transfer learning with a preprocessing function": (
        lambda old: next(old["valid"]),
        lambda new: new["valid"][0],
    ),
    "arrays with featurewise statistics": (
        lambda old: next(old["flow"]),
        lambda new: (np.asarray(new["normalization"](new["flow"][0][0])), new["flow"][0][1]),
    ),
    "regression from a table": (
        lambda old: scaled(next(old["test_gen"])),
        lambda new: (new["test_gen"][0][0], new["test_gen"][0][1][:, 0]),
    ),
    "several labels, in columns of 0 and 1": (
        lambda old: scaled(next(old["gen"])),
        lambda new: new["gen"][0],
    ),
    "an autoencoder": (
        lambda old: next(old["train_generator"]),
        lambda new: new["train_generator"][0],
    ),
    "a model with two outputs": (
        lambda old: (next(old["check"])[0], *next(iter([old["check"][0][1]]))),
        lambda new: (new["check"][0][0], *(y[:, 0] for y in new["check"][0][1].values())),
    ),
    "images and masks with one seed": (
        lambda old: (next(old["plain_images"]), next(old["plain_masks"])[:, :, :, 0]),
        lambda new: new["plain"][0],
    ),
    "predictions for a test folder": (
        lambda old: (
            old["test_generator"][2] * 255,
            old["filenames"],
            list(old["labels"].values()),
        ),
        lambda new: (new["test_generator"][2], new["filenames"], list(new["labels"])),
    ),
    "sample weights and a split of a table": (
        lambda old: (*scaled(old["train_generator"][1]), *scaled(old["valid_generator"][0])),
        lambda new: (*new["train_generator"][1], *new["valid_generator"][0]),
    ),
}


def scaled(batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """Undo `rescale`."""
    return (batch[0] * 255, *batch[1:])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images that the programs read."""
    folder = tmp_path_factory.mktemp("moved")
    data, rng = folder / "data", np.random.default_rng(0)

    def save(path: Path, pixels: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)

    for part, count in (("train", 6), ("validation", 3)):
        for name in ("cats", "dogs"):
            for number in range(count):
                pixels = rng.integers(0, 256, (32, 32, 3), np.uint8)
                save(data / f"{part}/{name}/{number}.png", pixels)
    lines = ["id,kind,age,day,sea,weight"]
    for number in range(8):
        save(data / f"flat/{number:03}.png", rng.integers(0, 256, (32, 32, 3), np.uint8))
        kind = ("cat", "dog")[number % 2]
        lines.append(f"{number:03},{kind},{number + 1},{number % 2},{number % 3 % 2},{number / 4}")
        mask = np.zeros((32, 32), np.uint8)
        mask[number : number + 9, 4:20] = 1
        # The old class wants sub-folders.
        for place in ("", "all/"):
            path = data / ("streets" if place else "street")
            save(path / f"images/{place}{number}.png", np.dstack([mask * 200 + 20] * 3))
            save(path / f"masks/{place}{number}.png", mask)
    (data / "table.csv").write_text("\n".join(lines) + "\n")
    np.save(data / "x.npy", rng.integers(0, 256, (16, 32, 32, 3), np.uint8))
    np.save(data / "y.npy", np.arange(16) % 2)
    return folder


@pytest.fixture(autouse=True)
def quick_steps() -> Iterator[None]:
    """Run steps without compiling them, which would take longer than these few steps."""
    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)


def data_of(code: str) -> str:
    """Return a program without the statements about its model."""
    tree = ast.parse(code)
    tree.body = [
        statement
        for statement in tree.body
        if not any(isinstance(n, ast.Name) and n.id == "model" for n in ast.walk(statement))
    ]
    return ast.unparse(tree)


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(code, names)
    return names


@pytest.mark.parametrize("title", SCRIPTS)
def test_an_old_program_and_its_new_one_load_the_same(
    title: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    old, new = SCRIPTS[title]
    with without_warnings_of_scipy():
        theirs = SAME[title][0](run(data_of(old)))
    names = run(new)
    ours = SAME[title][1](names)
    assert np.isfinite(names["model"].history.history["loss"]).all()
    assert len(theirs) == len(ours)
    for one, other in zip(theirs, ours, strict=True):
        if isinstance(one, list):
            assert one == other
        else:
            assert np.shape(one) == np.shape(other)
            assert np.allclose(one, other, atol=1e-3)


def test_there_are_ten_programs_and_all_of_them_are_compared() -> None:
    assert len(SCRIPTS) == 10
    assert set(SCRIPTS) == set(SAME)
    assert all(len(codes) == 2 for codes in SCRIPTS.values())
    assert keras.__version__ >= "3"


PAGE = Path(__file__).parents[2] / "docs/from_keras.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_program_of_the_page_runs(
    number: int, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder / "data" if '"street/' in BLOCKS[number] else PAGE.parents[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        names = run("import augseq\n" + BLOCKS[number])
    if number == 0:
        shown = re.findall(r"^```text\n(.*?)\n```$", PAGE.read_text("utf-8"), re.M | re.S)[0]
        assert capsys.readouterr().out.rstrip() == shown.rstrip()
    for batches in names.values():
        if isinstance(batches, augseq.ImageSequence):
            assert len(batches[0]) >= 2
