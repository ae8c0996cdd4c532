"""Images that carry their identity, and a model that writes down what it is trained on.

Channel 0 of an image is the index of its record; channels 1 and 2 hold a draw of 16 bits of
the augmentation. So each trained image tells which record it is and of which epoch.
"""

import functools
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

import augseq

from .stamp import stamp

SCENARIOS: dict[str, Callable[[], None]] = {}
SEED = 11
# TensorFlow takes seconds to compile a step, which JAX cannot do without.
NEEDS_JIT = keras.backend.backend() == "jax"
NUM_EPOCHS = 24

Trained = list[tuple[int, int]]
"""(index, epoch) of each image of a batch."""


class NotApplicableError(Exception):
    """The backend has no such feature."""


def scenario(function: Callable[[], None]) -> Callable[[], None]:
    """Register a function that raises where its name does not hold."""
    SCENARIOS[function.__name__] = function
    return function


def require_backend(name: str) -> None:
    """Skip a long scenario of code that knows no backend on all backends but one.

    Raises:
        NotApplicableError: Another one is at work.
    """
    if keras.backend.backend() != name:
        raise NotApplicableError(f"runs no code that differs between backends; see {name}")


@functools.cache
def epochs_by_draw(index: int) -> dict[int, int]:
    """What a record draws in each epoch, by numpy alone: key seed, counter 0, 2, epoch, index."""
    found = {}
    for epoch in range(NUM_EPOCHS):
        bits = np.random.Philox(key=SEED, counter=[0, 2, epoch, index])
        found[int(np.random.Generator(bits).integers(2**16))] = epoch
    assert len(found) == NUM_EPOCHS, "two epochs draw the same; choose another SEED"
    return found


def array_sequence(num_images: int = 12, **options: Any) -> augseq.ImageSequence:
    """Return a sequence of images in memory, in batches of 2."""
    x = np.zeros((num_images, 8, 8, 3), np.uint8)
    x[..., 0] = np.arange(num_images)[:, np.newaxis, np.newaxis]
    settings = {"batch_size": 2, "shuffle": True, "seed": SEED, "augment": [stamp], **options}
    return augseq.ImageSequence.from_arrays(x, np.arange(num_images), **settings)


def folder_sequence(folder: str, num_images: int = 12, **options: Any) -> augseq.ImageSequence:
    """Draw PNG files of two classes, and return a sequence of them in batches of 2."""
    for index in range(num_images):
        name = Path(folder, "ab"[index >= num_images // 3], f"{index:02}.png")
        name.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (index, 0, 0)).save(name)
    images = augseq.index_folder(folder, progress=False)
    settings = {"batch_size": 2, "shuffle": True, "seed": SEED, "augment": [stamp], **options}
    return augseq.ImageSequence(images, image_size=(8, 8), **settings)


@contextmanager
def temporary_folder() -> Iterator[str]:
    """Give a folder that goes away."""
    with tempfile.TemporaryDirectory() as folder:
        yield folder


class Diary(keras.callbacks.Callback):
    """Keeps what was trained, by Keras' epochs."""

    def __init__(self) -> None:
        super().__init__()
        self.by_epoch: dict[int, list[Trained]] = {}
        self.weights: list[list[float]] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.by_epoch[epoch] = []

    def note(self, data: Any) -> None:
        """Read identity and epoch from a batch."""
        x, _, weights = keras.utils.unpack_x_y_sample_weight(data)
        self.by_epoch[max(self.by_epoch)].append(read_images(keras.ops.convert_to_numpy(x)))
        if weights is not None:
            self.weights.append(keras.ops.convert_to_numpy(weights).tolist())


def read_images(images: np.ndarray) -> Trained:
    """Return index and epoch of each image; epoch -1 for one that was not augmented."""
    pixels = np.asarray(images)[:, 0, 0].astype(int)
    return [
        (int(i), epochs_by_draw(int(i))[int(a * 256 + b)] if a or b else -1) for i, a, b in pixels
    ]


class WatchedModel(keras.Model):
    """A small model that logs each batch in a diary and skips the training."""

    def __init__(self) -> None:
        super().__init__()
        self.diary = Diary()
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.dense = keras.layers.Dense(1)

    def call(self, images: Any) -> Any:
        return self.dense(self.pool(images))

    def train_step(self, *arguments: Any) -> Any:
        self.diary.note(arguments[-1])
        return self.test_step(*arguments)

    def test_step(self, *arguments: Any) -> Any:
        logs = {"loss": keras.ops.convert_to_tensor(0.0)}
        # JAX passes the state first, and expects it back.
        return logs if len(arguments) == 1 else (logs, arguments[0])


def new_model(*, built: bool = False, steps_per_execution: int = 1) -> WatchedModel:
    """Return a compiled model."""
    if steps_per_execution > 1 and keras.backend.backend() == "torch":
        raise NotApplicableError("Keras allows one step per execution on torch")
    model = WatchedModel()
    if built:
        model(np.zeros((1, 8, 8, 3), np.float32))
    model.compile(
        keras.optimizers.SGD(0.0),
        "mse",
        run_eagerly=True,
        steps_per_execution=steps_per_execution,
    )
    return model


def fit(
    sequence: augseq.ImageSequence,
    *,
    sync: bool = True,
    model: WatchedModel | None = None,
    callbacks: Sequence[Any] = (),
    **options: Any,
) -> dict[int, list[Trained]]:
    """Fit; return the trained batches by Keras' epochs."""
    model = model or new_model()
    model.diary = Diary()
    synced = [augseq.EpochSync(sequence)] if sync else []
    model.fit(sequence, verbose=0, callbacks=[*callbacks, *synced, model.diary], **options)
    return model.diary.by_epoch


@contextmanager
def noted() -> Iterator[list[str]]:
    """Collect the texts of all AugseqWarnings."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield texts
    texts += [str(w.message) for w in caught if issubclass(w.category, augseq.AugseqWarning)]


def plan_of(make: Callable[..., augseq.ImageSequence], epoch: int) -> list[Trained]:
    """Return what an epoch must train, by a sequence that never saw Keras."""
    twin = make(workers=0)
    twin.set_epoch(epoch)
    return [[(r.index, epoch) for r in twin.records(b)] for b in range(len(twin))]


def require_equal(found: Any, expected: Any, where: str = "") -> None:
    """Raise, with both sides, where they differ."""
    if found != expected:
        raise AssertionError(f"{where}\nfound    {found}\nexpected {expected}")


def require_epochs(
    trained: dict[int, list[Trained]],
    epochs: Sequence[int],
    *,
    shuffled: bool,
    where: str = "",
    make: Callable[..., augseq.ImageSequence] = array_sequence,
) -> None:
    """Require that Keras' epochs trained exactly the plans of the same epochs."""
    require_equal(list(trained), list(epochs), f"epochs, {where}")
    for epoch, batches in trained.items():
        plan = plan_of(make, epoch)
        if shuffled:
            batches, plan = sorted(batches), sorted(plan)
        require_equal(batches, plan, f"epoch {epoch}, {where}")


def require_passes(batches: list[Trained], *, length: int = 6) -> list[int]:
    """Require that each pass has each record once, all of one epoch; return the epochs."""
    epochs = []
    for start in range(0, len(batches), length):
        images = [image for batch in batches[start : start + length] for image in batch]
        indices = sorted(index for index, _ in images)
        whole = start + length <= len(batches)
        require_equal(len(set(indices)), len(indices), f"pass from step {start}: {images}")
        require_equal(whole and indices != list(range(2 * length)), False, f"{images}")
        require_equal(len({epoch for _, epoch in images}), 1, f"pass from step {start}: {images}")
        epochs.append(images[0][1])
    return epochs


def joined(trained: dict[int, list[Trained]]) -> list[Trained]:
    """Return the batches of all epochs in a row."""
    return [batch for batches in trained.values() for batch in batches]
