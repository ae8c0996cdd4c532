"""Law 4: nothing is replaced, clipped, dropped or guessed in silence, and nothing hangs.

What the scan of a folder reports is tested in `manifest/test_folder.py`; that a bad file or
transform is named with a way to replay it, in `test_sample.py` and `pixels/`.
"""

import gc
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import albumentations as A
import keras
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.manifest.manifest import make_manifest
from tests.backends import Script, running_warm

LIMIT_S = 10
"""How long a process may go on after its last line, or after Ctrl-C."""


def make(num_images: int = 6, dtype: str = "uint8", **options: Any) -> augseq.ImageSequence:
    """Return batches of two images that grow brighter from 0 to 255."""
    x = np.linspace(0, 255, num_images * 48).reshape(num_images, 4, 4, 3).astype(dtype)
    return augseq.ImageSequence.from_arrays(
        x, np.arange(num_images), **{"batch_size": 2, **options}
    )


def make_model() -> keras.Model:
    model = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile(loss="mse", jit_compile=False)
    return model


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder `images` with three pictures in each of two classes."""
    for place in [f"{name}/{number}.png" for name in "ab" for number in range(3)]:
        path = tmp_path / "images" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), len(place), np.uint8)).save(path)
    return tmp_path / "images"


# Nothing is clipped


def as_floats(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image.astype(np.float32)


def as_unit_floats(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image.astype(np.float32) / 255


@pytest.mark.parametrize("low", [0.0, -0.5])
def test_float_images_that_albumentations_would_clip_are_refused(low: float) -> None:
    x = np.linspace(low, 255 if low == 0 else 1, 96, dtype=np.float32).reshape(2, 4, 4, 3)
    batches = augseq.ImageSequence.from_arrays(x, augment=[A.ColorJitter(p=1)])
    with pytest.raises(augseq.errors.AugmentationError, match=r"'ColorJitter'.*from 0 to 1.*clips"):
        batches[0]


def test_floats_that_a_function_makes_before_albumentations_are_refused() -> None:
    batches = make(augment=[as_floats, A.ColorJitter(p=1)])
    with pytest.raises(
        augseq.errors.AugmentationError, match=r"Augmentation 2, 'ColorJitter'.*255"
    ):
        batches[2]


def test_floats_from_0_to_1_come_through_albumentations_unchanged() -> None:
    before, after = (make(augment=[as_unit_floats, *s])[1][0] for s in ([], [A.VerticalFlip(p=1)]))
    np.testing.assert_array_equal(after, before[:, ::-1])


def mirror(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image[:, ::-1].copy()


def test_floats_of_any_range_come_through_functions_unchanged() -> None:
    plain, mirrored = make(dtype="float32"), make(dtype="float32", augment=[mirror])
    assert plain[2][0].max() == 255
    np.testing.assert_array_equal(mirrored[2][0], plain[2][0][:, :, ::-1])


def test_floats_are_not_cut_down_to_bytes() -> None:
    x = np.full((2, 4, 4, 3), 0.5, np.float32)
    for batches in (
        augseq.ImageSequence.from_arrays(x, dtype="uint8"),
        augseq.ImageSequence.from_arrays(x.astype("uint8"), augment=[as_floats], dtype="uint8"),
    ):
        with pytest.raises(augseq.errors.AugmentationError, match='dtype="uint8" requires uint8'):
            batches[0]


# Nothing is replaced


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_torch_tensor_keeps_dtype_and_values(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    x = np.arange(2 * 48).reshape(2, 4, 4, 3).astype(dtype)
    seen: list[np.dtype[Any]] = []

    def look(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        seen.append(image.dtype)
        return image

    batches = augseq.ImageSequence.from_arrays(torch.from_numpy(x), augment=[look])
    np.testing.assert_array_equal(batches[0], x)
    assert seen == [np.dtype(dtype)] * 2


def test_a_run_folder_among_the_images_is_refused_before_anything_is_made(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = augseq.index_folder(images, progress=False)
    options = augseq.RunOptions(image_size=(8, 8), batch_size=2, epochs=1)
    monkeypatch.chdir(images)
    before = sorted(images.rglob("*"))
    for place in (images / "run", Path("run"), Path("a") / ".." / "deep" / "run", images):
        with pytest.raises(
            augseq.errors.ArgumentError, match="run folder must be outside the image folder"
        ):
            augseq.train(manifest, place, options)
    assert sorted(images.rglob("*")) == before


# Nothing is dropped


@pytest.mark.parametrize("kind", ["nef", "psd", "PSD", "dng"])
def test_images_of_a_kind_that_is_not_read_are_reported(images: Path, kind: str) -> None:
    for number in range(2):
        (images / "a" / f"phone{number}.{kind}").touch()
    with pytest.warns(augseq.AugseqWarning, match=rf"unsupported formats.*: 2 x \.{kind.lower()}$"):
        manifest = augseq.index_folder(images, progress=False)
    assert len(manifest) == 6


def test_files_that_nobody_takes_for_images_are_not_reported(images: Path) -> None:
    for name in ("notes.txt", "Thumbs.db", "film.mp4", ".hidden.psd"):
        (images / "a" / name).touch()
    assert len(augseq.index_folder(images, progress=False)) == 6


def test_records_with_one_index_would_share_their_randomness_and_are_refused(
    images: Path,
) -> None:
    manifest = augseq.index_folder(images, progress=False)
    table = manifest.table.take([0, 1, 1])
    with pytest.raises(augseq.errors.ArgumentError, match="indices of records must be unique"):
        augseq.Manifest(root=manifest.root, class_names=manifest.class_names, table=table)
    with pytest.raises(augseq.errors.ArgumentError, match="different"):
        manifest.select([0, 1, 1])


# Nothing is guessed


@pytest.mark.parametrize(
    "option", [{"resize_mode": "crop"}, {"resize_mode": "pad"}, {"interpolation": "nearest"}]
)
def test_a_way_to_resize_without_a_size_is_refused(option: dict[str, str]) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=r"need an `image_size`.*image_size=None"):
        make(**option)


@pytest.mark.parametrize("index", [0.5, 1.0, "a", slice(0, 2), None, (0, 1)])
@pytest.mark.parametrize("endless", [False, True])
def test_a_batch_is_asked_for_by_a_whole_number(index: Any, endless: bool) -> None:
    batches = make().repeat() if endless else make()
    with pytest.raises(TypeError):
        batches[index]


@pytest.mark.parametrize("index", [1, np.int64(1), np.uint8(1)])
def test_any_whole_number_gives_its_batch(index: Any) -> None:
    np.testing.assert_array_equal(make()[index][1], [2, 3])


@pytest.mark.parametrize("index", [1.5, 1.0, "1", None, True, -1])
def test_a_sample_is_asked_for_by_a_whole_number(index: Any) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="index"):
        make().sample(epoch=0, index=index)


@pytest.mark.parametrize("targets", [None, [0, None, 0]])
@pytest.mark.parametrize("label_mode", ["int", "categorical", "binary"])
def test_missing_labels_are_not_made_up(targets: Any, label_mode: Any) -> None:
    names = () if targets is None else ("a", "b")
    manifest = make_manifest("/photos", names, paths=["1", "2", "3"], targets=targets)
    with pytest.raises(augseq.errors.LabelError, match=r"label"):
        augseq.ImageSequence(manifest, label_mode=label_mode)
    augseq.ImageSequence(manifest, label_mode=None)


@pytest.mark.parametrize("fit_options", [{}, {"steps_per_epoch": 2}])
@pytest.mark.parametrize("looked", [False, True])
def test_fit_on_another_sequence_than_that_of_the_callback_is_refused(
    fit_options: dict[str, int], looked: bool
) -> None:
    trained, told = make(), make()
    if looked:
        told[0]
    with pytest.raises(augseq.errors.ArgumentError, match="does not train on the sequence"):
        make_model().fit(
            trained, epochs=2, callbacks=[augseq.EpochSync(told)], verbose=0, **fit_options
        )


def test_fit_on_a_repeated_twin_is_refused_with_the_way_out() -> None:
    batches = make(shuffle=True)
    how = {"epochs": 2, "steps_per_epoch": 2, "shuffle": False, "verbose": 0}
    with pytest.raises(augseq.errors.ArgumentError, match=r"endless = batches\.repeat\(\)"):
        make_model().fit(batches.repeat(), callbacks=[augseq.EpochSync(batches)], **how)
    endless = batches.repeat()
    make_model().fit(endless, callbacks=[augseq.EpochSync(endless)], **how)


# Nothing hangs

SCRIPT = """
import signal, sys, threading, time
import numpy as np
import augseq

# A parent in the background may have passed on that Ctrl-C is to be ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

def slow(image, rng):
    if image[0, 0, 0] >= 2:
        time.sleep(0.2)
    return image

def slow_everywhere(image, rng):
    time.sleep(0.2)
    return image

def hangs(image, rng):
    if image[0, 0, 0] >= 2:
        hanging.set()
        threading.Event().wait()
    return image

# Loads Keras, whose native parts may abort when Ctrl-C comes in the middle of their import.
augseq.ImageSequence
hanging = threading.Event()
# Twenty batches of 32, full of their number; ten ahead with `slow` are 64 s of work.
x = np.zeros((20, 32, 4, 4, 3), np.uint8)
x += np.arange(20, dtype=np.uint8)[:, None, None, None, None]
x = x.reshape(640, 4, 4, 3)

def batches(augment):
    return augseq.ImageSequence.from_arrays(x, augment=[augment], max_queue_size=10)

"""


def running(code: str) -> AbstractContextManager[Script]:
    """Run a script in a process of its own."""
    return running_warm("tensorflow", "-c", SCRIPT + textwrap.dedent(code))


def seconds_to_end(script: Script, *, after: Callable[[], None] = lambda: None) -> float:
    """Wait until the script prints a line, and return how long it lives on after that."""
    assert script.output.readline() == "now\n", script.errors.read()
    start = time.monotonic()
    after()
    script.process.wait(60)
    return time.monotonic() - start


@pytest.mark.parametrize("workers", [1, 3])
def test_a_program_ends_although_batches_lie_ahead(workers: int) -> None:
    code = f"""
    sequence = augseq.ImageSequence.from_arrays(x, augment=[slow], workers={workers})
    sequence[0], sequence[1]
    print("now", flush=True)
    """
    with running(code) as script:
        assert seconds_to_end(script) < LIMIT_S
        assert script.process.returncode == 0


def test_a_program_ends_although_a_transform_hangs() -> None:
    code = """
    sequence = batches(hangs)
    sequence[0], sequence[1]
    assert hanging.wait(30)
    print("now", flush=True)
    """
    with running(code) as script:
        assert seconds_to_end(script) < LIMIT_S
        assert script.process.returncode == 0


def test_a_program_that_fails_ends_although_batches_lie_ahead() -> None:
    code = """
    for number, batch in enumerate(batches(slow)):
        if number == 1:
            print("now", flush=True)
            raise SystemExit(5)
    """
    with running(code) as script:
        assert seconds_to_end(script) < LIMIT_S
        assert script.process.returncode == 5


@pytest.mark.skipif(sys.platform == "win32", reason="that system has no SIGINT to send")
@pytest.mark.parametrize(
    "code",
    [
        """
        made = batches(slow_everywhere)
        print("now", flush=True)
        for batch in made:
            pass
        """,
        """
        for number, batch in enumerate(batches(slow)):
            if number == 1:
                print("now", flush=True)
        """,
        """
        for number, batch in enumerate(batches(hangs)):
            if number == 1:
                assert hanging.wait(30)
                print("now", flush=True)
        """,
    ],
    ids=["while it makes a batch", "while it waits for a batch", "while a transform hangs"],
)
def test_ctrl_c_ends_a_loop_over_batches(code: str) -> None:
    with running(code) as script:

        def press() -> None:
            # Not in the very moment of the print, but in the middle of the work that follows.
            time.sleep(0.3)
            script.process.send_signal(signal.SIGINT)

        assert seconds_to_end(script, after=press) < LIMIT_S
        assert script.process.returncode == -signal.SIGINT
        assert "KeyboardInterrupt" in script.errors.read()


def our_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("augseq-")}


def test_a_sequence_that_nobody_needs_any_more_stops_its_threads() -> None:
    gc.collect()
    before, go_on = our_threads(), threading.Event()

    def waits(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if image.min() > 20:
            assert go_on.wait(60)
        return image

    batches = make(40, workers=3, augment=[waits])
    _ = batches[0], batches[1]
    mine = our_threads() - before
    assert len(mine) == 3
    assert all(thread.daemon for thread in mine)
    del batches
    gc.collect()
    go_on.set()
    deadline = time.monotonic() + 20
    for thread in mine:
        thread.join(max(0, deadline - time.monotonic()))
    assert not any(thread.is_alive() for thread in mine)


@pytest.mark.parametrize("workers", [0, 1, 4])
@pytest.mark.parametrize("limit_s", [None, 600])
def test_a_sequence_has_as_many_threads_as_workers(workers: int, limit_s: float | None) -> None:
    gc.collect()
    before = our_threads()
    batches = make(workers=workers, batch_timeout_s=limit_s)
    # In no order that is foreseen, and then in one that is.
    _ = batches[0], batches[2], list(batches)
    assert len(our_threads() - before) == workers
