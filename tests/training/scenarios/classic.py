"""The data set that every Keras user has copied once, and what replaces it."""

import collections
import math
import os
import threading
from typing import Any

import keras
import numpy as np

import augseq

from .watch import require_backend, require_equal, scenario

BATCH_SIZE = 4
_READS: collections.Counter[tuple[int, str]] = collections.Counter()
_LOCK = threading.Lock()


class Classic(keras.utils.Sequence):
    """Slices of two arrays."""

    def __init__(self, x: np.ndarray, y: np.ndarray, batch_size: int) -> None:
        super().__init__()
        self.x, self.y = x, y
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        batch_x = self.x[index * self.batch_size : (index + 1) * self.batch_size]
        batch_y = self.y[index * self.batch_size : (index + 1) * self.batch_size]
        return batch_x, batch_y


def note_read(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Note which image is read, and by whom."""
    with _LOCK:
        _READS[int(image[0, 0, 0]), threading.current_thread().name] += 1
    threading.Event().wait(0.002)
    return image


class Received(keras.Model):
    """Keeps what it trains and what it is validated on."""

    def __init__(self) -> None:
        super().__init__()
        self.log = Log()
        self.dense = keras.layers.Dense(3)

    def call(self, images: Any) -> Any:
        return self.dense(keras.ops.mean(images, axis=(1, 2)))

    def train_step(self, *arguments: Any) -> Any:
        self.log.train.append(as_arrays(arguments[-1]))
        return super().train_step(*arguments)

    def test_step(self, *arguments: Any) -> Any:
        self.log.test.append(as_arrays(arguments[-1]))
        return super().test_step(*arguments)


class Log:
    """A plain object, so that Keras does not track the lists."""

    def __init__(self) -> None:
        self.train: list[list[np.ndarray]] = []
        self.test: list[list[np.ndarray]] = []


def as_arrays(data: Any) -> list[np.ndarray]:
    return [np.asarray(keras.ops.convert_to_numpy(part)) for part in data if part is not None]


def arrays(num_images: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(5).random((num_images, 8, 8, 3)).astype(np.float32)
    x[:, 0, 0, 0] = np.arange(num_images)
    return x, keras.utils.to_categorical(np.arange(num_images) % 3, 3)


def run(train: Any, validation: Any, *, shuffle: bool, initial_epoch: int = 1) -> Log:
    """Fit with every option that the classic example passes."""
    model = Received()
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(
        train,
        steps_per_epoch=len(train),
        validation_data=validation,
        validation_steps=len(validation),
        initial_epoch=initial_epoch,
        epochs=initial_epoch + 2,
        shuffle=shuffle,
        verbose=0,
    )
    return model.log


def require_same(found: list[list[np.ndarray]], expected: list[list[np.ndarray]]) -> None:
    require_equal(len(found), len(expected), "number of batches")
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        for a, b in zip(ours, theirs, strict=True):
            require_equal((a.shape, a.dtype), (b.shape, b.dtype), f"batch {number}")
            require_equal(a.tobytes(), b.tobytes(), f"batch {number}")


def ours(x: np.ndarray, y: np.ndarray, augment: Any = None) -> augseq.ImageSequence:
    return augseq.ImageSequence.from_arrays(
        x,
        y,
        batch_size=BATCH_SIZE,
        augment=augment,
        workers=max(2, os.cpu_count() or 2),
        max_queue_size=10,
    )


@scenario
def the_classic_sequence_and_ours_train_and_validate_bit_equal_batches() -> None:
    require_backend("jax")
    (x, y), (x_val, y_val) = arrays(22), arrays(9)
    expected = run(Classic(x, y, BATCH_SIZE), Classic(x_val, y_val, BATCH_SIZE), shuffle=False)
    found = run(ours(x, y), ours(x_val, y_val), shuffle=False)
    require_same(found.train, expected.train)
    require_same(found.test, expected.test)
    require_equal((len(found.train), len(found.test)), (2 * 6, 2 * 3))


@scenario
def each_image_is_read_once_an_epoch_by_several_threads() -> None:
    (x, y), (x_val, y_val) = arrays(44), arrays(9)
    for shuffle in (True, False):
        _READS.clear()
        # From epoch 0, since batches of it are made ahead before `fit` says where it begins.
        run(ours(x, y, [note_read]), ours(x_val, y_val), shuffle=shuffle, initial_epoch=0)
        counts: collections.Counter[int] = collections.Counter()
        for (index, _), count in _READS.items():
            counts[index] += count
        # What a build or TensorFlow's signature reads comes on top, with what was made ahead
        # of the epoch that never came.
        require_equal(set(counts), set(range(44)))
        require_equal(min(counts.values()), 2, f"shuffle={shuffle}: {counts}")
        extra = sum(counts.values()) - 2 * 44
        require_equal(extra <= 7 * BATCH_SIZE, True, f"{extra} extra reads, shuffle={shuffle}")
        workers = {name for _, name in _READS if name.startswith("augseq")}
        require_equal(len(workers) > 1, True, f"{workers}")
